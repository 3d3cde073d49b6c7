/*
 * http/server.h: a real server on a loop, a client that sends the input in pieces.
 *
 * The first byte says how the handler behaves, the second how the bytes are cut. Whatever comes:
 * each request is answered or told that its client is gone, exactly once, and when the client has
 * left nothing of the connection is left. With an orderly handler (bit 0 clear) the answers do not
 * depend on how the bytes came.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/must.h"
#include "http/server.h"

enum { BIG = 400 * 1024, TURNS = 60, OUT_MAX = 64 << 20 };

static struct worker worker;
static struct http_server *server;
static struct sockaddr_un address;
static socklen_t address_n;
static char big[BIG];

/* ---- The handler. ---- */

static struct {
    bool wild;     /* any behaviour, not only the orderly one */
    uint32_t dice; /* of the wild one */
    int open;      /* requests that are neither answered nor gone */
    unsigned requests;
    uint64_t body_n, body_sum;
    struct http_stream *waiting; /* to be answered from outside */
    bool paused;
} h;

static unsigned roll(unsigned sides)
{
    h.dice = h.dice * 1664525 + 1013904223;
    return (h.dice >> 16) % sides;
}

static void over(void)
{
    h.open--;
    h.waiting = NULL;
    must(h.open == 0);
}

static void answer(struct http_stream *s, int status)
{
    const struct http_field type = {S("Content-Type"), S("text/plain")};
    char text[256];
    int n = snprintf(text, sizeof text, "%.*s %.*s %llu %llu;", STR_FMT(s->request.method_name),
                     STR_FMT(str_head(s->request.path, 100)), (unsigned long long)h.body_n,
                     (unsigned long long)h.body_sum);
    over();
    if (h.wild && roll(16) == 0)
        http_reply(s, status, &type, 1, str_of(big, BIG));
    else
        http_reply(s, status, &type, 1, str_of(text, (size_t)n));
}

/* A step of an answer that takes its time. */
static void answer_step(struct http_stream *s)
{
    if (!http_reply_started(s)) {
        static const int64_t lengths[] = {HTTP_CHUNKED, 0, 5, BIG};
        http_reply_head(s, roll(8) ? 200 : 204, NULL, 0, lengths[roll(4)]);
        if (roll(2))
            http_reply_flush(s);
        return;
    }
    switch (roll(6)) {
    case 0: over(), http_reply_end(s); break;
    case 1: over(), http_reply_cut(s); break;
    case 2: http_close_after(s); break;
    case 3: http_release_request(s); break;
    case 4: (void)http_reply_body(s, str_of(big, BIG / 3)); break;
    default: (void)http_reply_body(s, S("data: x\n\n")); break;
    }
}

static void on_request(struct http_stream *s)
{
    must(h.open == 0 && s->app == NULL && s->request.path.n);
    h.open++;
    h.requests++;
    h.body_n = h.body_sum = 0;
    h.paused = false;
    s->app = &h;
    if (h.wild && roll(4) == 0)
        answer(s, 200);
    else if (h.requests % 2)
        http_body_whole(s);
    else
        http_body_stream(s);
}

static void on_body(struct http_stream *s, str bytes, bool last)
{
    must(s->app == &h && h.open == 1);
    h.body_n += bytes.n;
    for (size_t i = 0; i < bytes.n; i++)
        h.body_sum = h.body_sum * 31 + (unsigned char)bytes.p[i];
    if (!h.wild) {
        if (last)
            answer(s, 200);
        return;
    }
    if (last && roll(4) == 0)
        http_release_request(s);
    if (last ? roll(2) : roll(8) == 0)
        answer(s, 200);
    else if (last)
        h.waiting = s;
    else if (roll(2)) {
        http_body_pause(s);
        h.waiting = s;
        h.paused = true;
    }
}

static void on_failed(struct http_stream *s, const struct fail *f)
{
    must(f->code);
    if (!s->app)
        h.open++;
    s->app = &h;
    must(h.open == 1);
    h.body_n = h.body_sum = 0;
    if (!http_reply_started(s)) {
        answer(s, err_info(f->code)->status);
        return;
    }
    over();
    http_reply_cut(s);
}

static void on_drained(struct http_stream *s)
{
    must(s->app == &h);
}

static void on_gone(struct http_stream *s)
{
    must(s->app == &h);
    over();
}

static const struct http_handler handler = {on_request, on_body, on_failed, on_drained, on_gone};

static void begin(void)
{
    static const struct http_server_options options = {
        .header_bytes = 2048,
        .body_bytes = 4096,
        .header_count = 16,
        .connections = 8,
    };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    must(bind(fd, (struct sockaddr *)&any, sizeof any.sun_family) == 0); /* a name of its own */
    must(listen(fd, 8) == 0);
    address_n = sizeof address;
    must(getsockname(fd, (struct sockaddr *)&address, &address_n) == 0);
    memset(big, 'x', sizeof big);
    worker_init(&worker, 0);
    server = http_server_new(&worker, fd, &handler, NULL, &options);
}

/* ---- The client. ---- */

static void turn(void)
{
    uv_run(&worker.loop, UV_RUN_NOWAIT);
    if (!h.waiting || !h.wild || roll(2))
        return;
    if (h.paused) {
        struct http_stream *s = h.waiting;
        h.paused = false;
        h.waiting = NULL;
        http_body_resume(s);
    } else {
        answer_step(h.waiting);
    }
}

/* Reads what is there; false at the end. */
static bool hear(int fd, struct buf *out)
{
    static char bytes[65536];
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0)
            buf_put(out, str_of(bytes, (size_t)n));
        else
            return n < 0 && errno == EAGAIN;
    }
}

static void say(int fd, str bytes, struct buf *out)
{
    for (int i = 0; bytes.n && i < TURNS; i++) {
        ssize_t put = send(fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN)
            return;
        bytes = str_from(bytes, put > 0 ? (size_t)put : 0);
        turn();
        if (!h.wild || roll(4))
            (void)hear(fd, out);
    }
}

/* Whether the server closed the connection. */
static bool run(str text, size_t first, size_t step, uint8_t how, struct buf *out)
{
    bool open = true;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&h, 0, sizeof h);
    h.wild = how & 1;
    h.dice = how;
    must(connect(fd, (struct sockaddr *)&address, address_n) == 0);
    for (size_t at = 0, n = first ? first : step; at < text.n; at += n, n = step) {
        n = n < text.n - at ? n : text.n - at;
        say(fd, str_of(text.p + at, n), out);
    }
    if (h.wild && roll(3) == 0)
        (void)shutdown(fd, SHUT_WR);
    for (int i = 0; i < TURNS && open; i++) {
        turn();
        open = hear(fd, out);
    }
    close(fd);
    for (int i = 0; http_server_connections(server); i++) {
        must(i < 1000);
        turn();
    }
    uv_run(&worker.loop, UV_RUN_NOWAIT); /* its memory goes one turn later */
    must(h.open == 0);
    return !open;
}

/* ---- What was answered. ---- */

/* The answers without their dates and without 100 Continue, which depends on what came when. The
 * connection is closed if the last one says so, and only then. */
static void normalize(struct buf *b, bool closed)
{
    struct buf clean;
    bool said = false;
    buf_init(&clean, OUT_MAX);
    str rest = buf_str(b);
    while (rest.n) {
        if (str_starts(rest, S("HTTP/1.1 100 Continue\r\n\r\n"))) {
            rest = str_from(rest, 25);
            continue;
        }
        size_t end = str_find(rest, S("\r\n\r\n"));
        size_t date = str_find(str_head(rest, end), S("\r\nDate: "));
        size_t n = str_find(str_head(rest, end), S("\r\nContent-Length: "));
        must(end < rest.n && n < end && date < end && str_starts(rest, S("HTTP/1.1 ")));
        str head = str_head(rest, end + 2);
        must(!said);
        said = str_find(head, S("\r\nConnection: close\r\n")) < head.n;
        size_t length = (size_t)strtoul(rest.p + n + 18, NULL, 10);
        buf_put(&clean, str_head(rest, date));
        buf_put(&clean, str_from(str_head(rest, end + 4), n));
        rest = str_from(rest, end + 4);
        /* An answer to HEAD says its length and has nothing. */
        if (str_starts(rest, S("HTTP/1.1 ")) || rest.n == 0)
            continue;
        must(length <= rest.n);
        buf_put(&clean, str_head(rest, length));
        rest = str_from(rest, length);
    }
    must(said == closed);
    buf_fini(b);
    *b = clean;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!server)
        begin();
    if (size < 2)
        return 0;
    struct buf whole, cut;
    str text = str_head(str_of((const char *)data + 2, size - 2), 12000);
    size_t step = data[1] % 16 ? data[1] % 16 * 5 : text.n / 2 + 1;
    buf_init(&whole, OUT_MAX);
    buf_init(&cut, OUT_MAX);
    bool closed = run(text, data[1] / 16, step, data[0], &cut);
    if (!(data[0] & 1)) {
        unsigned requests = h.requests;
        normalize(&cut, closed);
        normalize(&whole, run(text, 0, text.n, data[0], &whole));
        must(h.requests == requests);
        must(str_eq(buf_str(&whole), buf_str(&cut)));
    }
    buf_fini(&whole);
    buf_fini(&cut);
    return 0;
}

/* http/server.h on a real loop, towards clients that do as a test says. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/server.h"

/* ---- The server under test, and a handler that notes what it is told. ---- */

enum body_wish { WISH_NONE, WISH_WHOLE, WISH_STREAM };

struct bench {
    struct worker worker;
    struct http_server *server;
    struct http_server_options options;
    struct sockaddr_in address;
    int port_fd;

    /* what the handler does */
    enum body_wish wish;
    bool reply_at_head; /* without waiting for the body */
    bool reply_at_end;  /* of the body */
    bool release;       /* the request, once the body is there */
    bool early;         /* the reply comes with the first piece of the body */
    bool pause_each;    /* pause after each piece */
    int status;
    const char *reply; /* NULL: an echo of method, path and body */

    /* what it was told */
    struct http_stream *s; /* the newest */
    unsigned requests, bodies, lasts, fails, drains, gones, dones;
    enum err err;
    struct buf got; /* body bytes */
    uint64_t bytes_in;
    char path[64];
};

static void bench_reply(struct bench *b, struct http_stream *s)
{
    static char text[512];
    const struct http_field type = {S("Content-Type"), S("text/plain")};
    if (b->reply) {
        http_reply(s, b->status, &type, 1, str_c(b->reply));
        return;
    }
    int n = snprintf(text, sizeof text, "%.*s %.*s %.*s", STR_FMT(s->request.method_name),
                     STR_FMT(s->request.path), STR_FMT(str_head(buf_str(&b->got), 300)));
    http_reply(s, b->status, &type, 1, str_of(text, (size_t)n));
}

static void on_request(struct http_stream *s)
{
    struct bench *b = s->user;
    b->requests++;
    b->s = s;
    s->app = b;
    snprintf(b->path, sizeof b->path, "%.*s", STR_FMT(s->request.path));
    buf_clear(&b->got);
    if (b->reply_at_head) {
        bench_reply(b, s);
        return;
    }
    if (b->wish == WISH_WHOLE)
        http_body_whole(s);
    else if (b->wish == WISH_STREAM)
        http_body_stream(s);
}

static void on_body(struct http_stream *s, str bytes, bool last)
{
    struct bench *b = s->user;
    assert_ptr_equal(s->app, b);
    b->bodies++;
    b->lasts += last;
    b->bytes_in = s->bytes_in;
    buf_put(&b->got, bytes);
    if (b->release && last)
        http_release_request(s);
    if ((last && b->reply_at_end) || b->early)
        bench_reply(b, s);
    else if (b->pause_each && !last)
        http_body_pause(s);
}

static void on_failed(struct http_stream *s, const struct fail *f)
{
    struct bench *b = s->user;
    b->fails++;
    b->s = s;
    b->err = f->code;
    s->app = b;
    if (http_reply_started(s))
        http_reply_cut(s);
    else
        http_reply(s, err_info(f->code)->status, NULL, 0, S("no"));
}

static void on_drained(struct http_stream *s)
{
    ((struct bench *)s->user)->drains++;
}

static void on_gone(struct http_stream *s)
{
    struct bench *b = s->user;
    assert_ptr_equal(s->app, b);
    b->gones++;
    b->s = NULL;
}

static const struct http_handler handler = {on_request, on_body, on_failed, on_drained, on_gone};

static void on_done(void *arg)
{
    ((struct bench *)arg)->dones++;
}

static void bench_listen(struct bench *b)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), small = 16384;
    socklen_t n = sizeof b->address;
    b->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    /* Small, so that a client that does not read is felt soon. Accepted sockets inherit it. */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(bind(fd, (struct sockaddr *)&b->address, sizeof b->address), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&b->address, &n), 0);
    b->server = http_server_new(&b->worker, fd, &handler, b, &b->options);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    *state = b;
    b->status = 200;
    b->wish = WISH_WHOLE;
    b->reply_at_end = true;
    b->options = (struct http_server_options){
        .header_bytes = 4096,
        .body_bytes = 1 << 20,
        .header_count = 20,
        .connections = 100,
        .header_ms = 5000,
        .body_ms = 5000,
        .idle_ms = 5000,
        .write_ms = 5000,
        .headers = S("X-Common: yes\r\n"),
    };
    buf_init(&b->got, 64 << 20);
    worker_init(&b->worker, 0);
    bench_listen(b);
    return 0;
}

static void turn(struct bench *b)
{
    uv_run(&b->worker.loop, UV_RUN_NOWAIT);
}

static int teardown(void **state)
{
    struct bench *b = *state;
    if (!b->dones) {
        http_server_drain(b->server, on_done, b);
        http_server_cut(b->server);
        assert_int_equal(b->dones, 1);
    }
    turn(b);
    assert_int_equal(http_server_connections(b->server), 0);
    http_server_free(b->server);
    for (int i = 0; i < 5; i++)
        turn(b);
    worker_fini(&b->worker); /* aborts when a handle is left */
    buf_fini(&b->got);
    free(b);
    return 0;
}

/* ---- Clients. ---- */

struct client {
    struct bench *b;
    int fd;
    struct buf in;
    bool eof, reset;
};

static void client_open(struct client *c, struct bench *b)
{
    int small = 16384;
    *c = (struct client){.b = b};
    buf_init(&c->in, 64 << 20);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&b->address, sizeof b->address), 0);
}

static void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    buf_fini(&c->in);
}

/* Reads what is there. */
static void client_read(struct client *c)
{
    char bytes[65536];
    for (;;) {
        ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0) {
            buf_put(&c->in, str_of(bytes, (size_t)n));
            continue;
        }
        c->eof |= n == 0;
        c->reset |= n < 0 && errno != EAGAIN;
        return;
    }
}

/* One turn of the loop, and a look at what came. */
static void step(struct bench *b, struct client *c, uint64_t until, int line, const char *what)
{
    turn(b);
    if (c)
        client_read(c);
    if (clock_ns() > until)
        fail_msg("line %d: %s does not come; there is: %.*s", line, what,
                 STR_FMT(str_head(c ? buf_str(&c->in) : S(""), 2000)));
}

/* Turns until cond holds; a test that would wait longer than that has failed. */
#define wait_for(b, c, cond)                                   \
    for (uint64_t until_ = clock_ns() + 5000000000u; !(cond);) \
    step((b), (c), until_, __LINE__, #cond)

static void settle(struct bench *b)
{
    for (int i = 0; i < 20; i++)
        turn(b);
}

/* Sends all of it, turning the server's loop where the socket is full. */
static void say_n(struct client *c, const char *p, size_t n)
{
    uint64_t until = clock_ns() + 5000000000u;
    while (n) {
        ssize_t put = send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0) {
            assert_int_equal(errno, EAGAIN);
            assert_true(clock_ns() < until);
            turn(c->b);
            continue;
        }
        p += put;
        n -= (size_t)put;
    }
}

static void say(struct client *c, const char *text)
{
    say_n(c, text, strlen(text));
}

static bool has(const struct client *c, const char *text)
{
    return str_find(buf_str(&c->in), str_c(text)) < c->in.n;
}

static size_t count(str s, const char *what)
{
    size_t n = 0;
    for (;;) {
        size_t at = str_find(s, str_c(what));
        if (at >= s.n)
            return n;
        n++;
        s = str_from(s, at + 1);
    }
}

static void ends(const struct client *c, const char *text)
{
    if (!str_ends(buf_str(&c->in), str_c(text)))
        fail_msg("%.*s\ndoes not end in %s", STR_FMT(buf_str(&c->in)), text);
}

static void begins(const struct client *c, const char *text)
{
    if (!str_starts(buf_str(&c->in), str_c(text)))
        fail_msg("%.*s\ndoes not begin with %s", STR_FMT(buf_str(&c->in)), text);
}

#define GET  "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST "POST /p HTTP/1.1\r\nHost: x\r\n"

/* ---- Requests and replies. ---- */

static void test_reply_head(void **state)
{
    struct bench *b = *state;
    struct client c;
    client_open(&c, b);
    say(&c, GET);
    wait_for(b, &c, has(&c, "GET /a "));
    assert_true(str_starts(buf_str(&c.in), S("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                             "X-Common: yes\r\nDate: ")));
    assert_true(has(&c, " GMT\r\nContent-Length: 7\r\n\r\n"));
    assert_false(has(&c, "Connection:"));
    assert_string_equal(b->s->peer, "127.0.0.1");
    assert_int_equal(b->lasts, 1); /* of an empty body too */
    assert_int_equal(http_server_connections(b->server), 1);
    client_close(&c);
    wait_for(b, NULL, http_server_connections(b->server) == 0);
    assert_int_equal(b->gones, 0); /* it had its answer */
}

static void test_keep_alive(void **state)
{
    struct bench *b = *state;
    struct client c;
    client_open(&c, b);
    for (int i = 0; i < 5; i++) {
        buf_clear(&c.in);
        say(&c, "\r\n" POST "Content-Length: 3\r\n\r\nabc"); /* RFC 9112 2.2: empty lines */
        wait_for(b, &c, has(&c, "POST /p abc"));
        assert_int_equal(b->bytes_in, 3);
        assert_int_equal(b->s->bytes_out, 11);
    }
    assert_int_equal(b->requests, 5);
    buf_clear(&c.in);
    say(&c, "GET /z HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    wait_for(b, &c, c.eof);
    assert_true(has(&c, "Connection: close\r\n"));
    ends(&c, "GET /z ");
    client_close(&c);
}

static void test_any_split(void **state)
{
    struct bench *b = *state;
    static const char text[] =
        POST "Content-Length: 5\r\n\r\nhelloGET /second HTTP/1.1\r\n"
             "Host: x\r\n\r\n" POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n"
             "0\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\n\r\n";
    size_t n = sizeof text - 1;
    for (size_t cut = 1; cut < n; cut++) {
        struct client c;
        b->requests = b->lasts = 0;
        b->wish = cut % 2 ? WISH_WHOLE : WISH_STREAM;
        client_open(&c, b);
        say_n(&c, text, cut);
        settle(b);
        say_n(&c, text + cut, n - cut);
        wait_for(b, &c, has(&c, "GET /last "));
        assert_int_equal(b->requests, 4);
        assert_int_equal(b->lasts, 4);
        assert_true(has(&c, "POST /p hello") && has(&c, "GET /second ") &&
                    has(&c, "POST /p abcde"));
        client_close(&c);
    }
}

static void test_byte_by_byte(void **state)
{
    struct bench *b = *state;
    struct client c;
    static const char text[] = POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET;
    client_open(&c, b);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        say_n(&c, text + i, 1);
        turn(b);
    }
    wait_for(b, &c, has(&c, "GET /a "));
    assert_true(has(&c, "POST /p abc"));
    client_close(&c);
}

/* Requests that come together are answered in their order, one at a time. */
static void test_pipelining(void **state)
{
    struct bench *b = *state;
    struct client c;
    char text[4000];
    size_t n = 0;
    for (int i = 0; i < 40; i++)
        n += (size_t)sprintf(text + n, "GET /%02d HTTP/1.1\r\nHost: x\r\n\r\n", i);
    client_open(&c, b);
    say_n(&c, text, n);
    wait_for(b, &c, has(&c, "GET /39 "));
    size_t at = 0;
    for (int i = 0; i < 40; i++) {
        char want[32];
        sprintf(want, "GET /%02d ", i);
        size_t here = str_find(buf_str(&c.in), str_c(want));
        assert_true(here >= at && here < c.in.n);
        at = here;
    }
    client_close(&c);
}

/* The second waits, however long the first takes. */
static void test_pipelined_waits(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->reply_at_end = false;
    client_open(&c, b);
    say(&c, GET GET);
    wait_for(b, &c, b->requests == 1);
    settle(b);
    assert_int_equal(b->requests, 1);
    http_reply(b->s, 200, NULL, 0, S("one"));
    wait_for(b, &c, b->requests == 2);
    http_reply(b->s, 200, NULL, 0, S("two"));
    wait_for(b, &c, has(&c, "two"));
    assert_true(has(&c, "one"));
    client_close(&c);
}

static void test_head_and_no_content(void **state)
{
    struct bench *b = *state;
    struct client c;
    client_open(&c, b);
    b->reply = "hello";
    say(&c, "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(b, &c, has(&c, "\r\n\r\n"));
    assert_true(has(&c, "Content-Length: 5\r\n"));
    ends(&c, "\r\n\r\n");
    buf_clear(&c.in);
    b->reply_at_end = false;
    say(&c, "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(b, &c, b->requests == 2);
    http_reply_head(b->s, 200, NULL, 0, HTTP_CHUNKED);
    assert_true(http_reply_body(b->s, S("not for you")));
    http_reply_end(b->s);
    wait_for(b, &c, has(&c, "\r\n\r\n"));
    assert_true(has(&c, "Transfer-Encoding: chunked\r\n"));
    ends(&c, "\r\n\r\n");
    buf_clear(&c.in);
    say(&c, GET);
    wait_for(b, &c, b->requests == 3);
    http_reply_head(b->s, 204, NULL, 0, 0);
    http_reply_end(b->s);
    wait_for(b, &c, has(&c, "\r\n\r\n"));
    begins(&c, "HTTP/1.1 204 No Content\r\n");
    assert_false(has(&c, "Content-Length") || has(&c, "Transfer-Encoding"));
    buf_clear(&c.in);
    b->reply_at_end = true;
    say(&c, GET); /* and the connection is in step */
    wait_for(b, &c, has(&c, "hello"));
    client_close(&c);
}

static void test_http10(void **state)
{
    struct bench *b = *state;
    struct client c;
    client_open(&c, b);
    say(&c, "GET /a HTTP/1.0\r\n\r\n");
    wait_for(b, &c, c.eof);
    ends(&c, "GET /a ");
    assert_true(has(&c, "Connection: close\r\n"));
    client_close(&c);
    client_open(&c, b);
    say(&c, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    wait_for(b, &c, has(&c, "GET /a "));
    assert_true(has(&c, "Connection: keep-alive\r\n"));
    /* Of unknown length: until the close, and no chunks. */
    b->reply_at_end = false;
    buf_clear(&c.in);
    say(&c, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    wait_for(b, &c, b->requests == 3);
    http_reply_head(b->s, 200, NULL, 0, HTTP_CHUNKED);
    http_reply_body(b->s, S("one,"));
    http_reply_body(b->s, S("two"));
    http_reply_end(b->s);
    wait_for(b, &c, c.eof);
    assert_true(has(&c, "Connection: close\r\n") && !has(&c, "Transfer-Encoding"));
    ends(&c, "\r\n\r\none,two");
    client_close(&c);
}

static void test_chunked_reply(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->reply_at_end = false;
    client_open(&c, b);
    say(&c, GET);
    wait_for(b, &c, b->requests == 1);
    assert_false(http_reply_started(b->s));
    http_reply_head(b->s, 201, NULL, 0, HTTP_CHUNKED);
    assert_true(http_reply_started(b->s));
    settle(b);
    client_read(&c);
    assert_int_equal(c.in.n, 0); /* nothing goes out before there is a reason */
    http_reply_flush(b->s);
    wait_for(b, &c, c.in.n > 0);
    ends(&c, "\r\n\r\n");
    buf_clear(&c.in);
    assert_true(http_reply_body(b->s, S("0123456789abcdef")));
    assert_true(http_reply_body(b->s, S("")));
    assert_true(http_reply_body(b->s, S("x")));
    http_reply_end(b->s);
    wait_for(b, &c, has(&c, "0\r\n\r\n"));
    assert_true(str_eq(buf_str(&c.in), S("10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\n\r\n")));
    client_close(&c);
}

/* A reply never has more than it promised, and one with less ends the connection. */
static void test_promised_length(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->reply_at_end = false;
    client_open(&c, b);
    say(&c, GET);
    wait_for(b, &c, b->requests == 1);
    http_reply_head(b->s, 200, NULL, 0, 4);
    http_reply_body(b->s, S("abcdef"));
    http_reply_end(b->s);
    wait_for(b, &c, has(&c, "abcd"));
    ends(&c, "abcd");
    say(&c, GET);
    wait_for(b, &c, b->requests == 2);
    http_reply_head(b->s, 200, NULL, 0, 100);
    http_reply_body(b->s, S("short"));
    http_reply_end(b->s);
    wait_for(b, &c, c.eof);
    ends(&c, "short");
    client_close(&c);
}

static void test_cut(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->reply_at_end = false;
    client_open(&c, b);
    say(&c, GET);
    wait_for(b, &c, b->requests == 1);
    http_reply_head(b->s, 200, NULL, 0, HTTP_CHUNKED);
    http_reply_body(b->s, S("abc"));
    http_reply_cut(b->s);
    wait_for(b, &c, c.eof || c.reset);
    ends(&c, "3\r\nabc\r\n"); /* no last chunk */
    client_close(&c);
    client_open(&c, b);
    say(&c, GET);
    wait_for(b, &c, b->requests == 2);
    http_reply_head(b->s, 200, NULL, 0, 10);
    http_reply_body(b->s, S("abc"));
    http_reply_cut(b->s);
    wait_for(b, &c, c.eof || c.reset);
    ends(&c, "\r\n\r\nabc");
    client_close(&c);
}

/* Where only the close tells the end, a cut must not look like one. */
static void test_cut_http10(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->reply_at_end = false;
    client_open(&c, b);
    say(&c, "GET /a HTTP/1.0\r\n\r\n");
    wait_for(b, &c, b->requests == 1);
    http_reply_head(b->s, 200, NULL, 0, HTTP_CHUNKED);
    http_reply_body(b->s, S("abc"));
    wait_for(b, &c, has(&c, "abc"));
    http_reply_cut(b->s);
    wait_for(b, &c, c.eof || c.reset);
    assert_true(c.reset);
    client_close(&c);
}

/* ---- Request bodies. ---- */

static void fill(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)('a' + i % 23);
}

static char big[1 << 20];

static void test_large_bodies(void **state)
{
    struct bench *b = *state;
    char head[200];
    fill(big, sizeof big);
    for (int wish = WISH_WHOLE; wish <= WISH_STREAM; wish++) {
        for (int chunked = 0; chunked < 2; chunked++) {
            struct client c;
            b->wish = wish;
            client_open(&c, b);
            sprintf(head, POST "%s: %s\r\n\r\n", chunked ? "Transfer-Encoding" : "Content-Length",
                    chunked ? "chunked" : "1048576");
            say(&c, head);
            if (chunked)
                say(&c, "100000\r\n");
            say_n(&c, big, sizeof big);
            if (chunked)
                say(&c, "\r\n0\r\n\r\n");
            wait_for(b, &c, has(&c, "POST /p "));
            assert_int_equal(b->got.n, sizeof big);
            assert_memory_equal(b->got.p, big, sizeof big);
            assert_int_equal(b->bytes_in, sizeof big);
            client_close(&c);
        }
    }
    assert_int_equal(b->fails, 0);
}

static void test_too_large(void **state)
{
    struct bench *b = *state;
    struct client c;
    for (int wish = WISH_WHOLE; wish <= WISH_STREAM; wish++) {
        b->wish = wish;
        b->err = OK;
        client_open(&c, b);
        say(&c, POST "Content-Length: 1048577\r\n\r\n"); /* refused before it is sent */
        wait_for(b, &c, c.eof);
        assert_int_equal(b->err, ERR_TOO_LARGE);
        begins(&c, "HTTP/1.1 413 ");
        assert_true(has(&c, "Connection: close\r\n"));
        client_close(&c);
        b->err = OK;
        client_open(&c, b);
        say(&c, POST "Transfer-Encoding: chunked\r\n\r\n100001\r\n");
        for (int i = 0; i < 16 && !c.eof; i++) {
            say_n(&c, big, 65536);
            settle(b);
        }
        say(&c, "x");
        wait_for(b, &c, has(&c, "no"));
        assert_int_equal(b->err, ERR_TOO_LARGE);
        client_close(&c);
    }
}

static void test_bad_chunks(void **state)
{
    struct bench *b = *state;
    struct client c;
    client_open(&c, b);
    say(&c, POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n" GET);
    wait_for(b, &c, c.eof);
    assert_int_equal(b->err, ERR_BAD_HTTP);
    assert_int_equal(b->fails, 1);
    assert_int_equal(b->requests, 1); /* what follows is not read as a request */
    assert_int_equal(count(buf_str(&c.in), "HTTP/1.1"), 1);
    client_close(&c);
}

static void test_expect_continue(void **state)
{
    struct bench *b = *state;
    struct client c;
    client_open(&c, b);
    say(&c, POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    wait_for(b, &c, has(&c, "\r\n\r\n"));
    assert_true(str_eq(buf_str(&c.in), S("HTTP/1.1 100 Continue\r\n\r\n")));
    say(&c, "abc");
    wait_for(b, &c, has(&c, "POST /p abc"));
    buf_clear(&c.in);
    /* It did not wait: then it need not be told. */
    say(&c, POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
    wait_for(b, &c, has(&c, "POST /p abc"));
    assert_false(has(&c, "100 Continue"));
    buf_clear(&c.in);
    b->reply_at_head = true; /* refused without the body */
    say(&c, POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    wait_for(b, &c, c.eof);
    assert_false(has(&c, "100 Continue"));
    client_close(&c);
}

static void test_pause_and_resume(void **state)
{
    struct bench *b = *state;
    struct client c;
    size_t sent = 0;
    b->wish = WISH_STREAM;
    b->pause_each = true;
    client_open(&c, b);
    say(&c, POST "Content-Length: 1048576\r\n\r\n");
    wait_for(b, &c, b->requests == 1);
    fill(big, sizeof big);
    for (int i = 0; i < 200; i++) {
        ssize_t put = send(c.fd, big + sent, sizeof big - sent, MSG_DONTWAIT);
        sent += put > 0 ? (size_t)put : 0;
        turn(b);
    }
    assert_int_equal(b->bodies, 1); /* one piece, then silence: the client is held back */
    assert_true(sent < sizeof big);
    unsigned pieces = 1;
    for (int i = 0; i < 100000 && !b->lasts; i++) {
        ssize_t put = send(c.fd, big + sent, sizeof big - sent, MSG_DONTWAIT);
        sent += put > 0 ? (size_t)put : 0;
        unsigned before = b->bodies;
        http_body_resume(b->s);
        turn(b);
        assert_in_range(b->bodies - before, 0, 1);
        pieces += b->bodies - before;
    }
    assert_int_equal(b->lasts, 1);
    assert_int_equal(pieces, b->bodies);
    assert_int_equal(b->got.n, sizeof big);
    assert_memory_equal(b->got.p, big, sizeof big);
    wait_for(b, &c, has(&c, "POST /p "));
    client_close(&c);
}

/* An answer before the body is there: a small rest is skipped, a large one ends the connection. */
static void test_early_reply(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->reply_at_head = true;
    client_open(&c, b);
    say(&c, POST "Content-Length: 3\r\n\r\nabc" GET);
    wait_for(b, &c, has(&c, "GET /a "));
    assert_true(has(&c, "POST /p "));
    buf_clear(&c.in);
    say(&c, POST "Content-Length: 100000\r\n\r\nabc");
    wait_for(b, &c, c.eof);
    assert_true(has(&c, "POST /p "));
    assert_false(c.reset);
    /* It may go on sending for a while, and still reads its answer. */
    say_n(&c, big, 90000);
    settle(b);
    client_close(&c);
    b->reply_at_head = false;
    b->wish = WISH_STREAM;
    b->early = true;
    for (int chunked = 0; chunked < 2; chunked++) {
        client_open(&c, b);
        say(&c, chunked ? POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\n"
                        : POST "Content-Length: 7\r\n\r\nabc");
        wait_for(b, &c, c.eof);
        ends(&c, "POST /p abc");
        client_close(&c);
    }
}

/* Who neither reads the answer nor stops sending must not fill our memory. */
static void test_early_reply_not_read(void **state)
{
    struct bench *b = *state;
    struct client c;
    for (int mode = 0; mode < 3; mode++) {
        char *reply = malloc(4 << 20);
        memset(reply, 'x', 4 << 20);
        reply[(4 << 20) - 1] = 0;
        b->reply = reply;
        b->reply_at_head = mode == 0;
        b->early = mode > 0;
        b->wish = WISH_STREAM;
        b->options.write_ms = 60;
        http_server_set_options(b->server, &b->options);
        client_open(&c, b);
        say(&c, mode == 1 ? POST "Content-Length: 999999\r\n\r\nabc"
                          : POST "Transfer-Encoding: chunked\r\n\r\nfffff\r\nabc");
        uint64_t until = clock_ns() + 2000000000u;
        size_t sent = 0;
        bool gone = false;
        while (!gone && clock_ns() < until) {
            ssize_t put =
                send(c.fd, big, 999000 - sent < 4096 ? 0 : 4096, MSG_DONTWAIT | MSG_NOSIGNAL);
            sent += put > 0 ? (size_t)put : 0;
            gone = put < 0 && errno != EAGAIN;
            turn(b);
            gone |= b->requests && http_server_connections(b->server) == 0;
        }
        if (!gone || sent > 512 * 1024)
            fail_msg("mode %d: %s after %zu bytes", mode, gone ? "gone" : "still there", sent);
        client_close(&c);
        wait_for(b, NULL, http_server_connections(b->server) == 0);
        b->requests = 0;
        free(reply);
    }
}

/* ---- Slow readers. ---- */

static void test_backpressure(void **state)
{
    struct bench *b = *state;
    struct client c;
    size_t put = 0, in_step = 0;
    b->reply_at_end = false;
    client_open(&c, b);
    say(&c, GET);
    wait_for(b, NULL, b->requests == 1);
    fill(big, sizeof big);
    http_reply_head(b->s, 200, NULL, 0, sizeof big);
    while (put < sizeof big) {
        size_t n = sizeof big - put < 10000 ? sizeof big - put : 10000;
        bool room = http_reply_body(b->s, str_of(big + put, n));
        put += n;
        if (room)
            continue;
        settle(b);
        assert_int_equal(b->drains, in_step); /* it does not read: no drain */
        in_step++;
        wait_for(b, &c, b->drains == in_step);
    }
    assert_true(in_step > 3);
    http_reply_end(b->s);
    size_t head = 0;
    wait_for(b, &c,
             (head = str_find(buf_str(&c.in), S("\r\n\r\n")) + 4) < c.in.n &&
                 c.in.n - head == sizeof big);
    assert_memory_equal(c.in.p + head, big, sizeof big);
    buf_clear(&c.in);
    b->reply_at_end = true;
    say(&c, GET);
    wait_for(b, &c, has(&c, "GET /a "));
    client_close(&c);
}

/* All at once: what the socket does not take waits, and the next request with it. */
static void test_large_reply_then_next(void **state)
{
    struct bench *b = *state;
    struct client c;
    char *text = malloc(3 << 20);
    fill(text, 3 << 20);
    text[(3 << 20) - 1] = 0;
    b->reply = text;
    client_open(&c, b);
    say(&c, GET);
    wait_for(b, NULL, b->requests == 1);
    say(&c, GET);
    settle(b);
    assert_int_equal(b->requests, 1);
    wait_for(b, &c, c.in.n > 2 * ((3u << 20) - 1) + 200 && b->requests == 2);
    assert_int_equal(count(buf_str(&c.in), "HTTP/1.1 200 OK"), 2);
    assert_memory_equal(c.in.p + c.in.n - 1000, text + (3 << 20) - 1001, 1000);
    free(text);
    client_close(&c);
}

static void test_never_reads(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->options.write_ms = 100;
    http_server_set_options(b->server, &b->options);
    b->reply_at_end = false;
    client_open(&c, b);
    say(&c, GET);
    wait_for(b, NULL, b->requests == 1);
    http_reply_head(b->s, 200, NULL, 0, HTTP_CHUNKED);
    while (http_reply_body(b->s, str_of(big, 60000)))
        turn(b);
    /* Words that come now and then (heartbeats) do not make it a reader. */
    uint64_t until = clock_ns() + 600000000u;
    while (!b->gones && clock_ns() < until) {
        http_reply_body(b->s, S(": heartbeat\n\n"));
        usleep(5000);
        turn(b);
    }
    assert_int_equal(b->gones, 1);
    client_close(&c);
}

/* It sends its last request, says that it will send no more, and reads: netcat does. */
static void test_half_closed_reader(void **state)
{
    struct bench *b = *state;
    struct client c;
    char *text = malloc(3 << 20);
    fill(text, 3 << 20);
    text[(3 << 20) - 1] = 0;
    b->reply = text;
    client_open(&c, b);
    say(&c, GET);
    wait_for(b, NULL, b->requests == 1);
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    settle(b);
    wait_for(b, &c, c.eof || c.reset);
    assert_true(c.eof && c.in.n > (3 << 20) - 1);
    free(text);
    client_close(&c);
}

/* ---- Clients that leave. ---- */

static void test_gone(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->reply_at_end = false;
    for (unsigned i = 1; i <= 4; i++) {
        client_open(&c, b);
        say(&c, i == 4 ? POST "Content-Length: 10\r\n\r\nabc" : GET);
        wait_for(b, &c, b->requests == i);
        if (i == 2) {
            http_reply_head(b->s, 200, NULL, 0, HTTP_CHUNKED);
            http_reply_body(b->s, S("begun"));
        }
        if (i == 3)
            http_release_request(b->s);
        struct http_stream *s = b->s;
        client_close(&c);
        wait_for(b, NULL, b->gones == i);
        assert_int_equal(http_server_connections(b->server), 0);
        (void)s;
    }
    assert_int_equal(b->fails, 0);
    settle(b);
    assert_int_equal(b->gones, 4); /* told once */
}

static void test_gone_while_paused(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->wish = WISH_STREAM;
    b->pause_each = true;
    client_open(&c, b);
    say(&c, POST "Content-Length: 100000\r\n\r\nabc");
    wait_for(b, &c, b->bodies == 1);
    client_close(&c);
    wait_for(b, NULL, b->gones == 1);
}

static void test_timeouts(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->options.header_ms = b->options.body_ms = b->options.idle_ms = 100;
    http_server_set_options(b->server, &b->options);
    client_open(&c, b); /* says nothing */
    wait_for(b, &c, c.eof);
    assert_int_equal(c.in.n, 0);
    client_close(&c);
    client_open(&c, b);
    say(&c, "GET / HTTP/1.1\r\nHo");
    wait_for(b, &c, c.eof);
    begins(&c, "HTTP/1.1 408 ");
    assert_int_equal(b->err, ERR_SLOW_CLIENT);
    client_close(&c);
    client_open(&c, b);
    say(&c, POST "Content-Length: 10\r\n\r\nabc");
    wait_for(b, &c, c.eof);
    begins(&c, "HTTP/1.1 408 ");
    assert_int_equal(b->fails, 2);
    client_close(&c);
    client_open(&c, b); /* one that was answered and falls silent */
    say(&c, GET);
    wait_for(b, &c, c.eof);
    begins(&c, "HTTP/1.1 200 ");
    client_close(&c);
    assert_int_equal(b->gones, 0);
}

/* A byte now and then does not keep a head alive for ever. */
static void test_slow_head(void **state)
{
    struct bench *b = *state;
    struct client c;
    b->options.header_ms = 40;
    http_server_set_options(b->server, &b->options);
    client_open(&c, b);
    say(&c, "GET / HTTP/1.1\r\nX: ");
    uint64_t until = clock_ns() + 2000000000u;
    while (!c.eof && !c.reset && clock_ns() < until) {
        (void)send(c.fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        usleep(2000);
        turn(b);
        client_read(&c);
    }
    begins(&c, "HTTP/1.1 408 ");
    client_close(&c);
}

/* ---- Heads that are refused. ---- */

static void test_bad_heads(void **state)
{
    struct bench *b = *state;
    static char long_head[6000];
    static char many[1000] = "GET / HTTP/1.1\r\nHost: x\r\n";
    sprintf(long_head, "GET / HTTP/1.1\r\nHost: x\r\nX: %5000d", 1); /* its end need not come */
    for (int i = 0; i < 20; i++)
        strcat(many, "X: y\r\n");
    strcat(many, "\r\n");
    const struct {
        const char *text;
        enum err err;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", ERR_BAD_HTTP},
        {"get / HTTP/1.1\r\n", ERR_BAD_HTTP}, /* at its first byte */
        {"\x16\x03\x01", ERR_BAD_HTTP},
        {"GET / HTTP/1.1\nHost: x\n\n", ERR_BAD_HTTP},
        {POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", ERR_BAD_HTTP},
        {long_head, ERR_HEAD_TOO_LARGE},
        {many, ERR_HEAD_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client c;
        client_open(&c, b);
        say(&c, GET); /* a good one first: nothing of it is left in what is told of the bad one */
        wait_for(b, &c, has(&c, "GET /a "));
        buf_clear(&c.in);
        b->err = OK;
        say(&c, rows[i].text);
        wait_for(b, &c, c.eof);
        assert_int_equal(b->err, rows[i].err);
        char want[40];
        sprintf(want, "HTTP/1.1 %d ", err_info(rows[i].err)->status);
        assert_true(str_starts(buf_str(&c.in), str_c(want)));
        assert_int_equal(b->s->request.n_fields && b->err == OK, 0);
        client_close(&c);
    }
    assert_int_equal(b->requests, sizeof rows / sizeof *rows);
}

/* What the access log says of a request that could not be read is about that one. */
static void test_failed_is_counted_anew(void **state)
{
    struct bench *b = *state;
    struct client c;
    client_open(&c, b);
    say(&c, POST "Content-Length: 5\r\n\r\nhello");
    wait_for(b, &c, has(&c, "hello"));
    b->options.headers = S("");
    say(&c, "?");
    wait_for(b, NULL, b->fails == 1);
    assert_int_equal(b->s->bytes_out, 2);
    settle(b);
    client_close(&c);
}

/* ---- Memory of the request. ---- */

static void test_release_then_pipelined(void **state)
{
    struct bench *b = *state;
    struct client c;
    char head[3000];
    b->reply_at_end = false;
    b->release = true;
    sprintf(head, POST "X: %2000d\r\nContent-Length: 3\r\n\r\nabc", 1);
    for (int early = 0; early < 2; early++) {
        b->requests = 0;
        client_open(&c, b);
        say(&c, head);
        if (early)
            say(&c, head); /* comes with the first */
        wait_for(b, &c, b->requests == 1 && b->lasts);
        assert_true(str_eq(b->s->request.path, S("/p"))); /* the head is still there */
        http_reply_head(b->s, 200, NULL, 0, HTTP_CHUNKED);
        http_reply_body(b->s, S("one"));
        if (!early)
            say(&c, head); /* while the reply runs */
        settle(b);
        assert_int_equal(b->requests, 1);
        http_reply_end(b->s);
        wait_for(b, &c, b->requests == 2 && b->got.n == 3);
        http_reply(b->s, 200, NULL, 0, S("two"));
        wait_for(b, &c, has(&c, "two"));
        assert_true(has(&c, "one"));
        client_close(&c);
        wait_for(b, NULL, http_server_connections(b->server) == 0);
        b->lasts = 0;
    }
    assert_int_equal(b->fails, 0);
    assert_int_equal(b->gones, 0);
}

/* ---- The end. ---- */

static void test_drain(void **state)
{
    struct bench *b = *state;
    struct client idle, busy, begun;
    b->reply_at_end = false;
    client_open(&idle, b);
    client_open(&begun, b);
    client_open(&busy, b);
    say(&begun, "GET /begun HTTP/1.1\r\nHo");
    wait_for(b, NULL, http_server_connections(b->server) == 3);
    say(&busy, GET GET);
    wait_for(b, &busy, b->requests == 1);
    struct http_stream *s = b->s;
    http_server_drain(b->server, on_done, b);
    http_server_drain(b->server, on_done, b); /* twice is once */
    wait_for(b, &idle, idle.eof);
    assert_int_equal(b->dones, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&b->address, sizeof b->address), -1);
    close(fd);
    say(&begun, "st: x\r\n\r\n"); /* its request was on the way: it is answered */
    wait_for(b, &begun, b->requests == 2);
    http_reply(b->s, 200, NULL, 0, S("begun"));
    wait_for(b, &begun, begun.eof);
    ends(&begun, "begun");
    assert_true(has(&begun, "Connection: close\r\n"));
    http_reply(s, 200, NULL, 0, S("busy"));
    wait_for(b, &busy, busy.eof);
    ends(&busy, "busy"); /* the second of them is not begun */
    assert_int_equal(b->requests, 2);
    client_close(&idle);
    client_close(&busy);
    client_close(&begun);
    wait_for(b, NULL, b->dones == 1);
    assert_int_equal(b->gones, 0);
}

static void test_drain_of_nobody(void **state)
{
    struct bench *b = *state;
    http_server_drain(b->server, on_done, b);
    assert_int_equal(b->dones, 1);
}

static void test_cut_all(void **state)
{
    struct bench *b = *state;
    struct client c[3];
    b->reply_at_end = false;
    for (unsigned i = 0; i < 3; i++) {
        client_open(&c[i], b);
        say(&c[i], GET);
        wait_for(b, &c[i], b->requests == i + 1);
    }
    http_server_drain(b->server, on_done, b);
    assert_int_equal(b->dones, 0);
    http_server_cut(b->server);
    assert_int_equal(b->dones, 1);
    assert_int_equal(b->gones, 3);
    for (int i = 0; i < 3; i++) {
        wait_for(b, &c[i], c[i].eof || c[i].reset);
        client_close(&c[i]);
    }
}

static void test_connection_limit(void **state)
{
    struct bench *b = *state;
    struct client c[3];
    b->options.connections = 2;
    http_server_set_options(b->server, &b->options);
    for (int i = 0; i < 3; i++)
        client_open(&c[i], b);
    settle(b);
    assert_int_equal(http_server_connections(b->server), 2);
    say(&c[2], GET); /* waits in the kernel's queue */
    client_close(&c[0]);
    wait_for(b, &c[2], has(&c[2], "GET /a "));
    assert_int_equal(http_server_connections(b->server), 2);
    client_close(&c[1]);
    client_close(&c[2]);
}

#define each(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(test_reply_head),
        each(test_keep_alive),
        each(test_any_split),
        each(test_byte_by_byte),
        each(test_pipelining),
        each(test_pipelined_waits),
        each(test_head_and_no_content),
        each(test_http10),
        each(test_chunked_reply),
        each(test_promised_length),
        each(test_cut),
        each(test_cut_http10),
        each(test_large_bodies),
        each(test_too_large),
        each(test_bad_chunks),
        each(test_expect_continue),
        each(test_pause_and_resume),
        each(test_early_reply),
        each(test_early_reply_not_read),
        each(test_backpressure),
        each(test_large_reply_then_next),
        each(test_never_reads),
        each(test_half_closed_reader),
        each(test_gone),
        each(test_gone_while_paused),
        each(test_timeouts),
        each(test_slow_head),
        each(test_bad_heads),
        each(test_failed_is_counted_anew),
        each(test_release_then_pipelined),
        each(test_drain),
        each(test_drain_of_nobody),
        each(test_cut_all),
        each(test_connection_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

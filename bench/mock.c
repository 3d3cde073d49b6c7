/*
 * bench/mock.c - the upstream of the benchmark: a provider that costs almost nothing.
 *
 * It answers POST /v1/chat/completions and /v1/messages with a fixed document of about 1.1 KB, or,
 * when the request says "stream":true, with server-sent events of about 200 bytes each. One thread,
 * one epoll loop, HTTP/1.1 with keep-alive, plain and TLS ports side by side.
 *
 * How many events, and how far apart, is read from the prompt: the words `chunks=50 every=20ms`
 * anywhere in the body. The prompt is the one place that every gateway leaves alone, also one that
 * translates the request into another dialect.
 *
 * Every event carries `@<16 digits> #<5 digits>`: the CLOCK_MONOTONIC time of sending in
 * nanoseconds, and its number in the stream. bench/stream.c measures lateness and loss from these.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 256 * 1024,   /* one read; larger than most request bodies here */
    IN_MAX = 8 * 1024 * 1024,  /* a request longer than this is refused */
    OUT_MAX = 4 * 1024 * 1024, /* a reader this far behind is cut */
    PIECE_MAX = 1024,          /* one rendered event, with its chunk framing */
    CHUNKS_MAX = 99999,        /* five digits */
    BATCH = 256,
};

/* The wire texts of one provider API. `event` holds the stamp's place as @0...0 #00000. */
struct voice {
    const char *path;
    const char *answer_head, *answer_tail; /* the whole answer, around the text */
    const char *open;                      /* events before the first paced one */
    const char *event;
    const char *close;
    char whole[4096]; /* filled at start: head and body */
    size_t whole_len;
    char event_piece[PIECE_MAX]; /* `event` in chunk framing */
    size_t event_len, stamp_at;
};

#define STAMP "@0000000000000000 #00000"

#define CHAT_ID    "{\"id\":\"chatcmpl-B3nchMock0123456789abcd\",\"object\":\"chat.completion"
#define CHAT_MODEL "\"created\":1763800000,\"model\":\"mock-1-2026-11\",\"choices\":[{\"index\":0,"
#define CHAT_CHUNK "data: " CHAT_ID ".chunk\"," CHAT_MODEL

static struct voice voices[] = {
    {
        .path = "/v1/chat/completions",
        .answer_head =
            CHAT_ID "\"," CHAT_MODEL "\"message\":{\"role\":\"assistant\",\"content\":\"",
        .answer_tail = "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                       "\"usage\":{\"prompt_tokens\":412,\"completion_tokens\":137,"
                       "\"total_tokens\":549,\"prompt_tokens_details\":{\"cached_tokens\":256}},"
                       "\"system_fingerprint\":\"fp_b3nch\"}",
        .open = CHAT_CHUNK "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                           "\"finish_reason\":null}]}\n\n",
        .event = CHAT_CHUNK "\"delta\":{\"content\":\"" STAMP "\"},\"finish_reason\":null}]}\n\n",
        .close = CHAT_CHUNK "\"delta\":{},\"finish_reason\":\"stop\"}],"
                            "\"usage\":{\"prompt_tokens\":412,\"completion_tokens\":137,"
                            "\"total_tokens\":549}}\n\n"
                            "data: [DONE]\n\n",
    },
    {
        .path = "/v1/messages",
        .answer_head = "{\"id\":\"msg_01B3nchMock0123456789abcd\",\"type\":\"message\","
                       "\"role\":\"assistant\",\"model\":\"mock-1-2026-11\",\"content\":[{"
                       "\"type\":\"text\",\"text\":\"",
        .answer_tail = "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{"
                       "\"input_tokens\":156,\"cache_creation_input_tokens\":0,"
                       "\"cache_read_input_tokens\":256,\"output_tokens\":137}}",
        .open = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{"
                "\"id\":\"msg_01B3nchMock0123456789abcd\",\"type\":\"message\","
                "\"role\":\"assistant\",\"content\":[],\"model\":\"mock-1-2026-11\","
                "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":156,"
                "\"output_tokens\":1}}}\n\n"
                "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
                "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        .event = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
                 "\"index\":0,\"delta\":{\"type\":\"text_delta\","
                 "\"text\":\"" STAMP " lorem ipsum dolor sit\"}}\n\n",
        .close = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}"
                 "\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"
                 "\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{"
                 "\"output_tokens\":137}}\n\n"
                 "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    },
};

struct conn {
    int fd;
    SSL *ssl; /* NULL on the plain port */
    char *in; /* bytes of a request that is not complete yet */
    size_t in_len, in_cap;
    size_t need; /* length of that request, 0 while unknown */
    char *out;   /* bytes the socket did not take */
    size_t out_at, out_len, out_cap;
    struct voice *voice; /* set while a stream runs */
    unsigned chunk, chunks;
    int64_t every_ns, due_ns;
    size_t heap_at; /* place in the timer heap + 1; 0 = not in it */
};

struct listener {
    int fd;
    SSL_CTX *tls;
};

/* A min-heap on due_ns; streams of different pace may run side by side. */
static struct {
    struct conn **at;
    size_t len, cap;
} heap;

static int epoll_fd;
static struct listener listeners[2];
static char read_buf[READ_BYTES];

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "mock: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *must_realloc(void *old, size_t size)
{
    void *p = realloc(old, size);

    if (!p)
        die("memory");
    return p;
}

/* ---- timers ---------------------------------------------------------------------------- */

static void heap_place(size_t i, struct conn *c)
{
    heap.at[i] = c;
    c->heap_at = i + 1;
}

static void heap_rise(size_t i)
{
    struct conn *c = heap.at[i];

    while (i > 0 && heap.at[(i - 1) / 2]->due_ns > c->due_ns) {
        heap_place(i, heap.at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(i, c);
}

static void heap_sink(size_t i)
{
    struct conn *c = heap.at[i];

    for (;;) {
        size_t kid = 2 * i + 1;

        if (kid + 1 < heap.len && heap.at[kid + 1]->due_ns < heap.at[kid]->due_ns)
            kid++;
        if (kid >= heap.len || heap.at[kid]->due_ns >= c->due_ns)
            break;
        heap_place(i, heap.at[kid]);
        i = kid;
    }
    heap_place(i, c);
}

static void timer_add(struct conn *c)
{
    if (heap.len == heap.cap) {
        heap.cap = heap.cap ? heap.cap * 2 : 1024;
        heap.at = must_realloc(heap.at, heap.cap * sizeof(*heap.at));
    }
    heap_place(heap.len++, c);
    heap_rise(heap.len - 1);
}

static void timer_del(struct conn *c)
{
    size_t i = c->heap_at;

    if (!i)
        return;
    c->heap_at = 0;
    heap.len--;
    if (i - 1 == heap.len)
        return;
    heap_place(i - 1, heap.at[heap.len]);
    heap_rise(i - 1);
    heap_sink(heap.at[i - 1]->heap_at - 1);
}

/* ---- bytes in and out ------------------------------------------------------------------ */

static void conn_free(struct conn *c)
{
    timer_del(c);
    if (c->ssl)
        SSL_free(c->ssl);
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

/* Bytes moved, 0 when the socket would block, -1 when the connection is over. */
static ssize_t tls_result(struct conn *c, int n)
{
    int why;

    if (n > 0)
        return n;
    why = SSL_get_error(c->ssl, n);
    ERR_clear_error();
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t conn_write_some(struct conn *c, const char *p, size_t len)
{
    ssize_t n;

    if (c->ssl)
        return tls_result(c, SSL_write(c->ssl, p, (int)len));
    n = send(c->fd, p, len, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN ? 0 : -1;
    return n;
}

static ssize_t conn_read_some(struct conn *c, char *p, size_t len)
{
    ssize_t n;

    if (c->ssl)
        return tls_result(c, SSL_read(c->ssl, p, (int)len));
    n = recv(c->fd, p, len, 0);
    if (n < 0)
        return errno == EAGAIN ? 0 : -1;
    return n > 0 ? n : -1;
}

/* Sends now what the socket takes and keeps the rest; false when the connection must end. */
static bool conn_send(struct conn *c, const char *p, size_t len)
{
    if (c->out_len == c->out_at) {
        ssize_t n = conn_write_some(c, p, len);

        if (n < 0)
            return false;
        p += n;
        len -= (size_t)n;
        c->out_at = c->out_len = 0;
    }
    if (len == 0)
        return true;
    if (len > OUT_MAX - c->out_len)
        return false;
    if (c->out_len + len > c->out_cap) {
        c->out_cap = (c->out_len + len) * 2;
        c->out = must_realloc(c->out, c->out_cap);
    }
    memcpy(c->out + c->out_len, p, len);
    c->out_len += len;
    return true;
}

static bool conn_flush(struct conn *c)
{
    while (c->out_at < c->out_len) {
        ssize_t n = conn_write_some(c, c->out + c->out_at, c->out_len - c->out_at);

        if (n < 0)
            return false;
        if (n == 0)
            return true;
        c->out_at += (size_t)n;
    }
    c->out_at = c->out_len = 0;
    return true;
}

/* ---- answers --------------------------------------------------------------------------- */

static void digits_put(char *at, int width, int64_t value)
{
    while (width-- > 0) {
        at[width] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Sends the next event, and the closing ones after the last. */
static bool stream_step(struct conn *c)
{
    struct voice *v = c->voice;
    char piece[2 * PIECE_MAX];
    size_t len = v->event_len;

    memcpy(piece, v->event_piece, len);
    digits_put(piece + v->stamp_at + 1, 16, now_ns());
    digits_put(piece + v->stamp_at + 19, 5, c->chunk);
    if (++c->chunk == c->chunks) {
        len += (size_t)snprintf(piece + len, sizeof(piece) - len, "%zx\r\n%s\r\n0\r\n\r\n",
                                strlen(v->close), v->close);
        c->voice = NULL;
    }
    return conn_send(c, piece, len);
}

/* Runs the stream until it must wait: for its next moment, or for the reader. */
static bool stream_run(struct conn *c)
{
    while (c->voice) {
        if (c->every_ns && c->chunk) {
            c->due_ns += c->every_ns;
            timer_add(c);
            return true;
        }
        if (c->out_len > READ_BYTES)
            return true;
        if (!stream_step(c))
            return false;
    }
    return true;
}

static int order_read(const char *body, size_t len, const char *key, int otherwise)
{
    const char *p = memmem(body, len, key, strlen(key));

    return p ? atoi(p + strlen(key)) : otherwise;
}

static bool stream_begin(struct conn *c, struct voice *v, const char *body, size_t len)
{
    char head[2 * PIECE_MAX];
    int n, chunks = order_read(body, len, "chunks=", 50);

    n = snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                 "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n",
                 strlen(v->open), v->open);
    c->voice = v;
    c->chunk = 0;
    c->chunks = chunks < 1 ? 1 : chunks > CHUNKS_MAX ? CHUNKS_MAX : (unsigned)chunks;
    c->every_ns = (int64_t)order_read(body, len, "every=", 0) * 1000000;
    c->due_ns = now_ns();
    return conn_send(c, head, (size_t)n) && stream_step(c) && stream_run(c);
}

static bool wants_stream(const char *body, size_t len)
{
    const char *p = memmem(body, len, "\"stream\":", 9);

    if (!p)
        return false;
    for (p += 9; p < body + len && *p == ' '; p++)
        ;
    return p < body + len && *p == 't';
}

static bool request_answer(struct conn *c, const char *head, const char *body, size_t body_len)
{
    static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

    for (size_t i = 0; i < sizeof(voices) / sizeof(voices[0]); i++) {
        struct voice *v = &voices[i];
        size_t n = strlen(v->path);

        if (strncmp(head, "POST ", 5) || strncmp(head + 5, v->path, n) || head[5 + n] != ' ')
            continue;
        if (wants_stream(body, body_len))
            return stream_begin(c, v, body, body_len);
        return conn_send(c, v->whole, v->whole_len);
    }
    return conn_send(c, missing, sizeof(missing) - 1);
}

/* ---- requests -------------------------------------------------------------------------- */

/*
 * Length of the request at p, head and body: 0 when more bytes are needed to know, -1 when it
 * is nothing we read. A chunked body is taken to end at its first empty chunk, which is enough
 * for JSON texts, where CR never stands unescaped.
 */
static ssize_t request_length(const char *p, size_t len, size_t *head_len)
{
    const char *end = memmem(p, len, "\r\n\r\n", 4), *line, *last;

    if (!end)
        return len > 32768 ? -1 : 0;
    *head_len = (size_t)(end - p) + 4;
    for (line = p; line < end; line += 2) {
        if (!strncasecmp(line, "content-length:", 15))
            return (ssize_t)(*head_len + strtoul(line + 15, NULL, 10));
        if (!strncasecmp(line, "transfer-encoding:", 18)) {
            last = memmem(end + 2, len - (size_t)(end + 2 - p), "\r\n0\r\n\r\n", 7);
            return last ? last + 7 - p : 0;
        }
        line = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
    }
    return (ssize_t)*head_len;
}

/* Answers the complete requests in p; returns how many bytes they took, -1 to end. */
static ssize_t requests_run(struct conn *c, const char *p, size_t len)
{
    size_t at = 0, head_len = 0;

    while (at < len && !c->voice) {
        ssize_t n;

        if (c->need > len - at)
            break;
        n = request_length(p + at, len - at, &head_len);
        if (n < 0 || n > IN_MAX)
            return -1;
        c->need = (size_t)n;
        if (n == 0 || (size_t)n > len - at)
            break;
        c->need = 0;
        if (!request_answer(c, p + at, p + at + head_len, (size_t)n - head_len))
            return -1;
        at += (size_t)n;
    }
    return (ssize_t)at;
}

static void keep_input(struct conn *c, const char *p, size_t len)
{
    size_t want = c->in_len + len > c->need ? c->in_len + len : c->need;

    if (want > c->in_cap) {
        c->in_cap = want + 1024;
        c->in = must_realloc(c->in, c->in_cap);
    }
    memcpy(c->in + c->in_len, p, len);
    c->in_len += len;
}

/* Runs what stands in c->in and moves the rest to the front. */
static bool conn_input_run(struct conn *c)
{
    ssize_t used = requests_run(c, c->in, c->in_len);

    if (used < 0)
        return false;
    c->in_len -= (size_t)used;
    memmove(c->in, c->in + used, c->in_len);
    if (c->in_len == 0) {
        free(c->in);
        c->in = NULL;
        c->in_cap = 0;
    }
    return true;
}

static bool conn_take(struct conn *c, const char *p, size_t len)
{
    if (c->in_len == 0) {
        ssize_t used = requests_run(c, p, len);

        if (used < 0)
            return false;
        if ((size_t)used < len)
            keep_input(c, p + used, len - (size_t)used);
        return true;
    }
    if (len > IN_MAX - c->in_len)
        return false;
    keep_input(c, p, len);
    return conn_input_run(c);
}

static bool conn_readable(struct conn *c)
{
    for (;;) {
        ssize_t n = conn_read_some(c, read_buf, sizeof(read_buf));

        if (n < 0)
            return false;
        if (n == 0)
            return true;
        if (!conn_take(c, read_buf, (size_t)n))
            return false;
    }
}

/* Flushes, then lets a stream without pauses go on, and a waiting request start. */
static bool conn_writable(struct conn *c)
{
    if (!conn_flush(c))
        return false;
    if (c->voice && !c->every_ns && !stream_run(c))
        return false;
    return c->voice || !c->in_len || conn_input_run(c);
}

/* ---- the loop -------------------------------------------------------------------------- */

static void accept_all(struct listener *l)
{
    for (;;) {
        struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
        int one = 1, fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct conn *c;

        if (fd < 0)
            return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        c = calloc(1, sizeof(*c));
        if (!c)
            die("memory");
        c->fd = fd;
        if (l->tls) {
            c->ssl = SSL_new(l->tls);
            SSL_set_fd(c->ssl, fd);
            SSL_set_accept_state(c->ssl);
        }
        ev.data.ptr = c;
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev))
            conn_free(c);
    }
}

static void event_run(struct epoll_event *ev)
{
    struct conn *c = ev->data.ptr;

    for (size_t i = 0; i < 2; i++)
        if (ev->data.ptr == &listeners[i]) {
            accept_all(&listeners[i]);
            return;
        }
    if ((ev->events & EPOLLOUT) && !conn_writable(c)) {
        conn_free(c);
        return;
    }
    if ((ev->events & ~(uint32_t)EPOLLOUT) && !conn_readable(c))
        conn_free(c);
}

static void timers_run(void)
{
    int64_t now = now_ns();

    while (heap.len && heap.at[0]->due_ns <= now) {
        struct conn *c = heap.at[0];

        timer_del(c);
        if (!stream_step(c) || !stream_run(c) || (!c->voice && c->in_len && !conn_input_run(c)))
            conn_free(c);
    }
}

static int wait_ms(void)
{
    int64_t left;

    if (!heap.len)
        return -1;
    left = heap.at[0]->due_ns - now_ns();
    return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

static void loop_run(void)
{
    struct epoll_event evs[BATCH];

    for (;;) {
        int n = epoll_wait(epoll_fd, evs, BATCH, wait_ms());

        for (int i = 0; i < n; i++)
            event_run(&evs[i]);
        timers_run();
    }
}

/* ---- start ----------------------------------------------------------------------------- */

static void voice_render(struct voice *v)
{
    static const char line[] = "The loop sleeps until the kernel names sockets that are ready. ";
    char text[768] = "", body[2048];
    const char *stamp;

    while (strlen(text) + sizeof(line) < sizeof(text))
        strcat(text, line);
    snprintf(body, sizeof(body), "%s%s\\n%s", v->answer_head, text, v->answer_tail);
    v->whole_len = (size_t)snprintf(v->whole, sizeof(v->whole),
                                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                    "Content-Length: %zu\r\n\r\n%s",
                                    strlen(body), body);
    v->event_len = (size_t)snprintf(v->event_piece, sizeof(v->event_piece), "%zx\r\n%s\r\n",
                                    strlen(v->event), v->event);
    stamp = strchr(v->event_piece, '@');
    v->stamp_at = (size_t)(stamp - v->event_piece);
}

static void listen_on(struct listener *l, int port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
    int one = 1;

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(l->fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(l->fd, 16384))
        die("listen");
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, l->fd, &ev))
        die("epoll");
}

static SSL_CTX *tls_load(const char *cert, const char *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    return ctx;
}

static void limits_raise(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

/* mock PORT [LIFETIME_S [TLS_PORT CERT KEY]]: ends by itself after LIFETIME_S (600). */
int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3 && argc != 6) {
        fputs("usage: mock PORT [LIFETIME_S [TLS_PORT CERT KEY]]\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    alarm(argc > 2 ? (unsigned)atoi(argv[2]) : 600);
    limits_raise();
    for (size_t i = 0; i < sizeof(voices) / sizeof(voices[0]); i++)
        voice_render(&voices[i]);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_on(&listeners[0], atoi(argv[1]));
    if (argc == 6) {
        listeners[1].tls = tls_load(argv[4], argv[5]);
        listen_on(&listeners[1], atoi(argv[3]));
    }
    puts("ready");
    fflush(stdout);
    loop_run();
}

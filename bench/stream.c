/*
 * bench/stream.c - many event streams at once, and how well each of them kept time.
 *
 * Opens streams against a gateway (or the mock itself), reads the stamps that bench/mock.c puts
 * into every event, and prints two lines of JSON: one when all the streams are open, so that the
 * caller may look at the gateway's memory just then, and one with the figures at the end.
 *
 * Lateness is the time from the mock's send to our read: gateway, kernel and this client's own
 * turn in the loop. An event is lost when its number does not follow the last one; a stream is
 * bad when it ends without all its events, its closing event and its last chunk (RFC 9112 7.1).
 * Bounded in streams, in events and in time. HTTP/1.1 over plain TCP, 127.0.0.1 only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
    READ_BYTES = 64 * 1024,
    MARK = 24, /* "@" 16 digits " #" 5 digits */
    HEAD_MAX = 8192,
    STEP_US = 10,        /* width of one place in the histograms */
    STEPS = 1000 * 1000, /* ten seconds */
    STREAMS_MAX = 60000,
    BATCH = 256,
};

enum state { WAITING, OPENING, HEAD, SIZE, DATA, DATA_END, TRAILER, OVER };

struct stream {
    int fd;
    enum state state;
    size_t sent; /* of the request */
    char *head;  /* response head while it is incomplete */
    size_t head_len;
    size_t left;       /* bytes left in the current chunk */
    unsigned line_len; /* of the trailer line being read */
    char carry[MARK];  /* last payload bytes; a mark may be split */
    size_t carry_len;
    unsigned events;
    int64_t begun_ns;
};

struct histogram {
    uint32_t *at;
    uint64_t count;
    uint64_t max_us;
};

static struct {
    unsigned parallel, total, chunks, every_ms, ramp_ms, limit_s, late_ms, hold_ms;
    size_t body_bytes;
    const char *model, *key, *path;
    int port;
} opt = {.parallel = 100,
         .chunks = 50,
         .every_ms = 20,
         .limit_s = 60,
         .late_ms = 250,
         .model = "bench",
         .key = "none"};

static struct {
    unsigned begun, open, done, bad;
    uint64_t events, late, lost, bytes;
    struct histogram first, lateness;
} sum;

static int epoll_fd;
static char *request;
static size_t request_len;
static struct stream *streams;
static bool open_told;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *must_calloc(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (!p)
        die("memory");
    return p;
}

/* ---- figures --------------------------------------------------------------------------- */

static void histogram_add(struct histogram *h, int64_t ns)
{
    uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
    uint64_t step = us / STEP_US;

    h->at[step < STEPS ? step : STEPS - 1]++;
    h->count++;
    if (us > h->max_us)
        h->max_us = us;
}

static double histogram_ms(const struct histogram *h, double share)
{
    uint64_t want = (uint64_t)((double)h->count * share), seen = 0;

    for (size_t i = 0; i < STEPS; i++) {
        seen += h->at[i];
        if (seen > want)
            return (double)i * STEP_US / 1000;
    }
    return (double)h->max_us / 1000;
}

static void result_print(double seconds)
{
    printf("{\"streams\":%u,\"bad\":%u,\"events\":%llu,\"lost\":%llu,\"late\":%llu,"
           "\"seconds\":%.3f,\"bytes\":%llu,\"first_ms\":{\"p50\":%.2f,\"p99\":%.2f},"
           "\"late_ms\":{\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}}\n",
           sum.done, sum.bad, (unsigned long long)sum.events, (unsigned long long)sum.lost,
           (unsigned long long)sum.late, seconds, (unsigned long long)sum.bytes,
           histogram_ms(&sum.first, 0.5), histogram_ms(&sum.first, 0.99),
           histogram_ms(&sum.lateness, 0.5), histogram_ms(&sum.lateness, 0.99),
           (double)sum.lateness.max_us / 1000);
    fflush(stdout);
}

/* ---- one stream ------------------------------------------------------------------------ */

static void stream_connect(struct stream *s)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s};
    int one = 1;

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        die("socket");
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(s->fd, (struct sockaddr *)&sa, sizeof(sa)) && errno != EINPROGRESS)
        die("connect");
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &ev))
        die("epoll");
}

static void stream_begin(struct stream *s)
{
    sum.begun++;
    s->state = OPENING;
    s->sent = s->head_len = s->carry_len = 0;
    s->events = 0;
    s->begun_ns = now_ns();
    if (s->fd < 0)
        stream_connect(s);
}

static void stream_fail(struct stream *s, const char *why)
{
    if (sum.bad++ < 3)
        fprintf(stderr, "stream: %s after %u events\n", why, s->events);
    close(s->fd);
    free(s->head);
    s->head = NULL;
    s->fd = -1;
    s->state = OVER;
}

static bool stream_send(struct stream *s)
{
    while (s->sent < request_len) {
        ssize_t n = send(s->fd, request + s->sent, request_len - s->sent, MSG_NOSIGNAL);

        if (n < 0)
            return errno == EAGAIN;
        s->sent += (size_t)n;
    }
    s->state = HEAD;
    return true;
}

static bool ends_with(const struct stream *s, const char *tail)
{
    size_t n = strlen(tail);

    return s->carry_len >= n && !memcmp(s->carry + s->carry_len - n, tail, n);
}

/* The terminal chunk has come: was everything there? The connection may serve another. */
static void stream_end(struct stream *s)
{
    if (s->events != opt.chunks || (!ends_with(s, "[DONE]\n\n") && !ends_with(s, "stop\"}\n\n"))) {
        stream_fail(s, "stream ended early");
        return;
    }
    sum.done++;
    if (sum.begun < opt.total) {
        stream_begin(s);
        if (!stream_send(s))
            stream_fail(s, "connection closed");
        return;
    }
    s->state = OVER;
}

static void mark_take(struct stream *s, const char *mark, int64_t now)
{
    int64_t late = now - strtoll(mark + 1, NULL, 10);
    unsigned number = (unsigned)strtoul(mark + 19, NULL, 10);

    if (number != s->events)
        sum.lost += number > s->events ? number - s->events : 1;
    if (s->events == 0) {
        histogram_add(&sum.first, now - s->begun_ns);
        sum.open++;
    }
    s->events = number + 1;
    sum.events++;
    sum.late += late > (int64_t)opt.late_ms * 1000000;
    histogram_add(&sum.lateness, late);
}

/* Looks for marks in the payload, with what was carried over in front of it. */
static void payload_take(struct stream *s, const char *p, size_t len, int64_t now)
{
    static char joined[MARK + READ_BYTES];
    char *at = joined, *end;

    memcpy(joined, s->carry, s->carry_len);
    memcpy(joined + s->carry_len, p, len);
    end = joined + s->carry_len + len;
    while ((at = memchr(at, '@', (size_t)(end - at))) && end - at >= MARK) {
        mark_take(s, at, now);
        at += MARK;
    }
    /* One byte less than a mark, so that none is counted twice. */
    s->carry_len = end - joined < MARK - 1 ? (size_t)(end - joined) : MARK - 1;
    memcpy(s->carry, end - s->carry_len, s->carry_len);
}

/* RFC 9112, section 7.1, from wherever the last read stopped. */
static void chunks_take(struct stream *s, const char *p, size_t len, int64_t now)
{
    const char *end = p + len;

    while (p < end && s->state != OVER && s->state != OPENING) {
        if (s->state == DATA) {
            size_t n = s->left < (size_t)(end - p) ? s->left : (size_t)(end - p);

            payload_take(s, p, n, now);
            p += n;
            s->left -= n;
            if (s->left == 0)
                s->state = DATA_END;
            continue;
        }
        char ch = *p++;

        switch (s->state) {
        case SIZE:
            if (ch == '\n' && s->left == 0) {
                s->state = TRAILER;
                s->line_len = 0;
            } else if (ch == '\n') {
                s->state = DATA;
            } else if (ch >= '0' && ch <= '9') {
                s->left = s->left * 16 + (size_t)(ch - '0');
            } else if ((ch | 32) >= 'a' && (ch | 32) <= 'f') {
                s->left = s->left * 16 + (size_t)((ch | 32) - 'a' + 10);
            }
            break;
        case DATA_END:
            if (ch == '\n')
                s->state = SIZE;
            break;
        case TRAILER:
            if (ch == '\n' && s->line_len == 0)
                stream_end(s);
            else if (ch == '\n')
                s->line_len = 0;
            else if (ch != '\r')
                s->line_len++;
            break;
        default: break;
        }
    }
}

static void head_take(struct stream *s, const char *p, size_t len, int64_t now)
{
    const char *end;
    size_t head_len;

    if (!s->head && !(s->head = malloc(HEAD_MAX + READ_BYTES + 1)))
        die("memory");
    memcpy(s->head + s->head_len, p, len);
    s->head_len += len;
    s->head[s->head_len] = '\0';
    end = memmem(s->head, s->head_len, "\r\n\r\n", 4);
    if (!end) {
        if (s->head_len > HEAD_MAX)
            stream_fail(s, "response head too long");
        return;
    }
    head_len = (size_t)(end - s->head) + 4;
    if (strncmp(s->head, "HTTP/1.1 200 ", 13) ||
        !strcasestr(s->head, "\r\ntransfer-encoding: chunked")) {
        if (sum.bad < 3)
            fprintf(stderr, "stream: %.300s\n", s->head);
        stream_fail(s, "unexpected answer");
        return;
    }
    s->state = SIZE;
    s->left = 0;
    char *head = s->head;

    s->head = NULL;
    chunks_take(s, head + head_len, s->head_len - head_len, now);
    free(head);
}

static void stream_readable(struct stream *s)
{
    static char buf[READ_BYTES];

    while (s->fd >= 0) {
        ssize_t n = recv(s->fd, buf, sizeof(buf), 0);
        int64_t now = now_ns();

        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            if (s->state == OVER) {
                close(s->fd);
                s->fd = -1;
            } else {
                stream_fail(s, n ? strerror(errno) : "connection closed");
            }
            return;
        }
        sum.bytes += (uint64_t)n;
        if (s->state == HEAD)
            head_take(s, buf, (size_t)n, now);
        else
            chunks_take(s, buf, (size_t)n, now);
        if ((size_t)n < sizeof(buf))
            return;
    }
}

static void stream_event(struct stream *s, uint32_t events)
{
    if (s->fd < 0)
        return;
    if (s->state == OPENING && (events & EPOLLOUT) && !stream_send(s)) {
        stream_fail(s, strerror(errno));
        return;
    }
    if (events & ~(uint32_t)EPOLLOUT)
        stream_readable(s);
}

/* ---- the run --------------------------------------------------------------------------- */

/* The request of about 2 KB, or of opt.body_bytes when that is more. */
static void request_build(void)
{
    static const char turn[] =
        "{\"role\":\"%s\",\"content\":\"Turn %d: the worker reads \\\"ready\\\" sockets in turn.\\n"
        "Explain what happens when one of them has more bytes than the buffer takes, and what the "
        "others wait for meanwhile. Keep the answer short, and end with a table of the costs.\"},";
    size_t cap = opt.body_bytes + 8192, n = 0;
    char *body = must_calloc(1, cap);

    n += (size_t)sprintf(body, "{\"model\":\"%s\",\"stream\":true,\"messages\":[", opt.model);
    for (int i = 0; i < 6 || n + 100 < opt.body_bytes; i++)
        n += (size_t)snprintf(body + n, cap - n, turn, i % 2 ? "assistant" : "user", i);
    n += (size_t)snprintf(body + n, cap - n,
                          "{\"role\":\"user\",\"content\":\"chunks=%u every=%ums\"}]}", opt.chunks,
                          opt.every_ms);
    request = must_calloc(1, n + 1024);
    request_len = (size_t)sprintf(request,
                                  "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                                  "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                                  "Content-Length: %zu\r\n\r\n",
                                  opt.path, opt.port, opt.key, n);
    memcpy(request + request_len, body, n);
    request_len += n;
    free(body);
}

/* Begins the streams whose moment in the ramp has come; ms until the next one. */
static int ramp_run(int64_t since)
{
    int64_t at_ms = (now_ns() - since) / 1000000;

    while (sum.begun < opt.parallel) {
        int64_t due_ms = (int64_t)sum.begun * opt.ramp_ms / opt.parallel;

        if (due_ms > at_ms)
            return (int)(due_ms - at_ms);
        stream_begin(&streams[sum.begun]);
    }
    return 100;
}

static void open_tell(void)
{
    if (open_told || sum.open + sum.bad < opt.parallel)
        return;
    open_told = true;
    printf("{\"open\":%u}\n", sum.open);
    fflush(stdout);
}

static void run(void)
{
    struct epoll_event evs[BATCH];
    int64_t since = now_ns(), end = since + (int64_t)opt.limit_s * 1000000000;

    while (sum.done + sum.bad < opt.total && now_ns() < end) {
        int wait = sum.begun < opt.parallel ? ramp_run(since) : 100;
        int n = epoll_wait(epoll_fd, evs, BATCH, wait);

        for (int i = 0; i < n; i++)
            stream_event(evs[i].data.ptr, evs[i].events);
        open_tell();
        if (sum.bad > opt.parallel)
            break;
    }
    open_told = true;
    result_print((double)(now_ns() - since) / 1e9);
}

static void limits_raise(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static int usage(void)
{
    fputs("usage: stream [-c PARALLEL] [-n TOTAL] [-k EVENTS] [-e EVERY_MS] [-r RAMP_MS]\n"
          "              [-t LIMIT_S] [-l LATE_MS] [-b BODY_BYTES] [-H HOLD_MS] [-m MODEL]\n"
          "              [-K KEY] PORT PATH\n",
          stderr);
    return 2;
}

static bool options_read(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "c:n:k:e:r:t:l:b:H:m:K:")) != -1) {
        unsigned n = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

        switch (o) {
        case 'c': opt.parallel = n; break;
        case 'n': opt.total = n; break;
        case 'k': opt.chunks = n; break;
        case 'e': opt.every_ms = n; break;
        case 'r': opt.ramp_ms = n; break;
        case 't': opt.limit_s = n; break;
        case 'l': opt.late_ms = n; break;
        case 'b': opt.body_bytes = n; break;
        case 'H': opt.hold_ms = n; break;
        case 'm': opt.model = optarg; break;
        case 'K': opt.key = optarg; break;
        default: return false;
        }
    }
    if (argc - optind != 2 || opt.parallel < 1 || opt.parallel > STREAMS_MAX || opt.chunks < 1)
        return false;
    opt.port = atoi(argv[optind]);
    opt.path = argv[optind + 1];
    if (opt.total < opt.parallel)
        opt.total = opt.parallel;
    return true;
}

int main(int argc, char **argv)
{
    if (!options_read(argc, argv))
        return usage();
    signal(SIGPIPE, SIG_IGN);
    alarm(opt.limit_s + opt.hold_ms / 1000 + 10);
    limits_raise();
    request_build();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    streams = must_calloc(opt.parallel, sizeof(*streams));
    for (unsigned i = 0; i < opt.parallel; i++)
        streams[i].fd = -1;
    sum.first.at = must_calloc(STEPS, sizeof(uint32_t));
    sum.lateness.at = must_calloc(STEPS, sizeof(uint32_t));
    run();
    usleep(opt.hold_ms * 1000);
    return sum.done == opt.total ? 0 : 1;
}

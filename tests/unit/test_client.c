/*
 * The client towards providers, against a scripted server: a thread with blocking sockets that
 * does exactly what the test says.
 */
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

#include "base/buf.h"
#include "base/mem.h"
#include "http/client.h"

/* ---- The server. ---- */

struct server {
    int listener;
    uint16_t port;
    uv_thread_t thread;
    void (*script)(struct server *);
    const char *answer; /* for scripts that take one */
    size_t step;        /* bytes per write, 0: all */
    unsigned requests, connections;
    char last[8192]; /* newest request */
};

static int take(struct server *s)
{
    int fd = accept(s->listener, NULL, NULL);
    struct timeval limit = {10, 0};
    if (fd >= 0) {
        s->connections++;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    return fd;
}

static void say_n(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t put = send(fd, p, n, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        p += put;
        n -= (size_t)put;
    }
}

static void say(int fd, const char *text)
{
    say_n(fd, text, strlen(text));
}

/* A request with its body by Content-Length; false when the client closed. */
static bool listen_to(struct server *s, int fd)
{
    size_t n = 0, want = 0;
    for (;;) {
        ssize_t got = recv(fd, s->last + n, sizeof s->last - 1 - n, 0);
        if (got <= 0)
            return false;
        n += (size_t)got;
        s->last[n] = 0;
        char *end = strstr(s->last, "\r\n\r\n");
        if (!end)
            continue;
        char *cl = strcasestr(s->last, "content-length: ");
        want = (size_t)(end + 4 - s->last) + (cl && cl < end ? strtoul(cl + 16, NULL, 10) : 0);
        if (n >= want)
            break;
    }
    s->requests++;
    return true;
}

/* By RST. */
static void reset(int fd)
{
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static void thread_main(void *arg)
{
    struct server *s = arg;
    s->script(s);
}

static void server_start(struct server *s, void (*script)(struct server *))
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof addr;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(s->listener, 16), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&addr, &size), 0);
    s->port = ntohs(addr.sin_port);
    s->script = script;
    assert_int_equal(uv_thread_create(&s->thread, thread_main, s), 0);
}

static void server_join(struct server *s)
{
    shutdown(s->listener, SHUT_RDWR);
    uv_thread_join(&s->thread);
    close(s->listener);
}

/* ---- The client's side. ---- */

struct rec {
    struct call *call;
    unsigned heads, bodies, ends, drains;
    int status;
    int64_t length;
    char type[64];
    struct buf body;
    enum err err;
    char text[FAIL_TEXT_MAX];
    void (*on_head)(struct rec *);
    void (*on_body)(struct rec *);
    void (*on_end)(struct rec *);
};

static void rec_head(void *owner, const struct http_head *h)
{
    struct rec *r = owner;
    r->heads++;
    r->status = h->status;
    r->length = h->content_length;
    str type = http_field_get(h->fields, h->n_fields, S("content-type"));
    snprintf(r->type, sizeof r->type, "%.*s", STR_FMT(type));
    if (r->on_head)
        r->on_head(r);
}

static void rec_body(void *owner, str bytes)
{
    struct rec *r = owner;
    r->bodies++;
    buf_put(&r->body, bytes);
    if (r->on_body)
        r->on_body(r);
}

static void rec_end(void *owner, enum err e, const struct fail *f)
{
    struct rec *r = owner;
    r->ends++;
    r->err = e;
    r->call = NULL;
    snprintf(r->text, sizeof r->text, "%s", f->text);
    if (r->on_end)
        r->on_end(r);
}

static void rec_drain(void *owner)
{
    ((struct rec *)owner)->drains++;
}

static const struct call_events events = {rec_head, rec_body, rec_end, rec_drain};

struct env {
    struct worker worker;
    struct http_client *client;
    struct server server;
    const struct http_origin *origin;
    struct rec rec[4];
};

static int setup(void **state)
{
    struct env *e = mem_zero(sizeof *e);
    struct http_client_options o = {
        .keepalive_ms = 60000, .max_idle = 8, .max_handshakes = 8, .head_max = 32 * 1024};
    worker_init(&e->worker, 0);
    e->client = http_client_new(&e->worker, &o);
    for (size_t i = 0; i < 4; i++)
        buf_init(&e->rec[i].body, 64 << 20);
    *state = e;
    return 0;
}

static int teardown(void **state)
{
    struct env *e = *state;
    http_client_close(e->client);
    worker_run(&e->worker);
    assert_int_equal(http_client_stats(e->client).busy, 0);
    assert_int_equal(http_client_stats(e->client).idle, 0);
    http_client_free(e->client);
    worker_fini(&e->worker);
    for (size_t i = 0; i < 4; i++)
        buf_fini(&e->rec[i].body);
    mem_free(e);
    return 0;
}

static const struct http_origin *origin_of(uint16_t port, const char *proxy)
{
    char url[64];
    struct fail f = {0};
    str path;
    snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
    const struct http_origin *o =
        http_origin_intern(str_c(url), str_c(proxy), S(""), &path, &f);
    if (!o)
        fail_msg("%s", f.text);
    return o;
}

static void serve(struct env *e, void (*script)(struct server *))
{
    server_start(&e->server, script);
    e->origin = origin_of(e->server.port, "direct");
}

static const char get[] = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

static struct call_request request_of(struct env *e, const char *text)
{
    struct call_request rq = {.origin = e->origin, .connect_ms = 5000};
    rq.pieces[0] = (struct iovec){(void *)(uintptr_t)text, strlen(text)};
    rq.n_pieces = 1;
    return rq;
}

static void start(struct env *e, struct rec *r, const char *text)
{
    struct call_request rq = request_of(e, text);
    r->call = http_client_start(e->client, &rq, &events, r);
    assert_int_equal(r->heads + r->ends, 0);
}

static void on_guard(uv_timer_t *t)
{
    *(bool *)t->data = true;
}

/* Turns the loop until *done, or for at most ms. */
static void turn(struct env *e, const unsigned *done, uint64_t ms)
{
    bool late = false;
    uv_timer_t guard;
    uv_timer_init(&e->worker.loop, &guard);
    guard.data = &late;
    uv_timer_start(&guard, on_guard, ms, 0);
    while (!*done && !late)
        uv_run(&e->worker.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&guard, NULL);
    uv_run(&e->worker.loop, UV_RUN_NOWAIT);
}

static void wait_end(struct env *e, struct rec *r)
{
    turn(e, &r->ends, 5000);
    assert_int_equal(r->ends, 1);
}

static void rec_clear(struct rec *r)
{
    struct buf body = r->body;
    buf_clear(&body);
    *r = (struct rec){.body = body};
}

static void assert_body(const struct rec *r, const char *text)
{
    assert_int_equal(r->body.n, strlen(text));
    assert_memory_equal(r->body.p, text, r->body.n);
}

static void assert_good(const struct rec *r, const char *body)
{
    if (r->err != OK)
        fail_msg("%s: %s", err_info(r->err)->name, r->text);
    assert_int_equal(r->heads, 1);
    assert_body(r, body);
}

static void assert_err(const struct rec *r, enum err e)
{
    assert_string_equal(err_info(r->err)->name, err_info(e)->name);
    assert_non_null(strstr(r->text, "127.0.0.1"));
}

/* ---- Whole answers and reuse. ---- */

/* Answers s->answer to every request, on connections one after the other. */
static void script_same(struct server *s)
{
    for (int fd; (fd = take(s)) >= 0; close(fd)) {
        while (listen_to(s, fd)) {
            size_t n = strlen(s->answer), step = s->step ? s->step : n;
            for (size_t at = 0; at < n; at += step)
                say_n(fd, s->answer + at, n - at < step ? n - at : step);
        }
    }
}

static const char hello[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nT: v\r\n\r\n";

static void test_reuse(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    serve(e, script_same);
    for (int i = 0; i < 5; i++) {
        rec_clear(&e->rec[0]);
        start(e, &e->rec[0], get);
        wait_end(e, &e->rec[0]);
        assert_good(&e->rec[0], "hello");
        assert_int_equal(e->rec[0].length, 5);
        assert_string_equal(e->rec[0].type, "text/plain");
        assert_int_equal(e->rec[0].bodies, 1);
    }
    struct http_client_stats st = http_client_stats(e->client);
    assert_int_equal(st.opened, 1);
    assert_int_equal(st.reused, 4);
    assert_int_equal(st.idle, 1);
    http_client_close(e->client);
    server_join(&e->server);
    assert_int_equal(e->server.connections, 1);
}

static void test_chunked(void **state)
{
    struct env *e = *state;
    e->server.answer = chunked;
    serve(e, script_same);
    for (int i = 0; i < 3; i++) {
        rec_clear(&e->rec[0]);
        e->server.step = (size_t)i;
        start(e, &e->rec[0], get);
        wait_end(e, &e->rec[0]);
        assert_good(&e->rec[0], "abc0123456789abcdef");
        assert_int_equal(e->rec[0].length, -1);
    }
    assert_int_equal(http_client_stats(e->client).opened, 1);
    http_client_close(e->client);
    server_join(&e->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reuse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

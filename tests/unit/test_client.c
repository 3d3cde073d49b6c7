/* The client towards providers over plain TCP, against a scripted one. */
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

#include "support/scripted.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const char hello[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nT: v\r\n\r\n";

static struct http_client_stats stats(struct env *e)
{
    return http_client_stats(e->client);
}

/* ---- Whole answers and reuse. ---- */

static void test_reuse(void **state)
{
    struct env *e = *state;
    struct rec *r = &e->rec[0];
    e->server.answer = hello;
    env_serve(e, script_same);
    for (int i = 0; i < 5; i++) {
        env_start(e, r, get_x);
        env_wait_end(e, r);
        assert_good(r, "hello");
        assert_int_equal(r->length, 5);
        assert_string_equal(r->type, "text/plain");
        assert_int_equal(r->bodies, 1);
    }
    assert_int_equal(stats(e).opened, 1);
    assert_int_equal(stats(e).reused, 4);
    assert_int_equal(stats(e).idle, 1);
}

static void test_chunked(void **state)
{
    struct env *e = *state;
    e->server.answer = chunked;
    env_serve(e, script_same);
    for (size_t step = 0; step < 3; step++) {
        e->server.step = step;
        env_start(e, &e->rec[0], get_x);
        env_wait_end(e, &e->rec[0]);
        assert_good(&e->rec[0], "abc0123456789abcdef");
        assert_int_equal(e->rec[0].length, -1);
    }
    assert_int_equal(stats(e).opened, 1);
}

/* An answer after which the connection cannot be used again. */
static void check_not_reused(struct env *e, const char *answer, const char *body)
{
    e->server.answer = answer;
    env_serve(e, script_same);
    for (unsigned i = 1; i < 3; i++) {
        env_start(e, &e->rec[0], get_x);
        env_wait_end(e, &e->rec[0]);
        assert_good(&e->rec[0], body);
        assert_int_equal(stats(e).opened, i);
        assert_int_equal(stats(e).idle, 0);
    }
}

static void test_close_header(void **state)
{
    check_not_reused(*state, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                     "ok");
}

static void test_http10(void **state)
{
    check_not_reused(*state, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok");
}

static void test_leftover(void **state)
{
    check_not_reused(*state, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
                     "ok");
}

static void script_once(struct scripted *s)
{
    for (;;) {
        struct visitor p = visitor_take(s);
        if (p.fd < 0)
            return;
        if (visitor_hear(s, &p))
            visitor_say(&p, s->answer);
        visitor_close(&p);
    }
}

static void test_close_delimited(void **state)
{
    struct env *e = *state;
    e->server.answer = "HTTP/1.1 200 OK\r\n\r\nall of it";
    env_serve(e, script_once);
    env_start(e, &e->rec[0], get_x);
    env_wait_end(e, &e->rec[0]);
    assert_good(&e->rec[0], "all of it");
}

static void test_no_body(void **state)
{
    struct env *e = *state;
    struct rec *r = &e->rec[0];
    e->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    env_serve(e, script_same);
    struct call_request rq = env_request(e, get_x);
    rq.head_only = true;
    (void)http_client_start(e->client, &rq, &rec_events, r);
    env_wait_end(e, r);
    assert_good(r, "");
    e->server.answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nX: y\r\n\r\n";
    env_start(e, r, get_x);
    env_wait_end(e, r);
    assert_good(r, "");
    assert_int_equal(r->status, 204);
    assert_int_equal(stats(e).opened, 1);
}

/* A new call from within the end event takes the same connection. */
static void start_again(struct rec *r)
{
    struct env *e = r->arg;
    struct call_request rq = env_request(e, get_x);
    e->rec[1].call = http_client_start(e->client, &rq, &rec_events, &e->rec[1]);
    assert_int_equal(e->rec[1].heads + e->rec[1].ends, 0);
}

static void test_start_in_end(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    env_serve(e, script_same);
    env_start(e, &e->rec[0], get_x);
    e->rec[0].on_end = start_again;
    e->rec[0].arg = e;
    env_wait_end(e, &e->rec[1]);
    assert_good(&e->rec[1], "hello");
    assert_int_equal(stats(e).opened, 1);
}

/* ---- Connections that go stale. ---- */

static void test_stale_retry(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    env_serve(e, script_once);
    env_start(e, &e->rec[0], get_x);
    env_wait_end(e, &e->rec[0]);
    /* The server has closed, and the loop had no turn to see it. */
    http_client_set_options(e->client, &e->options);
    env_start(e, &e->rec[1], get_x);
    env_wait_end(e, &e->rec[1]);
    assert_good(&e->rec[1], "hello");
    assert_int_equal(e->server.requests, 2);
}

static void script_reset_idle(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    assert_true(visitor_hear(s, &p));
    visitor_say(&p, s->answer);
    /* The second request is heard and then reset: that counts as stale once. */
    (void)visitor_hear(s, &p);
    visitor_reset(&p);
    p = visitor_take(s);
    if (p.fd >= 0 && visitor_hear(s, &p))
        visitor_say(&p, s->answer);
    visitor_close(&p);
}

static void test_stale_reset(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    env_serve(e, script_reset_idle);
    for (int i = 0; i < 2; i++) {
        env_start(e, &e->rec[i], get_x);
        env_wait_end(e, &e->rec[i]);
        assert_good(&e->rec[i], "hello");
    }
    assert_int_equal(stats(e).retried_stale, 1);
    assert_int_equal(stats(e).opened, 2);
}

static void script_close_second(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    assert_true(visitor_hear(s, &p));
    visitor_say(&p, s->answer);
    (void)visitor_hear(s, &p);
    visitor_close(&p);
    p = visitor_take(s);
    (void)visitor_hear(s, &p);
    visitor_close(&p);
}

static void test_retried_once(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    env_serve(e, script_close_second);
    env_start(e, &e->rec[0], get_x);
    env_wait_end(e, &e->rec[0]);
    env_start(e, &e->rec[1], get_x);
    env_wait_end(e, &e->rec[1]);
    assert_failed(&e->rec[1], ERR_UP_CLOSED);
    assert_int_equal(stats(e).retried_stale, 1);
}

/* A 408 that crossed our request is not the answer to it; the first one of a connection is. */
static void script_408(struct scripted *s)
{
    static const char timeout[] =
        "HTTP/1.1 408 Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    struct visitor p = visitor_take(s);
    assert_true(visitor_hear(s, &p));
    visitor_say(&p, s->answer);
    (void)visitor_hear(s, &p);
    visitor_say(&p, timeout);
    visitor_close(&p);
    p = visitor_take(s);
    (void)visitor_hear(s, &p);
    visitor_say(&p, timeout);
    visitor_close(&p);
}

static void test_stale_408(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    env_serve(e, script_408);
    for (int i = 0; i < 2; i++) {
        env_start(e, &e->rec[i], get_x);
        env_wait_end(e, &e->rec[i]);
    }
    assert_good(&e->rec[1], "");
    assert_int_equal(e->rec[1].status, 408);
    assert_int_equal(stats(e).retried_stale, 1);
}

static void test_idle_close_seen(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    env_serve(e, script_once);
    env_start(e, &e->rec[0], get_x);
    env_wait_end(e, &e->rec[0]);
    env_turn(e, NULL, 100);
    assert_int_equal(stats(e).idle, 0);
}

static void test_keepalive_ends(void **state)
{
    struct env *e = *state;
    e->options.keepalive_ms = 30;
    env_options(e);
    e->server.answer = hello;
    env_serve(e, script_same);
    env_start(e, &e->rec[0], get_x);
    env_wait_end(e, &e->rec[0]);
    assert_int_equal(stats(e).idle, 1);
    env_turn(e, NULL, 100);
    assert_int_equal(stats(e).idle, 0);
}

/* ---- Failures. ---- */

static void test_refused(void **state)
{
    struct env *e = *state;
    e->origin = origin_at("http://127.0.0.1:1", "direct", "");
    env_start(e, &e->rec[0], get_x);
    env_wait_end(e, &e->rec[0]);
    assert_failed(&e->rec[0], ERR_UP_REFUSED);
    assert_non_null(strstr(e->rec[0].text, "http://127.0.0.1:1: Connection refused"));
}

static void test_bad_name(void **state)
{
    struct env *e = *state;
    e->origin = origin_at("http://a.label.longer.than.sixty-three-bytes-is-refused-before-anyone-"
                          "is-asked-for-it-0123456789",
                          "direct", "");
    env_start(e, &e->rec[0], get_x);
    env_wait_end(e, &e->rec[0]);
    assert_failed(&e->rec[0], ERR_UP_DNS);
}

/* A listener whose queue is full does not answer: the connection hangs. */
static void test_connect_timeout(void **state)
{
    struct env *e = *state;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof addr;
    int full = socket(AF_INET, SOCK_STREAM, 0), fill[4];
    char url[64];
    assert_int_equal(bind(full, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(full, 0), 0);
    assert_int_equal(getsockname(full, (struct sockaddr *)&addr, &size), 0);
    for (size_t i = 0; i < N(fill); i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&addr, sizeof addr);
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(addr.sin_port));
    e->origin = origin_at(url, "direct", "");
    struct call_request rq = env_request(e, get_x);
    rq.connect_ms = 50;
    e->rec[0].call = http_client_start(e->client, &rq, &rec_events, &e->rec[0]);
    env_wait_end(e, &e->rec[0]);
    assert_failed(&e->rec[0], ERR_UP_CONNECT);
    for (size_t i = 0; i < N(fill); i++)
        close(fill[i]);
    close(full);
}

static void script_once_reset(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    (void)visitor_hear(s, &p);
    visitor_say(&p, s->answer);
    usleep(20000); /* an RST at once may overtake what was said */
    visitor_reset(&p);
}

static void test_answers_that_fail(void **state)
{
    static const struct {
        const char *answer;
        enum err close, reset;
    } cases[] = {
        {"", ERR_UP_CLOSED, ERR_UP_RESET},
        {"HTTP/1.1 200 OK\r\nContent-", ERR_UP_CLOSED, ERR_UP_RESET},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ERR_UP_CUT, ERR_UP_RESET},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", ERR_UP_CUT, ERR_UP_RESET},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", ERR_UP_CUT,
         ERR_UP_RESET},
        {"HTTP/1.1 200 OK\r\n\r\nhalf", OK, ERR_UP_RESET},
        {"not HTTP at all\r\n\r\n", ERR_UP_PROTOCOL, ERR_UP_PROTOCOL},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", ERR_UP_PROTOCOL,
         ERR_UP_PROTOCOL},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ERR_UP_PROTOCOL,
         ERR_UP_PROTOCOL},
        {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", ERR_UP_PROTOCOL,
         ERR_UP_PROTOCOL},
    };
    struct env *e = *state;
    for (size_t i = 0; i < N(cases) * 2; i++) {
        bool by_reset = i % 2;
        e->server.answer = cases[i / 2].answer;
        env_serve(e, by_reset ? script_once_reset : script_once);
        env_start(e, &e->rec[0], get_x);
        env_wait_end(e, &e->rec[0]);
        enum err want = by_reset ? cases[i / 2].reset : cases[i / 2].close;
        if (want)
            assert_failed(&e->rec[0], want);
        else
            assert_good(&e->rec[0], "half");
        assert_int_equal(stats(e).idle, 0);
        scripted_join(&e->server);
    }
}

static void test_head_too_large(void **state)
{
    struct env *e = *state;
    e->options.head_max = 64;
    env_options(e);
    e->server.answer = "HTTP/1.1 200 OK\r\nX: 0123456789012345678901234567890123456789\r\n"
                       "Content-Length: 0\r\n\r\n";
    env_serve(e, script_same);
    env_start(e, &e->rec[0], get_x);
    env_wait_end(e, &e->rec[0]);
    assert_failed(&e->rec[0], ERR_UP_TOO_LARGE);
}

/* ---- Uploads. ---- */

enum { BIG = 4 << 20 };

static char *big(const char *start_line, size_t n)
{
    char *text = malloc(n + 128);
    int head = sprintf(text, "%s\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", start_line, n);
    memset(text + head, 'x', n);
    text[(size_t)head + n] = 0;
    return text;
}

/* Answers when it has heard enough, reads no more, and closes. */
static void script_early(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    char some[1000];
    (void)visitor_read(&p, some, sizeof some);
    visitor_say(&p, s->answer);
    usleep(50000);
    visitor_close(&p);
}

static void test_early_answer(void **state)
{
    struct env *e = *state;
    char *post = big("POST /x HTTP/1.1", BIG);
    e->server.answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig";
    env_serve(e, script_early);
    env_start(e, &e->rec[0], post);
    env_wait_end(e, &e->rec[0]);
    assert_good(&e->rec[0], "big");
    assert_int_equal(e->rec[0].status, 413);
    assert_int_equal(stats(e).idle, 0);
    free(post);
}

/* Hears a chunked upload to its end, counting in last_n, and answers. */
static void script_upload(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    char tail[8] = "";
    s->last_n = 0;
    usleep(50000); /* long enough for the queue to fill */
    while (!strstr(tail, "0\r\n\r\n")) {
        char some[65536];
        ssize_t got = visitor_read(&p, some, sizeof some);
        if (got <= 0)
            break;
        if (s->last_n + 1000 < sizeof s->last)
            memcpy(s->last + s->last_n, some, got < 1000 ? (size_t)got : 1000);
        s->last_n += (size_t)got;
        memcpy(tail, got < 7 ? some : some + got - 7, got < 7 ? (size_t)got : 7);
    }
    visitor_say(&p, s->answer);
    visitor_close(&p);
}

static void test_upload(void **state)
{
    struct env *e = *state;
    struct rec *r = &e->rec[0];
    static char piece[100000];
    memset(piece, 'p', sizeof piece);
    e->server.answer = hello;
    env_serve(e, script_upload);
    struct call_request rq =
        env_request(e, "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    rq.streamed = true;
    r->call = http_client_start(e->client, &rq, &rec_events, r);
    unsigned sent = 0, waits = 0;
    while (sent < 100) {
        sent++;
        if (r->call->ops->send(r->call, str_of(piece, sizeof piece), sent == 100))
            continue;
        unsigned before = r->drains;
        waits++;
        while (r->drains == before && !r->ends)
            uv_run(&e->worker.loop, UV_RUN_ONCE);
        if (r->ends && sent < 100)
            fail_msg("ended after %u pieces: %s", sent, r->text);
    }
    env_wait_end(e, r);
    assert_good(r, "hello");
    assert_true(waits > 0);
    scripted_join(&e->server);
    assert_true(e->server.last_n > 100 * sizeof piece);
    assert_non_null(strstr(e->server.last, "\r\n\r\n186a0\r\npppp"));
}

static void test_upload_raw(void **state)
{
    struct env *e = *state;
    struct rec *r = &e->rec[0];
    e->server.answer = hello;
    env_serve(e, script_same);
    struct call_request rq =
        env_request(e, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n");
    rq.streamed = rq.raw_stream = true;
    for (int i = 0; i < 2; i++) {
        rec_clear(r);
        r->call = http_client_start(e->client, &rq, &rec_events, r);
        assert_true(r->call->ops->send(r->call, S("abc"), false));
        env_turn(e, NULL, 20);
        assert_true(r->call->ops->send(r->call, S("def"), true));
        env_wait_end(e, r);
        assert_good(r, "hello");
    }
    assert_int_equal(stats(e).opened, 1);
    http_client_close(e->client);
    env_turn(e, NULL, 20);
    scripted_join(&e->server);
    assert_true(str_ends(str_of(e->server.last, e->server.last_n), S("\r\n\r\nabcdef")));
}

/* ---- Pause and cancel. ---- */

static void pause_it(struct rec *r)
{
    call_pause(r->call);
}

static void cancel_it(struct rec *r)
{
    call_cancel(r->call);
    r->call = NULL;
}

static void test_pause_in_head(void **state)
{
    struct env *e = *state;
    struct rec *r = &e->rec[0];
    e->server.answer = chunked;
    env_serve(e, script_same);
    env_start(e, r, get_x);
    r->on_head = r->on_body = pause_it;
    env_turn(e, &r->heads, 1000);
    env_turn(e, &r->bodies, 50);
    assert_int_equal(r->bodies, 0);
    call_resume(r->call);
    env_turn(e, &r->bodies, 1000);
    assert_int_equal(r->bodies, 1);
    env_turn(e, NULL, 50);
    assert_int_equal(r->ends, 0);
    call_resume(r->call);
    env_wait_end(e, r);
    assert_good(r, "abc0123456789abcdef");
    assert_int_equal(stats(e).idle, 1);
}

static void script_big(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    char *answer = big("HTTP/1.1 200 OK", BIG);
    if (visitor_hear(s, &p))
        visitor_say(&p, answer);
    free(answer);
    visitor_close(&p);
}

/* While paused nothing is read, so the provider is held up by TCP. */
static void test_backpressure(void **state)
{
    struct env *e = *state;
    struct rec *r = &e->rec[0];
    env_serve(e, script_big);
    env_start(e, r, get_x);
    r->on_body = pause_it;
    unsigned resumes = 0;
    while (!r->ends && resumes < 10000) {
        unsigned before = r->bodies;
        uv_run(&e->worker.loop, UV_RUN_ONCE);
        if (r->bodies == before || r->ends)
            continue;
        if (resumes++ < 3) {
            env_turn(e, NULL, 30);
            assert_int_equal(r->bodies, before + 1);
        }
        call_resume(r->call);
    }
    if (r->err)
        fail_msg("%s", r->text);
    assert_int_equal(r->body.n, BIG);
    assert_true(resumes >= BIG / WORKER_READ_BYTES);
}

static void expect_silence(struct env *e, struct rec *r)
{
    struct rec before = *r;
    env_turn(e, NULL, 60);
    assert_int_equal(r->heads, before.heads);
    assert_int_equal(r->bodies, before.bodies);
    assert_int_equal(r->ends, 0);
    assert_int_equal(stats(e).busy, 0);
    assert_int_equal(stats(e).idle, 0);
}

static void script_silent(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    char c;
    if (p.fd < 0)
        return;
    if (visitor_hear(s, &p) && s->answer)
        visitor_say(&p, s->answer);
    /* Whether the client closed: that is what cancelling must lead to. */
    s->resumed = visitor_read(&p, &c, 1) <= 0;
    visitor_close(&p);
}

static void test_cancel_before_head(void **state)
{
    struct env *e = *state;
    env_serve(e, script_silent);
    env_start(e, &e->rec[0], get_x);
    env_turn(e, NULL, 30);
    cancel_it(&e->rec[0]);
    expect_silence(e, &e->rec[0]);
    scripted_join(&e->server);
    assert_int_equal(e->server.requests, 1);
    assert_int_equal(e->server.resumed, 1);
}

static void test_cancel_at_once(void **state)
{
    struct env *e = *state;
    env_serve(e, script_silent);
    env_start(e, &e->rec[0], get_x);
    cancel_it(&e->rec[0]);
    expect_silence(e, &e->rec[0]);
    /* Also while a failure waits for its event. */
    e->origin = origin_at("http://127.0.0.1:1", "direct", "");
    env_start(e, &e->rec[0], get_x);
    uv_run(&e->worker.loop, UV_RUN_NOWAIT);
    if (!e->rec[0].ends) {
        cancel_it(&e->rec[0]);
        expect_silence(e, &e->rec[0]);
    }
}

static void test_cancel_in_events(void **state)
{
    struct env *e = *state;
    for (int i = 0; i < 3; i++) {
        e->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
        env_serve(e, script_silent);
        env_start(e, &e->rec[0], get_x);
        if (i == 0)
            e->rec[0].on_head = cancel_it;
        else
            e->rec[0].on_body = i == 1 ? cancel_it : pause_it;
        env_turn(e, i ? &e->rec[0].bodies : &e->rec[0].heads, 1000);
        if (i == 2)
            cancel_it(&e->rec[0]);
        expect_silence(e, &e->rec[0]);
        scripted_join(&e->server);
        assert_int_equal(e->server.resumed, 1);
        e->server.resumed = 0;
    }
}

/* ---- Shutting down. ---- */

static void test_close_while_busy(void **state)
{
    struct env *e = *state;
    struct rec *r = &e->rec[0];
    e->server.answer = chunked;
    env_serve(e, script_same);
    env_start(e, r, get_x);
    r->on_head = pause_it;
    env_turn(e, &r->heads, 1000);
    http_client_close(e->client);
    env_start(e, &e->rec[1], get_x);
    env_wait_end(e, &e->rec[1]);
    assert_failed(&e->rec[1], ERR_SHUTDOWN);
    call_resume(r->call);
    env_wait_end(e, r);
    assert_good(r, "abc0123456789abcdef");
    assert_int_equal(stats(e).idle, 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, env_setup, env_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_reuse),
        CASE(test_chunked),
        CASE(test_close_header),
        CASE(test_http10),
        CASE(test_leftover),
        CASE(test_close_delimited),
        CASE(test_no_body),
        CASE(test_start_in_end),
        CASE(test_stale_retry),
        CASE(test_stale_reset),
        CASE(test_stale_408),
        CASE(test_retried_once),
        CASE(test_idle_close_seen),
        CASE(test_keepalive_ends),
        CASE(test_refused),
        CASE(test_bad_name),
        CASE(test_connect_timeout),
        CASE(test_answers_that_fail),
        CASE(test_head_too_large),
        CASE(test_early_answer),
        CASE(test_upload),
        CASE(test_upload_raw),
        CASE(test_pause_in_head),
        CASE(test_backpressure),
        CASE(test_cancel_before_head),
        CASE(test_cancel_at_once),
        CASE(test_cancel_in_events),
        CASE(test_close_while_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

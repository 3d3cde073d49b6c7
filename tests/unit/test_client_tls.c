/* The client over TLS and through proxies, against scripted ones. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tls.h"
#include "support/scripted.h"

static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
static const char closing[] =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";

static char folder[] = "/tmp/test_client_tls.XXXXXX";
static char cert[64], key[64], other_cert[64], other_key[64];

static int make_certificates(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(other_cert, sizeof other_cert, "%s/other.pem", folder);
    snprintf(other_key, sizeof other_key, "%s/other.key", folder);
    scripted_certificate(cert, key);
    scripted_certificate(other_cert, other_key);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    return unlink(cert) | unlink(key) | unlink(other_cert) | unlink(other_key) | rmdir(folder);
}

static SSL_CTX *server_ctx(void)
{
    struct fail f;
    SSL_CTX *ctx = tls_server_ctx(str_c(cert), str_c(key), &f);
    if (!ctx)
        fail_msg("%s", f.text);
    return ctx;
}

/* A TLS provider; the origin's URL names it as host. */
static void serve_tls(struct env *e, void (*script)(struct scripted *), const char *host,
                      const char *ca_file, const char *proxy)
{
    char url[128];
    e->server.tls = server_ctx();
    scripted_start(&e->server, script);
    snprintf(url, sizeof url, "https://%s:%u/", host, e->server.port);
    e->origin = origin_at(url, proxy, ca_file);
}

static struct http_client_stats stats(struct env *e)
{
    return http_client_stats(e->client);
}

static void once(struct env *e)
{
    env_start(e, &e->rec[0], get_x);
    env_wait_end(e, &e->rec[0]);
}

static void good_once(struct env *e)
{
    once(e);
    assert_good(&e->rec[0], "hello");
}

/* ---- TLS. ---- */

static void test_reuse(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    serve_tls(e, script_same, "127.0.0.1", cert, "direct");
    for (int i = 0; i < 3; i++)
        good_once(e);
    assert_int_equal(stats(e).opened, 1);
    assert_int_equal(stats(e).reused, 2);
    assert_int_equal(stats(e).idle, 1);
}

/* By name: localhost may be ::1 first, where nobody listens. */
static void test_name(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    serve_tls(e, script_same, "localhost", cert, "direct");
    good_once(e);
}

static void test_resumption(void **state)
{
    struct env *e = *state;
    e->server.answer = closing;
    serve_tls(e, script_same, "127.0.0.1", cert, "direct");
    for (int i = 0; i < 4; i++)
        good_once(e);
    assert_int_equal(stats(e).opened, 4);
    assert_int_equal(stats(e).resumed_tls, 3);
    assert_int_equal(e->server.resumed, 3);
}

static void test_resumption_12(void **state)
{
    struct env *e = *state;
    e->server.answer = closing;
    e->server.tls = NULL;
    serve_tls(e, script_same, "127.0.0.1", cert, "direct");
    SSL_CTX_set_max_proto_version(e->server.tls, TLS1_2_VERSION);
    for (int i = 0; i < 4; i++)
        good_once(e);
    assert_int_equal(stats(e).resumed_tls, 3);
}

static void expect_tls_failure(struct env *e, const char *why)
{
    once(e);
    assert_failed(&e->rec[0], ERR_UP_TLS);
    if (!strstr(e->rec[0].text, why))
        fail_msg("%s", e->rec[0].text);
    assert_int_equal(stats(e).idle, 0);
}

static void test_untrusted(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    serve_tls(e, script_same, "127.0.0.1", "", "direct");
    expect_tls_failure(e, "certificate: self-signed");
}

static void test_other_anchor(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    serve_tls(e, script_same, "127.0.0.1", other_cert, "direct");
    expect_tls_failure(e, "certificate: ");
}

static void test_wrong_address(void **state)
{
    struct env *e = *state;
    e->server.answer = hello;
    serve_tls(e, script_same, "127.0.0.1", cert, "direct");
    char url[64];
    /* The same listener by an address that is not in the certificate. */
    snprintf(url, sizeof url, "https://[::ffff:127.0.0.1]:%u", e->server.port);
    e->origin = origin_at(url, "direct", cert);
    expect_tls_failure(e, "certificate: IP address mismatch");
}

static void script_plain(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    char some[1000];
    (void)visitor_read(&p, some, sizeof some);
    if (s->answer)
        visitor_say(&p, s->answer);
    visitor_close(&p);
}

static void test_not_tls(void **state)
{
    struct env *e = *state;
    char url[64];
    for (int i = 0; i < 2; i++) {
        e->server.answer = i ? "HTTP/1.1 400 Bad Request\r\n\r\n" : NULL;
        scripted_start(&e->server, script_plain);
        snprintf(url, sizeof url, "https://127.0.0.1:%u", e->server.port);
        e->origin = origin_at(url, "direct", cert);
        expect_tls_failure(e, ": ");
        scripted_join(&e->server);
    }
}

/* A server that says nothing: the connect deadline covers the handshake. */
static void script_mute(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    char some[1000];
    while (visitor_read(&p, some, sizeof some) > 0)
        continue;
    visitor_close(&p);
}

static void test_handshake_timeout(void **state)
{
    struct env *e = *state;
    char url[64];
    scripted_start(&e->server, script_mute);
    snprintf(url, sizeof url, "https://127.0.0.1:%u", e->server.port);
    e->origin = origin_at(url, "direct", cert);
    struct call_request rq = env_request(e, get_x);
    rq.connect_ms = 50;
    (void)http_client_start(e->client, &rq, &rec_events, &e->rec[0]);
    env_wait_end(e, &e->rec[0]);
    assert_failed(&e->rec[0], ERR_UP_CONNECT);
    assert_non_null(strstr(e->rec[0].text, "(TLS)"));
}

/* One handshake at a time: all get through, and one that is cancelled holds nobody up. */
static void test_turns(void **state)
{
    struct env *e = *state;
    e->options.max_handshakes = 1;
    env_options(e);
    e->server.answer = closing;
    serve_tls(e, script_same, "127.0.0.1", cert, "direct");
    for (int i = 0; i < 6; i++)
        env_start(e, &e->rec[i], get_x);
    env_turn(e, NULL, 1);
    call_cancel(e->rec[4].call);
    for (int i = 0; i < 6; i++) {
        if (i == 4)
            continue;
        env_wait_end(e, &e->rec[i]);
        assert_good(&e->rec[i], "hello");
    }
}

/* Those who wait for their turn take a connection that becomes free instead. */
static void test_relieved(void **state)
{
    struct env *e = *state;
    e->options.max_handshakes = 1;
    env_options(e);
    e->server.answer = hello;
    serve_tls(e, script_same, "127.0.0.1", cert, "direct");
    for (int i = 0; i < 6; i++)
        env_start(e, &e->rec[i], get_x);
    /* The server serves one connection at a time, so the one whose turn came when the first
     * connection stood is stuck; the others share that connection. */
    for (int i = 0; i < 6; i++) {
        if (i == 1)
            continue;
        env_wait_end(e, &e->rec[i]);
        assert_good(&e->rec[i], "hello");
    }
    assert_int_equal(e->rec[1].ends, 0);
    call_cancel(e->rec[1].call);
    assert_int_equal(stats(e).opened, 1);
    assert_int_equal(stats(e).reused, 4);
}

/* A provider that does not shake hands leaves turns to others. */
static void test_turns_are_shared(void **state)
{
    struct env *e = *state;
    char url[64];
    e->options.max_handshakes = 4;
    env_options(e);
    scripted_start(&e->other, script_mute);
    snprintf(url, sizeof url, "https://127.0.0.1:%u", e->other.port);
    e->origin = origin_at(url, "direct", cert);
    for (int i = 1; i < 8; i++)
        env_start(e, &e->rec[i], get_x);
    env_turn(e, NULL, 20);
    e->server.answer = hello;
    serve_tls(e, script_same, "127.0.0.1", cert, "direct");
    good_once(e);
    for (int i = 1; i < 8; i++)
        call_cancel(e->rec[i].call);
}

/* Without descriptors left, idle connections make room. */
static void test_descriptors(void **state)
{
    struct env *e = *state;
    int fds[1024], n = 0;
    struct rlimit limit, low;
    e->server.answer = hello;
    serve_tls(e, script_same, "127.0.0.1", cert, "direct");
    good_once(e);
    assert_int_equal(stats(e).idle, 1);
    e->origin = origin_at("http://127.0.0.1:1", "direct", "");
    getrlimit(RLIMIT_NOFILE, &limit);
    low = (struct rlimit){1024, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    while (n < 1024 && (fds[n] = dup(0)) >= 0)
        n++;
    env_start(e, &e->rec[0], get_x);
    for (int i = 0; i < n; i++)
        close(fds[i]);
    setrlimit(RLIMIT_NOFILE, &limit);
    env_wait_end(e, &e->rec[0]);
    assert_failed(&e->rec[0], ERR_UP_REFUSED);
    assert_int_equal(stats(e).idle, 0);
}

enum { BIG = 3 << 20 };

static void script_big(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    static char some[BIG];
    char head[128];
    memset(some, 'b', sizeof some);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BIG);
    if (p.fd >= 0 && visitor_hear(s, &p)) {
        visitor_say(&p, head);
        visitor_say_n(&p, some, sizeof some);
        (void)visitor_hear(s, &p);
    }
    visitor_close(&p);
}

static void pause_it(struct rec *r)
{
    call_pause(r->call);
}

static void test_backpressure(void **state)
{
    struct env *e = *state;
    struct rec *r = &e->rec[0];
    serve_tls(e, script_big, "127.0.0.1", cert, "direct");
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
    assert_int_equal(r->err, OK);
    assert_int_equal(r->body.n, BIG);
    assert_int_equal(stats(e).idle, 1);
}

/* Without pauses: more than one turn's worth lies in the socket and in OpenSSL. */
static void test_big(void **state)
{
    struct env *e = *state;
    serve_tls(e, script_big, "127.0.0.1", cert, "direct");
    once(e);
    assert_int_equal(e->rec[0].err, OK);
    assert_int_equal(e->rec[0].body.n, BIG);
}

static const char until_close[] = "HTTP/1.1 200 OK\r\n\r\nhello";

/* s->step 1: by TCP alone, as one in between could do it. */
static void script_until_close(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    if (p.fd >= 0 && visitor_hear(s, &p))
        visitor_say(&p, until_close);
    if (p.ssl && s->step)
        SSL_set_quiet_shutdown(p.ssl, 1);
    visitor_close(&p);
}

static void test_until_close(void **state)
{
    struct env *e = *state;
    for (size_t step = 0; step < 2; step++) {
        SSL_CTX_free(e->server.tls);
        e->server.step = step;
        serve_tls(e, script_until_close, "127.0.0.1", cert, "direct");
        once(e);
        if (step)
            assert_failed(&e->rec[0], ERR_UP_CUT);
        else
            assert_good(&e->rec[0], "hello");
        scripted_join(&e->server);
    }
}

/* ---- Contexts. ---- */

static void test_files(void **state)
{
    (void)state;
    struct fail f;
    assert_null(tls_server_ctx(S("/nowhere/cert.pem"), str_c(key), &f));
    assert_non_null(strstr(f.text, "/nowhere/cert.pem: No such file"));
    assert_null(tls_server_ctx(str_c(cert), S("/nowhere/key.pem"), &f));
    assert_non_null(strstr(f.text, "/nowhere/key.pem: No such file"));
    assert_null(tls_server_ctx(str_c(cert), str_c(other_key), &f));
    assert_non_null(strstr(f.text, "other.key: key values mismatch"));
    assert_null(tls_server_ctx(str_c(key), str_c(key), &f));
    assert_non_null(strstr(f.text, key));
    assert_int_equal(tls_client_check(S("/nowhere/ca.pem"), &f), ERR_CONFIG);
    assert_non_null(strstr(f.text, "/nowhere/ca.pem: No such file"));
    assert_int_equal(tls_client_check(str_c(cert), &f), OK);
    assert_int_equal(tls_client_check(S(""), &f), OK);
}

/* ---- Proxies. ---- */

static void pump(struct visitor *from, int to)
{
    struct pollfd fds[2] = {{from->fd, POLLIN, 0}, {to, POLLIN, 0}};
    struct visitor far = {to, NULL};
    char some[16384];
    for (;;) {
        bool pending = from->ssl && SSL_has_pending(from->ssl);
        if (!pending && poll(fds, 2, 10000) <= 0)
            return;
        if (pending || fds[0].revents) {
            ssize_t n = visitor_read(from, some, sizeof some);
            if (n <= 0)
                return;
            visitor_say_n(&far, some, (size_t)n);
        }
        if (!pending && fds[1].revents) {
            ssize_t n = visitor_read(&far, some, sizeof some);
            if (n <= 0)
                return;
            visitor_say_n(from, some, (size_t)n);
        }
    }
}

static void tunnel(struct visitor *p, uint16_t port, const char *words, size_t n)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0) {
        visitor_say_n(p, words, n);
        pump(p, fd);
    }
    close(fd);
}

/* s->answer: what to say instead of letting through. */
static void script_connect(struct scripted *s)
{
    static const char yes[] = "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n";
    for (;;) {
        struct visitor p = visitor_take(s);
        if (p.fd < 0)
            return;
        unsigned port = 0;
        if (visitor_hear(s, &p) && s->answer)
            visitor_say(&p, s->answer);
        else if (sscanf(s->last, "CONNECT %*[^:]:%u HTTP/1.1", &port) == 1)
            tunnel(&p, (uint16_t)port, yes, sizeof yes - 1);
        visitor_close(&p);
    }
}

static bool hear_n(struct scripted *s, struct visitor *p, size_t n)
{
    for (size_t got = 0; got < n; got++) {
        if (visitor_read(p, s->last + s->last_n, 1) != 1)
            return false;
        s->last_n++;
    }
    return true;
}

/* Everything the client says is kept in s->last. s->answer "auth": wants user and password;
 * "no": refuses the connection. */
static void script_socks(struct scripted *s)
{
    struct visitor p = visitor_take(s);
    const char *how = s->answer ? s->answer : "";
    bool auth = strcmp(how, "auth") == 0;
    s->last_n = 0;
    if (!hear_n(s, &p, 2) || !hear_n(s, &p, (size_t)s->last[1]))
        return visitor_close(&p);
    visitor_say_n(&p, auth ? "\x05\x02" : "\x05\x00", 2);
    if (auth) {
        (void)hear_n(s, &p, 2);
        (void)hear_n(s, &p, (size_t)s->last[s->last_n - 1] + 1);
        (void)hear_n(s, &p, (size_t)s->last[s->last_n - 1]);
        visitor_say_n(&p, "\x01\x00", 2);
    }
    size_t at = s->last_n;
    (void)hear_n(s, &p, 5);
    size_t left = s->last[at + 3] == 1 ? 3 : s->last[at + 3] == 3 ? (size_t)s->last[at + 4] : 15;
    (void)hear_n(s, &p, left + 2);
    unsigned port =
        (unsigned char)s->last[s->last_n - 2] * 256u + (unsigned char)s->last[s->last_n - 1];
    static const char yes[] = "\x05\x00\x00\x03\x01x\x00\x00";
    if (strcmp(how, "no") == 0)
        visitor_say_n(&p, "\x05\x05\x00\x01\0\0\0\0\0\0", 10);
    else
        tunnel(&p, (uint16_t)port, yes, sizeof yes - 1);
    visitor_close(&p);
}

/* The provider behind a proxy; plain unless tls. login: "user:password@" or "". */
static void serve_behind(struct env *e, void (*proxy_script)(struct scripted *), bool tls,
                         const char *scheme, const char *login, const char *host)
{
    char proxy[128], url[128];
    e->server.answer = hello;
    e->server.tls = tls ? server_ctx() : NULL;
    e->other.tls = strcmp(scheme, "https") ? NULL : server_ctx();
    scripted_start(&e->server, script_same);
    scripted_start(&e->other, proxy_script);
    snprintf(proxy, sizeof proxy, "%s://%s127.0.0.1:%u", scheme, login, e->other.port);
    snprintf(url, sizeof url, "http%s://%s:%u", tls ? "s" : "", host, e->server.port);
    e->origin = origin_at(url, proxy, cert);
}

static void finish(struct env *e)
{
    http_client_close(e->client);
    env_turn(e, NULL, 20);
    scripted_join(&e->server);
    scripted_join(&e->other);
}

static void test_connect_plain(void **state)
{
    struct env *e = *state;
    serve_behind(e, script_connect, false, "http", "me:p%40ss@", "127.0.0.1");
    good_once(e);
    good_once(e);
    assert_int_equal(stats(e).opened, 1);
    finish(e);
    char want[200];
    snprintf(want, sizeof want,
             "CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
             "Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n",
             e->server.port, e->server.port);
    assert_string_equal(e->other.last, want);
}

static void test_connect_tls(void **state)
{
    struct env *e = *state;
    serve_behind(e, script_connect, true, "http", "", "localhost");
    good_once(e);
    good_once(e);
    assert_int_equal(stats(e).opened, 1);
    finish(e);
    assert_null(strstr(e->other.last, "Authorization"));
    assert_non_null(strstr(e->other.last, "CONNECT localhost:"));
}

static void test_https_proxy(void **state)
{
    struct env *e = *state;
    serve_behind(e, script_connect, false, "https", "", "127.0.0.1");
    good_once(e);
    good_once(e);
}

static void test_tls_in_tls(void **state)
{
    struct env *e = *state;
    serve_behind(e, script_connect, true, "https", "", "127.0.0.1");
    good_once(e);
    good_once(e);
    assert_int_equal(stats(e).opened, 1);
}

static void expect_proxy_failure(struct env *e, const char *why)
{
    once(e);
    assert_failed(&e->rec[0], ERR_UP_PROXY);
    if (!strstr(e->rec[0].text, why))
        fail_msg("%s", e->rec[0].text);
    assert_null(strstr(e->rec[0].text, "p%40ss"));
    assert_null(strstr(e->rec[0].text, "p@ss"));
}

static void test_connect_refused(void **state)
{
    static const char *const answers[][2] = {
        {"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", "credentials (407)"},
        {"HTTP/1.1 503 No\r\n\r\n", "the proxy answered 503"},
        {"SSH-2.0\r\n\r\n", "not HTTP"},
        {"HTTP/1.1 200 OK\r\n\r\nearly", "more than its answer"},
        {"", "closed the connection"},
    };
    struct env *e = *state;
    serve_behind(e, script_connect, false, "http", "me:p%40ss@", "127.0.0.1");
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        e->other.answer = answers[i][0];
        expect_proxy_failure(e, answers[i][1]);
    }
    e->origin = origin_at("http://127.0.0.1:9", "http://me:p%40ss@127.0.0.1:1", "");
    expect_proxy_failure(e, "proxy http://127.0.0.1:1: Connection refused");
}

static void test_socks(void **state)
{
    struct env *e = *state;
    serve_behind(e, script_socks, false, "socks5", "", "localhost");
    good_once(e);
    finish(e);
    assert_memory_equal(e->other.last, "\x05\x01\x00\x05\x01\x00", 6);
    /* Looked up here, so it got an address. */
    assert_true(e->other.last[6] == 1 || e->other.last[6] == 4);
}

static void test_socks_name(void **state)
{
    struct env *e = *state;
    serve_behind(e, script_socks, true, "socks5h", "me:p%40ss@", "localhost");
    e->other.answer = "auth";
    good_once(e);
    finish(e);
    static const char want[] = "\x05\x02\x00\x02\x01\x02me\x04p@ss\x05\x01\x00\x03\x09localhost";
    assert_memory_equal(e->other.last, want, sizeof want - 1);
}

static void test_socks_refused(void **state)
{
    struct env *e = *state;
    e->other.answer = "no";
    serve_behind(e, script_socks, false, "socks5h", "", "127.0.0.1");
    expect_proxy_failure(e, "connection refused");
}

static void test_socks_login_refused(void **state)
{
    struct env *e = *state;
    e->other.answer = "auth";
    serve_behind(e, script_socks, false, "socks5", "", "127.0.0.1");
    expect_proxy_failure(e, "none of our ways");
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, env_setup, env_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_reuse),
        CASE(test_name),
        CASE(test_resumption),
        CASE(test_resumption_12),
        CASE(test_untrusted),
        CASE(test_other_anchor),
        CASE(test_wrong_address),
        CASE(test_not_tls),
        CASE(test_handshake_timeout),
        CASE(test_turns),
        CASE(test_relieved),
        CASE(test_turns_are_shared),
        CASE(test_descriptors),
        CASE(test_backpressure),
        CASE(test_big),
        CASE(test_until_close),
        CASE(test_connect_plain),
        CASE(test_connect_tls),
        CASE(test_https_proxy),
        CASE(test_tls_in_tls),
        CASE(test_connect_refused),
        CASE(test_socks),
        CASE(test_socks_name),
        CASE(test_socks_refused),
        CASE(test_socks_login_refused),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}

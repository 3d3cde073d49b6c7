#include "support/scripted.h"

#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/tls.h"

const char get_x[] = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

/* ---- The provider. ---- */

static void thread_main(void *arg)
{
    struct scripted *s = arg;
    s->script(s);
}

void scripted_start(struct scripted *s, void (*script)(struct scripted *))
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

void scripted_join(struct scripted *s)
{
    if (!s->script)
        return;
    shutdown(s->listener, SHUT_RDWR);
    uv_thread_join(&s->thread);
    close(s->listener);
    s->script = NULL;
}

struct visitor visitor_take(struct scripted *s)
{
    struct timeval limit = {10, 0};
    for (;;) {
        struct visitor p = {accept(s->listener, NULL, NULL), NULL};
        if (p.fd < 0)
            return p;
        s->connections++;
        setsockopt(p.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (!s->tls)
            return p;
        p.ssl = tls_server_new(s->tls);
        SSL_set_fd(p.ssl, p.fd);
        if (SSL_accept(p.ssl) == 1) {
            s->resumed += SSL_session_reused(p.ssl) == 1;
            return p;
        }
        visitor_close(&p);
    }
}

ssize_t visitor_read(struct visitor *p, void *to, size_t n)
{
    return p->ssl ? SSL_read(p->ssl, to, (int)n) : recv(p->fd, to, n, 0);
}

void visitor_say_n(struct visitor *p, const char *bytes, size_t n)
{
    while (n) {
        ssize_t put =
            p->ssl ? SSL_write(p->ssl, bytes, (int)n) : send(p->fd, bytes, n, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        bytes += put;
        n -= (size_t)put;
    }
}

void visitor_say(struct visitor *p, const char *text)
{
    visitor_say_n(p, text, strlen(text));
}

bool visitor_hear(struct scripted *s, struct visitor *p)
{
    size_t n = 0;
    for (;;) {
        ssize_t got = visitor_read(p, s->last + n, sizeof s->last - 1 - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        s->last[n] = 0;
        s->last_n = n;
        char *end = strstr(s->last, "\r\n\r\n");
        char *cl = strcasestr(s->last, "content-length: ");
        size_t body = cl && cl < end ? strtoul(cl + 16, NULL, 10) : 0;
        if (end && n >= (size_t)(end + 4 - s->last) + body)
            break;
    }
    s->requests++;
    return true;
}

void visitor_close(struct visitor *p)
{
    if (p->ssl) {
        SSL_shutdown(p->ssl);
        SSL_free(p->ssl);
    }
    close(p->fd);
    *p = (struct visitor){-1, NULL};
}

void visitor_reset(struct visitor *p)
{
    struct linger now = {1, 0};
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    visitor_close(p);
}

void script_same(struct scripted *s)
{
    for (;;) {
        struct visitor p = visitor_take(s);
        if (p.fd < 0)
            return;
        while (visitor_hear(s, &p)) {
            size_t n = strlen(s->answer), step = s->step ? s->step : n;
            for (size_t at = 0; at < n; at += step)
                visitor_say_n(&p, s->answer + at, n - at < step ? n - at : step);
        }
        visitor_close(&p);
    }
}

/* ---- The certificate. ---- */

static void add_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

void scripted_certificate(const char *cert_file, const char *key_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *c = fopen(cert_file, "w"), *k = fopen(key_file, "w");
    assert_true(c && k);
    assert_int_equal(PEM_write_X509(c, cert), 1);
    assert_int_equal(PEM_write_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(c);
    fclose(k);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* ---- The caller. ---- */

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

const struct call_events rec_events = {rec_head, rec_body, rec_end, rec_drain};

void rec_clear(struct rec *r)
{
    struct buf body = r->body;
    buf_clear(&body);
    *r = (struct rec){.body = body};
}

int env_setup(void **state)
{
    struct env *e = mem_zero(sizeof *e);
    e->options = (struct http_client_options){
        .keepalive_ms = 60000, .max_idle = 8, .max_handshakes = 8, .head_max = 32 * 1024};
    worker_init(&e->worker, 0);
    e->client = http_client_new(&e->worker, &e->options);
    for (size_t i = 0; i < sizeof e->rec / sizeof e->rec[0]; i++)
        buf_init(&e->rec[i].body, 64 << 20);
    *state = e;
    return 0;
}

int env_teardown(void **state)
{
    struct env *e = *state;
    http_client_close(e->client);
    worker_run(&e->worker);
    assert_int_equal(http_client_stats(e->client).busy, 0);
    assert_int_equal(http_client_stats(e->client).idle, 0);
    http_client_free(e->client);
    worker_fini(&e->worker);
    scripted_join(&e->server);
    scripted_join(&e->other);
    SSL_CTX_free(e->server.tls);
    SSL_CTX_free(e->other.tls);
    for (size_t i = 0; i < sizeof e->rec / sizeof e->rec[0]; i++)
        buf_fini(&e->rec[i].body);
    mem_free(e);
    return 0;
}

void env_options(struct env *e)
{
    http_client_set_options(e->client, &e->options);
}

const struct http_origin *origin_at(const char *url, const char *proxy, const char *ca_file)
{
    struct fail f = {0};
    str path;
    const struct http_origin *o =
        http_origin_intern(str_c(url), str_c(proxy), str_c(ca_file), &path, &f);
    if (!o)
        fail_msg("%s", f.text);
    return o;
}

void env_serve(struct env *e, void (*script)(struct scripted *))
{
    char url[64];
    scripted_start(&e->server, script);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", e->server.port);
    e->origin = origin_at(url, "direct", "");
}

struct call_request env_request(struct env *e, const char *text)
{
    struct call_request rq = {.origin = e->origin, .connect_ms = 5000};
    rq.pieces[0] = (struct iovec){(void *)(uintptr_t)text, strlen(text)};
    rq.n_pieces = 1;
    return rq;
}

void env_start(struct env *e, struct rec *r, const char *text)
{
    struct call_request rq = env_request(e, text);
    rec_clear(r);
    r->call = http_client_start(e->client, &rq, &rec_events, r);
    assert_int_equal(r->heads + r->ends, 0);
}

static void on_guard(uv_timer_t *t)
{
    *(bool *)t->data = true;
}

void env_turn(struct env *e, const unsigned *done, uint64_t ms)
{
    bool late = false;
    uv_timer_t guard;
    uv_timer_init(&e->worker.loop, &guard);
    guard.data = &late;
    uv_update_time(&e->worker.loop);
    uv_timer_start(&guard, on_guard, ms, 0);
    while (!(done && *done) && !late)
        uv_run(&e->worker.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&guard, NULL);
    uv_run(&e->worker.loop, UV_RUN_NOWAIT);
}

void env_wait_end(struct env *e, struct rec *r)
{
    env_turn(e, &r->ends, 5000);
    assert_int_equal(r->ends, 1);
}

void assert_good(const struct rec *r, const char *body)
{
    if (r->err != OK)
        fail_msg("%s: %s", err_info(r->err)->name, r->text);
    assert_int_equal(r->heads, 1);
    assert_int_equal(r->body.n, strlen(body));
    if (r->body.n)
        assert_memory_equal(r->body.p, body, r->body.n);
}

void assert_failed(const struct rec *r, enum err e)
{
    if (r->err != e)
        fail_msg("%s instead of %s: %s", err_info(r->err)->name, err_info(e)->name, r->text);
    assert_true(strlen(r->text) > 8);
}

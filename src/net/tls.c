#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <uv.h>

#include "base/mem.h"
#include "net/resolve.h"

/* What our side speaks at this time; h2 comes in front of it later. */
static const unsigned char alpn[] = "\x08http/1.1";
enum { ALPN_BYTES = sizeof alpn - 1, PATH_BYTES = 4096 };

/* ---- Both sides. ---- */

static const char *newest_error(void)
{
    unsigned long e = ERR_peek_last_error();
    const char *why = NULL;
    if (e && ERR_SYSTEM_ERROR(e))
        why = strerror(ERR_GET_REASON(e));
    else if (e)
        why = ERR_reason_error_string(e);
    return why ? why : "unknown error";
}

static const char *oldest_error(void)
{
    unsigned long e = ERR_peek_error();
    if (e && ERR_SYSTEM_ERROR(e))
        return strerror(ERR_GET_REASON(e));
    const char *why = e ? ERR_reason_error_string(e) : NULL;
    return why ? why : "unknown error";
}

static bool path_z(str path, char z[PATH_BYTES])
{
    if (path.n >= PATH_BYTES || (path.n && memchr(path.p, 0, path.n)))
        return false;
    if (path.n)
        memcpy(z, path.p, path.n);
    z[path.n] = 0;
    return true;
}

static SSL_CTX *ctx_new(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    must(ctx);
    must(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    /* One read of the socket takes a record's header and body. */
    SSL_CTX_set_read_ahead(ctx, 1);
    return ctx;
}

void tls_reason(const SSL *ssl, char *out, size_t n)
{
    long verify = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    if (verify != X509_V_OK)
        snprintf(out, n, "certificate: %s", X509_verify_cert_error_string(verify));
    else
        snprintf(out, n, "%s", ERR_peek_last_error() ? newest_error() : "connection lost");
}

/* ---- Sessions. ---- */

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t lock; /* of the client contexts */
static int sessions_index;

static void once_init(void)
{
    must(uv_mutex_init(&lock) == 0);
    sessions_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    must(sessions_index >= 0);
}

void tls_sessions_fini(struct tls_sessions *s)
{
    while (s->n)
        SSL_SESSION_free(s->session[--s->n]);
}

static void drop_oldest(struct tls_sessions *s)
{
    SSL_SESSION_free(s->session[0]);
    memmove(s->session, s->session + 1, (--s->n) * sizeof s->session[0]);
}

/* OpenSSL's new-session callback. A copy is kept: OpenSSL marks the session of a connection that
 * ends without close_notify, by our hand or the provider's, as not resumable. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_sessions *s = SSL_get_ex_data(ssl, sessions_index);
    if (!s || !SSL_SESSION_is_resumable(session))
        return 0;
    SSL_SESSION *copy = SSL_SESSION_dup(session);
    if (!copy)
        return 0;
    if (s->n == TLS_SESSIONS_MAX)
        drop_oldest(s);
    s->session[s->n++] = copy;
    return 0; /* the reference stays with OpenSSL */
}

static bool expired(const SSL_SESSION *session)
{
    return SSL_SESSION_get_time(session) + SSL_SESSION_get_timeout(session) <= time(NULL);
}

/* A 1.3 ticket is used once, so that nobody who watches can link connections (RFC 8446 C.4) and
 * since some servers refuse it the second time. */
static void resume(SSL *ssl, struct tls_sessions *s)
{
    while (s->n) {
        SSL_SESSION *session = s->session[s->n - 1];
        bool old = expired(session);
        SSL_SESSION *copy = old ? NULL : SSL_SESSION_dup(session); /* see on_session */
        if (copy)
            (void)SSL_set_session(ssl, copy);
        SSL_SESSION_free(copy);
        if (!old && SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION)
            return;
        SSL_SESSION_free(session);
        s->n--;
        if (!old)
            return;
    }
}

/* ---- Client contexts: one per file of extra trust anchors, for the life of the process. ---- */

struct client_ctx {
    struct client_ctx *next;
    SSL_CTX *ctx;
    struct timespec changed; /* of the file */
    off_t size;
    size_t path_n;
    char path[];
};

static struct client_ctx *client_ctxs;

static SSL_CTX *client_ctx_new(const char *ca_file, struct fail *f)
{
    SSL_CTX *ctx = ctx_new(TLS_client_method());
    ERR_clear_error();
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    /* A system without a store is not an error: the extra file may be all there is. */
    (void)SSL_CTX_set_default_verify_paths(ctx);
    ERR_clear_error();
    if (*ca_file && SSL_CTX_load_verify_file(ctx, ca_file) != 1) {
        (void)fail_set(f, ERR_CONFIG, "CA file %s: %s", ca_file, oldest_error());
        ERR_clear_error();
        SSL_CTX_free(ctx);
        return NULL;
    }
    must(SSL_CTX_set_alpn_protos(ctx, alpn, ALPN_BYTES) == 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    return ctx;
}

static struct client_ctx *find_locked(str ca_file)
{
    struct client_ctx *c = client_ctxs;
    while (c && !str_eq(str_of(c->path, c->path_n), ca_file))
        c = c->next;
    return c;
}

static struct client_ctx *add_locked(const char *ca_file, SSL_CTX *ctx)
{
    size_t n = strlen(ca_file);
    struct client_ctx *c = mem_zero(sizeof *c + n + 1);
    memcpy(c->path, ca_file, n);
    c->path_n = n;
    c->ctx = ctx;
    c->next = client_ctxs;
    client_ctxs = c;
    return c;
}

static bool changed(const struct client_ctx *c, const struct stat *st)
{
    return c->size != st->st_size || c->changed.tv_sec != st->st_mtim.tv_sec ||
           c->changed.tv_nsec != st->st_mtim.tv_nsec;
}

/* The context, made or (look: and the file is a new one) made anew. */
static struct client_ctx *get_locked(str ca_file, bool look, struct fail *f)
{
    char path[PATH_BYTES];
    struct stat st = {.st_size = 0};
    struct client_ctx *c = find_locked(ca_file);
    if (c && (!look || ca_file.n == 0))
        return c;
    if (!path_z(ca_file, path)) {
        (void)fail_set(f, ERR_CONFIG, "CA file: the path is not valid");
        return NULL;
    }
    if (*path)
        (void)stat(path, &st);
    if (c && !changed(c, &st))
        return c;
    SSL_CTX *ctx = client_ctx_new(path, f);
    if (!ctx)
        return NULL;
    if (c) {
        SSL_CTX_free(c->ctx); /* connections hold their own references */
        c->ctx = ctx;
    } else {
        c = add_locked(path, ctx);
    }
    c->size = st.st_size;
    c->changed = st.st_mtim;
    return c;
}

enum err tls_client_check(str ca_file, struct fail *f)
{
    uv_once(&once, once_init);
    uv_mutex_lock(&lock);
    struct client_ctx *c = get_locked(ca_file, true, f);
    uv_mutex_unlock(&lock);
    return c ? OK : ERR_CONFIG;
}

static bool expect_host(SSL *ssl, str host)
{
    union resolve_addr literal;
    char name[256];
    if (host.n && host.p[host.n - 1] == '.')
        host.n--; /* the root is not part of the name in certificates and SNI (RFC 6066 3) */
    if (host.n == 0 || host.n >= sizeof name)
        return false;
    memcpy(name, host.p, host.n);
    name[host.n] = 0;
    if (resolve_literal(host, &literal))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

SSL *tls_client_new(str host, str ca_file, struct tls_sessions *s, struct fail *f)
{
    uv_once(&once, once_init);
    uv_mutex_lock(&lock);
    struct client_ctx *c = get_locked(ca_file, false, f);
    SSL *ssl = c ? SSL_new(c->ctx) : NULL;
    uv_mutex_unlock(&lock);
    if (!c)
        return NULL;
    must(ssl);
    if (!expect_host(ssl, host)) {
        (void)fail_set(f, ERR_UP_TLS, "not a host name");
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_ex_data(ssl, sessions_index, s);
    if (s)
        resume(ssl, s);
    SSL_set_connect_state(ssl);
    return ssl;
}

/* ---- The listener. ---- */

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                       const unsigned char *in, unsigned in_n, void *arg)
{
    (void)ssl, (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_n, alpn, ALPN_BYTES, in, in_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK; /* then it is HTTP/1.1 without saying so */
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static enum err load_pair(SSL_CTX *ctx, str cert_file, str key_file, struct fail *f)
{
    char path[PATH_BYTES];
    ERR_clear_error();
    if (!path_z(cert_file, path) || SSL_CTX_use_certificate_chain_file(ctx, path) != 1)
        return fail_set(f, ERR_CONFIG, "TLS certificate %.*s: %s", STR_FMT(cert_file),
                        oldest_error());
    if (!path_z(key_file, path) || SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1)
        return fail_set(f, ERR_CONFIG, "TLS key %.*s: %s", STR_FMT(key_file), oldest_error());
    if (SSL_CTX_check_private_key(ctx) != 1)
        return fail_set(f, ERR_CONFIG, "TLS key %.*s does not belong to certificate %.*s",
                        STR_FMT(key_file), STR_FMT(cert_file));
    return OK;
}

SSL_CTX *tls_server_ctx(str cert_file, str key_file, struct fail *f)
{
    static const unsigned char id[] = "cliproxy";
    SSL_CTX *ctx = ctx_new(TLS_server_method());
    enum err e = load_pair(ctx, cert_file, key_file, f);
    ERR_clear_error();
    if (e) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
    /* Tickets carry the session; nothing is kept here. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    must(SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1) == 1);
    return ctx;
}

SSL *tls_server_new(SSL_CTX *ctx)
{
    SSL *ssl = SSL_new(ctx);
    if (ssl)
        SSL_set_accept_state(ssl);
    return ssl;
}

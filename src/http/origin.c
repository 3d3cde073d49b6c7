#include "http/origin.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <uv.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/proxy_url.h"
#include "http/url.h"
#include "net/tls.h"

/* ---- The table of all origins. They are few and found once per reload: a list will do. ---- */

struct entry {
    struct http_origin origin; /* first */
    struct entry *next;
};

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t lock;
static struct entry *entries;
static atomic_uint count;

static void lock_init(void)
{
    must(uv_mutex_init(&lock) == 0);
}

unsigned http_origin_count(void)
{
    return atomic_load(&count);
}

static bool same_proxy(const struct proxy *a, const struct proxy *b)
{
    return a->kind == b->kind && a->port == b->port && str_eq(a->host, b->host) &&
           str_eq(a->user, b->user) && str_eq(a->password, b->password);
}

static bool same(const struct http_origin *a, const struct http_origin *b)
{
    return a->tls == b->tls && a->port == b->port && str_eq(a->host, b->host) &&
           str_eq(a->ca_file, b->ca_file) && same_proxy(&a->proxy, &b->proxy);
}

/* For the life of the process, NUL-terminated. */
static str keep(str s)
{
    char *p = mem_new(s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return str_of(p, s.n);
}

static str host_header(const struct http_origin *o, bool always_port)
{
    bool v6 = memchr(o->host.p, ':', o->host.n) != NULL;
    struct buf b;
    buf_init(&b, 1024);
    buf_put(&b, v6 ? S("[") : S(""));
    buf_put(&b, o->host);
    buf_put(&b, v6 ? S("]") : S(""));
    if (always_port || o->port != (o->tls ? 443 : 80)) {
        buf_put_char(&b, ':');
        buf_put_u64(&b, o->port);
    }
    str s = keep(buf_str(&b));
    buf_fini(&b);
    return s;
}

static str label(const struct http_origin *o)
{
    char text[1024];
    str host = host_header(o, true);
    int n = snprintf(text, sizeof text, "%s://%.*s", o->tls ? "https" : "http", STR_FMT(host));
    mem_free((char *)(uintptr_t)host.p);
    return keep(str_of(text, (size_t)n));
}

static struct http_origin *add(const struct http_origin *wanted)
{
    struct entry *e = mem_zero(sizeof *e);
    struct http_origin *o = &e->origin;
    *o = *wanted;
    o->host = keep(wanted->host);
    o->ca_file = keep(wanted->ca_file);
    o->proxy.host = keep(wanted->proxy.host);
    o->proxy.user = keep(wanted->proxy.user);
    o->proxy.password = keep(wanted->proxy.password);
    o->host_header = host_header(o, false);
    o->label = label(o);
    o->id = atomic_load(&count);
    e->next = entries;
    entries = e;
    atomic_store(&count, o->id + 1);
    return o;
}

static const struct http_origin *intern(const struct http_origin *wanted)
{
    uv_once(&once, lock_init);
    uv_mutex_lock(&lock);
    struct entry *e = entries;
    while (e && !same(&e->origin, wanted))
        e = e->next;
    const struct http_origin *o = e ? &e->origin : add(wanted);
    uv_mutex_unlock(&lock);
    return o;
}

/* ---- From a URL. ---- */

static enum err check_path(str *path, str after, struct fail *f)
{
    if (memchr(after.p ? after.p : "", '?', after.n) ||
        memchr(after.p ? after.p : "", '#', after.n))
        return fail_set(f, ERR_CONFIG, "the URL has a query or fragment");
    for (size_t i = 0; i < after.n; i++) {
        if (after.p[i] <= ' ' || after.p[i] == 0x7f)
            return fail_set(f, ERR_CONFIG, "the URL has a character that must be percent-encoded");
    }
    *path = str_ends(after, S("/")) ? str_head(after, after.n - 1) : after;
    return OK;
}

static enum err parse_origin(str url, struct http_origin *o, char *host, str *path, struct fail *f)
{
    struct url u;
    enum err e = url_parse(url, &u, f);
    if (e)
        return e;
    bool tls = str_eq_nocase(u.scheme, S("https"));
    if (!tls && !str_eq_nocase(u.scheme, S("http")))
        return fail_set(f, ERR_CONFIG, "the URL must start with http:// or https://");
    if (u.has_user)
        return fail_set(f, ERR_CONFIG, "the URL has user info");
    for (size_t i = 0; i < u.host.n; i++)
        host[i] = ascii_lower(u.host.p[i]);
    o->tls = tls;
    o->host = str_of(host, u.host.n);
    o->port = u.port ? u.port : tls ? 443 : 80;
    return check_path(path, u.after, f);
}

const struct http_origin *http_origin_intern(str url, str proxy_url, str ca_file, str *path,
                                             struct fail *f)
{
    struct http_origin o = {.ca_file = ca_file};
    char host[URL_HOST_MAX];
    struct proxy_text text;
    if (parse_origin(str_trim(url), &o, host, path, f))
        return NULL;
    if (proxy_find(str_trim(proxy_url), &o, &text, f))
        return NULL;
    /* The store is read here, not on a worker at its first handshake. */
    if ((o.tls || o.proxy.kind == PROXY_HTTPS) && tls_client_check(o.ca_file, f))
        return NULL;
    const struct http_origin *found = intern(&o);
    explicit_bzero(&text, sizeof text);
    return found;
}

#include "http/proxy_url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/parse.h"

static const struct {
    const char *scheme;
    enum proxy_kind kind;
    uint16_t port;
} kinds[] = {
    {"http", PROXY_HTTP, 80},
    {"https", PROXY_HTTPS, 443},
    {"socks5", PROXY_SOCKS5, 1080},
    {"socks5h", PROXY_SOCKS5H, 1080},
};

static enum err decode(str from, char *to, str *out, struct fail *f)
{
    if (from.n > PROXY_SECRET_MAX)
        return fail_set(f, ERR_CONFIG, "the proxy URL's user or password is too long");
    *out = str_of(to, http_percent_decode(from, false, to));
    return OK;
}

static enum err parse_proxy(str url, struct proxy *p, struct proxy_text *text, struct fail *f)
{
    struct url u;
    enum err e = url_parse(url, &u, f);
    if (e)
        return fail_set(f, ERR_CONFIG, "the proxy URL is not valid");
    *p = (struct proxy){.kind = PROXY_NONE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (str_eq_nocase(u.scheme, str_c(kinds[i].scheme))) {
            p->kind = kinds[i].kind;
            p->port = u.port ? u.port : kinds[i].port;
        }
    }
    if (p->kind == PROXY_NONE)
        return fail_set(f, ERR_CONFIG,
                        "the proxy URL must start with http://, https://, socks5:// or socks5h://");
    for (size_t i = 0; i < u.host.n; i++)
        text->host[i] = ascii_lower(u.host.p[i]);
    p->host = str_of(text->host, u.host.n);
    e = decode(u.user, text->user, &p->user, f);
    if (!e)
        e = decode(u.password, text->password, &p->password, f);
    bool socks = p->kind == PROXY_SOCKS5 || p->kind == PROXY_SOCKS5H;
    if (!e && socks && (p->user.n > 255 || p->password.n > 255))
        e = fail_set(f, ERR_CONFIG, "a SOCKS5 user or password has at most 255 bytes");
    return e;
}

/* ---- The environment. ---- */

static str env(const char *upper, const char *lower)
{
    const char *v = getenv(lower);
    if (!v || !*v)
        v = getenv(upper);
    return str_trim(str_c(v));
}

static bool is_loopback(str host)
{
    return str_eq_nocase(host, S("localhost")) || str_starts(host, S("127.")) ||
           str_eq(host, S("::1"));
}

static enum err from_environment(struct http_origin *o, struct proxy_text *text, struct fail *f)
{
    str url = o->tls ? env("HTTPS_PROXY", "https_proxy") : env("HTTP_PROXY", "http_proxy");
    if (url.n == 0)
        url = env("ALL_PROXY", "all_proxy");
    if (url.n == 0 || is_loopback(o->host) ||
        no_proxy_match(env("NO_PROXY", "no_proxy"), o->host, o->port))
        return OK;
    /* Many write host:port there. */
    char with_scheme[2048];
    if (str_find(url, S("://")) == url.n) {
        int n = snprintf(with_scheme, sizeof with_scheme, "http://%.*s", STR_FMT(url));
        if (n < 0 || (size_t)n >= sizeof with_scheme)
            return fail_set(f, ERR_CONFIG, "the environment's proxy URL is too long");
        url = str_of(with_scheme, (size_t)n);
    }
    enum err e = parse_proxy(url, &o->proxy, text, f);
    explicit_bzero(with_scheme, sizeof with_scheme);
    return e ? fail_set(f, ERR_CONFIG, "the environment's proxy URL is not valid") : OK;
}

/* ---- NO_PROXY. ---- */

/* An address as 4 or 16 bytes; 0 if it is none. */
static size_t address(str text, unsigned char out[16])
{
    char z[INET6_ADDRSTRLEN + 1];
    if (text.n == 0 || text.n >= sizeof z)
        return 0;
    memcpy(z, text.p, text.n);
    z[text.n] = 0;
    if (inet_pton(AF_INET, z, out) == 1)
        return 4;
    return inet_pton(AF_INET6, z, out) == 1 ? 16 : 0;
}

static bool in_block(str block, uint64_t bits, str host)
{
    unsigned char net[16], addr[16];
    size_t n = address(block, net);
    if (n == 0 || address(host, addr) != n || bits > n * 8)
        return false;
    size_t whole = (size_t)bits / 8, rest = (size_t)bits % 8;
    if (memcmp(net, addr, whole) != 0)
        return false;
    return rest == 0 || (net[whole] ^ addr[whole]) >> (8 - rest) == 0;
}

/* Cuts an optional :port off; an IPv6 literal keeps its colons unless it stands in brackets. */
static bool cut_port(str *item, uint16_t port)
{
    uint64_t wanted;
    if (str_starts(*item, S("["))) {
        size_t end = str_find_char(*item, ']');
        str rest = str_from(*item, end + 1);
        *item = str_from(str_head(*item, end), 1);
        return rest.n == 0 || (str_u64(str_from(rest, 1), &wanted) && wanted == port);
    }
    size_t colon = str_find_char(*item, ':');
    if (colon == item->n || str_find_last(*item, ':') != colon)
        return true;
    bool fits = str_u64(str_from(*item, colon + 1), &wanted) && wanted == port;
    *item = str_head(*item, colon);
    return fits;
}

static bool match_name(str item, str host)
{
    if (str_starts(item, S("*.")))
        item = str_from(item, 1);
    bool below_only = str_starts(item, S("."));
    str name = str_from(item, below_only);
    if (name.n == 0 || host.n < name.n)
        return false;
    if (!str_eq_nocase(str_from(host, host.n - name.n), name))
        return false;
    return host.n == name.n ? !below_only : host.p[host.n - name.n - 1] == '.';
}

static bool match_item(str item, str host, uint16_t port)
{
    uint64_t bits;
    if (str_eq(item, S("*")))
        return true;
    size_t slash = str_find_char(item, '/');
    if (slash < item.n)
        return str_u64(str_from(item, slash + 1), &bits) &&
               in_block(str_head(item, slash), bits, host);
    if (!cut_port(&item, port))
        return false;
    unsigned char any[16];
    size_t n = address(item, any);
    return n ? in_block(item, n * 8, host) : match_name(item, host);
}

bool no_proxy_match(str list, str host, uint16_t port)
{
    str rest = list;
    while (rest.p) {
        str item = str_trim(str_split(&rest, ','));
        if (item.n && match_item(item, host, port))
            return true;
    }
    return false;
}

/* ---- Both. ---- */

enum err proxy_find(str proxy_url, struct http_origin *o, struct proxy_text *text, struct fail *f)
{
    if (proxy_url.n == 0)
        return from_environment(o, text, f);
    if (str_eq_nocase(proxy_url, S("direct")) || str_eq_nocase(proxy_url, S("none")))
        return OK;
    return parse_proxy(proxy_url, &o->proxy, text, f);
}

size_t proxy_label(const struct proxy *p, char *out, size_t n)
{
    const char *scheme = "none";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].kind == p->kind)
            scheme = kinds[i].scheme;
    }
    bool v6 = p->host.p && memchr(p->host.p, ':', p->host.n);
    int got = snprintf(out, n, "%s://%s%.*s%s:%u", scheme, v6 ? "[" : "", STR_FMT(p->host),
                       v6 ? "]" : "", p->port);
    return got < 0 ? 0 : (size_t)got < n ? (size_t)got : n - 1;
}

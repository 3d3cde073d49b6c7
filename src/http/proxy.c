#include "http/proxy.h"

#include <arpa/inet.h>

#include "base/mem.h"
#include "http/parse.h"

enum { IN_MAX = 16 * 1024, OUT_MAX = 4096 };

enum step { CONNECT_ANSWER, SOCKS_METHOD, SOCKS_AUTH, SOCKS_ANSWER };

/* ---- HTTP CONNECT. ---- */

static void put_base64(struct buf *b, str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.n; i += 3) {
        unsigned left = s.n - i < 3 ? (unsigned)(s.n - i) : 3;
        unsigned v = 0;
        for (unsigned k = 0; k < 3; k++)
            v = v << 8 | (k < left ? (unsigned char)s.p[i + k] : 0);
        for (unsigned k = 0; k < 4; k++)
            buf_put_char(b, k <= left ? digits[v >> (18 - 6 * k) & 63] : '=');
    }
}

static void put_authority(struct buf *b, const struct http_origin *o)
{
    bool v6 = memchr(o->host.p, ':', o->host.n) != NULL;
    buf_put(b, v6 ? S("[") : S(""));
    buf_put(b, o->host);
    buf_put(b, v6 ? S("]:") : S(":"));
    buf_put_u64(b, o->port);
}

static void put_basic(struct buf *b, const struct proxy *p)
{
    struct buf pair;
    buf_init(&pair, OUT_MAX);
    buf_put(&pair, p->user);
    buf_put_char(&pair, ':');
    buf_put(&pair, p->password);
    buf_lit(b, "Proxy-Authorization: Basic ");
    put_base64(b, buf_str(&pair));
    buf_lit(b, "\r\n");
    mem_wipe_free(pair.p, pair.n);
}

static void connect_begin(struct proxy_talk *t)
{
    const struct http_origin *o = t->origin;
    t->step = CONNECT_ANSWER;
    buf_lit(&t->out, "CONNECT ");
    put_authority(&t->out, o);
    buf_lit(&t->out, " HTTP/1.1\r\nHost: ");
    put_authority(&t->out, o);
    buf_lit(&t->out, "\r\n");
    if (o->proxy.user.n || o->proxy.password.n)
        put_basic(&t->out, &o->proxy);
    buf_lit(&t->out, "\r\n");
}

static enum proxy_state refused(struct fail *f, const char *why)
{
    (void)fail_set(f, ERR_UP_PROXY, "%s", why);
    return PROXY_REFUSED;
}

/* The status of "HTTP/1.x NNN ...", or 0. */
static unsigned status_of(str head)
{
    uint64_t status;
    bool http = str_starts(head, S("HTTP/1.")) && head.n > 12 && head.p[8] == ' ' &&
                (head.p[12] == ' ' || head.p[12] == '\r') &&
                str_u64(str_from(str_head(head, 12), 9), &status);
    return http ? (unsigned)status : 0;
}

static enum proxy_state connect_answer(struct proxy_talk *t, struct fail *f)
{
    size_t from = 0, end = http_head_end(buf_str(&t->in), &from);
    if (!end)
        return PROXY_MORE;
    unsigned status = status_of(str_head(buf_str(&t->in), end));
    if (status == 0)
        return refused(f, "the proxy's answer is not HTTP");
    buf_consume(&t->in, end);
    if (status < 200)
        return PROXY_MORE;
    if (status == 407)
        return refused(f, "the proxy wants other credentials (407)");
    if (status >= 300) {
        (void)fail_set(f, ERR_UP_PROXY, "the proxy answered %u", status);
        return PROXY_REFUSED;
    }
    return PROXY_THROUGH;
}

/* ---- SOCKS5. ---- */

static void put_byte(struct buf *b, unsigned v)
{
    buf_put_char(b, (char)(unsigned char)v);
}

static bool has_login(const struct proxy *p)
{
    return p->user.n || p->password.n;
}

static void socks_begin(struct proxy_talk *t)
{
    t->step = SOCKS_METHOD;
    if (has_login(&t->origin->proxy))
        buf_lit(&t->out, "\x05\x02\x00\x02");
    else
        buf_lit(&t->out, "\x05\x01\x00");
}

static enum proxy_state socks_login(struct proxy_talk *t)
{
    const struct proxy *p = &t->origin->proxy;
    t->step = SOCKS_AUTH;
    put_byte(&t->out, 1);
    put_byte(&t->out, (unsigned)p->user.n);
    buf_put(&t->out, p->user);
    put_byte(&t->out, (unsigned)p->password.n);
    buf_put(&t->out, p->password);
    return PROXY_MORE;
}

/* The address as RFC 1928 5 writes it. A literal goes as an address even with socks5h. */
static void put_target(struct proxy_talk *t)
{
    union resolve_addr a = t->target;
    const struct http_origin *o = t->origin;
    if (!a.any.sa_family && !resolve_literal(o->host, &a)) {
        put_byte(&t->out, 3);
        put_byte(&t->out, (unsigned)o->host.n);
        buf_put(&t->out, o->host);
    } else if (a.any.sa_family == AF_INET6) {
        put_byte(&t->out, 4);
        buf_put(&t->out, str_of((const char *)&a.v6.sin6_addr, 16));
    } else {
        put_byte(&t->out, 1);
        buf_put(&t->out, str_of((const char *)&a.v4.sin_addr, 4));
    }
    put_byte(&t->out, o->port >> 8);
    put_byte(&t->out, o->port & 255);
}

static enum proxy_state socks_connect(struct proxy_talk *t)
{
    t->step = SOCKS_ANSWER;
    buf_lit(&t->out, "\x05\x01\x00");
    put_target(t);
    return PROXY_MORE;
}

static unsigned in_byte(const struct proxy_talk *t, size_t i)
{
    return (unsigned char)t->in.p[i];
}

static enum proxy_state socks_method(struct proxy_talk *t, struct fail *f)
{
    if (t->in.n < 2)
        return PROXY_MORE;
    unsigned version = in_byte(t, 0), method = in_byte(t, 1);
    buf_consume(&t->in, 2);
    if (version != 5)
        return refused(f, "the proxy does not speak SOCKS5");
    if (method == 0)
        return socks_connect(t);
    if (method == 2 && has_login(&t->origin->proxy))
        return socks_login(t);
    return refused(f, "the proxy accepts none of our ways to authenticate");
}

static enum proxy_state socks_auth(struct proxy_talk *t, struct fail *f)
{
    if (t->in.n < 2)
        return PROXY_MORE;
    unsigned status = in_byte(t, 1);
    buf_consume(&t->in, 2);
    return status ? refused(f, "the proxy wants another user or password") : socks_connect(t);
}

/* RFC 1928 6, REP. */
static const char *const socks_reasons[] = {
    NULL,
    "general failure of the proxy",
    "the proxy's rules do not allow it",
    "the proxy says: network unreachable",
    "the proxy says: host unreachable",
    "the proxy says: connection refused",
    "the proxy says: time to live expired",
    "the proxy does not support CONNECT",
    "the proxy does not support this kind of address",
};

static enum proxy_state socks_answer(struct proxy_talk *t, struct fail *f)
{
    if (t->in.n < 2)
        return PROXY_MORE;
    unsigned reply = in_byte(t, 1);
    if (in_byte(t, 0) != 5)
        return refused(f, "the proxy does not speak SOCKS5");
    if (reply) {
        bool known = reply < sizeof socks_reasons / sizeof socks_reasons[0];
        return refused(f, known ? socks_reasons[reply] : "the proxy refused");
    }
    if (t->in.n < 5)
        return PROXY_MORE;
    /* The address bound on the far side has no use, but its length must be known. */
    unsigned type = in_byte(t, 3);
    size_t addr = type == 1 ? 4 : type == 4 ? 16 : type == 3 ? 1 + (size_t)in_byte(t, 4) : 0;
    if (!addr)
        return refused(f, "the proxy's answer is not SOCKS5");
    if (t->in.n < 4 + addr + 2)
        return PROXY_MORE;
    buf_consume(&t->in, 4 + addr + 2);
    return PROXY_THROUGH;
}

/* ---- Both. ---- */

void proxy_talk_init(struct proxy_talk *t, const struct http_origin *o,
                     const union resolve_addr *target)
{
    *t = (struct proxy_talk){.origin = o};
    if (target)
        t->target = *target;
    buf_init(&t->out, OUT_MAX);
    buf_init(&t->in, IN_MAX);
    if (o->proxy.kind == PROXY_SOCKS5 || o->proxy.kind == PROXY_SOCKS5H)
        socks_begin(t);
    else
        connect_begin(t);
}

void proxy_talk_fini(struct proxy_talk *t)
{
    /* It held the password. */
    mem_wipe_free(t->out.p, t->out.cap);
    t->out.p = NULL;
    buf_fini(&t->in);
}

enum proxy_state proxy_talk_feed(struct proxy_talk *t, str bytes, struct fail *f)
{
    static enum proxy_state (*const steps[])(struct proxy_talk *, struct fail *) = {
        connect_answer, socks_method, socks_auth, socks_answer};
    buf_put(&t->in, bytes);
    if (t->in.failed)
        return refused(f, "the proxy's answer is too long");
    enum proxy_state state = PROXY_MORE;
    for (;;) {
        unsigned step = t->step;
        size_t n = t->in.n;
        state = steps[step](t, f);
        if (state != PROXY_MORE || (t->step == step && t->in.n == n))
            break;
    }
    /* Behind the proxy's last word the provider would speak, and it has not been asked yet. */
    if (state == PROXY_THROUGH && t->in.n)
        return refused(f, "the proxy sent more than its answer");
    return state;
}

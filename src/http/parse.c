#include "http/parse.h"

size_t http_head_end(str bytes, size_t *from)
{
    size_t at = *from;
    for (;;) {
        const char *lf = at < bytes.n ? memchr(bytes.p + at, '\n', bytes.n - at) : NULL;
        if (!lf) {
            *from = bytes.n;
            return 0;
        }
        size_t next = (size_t)(lf - bytes.p) + 1;
        /* The empty line may be a bare LF: llhttp refuses it, but then it is refused now. */
        if (next < bytes.n && bytes.p[next] == '\n')
            return next + 1;
        if (next + 1 < bytes.n && bytes.p[next] == '\r' && bytes.p[next + 1] == '\n')
            return next + 2;
        if (next + 1 >= bytes.n) {
            *from = next - 1; /* look at this LF again when more is there */
            return 0;
        }
        at = next;
    }
}

str http_field_get(const struct http_field *fields, size_t n, str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq_nocase(fields[i].name, name))
            return str_trim(fields[i].value);
    }
    return (str){NULL, 0};
}

str http_request_list(const struct http_request *rq, str name, struct arena *a)
{
    str all = {NULL, 0};
    for (size_t i = 0; i < rq->n_fields; i++) {
        if (!str_eq_nocase(rq->fields[i].name, name))
            continue;
        str value = str_trim(rq->fields[i].value);
        all = all.p ? arena_printf(a, "%.*s, %.*s", STR_FMT(all), STR_FMT(value)) : value;
    }
    return all;
}

/* ---- llhttp callbacks for a head. ---- */

struct head_parse {
    struct http_request *rq;
    struct http_field *fields;
    size_t max;
    bool too_many;
    bool complete;
};

static int on_url(llhttp_t *p, const char *at, size_t n)
{
    struct head_parse *h = p->data;
    h->rq->target = h->rq->target.p ? str_of(h->rq->target.p, h->rq->target.n + n) : str_of(at, n);
    return 0;
}

static int on_method(llhttp_t *p, const char *at, size_t n)
{
    struct head_parse *h = p->data;
    str *m = &h->rq->method_name;
    *m = m->p ? str_of(m->p, m->n + n) : str_of(at, n);
    return 0;
}

static int on_name(llhttp_t *p, const char *at, size_t n)
{
    struct head_parse *h = p->data;
    struct http_request *rq = h->rq;
    if (rq->n_fields && !rq->fields[rq->n_fields - 1].value.p) {
        rq->fields[rq->n_fields - 1].name.n += n;
        return 0;
    }
    if (rq->n_fields == h->max) {
        h->too_many = true;
        return -1;
    }
    rq->fields[rq->n_fields++] = (struct http_field){str_of(at, n), {NULL, 0}};
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    struct head_parse *h = p->data;
    str *v = &h->rq->fields[h->rq->n_fields - 1].value;
    *v = v->p ? str_of(v->p, v->n + n) : str_of(at, n);
    return 0;
}

static int on_value_end(llhttp_t *p)
{
    struct head_parse *h = p->data;
    str *v = &h->rq->fields[h->rq->n_fields - 1].value;
    if (!v->p)
        *v = S("");
    return 0;
}

static int on_head_complete(llhttp_t *p)
{
    struct head_parse *h = p->data;
    h->complete = true;
    /* Stop here: identity bodies are read without the parser. */
    return HPE_PAUSED;
}

static int on_chunk_bytes(llhttp_t *p, const char *at, size_t n);
static int on_message_end(llhttp_t *p);

static llhttp_settings_t settings;

__attribute__((constructor)) static void settings_init(void)
{
    llhttp_settings_init(&settings);
    settings.on_method = on_method;
    settings.on_url = on_url;
    settings.on_header_field = on_name;
    settings.on_header_value = on_value;
    settings.on_header_value_complete = on_value_end;
    settings.on_headers_complete = on_head_complete;
    settings.on_body = on_chunk_bytes;
    settings.on_message_complete = on_message_end;
}

static enum err check_target(struct http_request *rq, struct fail *f)
{
    str t = rq->target;
    if (str_starts_nocase(t, S("http://")) || str_starts_nocase(t, S("https://"))) {
        /* The authority ends at the first of these (RFC 3986 3.2), and the path may be missing. */
        t = str_from(t, str_find(t, S("://")) + 3);
        while (t.n && !strchr("/?#", t.p[0]))
            t = str_from(t, 1);
        if (t.n == 0 || t.p[0] == '?') {
            rq->path = S("/");
            rq->query = str_from(t, 1);
            return OK;
        }
    }
    bool star = str_eq(t, S("*")) && rq->method == (llhttp_method_t)HTTP_OPTIONS;
    if (!star && (t.n == 0 || t.p[0] != '/'))
        return fail_set(f, ERR_BAD_HTTP, "the request target must be a path");
    size_t mark = str_find_char(t, '?');
    rq->path = str_head(t, mark);
    rq->query = str_from(t, mark + 1);
    return OK;
}

/* Beyond llhttp, which takes an empty list, any coding before chunked, and HTTP/1.0 with chunks
 * (RFC 9112 6.1: faulty framing). A peer before us might see another end of the message. */
static enum err check_coding(const struct http_request *rq, struct fail *f)
{
    unsigned seen = 0;
    for (size_t i = 0; i < rq->n_fields; i++) {
        if (!str_eq_nocase(rq->fields[i].name, S("transfer-encoding")))
            continue;
        if (seen++ || !str_eq_nocase(str_trim(rq->fields[i].value), S("chunked")))
            return fail_set(f, ERR_BAD_HTTP, "the only transfer coding taken is chunked");
    }
    if (seen && rq->http10)
        return fail_set(f, ERR_BAD_HTTP, "HTTP/1.0 has no transfer codings");
    /* llhttp takes `chunked` with a tab behind it for another coding. */
    if (seen && rq->content_length >= 0)
        return fail_set(f, ERR_BAD_HTTP, "the only transfer coding taken is chunked");
    return OK;
}

static enum err check_host(const struct http_request *rq, struct fail *f)
{
    unsigned hosts = 0;
    for (size_t i = 0; i < rq->n_fields; i++)
        hosts += str_eq_nocase(rq->fields[i].name, S("host"));
    if (hosts > 1 || (hosts == 0 && !rq->http10))
        return fail_set(f, ERR_BAD_HTTP, "exactly one Host header is required");
    return OK;
}

enum err http_parse_head(str head, struct http_request *rq, struct http_field *fields, size_t max,
                         llhttp_t *body_parser, struct fail *f)
{
    *rq = (struct http_request){.fields = fields};
    struct head_parse h = {rq, fields, max, false, false};
    llhttp_t *p = body_parser;
    llhttp_init(p, HTTP_REQUEST, &settings);
    p->data = &h;
    llhttp_errno_t e = llhttp_execute(p, head.p, head.n);
    if (h.too_many)
        return fail_set(f, ERR_HEAD_TOO_LARGE, "more than %zu header fields", max);
    /* An upgrade (or CONNECT) is not ours to follow; the bytes behind it would be unframed. */
    if (!h.complete || (e != HPE_OK && e != HPE_PAUSED && e != HPE_PAUSED_UPGRADE)) {
        const char *why = llhttp_get_error_reason(p);
        return fail_set(f, ERR_BAD_HTTP, "bad request head: %s", why && *why ? why : "malformed");
    }
    rq->method = (llhttp_method_t)llhttp_get_method(p);
    rq->http10 = llhttp_get_http_major(p) < 1 ||
                 (llhttp_get_http_major(p) == 1 && llhttp_get_http_minor(p) == 0);
    if (llhttp_get_http_major(p) != 1)
        return fail_set(f, ERR_BAD_HTTP, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    rq->keep_alive =
        !rq->http10 ? !(p->flags & F_CONNECTION_CLOSE) : (p->flags & F_CONNECTION_KEEP_ALIVE) != 0;
    if (p->flags & F_CHUNKED)
        rq->content_length = -1;
    else if (p->flags & F_CONTENT_LENGTH)
        rq->content_length = p->content_length > INT64_MAX ? INT64_MAX : (int64_t)p->content_length;
    str expect = http_request_field(rq, S("expect"));
    rq->expect_continue = !rq->http10 && str_eq_nocase(expect, S("100-continue"));
    enum err bad = check_coding(rq, f);
    bad = bad ? bad : check_host(rq, f);
    return bad ? bad : check_target(rq, f);
}

/* ---- Chunked bodies. ---- */

enum { CHUNK_OVERHEAD_BASE = 16 * 1024 };

static int on_chunk_bytes(llhttp_t *p, const char *at, size_t n)
{
    struct http_chunks *c = p->data;
    size_t pays = n < SIZE_MAX / 32 ? 16 * n + 16 : SIZE_MAX;
    c->overhead -= pays < c->overhead ? pays : c->overhead;
    c->body(c->arg, str_of(at, n));
    return 0;
}

static int on_message_end(llhttp_t *p)
{
    struct http_chunks *c = p->data;
    c->done = true;
    return HPE_PAUSED;
}

/* A trailer field would otherwise write into a head that is gone. */
static int ignore_span(llhttp_t *p, const char *at, size_t n)
{
    (void)p, (void)at, (void)n;
    return 0;
}

static llhttp_settings_t chunk_settings;

__attribute__((constructor)) static void chunk_settings_init(void)
{
    llhttp_settings_init(&chunk_settings);
    chunk_settings.on_header_field = ignore_span;
    chunk_settings.on_header_value = ignore_span;
    chunk_settings.on_body = on_chunk_bytes;
    chunk_settings.on_message_complete = on_message_end;
}

enum err http_chunks_feed(struct http_chunks *c, str bytes, size_t *used, struct fail *f)
{
    llhttp_t *p = &c->parser;
    p->data = c;
    p->settings = &chunk_settings;
    if (llhttp_get_errno(p) == HPE_PAUSED)
        llhttp_resume(p);
    /* Payload pays for its own framing, small chunks included: what is left over is padding. */
    c->overhead += bytes.n;
    llhttp_errno_t e = llhttp_execute(p, bytes.p, bytes.n);
    *used = bytes.n;
    if (e == HPE_PAUSED && c->done) {
        *used = (size_t)(llhttp_get_error_pos(p) - bytes.p);
        return OK;
    }
    if (e != HPE_OK)
        return fail_set(f, ERR_BAD_HTTP, "bad chunked body: %s", llhttp_get_error_reason(p));
    if (c->overhead > CHUNK_OVERHEAD_BASE)
        return fail_set(f, ERR_BAD_HTTP, "bad chunked body: too much framing for its payload");
    return OK;
}

bool http_media_is(str content_type, str type)
{
    str media = str_trim(str_head(content_type, str_find_char(content_type, ';')));
    return str_eq_nocase(media, type);
}

/* ---- Query strings. ---- */

str http_query_get(str query, str name)
{
    str rest = query;
    while (rest.p && rest.n) {
        str pair = str_split(&rest, '&');
        size_t eq = str_find_char(pair, '=');
        if (str_eq(str_head(pair, eq), name))
            return eq < pair.n ? str_from(pair, eq + 1) : S("");
    }
    return (str){NULL, 0};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t http_percent_decode(str s, bool plus, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '%' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
        if (low >= 0) {
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = plus && s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    return n;
}

#include "http/reader.h"

enum state { AT_HEAD, AT_LENGTH, AT_CHUNKS, AT_CLOSE, AT_END, AT_FAILURE };

/* Chunk headers, extensions and trailers that come without payload: more than this is not an
 * answer but a way to keep us busy. */
enum { FRAMING_MAX = 64 * 1024 };

/* ---- llhttp's callbacks. Spans of a trailer are not looked at. ---- */

static int on_name(llhttp_t *p, const char *at, size_t n)
{
    struct http_reader *r = p->data;
    struct http_head *h = &r->scratch->head;
    if (r->state != AT_HEAD)
        return 0;
    struct http_field *last = h->n_fields ? &r->scratch->fields[h->n_fields - 1] : NULL;
    if (last && !last->value.p) {
        last->name.n = (size_t)(at + n - last->name.p);
        return 0;
    }
    if (h->n_fields == HTTP_FIELDS_MAX) {
        r->too_many = true;
        return -1;
    }
    r->scratch->fields[h->n_fields++] = (struct http_field){str_of(at, n), {NULL, 0}};
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    struct http_reader *r = p->data;
    struct http_head *h = &r->scratch->head;
    /* Without a name this is the rest of a field whose start was in an earlier piece: the whole
     * head is read again when it is complete, and only then counts. */
    if (r->state != AT_HEAD || h->n_fields == 0)
        return 0;
    str *v = &r->scratch->fields[h->n_fields - 1].value;
    *v = v->p ? str_of(v->p, (size_t)(at + n - v->p)) : str_of(at, n);
    return 0;
}

static int on_value_end(llhttp_t *p)
{
    struct http_reader *r = p->data;
    struct http_head *h = &r->scratch->head;
    if (r->state == AT_HEAD && h->n_fields && !r->scratch->fields[h->n_fields - 1].value.p)
        r->scratch->fields[h->n_fields - 1].value = S("");
    return 0;
}

static int on_head_end(llhttp_t *p)
{
    (void)p;
    return HPE_PAUSED;
}

/* Payload never lies before the framing that announced it, so moving it down is safe; llhttp does
 * not look back. */
static int on_payload(llhttp_t *p, const char *at, size_t n)
{
    struct http_reader *r = p->data;
    memmove(r->out, at, n);
    r->out += n;
    return 0;
}

static int on_message_end(llhttp_t *p)
{
    struct http_reader *r = p->data;
    r->state = AT_END;
    return HPE_PAUSED;
}

static llhttp_settings_t settings;

__attribute__((constructor)) static void settings_init(void)
{
    llhttp_settings_init(&settings);
    settings.on_header_field = on_name;
    settings.on_header_value = on_value;
    settings.on_header_value_complete = on_value_end;
    settings.on_headers_complete = on_head_end;
    settings.on_body = on_payload;
    settings.on_message_complete = on_message_end;
}

/* ---- Life. ---- */

static void parser_begin(struct http_reader *r)
{
    llhttp_init(&r->parser, HTTP_RESPONSE, &settings);
    r->parser.data = r;
}

/* Not done at http_reader_begin: that may run while someone still looks at another head. */
static llhttp_errno_t parse_head(struct http_reader *r, const char *p, size_t n)
{
    r->scratch->head = (struct http_head){.fields = r->scratch->fields};
    r->too_many = false;
    return llhttp_execute(&r->parser, p, n);
}

void http_reader_init(struct http_reader *r, struct http_reader_scratch *scratch)
{
    *r = (struct http_reader){.scratch = scratch};
    buf_init(&r->carry, SIZE_MAX);
}

void http_reader_fini(struct http_reader *r)
{
    buf_fini(&r->carry);
}

void http_reader_begin(struct http_reader *r, bool head_only, size_t head_max)
{
    r->state = AT_HEAD;
    r->head_only = head_only;
    r->head_max = head_max;
    r->keep_alive = false;
    r->framing = 0;
    buf_clear(&r->carry);
    parser_begin(r);
}

static enum http_reader_step failed(struct http_reader *r, enum err code, const char *why)
{
    r->state = AT_FAILURE;
    r->code = code;
    r->why = why && *why ? why : "malformed answer";
    return READER_FAILED;
}

/* ---- The head. ---- */

/* One Transfer-Encoding field, and it says chunked and nothing else. */
static bool only_chunked(const struct http_head *h)
{
    unsigned fields = 0;
    for (size_t i = 0; i < h->n_fields; i++)
        fields += str_eq_nocase(h->fields[i].name, S("transfer-encoding"));
    str coding = http_field_get(h->fields, h->n_fields, S("transfer-encoding"));
    return fields == 1 && str_eq_nocase(coding, S("chunked"));
}

/* The body's framing, by RFC 9112 6.3. NULL, or why it is refused. */
static const char *decide_framing(struct http_reader *r)
{
    const llhttp_t *p = &r->parser;
    struct http_head *h = &r->scratch->head;
    h->content_length = -1;
    if (p->flags & F_TRANSFER_ENCODING) {
        if (!(p->flags & F_CHUNKED) || !only_chunked(h))
            return "transfer coding other than chunked";
        if (p->http_minor == 0)
            return "chunked answer under HTTP/1.0";
        r->state = AT_CHUNKS;
    } else if (p->flags & F_CONTENT_LENGTH) {
        if (p->content_length > INT64_MAX)
            return "Content-Length overflow";
        h->content_length = (int64_t)p->content_length;
        r->left = p->content_length;
        r->state = r->left ? AT_LENGTH : AT_END;
    } else {
        r->state = AT_CLOSE;
    }
    if (r->head_only || h->status == 204 || h->status == 304)
        r->state = AT_END;
    return NULL;
}

static enum http_reader_step head_complete(struct http_reader *r)
{
    const llhttp_t *p = &r->parser;
    struct http_head *h = &r->scratch->head;
    h->status = p->status_code;
    if (p->http_major != 1)
        return failed(r, ERR_UP_PROTOCOL, "the answer is not HTTP/1.x");
    if (h->status == 101 || h->status < 100)
        return failed(r, ERR_UP_PROTOCOL, "unexpected status");
    if (h->status < 200) {
        buf_clear(&r->carry);
        parser_begin(r);
        return READER_MORE;
    }
    const char *bad = decide_framing(r);
    if (bad)
        return failed(r, ERR_UP_PROTOCOL, bad);
    bool persistent = p->http_minor ? !(p->flags & F_CONNECTION_CLOSE)
                                    : (p->flags & F_CONNECTION_KEEP_ALIVE) != 0;
    r->keep_alive = persistent && r->state != AT_CLOSE;
    return READER_HEAD;
}

/* A head that came in pieces is complete now: read it again from one place, for the slices. */
static bool read_again(struct http_reader *r)
{
    parser_begin(r);
    return parse_head(r, r->carry.p, r->carry.n) == HPE_PAUSED;
}

static enum http_reader_step read_head(struct http_reader *r, char **p, size_t *n)
{
    llhttp_errno_t e = parse_head(r, *p, *n);
    if (r->too_many)
        return failed(r, ERR_UP_TOO_LARGE, "too many fields in the answer's head");
    if (e != HPE_OK && e != HPE_PAUSED)
        return failed(r, ERR_UP_PROTOCOL, llhttp_get_error_reason(&r->parser));
    size_t used = e == HPE_PAUSED ? (size_t)(llhttp_get_error_pos(&r->parser) - *p) : *n;
    if (used > r->head_max || r->carry.n > r->head_max - used)
        return failed(r, ERR_UP_TOO_LARGE, "the answer's head exceeds the limit");
    bool pieces = r->carry.n > 0 || e == HPE_OK;
    if (pieces)
        buf_put(&r->carry, str_of(*p, used));
    *p += used;
    *n -= used;
    if (e == HPE_OK)
        return READER_MORE;
    if (pieces && !read_again(r))
        return failed(r, r->too_many ? ERR_UP_TOO_LARGE : ERR_UP_PROTOCOL,
                      r->too_many ? "too many fields in the answer's head" : "malformed head");
    return head_complete(r);
}

/* ---- The body. ---- */

static enum http_reader_step take(char **p, size_t *n, size_t take, str *body)
{
    *body = str_of(*p, take);
    *p += take;
    *n -= take;
    return READER_BODY;
}

static enum http_reader_step read_length(struct http_reader *r, char **p, size_t *n, str *body)
{
    size_t part = r->left < *n ? (size_t)r->left : *n;
    r->left -= part;
    if (r->left == 0)
        r->state = AT_END;
    return take(p, n, part, body);
}

static enum http_reader_step read_chunks(struct http_reader *r, char **p, size_t *n, str *body)
{
    char *start = *p;
    size_t used = *n;
    r->out = start;
    if (llhttp_get_errno(&r->parser) == HPE_PAUSED)
        llhttp_resume(&r->parser);
    llhttp_errno_t e = llhttp_execute(&r->parser, start, used);
    if (e == HPE_PAUSED)
        used = (size_t)(llhttp_get_error_pos(&r->parser) - start);
    *body = str_of(start, (size_t)(r->out - start));
    *p += used;
    *n -= used;
    /* Payload pays for the framing around it. */
    r->framing += used - body->n;
    r->framing -= body->n < r->framing ? body->n : r->framing;
    if (e != HPE_OK && e != HPE_PAUSED)
        (void)failed(r, ERR_UP_PROTOCOL, llhttp_get_error_reason(&r->parser));
    else if (r->framing > FRAMING_MAX)
        (void)failed(r, ERR_UP_PROTOCOL, "too much chunk framing for its payload");
    /* The payload before an error is good; the error is the next step. */
    return body->n ? READER_BODY : READER_MORE;
}

static enum http_reader_step read_step(struct http_reader *r, char **p, size_t *n, str *body)
{
    switch ((enum state)r->state) {
    case AT_HEAD: return read_head(r, p, n);
    case AT_LENGTH: return read_length(r, p, n, body);
    case AT_CHUNKS: return read_chunks(r, p, n, body);
    case AT_CLOSE: return take(p, n, *n, body);
    case AT_END: return READER_END;
    case AT_FAILURE: break;
    }
    return READER_FAILED;
}

enum http_reader_step http_reader_next(struct http_reader *r, char **p, size_t *n, str *body,
                                       struct fail *f)
{
    enum http_reader_step step = READER_MORE;
    if (r->carry.p && r->state != AT_HEAD)
        buf_fini(&r->carry); /* the head was looked at since */
    while (step == READER_MORE && (*n || r->state == AT_END || r->state == AT_FAILURE))
        step = read_step(r, p, n, body);
    if (step == READER_FAILED)
        (void)fail_set(f, r->code, "%s", r->why);
    return step;
}

enum err http_reader_eof(const struct http_reader *r)
{
    if (r->state == AT_CLOSE || r->state == AT_END)
        return OK;
    return r->state == AT_HEAD ? ERR_UP_CLOSED : ERR_UP_CUT;
}

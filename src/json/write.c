#include "json/write.h"

#include "json/plain.h"

/* One byte that may not stand in a literal as it is. */
static void put_escaped(struct buf *out, json_byte c)
{
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (c < sizeof letters && letters[c]) {
        char two[2] = {'\\', letters[c]};
        buf_put(out, str_of(two, 2));
        return;
    }
    char six[6] = {'\\', 'u', '0', '0', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};
    buf_put(out, str_of(six, 6));
}

/* One character from 0x80 on; returns its length in the input. */
static size_t put_wide(struct buf *out, const json_byte *p, const json_byte *end)
{
    size_t n = json_utf8_len(p, end);
    if (n == 0) {
        buf_lit(out, "\xef\xbf\xbd");
        return 1;
    }
    if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
        buf_put(out, p[2] == 0xa8 ? S("\\u2028") : S("\\u2029"));
    else
        buf_put(out, str_of((const char *)p, n));
    return n;
}

/* What is not plain; returns what comes after it. */
static const json_byte *put_odd(struct buf *out, const json_byte *p, const json_byte *end)
{
    if (*p >= 0x80)
        return p + put_wide(out, p, end);
    put_escaped(out, *p);
    return p + 1;
}

/* The rest of a literal, piece by piece; for a buffer that is nearly full. */
static void put_slowly(struct buf *out, const json_byte *p, const json_byte *end)
{
    while (p < end) {
        const json_byte *stop = json_plain_end(p, end);
        buf_put(out, str_of((const char *)p, (size_t)(stop - p)));
        p = stop;
        if (p == end)
            break;
        p = put_odd(out, p, end);
    }
    buf_put_char(out, '"');
}

/* What one step may write more than it reads: an escape of six bytes for one, and sixteen bytes
 * where fewer were left; and the closing quote. */
enum { STEP_ROOM = 6 + 16 + 1 };

/* Copies plain bytes from *p to at until one that is not plain; both move. Writes up to 16 bytes
 * past what it copies. */
static char *copy_plain(char *at, const json_byte **from, const json_byte *end)
{
    const json_byte *p = *from;
#ifdef JSON_SSE2
    while (end - p >= 16) {
        uint64_t odd = json_odd16(p);
        memcpy(at, p, 16);
        if (odd) {
            *from = p + __builtin_ctzll(odd);
            return at + __builtin_ctzll(odd);
        }
        p += 16;
        at += 16;
    }
#endif
    if (end - p >= 8 && !json_odd8(json_word(p))) {
        memcpy(at, p, 8);
        p += 8;
        at += 8;
    }
    while (p < end && json_is_plain(*p))
        *at++ = (char)*p++;
    *from = p;
    return at;
}

void json_put_string(struct buf *out, str s)
{
    /* Not NULL, so that the end can be reckoned from it. */
    const json_byte *p = (const json_byte *)(s.n ? s.p : ""), *end = p + s.n;
    buf_put_char(out, '"');
    for (;;) {
        size_t room = (size_t)(end - p) + STEP_ROOM;
        if (room > out->cap - out->n && (room > out->max - out->n || !buf_reserve(out, room))) {
            put_slowly(out, p, end);
            return;
        }
        out->n = (size_t)(copy_plain(out->p + out->n, &p, end) - out->p);
        if (p == end)
            break;
        p = put_odd(out, p, end);
    }
    out->p[out->n++] = '"';
}

/* Before a value or a key. */
static void begin(struct json_writer *w)
{
    if (w->comma)
        buf_put_char(w->out, ',');
    w->comma = true;
}

static void open_with(struct json_writer *w, char bracket)
{
    begin(w);
    buf_put_char(w->out, bracket);
    w->comma = false;
}

static void close_with(struct json_writer *w, char bracket)
{
    buf_put_char(w->out, bracket);
    w->comma = true;
}

void jw_object(struct json_writer *w)
{
    open_with(w, '{');
}

void jw_object_end(struct json_writer *w)
{
    close_with(w, '}');
}

void jw_array(struct json_writer *w)
{
    open_with(w, '[');
}

void jw_array_end(struct json_writer *w)
{
    close_with(w, ']');
}

void jw_key_any(struct json_writer *w, str key)
{
    begin(w);
    json_put_string(w->out, key);
    buf_put_char(w->out, ':');
    w->comma = false; /* none between the colon and the value */
}

void jw_str(struct json_writer *w, str s)
{
    begin(w);
    json_put_string(w->out, s);
}

void jw_u64(struct json_writer *w, uint64_t v)
{
    begin(w);
    buf_put_u64(w->out, v);
}

void jw_i64(struct json_writer *w, int64_t v)
{
    begin(w);
    buf_put_i64(w->out, v);
}

void jw_bool(struct json_writer *w, bool v)
{
    begin(w);
    buf_put(w->out, v ? S("true") : S("false"));
}

void jw_null(struct json_writer *w)
{
    begin(w);
    buf_lit(w->out, "null");
}

void jw_raw(struct json_writer *w, str json)
{
    begin(w);
    buf_put(w->out, json);
}

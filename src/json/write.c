#include "json/write.h"

#include "json/plain.h"

/* One byte that may not stand in a literal as it is. */
static void put_escaped(struct buf *out, json_byte c)
{
    static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *hit = c ? memchr(named, c, sizeof named - 1) : NULL;
    if (hit) {
        char two[2] = {'\\', letters[hit - named]};
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

void json_put_string(struct buf *out, str s)
{
    /* Not NULL, so that the end can be reckoned from it. */
    const json_byte *p = (const json_byte *)(s.n ? s.p : ""), *end = p + s.n;
    buf_put_char(out, '"');
    while (p < end) {
        const json_byte *stop = json_plain_end(p, end);
        buf_put(out, str_of((const char *)p, (size_t)(stop - p)));
        p = stop;
        if (p == end)
            break;
        if (*p >= 0x80)
            p += put_wide(out, p, end);
        else
            put_escaped(out, *p++);
    }
    buf_put_char(out, '"');
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

void jw_key(struct json_writer *w, str key)
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

/*
 * json/write.h - JSON text appended to a buf; commas and colons are its business.
 *
 * Errors are sticky in the buf. Strings are taken as UTF-8; malformed bytes become U+FFFD.
 * U+2028 and U+2029 are escaped: some JavaScript stream parsers split lines there.
 */
#ifndef CLIPROXY_JSON_WRITE_H
#define CLIPROXY_JSON_WRITE_H

#include "base/buf.h"

struct json_writer {
    struct buf *out;
    bool comma; /* a value was written at this level */
};

static inline struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){out, false};
}

void jw_object(struct json_writer *w);     /* { */
void jw_object_end(struct json_writer *w); /* } */
void jw_array(struct json_writer *w);
void jw_array_end(struct json_writer *w);
void jw_key_any(struct json_writer *w, str key); /* any key; escaped as needed */
void jw_str(struct json_writer *w, str s);
void jw_u64(struct json_writer *w, uint64_t v);
void jw_i64(struct json_writer *w, int64_t v);
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);
void jw_raw(struct json_writer *w, str json); /* a value that is JSON already */

/* A key that is a literal of this program: ASCII without quotes or backslashes. */
static inline void jw_key_plain(struct json_writer *w, str key)
{
    struct buf *b = w->out;
    if (key.n + 4 > b->cap - b->n || b->failed) {
        jw_key_any(w, key);
        return;
    }
    char *at = b->p + b->n;
    *at = ',';
    at += w->comma;
    *at++ = '"';
    memcpy(at, key.p, key.n);
    at[key.n] = '"';
    at[key.n + 1] = ':';
    b->n = (size_t)(at - b->p) + key.n + 2;
    w->comma = false; /* none between the colon and the value */
}

/* Most keys are S("literals"), whose length the compiler knows. */
static inline void jw_key(struct json_writer *w, str key)
{
    if (__builtin_constant_p(key.n))
        jw_key_plain(w, key);
    else
        jw_key_any(w, key);
}

/* Pairs. */
#define jw_kstr(w, k, v)  (jw_key((w), S(k)), jw_str((w), (v)))
#define jw_ku64(w, k, v)  (jw_key((w), S(k)), jw_u64((w), (v)))
#define jw_ki64(w, k, v)  (jw_key((w), S(k)), jw_i64((w), (v)))
#define jw_kbool(w, k, v) (jw_key((w), S(k)), jw_bool((w), (v)))
#define jw_knull(w, k)    (jw_key((w), S(k)), jw_null(w))
#define jw_kraw(w, k, v)  (jw_key((w), S(k)), jw_raw((w), (v)))

/* A string literal with quotes, without a writer. */
void json_put_string(struct buf *out, str s);

#endif

/*
 * json/read.h - JSON texts as trees, for what is translated rather than passed on.
 *
 * yyjson reads (RFC 8259, strict); the tree lies in an arena and goes with it. Numbers keep their
 * source text, so that 0.7 is sent on as 0.7 and a 20-digit id loses nothing. The readers below
 * take any value, also NULL, so that a chain of look-ups needs no checks in between.
 */
#ifndef CLIPROXY_JSON_READ_H
#define CLIPROXY_JSON_READ_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/err.h"
#include "json/write.h"

enum { JSON_DEPTH_MAX = 512 }; /* whatever a configuration says: what walks a tree recurses */

/*
 * Reads one document. *root lives as long as the arena.
 *   OK, or ERR_BAD_JSON / ERR_TOO_DEEP with *f saying where.
 */
enum err json_read(str text, struct arena *a, yyjson_val **root, struct fail *f) must_check;

/* A string's text; p == NULL for anything else. */
static inline str jv_str(const yyjson_val *v)
{
    if (!yyjson_is_str((yyjson_val *)(uintptr_t)v))
        return (str){NULL, 0};
    return str_of(yyjson_get_str((yyjson_val *)(uintptr_t)v),
                  yyjson_get_len((yyjson_val *)(uintptr_t)v));
}

/* A number's source text; p == NULL for anything else. */
static inline str jv_num(yyjson_val *v)
{
    return yyjson_is_raw(v) ? str_of(yyjson_get_raw(v), yyjson_get_len(v)) : (str){NULL, 0};
}

/* obj[key]; NULL when there is none, when obj is no object, or when the value is null. */
static inline yyjson_val *jv_get(yyjson_val *obj, const char *key)
{
    yyjson_val *v = yyjson_obj_get(obj, key);
    return yyjson_is_null(v) ? NULL : v;
}

/* The string at obj[key]. */
static inline str jv_get_str(yyjson_val *obj, const char *key)
{
    return jv_str(yyjson_obj_get(obj, key));
}

/* A whole number of any spelling without fraction or exponent that fits. */
bool jv_i64(yyjson_val *v, int64_t *out);

/* obj[key] as such a number, or otherwise. */
int64_t jv_get_i64(yyjson_val *obj, const char *key, int64_t otherwise);

/* True for JSON true. */
static inline bool jv_true(yyjson_val *v)
{
    return yyjson_is_true(v);
}

/* A string that equals the literal. */
#define jv_is(v, lit) str_eq(jv_str(v), S(lit))

/* What a value is, in words for messages: "a string", "an array", ... */
const char *jv_kind(yyjson_val *v);

/* The value as compact JSON; NULL as null. */
void jw_value(struct json_writer *w, const yyjson_val *v);
str json_text_of(const yyjson_val *v, struct arena *a);
#define jw_kvalue(w, k, v) (jw_key((w), S(k)), jw_value((w), (v)))

#endif

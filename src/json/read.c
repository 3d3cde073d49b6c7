#include "json/read.h"

/* ---- yyjson in an arena ---- */

static void *alc_malloc(void *ctx, size_t size)
{
    return arena_alloc(ctx, size);
}

static void *alc_realloc(void *ctx, void *p, size_t old_size, size_t size)
{
    if (size <= old_size)
        return p;
    void *grown = arena_alloc(ctx, size);
    return memcpy(grown, p, old_size);
}

static void alc_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p;
}

/*
 * Whether containers nest deeper than we recurse. The values of a document lie behind each other
 * as they are written, so one pass with the ends of the open containers tells.
 */
static bool too_deep(const yyjson_doc *doc)
{
    yyjson_val *ends[JSON_DEPTH_MAX], *v = yyjson_doc_get_root((yyjson_doc *)(uintptr_t)doc);
    yyjson_val *end = v + yyjson_doc_get_val_count((yyjson_doc *)(uintptr_t)doc);
    unsigned depth = 0;
    for (; v < end; v++) {
        if (!unsafe_yyjson_is_ctn(v))
            continue;
        while (depth && v >= ends[depth - 1])
            depth--;
        if (depth == JSON_DEPTH_MAX)
            return true;
        ends[depth++] = unsafe_yyjson_get_next(v);
    }
    return false;
}

enum err json_read(str text, struct arena *a, yyjson_val **root, struct fail *f)
{
    yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, a};
    yyjson_read_err e;
    *root = NULL;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)(text.p ? text.p : ""), text.n,
                                       YYJSON_READ_NUMBER_AS_RAW, &alc, &e);
    if (!doc)
        return fail_set(f, ERR_BAD_JSON, "not valid JSON at byte %zu: %s", e.pos, e.msg);
    if (too_deep(doc))
        return fail_set(f, ERR_TOO_DEEP, "the JSON is nested deeper than %d levels",
                        JSON_DEPTH_MAX);
    *root = yyjson_doc_get_root(doc);
    return OK;
}

/* ---- values ---- */

bool jv_i64(yyjson_val *v, int64_t *out)
{
    str s = jv_num(v);
    bool minus = s.n && s.p[0] == '-';
    uint64_t u;
    if (!str_u64(minus ? str_from(s, 1) : s, &u) || u > INT64_MAX)
        return false;
    *out = minus ? -(int64_t)u : (int64_t)u;
    return true;
}

int64_t jv_get_i64(yyjson_val *obj, const char *key, int64_t otherwise)
{
    int64_t v;
    return jv_i64(yyjson_obj_get(obj, key), &v) ? v : otherwise;
}

const char *jv_kind(yyjson_val *v)
{
    if (!v)
        return "nothing";
    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_NULL: return "null";
    case YYJSON_TYPE_BOOL: return "a boolean";
    case YYJSON_TYPE_RAW: return "a number";
    case YYJSON_TYPE_STR: return "a string";
    case YYJSON_TYPE_ARR: return "an array";
    case YYJSON_TYPE_OBJ: return "an object";
    default: return "a value";
    }
}

/* ---- writing a tree ---- */

/* Recursion is bounded by JSON_DEPTH_MAX: trees come from json_read, or are built by us. */
void jw_value(struct json_writer *w, const yyjson_val *value)
{
    yyjson_val *v = (yyjson_val *)(uintptr_t)value;
    if (yyjson_is_str(v)) {
        jw_str(w, jv_str(v));
    } else if (yyjson_is_raw(v)) {
        jw_raw(w, jv_num(v));
    } else if (yyjson_is_bool(v)) {
        jw_bool(w, yyjson_get_bool(v));
    } else if (yyjson_is_arr(v)) {
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        jw_array(w);
        for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));)
            jw_value(w, e);
        jw_array_end(w);
    } else if (yyjson_is_obj(v)) {
        yyjson_obj_iter it = yyjson_obj_iter_with(v);
        jw_object(w);
        for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
            jw_key(w, jv_str(k));
            jw_value(w, yyjson_obj_iter_get_val(k));
        }
        jw_object_end(w);
    } else {
        jw_null(w);
    }
}

str json_text_of(const yyjson_val *v, struct arena *a)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    struct json_writer w = json_writer(&out);
    jw_value(&w, v);
    str text = str_dup(a, buf_str(&out));
    buf_fini(&out);
    return text;
}

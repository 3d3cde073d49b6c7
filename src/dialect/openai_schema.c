#include "dialect/openai_schema.h"

/* How a keyword's value holds further schemas. */
enum holds { HOLDS_NONE, HOLDS_ONE, HOLDS_LIST, HOLDS_MAP };

static enum holds holds(str key)
{
    static const struct {
        const char *key;
        enum holds holds;
    } keywords[] = {
        {"properties", HOLDS_MAP},
        {"items", HOLDS_ONE},
        {"anyOf", HOLDS_LIST},
        {"oneOf", HOLDS_LIST},
        {"allOf", HOLDS_LIST},
        {"$defs", HOLDS_MAP},
        {"additionalProperties", HOLDS_ONE},
        {"definitions", HOLDS_MAP},
        {"not", HOLDS_ONE},
        {"prefixItems", HOLDS_LIST},
        {"patternProperties", HOLDS_MAP},
        {"if", HOLDS_ONE},
        {"then", HOLDS_ONE},
        {"else", HOLDS_ONE},
        {"contains", HOLDS_ONE},
    };
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (str_eq(key, str_c(keywords[i].key)))
            return keywords[i].holds;
    }
    return HOLDS_NONE;
}

/* "type" may be a list. */
static bool has_type(yyjson_val *type, str name)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(type);
    if (str_eq(jv_str(type), name))
        return true;
    for (yyjson_val *t; (t = yyjson_arr_iter_next(&it));) {
        if (str_eq(jv_str(t), name))
            return true;
    }
    return false;
}

/* ---- writing ---- */

/* Recursion is bounded by JSON_DEPTH_MAX. */
static void write_node(yyjson_val *v, bool root, struct json_writer *w);

static void write_held(yyjson_val *v, enum holds how, struct json_writer *w)
{
    if (how == HOLDS_MAP && yyjson_is_obj(v)) {
        yyjson_obj_iter it = yyjson_obj_iter_with(v);
        jw_object(w);
        for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
            jw_key(w, jv_str(k));
            write_node(yyjson_obj_iter_get_val(k), false, w);
        }
        jw_object_end(w);
    } else if (how != HOLDS_NONE && yyjson_is_arr(v)) {
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        jw_array(w);
        for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));)
            write_node(e, false, w);
        jw_array_end(w);
    } else if (how == HOLDS_ONE || how == HOLDS_LIST) {
        write_node(v, false, w);
    } else {
        jw_value(w, v);
    }
}

static void write_empty(struct json_writer *w)
{
    jw_object(w);
    jw_object_end(w);
}

static void write_node(yyjson_val *v, bool root, struct json_writer *w)
{
    yyjson_val *type = NULL;
    bool properties = false, items = false;
    if (!yyjson_is_obj(v)) {
        jw_value(w, v);
        return;
    }
    jw_object(w);
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *value = yyjson_obj_iter_get_val(k);
        str key = jv_str(k);
        if (str_eq(key, S("type")))
            type = value;
        properties |= str_eq(key, S("properties"));
        items |= str_eq(key, S("items")) || str_eq(key, S("prefixItems"));
        jw_key(w, key);
        write_held(value, holds(key), w);
    }
    if (root && !type)
        jw_kstr(w, "type", S("object"));
    if (!properties && (has_type(type, S("object")) || (root && !type))) {
        jw_key(w, S("properties"));
        write_empty(w);
    }
    if (!items && has_type(type, S("array"))) {
        jw_key(w, S("items"));
        write_empty(w);
    }
    jw_object_end(w);
}

void openai_schema_write(yyjson_val *schema, struct json_writer *w)
{
    if (yyjson_is_obj(schema))
        write_node(schema, true, w);
    else
        jw_raw(w, S("{\"type\":\"object\",\"properties\":{}}"));
}

/* ---- strict mode ---- */

static bool listed(yyjson_val *list, str name)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));) {
        if (str_eq(jv_str(e), name))
            return true;
    }
    return false;
}

static bool strict_object(yyjson_val *v)
{
    yyjson_val *required = jv_get(v, "required");
    if (!yyjson_is_false(jv_get(v, "additionalProperties")))
        return false;
    yyjson_obj_iter it = yyjson_obj_iter_with(jv_get(v, "properties"));
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        if (!listed(required, jv_str(k)))
            return false;
    }
    return true;
}

static bool strict_node(yyjson_val *v);

static bool strict_held(yyjson_val *v, enum holds how)
{
    if (how == HOLDS_MAP) {
        yyjson_obj_iter it = yyjson_obj_iter_with(v);
        for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
            if (!strict_node(yyjson_obj_iter_get_val(k)))
                return false;
        }
        return true;
    }
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));) {
        if (!strict_node(e))
            return false;
    }
    return yyjson_is_arr(v) || strict_node(v);
}

static bool never_strict(str key)
{
    static const char *const words[] = {
        "allOf",       "oneOf",   "not", "if", "then", "else", "patternProperties",
        "prefixItems", "contains"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_eq(key, str_c(words[i])))
            return true;
    }
    return false;
}

static bool strict_node(yyjson_val *v)
{
    if (!yyjson_is_obj(v))
        return yyjson_is_bool(v);
    if (has_type(jv_get(v, "type"), S("object")) && !strict_object(v))
        return false;
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        enum holds how = holds(jv_str(k));
        if (never_strict(jv_str(k)) ||
            (how != HOLDS_NONE && !strict_held(yyjson_obj_iter_get_val(k), how)))
            return false;
    }
    return true;
}

bool openai_schema_is_strict(yyjson_val *schema)
{
    return jv_is(jv_get(schema, "type"), "object") && strict_node(schema);
}

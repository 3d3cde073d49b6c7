/*
 * dialect/gemini/schema/read.c - the message Schema (content.proto) as JSON Schema, for the others.
 *
 * Types are an enum in upper case; null is a boolean beside the type; 64-bit limits are strings, as
 * ProtoJSON writes int64; Vertex AI has ref and defs. Names of members come in either spelling.
 */
#include "dialect/gemini/schema/clean.h"
#include "dialect/gemini/schema/pass.h"
#include "ir/fields.h"

/* Whether anything in it is not JSON Schema already; most clients write lower case. */
static bool is_foreign(yyjson_val *v)
{
    if (yyjson_is_arr(v)) {
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));) {
            if (is_foreign(e))
                return true;
        }
        return false;
    }
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    for (yyjson_val *k, *m; (k = yyjson_obj_iter_next(&it));) {
        m = yyjson_obj_iter_get_val(k);
        str type = jv_is(k, "type") ? jv_str(m) : S("");
        if ((type.n && type.p[0] >= 'A' && type.p[0] <= 'Z') || jv_is(k, "nullable") ||
            jv_is(k, "ref") || jv_is(k, "propertyOrdering") || jv_is(k, "example") ||
            str_find_char(jv_str(k), '_') < yyjson_get_len(k) || is_foreign(m))
            return true;
    }
    return false;
}

static const struct {
    const char *name;
    str means;
} renamed[] = {
    {"anyOf", S("anyOf")},
    {"minItems", S("minItems")},
    {"maxItems", S("maxItems")},
    {"minLength", S("minLength")},
    {"maxLength", S("maxLength")},
    {"minProperties", S("minProperties")},
    {"defs", S("$defs")},
    {"maxProperties", S("maxProperties")},
    {"ref", S("$ref")},
    {"additionalProperties", S("additionalProperties")},
};

/* Keys of a node in JSON Schema's spelling. */
static void rename_keys(struct tree *node)
{
    for (struct tree *m = node->first; m; m = m->next) {
        for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++) {
            if (ir_key_is(m->key, renamed[i].name))
                m->key = renamed[i].means;
        }
        node->keys |= tree_bit(m->key);
    }
}

static void read_numbers(struct tree *node)
{
    for (struct tree *m = node->first; m; m = m->next) {
        uint64_t n;
        bool limit = str_starts(m->key, S("min")) || str_starts(m->key, S("max"));
        if (limit && m->kind == JSON_STRING && str_u64(m->text, &n))
            m->kind = JSON_NUMBER;
    }
}

/* "#/defs/x" is "#/$defs/x". */
static void read_pointer(struct schema *s, struct tree *node)
{
    struct tree *ref = tree_get(node, S("$ref"));
    if (!ref || ref->kind != JSON_STRING || !str_starts(ref->text, S("#/defs/")))
        return;
    str parts[] = {S("#/$"), str_from(ref->text, 2)};
    ref->text = str_join(s->arena, parts, 2);
}

/* nullable beside anyOf is one more branch. */
static void read_nullable(struct schema *s, struct tree *node)
{
    struct tree *any = tree_get(node, S("anyOf")), *nullable = tree_get(node, S("nullable"));
    if (!any || any->kind != JSON_ARRAY || !nullable || nullable->kind != JSON_TRUE) {
        schema_null_type(s, node);
        return;
    }
    struct tree *null = tree_new(s->arena, JSON_OBJECT);
    tree_put(null, S("type"), tree_string(s->arena, S("null")));
    tree_append(any, null);
    tree_drop(node, S("nullable"));
}

static void read_node(struct schema *s, struct tree *node)
{
    static const str ordering[] = {S("propertyOrdering"), S("property_ordering")};
    rename_keys(node);
    read_numbers(node);
    read_pointer(s, node);
    tree_drop(node, ordering[0]);
    tree_drop(node, ordering[1]);
    struct tree *type = tree_get(node, S("type")), *example = tree_take(node, S("example"));
    if (type && type->kind == JSON_STRING && str_eq_nocase(type->text, S("TYPE_UNSPECIFIED")))
        tree_drop(node, S("type"));
    if (str_eq(tree_get_str(node, S("format")), S("enum")))
        tree_drop(node, S("format"));
    if (example) {
        struct tree *list = tree_new(s->arena, JSON_ARRAY);
        tree_append(list, example);
        tree_put(node, S("examples"), list);
    }
    schema_repair(s, node);
    read_nullable(s, node);
}

/* As trees of yyjson come from texts only: written, and read again. */
static yyjson_val *as_value(const struct tree *t, struct arena *a)
{
    yyjson_val *v;
    return json_read(tree_text(t, a), a, &v, NULL) == OK ? v : NULL;
}

yyjson_val *gemini_schema_read(yyjson_val *schema, struct arena *a)
{
    if (!yyjson_is_obj(schema) || !is_foreign(schema))
        return schema;
    struct schema s = {.arena = a};
    s.root = tree_of(a, schema);
    schema_walk_down(&s, s.root, read_node);
    return as_value(s.root, a);
}

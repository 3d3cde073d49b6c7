/*
 * dialect/gemini/schema/repair.c - what clients write although it is no JSON Schema.
 */
#include "dialect/gemini/schema/pass.h"

#define KIND(k) (1u << JSON_##k)
#define BOOL    (KIND(TRUE) | KIND(FALSE))

/* A keyword is one only with a value of its kind; else it is the name of a property. */
static const struct {
    str key;
    unsigned kinds;
} keywords[] = {
    {S("type"), KIND(STRING) | KIND(ARRAY)},
    {S("properties"), KIND(OBJECT)},
    {S("description"), KIND(STRING)},
    {S("required"), KIND(ARRAY) | BOOL},
    {S("items"), KIND(OBJECT) | KIND(ARRAY) | BOOL},
    {S("enum"), KIND(ARRAY)},
    {S("$ref"), KIND(STRING)},
    {S("anyOf"), KIND(ARRAY)},
    {S("oneOf"), KIND(ARRAY)},
    {S("allOf"), KIND(ARRAY)},
    {S("$defs"), KIND(OBJECT)},
    {S("definitions"), KIND(OBJECT)},
    {S("title"), KIND(STRING)},
    {S("format"), KIND(STRING)},
    {S("pattern"), KIND(STRING)},
    {S("$schema"), KIND(STRING)},
    {S("$id"), KIND(STRING)},
    {S("additionalProperties"), KIND(OBJECT) | BOOL},
    {S("nullable"), BOOL},
    {S("const"), ~KIND(OBJECT)},
    {S("default"), ~KIND(OBJECT)},
};

static bool is_keyword(const struct tree *m)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (tree_same(m->key, keywords[i].key))
            return keywords[i].kinds >> m->kind & 1;
    }
    return false;
}

static bool any_keyword(const struct tree *t)
{
    for (const struct tree *m = t->first; m; m = m->next) {
        if (is_keyword(m))
            return true;
    }
    return false;
}

/* {"city": {"type": "string"}} where {"properties": {"city": ...}} is meant. */
static bool is_bare_map(const struct tree *node)
{
    bool any = false;
    for (const struct tree *m = node->first; m; m = m->next) {
        if (m->kind != JSON_OBJECT || is_keyword(m))
            return false;
        any |= any_keyword(m);
    }
    return any;
}

static void wrap(struct schema *s, struct tree *node)
{
    struct tree *map = tree_new(s->arena, JSON_OBJECT);
    map->first = node->first;
    map->keys = node->keys;
    node->first = NULL;
    tree_put(node, S("properties"), map);
}

/* Where a schema belongs: true and what is no schema allow anything. */
static void make_schema(struct tree *t)
{
    if (t->kind == JSON_OBJECT)
        return;
    t->kind = JSON_OBJECT;
    t->first = NULL;
}

/* Names people use for types, with those of JSON Schema in any case. */
static const struct {
    str said, meant;
} types[] = {
    {S("object"), S("object")}, {S("string"), S("string")},   {S("array"), S("array")},
    {S("number"), S("number")}, {S("integer"), S("integer")}, {S("boolean"), S("boolean")},
    {S("null"), S("null")},     {S("int"), S("integer")},     {S("long"), S("integer")},
    {S("int32"), S("integer")}, {S("int64"), S("integer")},   {S("float"), S("number")},
    {S("double"), S("number")}, {S("bool"), S("boolean")},    {S("str"), S("string")},
    {S("text"), S("string")},   {S("list"), S("array")},      {S("dict"), S("object")},
    {S("map"), S("object")},
};

/* False for what is no type at all ("any"). */
static bool name_type(struct tree *t)
{
    for (size_t i = 0; t->kind == JSON_STRING && i < sizeof types / sizeof types[0]; i++) {
        if (str_eq_nocase(t->text, types[i].said)) {
            t->text = types[i].meant;
            return true;
        }
    }
    return false;
}

static void repair_type(struct schema *s, struct tree *node)
{
    struct tree *type = tree_get(node, S("type"));
    if (type && type->kind == JSON_ARRAY) {
        struct tree **at = &type->first;
        while (*at) {
            if (name_type(*at))
                at = &(*at)->next;
            else
                *at = (*at)->next;
        }
        if (!type->first)
            tree_drop(node, S("type"));
    } else if (type && !name_type(type)) {
        tree_drop(node, S("type"));
    }
    if (!tree_has(node, S("type")) && tree_has(node, S("properties")))
        tree_put(node, S("type"), tree_string(s->arena, S("object")));
    else if (!tree_has(node, S("type")) && tree_has(node, S("items")))
        tree_put(node, S("type"), tree_string(s->arena, S("array")));
}

/* An array of names, or nothing. */
static void repair_required(struct schema *s, struct tree *node)
{
    struct tree *required = tree_get(node, S("required"));
    if (required && required->kind == JSON_STRING) {
        struct tree *list = tree_new(s->arena, JSON_ARRAY);
        tree_append(list, tree_string(s->arena, required->text));
        tree_put(node, S("required"), list);
    } else if (required && required->kind != JSON_ARRAY) {
        tree_drop(node, S("required"));
    }
}

/* Properties are schemas, and what says of itself that it is required is so in its parent. A
 * property that may not be there (false) is none. */
static void repair_properties(struct schema *s, struct tree *node)
{
    struct tree *properties = tree_get(node, S("properties")), *hoisted = NULL, **end = &hoisted;
    if (!properties)
        return;
    if (properties->kind != JSON_OBJECT) {
        tree_drop(node, S("properties"));
        return;
    }
    for (struct tree **at = &properties->first, *p; (p = *at);) {
        if (p->kind == JSON_FALSE) {
            *at = p->next;
            continue;
        }
        make_schema(p);
        struct tree *required = tree_get(p, S("required"));
        if (required && required->kind == JSON_TRUE) {
            *end = tree_string(s->arena, p->key);
            end = &(*end)->next;
        }
        at = &p->next;
    }
    if (!hoisted)
        return;
    struct tree *list = tree_get(node, S("required"));
    if (!list)
        tree_put(node, S("required"), list = tree_new(s->arena, JSON_ARRAY));
    *end = list->first;
    list->first = hoisted;
}

static void repair_branches(struct tree *node)
{
    static const str keys[] = {S("anyOf"), S("oneOf"), S("allOf"), S("prefixItems")};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct tree *list = tree_get(node, keys[i]);
        if (list && (list->kind != JSON_ARRAY || !list->first)) {
            tree_drop(node, keys[i]);
            continue;
        }
        for (struct tree *t = list ? list->first : NULL; t; t = t->next)
            make_schema(t);
    }
    struct tree *items = tree_get(node, S("items"));
    if (items && items->kind != JSON_ARRAY)
        make_schema(items);
}

void schema_repair(struct schema *s, struct tree *node)
{
    if (is_bare_map(node))
        wrap(s, node);
    repair_required(s, node);
    repair_properties(s, node);
    repair_branches(node);
    repair_type(s, node);
}

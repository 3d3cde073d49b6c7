/*
 * dialect/gemini/schema/enums.c - const and enum. The message Schema has enum for strings only;
 * JSON Schema at Gemini has it for strings and numbers, needs the type beside it
 * (github.com/pydantic/pydantic-ai issue 3610), and has no const in schemas of answers
 * (github.com/vercel/ai pull request 20757).
 */
#include "dialect/gemini/schema/pass.h"

static str type_of(const struct tree *value)
{
    switch (value->kind) {
    case JSON_STRING: return S("string");
    case JSON_TRUE:
    case JSON_FALSE: return S("boolean");
    case JSON_NULL: return S("null");
    case JSON_ARRAY: return S("array");
    case JSON_OBJECT: return S("object");
    case JSON_NUMBER:
    case JSON_ABSENT: break;
    }
    bool whole = str_find_char(value->text, '.') == value->text.n &&
                 str_find_char(value->text, 'e') == value->text.n &&
                 str_find_char(value->text, 'E') == value->text.n;
    return whole ? S("integer") : S("number");
}

void schema_const(struct schema *s, struct tree *node)
{
    struct tree *value = tree_take(node, S("const"));
    if (!value)
        return;
    if (value->first) {
        str parts[] = {S("always "), tree_text(value, s->arena)};
        schema_hint(s, node, str_join(s->arena, parts, 2));
    } else if (!tree_has(node, S("enum"))) {
        struct tree *list = tree_new(s->arena, JSON_ARRAY);
        tree_append(list, value);
        tree_put(node, S("enum"), list);
    }
}

void schema_enum_type(struct schema *s, struct tree *node)
{
    const struct tree *list = tree_get(node, S("enum"));
    if (!list || list->kind != JSON_ARRAY || !list->first || tree_has(node, S("type")))
        return;
    str type = type_of(list->first);
    for (const struct tree *v = list->first->next; v; v = v->next) {
        str other = type_of(v);
        if (str_eq(type, S("integer")) && str_eq(other, S("number")))
            type = other;
        else if (!str_eq(type, other) &&
                 !(str_eq(type, S("number")) && str_eq(other, S("integer"))))
            return;
    }
    tree_put(node, S("type"), tree_string(s->arena, type));
}

/* A value as a string; NULL for what cannot be one: null, containers, and "" (enum[0]: cannot be
 * empty). */
static struct tree *as_string(struct schema *s, const struct tree *v)
{
    switch (v->kind) {
    case JSON_STRING: return v->text.n ? tree_string(s->arena, v->text) : NULL;
    case JSON_NUMBER: return tree_string(s->arena, v->text);
    case JSON_TRUE: return tree_string(s->arena, S("true"));
    case JSON_FALSE: return tree_string(s->arena, S("false"));
    default: return NULL;
    }
}

/* What the strings were before they became strings. */
static void say_type(struct schema *s, struct tree *node, bool others)
{
    const struct tree *type = tree_get(node, S("type"));
    str was = type && type->kind == JSON_STRING ? type->text : S("");
    if (!others && (!was.n || str_eq(was, S("string"))))
        return;
    if (!was.n || str_eq(was, S("string"))) {
        schema_hint(s, node, S("values need not be strings"));
        return;
    }
    str parts[] = {S("type: "), was};
    schema_hint(s, node, str_join(s->arena, parts, 2));
}

void schema_enum_strings(struct schema *s, struct tree *node)
{
    struct tree *list = tree_take(node, S("enum")), *strings, **end;
    struct map seen;
    bool others = false;
    if (!list || list->kind != JSON_ARRAY)
        return;
    map_init(&seen, s->arena);
    strings = tree_new(s->arena, JSON_ARRAY);
    end = &strings->first;
    for (const struct tree *v = list->first; v; v = v->next) {
        struct tree *string = as_string(s, v);
        if (v->kind == JSON_NULL)
            tree_put(node, S("nullable"), tree_new(s->arena, JSON_TRUE));
        others |= v->kind != JSON_STRING && v->kind != JSON_NULL;
        if (!string || *map_at(&seen, string->text))
            continue;
        *map_at(&seen, string->text) = string;
        *end = string;
        end = &string->next;
    }
    if (!strings->first)
        return;
    say_type(s, node, others);
    tree_put(node, S("enum"), strings);
    tree_put(node, S("type"), tree_string(s->arena, S("string")));
}

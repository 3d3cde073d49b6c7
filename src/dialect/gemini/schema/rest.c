/*
 * dialect/gemini/schema/rest.c - the last passes: what may be null is not required, what the
 * message Schema does not know goes, what it insists on comes.
 */
#include "dialect/gemini/schema/pass.h"

/* The fields of the message Schema (content.proto) that are left after the other passes. Everything
 * else is an "Unknown name": $schema, $id, additionalProperties, patternProperties, deprecated,
 * encrypted, enumTitles, prefill, x-*, ... */
static const str known[] = {
    S("type"),     S("format"),     S("description"),      S("enum"),    S("items"),
    S("required"), S("properties"), S("propertyOrdering"), S("minimum"), S("maximum"),
};

static bool is_known(str key)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (str_eq(key, known[i]))
            return true;
    }
    return false;
}

void schema_noise(struct schema *s, struct tree *node)
{
    static const str noise[] = {
        S("$schema"),       S("$comment"),       S("$dynamicRef"),
        S("$recursiveRef"), S("defer_loading"),  S("deferLoading"),
        S("cache_control"), S("input_examples"), S("eager_input_streaming"),
        S("strict"),        S("discriminator"),
    };
    (void)s;
    for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++)
        tree_drop(node, noise[i]);
}

void schema_null_type(struct schema *s, struct tree *node)
{
    struct tree *nullable = tree_take(node, S("nullable"));
    str type = tree_get_str(node, S("type"));
    if (!nullable || nullable->kind != JSON_TRUE || !type.n || str_eq(type, S("null")))
        return;
    struct tree *list = tree_new(s->arena, JSON_ARRAY);
    tree_append(list, tree_string(s->arena, type));
    tree_append(list, tree_string(s->arena, S("null")));
    tree_put(node, S("type"), list);
}

void schema_nullable(struct schema *s, struct tree *node)
{
    struct tree *properties = tree_get(node, S("properties"));
    struct tree *required = tree_get(node, S("required"));
    struct map nulls;
    map_init(&nulls, s->arena);
    for (struct tree *p = properties ? properties->first : NULL; p; p = p->next) {
        struct tree *nullable = tree_take(p, S("nullable"));
        if (!nullable || nullable->kind != JSON_TRUE)
            continue;
        schema_hint(s, p, S("nullable"));
        *map_at(&nulls, p->key) = p;
    }
    if (!nulls.count || !required || required->kind != JSON_ARRAY)
        return;
    for (struct tree **at = &required->first; *at;) {
        if ((*at)->kind == JSON_STRING && map_get(&nulls, (*at)->text))
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
}

/* The type, where none is left: it must be specified. */
static void need_type(struct schema *s, struct tree *node)
{
    str type = tree_get_str(node, S("type"));
    if (type.n && !str_eq(type, S("null")))
        return;
    if (tree_has(node, S("properties"))) {
        type = S("object");
    } else if (tree_has(node, S("items"))) {
        type = S("array");
    } else {
        schema_hint(s, node, type.n ? S("null") : S("any JSON value"));
        type = S("string");
    }
    tree_put(node, S("type"), tree_string(s->arena, type));
}

/* ".properties: should be non-empty for OBJECT type", also for what may have any properties. */
static void need_property(struct schema *s, struct tree *node)
{
    struct tree *properties = tree_get(node, S("properties"));
    if (properties && properties->kind == JSON_OBJECT && properties->first)
        return;
    struct tree *map = tree_new(s->arena, JSON_OBJECT), *any = tree_new(s->arena, JSON_OBJECT);
    tree_put(any, S("type"), tree_string(s->arena, S("string")));
    tree_put(any, S("description"), tree_string(s->arena, S("An example of a property.")));
    tree_put(map, S("key"), any);
    tree_put(node, S("properties"), map);
    schema_hint(s, node, S("any properties"));
}

/* ".items: missing field." One schema for all elements, of a tuple the first. */
static void need_items(struct schema *s, struct tree *node)
{
    struct tree *items = tree_get(node, S("items")), *prefix = tree_take(node, S("prefixItems"));
    if (items && items->kind == JSON_OBJECT)
        return;
    if (items && items->kind == JSON_ARRAY)
        prefix = items;
    struct tree *first = prefix && prefix->kind == JSON_ARRAY ? prefix->first : NULL;
    if (first && first->kind == JSON_OBJECT) {
        if (first->next)
            schema_hint(s, node, S("elements differ by position"));
        first->next = NULL;
    } else {
        first = tree_new(s->arena, JSON_OBJECT);
        tree_put(first, S("type"), tree_string(s->arena, S("string")));
    }
    tree_put(node, S("items"), first);
}

void schema_rest(struct schema *s, struct tree *node)
{
    str type;
    need_type(s, node);
    type = tree_get_str(node, S("type"));
    if (str_eq(type, S("object")))
        need_property(s, node);
    if (str_eq(type, S("array")))
        need_items(s, node);
    for (struct tree **at = &node->first; *at;) {
        if (is_known((*at)->key))
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
}

void schema_required(struct schema *s, struct tree *node)
{
    struct tree *required = tree_get(node, S("required"));
    struct map names;
    if (!required || required->kind != JSON_ARRAY)
        return;
    tree_index(&names, s->arena, tree_get(node, S("properties")));
    for (struct tree **at = &required->first; *at;) {
        void **named = (*at)->kind == JSON_STRING && map_get(&names, (*at)->text)
                           ? map_at(&names, (*at)->text)
                           : NULL;
        if (named) {
            *named = NULL; /* once is enough */
            at = &(*at)->next;
        } else {
            *at = (*at)->next;
        }
    }
    if (!required->first)
        tree_drop(node, S("required"));
}

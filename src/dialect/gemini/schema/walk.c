/*
 * dialect/gemini/schema/walk.c - where schemas are inside of schemas (JSON Schema 2020-12, section
 * 10 of its core; draft 7 for the older spellings).
 */
#include "dialect/gemini/schema/pass.h"

static const struct {
    str key;
    unsigned places;
} applicators[] = {
    {S("properties"), SCHEMA_MAP},
    {S("items"), SCHEMA_HERE | SCHEMA_EACH},
    {S("anyOf"), SCHEMA_EACH},
    {S("oneOf"), SCHEMA_EACH},
    {S("allOf"), SCHEMA_EACH},
    {S("additionalProperties"), SCHEMA_HERE},
    {S("prefixItems"), SCHEMA_EACH},
    {S("patternProperties"), SCHEMA_MAP},
    {S("$defs"), SCHEMA_MAP},
    {S("definitions"), SCHEMA_MAP},
    {S("dependentSchemas"), SCHEMA_MAP},
    {S("not"), SCHEMA_HERE},
    {S("if"), SCHEMA_HERE},
    {S("then"), SCHEMA_HERE},
    {S("else"), SCHEMA_HERE},
    {S("contains"), SCHEMA_HERE},
    {S("propertyNames"), SCHEMA_HERE},
    {S("additionalItems"), SCHEMA_HERE},
    {S("unevaluatedItems"), SCHEMA_HERE},
    {S("unevaluatedProperties"), SCHEMA_HERE},
};

unsigned schema_places(str key)
{
    for (size_t i = 0; i < sizeof applicators / sizeof applicators[0]; i++) {
        if (tree_same(key, applicators[i].key))
            return applicators[i].places;
    }
    return 0;
}

static uint64_t applicator_keys(void)
{
    uint64_t keys = 0;
    for (size_t i = 0; i < sizeof applicators / sizeof applicators[0]; i++)
        keys |= tree_bit(applicators[i].key);
    return keys;
}

static void walk(struct schema *s, struct tree *node, schema_pass *fn, bool down);

static void walk_each(struct schema *s, struct tree *container, schema_pass *fn, bool down)
{
    for (struct tree *t = container->first, *next; t; t = next) {
        next = t->next;
        walk(s, t, fn, down);
    }
}

/* A node may be called for itself while its container holds it: passes change a node's members,
 * never its place. */
static void walk(struct schema *s, struct tree *node, schema_pass *fn, bool down)
{
    if (node->kind != JSON_OBJECT)
        return;
    if (down)
        fn(s, node);
    struct tree *m = node->keys & s->applicators ? node->first : NULL;
    for (struct tree *next; m; m = next) {
        unsigned places = tree_bit(m->key) & s->applicators ? schema_places(m->key) : 0;
        next = m->next;
        if (places & SCHEMA_HERE && m->kind == JSON_OBJECT)
            walk(s, m, fn, down);
        else if ((places & SCHEMA_EACH && m->kind == JSON_ARRAY) ||
                 (places & SCHEMA_MAP && m->kind == JSON_OBJECT))
            walk_each(s, m, fn, down);
    }
    if (!down)
        fn(s, node);
}

void schema_walk(struct schema *s, struct tree *node, schema_pass *fn)
{
    s->applicators = applicator_keys();
    walk(s, node, fn, false);
}

void schema_walk_down(struct schema *s, struct tree *node, schema_pass *fn)
{
    s->applicators = applicator_keys();
    walk(s, node, fn, true);
}

void schema_hint(struct schema *s, struct tree *node, str text)
{
    struct tree **end = &node->notes;
    while (*end)
        end = &(*end)->next;
    *end = tree_string(s->arena, text);
}

void schema_say_hints(struct schema *s, struct tree *node)
{
    str old = tree_get_str(node, S("description"));
    size_t n = old.n;
    for (const struct tree *t = node->notes; t; t = t->next)
        n += t->text.n + 3;
    if (!node->notes)
        return;
    char *p = arena_alloc(s->arena, n), *at = p;
    memcpy(at, old.p ? old.p : "", old.n);
    at += old.n;
    for (const struct tree *t = node->notes; t; t = t->next) {
        str before = t != node->notes ? S("; ") : old.n ? S(" (") : S("(");
        memcpy(at, before.p, before.n);
        memcpy(at + before.n, t->text.p, t->text.n);
        at += before.n + t->text.n;
    }
    *at++ = ')';
    tree_put(node, S("description"), tree_string(s->arena, str_of(p, (size_t)(at - p))));
    node->notes = NULL;
}

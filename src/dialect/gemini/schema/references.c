/*
 * dialect/gemini/schema/references.c - $ref is replaced by what it points to.
 *
 * Only pointers into the same document are followed (RFC 6901). What a reference brings is copied,
 * against a budget, so that a schema of a few hundred bytes cannot grow into gigabytes; a reference
 * to something it stands in ends in a hint.
 */
#include "dialect/gemini/schema/pass.h"

/* What the node at hand stands in, or was brought by, innermost first. */
struct within {
    const struct within *outer;
    const struct tree *node;
    unsigned depth;
};

/* One step of a pointer, unescaped; %-escapes of the URI fragment are left alone, as no generator
 * was seen to write them. */
static str unescape(struct arena *a, str token)
{
    if (str_find_char(token, '~') == token.n)
        return token;
    char *p = arena_alloc(a, token.n);
    size_t n = 0;
    for (size_t i = 0; i < token.n; i++) {
        char c = token.p[i];
        if (c == '~' && i + 1 < token.n && (token.p[i + 1] == '0' || token.p[i + 1] == '1'))
            c = token.p[++i] == '0' ? '~' : '/';
        p[n++] = c;
    }
    return str_of(p, n);
}

static struct tree *element(struct tree *array, str index)
{
    uint64_t i;
    struct tree *t = array->first;
    if (!str_u64(index, &i))
        return NULL;
    while (t && i-- > 0)
        t = t->next;
    return t;
}

static struct tree *resolve(struct schema *s, str ref)
{
    struct tree *t = s->root;
    if (!str_starts(ref, S("#")) || (ref.n > 1 && ref.p[1] != '/'))
        return NULL;
    str rest = str_from(ref, 2);
    while (t && rest.p && ref.n > 1) {
        str token = unescape(s->arena, str_split(&rest, '/'));
        t = t->kind == JSON_ARRAY ? element(t, token) : tree_get(t, token);
    }
    return t && t->kind == JSON_OBJECT ? t : NULL;
}

static str last_of(str ref)
{
    size_t at = str_find_last(ref, '/');
    return at < ref.n ? str_from(ref, at + 1) : ref;
}

static void end_with_hint(struct schema *s, struct tree *node, const struct tree *target, str ref)
{
    str type = tree_get_str(target, S("type"));
    str parts[] = {target ? S("again: ") : S("see "), last_of(ref)};
    schema_hint(s, node, str_join(s->arena, parts, 2));
    if (type.n && !tree_has(node, S("type")))
        tree_put(node, S("type"), tree_string(s->arena, type));
}

static void inline_node(struct schema *s, struct tree *node, const struct within *outer);

static void inline_ref(struct schema *s, struct tree *node, str ref, const struct within *here)
{
    const struct tree *target = resolve(s, ref);
    const struct within *w = here;
    struct tree *copy = NULL;
    while (w && w->node != target)
        w = w->outer;
    if (target && !w && here->depth < SCHEMA_DEPTH_MAX)
        copy = tree_copy(s->arena, target, &s->budget);
    if (!copy) {
        end_with_hint(s, node, target, ref);
        return;
    }
    struct within brought = {here, target, here->depth + 1};
    inline_node(s, copy, &brought);
    tree_merge(s->arena, node, copy); /* what stands beside the $ref wins */
}

static void inline_each(struct schema *s, struct tree *container, const struct within *outer)
{
    for (struct tree *t = container->first; t; t = t->next)
        inline_node(s, t, outer);
}

/* $defs and definitions are looked into only through what refers to them. */
static bool is_shelf(const struct tree *m)
{
    return str_eq(m->key, S("$defs")) || str_eq(m->key, S("definitions"));
}

static void inline_node(struct schema *s, struct tree *node, const struct within *outer)
{
    struct within here = {outer, node, outer ? outer->depth + 1 : 0};
    if (node->kind != JSON_OBJECT)
        return;
    for (struct tree *m = node->first; m; m = m->next) {
        unsigned places = is_shelf(m) ? 0 : schema_places(m->key);
        if (places & SCHEMA_HERE && m->kind == JSON_OBJECT)
            inline_node(s, m, &here);
        else if ((places & SCHEMA_EACH && m->kind == JSON_ARRAY) ||
                 (places & SCHEMA_MAP && m->kind == JSON_OBJECT))
            inline_each(s, m, &here);
    }
    struct tree *ref = tree_take(node, S("$ref"));
    if (ref && ref->kind == JSON_STRING)
        inline_ref(s, node, ref->text, &here);
}

void schema_references(struct schema *s)
{
    inline_node(s, s->root, NULL);
    tree_drop(s->root, S("$defs"));
    tree_drop(s->root, S("definitions"));
}

/*
 * dialect/gemini/schema/unions.c - several schemas for one value become one. The message Schema has
 * anyOf, but refuses other fields beside it, and copies of the API do not know it.
 */
#include "dialect/gemini/schema/pass.h"

static void set_nullable(struct schema *s, struct tree *node)
{
    tree_put(node, S("nullable"), tree_new(s->arena, JSON_TRUE));
}

/* properties of from into those of node. */
static void merge_properties(struct schema *s, struct tree *node, struct tree *from)
{
    struct tree *theirs = tree_take(from, S("properties"));
    struct tree *ours = tree_get(node, S("properties"));
    if (!theirs || theirs->kind != JSON_OBJECT)
        return;
    if (!ours)
        tree_put(node, S("properties"), theirs);
    else if (ours->kind == JSON_OBJECT)
        tree_merge(s->arena, ours, theirs);
}

static void merge_required(struct tree *node, struct tree *from)
{
    struct tree *theirs = tree_take(from, S("required")), *ours = tree_get(node, S("required"));
    if (!theirs || theirs->kind != JSON_ARRAY)
        return;
    if (!ours) {
        tree_put(node, S("required"), theirs);
        return;
    }
    struct tree **end = &theirs->first;
    while (*end)
        end = &(*end)->next;
    *end = ours->first;
    ours->first = theirs->first; /* doubles are schema_required's business */
}

static void merge_description(struct schema *s, struct tree *node, struct tree *from)
{
    str theirs = tree_get_str(from, S("description")), ours = tree_get_str(node, S("description"));
    if (!theirs.n || !ours.n || str_eq(theirs, ours))
        return;
    str parts[] = {ours, S(" "), theirs};
    tree_put(node, S("description"), tree_string(s->arena, str_join(s->arena, parts, 3)));
}

/* Everything from says and node does not, its properties among node's. */
static void merge(struct schema *s, struct tree *node, struct tree *from)
{
    merge_properties(s, node, from);
    merge_required(node, from);
    merge_description(s, node, from);
    tree_merge(s->arena, node, from);
}

void schema_all_of(struct schema *s, struct tree *node)
{
    struct tree *list = tree_take(node, S("allOf"));
    for (struct tree *t = list ? list->first : NULL, *next; t; t = next) {
        next = t->next;
        merge(s, node, t);
    }
}

/* ---- anyOf, oneOf ---- */

static bool is_null(const struct tree *branch)
{
    const struct tree *list = tree_get(branch, S("enum"));
    return str_eq(tree_get_str(branch, S("type")), S("null")) ||
           (list && list->first && !list->first->next && list->first->kind == JSON_NULL);
}

static int worth(const struct tree *branch)
{
    str type = tree_get_str(branch, S("type"));
    if (str_eq(type, S("object")) || tree_has(branch, S("properties")))
        return 3;
    if (str_eq(type, S("array")) || tree_has(branch, S("items")))
        return 2;
    return !is_null(branch);
}

static bool is_choice(const struct tree *branch)
{
    const struct tree *list = tree_get(branch, S("enum"));
    return list && list->kind == JSON_ARRAY;
}

/* Branches that only list values are one list: {"enum":["a"]}, {"enum":["b"]}. */
static void join_choices(struct tree *best, const struct tree *list)
{
    struct tree *all = tree_get(best, S("enum")), **end = &all->first;
    while (*end)
        end = &(*end)->next;
    for (struct tree *t = list->first; t; t = t->next) {
        struct tree *more = t == best || is_null(t) ? NULL : tree_get(t, S("enum"));
        if (!more)
            continue;
        *end = more->first;
        while (*end)
            end = &(*end)->next;
        more->first = NULL;
    }
}

/* In words, what else it may be: "or string: its description". */
static void say_others(struct schema *s, struct tree *node, const struct tree *list,
                       const struct tree *best)
{
    enum { OTHERS_MAX = 8 };
    size_t n = 0;
    for (const struct tree *t = list->first; t && n < OTHERS_MAX; t = t->next) {
        str type = tree_get_str(t, S("type")), text = tree_get_str(t, S("description"));
        if (!text.n)
            text = tree_get_str(t, S("title"));
        if (t == best || is_null(t) || (!type.n && !text.n))
            continue;
        str parts[] = {S("or "), type, type.n && text.n ? S(": ") : S(""), text};
        schema_hint(s, node, str_join(s->arena, parts, 4));
        n++;
    }
}

static void flatten(struct schema *s, struct tree *node, str key)
{
    struct tree *list = tree_take(node, key), *best = NULL;
    bool choices = true;
    if (!list || list->kind != JSON_ARRAY)
        return;
    for (struct tree *t = list->first; t; t = t->next) {
        if (is_null(t))
            set_nullable(s, node);
        else
            choices &= is_choice(t);
        if (!best || worth(t) > worth(best))
            best = t;
    }
    if (!best || is_null(best))
        return;
    if (choices)
        join_choices(best, list);
    else
        say_others(s, node, list, best);
    /* {"type":"object","oneOf":[{"required":["a"]},{"required":["b"]}]}: either will do. */
    if (tree_has(node, S("properties")))
        tree_drop(best, S("required"));
    merge(s, node, best);
}

void schema_any_of(struct schema *s, struct tree *node)
{
    flatten(s, node, S("anyOf"));
    flatten(s, node, S("oneOf"));
}

/* ---- the rest ---- */

void schema_type_list(struct schema *s, struct tree *node)
{
    struct tree *type = tree_get(node, S("type")), *first = NULL;
    if (!type || type->kind != JSON_ARRAY)
        return;
    for (struct tree *t = type->first; t; t = t->next) {
        if (t->kind != JSON_STRING)
            continue;
        if (str_eq(t->text, S("null"))) {
            set_nullable(s, node);
        } else if (!first) {
            first = t;
        } else {
            str parts[] = {S("or "), t->text};
            schema_hint(s, node, str_join(s->arena, parts, 2));
        }
    }
    tree_put(node, S("type"), tree_string(s->arena, first ? first->text : S("string")));
}

/* What then and else require is required only then, or else. */
void schema_if(struct schema *s, struct tree *node)
{
    static const str keys[] = {S("then"), S("else")};
    tree_drop(node, S("if"));
    for (size_t i = 0; i < 2; i++) {
        struct tree *t = tree_take(node, keys[i]);
        if (!t || t->kind != JSON_OBJECT)
            continue;
        tree_drop(t, S("required"));
        merge(s, node, t);
    }
}

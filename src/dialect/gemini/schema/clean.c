/*
 * dialect/gemini/schema/clean.c - the passes in their order.
 */
#include "dialect/gemini/schema/clean.h"

#include "dialect/gemini/schema/pass.h"

enum { SUBSET = 1 << GEMINI_SCHEMA, FULL = 1 << GEMINI_JSON_SCHEMA, BOTH = SUBSET | FULL };

/* SPEC 5.5 gives the order. */
static const struct {
    schema_pass *pass;
    unsigned forms;
} passes[] = {
    {schema_noise, BOTH},         {schema_const, BOTH},          {schema_enum_type, BOTH},
    {schema_null_type, FULL},     {schema_enum_strings, SUBSET}, {schema_closed, SUBSET},
    {schema_constraints, SUBSET}, {schema_all_of, SUBSET},       {schema_any_of, SUBSET},
    {schema_type_list, SUBSET},   {schema_if, SUBSET},           {schema_nullable, SUBSET},
    {schema_rest, SUBSET},        {schema_required, BOTH},       {schema_say_hints, BOTH},
};

static size_t count(const struct tree *t)
{
    size_t n = 1;
    for (const struct tree *m = t->first; m; m = m->next)
        n += count(m);
    return n;
}

/* Parameters are an object's properties, also where nothing is said. */
static void need_object(struct schema *s)
{
    static const str others[] = {S("anyOf"), S("oneOf"), S("allOf"), S("enum")};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (tree_has(s->root, others[i]))
            return;
    }
    if (!tree_has(s->root, S("type")))
        tree_put(s->root, S("type"), tree_string(s->arena, S("object")));
    if (str_eq(tree_get_str(s->root, S("type")), S("object")) &&
        !tree_has(s->root, S("properties")))
        tree_put(s->root, S("properties"), tree_new(s->arena, JSON_OBJECT));
}

static void clean(struct schema *s, enum gemini_schema_form form)
{
    schema_walk_down(s, s->root, schema_repair);
    s->budget = 4 * count(s->root) + 1000;
    schema_references(s);
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        if (passes[i].forms >> form & 1)
            schema_walk(s, s->root, passes[i].pass);
    }
    if (form == GEMINI_JSON_SCHEMA)
        need_object(s);
}

void gemini_schema_write(yyjson_val *schema, enum gemini_schema_form form, struct arena *scratch,
                         struct json_writer *w)
{
    struct arena_mark mark = arena_mark(scratch);
    struct schema s = {.arena = scratch};
    s.root = yyjson_is_obj(schema) ? tree_of(scratch, schema) : tree_new(scratch, JSON_OBJECT);
    clean(&s, form);
    tree_write(w, s.root);
    arena_rewind(scratch, mark);
}

bool gemini_schema_is_empty(yyjson_val *schema)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(schema);
    for (yyjson_val *k, *v; (k = yyjson_obj_iter_next(&it));) {
        v = yyjson_obj_iter_get_val(k);
        if (jv_is(k, "$ref") ||
            (jv_is(k, "type") && yyjson_is_str(v) && !str_eq_nocase(jv_str(v), S("object"))))
            return false;
        if (schema_places(jv_str(k)) && yyjson_get_len(v) > 0 &&
            (yyjson_is_obj(v) || yyjson_is_arr(v)))
            return false;
    }
    return true;
}

/*
 * models.c - the models: list of a provider entry (SPEC 2.4, 3.4).
 */
#include "config/draft.h"

enum { CONTEXT_MAX = 1000000000 };

/* Fields of a model entry that are known and have no effect so far. */
static const struct {
    const char *name, *noted;
} later[] = {
    {"thinking", "*.models.thinking"},
    {"input-modalities", "*.models.input-modalities"},
    {"output-modalities", "*.models.output-modalities"},
};

static enum err read_context(struct loader *l, const struct yaml_node *n, struct model_entry *m)
{
    int64_t v = 0;
    enum err e = load_int(l, n, 0, CONTEXT_MAX, &v);
    m->max_context = (uint64_t)v;
    return e;
}

static enum err read_field(struct loader *l, const struct yaml_pair *p, struct model_entry *m)
{
    str name = p->key->text;
    if (str_eq(name, S("name")))
        return load_line(l, p->value, &m->name);
    if (str_eq(name, S("alias")))
        return load_line(l, p->value, &m->alias);
    if (str_eq(name, S("display-name")))
        return load_line(l, p->value, &m->display_name);
    if (str_eq(name, S("force-mapping")))
        return load_bool(l, p->value, &m->force_mapping);
    if (str_eq(name, S("max-context-length")))
        return read_context(l, p->value, m);
    if (str_eq(name, S("is-compat")))
        return load_bool(l, p->value, &m->is_compat);
    if (str_eq(name, S("image")))
        return load_bool(l, p->value, &m->image);
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (str_eq(name, str_c(later[i].name))) {
            load_note_later(l, later[i].noted);
            return OK;
        }
    load_warn(l, p->key,
              "unknown key, ignored (there are name, alias, display-name, "
              "force-mapping, max-context-length, is-compat, image)");
    return OK;
}

static enum err read_model(struct loader *l, const struct yaml_node *n, struct model_entry *m)
{
    enum err e = OK;
    if (n->kind == YAML_SCALAR)
        return load_line(l, n, &m->name);
    e = load_expect(l, n, YAML_MAP);
    for (size_t i = 0; !e && i < n->n; i++) {
        size_t mark = load_enter(l, n->pairs[i].key->text);
        e = read_field(l, &n->pairs[i], m);
        if (!e)
            load_leave(l, mark);
    }
    return e;
}

static enum err read_item(struct loader *l, const struct yaml_node *n, struct provider_entry *p)
{
    struct model_entry m = {0};
    enum err e = read_model(l, n, &m);
    if (e)
        return e;
    if (!m.name.n)
        m.name = m.alias;
    if (!m.alias.n)
        m.alias = m.name;
    if (m.name.n)
        p->models[p->n_models++] = m;
    else
        load_warn(l, n, "a model without a name, ignored");
    return OK;
}

enum err draft_read_models(struct loader *l, const struct yaml_node *n, struct provider_entry *p)
{
    enum err e = load_expect(l, n, YAML_LIST);
    if (e)
        return e;
    p->models = arena_array(&l->c->arena, struct model_entry, n->n);
    p->n_models = 0;
    for (size_t i = 0; i < n->n && !e; i++) {
        size_t mark = load_enter_item(l, i);
        e = read_item(l, n->items[i], p);
        if (!e)
            load_leave(l, mark);
    }
    p->models_given = p->n_models > 0;
    return e;
}

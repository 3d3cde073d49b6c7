/*
 * fields.c - reads a provider entry by its table (fields.def).
 */
#include "config/fields.h"
#include "config/draft.h"

enum { WEIGHT_MAX = 1000000, PRIORITY_MAX = 1000000000 };

/* ---- hooks ----------------------------------------------------------------------------------- */

enum err draft_read_weight(struct loader *l, const struct yaml_node *n, int64_t *out)
{
    return load_int(l, n, -WEIGHT_MAX, WEIGHT_MAX, out);
}

enum err draft_read_proxy(struct loader *l, const struct yaml_node *n, str *out)
{
    struct fail f = {0};
    enum err e = load_line(l, n, out);
    if (!e && option_check_proxy(*out, &f))
        e = load_error(l, n, "%s", fail_text(&f));
    return e;
}

#define HOOK(name) \
    static enum err read_##name(struct loader *l, const struct yaml_node *n, struct draft *d)

HOOK(key_entries)
{
    (void)l;
    d->key_entries = n;
    return OK;
}

HOOK(old_keys)
{
    (void)l;
    d->old_keys = n;
    return OK;
}

HOOK(priority)
{
    return load_int(l, n, -PRIORITY_MAX, PRIORITY_MAX, &d->entry.priority);
}

HOOK(weight)
{
    return draft_read_weight(l, n, &d->weight);
}

HOOK(proxy)
{
    return draft_read_proxy(l, n, &d->proxy_url);
}

HOOK(headers)
{
    return draft_read_headers(l, n, &d->entry);
}

HOOK(models)
{
    return draft_read_models(l, n, &d->entry);
}

HOOK(excluded)
{
    return load_strs(l, n, true, &d->entry.excluded, &d->entry.n_excluded);
}

HOOK(sim_rate)
{
    return load_double(l, n, 0, 1e9, &d->entry.sim.tokens_per_second);
}

HOOK(sim_failure_rate)
{
    return load_double(l, n, 0, 1, &d->entry.sim.failure_rate);
}

HOOK(sim_failure_status)
{
    int64_t status = d->entry.sim.failure_status;
    enum err e = load_int(l, n, 400, 599, &status);
    d->entry.sim.failure_status = (int)status;
    return e;
}

/* The index of the word in a NULL-terminated list; *at stays when nothing is said. */
static enum err load_word(struct loader *l, const struct yaml_node *n, const char *const *words,
                          const char *list, size_t *at)
{
    str s;
    enum err e = load_line(l, n, &s);
    if (e || !s.n)
        return e;
    for (size_t i = 0; words[i]; i++)
        if (str_eq_nocase(s, str_c(words[i]))) {
            *at = i;
            return OK;
        }
    return load_error(l, n, "must be one of %s", list);
}

HOOK(sim_failure_mode)
{
    static const char *const modes[] = {[SIM_FAIL_STATUS] = "status",
                                        [SIM_FAIL_RESET] = "reset",
                                        [SIM_FAIL_CUT] = "cut",
                                        [SIM_FAIL_HANG] = "hang",
                                        NULL};
    size_t at = d->entry.sim.failure_mode;
    enum err e = load_word(l, n, modes, "status, reset, cut, hang", &at);
    d->entry.sim.failure_mode = (enum sim_failure)at;
    return e;
}

HOOK(sim_dialect)
{
    static const char *const names[] = {
        [DIALECT_CHAT] = "openai-chat",    [DIALECT_RESPONSES] = "openai-responses",
        [DIALECT_ANTHROPIC] = "anthropic", [DIALECT_GEMINI] = "gemini",
        [DIALECT_COUNT] = "any",           NULL};
    size_t at = d->entry.sim.dialect;
    enum err e =
        load_word(l, n, names, "any, openai-chat, openai-responses, anthropic, gemini", &at);
    d->entry.sim.dialect = (enum dialect_id)at;
    return e;
}

/* ---- the table ------------------------------------------------------------------------------- */

enum reader_kind { READ_STR, READ_BOOL, READ_MS, READ_HOOK };

struct reader {
    enum reader_kind kind;
    size_t at; /* of the member in struct draft */
    enum err (*hook)(struct loader *, const struct yaml_node *, struct draft *);
};

#define STR(m)                                    \
    {                                             \
        READ_STR, offsetof(struct draft, m), NULL \
    }
#define BOOL(m)                                    \
    {                                              \
        READ_BOOL, offsetof(struct draft, m), NULL \
    }
#define MS(m)                                    \
    {                                            \
        READ_MS, offsetof(struct draft, m), NULL \
    }
#undef HOOK
#define HOOK(h)                \
    {                          \
        READ_HOOK, 0, read_##h \
    }

/* Row by row the same order as fields[]. */
static const struct reader readers[] = {
#define FIELD(name, type, reader, shapes, def, help) reader,
#define FIELD_LATER(name, part)                      {0},
#define FIELD_NOT_OURS(name)                         {0},
#include "config/fields.def"
#undef FIELD
#undef FIELD_LATER
#undef FIELD_NOT_OURS
};

const struct field fields[] = {
#define FIELD(name, type, reader, shapes, def, help) \
    {name, type, shapes, def, help, NULL, FIELD_BUILT},
#define FIELD_LATER(name, part) {name, "", SHAPE_ANY, "", part, "*." name, FIELD_KNOWN},
#define FIELD_NOT_OURS(name)    {name, "", SHAPE_ANY, "", "", "*." name, FIELD_REFUSED},
#include "config/fields.def"
#undef FIELD
#undef FIELD_LATER
#undef FIELD_NOT_OURS
};

const size_t n_fields = sizeof fields / sizeof *fields;

static enum err set_field(struct loader *l, const struct reader *r, const struct yaml_node *v,
                          struct draft *d)
{
    void *at = (char *)d + r->at;
    switch (r->kind) {
    case READ_STR: return load_line(l, v, at);
    case READ_BOOL: return load_bool(l, v, at);
    case READ_MS: return load_ms(l, v, at);
    default: return yaml_null(v) ? OK : r->hook(l, v, d);
    }
}

static void warn_unknown(struct loader *l, const struct yaml_node *key, enum block_shape shape)
{
    const char *near = NULL;
    size_t best = key->text.n < 6 ? key->text.n / 2 : 3;
    for (size_t i = 0; i < n_fields; i++) {
        size_t d = str_distance(key->text, str_c(fields[i].name), best);
        if (d > best || !(fields[i].shapes & shape) || (near && d == best))
            continue;
        best = d;
        near = fields[i].name;
    }
    load_warn(l, key, "unknown key, ignored%s%s%s", near ? " (did you mean " : "", near ? near : "",
              near ? "?)" : "");
}

static enum err read_pair(struct loader *l, const struct yaml_pair *p, struct draft *d)
{
    for (size_t i = 0; i < n_fields; i++) {
        const struct field *f = &fields[i];
        if (!str_eq(p->key->text, str_c(f->name)))
            continue;
        if (f->status == FIELD_KNOWN)
            load_note_later(l, f->noted);
        else if (f->status == FIELD_REFUSED)
            load_note_not_ours(l, f->noted);
        else if (!(f->shapes & d->block->shape))
            load_warn(l, p->key, "has no meaning in this block, ignored");
        else
            return set_field(l, &readers[i], p->value, d);
        return OK;
    }
    warn_unknown(l, p->key, d->block->shape);
    return OK;
}

enum err draft_read(struct loader *l, struct draft *d)
{
    enum err e = OK;
    for (size_t i = 0; i < d->node->n && !e; i++) {
        size_t mark = load_enter(l, d->node->pairs[i].key->text);
        e = read_pair(l, &d->node->pairs[i], d);
        if (!e)
            load_leave(l, mark);
    }
    return e;
}

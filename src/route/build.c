/*
 * route/build.c - the route table of one configuration.
 *
 * Every enabled provider offers (id, credential, upstream model) triples; sorting them by id and
 * priority makes routes of them. What a provider would have offered but for an exclusion, an
 * alias, a forced prefix or its being disabled is kept as hidden, so that an error can say why.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "route/catalogue.h"
#include "route/route.h"

struct offer {
    str id;
    bool wild; /* id is the head of a wildcard route */
    struct target target;
    size_t seq; /* keeps the order of the file among equals */
};

struct builder {
    const struct config *config;
    struct arena *arena;
    struct route_table *table;
    struct offer *offers;
    size_t n_offers, cap;
    size_t warnings_cap;
    struct fail *fail;
};

/* A provider on its way into the table. */
struct source {
    const struct provider_entry *provider;
    str prefix; /* empty if none or invalid */
    unsigned first_index;
    const struct http_origin **origins; /* one per credential */
    str base_path;
};

/* ---- Warnings and hidden names. ---- */

static void warn(struct builder *b, str text)
{
    struct route_table *t = b->table;
    for (size_t i = 0; i < t->n_warnings; i++)
        if (str_eq(t->warnings[i], text))
            return;
    if (t->n_warnings == b->warnings_cap) {
        size_t cap = b->warnings_cap ? b->warnings_cap * 2 : 8;
        str *more = arena_array(b->arena, str, cap);
        if (t->n_warnings)
            memcpy(more, t->warnings, t->n_warnings * sizeof(*more));
        t->warnings = more;
        b->warnings_cap = cap;
    }
    t->warnings[t->n_warnings++] = text;
}

static void hide(struct builder *b, str id, bool off, str reason)
{
    void **at = map_at(&b->table->hidden, id);
    struct hidden_model *h = *at;
    /* "disabled" is only the truth when nothing else stands in the way. */
    if (h && (!h->off || off))
        return;
    if (!h)
        *at = h = arena_new(b->arena, struct hidden_model);
    h->off = off;
    h->reason = reason;
}

static str prefixed(struct builder *b, str prefix, str id)
{
    return arena_printf(b->arena, "%.*s/%.*s", STR_FMT(prefix), STR_FMT(id));
}

/* Hides an id in the forms in which its provider would have shown it. */
static void hide_forms(struct builder *b, const struct source *s, str id, bool off, str reason)
{
    hide(b, id, off, reason);
    if (s->prefix.n)
        hide(b, prefixed(b, s->prefix, id), off, reason);
}

/* ---- Offers. ---- */

static void offer(struct builder *b, const struct source *s, str id, bool wild,
                  const struct model_entry *m, const struct thinking *th)
{
    for (size_t i = 0; i < s->provider->n_credentials; i++) {
        if (b->n_offers == b->cap) {
            b->cap = b->cap ? b->cap * 2 : 64;
            b->offers = mem_grow(b->offers, b->cap * sizeof(*b->offers));
        }
        b->offers[b->n_offers] = (struct offer){
            .id = id,
            .wild = wild,
            .target =
                {
                    .provider = s->provider,
                    .credential = &s->provider->credentials[i],
                    .origin = s->origins[i],
                    .base_path = s->base_path,
                    .model = m,
                    .thinking = *th,
                    .index = s->first_index + (unsigned)i,
                },
            .seq = b->n_offers,
        };
        b->n_offers++;
    }
}

/* The pattern that excludes an upstream id from a provider; empty if none. */
static str excluded_by(const struct provider_entry *p, str upstream)
{
    for (size_t i = 0; i < p->n_excluded; i++)
        if (str_glob(p->excluded[i], upstream))
            return p->excluded[i];
    return S("");
}

static const char *quoted(struct builder *b, const struct provider_entry *p)
{
    return p->line ? arena_printf(b->arena, "%.*s, line %d", STR_FMT(p->block), p->line).p
                   : arena_printf(b->arena, "%.*s", STR_FMT(p->block)).p;
}

static void check_alias(struct builder *b, const struct provider_entry *p,
                        const struct model_entry *m)
{
    if (str_eq(m->alias, m->name))
        return;
    str upstream = m->name, base;
    struct thinking th;
    if (thinking_split(m->name, &base, &th))
        upstream = base;
    if (p->kind != CHANNEL_SIM && catalogue_exists(p->kind) && !catalogue_has(p->kind, upstream))
        warn(b,
             arena_printf(b->arena, "alias %.*s -> %.*s: %.*s not in channel catalog (%s)",
                          STR_FMT(m->alias), STR_FMT(upstream), STR_FMT(upstream), quoted(b, p)));
    for (size_t i = 0; i < p->n_models; i++) {
        const struct model_entry *o = &p->models[i];
        if (o != m && str_eq(o->name, m->alias) && !str_eq(o->alias, m->alias))
            warn(b,
                 arena_printf(b->arena, "alias %.*s -> %.*s hides the model %.*s (%s)",
                              STR_FMT(m->alias), STR_FMT(m->name), STR_FMT(o->name), quoted(b, p)));
    }
}

/* "gpt-5(high)" as a configured name is the model gpt-5, always asked to think hard; other
 * parentheses belong to the id. */
static const struct model_entry *settle_name(struct builder *b, const struct model_entry *m,
                                             struct thinking *th)
{
    str base;
    *th = (struct thinking){.kind = THINK_UNSAID};
    if (!thinking_split(m->name, &base, th) || th->kind == THINK_UNSAID)
        return m;
    struct model_entry *bare = arena_new(b->arena, struct model_entry);
    *bare = *m;
    bare->name = base;
    return bare;
}

static void add_model(struct builder *b, const struct source *s, const struct model_entry *m)
{
    const struct provider_entry *p = s->provider;
    str id = m->alias.n ? m->alias : m->name;
    str pattern = excluded_by(p, m->name);
    if (pattern.n) {
        hide_forms(b, s, id, false,
                   arena_printf(b->arena, "it is excluded by pattern \"%.*s\" of provider %.*s",
                                STR_FMT(pattern), STR_FMT(p->name)));
        return;
    }
    struct thinking th;
    const struct model_entry *upstream = settle_name(b, m, &th);
    if (!str_eq(id, m->name))
        hide_forms(b, s, m->name, false,
                   arena_printf(b->arena, "provider %.*s offers it under the name \"%.*s\"",
                                STR_FMT(p->name), STR_FMT(id)));
    bool bare = !s->prefix.n || !b->config->force_model_prefix || str_eq(s->prefix, id);
    if (bare)
        offer(b, s, id, false, upstream, &th);
    if (!s->prefix.n)
        return;
    str with = prefixed(b, s->prefix, id);
    offer(b, s, with, false, upstream, &th);
    if (!bare)
        hide(b, id, false, arena_printf(b->arena, "it is only served as \"%.*s\"", STR_FMT(with)));
}

/* ---- Providers. ---- */

/* The built-in models of a channel as configuration entries. */
static struct model_entry *default_models(struct builder *b, enum channel_kind kind, size_t *n)
{
    size_t count = 0, i = 0;
    while (catalogue_next(kind, &i))
        count++;
    struct model_entry *list = arena_array(b->arena, struct model_entry, count ? count : 1);
    const struct model_info *m;
    *n = 0;
    for (i = 0; (m = catalogue_next(kind, &i)) != NULL;)
        list[(*n)++] = (struct model_entry){.name = m->id,
                                            .alias = m->id,
                                            .display_name = m->display_name,
                                            .image = m->purpose == MODEL_IMAGE};
    return list;
}

/* Models that a request may well still name. */
static void hide_retired(struct builder *b, const struct source *s)
{
    const struct model_info *m;
    for (size_t i = 0; (m = catalogue_next_retired(s->provider->kind, &i)) != NULL;)
        hide_forms(b, s, m->id, false,
                   arena_printf(b->arena,
                                "retired by its vendor; list it under models of %.*s to "
                                "use it all the same",
                                STR_FMT(s->provider->block)));
}

/* A vendor row (openrouter, groq, ...), as against a generic openai-compatibility entry. */
static bool is_vendor(const struct provider_entry *p)
{
    return p->kind == CHANNEL_OPENAI && !str_eq(p->block, S("openai-compatibility"));
}

static void add_wildcard(struct builder *b, const struct source *s)
{
    static const struct thinking unsaid = {.kind = THINK_UNSAID};
    struct model_entry *any = arena_new(b->arena, struct model_entry);
    str head = s->prefix.n ? s->prefix : s->provider->name;
    if (head.n)
        offer(b, s, head, true, any, &unsaid);
}

static void add_models(struct builder *b, const struct source *s)
{
    const struct provider_entry *p = s->provider;
    const struct model_entry *models = p->models;
    size_t n = p->n_models;
    if (!n) {
        models = default_models(b, p->kind, &n);
        if (!p->disabled)
            hide_retired(b, s);
    }
    for (size_t i = 0; i < n; i++) {
        if (p->disabled || !p->n_credentials) {
            str id = models[i].alias.n ? models[i].alias : models[i].name;
            hide_forms(b, s, id, true,
                       arena_printf(b->arena, "its provider %.*s %s", STR_FMT(p->name),
                                    p->disabled ? "is disabled" : "has no credential"));
            continue;
        }
        check_alias(b, p, &models[i]);
        add_model(b, s, &models[i]);
    }
    if (n || p->disabled)
        return;
    if (is_vendor(p))
        add_wildcard(b, s);
    else
        warn(b, arena_printf(b->arena, "provider %.*s lists no models and offers none (%s)",
                             STR_FMT(p->name), quoted(b, p)));
}

static str valid_prefix(struct builder *b, const struct provider_entry *p)
{
    if (str_find_char(p->prefix, '/') == p->prefix.n)
        return p->prefix;
    warn(b, arena_printf(b->arena, "prefix \"%.*s\" is ignored: it must not contain '/' (%s)",
                         STR_FMT(p->prefix), quoted(b, p)));
    return S("");
}

static enum err add_provider(struct builder *b, const struct provider_entry *p)
{
    struct source s = {.provider = p, .first_index = b->table->n_credentials};
    b->table->n_credentials += (unsigned)p->n_credentials;
    s.prefix = valid_prefix(b, p);
    s.origins =
        arena_array(b->arena, const struct http_origin *, p->n_credentials ? p->n_credentials : 1);
    bool remote = p->kind != CHANNEL_SIM && !p->disabled;
    for (size_t i = 0; remote && i < p->n_credentials; i++) {
        struct fail f = {.code = OK};
        s.origins[i] = http_origin_intern(p->base_url, p->credentials[i].proxy_url,
                                          b->config->upstream_ca_file, &s.base_path, &f);
        if (!s.origins[i])
            return fail_set(b->fail, ERR_CONFIG, "%s: %s", quoted(b, p), fail_text(&f));
    }
    add_models(b, &s);
    return OK;
}

/* ---- From offers to routes. ---- */

static int offer_cmp(const void *x, const void *y)
{
    const struct offer *a = x, *b = y;
    if (a->wild != b->wild)
        return a->wild ? 1 : -1;
    int c = str_cmp(a->id, b->id);
    if (c)
        return c;
    int64_t pa = a->target.provider->priority, pb = b->target.provider->priority;
    if (pa != pb)
        return pa > pb ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static bool same_headers(const struct provider_entry *a, const struct provider_entry *b)
{
    if (a->n_headers != b->n_headers)
        return false;
    for (size_t i = 0; i < a->n_headers; i++)
        if (a->headers[i].copy != b->headers[i].copy ||
            !str_eq(a->headers[i].name, b->headers[i].name) ||
            !str_eq(a->headers[i].value, b->headers[i].value))
            return false;
    return true;
}

/* Whether two targets would send the very same request: the same key given twice must not get
 * twice the traffic. */
static bool same_target(const struct target *a, const struct target *b)
{
    if (!str_eq(a->model->name, b->model->name) ||
        !str_eq(a->credential->api_key, b->credential->api_key) ||
        a->thinking.kind != b->thinking.kind || a->thinking.level != b->thinking.level ||
        a->thinking.budget != b->thinking.budget)
        return false;
    if (a->credential == b->credential)
        return true;
    const struct provider_entry *p = a->provider, *q = b->provider;
    return p->kind == q->kind && p->kind != CHANNEL_SIM && str_eq(p->name, q->name) &&
           str_eq(p->base_url, q->base_url) &&
           str_eq(a->credential->proxy_url, b->credential->proxy_url) && same_headers(p, q);
}

static void fill_targets(struct builder *b, struct model_route *r, const struct offer *o, size_t n)
{
    r->targets = arena_array(b->arena, struct target, n);
    r->tiers = arena_array(b->arena, size_t, n);
    for (size_t i = 0; i < n; i++) {
        const struct target *t = &o[i].target;
        bool twice = false;
        for (size_t j = 0; j < r->n_targets && !twice; j++)
            twice = same_target(&r->targets[j], t);
        if (twice)
            continue;
        if (!r->n_targets ||
            r->targets[r->n_targets - 1].provider->priority != t->provider->priority)
            r->n_tiers++;
        r->targets[r->n_targets++] = *t;
        r->tiers[r->n_tiers - 1] = r->n_targets;
    }
}

/* What lists say about a route comes from its best target and the catalogue. */
static void describe(struct builder *b, struct model_route *r)
{
    const struct target *t = &r->targets[0];
    const struct model_info *known = catalogue_find(t->model->name);
    bool prefix = !str_eq(r->id, t->model->alias) && !str_eq(r->id, t->model->name);
    str name = t->model->display_name;
    if (!name.n && known && str_eq(t->model->alias, t->model->name))
        name = known->display_name;
    if (!name.n)
        name = r->id;
    else if (prefix && str_find_char(r->id, '/') < r->id.n)
        name = arena_printf(b->arena, "%.*s (%.*s)", STR_FMT(name),
                            STR_FMT(str_head(r->id, str_find_char(r->id, '/'))));
    r->display_name = name;
    r->owned_by = t->provider->name;
    r->created = known ? known->created : (int64_t)(b->config->loaded_at_ms / 1000);
    r->max_input = t->model->max_context ? t->model->max_context : known ? known->context : 0;
    r->max_output = known ? known->output : 0;
}

static str lowered(struct arena *a, str s)
{
    char *p = arena_alloc(a, s.n ? s.n : 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = ascii_lower(s.p[i]);
    return str_of(p, s.n);
}

static void list_route(struct builder *b, struct model_route *r)
{
    struct route_table *t = b->table;
    *map_at(&t->by_id, r->id) = r;
    void **fold = map_at(&t->folded, lowered(b->arena, r->id));
    if (!*fold)
        *fold = r;
    t->sorted[t->n++] = r;
    const struct model_info *known = catalogue_find(r->targets[0].model->name);
    bool talks = !r->targets[0].model->image && (!known || known->purpose == MODEL_TEXT);
    if (talks && (!t->newest || r->created > t->newest->created))
        t->newest = r;
}

static void make_routes(struct builder *b)
{
    if (b->n_offers)
        qsort(b->offers, b->n_offers, sizeof(*b->offers), offer_cmp);
    b->table->sorted = arena_array(b->arena, struct model_route *, b->n_offers + 1);
    for (size_t i = 0, end; i < b->n_offers; i = end) {
        const struct offer *o = &b->offers[i];
        for (end = i + 1; end < b->n_offers; end++)
            if (b->offers[end].wild != o->wild || !str_eq(b->offers[end].id, o->id))
                break;
        struct model_route *r = arena_new(b->arena, struct model_route);
        r->id = o->id;
        r->wild = o->wild;
        fill_targets(b, r, o, end - i);
        describe(b, r);
        if (o->wild)
            *map_at(&b->table->wild, r->id) = r;
        else
            list_route(b, r);
    }
}

/* An id that one provider hides may be listed by another; then there is nothing to explain. */
static void warn_collisions(struct builder *b)
{
    for (size_t i = 0; i < b->table->n; i++) {
        const struct model_route *r = b->table->sorted[i];
        for (size_t j = 1; j < r->n_targets; j++) {
            const struct model_entry *m = r->targets[j].model, *first = r->targets[0].model;
            bool alias_over_model = str_eq(first->alias, r->id) && !str_eq(first->name, r->id) &&
                                    str_eq(m->name, r->id) && !str_eq(m->name, first->name);
            if (!alias_over_model)
                continue;
            warn(b, arena_printf(b->arena,
                                 "model %.*s is served by different models: %.*s of %.*s and "
                                 "%.*s of %.*s",
                                 STR_FMT(r->id), STR_FMT(first->name),
                                 STR_FMT(r->targets[0].provider->name), STR_FMT(m->name),
                                 STR_FMT(r->targets[j].provider->name)));
            break;
        }
    }
}

enum err route_build(const struct config *c, struct arena *a, struct route_table **out,
                     struct fail *f)
{
    struct route_table *t = arena_new(a, struct route_table);
    struct builder b = {.config = c, .arena = a, .table = t, .fail = f};
    t->arena = a;
    map_init(&t->by_id, a);
    map_init(&t->folded, a);
    map_init(&t->wild, a);
    map_init(&t->hidden, a);
    enum err e = OK;
    for (size_t i = 0; !e && i < c->n_providers; i++)
        e = add_provider(&b, &c->providers[i]);
    if (!e) {
        make_routes(&b);
        warn_collisions(&b);
    }
    mem_free(b.offers);
    *out = e ? NULL : t;
    return e;
}

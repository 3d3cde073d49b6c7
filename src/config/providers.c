/*
 * providers.c - provider blocks, whatever they are called, become one list of entries.
 */
#include "config/draft.h"
#include "http/url.h"

enum { NAME_MAX_BYTES = 100 };

struct provider_entry *providers_add(struct loader *l)
{
    struct provider_link *link = arena_new(&l->scratch, struct provider_link);
    *l->providers_end = link;
    l->providers_end = &link->next;
    return &link->entry;
}

/* ---- what an entry must satisfy -------------------------------------------------------------- */

static void finish_name(struct loader *l, struct draft *d)
{
    struct provider_entry *p = &d->entry;
    str fallback = str_c(d->block->provider ? d->block->provider : d->block->name);
    if (!p->name.n)
        p->name = fallback;
    if (p->name.n > NAME_MAX_BYTES) {
        load_warn(l, d->node, "the name is cut to %d bytes", NAME_MAX_BYTES);
        p->name = str_head(p->name, NAME_MAX_BYTES);
    }
}

/* SPEC 3.2: without spaces and slashes around it; one inside makes the prefix void. */
static void finish_prefix(struct loader *l, struct draft *d)
{
    str s = d->entry.prefix;
    while (s.n && (s.p[0] == '/' || ascii_space(s.p[0])))
        s = str_from(s, 1);
    while (s.n && (s.p[s.n - 1] == '/' || ascii_space(s.p[s.n - 1])))
        s.n--;
    if (str_find_char(s, '/') != s.n) {
        load_warn(l, d->node, "prefix has a / inside, the prefix is ignored");
        s.n = 0;
    }
    d->entry.prefix = s;
}

static enum err check_url(str text, struct fail *f)
{
    struct url u;
    enum err e = url_parse(text, &u, f);
    if (e)
        return e;
    if (!str_eq_nocase(u.scheme, S("http")) && !str_eq_nocase(u.scheme, S("https")))
        return fail_set(f, ERR_CONFIG, "it must begin with http:// or https://");
    if (u.has_user)
        return fail_set(f, ERR_CONFIG, "it must not hold a user name; use api-key or headers");
    for (size_t i = 0; i < u.after.n; i++)
        if (u.after.p[i] == '?' || u.after.p[i] == '#' || ascii_space(u.after.p[i]))
            return fail_set(f, ERR_CONFIG, "it must not hold a query, a fragment, or spaces");
    return OK;
}

/* *use is false when the entry has to go. */
static enum err finish_url(struct loader *l, struct draft *d, bool *use)
{
    struct provider_entry *p = &d->entry;
    struct fail f = {0};
    if (p->kind == CHANNEL_SIM)
        return OK;
    if (!p->base_url.n && d->block->base_url)
        p->base_url = str_c(d->block->base_url);
    if (!p->base_url.n) {
        *use = p->disabled;
        if (!p->disabled)
            load_warn(l, d->node, "needs a base-url, the entry is ignored");
        return OK;
    }
    if (check_url(p->base_url, &f))
        return load_error(l, yaml_get(d->node, S("base-url")), "base-url: %s", fail_text(&f));
    if (str_ends(p->base_url, S("/")))
        p->base_url.n--;
    return OK;
}

/* Local servers want no key; a vendor's own address always does. */
static bool may_lack_key(const struct draft *d)
{
    const struct provider_entry *p = &d->entry;
    const char *own = d->block->base_url;
    if (p->disabled || p->n_headers || d->block->shape == SHAPE_SIM)
        return true;
    return d->block->shape == SHAPE_COMPAT || !own || !str_eq(p->base_url, str_c(own));
}

static void finish_keys(struct loader *l, struct draft *d, bool *use)
{
    struct provider_entry *p = &d->entry;
    if (p->n_credentials)
        return;
    if (!may_lack_key(d)) {
        load_warn(l, d->node, "needs an api-key, the entry is ignored");
        *use = false;
        return;
    }
    p->credentials[p->n_credentials++] =
        (struct credential_entry){.proxy_url = d->proxy_url, .weight = d->weight};
}

static void default_models(struct loader *l, struct provider_entry *p)
{
    static const char *const names[] = {"sim-1", "sim-fast", "sim-slow"};
    enum { N = sizeof names / sizeof *names };
    if (p->kind != CHANNEL_SIM || p->n_models)
        return;
    p->models = arena_array(&l->c->arena, struct model_entry, N);
    for (size_t i = 0; i < N; i++)
        p->models[i] = (struct model_entry){.name = str_c(names[i]), .alias = str_c(names[i])};
    p->n_models = N;
    p->models_given = true;
}

/* What makes two gemini-api-key entries the same (SPEC 2.4). */
static str identity(struct loader *l, const struct draft *d)
{
    const struct provider_entry *p = &d->entry;
    const struct credential_entry *k = p->credentials;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_printf(&b, "%.*s\n%.*s\n%.*s\n%.*s", STR_FMT(k->api_key), STR_FMT(p->base_url),
               STR_FMT(k->proxy_url), STR_FMT(p->prefix));
    for (size_t i = 0; i < p->n_headers; i++)
        buf_printf(&b, "\n%.*s:%d%.*s", STR_FMT(p->headers[i].name), p->headers[i].copy,
                   STR_FMT(p->headers[i].value));
    str s = str_dup(&l->scratch, buf_str(&b));
    explicit_bzero(b.p, b.cap);
    buf_fini(&b);
    return s;
}

static bool is_repeated(struct loader *l, struct draft *d)
{
    if (d->entry.kind != CHANNEL_GEMINI || d->entry.disabled)
        return false;
    void **at = map_at(&l->identities, identity(l, d));
    if (*at) {
        load_warn(l, d->node, "the same as another entry, ignored");
        return true;
    }
    *at = l;
    return false;
}

static enum err finish(struct loader *l, struct draft *d)
{
    bool use = true;
    enum err e = finish_url(l, d, &use);
    if (e || !use)
        return e;
    finish_name(l, d);
    finish_prefix(l, d);
    default_models(l, &d->entry);
    e = draft_credentials(l, d);
    if (e)
        return e;
    finish_keys(l, d, &use);
    if (use && !is_repeated(l, d))
        *providers_add(l) = d->entry;
    return OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static struct draft new_draft(struct loader *l, const struct block *b, const struct yaml_node *n)
{
    return (struct draft){
        .block = b,
        .node = n,
        .proxy_url = l->c->proxy_url,
        .weight = 1,
        .entry = {.kind = b->kind,
                  .block = str_c(b->name),
                  .line = n->line,
                  .timeouts = l->c->upstream,
                  .sim = {.failure_status = 503, .dialect = DIALECT_COUNT}},
    };
}

static enum err load_entry(struct loader *l, const struct block *b, const struct yaml_node *n)
{
    struct draft d = new_draft(l, b, n);
    enum err e = OK;
    if (yaml_null(n))
        return OK;
    if (n->kind == YAML_SCALAR && (b->shape == SHAPE_KEY || b->shape == SHAPE_VENDOR)) {
        e = load_line(l, n, &d.api_key);
    } else {
        e = load_expect(l, n, YAML_MAP);
        if (!e)
            e = draft_read(l, &d);
    }
    return e ? e : finish(l, &d);
}

static enum err load_block(struct loader *l, const struct block_use *use)
{
    const struct yaml_node *n = use->node;
    enum err e = OK;
    if (yaml_null(n))
        return OK;
    if (n->kind == YAML_MAP)
        return load_entry(l, use->block, n);
    e = load_expect(l, n, YAML_LIST);
    for (size_t i = 0; i < n->n && !e; i++) {
        size_t mark = load_enter_item(l, i);
        e = load_entry(l, use->block, n->items[i]);
        if (!e)
            load_leave(l, mark);
    }
    return e;
}

enum err providers_load(struct loader *l)
{
    enum err e = OK;
    for (const struct block_use *u = l->blocks; u && !e; u = u->next) {
        size_t mark = load_enter(l, u->key);
        e = load_block(l, u);
        if (!e)
            load_leave(l, mark);
    }
    return e;
}

void providers_finish(struct loader *l)
{
    struct config *c = l->c;
    size_t n = 0;
    for (const struct provider_link *p = l->providers; p; p = p->next)
        n++;
    c->providers = arena_array(&c->arena, struct provider_entry, n);
    for (const struct provider_link *p = l->providers; p; p = p->next)
        c->providers[c->n_providers++] = p->entry;
    if (!n)
        load_warn(l, NULL, "no provider is configured, so there are no models to serve");
}

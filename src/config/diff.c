/*
 * diff.c - what a reload changed, in lines a log may show.
 */
#include "config/options.h"

enum { MASK_TAIL = 4, MASK_LEAST = 12 };

/* "...abcd", as the log does it; short secrets show nothing. */
static void put_secret(struct buf *out, str secret)
{
    buf_lit(out, "...");
    if (secret.n >= MASK_LEAST)
        buf_put(out, str_from(secret, secret.n - MASK_TAIL));
}

/* ---- scalars --------------------------------------------------------------------------------- */

static bool same_value(const struct option *o, const struct config *a, const struct config *b)
{
    const char *x = (const char *)a + o->at, *y = (const char *)b + o->at;
    switch (o->type) {
    case OPTION_STR:
    case OPTION_URL:
    case OPTION_PATH: return str_eq(*(const str *)x, *(const str *)y);
    case OPTION_BOOL: return *(const bool *)x == *(const bool *)y;
    case OPTION_INT: return *(const int64_t *)x == *(const int64_t *)y;
    default: return *(const uint64_t *)x == *(const uint64_t *)y;
    }
}

static void diff_option(const struct option *o, const struct config *from, const struct config *to,
                        struct buf *out)
{
    if (same_value(o, from, to))
        return;
    buf_printf(out, "%s: ", o->path);
    option_put(o, from, out);
    buf_lit(out, " -> ");
    option_put(o, to, out);
    if (o->flags & OPTION_RESTART)
        buf_lit(out, " (needs a restart)");
    buf_lit(out, "\n");
}

/* ---- client keys ----------------------------------------------------------------------------- */

static bool same_strs(const str *a, size_t n, const str *b, size_t m)
{
    for (size_t i = 0; i < n && n == m; i++)
        if (!str_eq(a[i], b[i]))
            return false;
    return n == m;
}

static bool same_key(const struct client_key *a, const struct client_key *b)
{
    return str_eq(a->name, b->name) && a->rpm == b->rpm && a->tpm == b->tpm &&
           a->concurrency == b->concurrency && a->expires_at == b->expires_at &&
           same_strs(a->models, a->n_models, b->models, b->n_models) &&
           same_strs(a->providers, a->n_providers, b->providers, b->n_providers);
}

static void put_key(struct buf *out, const char *what, const struct client_key *k)
{
    buf_printf(out, "api-keys: %s ", what);
    put_secret(out, k->key);
    if (k->name.n)
        buf_printf(out, " (%.*s)", STR_FMT(k->name));
    buf_lit(out, "\n");
}

static void diff_keys(const struct config *from, const struct config *to, struct buf *out)
{
    for (size_t i = 0; i < from->n_keys; i++)
        if (!map_get(&to->keys_by_value, from->keys[i].key))
            put_key(out, "removed", &from->keys[i]);
    for (size_t i = 0; i < to->n_keys; i++) {
        const struct client_key *old = map_get(&from->keys_by_value, to->keys[i].key);
        if (!old)
            put_key(out, "added", &to->keys[i]);
        else if (!same_key(old, &to->keys[i]))
            put_key(out, "changed", &to->keys[i]);
    }
}

/* ---- providers ------------------------------------------------------------------------------- */

static bool same_headers(const struct provider_entry *a, const struct provider_entry *b)
{
    for (size_t i = 0; i < a->n_headers && a->n_headers == b->n_headers; i++)
        if (!str_eq(a->headers[i].name, b->headers[i].name) ||
            !str_eq(a->headers[i].value, b->headers[i].value) ||
            a->headers[i].copy != b->headers[i].copy)
            return false;
    return a->n_headers == b->n_headers;
}

static bool same_models(const struct provider_entry *a, const struct provider_entry *b)
{
    for (size_t i = 0; i < a->n_models && a->n_models == b->n_models; i++) {
        const struct model_entry *x = &a->models[i], *y = &b->models[i];
        if (!str_eq(x->name, y->name) || !str_eq(x->alias, y->alias) ||
            !str_eq(x->display_name, y->display_name) || x->force_mapping != y->force_mapping ||
            x->max_context != y->max_context || x->image != y->image)
            return false;
    }
    return a->n_models == b->n_models && a->models_given == b->models_given;
}

static bool same_credentials(const struct provider_entry *a, const struct provider_entry *b)
{
    for (size_t i = 0; i < a->n_credentials && a->n_credentials == b->n_credentials; i++) {
        const struct credential_entry *x = &a->credentials[i], *y = &b->credentials[i];
        if (!str_eq(x->api_key, y->api_key) || !str_eq(x->proxy_url, y->proxy_url) ||
            x->weight != y->weight)
            return false;
    }
    return a->n_credentials == b->n_credentials;
}

static bool same_timeouts(const struct timeouts *a, const struct timeouts *b)
{
    return a->connect_ms == b->connect_ms && a->first_byte_ms == b->first_byte_ms &&
           a->idle_ms == b->idle_ms && a->total_ms == b->total_ms;
}

static bool same_sim(const struct sim_options *a, const struct sim_options *b)
{
    return a->latency_ms == b->latency_ms && a->tokens_per_second == b->tokens_per_second &&
           a->failure_rate == b->failure_rate && a->failure_status == b->failure_status &&
           a->failure_mode == b->failure_mode;
}

/* The fields of an entry that differ, named as in the file: "models, headers". */
static void put_changes(struct buf *out, const struct provider_entry *a,
                        const struct provider_entry *b)
{
    const struct {
        bool same;
        const char *name;
    } parts[] = {
        {a->disabled == b->disabled, "disabled"},
        {str_eq(a->base_url, b->base_url), "base-url"},
        {str_eq(a->prefix, b->prefix), "prefix"},
        {a->priority == b->priority, "priority"},
        {same_headers(a, b), "headers"},
        {same_models(a, b), "models"},
        {same_strs(a->excluded, a->n_excluded, b->excluded, b->n_excluded), "excluded-models"},
        {same_timeouts(&a->timeouts, &b->timeouts), "timeouts"},
        {same_credentials(a, b), "keys"},
        {same_sim(&a->sim, &b->sim), "simulator settings"},
    };
    bool first = true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].same)
            continue;
        if (first)
            buf_printf(out, "%.*s %.*s: changed: ", STR_FMT(b->block), STR_FMT(b->name));
        buf_printf(out, "%s%s", first ? "" : ", ", parts[i].name);
        first = false;
    }
    if (!first)
        buf_lit(out, "\n");
}

/* The k-th entry of this block and name; entries are told apart by their order. */
static const struct provider_entry *nth_alike(const struct config *c,
                                              const struct provider_entry *like, size_t k)
{
    for (size_t i = 0; i < c->n_providers; i++) {
        const struct provider_entry *p = &c->providers[i];
        if (str_eq(p->block, like->block) && str_eq(p->name, like->name) && k-- == 0)
            return p;
    }
    return NULL;
}

static size_t rank_of(const struct config *c, size_t at)
{
    size_t rank = 0;
    for (size_t i = 0; i < at; i++)
        rank += str_eq(c->providers[i].block, c->providers[at].block) &&
                str_eq(c->providers[i].name, c->providers[at].name);
    return rank;
}

static void put_provider(struct buf *out, const struct provider_entry *p, const char *what)
{
    buf_printf(out, "%.*s %.*s: %s\n", STR_FMT(p->block), STR_FMT(p->name), what);
}

static void diff_providers(const struct config *from, const struct config *to, struct buf *out)
{
    for (size_t i = 0; i < from->n_providers; i++)
        if (!nth_alike(to, &from->providers[i], rank_of(from, i)))
            put_provider(out, &from->providers[i], "removed");
    for (size_t i = 0; i < to->n_providers; i++) {
        const struct provider_entry *old = nth_alike(from, &to->providers[i], rank_of(to, i));
        if (old)
            put_changes(out, old, &to->providers[i]);
        else
            put_provider(out, &to->providers[i], "added");
    }
}

void config_diff(const struct config *from, const struct config *to, struct buf *out)
{
    for (size_t i = 0; i < n_options; i++)
        diff_option(&options[i], from, to, out);
    diff_keys(from, to, out);
    diff_providers(from, to, out);
}

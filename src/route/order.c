/* route/order.c - which targets of a route are tried in which order, and for whom. */
#include "route/route.h"

size_t route_order(struct model_route *r, const struct target **out, size_t max)
{
    size_t n = 0, from = 0;
    unsigned turn = 0;
    if (r->n_targets > 1)
        turn = atomic_fetch_add_explicit(&r->cursor, 1, memory_order_relaxed);
    for (size_t tier = 0; tier < r->n_tiers; tier++) {
        size_t size = r->tiers[tier] - from;
        for (size_t i = 0, at = turn % size; i < size && n < max; i++) {
            out[n++] = &r->targets[from + at];
            at = at + 1 == size ? 0 : at + 1;
        }
        from = r->tiers[tier];
    }
    return n;
}

static bool any_glob(const str *patterns, size_t n, str s)
{
    for (size_t i = 0; i < n; i++)
        if (str_glob(patterns[i], s))
            return true;
    return false;
}

bool target_allows(const struct client_key *key, const struct target *t)
{
    return !key || !key->n_providers ||
           any_glob(key->providers, key->n_providers, t->provider->name);
}

static bool any_target_allowed(const struct client_key *key, const struct model_route *r)
{
    for (size_t i = 0; i < r->n_targets; i++)
        if (target_allows(key, &r->targets[i]))
            return true;
    return false;
}

/* Whether some id that begins with "head/" could match the pattern. */
static bool glob_below(str pattern, str head)
{
    size_t star = str_find_char(pattern, '*');
    str fixed = str_head(pattern, star);
    if (fixed.n <= head.n)
        return star < pattern.n && str_starts_nocase(head, fixed);
    return str_starts_nocase(fixed, head) && fixed.p[head.n] == '/';
}

bool route_allows(const struct client_key *key, const struct model_route *r)
{
    if (!key)
        return true;
    bool named = !key->n_models || any_glob(key->models, key->n_models, r->id);
    for (size_t i = 0; !named && r->wild && i < key->n_models; i++)
        named = glob_below(key->models[i], r->id);
    return named && any_target_allowed(key, r);
}

bool resolved_allows(const struct client_key *key, const struct resolved *r)
{
    if (!key)
        return true;
    return (!key->n_models || any_glob(key->models, key->n_models, r->id)) &&
           any_target_allowed(key, r->route);
}

enum dialect_id route_dialect(const struct provider_entry *p, enum dialect_id d)
{
    switch (p->kind) {
    case CHANNEL_OPENAI: return DIALECT_CHAT;
    case CHANNEL_CODEX: return DIALECT_RESPONSES;
    case CHANNEL_CLAUDE: return DIALECT_ANTHROPIC;
    case CHANNEL_GEMINI:
    case CHANNEL_VERTEX: return DIALECT_GEMINI;
    case CHANNEL_SIM: return p->sim.dialect == DIALECT_COUNT ? d : p->sim.dialect;
    case CHANNEL_COUNT: break;
    }
    return d;
}

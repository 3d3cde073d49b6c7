/* route/order.c - in which order the targets of a route are tried; who may use it; who speaks what. */
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

bool route_allows(const struct client_key *key, const struct model_route *r)
{
    if (!key)
        return true;
    if (key->n_models && !any_glob(key->models, key->n_models, r->id))
        return false;
    if (!key->n_providers)
        return true;
    for (size_t i = 0; i < r->n_targets; i++)
        if (any_glob(key->providers, key->n_providers, r->targets[i].provider->name))
            return true;
    return false;
}

enum dialect_id route_dialect(enum channel_kind kind, enum dialect_id d)
{
    switch (kind) {
    case CHANNEL_OPENAI: return DIALECT_CHAT;
    case CHANNEL_CODEX: return DIALECT_RESPONSES;
    case CHANNEL_CLAUDE: return DIALECT_ANTHROPIC;
    case CHANNEL_GEMINI:
    case CHANNEL_VERTEX: return DIALECT_GEMINI;
    case CHANNEL_SIM:
    case CHANNEL_COUNT: break;
    }
    return d;
}

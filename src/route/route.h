/*
 * route/route.h - what a client-visible model name resolves to.
 *
 * Built once per configuration snapshot from the provider entries (SPEC 3.1 to 3.4): prefixes,
 * aliases, alias pools, exclusions, force-model-prefix. A request does one look-up. The table is
 * immutable but for the cursors that rotate equals.
 */
#ifndef CLIPROXY_ROUTE_ROUTE_H
#define CLIPROXY_ROUTE_ROUTE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "config/config.h"
#include "dialect/dialect.h"
#include "http/origin.h"

/* Thinking asked for by a suffix: m(high), m(8192), m(none), m(auto). */
struct thinking {
    enum { THINK_UNSAID, THINK_OFF, THINK_AUTO, THINK_LEVEL, THINK_BUDGET } kind;
    const char *level; /* THINK_LEVEL: minimal low medium high xhigh max */
    int64_t budget;    /* THINK_BUDGET */
};

/* One way to serve a model: a credential of a provider, and the name it has there. */
struct target {
    const struct provider_entry *provider;
    const struct credential_entry *credential;
    const struct http_origin *origin; /* NULL for sim */
    str base_path;                    /* of base_url, no trailing slash: "/v1" */
    const struct model_entry *model;  /* model->name is the upstream id; see resolved_upstream */
    struct thinking thinking; /* from a suffix of the configured name; beats the request's */
    unsigned index;           /* of the credential, counted over the whole config */
};

struct model_route {
    str id;                         /* as clients say it; of a wildcard route the part before / */
    bool wild;                      /* "id/anything" */
    str display_name;               /* never empty */
    str owned_by;                   /* provider name of the first target */
    int64_t created;                /* unix seconds */
    uint64_t max_input, max_output; /* 0: unknown */
    struct target *targets;         /* highest priority first */
    size_t n_targets;
    size_t *tiers; /* end index of each priority tier */
    size_t n_tiers;
    _Atomic unsigned cursor;
};

/* An id that is known but not served. */
struct hidden_model {
    str reason; /* "it is excluded by pattern \"x*\" of provider gemini" */
    bool off;   /* its provider is disabled (R5.11), rather than the name wrong */
};

struct route_table {
    struct arena *arena;
    struct map by_id;  /* id -> struct model_route * */
    struct map folded; /* the same by lower-case id, for clients that write GPT-5 */
    struct map wild;   /* head -> struct model_route *: "head/anything" passes the rest on */
    struct model_route **sorted; /* by id, byte order */
    size_t n;
    struct model_route *newest; /* what `auto` means; NULL when nothing is listed */
    struct map hidden;          /* id -> struct hidden_model *: known but not served, and why */
    unsigned n_credentials;
    str *warnings; /* "alias X -> Y: ..." */
    size_t n_warnings;
};

/* Builds from c, which must outlive the table, into the arena. ERR_CONFIG with *f on a bad base-url
 * or proxy-url. */
enum err route_build(const struct config *c, struct arena *a, struct route_table **out,
                     struct fail *f) must_check;

struct resolved {
    struct model_route *route;
    struct thinking thinking;
    bool suffixed; /* a suffix was split off */
    str upstream;  /* of a wildcard route: the id for the provider, borrowed from the name ... */
    str id;        /* ... and the whole id; of others the route's */
};

/*
 * Resolves a requested name (trimmed; `models/` of Gemini already off). ERR_NO_MODEL with a
 * message that names the nearest listed ids and why the wanted one is not there (R5.8);
 * ERR_MODEL_OFF when only disabled providers have it (R5.11); ERR_MODEL_MISSING when it is empty.
 */
enum err route_resolve(const struct route_table *t, str name, struct resolved *out,
                       struct fail *f) must_check;

/* The model id to send to a target's provider. */
static inline str resolved_upstream(const struct resolved *r, const struct target *t)
{
    return r->upstream.n ? r->upstream : t->model->name;
}

/* The thinking to ask of a target: what its configured name says, else what the request's does. */
static inline const struct thinking *resolved_thinking(const struct resolved *r,
                                                       const struct target *t)
{
    return t->thinking.kind != THINK_UNSAID ? &t->thinking : &r->thinking;
}

/* Splits "base(raw)"; false when name does not end that way or base is empty. *th gets what raw
 * asks for (THINK_UNSAID when it asks for nothing known). */
bool thinking_split(str name, str *base, struct thinking *th);

/* Whether a client key restricted to some models or providers may use this route; NULL and keys
 * without restrictions may use all. Of a wildcard route this says whether it may use any of it. */
bool route_allows(const struct client_key *key, const struct model_route *r);

/* The same for what a name resolved to: of a wildcard route the full name counts. */
bool resolved_allows(const struct client_key *key, const struct resolved *r);

/* Whether the key may use this target's provider; route_allows asks for one such target. */
bool target_allows(const struct client_key *key, const struct target *t);

/* The targets in the order in which they are to be tried for this request: the best tier first,
 * rotated, then lower tiers. Writes at most max pointers, returns how many. */
size_t route_order(struct model_route *r, const struct target **out, size_t max);

/* The dialect this provider speaks for requests of the client's dialect d; d itself if the
 * channel takes it as it is. */
enum dialect_id route_dialect(const struct provider_entry *p, enum dialect_id d);

/*
 * Puts the thinking a suffix asked for into the request body e->doc, in the dialect's own fields
 * (SPEC 5.1); adds edits to e. What the upstream model is known to be capable of decides how:
 * levels and budgets are converted, budgets clamped, and a model known not to think loses every
 * thinking field. ERR_BAD_REQUEST when the model has levels and not this one. THINK_UNSAID does
 * nothing.
 */
enum err thinking_apply(const struct thinking *t, enum dialect_id d, str upstream_model,
                        struct json_edit *e, struct fail *f) must_check;

/*
 * What the upstream model, behind a provider of dialect `to`, can be told of a wish for thinking
 * that was said in dialect `from` (SPEC 5.1, between families): nothing is refused, levels and
 * budgets are converted and moved to the nearest there is. THINK_UNSAID when the model is known not
 * to think. OpenAI dialects get levels, never budgets.
 */
struct thinking thinking_between(const struct thinking *t, enum dialect_id from, enum dialect_id to,
                                 str upstream_model);

/*
 * A thinking budget the client wrote itself, next to a max_tokens that does not exceed it, would
 * only earn a 400 (R15.6): lowers the budget, or raises max_tokens when the budget is at its
 * minimum. thinking and max_tokens are the members of an Anthropic request as a scan found them.
 */
enum err thinking_fit(struct json_edit *e, struct json_span thinking, struct json_span max_tokens,
                      struct fail *f) must_check;

#endif

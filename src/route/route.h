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

/* One way to serve a model: a credential of a provider, and the name it has there. */
struct target {
    const struct provider_entry *provider;
    const struct credential_entry *credential;
    const struct http_origin *origin; /* NULL for sim */
    str base_path;                    /* of base_url, no trailing slash: "/v1" */
    const struct model_entry *model;  /* model->name is the upstream id */
    unsigned index;                   /* of the credential, counted over the whole config */
};

struct model_route {
    str id;                 /* as clients say it */
    str display_name;       /* never empty */
    str owned_by;           /* provider name of the first target */
    int64_t created;        /* unix seconds */
    uint64_t max_input, max_output; /* 0: unknown */
    struct target *targets; /* highest priority first */
    size_t n_targets;
    size_t *tiers;          /* end index of each priority tier */
    size_t n_tiers;
    _Atomic unsigned cursor;
};

struct route_table {
    struct arena *arena;
    struct map by_id;            /* id -> struct model_route * */
    struct model_route **sorted; /* by id, byte order */
    size_t n;
    struct map hidden;           /* id -> struct hidden_model *: known but not served, and why */
    unsigned n_credentials;
    str *warnings;               /* "alias X -> Y: ..." */
    size_t n_warnings;
};

/* Builds from c into arena (usually the config's). ERR_CONFIG with *f on a bad base-url etc. */
enum err route_build(const struct config *c, struct arena *a, struct route_table **out,
                     struct fail *f) must_check;

/* Thinking asked for by a suffix: m(high), m(8192), m(none), m(auto). */
struct thinking {
    enum { THINK_UNSAID, THINK_OFF, THINK_AUTO, THINK_LEVEL, THINK_BUDGET } kind;
    const char *level; /* THINK_LEVEL: minimal low medium high xhigh max */
    int64_t budget;    /* THINK_BUDGET */
};

struct resolved {
    struct model_route *route;
    struct thinking thinking;
    bool suffixed;     /* a suffix was split off */
};

/*
 * Resolves a requested name (trimmed; `models/` of Gemini already off). ERR_NO_MODEL with a
 * message that names the nearest listed ids and why the wanted one is not there (R5.8).
 */
enum err route_resolve(const struct route_table *t, str name, struct resolved *out,
                       struct fail *f) must_check;

/* The targets in the order in which they are to be tried for this request: the best tier first,
 * rotated, then lower tiers. Writes at most max pointers, returns how many. */
size_t route_order(struct model_route *r, const struct target **out, size_t max);

/* The dialect this provider speaks for requests of the client's dialect d; d itself if the
 * channel takes it as it is. */
enum dialect_id route_dialect(enum channel_kind kind, enum dialect_id d);

/*
 * Puts the thinking a suffix asked for into the request body, in the dialect's own fields
 * (SPEC 5.1); adds edits. Takes the requested model's known capability into account.
 */
enum err thinking_apply(const struct thinking *t, enum dialect_id d, str upstream_model,
                        struct json_edit *e, struct fail *f) must_check;

#endif

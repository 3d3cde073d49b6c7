/*
 * api/models.h - the lists of models, in the four forms clients expect (SPEC 1.4).
 *
 *   OpenAI     {"object":"list","data":[{"id","object":"model","created","owned_by"}]}
 *   Anthropic  {"data":[{"id","type":"model","display_name","created_at",...}],"has_more",...}
 *   Gemini     {"models":[{"name":"models/<id>","displayName","inputTokenLimit",...}]}
 *   Codex CLI  {"models":[{"slug","display_name","supported_reasoning_levels",...}]}
 *
 * Each model is written once per snapshot; lists are put together from those pieces. The full
 * list of each form is ready to send.
 */
#ifndef CLIPROXY_API_MODELS_H
#define CLIPROXY_API_MODELS_H

#include "base/arena.h"
#include "base/buf.h"
#include "route/route.h"

enum models_form { MODELS_OPENAI, MODELS_ANTHROPIC, MODELS_GEMINI, MODELS_CODEX, MODELS_FORMS };

/* What a request for /v1/models tells about its sender. */
struct models_ask {
    str user_agent;
    bool anthropic_version; /* the header is there */
    bool client_version;    /* the query parameter is there: Codex CLI */
    bool google_key;        /* the client key came as x-goog-api-key (SPEC 12.1) */
};

/* The form for GET /v1/models and /models; /v1beta/models is always MODELS_GEMINI. */
enum models_form models_form(const struct models_ask *ask);

struct model_list {
    str body;      /* the whole list */
    str *items;    /* one model each, by its index in routes->sorted */
    size_t *order; /* indices into items in the order of the list */
};

struct model_lists {
    const struct route_table *routes;
    struct model_list forms[MODELS_FORMS];
};

/* Writes all forms into the arena. Afterwards any number of threads may read. */
void model_lists_build(const struct route_table *t, struct arena *a, struct model_lists *out);

/* A part of a list. All zero: everything. */
struct models_page {
    uint64_t limit; /* Gemini pageSize, Anthropic limit; 0: no limit */
    str after;      /* Gemini pageToken, Anthropic after_id, decoded: an id of an earlier page */
};

/*
 * The list as this client key may see it (NULL: any). Borrowed from the snapshot when it is the
 * full one, else written to out, which is cleared first; the result points into it then. Anthropic
 * and Gemini forms honour page (NULL: everything).
 */
str models_list(const struct model_lists *l, enum models_form form, const struct client_key *key,
                const struct models_page *page, struct buf *out);

/*
 * One model; id is percent-decoded, may contain slashes, may begin with "models/". Borrowed from
 * the snapshot; empty when there is no such model or the key may not see it. The Codex form has no
 * single models: it gives OpenAI's.
 */
str models_one(const struct model_lists *l, enum models_form form, str id,
               const struct client_key *key);

#endif

/*
 * channel/operation.h - what can be asked of a provider, and how the request is addressed there.
 */
#ifndef CLIPROXY_CHANNEL_OPERATION_H
#define CLIPROXY_CHANNEL_OPERATION_H

#include "base/arena.h"
#include "config/config.h"
#include "dialect/dialect.h"
#include "http/call.h"
#include "http/origin.h"

enum operation_id {
#define OP(name, path, dialect, channels, suffix, flags) OP_##name,
#include "channel/operation.def"
#undef OP
    OP_COUNT
};

enum {
    OP_STREAMS = 1,       /* "stream": true makes the answer an event stream */
    OP_GENERATES = 2,     /* a model speaks; the others are plain services */
    OP_COUNTS = 4,        /* counts tokens */
    OP_DEFAULT_MODEL = 8, /* the request may come without a model */
    OP_TERMINATES = 16,   /* its streams have a final event; one without it was cut */
};

struct operation {
    enum operation_id id;
    const char *path; /* towards clients; for Gemini the verb */
    enum dialect_id dialect;
    unsigned channels; /* bit per channel_kind */
    const char *suffix;
    unsigned flags;
};

const struct operation *operation_get(enum operation_id id);

/* The operation of a Gemini verb, or NULL. */
const struct operation *operation_of_verb(str verb);

static inline bool operation_taken_by(const struct operation *op, enum channel_kind kind)
{
    return (op->channels & 1u << kind) != 0;
}

/*
 * The operation that asks a provider of dialect `to` for the same, in its words: generating in any
 * dialect, and counting where the dialect has an endpoint for it. NULL when there is none.
 */
const struct operation *operation_in(const struct operation *op, enum dialect_id to, bool stream);

/* Path (behind the host) of the operation at a provider; query is appended when not empty. */
str operation_path(const struct operation *op, enum channel_kind kind, str base_path, str model,
                   str query, struct arena *a);

/* The header field that carries the provider's key: Authorization, x-api-key, x-goog-api-key.
 * name.p == NULL when there is no key. The value holds a secret. */
struct http_field operation_authorization(enum channel_kind kind, const struct http_origin *o,
                                          str key, struct arena *a);

/* The client's query without our own key parameters. */
str operation_query(str query, struct arena *a);

#endif

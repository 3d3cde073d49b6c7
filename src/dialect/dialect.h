/*
 * dialect/dialect.h - a wire language between a client or provider and us.
 *
 * A dialect is a const vtable plus tables in its own folder. So far it holds what a relay between
 * equals needs: errors in the dialect's own shape, the grammar of its streams (which event is the
 * last, which is an error), and where usage and finish reason stand. Translation through the
 * neutral form will add request and event codecs here.
 */
#ifndef CLIPROXY_DIALECT_DIALECT_H
#define CLIPROXY_DIALECT_DIALECT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "http/sse.h"
#include "json/edit.h"
#include "json/watch.h"

enum dialect_id { DIALECT_CHAT, DIALECT_RESPONSES, DIALECT_ANTHROPIC, DIALECT_GEMINI, DIALECT_COUNT };

/* An error of ours, to be said in some dialect. */
struct dialect_error {
    int status;
    const char *code; /* err_info()->code */
    str message;      /* any bytes; escaped when written */
    const char *param; /* the field at fault ("model"), or NULL */
    str request_id;
};

/* Token counts as the provider said them; -1: not said. Input includes cached tokens. */
struct usage {
    int64_t input, output, cached, cache_write, reasoning;
};

#define USAGE_NONE ((struct usage){-1, -1, -1, -1, -1})

/* What a tap learns from an answer, whole or streamed. */
struct tap {
    struct usage usage;
    char finish[32];   /* finish/stop reason as the provider spelt it; "" if none */
    bool terminal;     /* the final event (or a whole answer's end) was seen */
    bool error;        /* an error object or event was seen */
    char error_text[256];
    bool content;      /* something deliverable was seen (any event but ping/comment) */
    bool usage_only;   /* the last event carried usage and no choices (chat) */
    /* private */
    const struct dialect *dialect;
    struct watch *watch;
    str doc; /* the event being read */
    struct { size_t at, n; } models[4]; /* spans of model names in it, for force-mapping */
    size_t n_models;
    bool bare_error;
};

struct dialect {
    enum dialect_id id;
    const char *name; /* "openai-chat", "openai-responses", "anthropic", "gemini" */

    /* An error body. */
    void (*error_body)(const struct dialect_error *e, struct buf *out);

    /* An error frame inside a stream that has begun, as this dialect ends badly (SSE bytes);
     * sequence numbers and the like come from the tap. After it the stream just closes. */
    void (*error_frame)(const struct tap *t, const struct dialect_error *e, struct buf *out);

    /* What to append when a stream ended properly but lacks its closing frame (SPEC 13.8); NULL
     * when the dialect has none. */
    const char *missing_tail;
};

const struct dialect *dialect_get(enum dialect_id id);

/* ---- Taps. One per answer; reset is cheap. ---- */

void tap_init(struct tap *t, const struct dialect *d);
void tap_fini(struct tap *t);

/* One SSE frame. Afterwards usage, finish, terminal, error, usage_only, n_models tell. */
void tap_frame(struct tap *t, str frame);

/* A whole (not streamed) answer, in any pieces, then its end. */
void tap_body(struct tap *t, str piece);
void tap_body_end(struct tap *t);

/* After tap_frame of a frame held whole: the frame with its model names replaced by alias,
 * appended to out. For force-mapping. */
void tap_rename(const struct tap *t, str frame, str alias, struct buf *out);

/* The same for a whole JSON document (parses it; false if it is not JSON). */
bool dialect_rename_model(const struct dialect *d, str body, str alias, struct buf *out);

/* Writes a whole answer as the stream a client asked for (a provider that answers plain JSON to a
 * stream request, R10.4). ERR_NO_DIALECT where the dialect has no such conversion yet. */
enum err dialect_stream_from_whole(const struct dialect *d, str body, struct buf *out) must_check;

#endif

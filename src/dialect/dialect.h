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
#include "ir/dialect_id.h"
#include "ir/event.h"
#include "json/edit.h"
#include "json/watch.h"

/* An error of ours, to be said in some dialect. */
struct dialect_error {
    int status;
    const char *code;  /* err_info()->code */
    str message;       /* any bytes; escaped when written */
    const char *param; /* the field at fault ("model"), or NULL */
    str request_id;
};

/*
 * What a tap learns from an answer, whole or streamed. Counts that a stream says several times are
 * overwritten, but never by a zero: some providers send placeholders.
 */
struct tap {
    struct usage usage;
    char finish[32]; /* finish/stop reason as the provider spelt it; "" if none */
    bool terminal;   /* the final event (an error too), or a whole answer's end, was seen */
    bool error;      /* an error object or event was seen */
    char error_text[256];
    bool content;    /* something deliverable was seen: an event with data, but no ping, no error
                        and not just the end mark */
    bool usage_only; /* the last event carried usage and no choices (chat) */
    bool bare_error; /* the error came as plain JSON where an event was due */
    size_t n_models; /* model names in the last event, for tap_rename */
    bool renaming;   /* the caller may say after tap_init that it does not need n_models */
    /* private */
    const struct dialect *dialect;
    struct watch *watch;
    struct buf lines;  /* the last event's data when it had several lines */
    size_t doc_at;     /* where the last event's data stands in the frame, if in one line */
    int64_t counts[5]; /* as said, before sums */
    int64_t sequence;  /* last sequence number seen, or -1 */
    unsigned seen;     /* in the last event */
    struct {
        size_t at, n;
    } models[4];
};

struct dialect_event;

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

    /* A whole answer as a stream; NULL when there is no such conversion yet. */
    enum err (*stream_from_whole)(str body, struct buf *out);

    /* private: the tables of the tap, see dialect/tables.h */
    const struct watch_path *paths;
    size_t n_paths;
    const struct dialect_event *events; /* ends with type == NULL */
    const char *const *words;           /* an event that mentions none of these, as keys or values,
                                           just carries content; NULL: look at all */
    const char *done;                   /* data that is no JSON and ends the stream, or NULL */
    bool finish_ends;                   /* a finish reason is the end of the stream */
    bool input_lacks_cached;            /* input tokens are said without those from the cache */
    bool output_lacks_reasoning;        /* output tokens are said without reasoning */
};

const struct dialect *dialect_get(enum dialect_id id);

/* ---- Taps. One per answer; reset is cheap. ---- */

void tap_init(struct tap *t, const struct dialect *d);
void tap_fini(struct tap *t);

/*
 * One SSE frame. Afterwards usage, finish, terminal, error, usage_only, n_models tell. A frame that
 * is plain JSON (some providers fail that way in mid-stream) is read as such.
 */
void tap_frame(struct tap *t, str frame);

/*
 * Whether what is left at the end of a stream (sse_rest) is an event that lacks only its empty
 * line: the end mark, or data that is a complete JSON document. If not it is torn, and must neither
 * reach the client nor the tap: half an event may already say why it ended.
 */
bool tap_rest_whole(const struct tap *t, str rest);

/* A whole (not streamed) answer, in any pieces, then its end. */
void tap_body(struct tap *t, str piece);
void tap_body_end(struct tap *t);

/* After tap_frame: that frame with its model names replaced by alias, appended to out. For
 * force-mapping. */
void tap_rename(const struct tap *t, str frame, str alias, struct buf *out);

/* The same for a whole JSON document (parses it; false if it is not JSON). */
bool dialect_rename_model(const struct dialect *d, str body, str alias, struct buf *out);

/*
 * Writes a whole answer as the stream a client asked for (a provider that answers plain JSON to a
 * stream request, R10.4). ERR_NO_DIALECT where the dialect has no such conversion yet,
 * ERR_UP_PROTOCOL when body is no answer of the dialect, ERR_UP_TOO_LARGE when out is full; in all
 * these cases out is as it was.
 */
enum err dialect_stream_from_whole(const struct dialect *d, str body, struct buf *out) must_check;

#endif

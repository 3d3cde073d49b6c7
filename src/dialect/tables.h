/*
 * dialect/tables.h - what a dialect's folder says about its answers, as tables for the tap.
 *
 * Private to src/dialect. A row of a path table says where a value stands; its id says what it
 * is. Several paths may have the same id: providers of one dialect differ, and a stream wraps what
 * a whole answer has at the top.
 */
#ifndef CLIPROXY_DIALECT_TABLES_H
#define CLIPROXY_DIALECT_TABLES_H

#include "dialect/dialect.h"

enum tap_value {
    TAP_INPUT, /* the first five index tap.counts */
    TAP_OUTPUT,
    TAP_CACHED,
    TAP_CACHE_WRITE,
    TAP_REASONING,
    TAP_COUNTS,
    TAP_MODEL = TAP_COUNTS,
    TAP_TYPE,     /* the event's type, looked up among the dialect's events */
    TAP_SEQUENCE, /* number of the event */
    TAP_CHOICE,   /* presence: a choice is there */
    TAP_USAGE,    /* presence: usage is there (null does not count) */
    TAP_FINISH,   /* why it ended */
    TAP_STATUS,   /* of a Responses object: a finish reason unless there is a better one */
    TAP_ERROR,    /* an object, or the error's text itself */
    TAP_MESSAGE   /* the error's text */
};

/* What an event type means. Types not listed carry content. */
enum {
    EVENT_TERMINAL = 1, /* the stream is complete */
    EVENT_ERROR = 2,    /* it is, and has failed */
    EVENT_IDLE = 4      /* nothing deliverable */
};

struct dialect_event {
    const char *type;
    unsigned means;
};

#define ROW(id, ...)    \
    {                   \
        id,             \
        {               \
            __VA_ARGS__ \
        }               \
    }
#define TABLE(rows) .paths = rows, .n_paths = sizeof rows / sizeof rows[0]

extern const struct dialect dialect_chat, dialect_responses, dialect_anthropic, dialect_gemini;

/* {"error":{...}} as both OpenAI dialects have it. */
void openai_error_body(const struct dialect_error *e, struct buf *out);
/* error.type by status, as they say it. */
const char *openai_error_type(int status);

/* The tap's watch set, built once per process. */
const struct watch_set *dialect_watch_set(const struct dialect *d);

#endif

/*
 * http/call.h - one request to a provider in flight, seen from whoever waits for the answer.
 *
 * Two things make calls: http/client (a real provider) and the simulator. Both promise:
 *   - events come on the worker's thread, never from inside call_start or call_cancel;
 *   - head comes once (1xx answers are swallowed), then any number of body, then end once;
 *     end may come without head. After end the call is gone; after call_cancel no event comes.
 *   - while paused no body comes (what is in hand already is held back by the maker).
 */
#ifndef CLIPROXY_HTTP_CALL_H
#define CLIPROXY_HTTP_CALL_H

#include <stdbool.h>
#include <sys/uio.h>

#include "base/err.h"
#include "base/str.h"

struct http_field {
    str name; /* as it came; compare without case */
    str value;
};

enum { HTTP_FIELDS_MAX = 128 };

struct http_head {
    int status;
    const struct http_field *fields; /* borrowed for the call of head */
    size_t n_fields;
    int64_t content_length; /* -1: not known in advance */
};

/* The first field of that name, trimmed; p == NULL if there is none. */
str http_field_get(const struct http_field *fields, size_t n, str name);

struct call;

struct call_events {
    void (*head)(void *owner, const struct http_head *head);
    void (*body)(void *owner, str bytes); /* transfer coding removed; borrowed */
    /* OK: the answer is complete. reused: the connection had served before, nothing of an answer
     * was seen. f says what a human should know. */
    void (*end)(void *owner, enum err e, const struct fail *f);
    void (*drain)(void *owner); /* the queue of an upload has room again; may be NULL */
};

struct call_ops {
    void (*pause)(struct call *);
    void (*resume)(struct call *);
    void (*cancel)(struct call *);
    /* Streamed request body: queues bytes (copied); last ends it. False: the queue is above its
     * mark, wait for drain before sending more. */
    bool (*send)(struct call *, str bytes, bool last);
};

struct call {
    const struct call_ops *ops;
    const struct call_events *events;
    void *owner;
    bool sent; /* the whole request went out, and will not be sent again: its bytes are not needed
                * any more */
};

static inline void call_pause(struct call *c)
{
    c->ops->pause(c);
}

static inline void call_resume(struct call *c)
{
    c->ops->resume(c);
}

static inline void call_cancel(struct call *c)
{
    c->ops->cancel(c);
}

#endif

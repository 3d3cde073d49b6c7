/*
 * net/worker.h - one event loop on one thread, and what everything on that thread shares.
 *
 * An exchange lives and dies on one worker; nothing here has a lock. Other threads may only call
 * worker_post.
 */
#ifndef CLIPROXY_NET_WORKER_H
#define CLIPROXY_NET_WORKER_H

#include <uv.h>

#include "base/str.h"

enum {
    WORKER_READ_BYTES = 64 * 1024,  /* shared read buffer */
    WORKER_WRITE_BYTES = 16 * 1024, /* shared gather buffer of TLS writes: one record */
};

struct worker {
    uv_loop_t loop;
    unsigned id;
    char *read_buffer;  /* valid until the callback that filled it returns */
    char *write_buffer; /* private to net/sock */
    void *app;          /* the layer above hangs its per-worker state here */
    /* private */
    uv_async_t async;
    uv_mutex_t lock;
    struct worker_job *jobs, **jobs_end;
};

void worker_init(struct worker *w, unsigned id);
void worker_fini(struct worker *w); /* the loop must have no open handles left but our own */

/* Runs until worker_stop was called and no handle is left. */
void worker_run(struct worker *w);

/* From any thread: run fn(w, arg) on the worker's thread, in order of posting. */
void worker_post(struct worker *w, void (*fn)(struct worker *, void *), void *arg);

/* Milliseconds of the loop's clock (as of the current iteration; monotonic). */
static inline uint64_t worker_now_ms(const struct worker *w)
{
    return uv_now(&w->loop);
}

#endif

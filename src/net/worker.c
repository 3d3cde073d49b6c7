#include "net/worker.h"

#include <signal.h>

#include "base/mem.h"

struct worker_job {
    struct worker_job *next;
    void (*fn)(struct worker *, void *);
    void *arg;
};

static void on_async(uv_async_t *async)
{
    struct worker *w = async->data;
    uv_mutex_lock(&w->lock);
    struct worker_job *job = w->jobs;
    w->jobs = NULL;
    w->jobs_end = &w->jobs;
    uv_mutex_unlock(&w->lock);
    while (job) {
        struct worker_job *next = job->next;
        job->fn(w, job->arg);
        mem_free(job);
        job = next;
    }
}

void worker_init(struct worker *w, unsigned id)
{
    /* Here and not in main alone: whoever has a worker writes to sockets that may be closed. */
    signal(SIGPIPE, SIG_IGN);
    *w = (struct worker){.id = id};
    must(uv_loop_init(&w->loop) == 0);
    must(uv_async_init(&w->loop, &w->async, on_async) == 0);
    must(uv_mutex_init(&w->lock) == 0);
    w->loop.data = w;
    w->async.data = w;
    /* Posting must not keep an otherwise finished loop alive. */
    uv_unref((uv_handle_t *)&w->async);
    w->jobs_end = &w->jobs;
    w->read_buffer = mem_new(WORKER_READ_BYTES);
    w->write_buffer = mem_new(WORKER_WRITE_BYTES);
}

void worker_fini(struct worker *w)
{
    on_async(&w->async);
    uv_close((uv_handle_t *)&w->async, NULL);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    must(uv_loop_close(&w->loop) == 0);
    uv_mutex_destroy(&w->lock);
    mem_free(w->read_buffer);
    mem_free(w->write_buffer);
}

void worker_run(struct worker *w)
{
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

void worker_post(struct worker *w, void (*fn)(struct worker *, void *), void *arg)
{
    struct worker_job *job = mem_new(sizeof *job);
    *job = (struct worker_job){NULL, fn, arg};
    uv_mutex_lock(&w->lock);
    *w->jobs_end = job;
    w->jobs_end = &job->next;
    uv_mutex_unlock(&w->lock);
    uv_async_send(&w->async);
}

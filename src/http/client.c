#include "http/client.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "http/client_priv.h"

enum {
    SPARE_CALLS_MAX = 256,
    QUEUE_MARK = 64 * 1024,       /* of an upload: send no more above this */
    QUEUE_LOW = 16 * 1024,        /* drain is told below this */
    QUEUE_MAX = 16 * 1024 * 1024, /* someone did not wait for drain */
};

static const struct fail no_failure;

/* ---- The list of calls with something to do in the next turn of the loop. ---- */

static void due_unlink(struct http_call *call)
{
    struct http_client *c = call->client;
    if (!call->link)
        return;
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    else
        c->due_end = call->link;
    call->link = NULL;
    c->n_due--;
}

static void call_free(struct http_call *call)
{
    struct http_client *c = call->client;
    due_unlink(call);
    mem_free(call->fail);
    buf_fini(&call->queue);
    if (c->n_spare_calls < SPARE_CALLS_MAX) {
        call->next = c->spare_calls;
        c->spare_calls = call;
        c->n_spare_calls++;
    } else {
        mem_free(call);
    }
    c->calls--;
    client_check_closed(c);
}

static void call_run_due(struct http_call *call)
{
    if (call_drained(call)) {
        call_due(call); /* for what else there may be; drain may cancel the call */
        call->owes_drain = false;
        if (call->call.events->drain)
            call->call.events->drain(call->call.owner);
        return;
    }
    if (call->state == CALL_ON_CONN) {
        conn_resume(call->conn);
        return;
    }
    if (call->state != CALL_ENDING)
        return;
    const struct call_events *ev = call->call.events;
    void *owner = call->call.owner;
    struct fail *f = call->fail;
    enum err e = call->err;
    call->fail = NULL;
    call_free(call);
    ev->end(owner, e, f ? f : &no_failure);
    mem_free(f);
}

/* Runs as many as there were; those that come up meanwhile have their turn next time. */
static void on_turn(uv_idle_t *idle)
{
    struct http_client *c = idle->data;
    for (unsigned n = c->n_due; n && c->due; n--) {
        struct http_call *call = c->due;
        due_unlink(call);
        call_run_due(call);
    }
    if (!c->due)
        uv_idle_stop(idle);
}

void call_due(struct http_call *call)
{
    struct http_client *c = call->client;
    if (call->link)
        return;
    call->next = NULL;
    call->link = c->due_end;
    *c->due_end = call;
    c->due_end = &call->next;
    if (c->n_due++ == 0)
        must(uv_idle_start(&c->turn, on_turn) == 0);
}

/* ---- How a call ends. ---- */

static void call_detach(struct http_call *call, bool abort)
{
    if (call->dial)
        dial_cancel(call->dial);
    if (call->conn)
        conn_close(call->conn, abort);
    call->dial = NULL;
    call->conn = NULL;
}

void call_fail(struct http_call *call, enum err e, const char *fmt, ...)
{
    char text[FAIL_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    call_detach(call, true);
    call->state = CALL_ENDING;
    call->err = e;
    call->fail = mem_new(sizeof *call->fail);
    (void)fail_set(call->fail, e, "%.*s: %s", STR_FMT(call->rq.origin->label), text);
    call_due(call);
}

void call_complete(struct http_call *call)
{
    const struct call_events *ev = call->call.events;
    void *owner = call->call.owner;
    call_free(call);
    ev->end(owner, OK, &no_failure);
}

/* ---- What the caller may do. ---- */

static void op_pause(struct call *base)
{
    struct http_call *call = (struct http_call *)base;
    call->paused = true;
    if (call->state == CALL_ON_CONN)
        conn_watch(call->conn);
}

static void op_resume(struct call *base)
{
    struct http_call *call = (struct http_call *)base;
    if (!call->paused)
        return;
    call->paused = false;
    if (call->state == CALL_ON_CONN)
        call_due(call);
}

static void op_cancel(struct call *base)
{
    struct http_call *call = (struct http_call *)base;
    call_detach(call, true);
    call_free(call);
}

/* Chunk framing (RFC 9112 7.1) where the head announced it. A chunk of no bytes would end it. */
static void queue_put(struct http_call *call, str bytes, bool last)
{
    struct buf *q = &call->queue;
    if (call->queue_at == q->n) {
        buf_clear(q);
        call->queue_at = 0;
    } else if (call->queue_at > QUEUE_MARK) {
        buf_consume(q, call->queue_at);
        call->queue_at = 0;
    }
    if (call->rq.raw_stream) {
        buf_put(q, bytes);
        return;
    }
    if (bytes.n) {
        buf_put_hex(q, bytes.n);
        buf_lit(q, "\r\n");
        buf_put(q, bytes);
        buf_lit(q, "\r\n");
    }
    if (last)
        buf_lit(q, "0\r\n\r\n");
}

static bool op_send(struct call *base, str bytes, bool last)
{
    struct http_call *call = (struct http_call *)base;
    if (call->state == CALL_ENDING || call->body_ended)
        return true;
    queue_put(call, bytes, last);
    call->body_ended = last;
    if (call->queue.failed) {
        call_fail(call, ERR_INTERNAL, "upload queued past its bound");
        return true;
    }
    if (call->state == CALL_ON_CONN)
        conn_flush(call->conn);
    call->owes_drain = call->queue.n - call->queue_at > QUEUE_MARK;
    return !call->owes_drain;
}

static const struct call_ops ops = {op_pause, op_resume, op_cancel, op_send};

static struct http_call *call_new(struct http_client *c)
{
    struct http_call *call = c->spare_calls;
    if (call) {
        c->spare_calls = call->next;
        c->n_spare_calls--;
    } else {
        call = mem_new(sizeof *call);
    }
    /* The request at the end is copied piece by piece, not cleared. */
    memset(call, 0, offsetof(struct http_call, rq));
    call->client = c;
    call->call.ops = &ops;
    buf_init(&call->queue, QUEUE_MAX);
    c->calls++;
    return call;
}

static void copy_request(struct call_request *to, const struct call_request *from)
{
    must(from->n_pieces <= sizeof from->pieces / sizeof from->pieces[0]);
    to->origin = from->origin;
    memcpy(to->pieces, from->pieces, from->n_pieces * sizeof from->pieces[0]);
    to->n_pieces = from->n_pieces;
    to->streamed = from->streamed;
    to->raw_stream = from->raw_stream;
    to->head_only = from->head_only;
    to->connect_ms = from->connect_ms;
}

struct call *http_client_start(struct http_client *c, const struct call_request *rq,
                               const struct call_events *ev, void *owner)
{
    struct http_call *call = call_new(c);
    call->call.events = ev;
    call->call.owner = owner;
    copy_request(&call->rq, rq);
    if (c->closing) {
        call_fail(call, ERR_SHUTDOWN, "the gateway is shutting down");
        return &call->call;
    }
    struct http_conn *conn = pool_take(pool_of(c, rq->origin));
    if (conn)
        conn_carry(conn, call);
    else
        dial_start(call);
    return &call->call;
}

/* ---- The client. ---- */

struct http_client *http_client_new(struct worker *w, const struct http_client_options *o)
{
    struct http_client *c = mem_zero(sizeof *c);
    c->worker = w;
    c->options = *o;
    c->due_end = &c->due;
    c->waiting_end = &c->waiting;
    c->resolver = resolver_new(w);
    must(uv_idle_init(&w->loop, &c->turn) == 0);
    c->turn.data = c;
    deadline_init(&c->sweep, &w->loop, pool_sweep);
    return c;
}

void http_client_set_options(struct http_client *c, const struct http_client_options *o)
{
    c->options = *o;
}

void client_check_closed(struct http_client *c)
{
    if (!c->closing || c->closed || c->calls || c->conns || c->dials)
        return;
    c->closed = true;
    resolver_close(c->resolver);
    deadline_close(&c->sweep, NULL);
    uv_close((uv_handle_t *)&c->turn, NULL);
}

void http_client_close(struct http_client *c)
{
    c->closing = true;
    pool_close_idle(c);
    client_check_closed(c);
}

void http_client_free(struct http_client *c)
{
    must(c->closed);
    pool_free_all(c);
    while (c->spare_calls) {
        struct http_call *call = c->spare_calls;
        c->spare_calls = call->next;
        mem_free(call);
    }
    resolver_free(c->resolver);
    mem_free(c);
}

struct http_client_stats http_client_stats(const struct http_client *c)
{
    return c->stats;
}

#include <errno.h>
#include <stdio.h>

#include "http/client_priv.h"

enum {
    ROUNDS_MAX = 8, /* buffers filled for one connection before others have their turn */
    BULK_BYTES = 8 * 1024,
    PIECES_MAX = sizeof(((struct call_request *)0)->pieces) / sizeof(struct iovec),
};

/* ---- Writing. ---- */

static bool has_unsent(const struct http_call *call)
{
    return call->piece < call->rq.n_pieces || call->queue_at < call->queue.n;
}

static bool sent_all(const struct http_call *call)
{
    return !has_unsent(call) && !call_streams_more(call);
}

/* What is left to send, as a vector; returns its length. */
static int unsent(const struct http_call *call, struct iovec *v, size_t *total)
{
    int n = 0;
    *total = 0;
    for (size_t i = call->piece; i < call->rq.n_pieces; i++) {
        size_t skip = i == call->piece ? call->piece_at : 0;
        v[n].iov_base = (char *)call->rq.pieces[i].iov_base + skip;
        v[n].iov_len = call->rq.pieces[i].iov_len - skip;
        *total += v[n++].iov_len;
    }
    if (call->queue_at < call->queue.n) {
        v[n].iov_base = call->queue.p + call->queue_at;
        v[n].iov_len = call->queue.n - call->queue_at;
        *total += v[n++].iov_len;
    }
    return n;
}

static void advance(struct http_call *call, size_t sent)
{
    while (call->piece < call->rq.n_pieces) {
        size_t left = call->rq.pieces[call->piece].iov_len - call->piece_at;
        if (sent < left) {
            call->piece_at += sent;
            return;
        }
        sent -= left;
        call->piece++;
        call->piece_at = 0;
    }
    call->queue_at += sent;
    call->queue_sent |= sent > 0;
}

void conn_watch(struct http_conn *conn)
{
    const struct http_call *call = conn->call;
    unsigned events = call->paused ? 0 : SOCK_READ;
    if (has_unsent(call) && !call->write_broken)
        events |= SOCK_WRITE;
    sock_want(&conn->sock, events);
}

/* Could the request have to be sent once more? */
static bool may_retry(const struct http_conn *conn)
{
    const struct http_call *call = conn->call;
    return conn->reused && !call->head_seen && !call->retried && !call->queue_sent;
}

/* The caller may let go of its bytes only when they are not needed for a retry either. */
static void note_sent(struct http_conn *conn)
{
    conn->call->call.sent = sent_all(conn->call) && !may_retry(conn);
}

void conn_flush(struct http_conn *conn)
{
    struct http_call *call = conn->call;
    struct iovec v[PIECES_MAX + 1];
    if (has_unsent(call) && !call->write_broken) {
        size_t total;
        int n = unsent(call, v, &total);
        ssize_t put = total ? sock_writev(&conn->sock, v, n) : 0;
        if (put >= 0)
            advance(call, (size_t)put);
        else if (put != SOCK_AGAIN)
            /* The peer may have answered before it closed: reading tells what it was. */
            call->write_broken = true;
    }
    note_sent(conn);
    if (call_drained(call))
        call_due(call);
    conn_watch(conn);
}

void conn_carry(struct http_conn *conn, struct http_call *call)
{
    struct http_client *c = conn->client;
    conn->state = CONN_BUSY;
    conn->call = call;
    conn->answered = false;
    c->stats.busy++;
    c->stats.reused += conn->reused;
    call->conn = conn;
    call->state = CALL_ON_CONN;
    call->piece = call->piece_at = 0;
    call->write_broken = false;
    http_reader_begin(&conn->reader, call->rq.head_only, c->options.head_max);
    conn_flush(conn);
}

/* ---- How an answer ends. ---- */

/* To the call that has waited longest for a handshake, or to the pool. */
static void release(struct http_conn *conn)
{
    struct http_call *next = dial_relieve(conn->pool, conn->client);
    if (!next) {
        pool_put(conn);
        return;
    }
    conn->reused = true;
    conn_carry(conn, next);
}

/* The answer is whole. leftover: bytes behind it that nobody asked for. */
static void finish(struct http_conn *conn, bool leftover)
{
    struct http_call *call = conn->call;
    bool sent = sent_all(call);
    bool reusable = http_reader_keep_alive(&conn->reader) && !leftover && sent && !conn->ended &&
                    !sock_has_buffered(&conn->sock);
    call->conn = NULL;
    if (reusable) {
        conn->client->stats.busy--;
        conn->call = NULL;
        release(conn);
    } else {
        conn_close(conn, !sent);
    }
    call_complete(call);
}

/* A pooled connection that the server had closed meanwhile gives nothing or a reset: then the
 * request is sent once more (RFC 9112 9.3.1). Not when part of a streamed body is gone. */
static bool retry(struct http_conn *conn)
{
    struct http_call *call = conn->call;
    if (!may_retry(conn))
        return false;
    call->retried = true;
    call->conn = NULL;
    conn->client->stats.retried_stale++;
    conn_close(conn, true);
    dial_start(call);
    return true;
}

/* TCP ended, but TLS did not: whoever is in between may have cut an answer that only its end
 * delimits (RFC 8446 6.1). */
static bool tls_truncated(const struct http_conn *conn)
{
    const SSL *ssl = conn->sock.ssl;
    return ssl && !(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN);
}

/* The peer's end of the connection, or an error, came before the end of the answer was seen. */
static void input_ended(struct http_conn *conn)
{
    struct http_call *call = conn->call;
    enum err e = http_reader_eof(&conn->reader);
    if (e == OK && conn->ended_errno == 0 && !tls_truncated(conn)) {
        finish(conn, false);
        return;
    }
    if (!conn->answered && retry(conn))
        return;
    if (conn->ended_errno == ECONNRESET || conn->ended_errno == EPIPE)
        e = ERR_UP_RESET;
    else if (e == OK)
        e = ERR_UP_CUT;
    if (conn->ended_errno == 0 || e == ERR_UP_RESET)
        call_fail(call, e, "%s", err_info(e)->text);
    else
        call_fail(call, e, "%s: %s", err_info(e)->text, strerror(conn->ended_errno));
}

/* ---- Reading. ---- */

/* Some servers say 408 to a connection that was idle too long; when our request crosses it on the
 * way, it is no answer to that (RFC 9110 15.5.9). */
static bool idle_timeout_answer(const struct http_conn *conn)
{
    return conn->reused && conn->client->scratch.head.status == 408 &&
           !http_reader_keep_alive(&conn->reader);
}

/*
 * Gives the caller what the bytes hold. False: stop reading this connection (it is paused, done,
 * failed, or was cancelled by an event); conn must not be touched then.
 */
static bool deliver(struct http_conn *conn, char *p, size_t n)
{
    struct http_call *call = conn->call;
    const struct call_events *ev = call->call.events;
    void *owner = call->call.owner;
    struct fail f;
    while (!call->paused) {
        str body = {NULL, 0};
        switch (http_reader_next(&conn->reader, &p, &n, &body, &f)) {
        case READER_MORE: return true;
        case READER_HEAD:
            if (idle_timeout_answer(conn) && retry(conn))
                return false;
            call->head_seen = true;
            note_sent(conn);
            ev->head(owner, &conn->client->scratch.head);
            break;
        case READER_BODY: ev->body(owner, body); break;
        case READER_END: finish(conn, n > 0); return false;
        case READER_FAILED: call_fail(call, f.code, "%s", f.text); return false;
        }
        if (conn->call != call)
            return false;
    }
    buf_put(&conn->held, str_of(p, n));
    return false;
}

enum fill { FILL_EMPTY, FILL_MORE, FILL_ENDED };

/*
 * Reads into the worker's buffer. Plain: one read, and a short one means that the socket is empty.
 * TLS: record by record while OpenSSL keeps bytes that the poller cannot see, and so that many
 * small records make one span. When it keeps none and little came, asking the socket again would
 * only cost a system call: the poller tells when there is more.
 */
static enum fill fill(struct http_conn *conn, size_t *n)
{
    struct worker *w = conn->client->worker;
    *n = 0;
    while (*n < WORKER_READ_BYTES) {
        ssize_t got = sock_read(&conn->sock, w->read_buffer + *n, WORKER_READ_BYTES - *n);
        if (got == SOCK_AGAIN)
            return FILL_EMPTY;
        if (got <= 0) {
            conn->ended = true;
            conn->ended_errno = got == SOCK_EOF ? 0 : errno ? errno : EIO;
            return FILL_ENDED;
        }
        *n += (size_t)got;
        if (!conn->sock.ssl)
            return *n < WORKER_READ_BYTES ? FILL_EMPTY : FILL_MORE;
        if (*n < BULK_BYTES && !sock_has_buffered(&conn->sock))
            return FILL_EMPTY;
    }
    return FILL_MORE;
}

static void read_on(struct http_conn *conn)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        size_t n;
        enum fill state = fill(conn, &n);
        conn->answered |= n > 0;
        if (n && !deliver(conn, conn->client->worker->read_buffer, n))
            return;
        if (state == FILL_EMPTY)
            return;
        if (state == FILL_ENDED) {
            input_ended(conn);
            return;
        }
    }
    /* Others first. A plain socket is reported again by the poller, OpenSSL's buffer is not. */
    if (conn->sock.ssl)
        call_due(conn->call);
}

void conn_resume(struct http_conn *conn)
{
    struct http_call *call = conn->call;
    if (call->paused)
        return;
    struct buf held = conn->held;
    buf_init(&conn->held, SIZE_MAX);
    bool more = deliver(conn, held.p, held.n);
    buf_fini(&held);
    if (more && conn->ended)
        input_ended(conn);
    else if (more && conn->sock.ssl)
        read_on(conn);
    if (conn->call == call)
        conn_watch(conn);
}

/* Nothing may come on an idle connection but its end (or, with TLS, a session ticket). */
static void idle_ready(struct http_conn *conn)
{
    size_t n;
    if (fill(conn, &n) != FILL_EMPTY || n > 0)
        conn_close(conn, false);
    else
        sock_want(&conn->sock, SOCK_READ);
}

static void busy_ready(struct http_conn *conn, unsigned events)
{
    struct http_call *call = conn->call;
    if (events & SOCK_WRITE)
        conn_flush(conn);
    if (!call->paused && events & (SOCK_READ | SOCK_HUP))
        read_on(conn);
    if (conn->call == call)
        conn_watch(conn);
}

void conn_ready(struct sock *s, unsigned events)
{
    struct http_conn *conn = (struct http_conn *)s;
    switch (conn->state) {
    case CONN_OPENING: dial_ready(conn->dial, events); break;
    case CONN_BUSY: busy_ready(conn, events); break;
    case CONN_IDLE: idle_ready(conn); break;
    case CONN_CLOSING: break;
    }
}

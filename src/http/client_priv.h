/*
 * http/client_priv.h - what the files of the client share.
 *
 *   client.c  calls: start, pause, send, cancel; events that must wait for the next turn
 *   conn.c    one connection while it carries a call: writing, reading, delivering
 *   pool.c    idle connections, and the structs of those that are gone, for reuse
 *   dial.c    from an origin to a connection: name, TCP, proxy, TLS, under one deadline
 *   proxy.c   what is said to a proxy
 *
 * A call is in exactly one of these places: DIALLING (call->dial), ON_CONN (call->conn), or
 * ENDING (its end event is due). A failure never fires its event where it is found: it goes
 * through call_fail, and the event comes in the next turn of the loop.
 */
#ifndef CLIPROXY_HTTP_CLIENT_PRIV_H
#define CLIPROXY_HTTP_CLIENT_PRIV_H

#include "base/buf.h"
#include "http/client.h"
#include "http/proxy.h"
#include "http/reader.h"
#include "net/deadline.h"
#include "net/resolve.h"
#include "net/sock.h"
#include "net/tls.h"

struct http_conn;
struct http_dial;

enum call_state { CALL_DIALLING, CALL_ON_CONN, CALL_ENDING };

struct http_call {
    struct call call; /* first: callers hold its address */
    struct http_client *client;
    struct http_conn *conn;
    struct http_dial *dial;
    struct http_call *next, **link; /* in client->due, or (next) in client->spare_calls */
    enum call_state state;
    bool paused;
    bool retried;      /* the second connection is the last */
    bool head_seen;    /* the caller got the head: no retry */
    bool write_broken; /* nothing more can be sent; an answer may still be read */
    bool body_ended;   /* of a streamed body */
    bool owes_drain;
    size_t piece, piece_at; /* what is sent of the request */
    struct buf queue;       /* streamed body, framed, not sent yet from queue_at on */
    size_t queue_at;
    bool queue_sent;   /* part of the streamed body is gone: no retry */
    enum err err;      /* ENDING */
    struct fail *fail; /* ENDING: owned; NULL if OK */
    struct call_request rq;
};

struct http_pool {
    const struct http_origin *origin;
    struct http_conn *newest, *oldest; /* idle */
    unsigned idle;
    unsigned handshakes, waiting; /* dials that shake hands; that wait for their turn to */
    struct tls_sessions sessions, hop_sessions; /* hop: with an https proxy */
};

enum conn_state { CONN_OPENING, CONN_BUSY, CONN_IDLE, CONN_CLOSING };

struct http_conn {
    struct sock sock; /* first: its callbacks find us by it */
    struct http_client *client;
    struct http_pool *pool;
    struct http_call *call;          /* BUSY */
    struct http_dial *dial;          /* OPENING */
    struct http_conn *newer, *older; /* IDLE; newer: also in client->spare_conns */
    uint64_t idle_until_ms;
    enum conn_state state;
    bool reused; /* carried a call before */
    bool ended;  /* the peer's end or an error was read; ended_errno: 0 for the end */
    int ended_errno;
    bool answered; /* a byte of the current answer was read */
    struct http_reader reader;
    struct buf held; /* read but not deliverable while the call is paused */
};

enum dial_phase { DIAL_LOOKUP, DIAL_CONNECT, DIAL_TURN, DIAL_HOP_TLS, DIAL_PROXY, DIAL_TLS };

struct http_dial {
    struct deadline timer;
    struct resolve_wait wait;
    struct http_client *client;
    struct http_pool *pool;
    struct http_call *call;
    struct http_conn *conn;      /* the attempt under way */
    struct resolve_addrs *addrs; /* of the hop: the proxy, or the provider */
    union resolve_addr target;   /* socks5: the provider's */
    unsigned at;                 /* next address to try */
    enum dial_phase phase;
    bool target_lookup;                 /* it is the provider that is being looked up */
    bool hop_secured, through, secured; /* done: TLS with the proxy, the proxy, TLS */
    bool has_turn;                      /* counted among the handshakes */
    uint64_t until_ms;
    int last_errno;
    struct proxy_talk *talk;
    struct http_dial *turn_next, **turn_link; /* waiting for a handshake's turn */
};

struct http_client {
    struct worker *worker;
    struct http_client_options options;
    struct resolver *resolver;
    struct http_pool **pools; /* by origin id */
    unsigned n_pools;
    struct http_call *due, **due_end; /* calls with something to do in the next turn */
    unsigned n_due;
    uv_idle_t turn;
    struct deadline sweep; /* drops idle connections */
    struct http_call *spare_calls;
    struct http_conn *spare_conns;
    unsigned n_spare_calls, n_spare_conns;
    unsigned calls, conns, dials; /* what keeps us from being closed */
    unsigned handshakes;
    struct http_dial *waiting, **waiting_end; /* for their turn to shake hands */
    unsigned n_waiting;
    bool giving_turns;
    bool closing, closed;
    struct http_client_stats stats;
    struct http_reader_scratch scratch;
};

/* ---- client.c ---- */

/* The call is over: its end event comes in the next turn. Takes it off its connection or dial. */
void call_fail(struct http_call *call, enum err e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes it out of the client, fires end(OK). Only from a callback of the loop. */
void call_complete(struct http_call *call);

/* Looks at the call again in the next turn. */
void call_due(struct http_call *call);

enum { CALL_QUEUE_LOW = 16 * 1024 };

/* A drain event is owed and the queue of the upload is low. */
static inline bool call_drained(const struct http_call *call)
{
    return call->owes_drain && call->queue.n - call->queue_at <= CALL_QUEUE_LOW;
}

static inline bool call_streams_more(const struct http_call *call)
{
    return call->rq.streamed && !call->body_ended;
}

/* Something ended: closes the client's handles when it was the last. */
void client_check_closed(struct http_client *c);

/* ---- conn.c ---- */

/* Gives the call to a connection that is ready for a request, and writes what the socket takes. */
void conn_carry(struct http_conn *conn, struct http_call *call);

/* Writes on; wants WRITE while something is left. */
void conn_flush(struct http_conn *conn);

/* The call may take bytes again: those held back, then those in the socket. */
void conn_resume(struct http_conn *conn);

/* Watches for what the call can take now. */
void conn_watch(struct http_conn *conn);

void conn_ready(struct sock *s, unsigned events);

/* ---- pool.c ---- */

struct http_pool *pool_of(struct http_client *c, const struct http_origin *o);

/* The newest idle connection, or NULL. */
struct http_conn *pool_take(struct http_pool *p);

/* Back among the idle ones; closed instead when the pool is full or the client is closing. */
void pool_put(struct http_conn *conn);

/* A connection on fd, OPENING; NULL when the system has no room (fd is closed then). */
struct http_conn *conn_new(struct http_pool *p, struct http_client *c, int fd);

/* Closes in whatever state; the struct is recycled a turn later. abort: by RST. */
void conn_close(struct http_conn *conn, bool abort);

void pool_close_idle(struct http_client *c);
void pool_sweep(struct deadline *d);
void pool_free_all(struct http_client *c);

/* ---- dial.c ---- */

/* Starts a connection for the call; ends in conn_carry or call_fail, or dial_cancel. Fires no
 * event by itself, so it may be called from anywhere. */
void dial_start(struct http_call *call);
void dial_cancel(struct http_dial *d);
void dial_ready(struct http_dial *d, unsigned events);

/* A call that still waits for its turn to shake hands, taken off its dial: a connection that has
 * just become free serves it at once. NULL if there is none. */
struct http_call *dial_relieve(struct http_pool *p, struct http_client *c);

#endif

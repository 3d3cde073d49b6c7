/*
 * http/server_priv.h - what server.c, peer.c (connections), body.c (request bodies) and reply.c
 * share.
 */
#ifndef CLIPROXY_HTTP_SERVER_PRIV_H
#define CLIPROXY_HTTP_SERVER_PRIV_H

#include <sys/socket.h>

#include "http/server.h"

/*
 *   HANDSHAKE -> IDLE -> HEAD -> ACTIVE -> (IDLE | HEAD | LINGER) -> CLOSED
 * ACTIVE: a request is with the user. LINGER: the last reply was given while the client may
 * still be sending; its bytes are read and thrown away for a moment so that no RST destroys the
 * reply on its way (RFC 9112 9.6).
 */
enum peer_state { PEER_HANDSHAKE, PEER_IDLE, PEER_HEAD, PEER_ACTIVE, PEER_LINGER, PEER_CLOSED };

enum body_mode { BODY_UNDECIDED, BODY_WHOLE, BODY_STREAM };

struct http_peer {
    struct http_stream stream; /* first: a stream is its connection */
    struct sock sock;
    struct deadline deadline;
    struct http_server *server;
    struct http_peer *next, **prev; /* all connections */
    struct http_peer *next_pending; /* those with work in hand */
    enum peer_state state;

    struct buf in;    /* bytes read and not yet dealt with; holds the head while ACTIVE */
    size_t in_at;     /* start of what is not consumed */
    size_t head_from; /* where to look for the end of the head */

    enum body_mode mode;
    struct buf body;   /* BODY_WHOLE when it does not lie inside `in` */
    int64_t body_left; /* of a Content-Length body */
    struct http_chunks *chunks;

    struct buf out; /* reply bytes the socket has not taken */
    size_t out_at;
    int64_t reply_left; /* of a reply with Content-Length; -1 chunked, -2 until close */

    bool body_done, body_paused, expecting;
    bool reply_begun, reply_over, head_only, keep_alive, chunked_reply, blocked;
    unsigned handles; /* of the loop, not yet closed: socket and deadline */
    bool eof, pending, dispatching;
    bool broken;       /* a write failed: the connection is closed on the next turn */
    bool timing_write; /* the deadline is that of a client that does not read */
    bool reset;        /* close by RST: nothing else tells the client that its reply was cut */
};

struct http_server {
    struct worker *worker;
    const struct http_handler *handler;
    void *user;
    struct http_server_options options;
    uv_poll_t listener;
    uv_timer_t retry; /* accept again after the descriptors ran out */
    uv_idle_t idle;   /* runs while connections are pending */
    int fd;
    struct http_peer *peers;
    struct http_peer *pending;
    unsigned count;        /* connections that are open */
    unsigned handles;      /* connections whose memory is still held by the loop */
    unsigned loop_handles; /* listener, retry, idle */
    bool draining, cutting, listening, done_told, freeing;
    void (*done)(void *);
    void *done_arg;
};

static inline struct http_peer *peer_of(struct http_stream *s)
{
    return (struct http_peer *)(void *)s;
}

/* Writes what is queued. */
void peer_flush(struct http_peer *c);

/* Deals with the connection on the next turn of the loop. */
void peer_later(struct http_peer *c);

/* Tells the user (if a request is with it) that the client is gone, and closes. */
void peer_fail(struct http_peer *c);

/* After a reply is over and flushed: next request, linger, or close. */
void peer_next(struct http_peer *c);

void peer_update_interest(struct http_peer *c);
void peer_set_deadline(struct http_peer *c);

/* ---- server.c ---- */

/* A connection is gone: tells the end of a drain; frees the server when that was asked for. */
void server_check_done(struct http_server *sv);
void server_free_if_over(struct http_server *sv);

/* ---- peer.c ---- */

void peer_new(struct http_server *sv, int fd, const struct sockaddr_storage *peer);
void peer_close(struct http_peer *c);
void peer_release(struct http_peer *c);

/* Deals with a connection that asked for its turn by peer_later. */
void peer_turn(struct http_peer *c);

/* The request cannot be read: the user is told (failed), the connection closes after its reply. */
void peer_refuse(struct http_peer *c, enum err e, const char *text);

bool peer_has_room(const struct http_peer *c);

/* ---- body.c ---- */

/* Takes body bytes out of the input buffer, as far as the mode allows. */
void body_take(struct http_peer *c);

/* The last byte is there: tells the user in whole mode. */
void body_is_whole(struct http_peer *c);

/* A decoded piece of a chunked body. */
void body_on_piece(void *arg, str bytes);

#endif

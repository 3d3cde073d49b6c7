/*
 * http/server.h - HTTP/1.1 towards clients: listeners, connections, requests, replies.
 *
 * One server per worker. Wire facts: RFC 9112 (2.1 messages, 6 framing, 9.3 persistence, 9.3.2
 * pipelining), RFC 9110 (10.1.1 Expect: 100-continue).
 *
 * The user is told of a request when its head is complete and says how it wants the body. From
 * then until http_reply_end it may be told that the client is gone. http_reply_end is the last
 * thing it does with the stream: pending bytes are the server's business. Slices of the request
 * (head and whole body) stay valid until http_reply_end or http_release_request.
 */
#ifndef CLIPROXY_HTTP_SERVER_H
#define CLIPROXY_HTTP_SERVER_H

#include <openssl/ssl.h>

#include "base/arena.h"
#include "base/buf.h"
#include "http/call.h"
#include "http/parse.h"
#include "net/deadline.h"
#include "net/sock.h"

struct http_stream;

struct http_handler {
    /* The head is complete (s->request). Choose a body mode, or reply at once. */
    void (*request)(struct http_stream *s);
    /* Whole mode: once. Stream mode: pieces as they come; last says that it is over. */
    void (*body)(struct http_stream *s, str bytes, bool last);
    /* The request cannot be read (too large, too slow, malformed): reply with an error; the
     * connection closes after it. May come instead of request, with an empty path. */
    void (*failed)(struct http_stream *s, const struct fail *f);
    /* The reply's queue is below its mark again. */
    void (*drained)(struct http_stream *s);
    /* The client left before http_reply_end. Nothing more may be done with the stream. */
    void (*gone)(struct http_stream *s);
};

struct http_server_options {
    size_t header_bytes, body_bytes;
    unsigned header_count;
    unsigned connections; /* at once on this worker */
    uint64_t header_ms, body_ms, idle_ms, write_ms;
    SSL_CTX *tls; /* NULL: plain. Borrowed: outlives the server */
    str headers;  /* "Name: value\r\n"... put into every answer */
};

enum { HTTP_OUT_HIGH = 64 * 1024, HTTP_OUT_LOW = 16 * 1024 };

/* One request and its reply. */
struct http_stream {
    struct http_request request;
    struct arena arena;           /* of the exchange: emptied when the next request begins */
    void *app;                    /* the exchange, NULL at request() */
    void *user;                   /* as given to http_server_new */
    char peer[46];                /* client's address as text */
    uint64_t began_ns;            /* when the head was complete */
    uint64_t bytes_in, bytes_out; /* of the bodies */
};

struct http_server;

/* Listens on fd (bound, not yet listening or listening), on the worker's thread. */
struct http_server *http_server_new(struct worker *w, int fd, const struct http_handler *h,
                                    void *user, const struct http_server_options *o);

/* For requests that begin from now on. */
void http_server_set_options(struct http_server *sv, const struct http_server_options *o);

/* Stops listening, closes idle connections; others close after their reply. done is called when
 * the last connection is gone. */
void http_server_drain(struct http_server *sv, void (*done)(void *), void *arg);

/* Closes every connection now (after a drain that took too long). */
void http_server_cut(struct http_server *sv);

/* After done was called and the loop has run once more. */
void http_server_free(struct http_server *sv);

unsigned http_server_connections(const struct http_server *sv);

/* ---- Request body ---- */

/* Collect it, decoded from chunks, up to the body limit; body() comes once. */
void http_body_whole(struct http_stream *s);

/* Hand it over piece by piece; pausing holds the client back. */
void http_body_stream(struct http_stream *s);
void http_body_pause(struct http_stream *s);
void http_body_resume(struct http_stream *s);

/* The request's bytes are no longer needed: frees them while a long reply runs. */
void http_release_request(struct http_stream *s);

/* ---- Reply ---- */

enum { HTTP_CHUNKED = -1 };

/* Starts the reply; length HTTP_CHUNKED if not known. Nothing is written before body, flush or
 * end. Framing, connection, date and the common headers are added. */
void http_reply_head(struct http_stream *s, int status, const struct http_field *fields,
                     size_t n_fields, int64_t length);

/* Appends to the body and writes what the socket takes. False: the queue is above HTTP_OUT_HIGH;
 * wait for drained. */
bool http_reply_body(struct http_stream *s, str bytes);

/* Writes what is queued (the head alone, if need be). */
void http_reply_flush(struct http_stream *s);

void http_reply_end(struct http_stream *s);

/* The connection closes after this reply, although its head did not say so. */
void http_close_after(struct http_stream *s);

/* head + body + end. */
void http_reply(struct http_stream *s, int status, const struct http_field *fields, size_t n_fields,
                str body);

/* Ends a reply that cannot be completed, so that the client notices: chunked replies lose their
 * last chunk, others come short. The connection closes. As http_reply_end otherwise. */
void http_reply_cut(struct http_stream *s);

/* True once http_reply_head was called. */
bool http_reply_started(const struct http_stream *s);

#endif

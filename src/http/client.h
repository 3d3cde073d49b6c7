/*
 * http/client.h - HTTP/1.1 towards providers: keep-alive pools, TLS, proxies.
 *
 * One client per worker. Wire facts: RFC 9112 (framing; 9.3 persistence; 9.3.1 a request that met
 * a closing connection may be sent again when nothing of an answer was seen), RFC 9110 15.2
 * (1xx are skipped), RFC 8446 (session resumption), RFC 1928/1929 (SOCKS5), RFC 9110 9.3.6
 * (CONNECT).
 *
 * A pooled connection is taken last-in first-out and dropped after keepalive_ms. A request sent
 * on a reused connection that ends without one byte of answer is sent once more on a new one, by
 * the client itself, unless its body was streamed and part of it is gone. So is one that is met by
 * a 408 with Connection: close.
 *
 * How a call ends (call->events->end):
 *   ERR_UP_DNS, ERR_UP_REFUSED, ERR_UP_PROXY, ERR_UP_TLS (with the reason), ERR_UP_CONNECT (the
 *   deadline), ERR_OVERLOADED (descriptors, or too many handshakes waiting): no connection;
 *   ERR_UP_CLOSED, ERR_UP_RESET: it ended before the head; ERR_UP_CUT, ERR_UP_RESET: in the body;
 *   ERR_UP_PROTOCOL, ERR_UP_TOO_LARGE: the answer is not valid, or its head is too large.
 * Every text begins with the origin's label. First-byte, idle and total timeouts are the caller's:
 * it cancels. While paused no event comes at all, the end included; nothing is read then.
 */
#ifndef CLIPROXY_HTTP_CLIENT_H
#define CLIPROXY_HTTP_CLIENT_H

#include "http/call.h"
#include "http/origin.h"
#include "net/worker.h"

struct http_client;

struct http_client_options {
    uint64_t keepalive_ms;   /* how long an idle connection stays */
    unsigned max_idle;       /* idle connections per origin on this worker */
    unsigned max_handshakes; /* TLS handshakes under way at once on this worker; others wait */
    size_t head_max;         /* bytes of a response head */
};

struct http_client *http_client_new(struct worker *w, const struct http_client_options *o);
void http_client_set_options(struct http_client *c, const struct http_client_options *o);

/* Closes idle connections now; those in use close when their call ends. */
void http_client_close(struct http_client *c);
void http_client_free(struct http_client *c); /* no call may be running, loop drained */

struct call_request {
    const struct http_origin *origin;
    /* The whole request, head first: valid until end or cancel (it may be sent twice). For a
     * streamed body only the head; then call->ops->send. */
    struct iovec pieces[40];
    size_t n_pieces;
    bool streamed;       /* the body follows by ops->send, as chunks: the head says chunked */
    bool raw_stream;     /* streamed, but with a Content-Length: bytes go out as they are */
    bool head_only;      /* HEAD: the answer has no body */
    uint64_t connect_ms; /* name lookup + TCP + proxy + TLS together */
};

/* Never NULL; failures come as an end event. */
struct call *http_client_start(struct http_client *c, const struct call_request *rq,
                               const struct call_events *ev, void *owner);

struct http_client_stats {
    unsigned idle, busy; /* connections now */
    uint64_t opened, reused, resumed_tls, retried_stale;
};
struct http_client_stats http_client_stats(const struct http_client *c);

#endif

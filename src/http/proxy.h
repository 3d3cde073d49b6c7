/*
 * http/proxy.h - what is said to a proxy until bytes pass through it. No sockets in here.
 *
 * Wire facts: RFC 9110 9.3.6 (CONNECT: a 2xx answer has no body, the tunnel begins behind its
 * head), RFC 7617 (Basic), RFC 1928 (SOCKS5; a name is sent as address type 3), RFC 1929 (its
 * user and password, 255 bytes each at most).
 *
 * Every kind of origin goes through CONNECT, plain http too: one way through, and the provider's
 * headers stay out of the proxy's sight.
 */
#ifndef CLIPROXY_HTTP_PROXY_H
#define CLIPROXY_HTTP_PROXY_H

#include "base/buf.h"
#include "http/origin.h"
#include "net/resolve.h"

struct proxy_talk {
    const struct http_origin *origin;
    union resolve_addr target; /* PROXY_SOCKS5: the origin's address */
    struct buf out;            /* to be sent; the owner takes it and clears it */
    struct buf in;             /* an answer that is not complete */
    unsigned step;
};

enum proxy_state { PROXY_MORE, PROXY_THROUGH, PROXY_REFUSED };

/* target: the origin's address for PROXY_SOCKS5, else NULL. The first words are in out. */
void proxy_talk_init(struct proxy_talk *t, const struct http_origin *o,
                     const union resolve_addr *target);
void proxy_talk_fini(struct proxy_talk *t);

/* Takes what the proxy said; out may have more to send after PROXY_MORE. f is filled (ERR_UP_PROXY)
 * on PROXY_REFUSED. */
enum proxy_state proxy_talk_feed(struct proxy_talk *t, str bytes, struct fail *f) must_check;

#endif

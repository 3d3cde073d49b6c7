/*
 * net/tls.h - OpenSSL contexts for both sides: what is verified, what is offered, what is kept.
 *
 * Wire facts: RFC 8446 (TLS 1.3; 4.6.1 tickets come after the handshake, C.4 use each once),
 * RFC 5246 (1.2, the oldest we speak), RFC 6066 3 (server name, not for IP literals), RFC 7301
 * (ALPN), RFC 6125 (whom the certificate is for).
 */
#ifndef CLIPROXY_NET_TLS_H
#define CLIPROXY_NET_TLS_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "base/str.h"

enum { TLS_SESSIONS_MAX = 4 };

/* Sessions of one origin on one worker, newest last. Zero it to start. */
struct tls_sessions {
    SSL_SESSION *session[TLS_SESSIONS_MAX];
    unsigned n;
};

void tls_sessions_fini(struct tls_sessions *s);

#endif

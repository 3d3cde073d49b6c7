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

/* ---- Towards providers. ---- */

enum { TLS_SESSIONS_MAX = 4 };

/* Sessions of one origin on one worker, newest last. Zero it to start. The certificate was checked
 * when a session was made, so sessions must never be shared between origins. */
struct tls_sessions {
    SSL_SESSION *session[TLS_SESSIONS_MAX];
    unsigned n;
};

void tls_sessions_fini(struct tls_sessions *s);

/*
 * Can the trust anchors be read? ca_file is a PEM file in addition to the system's store
 * (SSL_CERT_FILE and SSL_CERT_DIR replace that one), or empty. Reads the file again if it changed
 * since; new handshakes use it then. ERR_CONFIG names the file. Thread-safe.
 */
enum err tls_client_check(str ca_file, struct fail *f) must_check;

/*
 * A connection to be: verifies the chain and that the certificate is for host (a name, or an IP
 * literal), resumes a session of s and keeps new ones there; s must outlive it. NULL with *f.
 * Thread-safe but for s.
 */
SSL *tls_client_new(str host, str ca_file, struct tls_sessions *s, struct fail *f) must_check;

/* Why the handshake failed: the certificate's fault, or OpenSSL's newest error. */
void tls_reason(const SSL *ssl, char *out, size_t n);

/* ---- Towards clients. ---- */

/*
 * The listener's context from PEM files: the certificate with its chain, and its key. Counted:
 * SSL_CTX_free gives a reference back; connections hold their own, so a reload makes a new one and
 * lets the old one run out. NULL with ERR_CONFIG naming the file and what is wrong with it.
 */
SSL_CTX *tls_server_ctx(str cert_file, str key_file, struct fail *f) must_check;

/* A connection about to accept. NULL when out of memory. */
SSL *tls_server_new(SSL_CTX *ctx) must_check;

#endif

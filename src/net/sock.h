/*
 * net/sock.h - a connected, non-blocking TCP socket on a worker's loop, plain or TLS.
 *
 * Built on uv_poll: we call read and writev on the descriptor ourselves (measured cheaper in
 * copies and memory than uv_tcp), and OpenSSL works directly on it. The same seam would hold an
 * io_uring. Readiness is level-triggered; want READ only while you can take bytes.
 *
 * TLS keeps decrypted bytes inside OpenSSL where the poller cannot see them: after SOCK_READ
 * became wanted again, or after a read that filled its buffer, call sock_read until SOCK_AGAIN.
 */
#ifndef CLIPROXY_NET_SOCK_H
#define CLIPROXY_NET_SOCK_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/uio.h>

#include "net/worker.h"

enum { SOCK_READ = 1, SOCK_WRITE = 2, SOCK_HUP = 4 }; /* HUP: the peer shut down or vanished */

enum { SOCK_EOF = 0, SOCK_AGAIN = -1, SOCK_ERROR = -2 };

struct sock {
    uv_poll_t poll;
    struct worker *worker;
    int fd;
    unsigned wanted;                         /* as the user said */
    unsigned polled;                         /* as the loop was told */
    SSL *ssl;                                /* owned */
    bool read_needs_write, write_needs_read; /* TLS 1.3 key updates, TLS 1.2 renegotiation */
    bool closing;
    void (*ready)(struct sock *, unsigned events);
    void (*closed)(struct sock *);
};

/* Takes over fd (made non-blocking, TCP_NODELAY set). ready is called with the wanted events that
 * hold; nothing is wanted at first. 0, or a negative errno (fd is closed then). */
int sock_init(struct sock *s, struct worker *w, int fd, void (*ready)(struct sock *, unsigned));

/* Puts TLS on it (within the TLS that is there, if any); takes over ssl, whose state
 * (accept/connect) is set. */
void sock_start_tls(struct sock *s, SSL *ssl);

/* One step of the handshake: 1 done, SOCK_AGAIN (the wanted events were set; call again when
 * ready), SOCK_ERROR (sock_tls_error tells). */
int sock_handshake(struct sock *s);

void sock_want(struct sock *s, unsigned events);

/* >0 bytes, SOCK_EOF, SOCK_AGAIN or SOCK_ERROR (errno is kept). */
ssize_t sock_read(struct sock *s, void *p, size_t n);

/* Bytes taken (maybe fewer than given), SOCK_AGAIN or SOCK_ERROR. */
ssize_t sock_writev(struct sock *s, const struct iovec *v, int n);

/* True when OpenSSL holds bytes that a poll would not report. */
bool sock_has_buffered(const struct sock *s);

/* Says goodbye (TLS close_notify, best effort), closes, and calls closed on the next iteration of
 * the loop; the struct must live until then. Idempotent. */
void sock_close(struct sock *s, void (*closed)(struct sock *));

/* As sock_close, but the peer gets an RST: it must not take what it has for a whole answer. */
void sock_abort(struct sock *s, void (*closed)(struct sock *));

/* The newest OpenSSL error as text, into out. */
void sock_tls_error(char *out, size_t n);

#endif

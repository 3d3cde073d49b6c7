#include "net/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/must.h"

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct sock *s = poll->data;
    unsigned got = 0;
    if (status < 0) {
        /* libuv stopped the watcher on an error; the next read or write says which. */
        s->polled = 0;
        s->ready(s, s->wanted & (SOCK_READ | SOCK_WRITE) ? s->wanted : SOCK_HUP);
        return;
    }
    if (events & UV_READABLE)
        got |= s->write_needs_read ? SOCK_READ | SOCK_WRITE : SOCK_READ;
    if (events & UV_WRITABLE)
        got |= s->read_needs_write ? SOCK_READ | SOCK_WRITE : SOCK_WRITE;
    if (events & UV_DISCONNECT)
        got |= SOCK_HUP;
    got &= s->wanted;
    if (got)
        s->ready(s, got);
}

int sock_init(struct sock *s, struct worker *w, int fd, void (*ready)(struct sock *, unsigned))
{
    *s = (struct sock){.worker = w, .fd = fd, .ready = ready};
    int one = 1;
    /* Not a TCP socket in some tests: then there is no delay to switch off. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int rc = uv_poll_init(&w->loop, &s->poll, fd);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    s->poll.data = s;
    return 0;
}

/* TLS within TLS (a provider behind an https proxy): the inner one reads and writes through the
 * outer one, and owns it. */
static void nest(SSL *outer, SSL *inner)
{
    BIO *bio = BIO_new(BIO_f_ssl());
    must(bio);
    BIO_set_ssl(bio, outer, BIO_CLOSE);
    SSL_set_bio(inner, bio, bio);
}

void sock_start_tls(struct sock *s, SSL *ssl)
{
    if (s->ssl)
        nest(s->ssl, ssl);
    else
        SSL_set_fd(ssl, s->fd);
    s->ssl = ssl;
}

/* Tells the loop what to watch; costs system calls only when it changes. */
static void poll_update(struct sock *s)
{
    unsigned events = 0;
    if (s->closing)
        return;
    if (s->wanted & SOCK_READ)
        events |= s->read_needs_write ? UV_WRITABLE : UV_READABLE;
    if (s->wanted & SOCK_WRITE)
        events |= s->write_needs_read ? UV_READABLE : UV_WRITABLE;
    if (s->wanted & SOCK_HUP)
        events |= UV_DISCONNECT;
    if (events == s->polled)
        return;
    s->polled = events;
    must(uv_poll_start(&s->poll, (int)events, on_poll) == 0);
}

void sock_want(struct sock *s, unsigned events)
{
    if (events == s->wanted && s->polled)
        return;
    s->wanted = events;
    poll_update(s);
}

int sock_handshake(struct sock *s)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(s->ssl);
    if (rc == 1)
        return 1;
    switch (SSL_get_error(s->ssl, rc)) {
    case SSL_ERROR_WANT_READ: sock_want(s, SOCK_READ); return SOCK_AGAIN;
    case SSL_ERROR_WANT_WRITE: sock_want(s, SOCK_WRITE); return SOCK_AGAIN;
    default: return SOCK_ERROR;
    }
}

/* SSL_get_error looks at the thread's queue; it is nearly always empty, and clearing is dear. */
static void errors_clear(void)
{
    if (ERR_peek_error())
        ERR_clear_error();
}

static ssize_t read_tls(struct sock *s, void *p, size_t n)
{
    errors_clear();
    int rc = SSL_read(s->ssl, p, n > INT32_MAX ? INT32_MAX : (int)n);
    if (rc > 0)
        return rc;
    int saved = errno;
    int why = SSL_get_error(s->ssl, rc);
    bool needs_write = why == SSL_ERROR_WANT_WRITE;
    if (needs_write != s->read_needs_write) {
        s->read_needs_write = needs_write;
        poll_update(s);
    }
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return SOCK_AGAIN;
    if (why == SSL_ERROR_ZERO_RETURN)
        return SOCK_EOF;
    /* Many peers close without close_notify; framing above decides whether that is a cut. */
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return SOCK_EOF;
    errno = saved ? saved : EPROTO;
    return SOCK_ERROR;
}

/*
 * glibc's read and writev are cancellation points, and in a program with threads each call asks
 * whether a cancellation is due. We cancel no threads, and the asking costs more than one percent
 * of a request; so the system calls are made directly, except where a sanitizer wants to see them.
 */
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__clang__)
static ssize_t plain_read(int fd, void *p, size_t n)
{
    return syscall(SYS_read, fd, p, n);
}

static ssize_t plain_writev(int fd, const struct iovec *v, int n)
{
    return syscall(SYS_writev, fd, v, n);
}
#else
#define plain_read   read
#define plain_writev writev
#endif

ssize_t sock_read(struct sock *s, void *p, size_t n)
{
    if (s->ssl)
        return read_tls(s, p, n);
    ssize_t got;
    do
        got = plain_read(s->fd, p, n);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        return got;
    return errno == EAGAIN || errno == EWOULDBLOCK ? SOCK_AGAIN : SOCK_ERROR;
}

/* Copies up to one record of v, starting skip bytes in, into the worker's gather buffer. A single
 * piece that is long enough goes out from where it lies. */
static str gather(struct worker *w, const struct iovec *v, int n, size_t skip)
{
    size_t used = 0;
    for (int i = 0; i < n && used < WORKER_WRITE_BYTES; i++) {
        if (skip >= v[i].iov_len) {
            skip -= v[i].iov_len;
            continue;
        }
        const char *p = (const char *)v[i].iov_base + skip;
        size_t len = v[i].iov_len - skip;
        skip = 0;
        if (used == 0 && (len >= WORKER_WRITE_BYTES || i + 1 == n))
            return str_of(p, len < WORKER_WRITE_BYTES ? len : WORKER_WRITE_BYTES);
        if (len > WORKER_WRITE_BYTES - used)
            len = WORKER_WRITE_BYTES - used;
        memcpy(w->write_buffer + used, p, len);
        used += len;
    }
    return str_of(w->write_buffer, used);
}

static ssize_t write_tls(struct sock *s, const struct iovec *v, int n)
{
    size_t total = 0, done = 0;
    for (int i = 0; i < n; i++)
        total += v[i].iov_len;
    while (done < total) {
        str piece = gather(s->worker, v, n, done);
        errors_clear();
        int rc = SSL_write(s->ssl, piece.p, (int)piece.n);
        if (rc > 0) {
            done += (size_t)rc;
            continue;
        }
        int saved = errno;
        int why = SSL_get_error(s->ssl, rc);
        bool needs_read = why == SSL_ERROR_WANT_READ;
        if (needs_read != s->write_needs_read) {
            s->write_needs_read = needs_read;
            poll_update(s);
        }
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
            return done ? (ssize_t)done : SOCK_AGAIN;
        errno = saved ? saved : EPROTO;
        return SOCK_ERROR;
    }
    return (ssize_t)done;
}

ssize_t sock_writev(struct sock *s, const struct iovec *v, int n)
{
    if (s->ssl)
        return write_tls(s, v, n);
    for (; n > 1 && v->iov_len == 0; v++)
        n--;
    ssize_t put;
    do
        put = plain_writev(s->fd, v, n); /* SIGPIPE is ignored in the whole program */
    while (put < 0 && errno == EINTR);
    if (put >= 0)
        return put;
    return errno == EAGAIN || errno == EWOULDBLOCK ? SOCK_AGAIN : SOCK_ERROR;
}

bool sock_has_buffered(const struct sock *s)
{
    SSL *ssl = s->ssl;
    while (ssl) {
        if (SSL_has_pending(ssl))
            return true;
        BIO *below = SSL_get_rbio(ssl);
        if (BIO_method_type(below) != BIO_TYPE_SSL)
            return false;
        BIO_get_ssl(below, &ssl);
    }
    return false;
}

static void on_closed(uv_handle_t *handle)
{
    struct sock *s = handle->data;
    if (s->closed)
        s->closed(s);
}

void sock_close(struct sock *s, void (*closed)(struct sock *))
{
    if (s->closing)
        return;
    s->closing = true;
    s->closed = closed;
    uv_close((uv_handle_t *)&s->poll, on_closed);
    if (s->ssl) {
        ERR_clear_error();
        if (SSL_is_init_finished(s->ssl))
            (void)SSL_shutdown(s->ssl);
        SSL_free(s->ssl);
        s->ssl = NULL;
        ERR_clear_error();
    }
    close(s->fd);
    s->fd = -1;
}

void sock_abort(struct sock *s, void (*closed)(struct sock *))
{
    if (s->closing)
        return;
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    if (s->ssl)
        SSL_set_quiet_shutdown(s->ssl, 1);
    sock_close(s, closed);
}

void sock_tls_error(char *out, size_t n)
{
    unsigned long e = ERR_peek_last_error();
    if (e)
        ERR_error_string_n(e, out, n);
    else
        snprintf(out, n, "connection closed");
}

#include <time.h>

#include "base/mem.h"
#include "http/server_priv.h"

enum { REPLY_LENGTH_CHUNKED = -1, REPLY_UNTIL_CLOSE = -2, HEAD_ROOM = 1000 };

/* "Date: Sun, 22 Nov 2026 19:04:05 GMT\r\n" (RFC 9110 6.6.1), made once a second and thread. */
static str date_line(void)
{
    static _Thread_local time_t cached = -1;
    static _Thread_local char text[48];
    time_t now = time(NULL);
    if (now != cached) {
        struct tm tm;
        gmtime_r(&now, &tm);
        strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        cached = now;
    }
    return str_c(text);
}

static void put_status(struct buf *out, int status)
{
    if (status == 200) {
        buf_lit(out, "HTTP/1.1 200 OK\r\n");
        return;
    }
    const char *reason = "";
    switch (status) {
#define XX(num, name, string) \
    case num: reason = #string; break;
        HTTP_STATUS_MAP(XX)
#undef XX
    default: break;
    }
    buf_lit(out, "HTTP/1.1 ");
    buf_put_u64(out, (uint64_t)status);
    buf_put_char(out, ' ');
    /* llhttp says NOT_FOUND, the RFC Not Found. */
    for (char last = '_'; *reason; last = *reason++)
        buf_put_char(out, *reason == '_' ? ' ' : last == '_' ? *reason : ascii_lower(*reason));
    buf_lit(out, "\r\n");
}

static bool no_body_status(int status)
{
    return status == 204 || status == 304 || status < 200;
}

static void put_framing(struct http_peer *c, int status, int64_t length)
{
    struct buf *out = &c->out;
    c->chunked_reply = false;
    if (no_body_status(status)) {
        c->reply_left = 0;
    } else if (length >= 0) {
        buf_lit(out, "Content-Length: ");
        buf_put_u64(out, (uint64_t)length);
        buf_lit(out, "\r\n");
        c->reply_left = length;
    } else if (c->stream.request.http10) {
        c->reply_left = REPLY_UNTIL_CLOSE;
        c->keep_alive = false;
    } else {
        buf_lit(out, "Transfer-Encoding: chunked\r\n");
        c->reply_left = REPLY_LENGTH_CHUNKED;
        c->chunked_reply = !c->head_only;
    }
}

void http_reply_head(struct http_stream *s, int status, const struct http_field *fields,
                     size_t n_fields, int64_t length)
{
    struct http_peer *c = peer_of(s);
    must(!c->reply_begun);
    c->reply_begun = true;
    if (c->server->draining)
        c->keep_alive = false;
    buf_reserve(&c->out, HEAD_ROOM);
    put_status(&c->out, status);
    for (size_t i = 0; i < n_fields; i++) {
        buf_put(&c->out, fields[i].name);
        buf_lit(&c->out, ": ");
        buf_put(&c->out, fields[i].value);
        buf_lit(&c->out, "\r\n");
    }
    buf_put(&c->out, c->server->options.headers);
    buf_put(&c->out, date_line());
    put_framing(c, status, length);
    if (!c->keep_alive)
        buf_lit(&c->out, "Connection: close\r\n");
    else if (s->request.http10)
        buf_lit(&c->out, "Connection: keep-alive\r\n");
    buf_lit(&c->out, "\r\n");
}

bool http_reply_started(const struct http_stream *s)
{
    return ((const struct http_peer *)(const void *)s)->reply_begun;
}

enum { OUT_COMPACT = 32 * 1024 };

/* Keeps what the socket did not take of the pieces, after `done` bytes; v[0] is the queue. */
static void keep_rest(struct http_peer *c, const struct iovec *v, int n, size_t done)
{
    if (done < v[0].iov_len) {
        c->out_at += done;
        done = 0;
        if (c->out_at >= OUT_COMPACT) {
            buf_consume(&c->out, c->out_at);
            c->out_at = 0;
        }
    } else {
        done -= v[0].iov_len;
        c->out.n = c->out_at = 0;
    }
    for (int i = 1; i < n; i++) {
        size_t skip = done < v[i].iov_len ? done : v[i].iov_len;
        done -= skip;
        buf_put(&c->out, str_of((const char *)v[i].iov_base + skip, v[i].iov_len - skip));
    }
}

/* Writes the queue and then the given pieces (v[0] is filled in here) in one call; what the
 * socket does not take is queued. Never calls back: a broken connection is dealt with later. */
static void write_pieces(struct http_peer *c, struct iovec *v, int n)
{
    v[0] = (struct iovec){c->out.p ? c->out.p + c->out_at : NULL, c->out.n - c->out_at};
    ssize_t put = 0;
    if (c->broken)
        return;
    if (!c->blocked) {
        put = sock_writev(&c->sock, v, n);
        if (put == SOCK_ERROR) {
            c->broken = true;
            c->out.n = c->out_at = 0;
            peer_later(c);
            return;
        }
        if (put == SOCK_AGAIN)
            put = 0;
    }
    if (put > 0)
        c->timing_write = false;
    keep_rest(c, v, n, (size_t)put);
    c->blocked = c->out.n > c->out_at;
    if (c->blocked || (c->sock.wanted & SOCK_WRITE)) {
        peer_update_interest(c);
        peer_set_deadline(c);
    }
}

void peer_flush(struct http_peer *c)
{
    struct iovec v[1];
    if (c->out.n > c->out_at)
        write_pieces(c, v, 1);
}

bool http_reply_body(struct http_stream *s, str bytes)
{
    struct http_peer *c = peer_of(s);
    must(c->reply_begun && !c->reply_over);
    if (c->state != PEER_ACTIVE || c->head_only || bytes.n == 0)
        return true;
    if (c->reply_left >= 0) {
        bytes = str_head(bytes, (size_t)c->reply_left); /* never more than was promised */
        c->reply_left -= (int64_t)bytes.n;
    }
    s->bytes_out += bytes.n;
    struct iovec v[4];
    int n = 1;
    char size[24];
    struct buf line = {.p = size, .cap = sizeof size, .max = sizeof size};
    if (c->chunked_reply) {
        buf_put_hex(&line, bytes.n);
        buf_lit(&line, "\r\n");
        v[n++] = (struct iovec){line.p, line.n};
    }
    v[n++] = (struct iovec){(void *)(uintptr_t)bytes.p, bytes.n};
    if (c->chunked_reply)
        v[n++] = (struct iovec){(void *)(uintptr_t) "\r\n", 2};
    write_pieces(c, v, n);
    return c->out.n - c->out_at < HTTP_OUT_HIGH;
}

void http_reply_flush(struct http_stream *s)
{
    struct http_peer *c = peer_of(s);
    if (c->state == PEER_ACTIVE && !c->blocked)
        peer_flush(c);
}

static void reply_over(struct http_peer *c)
{
    c->reply_over = true;
    c->stream.app = NULL;
    if (c->reply_left > 0 && !c->head_only)
        c->keep_alive = false; /* came short: the client must notice */
    if (!c->blocked)
        peer_flush(c);
    if (!c->blocked && !c->broken)
        peer_next(c);
}

void http_reply_end(struct http_stream *s)
{
    struct http_peer *c = peer_of(s);
    if (c->state != PEER_ACTIVE)
        return;
    must(c->reply_begun && !c->reply_over);
    if (c->chunked_reply)
        buf_lit(&c->out, "0\r\n\r\n");
    reply_over(c);
}

void http_close_after(struct http_stream *s)
{
    peer_of(s)->keep_alive = false;
}

void http_reply(struct http_stream *s, int status, const struct http_field *fields, size_t n_fields,
                str body)
{
    struct http_peer *c = peer_of(s);
    http_reply_head(s, status, fields, n_fields, (int64_t)body.n);
    if (!c->head_only && c->reply_left > 0) {
        if (body.n <= HTTP_OUT_LOW) {
            buf_put(&c->out, body); /* one write with the head */
            c->reply_left = 0;
            s->bytes_out += body.n;
        } else {
            http_reply_body(s, body);
        }
    }
    if (c->state == PEER_ACTIVE)
        http_reply_end(s);
}

void http_reply_cut(struct http_stream *s)
{
    struct http_peer *c = peer_of(s);
    if (c->state != PEER_ACTIVE)
        return;
    c->keep_alive = false;
    c->reset = c->reply_begun && c->reply_left == REPLY_UNTIL_CLOSE && !c->head_only;
    reply_over(c);
}

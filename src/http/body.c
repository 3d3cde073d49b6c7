/*
 * http/body.c - request bodies: whole or in pieces, sized or chunked.
 */
#include "http/server_priv.h"

/* ---- Request bodies. ---- */

void body_is_whole(struct http_peer *c)
{
    c->body_done = true;
    peer_set_deadline(c);
    if (c->mode != BODY_WHOLE)
        return;
    c->server->handler->body(&c->stream, buf_str(&c->body), true);
}

void body_on_piece(void *arg, str bytes)
{
    struct http_peer *c = arg;
    c->stream.bytes_in += bytes.n;
    if (c->mode == BODY_WHOLE) {
        /* One byte above the limit is enough to tell. */
        if (c->body.n <= c->server->options.body_bytes)
            buf_put(&c->body, str_head(bytes, c->server->options.body_bytes + 1 - c->body.n));
    } else if (c->mode == BODY_STREAM && c->stream.app) {
        c->server->handler->body(&c->stream, bytes, false);
    }
}

static bool body_too_large(struct http_peer *c)
{
    size_t limit = c->server->options.body_bytes;
    if (c->mode == BODY_WHOLE ? c->body.n <= limit : c->stream.bytes_in <= limit)
        return false;
    peer_refuse(c, ERR_TOO_LARGE, "the request body exceeds limits.body-size");
    return true;
}

/* Takes body bytes out of `in`. */
static void take_chunked(struct http_peer *c)
{
    size_t used = 0;
    struct fail f = {0};
    str got = str_from(buf_str(&c->in), c->in_at);
    enum err e = http_chunks_feed(c->chunks, got, &used, &f);
    if (c->state != PEER_ACTIVE || c->reply_over)
        return;
    c->in_at += used;
    if (e) {
        peer_refuse(c, e, f.text);
        return;
    }
    if (body_too_large(c))
        return;
    if (!c->chunks->done)
        return;
    c->body_done = true; /* first: a reply from within body() keeps the connection */
    if (c->mode == BODY_STREAM && c->stream.app)
        c->server->handler->body(&c->stream, S(""), true);
    if (c->state == PEER_ACTIVE && !c->reply_over)
        body_is_whole(c);
}

static void take_sized(struct http_peer *c)
{
    str got = str_head(str_from(buf_str(&c->in), c->in_at), (size_t)c->body_left);
    c->in_at += got.n;
    c->body_left -= (int64_t)got.n;
    bool last = c->body_left == 0;
    if (c->mode == BODY_WHOLE) {
        c->stream.bytes_in += got.n;
        buf_put(&c->body, got);
    } else if (got.n || last) {
        c->stream.bytes_in += got.n;
        if (last)
            c->body_done = true;
        if (c->stream.app)
            c->server->handler->body(&c->stream, got, last);
    }
    if (last && c->state == PEER_ACTIVE && !c->reply_over)
        body_is_whole(c);
}

/* A sized body that lies in the input buffer as a whole is handed over where it is. */
static bool take_in_place(struct http_peer *c)
{
    size_t have = c->in.n - c->in_at;
    if (c->mode != BODY_WHOLE || c->chunks || c->body.n || (int64_t)have < c->body_left)
        return false;
    str body = str_head(str_from(buf_str(&c->in), c->in_at), (size_t)c->body_left);
    c->in_at += body.n;
    c->body_left = 0;
    c->body_done = true;
    c->stream.bytes_in += body.n;
    c->server->handler->body(&c->stream, body, true);
    return true;
}

void body_take(struct http_peer *c)
{
    if (c->body_paused || c->mode == BODY_UNDECIDED || take_in_place(c))
        return;
    if (c->chunks)
        take_chunked(c);
    else
        take_sized(c);
}

static void body_mode(struct http_peer *c, enum body_mode mode)
{
    must(c->mode == BODY_UNDECIDED && c->dispatching);
    c->mode = mode;
    if (c->body_left > 0 && (uint64_t)c->body_left > c->server->options.body_bytes) {
        peer_refuse(c, ERR_TOO_LARGE, "the request body exceeds limits.body-size");
        return;
    }
    if (c->expecting && c->in.n == c->in_at && !c->body_done) {
        buf_lit(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
        peer_flush(c);
    }
    c->expecting = false;
    peer_set_deadline(c);
}

void http_body_whole(struct http_stream *s)
{
    body_mode(peer_of(s), BODY_WHOLE);
}

void http_body_stream(struct http_stream *s)
{
    body_mode(peer_of(s), BODY_STREAM);
}

void http_body_pause(struct http_stream *s)
{
    struct http_peer *c = peer_of(s);
    c->body_paused = true;
    peer_set_deadline(c);
    peer_update_interest(c);
}

void http_body_resume(struct http_stream *s)
{
    struct http_peer *c = peer_of(s);
    if (!c->body_paused || c->state != PEER_ACTIVE)
        return;
    c->body_paused = false;
    peer_set_deadline(c);
    peer_later(c);
}

void http_release_request(struct http_stream *s)
{
    struct http_peer *c = peer_of(s);
    if (!c->body_done)
        return;
    buf_fini(&c->body);
    buf_consume(&c->in, c->in_at);
    c->in_at = c->head_from = 0;
    buf_release_if_empty(&c->in);
    /* A little room to notice that the client left, and for what it may pipeline. */
    buf_reserve(&c->in, 128);
    peer_update_interest(c);
}

/*
 * http/peer.c - a client's connection: its life, its deadlines, heads, and what a readable or
 * writable socket leads to.
 */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/server_priv.h"

enum {
    IN_FIRST = 4096, /* first size of the input buffer */
    IN_BODY = 16384, /* while a streamed or chunked body comes in */
    READS_PER_TURN = 16,
    LINGER_MS = 2000,          /* how long a client may go on sending after its last reply */
    LINGER_BYTES = 256 * 1024, /* and how much */
    BODY_STEP = 512 * 1024,    /* a claimed length is believed in steps of this */
    FIELDS_HARD_MAX = 1024,
};

static void on_ready(struct sock *sock, unsigned events);
static void on_deadline(struct deadline *d);

/* ---- Connections come and go. ---- */

void peer_release(struct http_peer *c)
{
    struct http_server *sv = c->server;
    sv->handles--;
    buf_fini(&c->in);
    buf_fini(&c->body);
    buf_fini(&c->out);
    arena_fini(&c->stream.arena);
    mem_free(c);
    server_free_if_over(sv);
}

static void on_handle_closed(struct http_peer *c)
{
    c->handles--;
    if (c->handles == 0 && !c->pending)
        peer_release(c);
}

static void on_sock_closed(struct sock *sock)
{
    on_handle_closed((struct http_peer *)((char *)sock - offsetof(struct http_peer, sock)));
}

static void on_deadline_closed(uv_handle_t *h)
{
    struct deadline *d = h->data;
    on_handle_closed((struct http_peer *)((char *)d - offsetof(struct http_peer, deadline)));
}

void peer_close(struct http_peer *c)
{
    if (c->state == PEER_CLOSED)
        return;
    c->state = PEER_CLOSED;
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    struct http_server *sv = c->server;
    sv->count--;
    (c->reset ? sock_abort : sock_close)(&c->sock, on_sock_closed);
    deadline_close(&c->deadline, on_deadline_closed);
    server_check_done(sv);
}

void peer_fail(struct http_peer *c)
{
    bool tell = c->state == PEER_ACTIVE && !c->reply_over;
    peer_close(c);
    if (tell && c->stream.app)
        c->server->handler->gone(&c->stream);
    c->stream.app = NULL;
}

static void accept_tls(struct http_peer *c)
{
    SSL *ssl = SSL_new(c->server->options.tls);
    must(ssl);
    SSL_set_accept_state(ssl);
    sock_start_tls(&c->sock, ssl);
    c->state = PEER_HANDSHAKE;
    sock_want(&c->sock, SOCK_READ); /* the client speaks first */
}

static void peer_text(const struct sockaddr_storage *a, char *out, size_t n)
{
    const void *ip = a->ss_family == AF_INET6
                         ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
                         : (const void *)&((const struct sockaddr_in *)a)->sin_addr;
    if (!inet_ntop(a->ss_family, ip, out, (socklen_t)n))
        out[0] = 0;
    /* A v4 client of a dual-stack socket. */
    if (str_starts(str_c(out), S("::ffff:")) && strchr(out, '.'))
        memmove(out, out + 7, strlen(out + 7) + 1);
}

void peer_new(struct http_server *sv, int fd, const struct sockaddr_storage *peer)
{
    struct http_peer *c = mem_zero(sizeof *c);
    if (sock_init(&c->sock, sv->worker, fd, on_ready) < 0) {
        mem_free(c);
        return;
    }
    sv->handles++;
    sv->count++;
    c->server = sv;
    c->handles = 2;
    c->stream.user = sv->user;
    c->state = PEER_IDLE;
    peer_text(peer, c->stream.peer, sizeof c->stream.peer);
    buf_init(&c->in, SIZE_MAX / 2);
    buf_init(&c->body, SIZE_MAX / 2);
    buf_init(&c->out, SIZE_MAX / 2);
    arena_init(&c->stream.arena);
    deadline_init(&c->deadline, &sv->worker->loop, on_deadline);
    c->next = sv->peers;
    c->prev = &sv->peers;
    if (c->next)
        c->next->prev = &c->next;
    sv->peers = c;
    if (sv->options.tls)
        accept_tls(c);
    peer_set_deadline(c);
    peer_update_interest(c);
}

/* ---- Deadlines and interest: functions of the state. ---- */

void peer_set_deadline(struct http_peer *c)
{
    const struct http_server_options *o = &c->server->options;
    uint64_t ms = 0;
    if (c->state == PEER_CLOSED || (c->blocked && c->timing_write))
        return; /* nothing but its reading gives a client more time to read */
    c->timing_write = c->blocked;
    if (c->blocked)
        ms = o->write_ms;
    else if (c->state == PEER_IDLE)
        ms = o->idle_ms;
    else if (c->state == PEER_HANDSHAKE || c->state == PEER_HEAD)
        ms = o->header_ms;
    else if (c->state == PEER_LINGER)
        ms = LINGER_MS;
    else if (c->state == PEER_ACTIVE && !c->body_done && !c->body_paused &&
             c->mode != BODY_UNDECIDED)
        ms = o->body_ms;
    deadline_set(&c->deadline, ms);
}

bool peer_has_room(const struct http_peer *c)
{
    if (c->eof)
        return false;
    if (c->state != PEER_ACTIVE)
        return true;
    if (c->reply_over)
        return false; /* until the client has taken its answer */
    if (!c->body_done)
        return !c->body_paused;
    /* What follows the request may fill the buffer but not move it while the body lies in it. */
    return c->in.n < c->in.cap || (c->body.n && c->in_at == c->in.n && c->in.n);
}

void peer_update_interest(struct http_peer *c)
{
    if (c->state == PEER_CLOSED || c->state == PEER_HANDSHAKE)
        return;
    /* Who shuts its side down while the end of its answer goes out may well be reading. */
    unsigned want = peer_has_room(c) ? SOCK_READ : c->reply_over ? 0 : SOCK_HUP;
    if (c->blocked)
        want |= SOCK_WRITE;
    sock_want(&c->sock, want);
}

void peer_refuse(struct http_peer *c, enum err e, const char *text)
{
    struct fail f = {.code = e};
    if (text)
        fail_set(&f, e, "%s", text);
    c->keep_alive = false;
    c->body_done = true;
    if (c->state != PEER_ACTIVE) {
        struct http_stream *s = &c->stream;
        s->request = (struct http_request){.method_name = S("")};
        s->began_ns = clock_ns();
        s->bytes_in = s->bytes_out = 0;
        c->state = PEER_ACTIVE;
        c->reply_begun = c->reply_over = c->head_only = false;
    }
    peer_update_interest(c);
    c->server->handler->failed(&c->stream, &f);
}

static void on_deadline(struct deadline *d)
{
    struct http_peer *c = (struct http_peer *)((char *)d - offsetof(struct http_peer, deadline));
    if (c->state == PEER_ACTIVE && !c->blocked && !c->body_done && !c->reply_begun)
        peer_refuse(c, ERR_SLOW_CLIENT, "the request body did not arrive in time");
    else if (c->state == PEER_HEAD && !c->blocked)
        peer_refuse(c, ERR_SLOW_CLIENT, "the request header did not arrive in time");
    else
        peer_fail(c);
}

/* ---- Heads. ---- */

static void begin_request(struct http_peer *c, size_t head_end)
{
    struct http_stream *s = &c->stream;
    struct http_server *sv = c->server;
    struct http_field fields[FIELDS_HARD_MAX];
    struct fail f = {0};
    llhttp_t parser;
    arena_reset(&s->arena);
    c->mode = BODY_UNDECIDED;
    c->chunks = NULL;
    c->body_done = c->body_paused = c->reply_begun = c->reply_over = c->head_only = false;
    s->bytes_in = s->bytes_out = 0;
    s->app = NULL;
    s->began_ns = clock_ns();
    /* A copy of its own: the input buffer may move while the body comes in. */
    str head = str_dup(&s->arena, str_from(str_head(buf_str(&c->in), head_end), c->in_at));
    size_t max = sv->options.header_count;
    if (max > FIELDS_HARD_MAX)
        max = FIELDS_HARD_MAX;
    enum err e = http_parse_head(head, &s->request, fields, max, &parser, &f);
    if (e) {
        peer_refuse(c, e, f.text);
        return;
    }
    c->state = PEER_ACTIVE;
    c->in_at = c->head_from = head_end;
    struct http_request *rq = &s->request;
    size_t n = rq->n_fields * sizeof *fields;
    rq->fields = n ? memcpy(arena_alloc(&s->arena, n), fields, n) : NULL;
    c->keep_alive = rq->keep_alive;
    c->head_only = rq->method == (llhttp_method_t)HTTP_HEAD;
    c->expecting = rq->expect_continue;
    c->body_left = rq->content_length > 0 ? rq->content_length : 0;
    c->body_done = rq->content_length == 0;
    if (rq->content_length < 0) {
        c->chunks = arena_new(&s->arena, struct http_chunks);
        c->chunks->parser = parser;
        c->chunks->body = body_on_piece;
        c->chunks->arg = c;
    }
    c->dispatching = true;
    sv->handler->request(s);
    c->dispatching = false;
}

/* Empty body in whole or stream mode: told once, from here, never inside body_mode. */
static void tell_empty_body(struct http_peer *c)
{
    enum body_mode mode = c->mode;
    c->mode = BODY_UNDECIDED;
    if (mode != BODY_UNDECIDED)
        c->server->handler->body(&c->stream, S(""), true);
}

static void try_head(struct http_peer *c)
{
    /* Robustness of RFC 9112 2.2: empty lines before a request line are skipped. */
    while (c->in_at < c->in.n && (c->in.p[c->in_at] == '\r' || c->in.p[c->in_at] == '\n'))
        c->in_at++;
    if (c->in_at == c->in.n)
        return;
    if (c->state == PEER_IDLE) {
        c->state = PEER_HEAD;
        peer_set_deadline(c);
    }
    char first = c->in.p[c->in_at];
    if (first < 'A' || first > 'Z') {
        peer_refuse(c, ERR_BAD_HTTP, "this is not HTTP/1.1");
        return;
    }
    if (c->head_from < c->in_at)
        c->head_from = c->in_at;
    size_t end = http_head_end(buf_str(&c->in), &c->head_from);
    size_t limit = c->server->options.header_bytes;
    if ((end ? end : c->in.n) - c->in_at > limit) {
        peer_refuse(c, ERR_HEAD_TOO_LARGE, "the request header exceeds limits.header-size");
        return;
    }
    if (!end)
        return;
    begin_request(c, end);
    if (c->state == PEER_ACTIVE && !c->reply_over && c->body_done)
        tell_empty_body(c);
}

/* Deals with what is in `in` as far as the state allows. */
static void process_input(struct http_peer *c)
{
    for (;;) {
        enum peer_state state = c->state;
        size_t at = c->in_at;
        if (state == PEER_IDLE || state == PEER_HEAD)
            try_head(c);
        else if (state == PEER_ACTIVE && !c->body_done)
            body_take(c);
        if (c->state == PEER_CLOSED || (c->state == state && c->in_at == at) || c->in_at == c->in.n)
            return;
    }
}

static void process(struct http_peer *c)
{
    if (c->broken) {
        peer_fail(c);
        return;
    }
    process_input(c);
    if (c->state == PEER_CLOSED)
        return;
    if (c->state == PEER_ACTIVE && !c->body_done)
        peer_set_deadline(c);
    if (sock_has_buffered(&c->sock) && peer_has_room(c))
        peer_later(c);
    peer_update_interest(c);
}

/* A small body that nobody asked for and that is here already is skipped, so that an early
 * answer does not cost the connection. */
static void skip_rest(struct http_peer *c)
{
    if (c->body_done || c->chunks || (int64_t)(c->in.n - c->in_at) < c->body_left)
        return;
    c->in_at += (size_t)c->body_left;
    c->body_done = true;
}

static void linger(struct http_peer *c)
{
    if (c->reset) {
        peer_close(c);
        return;
    }
    /* Unread input would turn our close into an RST that kills the reply in flight. */
    if (c->sock.ssl)
        (void)SSL_shutdown(c->sock.ssl);
    if (c->eof || c->server->cutting || shutdown(c->sock.fd, SHUT_WR) < 0) {
        peer_close(c);
        return;
    }
    c->state = PEER_LINGER;
    c->stream.bytes_in = 0;
    c->in.n = c->in_at = 0;
    peer_set_deadline(c);
    peer_update_interest(c);
}

void peer_next(struct http_peer *c)
{
    skip_rest(c);
    if (!c->keep_alive || !c->body_done || c->server->draining) {
        linger(c);
        return;
    }
    c->state = PEER_IDLE;
    buf_consume(&c->in, c->in_at);
    c->in_at = c->head_from = 0;
    buf_fini(&c->body);
    buf_release_if_empty(&c->in);
    buf_release_if_empty(&c->out);
    peer_set_deadline(c);
    if (c->in.n || sock_has_buffered(&c->sock))
        peer_later(c);
    else
        peer_update_interest(c);
}

/* ---- Readiness. ---- */

/* A body of known length goes straight into its own buffer. */
static bool reads_into_body(const struct http_peer *c)
{
    return c->state == PEER_ACTIVE && c->mode == BODY_WHOLE && !c->chunks && !c->body_done &&
           c->in_at == c->in.n;
}

/* Room in the body's buffer: a claimed length is believed step by step. */
static str body_room(struct http_peer *c)
{
    size_t left = (size_t)c->body_left;
    size_t step = c->body.n > BODY_STEP ? c->body.n : BODY_STEP;
    if (c->body.cap == c->body.n)
        buf_reserve(&c->body, left < step ? left : step);
    size_t room = c->body.cap - c->body.n;
    return str_of(c->body.p + c->body.n, room < left ? room : left);
}

static str input_room(struct http_peer *c)
{
    bool served = c->state == PEER_ACTIVE && c->body_done;
    bool pinned = served && c->body.n == 0; /* the body may lie in it */
    if (!pinned && c->in_at == c->in.n)
        c->in.n = c->in_at = c->head_from = 0;
    if (!served && c->in.cap == c->in.n)
        buf_reserve(&c->in, c->in.cap ? c->in.cap : c->state == PEER_ACTIVE ? IN_BODY : IN_FIRST);
    return str_of(c->in.p + c->in.n, c->in.cap - c->in.n);
}

static void on_eof(struct http_peer *c)
{
    c->eof = true;
    /* A client that shut its side while we work counts as gone: hardly anybody reads on, and
     * working on would cost the operator's tokens. While the end of a reply goes out, nothing is
     * read. */
    peer_fail(c);
}

static void discard(struct http_peer *c, size_t n)
{
    c->in.n = c->in_at = 0;
    c->stream.bytes_in += n;
    if (c->stream.bytes_in > LINGER_BYTES)
        peer_close(c);
}

/* One read and what follows from it; false when there is nothing more to read now. */
static bool read_once(struct http_peer *c)
{
    bool direct = reads_into_body(c);
    str room = direct ? body_room(c) : input_room(c);
    if (room.n == 0)
        return false;
    ssize_t got = sock_read(&c->sock, (char *)(uintptr_t)room.p, room.n);
    if (got == SOCK_AGAIN)
        return false;
    if (got == SOCK_EOF)
        on_eof(c);
    else if (got < 0)
        peer_fail(c);
    if (got <= 0)
        return false;
    bool full = (size_t)got == room.n;
    if (direct) {
        c->body.n += (size_t)got;
        c->body_left -= got;
        c->stream.bytes_in += (uint64_t)got;
        peer_set_deadline(c);
        if (c->body_left == 0)
            body_is_whole(c);
    } else if (c->state == PEER_LINGER) {
        discard(c, (size_t)got);
    } else {
        c->in.n += (size_t)got;
        process(c);
    }
    return full || (c->state != PEER_CLOSED && sock_has_buffered(&c->sock));
}

static void on_readable(struct http_peer *c)
{
    /* Bounded, so that one fast client cannot keep the loop to itself. */
    for (int i = 0; i < READS_PER_TURN; i++) {
        if (!peer_has_room(c) || !read_once(c))
            break;
        if (c->state == PEER_CLOSED)
            return;
    }
    if (c->state == PEER_CLOSED)
        return;
    if (sock_has_buffered(&c->sock) && peer_has_room(c))
        peer_later(c);
    peer_update_interest(c);
}

static void on_writable(struct http_peer *c)
{
    c->blocked = false;
    peer_flush(c);
    if (c->broken) {
        peer_fail(c);
        return;
    }
    peer_set_deadline(c);
    if (c->reply_over) {
        if (!c->blocked)
            peer_next(c);
    } else if (c->state == PEER_ACTIVE && c->stream.app && c->out.n - c->out_at <= HTTP_OUT_LOW) {
        c->server->handler->drained(&c->stream);
    }
}

static void on_ready(struct sock *sock, unsigned events)
{
    struct http_peer *c = (struct http_peer *)((char *)sock - offsetof(struct http_peer, sock));
    if (c->state == PEER_HANDSHAKE) {
        int rc = sock_handshake(sock);
        if (rc == SOCK_AGAIN)
            return;
        if (rc == SOCK_ERROR) {
            peer_close(c);
            return;
        }
        c->state = PEER_IDLE;
        peer_set_deadline(c);
        events = SOCK_READ;
    }
    if (events & SOCK_HUP) {
        peer_fail(c);
        return;
    }
    if ((events & SOCK_WRITE) && c->blocked)
        on_writable(c);
    if ((events & SOCK_READ) && c->state != PEER_CLOSED)
        on_readable(c);
}

/* Its turn has come again: what was left over, what TLS holds, or a broken connection. */
void peer_turn(struct http_peer *c)
{
    if (!c->broken && sock_has_buffered(&c->sock) && peer_has_room(c)) {
        process_input(c);
        if (c->state != PEER_CLOSED)
            on_readable(c);
    } else {
        process(c);
    }
}

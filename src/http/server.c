/*
 * http/server.c - the listener, connections with work left over, and draining.
 */
#include "http/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/server_priv.h"

enum { ACCEPTS_PER_TURN = 64 };

void server_check_done(struct http_server *sv)
{
    if (sv->draining && sv->count == 0 && !sv->done_told) {
        sv->done_told = true;
        sv->done(sv->done_arg);
    }
}

/* ---- The listener. ---- */

static void on_listener(uv_poll_t *poll, int status, int events);

static void listen_again(struct http_server *sv)
{
    bool want = !sv->draining && sv->count < sv->options.connections;
    if (want == sv->listening || uv_is_closing((uv_handle_t *)&sv->listener))
        return;
    sv->listening = want;
    if (want)
        must(uv_poll_start(&sv->listener, UV_READABLE, on_listener) == 0);
    else
        must(uv_poll_stop(&sv->listener) == 0);
}

static void on_retry(uv_timer_t *t)
{
    struct http_server *sv = t->data;
    listen_again(sv);
    if (!sv->listening && !sv->draining) /* still at the limit of connections */
        must(uv_timer_start(t, on_retry, 50, 0) == 0);
}

/* Looks again soon: descriptors ran out, or the connection limit is reached. */
static void listen_pause(struct http_server *sv)
{
    if (sv->listening) {
        sv->listening = false;
        must(uv_poll_stop(&sv->listener) == 0);
    }
    must(uv_timer_start(&sv->retry, on_retry, 50, 0) == 0);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
    struct http_server *sv = poll->data;
    (void)events;
    if (status < 0) {
        sv->listening = false;
        listen_pause(sv);
        return;
    }
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t n = sizeof peer;
        if (sv->count >= sv->options.connections) {
            listen_pause(sv);
            return;
        }
        int fd = accept4(sv->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            peer_new(sv, fd, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            listen_pause(sv);
        return;
    }
}

/* ---- Work that is left over for the next turn of the loop. ---- */

static void on_idle(uv_idle_t *idle)
{
    struct http_server *sv = idle->data;
    struct http_peer *c = sv->pending;
    sv->pending = NULL;
    uv_idle_stop(idle);
    while (c) {
        struct http_peer *next = c->next_pending;
        c->pending = false;
        if (c->state == PEER_CLOSED) {
            if (c->handles == 0)
                peer_release(c);
        } else {
            peer_turn(c);
        }
        c = next;
    }
}

void peer_later(struct http_peer *c)
{
    struct http_server *sv = c->server;
    if (c->pending)
        return;
    c->pending = true;
    c->next_pending = sv->pending;
    sv->pending = c;
    uv_idle_start(&sv->idle, on_idle);
}

/* ---- The server. ---- */

struct http_server *http_server_new(struct worker *w, int fd, const struct http_handler *h,
                                    void *user, const struct http_server_options *o)
{
    struct http_server *sv = mem_zero(sizeof *sv);
    *sv = (struct http_server){.worker = w, .handler = h, .user = user, .options = *o, .fd = fd};
    must(uv_poll_init(&w->loop, &sv->listener, fd) == 0);
    must(uv_timer_init(&w->loop, &sv->retry) == 0);
    must(uv_idle_init(&w->loop, &sv->idle) == 0);
    sv->listener.data = sv->retry.data = sv->idle.data = sv;
    sv->loop_handles = 3;
    listen_again(sv);
    return sv;
}

void http_server_set_options(struct http_server *sv, const struct http_server_options *o)
{
    sv->options = *o;
}

void server_free_if_over(struct http_server *sv)
{
    if (sv->freeing && sv->loop_handles == 0 && sv->handles == 0)
        mem_free(sv);
}

static void on_server_handle_closed(uv_handle_t *h)
{
    struct http_server *sv = h->data;
    sv->loop_handles--;
    server_free_if_over(sv);
}

void http_server_drain(struct http_server *sv, void (*done)(void *), void *arg)
{
    if (sv->draining)
        return;
    sv->draining = true;
    sv->done = done;
    sv->done_arg = arg;
    uv_close((uv_handle_t *)&sv->listener, on_server_handle_closed);
    uv_close((uv_handle_t *)&sv->retry, on_server_handle_closed);
    close(sv->fd);
    struct http_peer *next;
    for (struct http_peer *c = sv->peers; c; c = next) {
        next = c->next;
        if (c->state == PEER_IDLE || c->state == PEER_HANDSHAKE)
            peer_close(c);
    }
    server_check_done(sv);
}

void http_server_cut(struct http_server *sv)
{
    sv->cutting = true;
    while (sv->peers)
        peer_fail(sv->peers);
}

void http_server_free(struct http_server *sv)
{
    must(sv->count == 0);
    sv->freeing = true;
    while (sv->pending) {
        struct http_peer *c = sv->pending;
        sv->pending = c->next_pending;
        c->pending = false;
        if (c->handles == 0)
            peer_release(c);
    }
    uv_close((uv_handle_t *)&sv->idle, on_server_handle_closed);
}

unsigned http_server_connections(const struct http_server *sv)
{
    return sv->count;
}

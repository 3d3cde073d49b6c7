#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "http/client_priv.h"

enum dial_phase { DIAL_LOOKUP, DIAL_CONNECT };

struct http_dial {
    struct deadline timer;
    struct resolve_wait wait;
    struct http_client *client;
    struct http_pool *pool;
    struct http_call *call;
    struct http_conn *conn;      /* the attempt under way */
    struct resolve_addrs *addrs; /* of the hop: the proxy, or the provider */
    unsigned at;                 /* next address to try */
    enum dial_phase phase;
    uint64_t until_ms;
    int last_errno;
};

/* ---- Life. ---- */

static void on_timer_closed(uv_handle_t *timer)
{
    struct http_dial *d = timer->data;
    struct http_client *c = d->client;
    mem_free(d);
    c->dials--;
    client_check_closed(c);
}

static void on_timer_closed_deadline(uv_handle_t *timer)
{
    struct deadline *t = timer->data;
    timer->data = (struct http_dial *)((char *)t - offsetof(struct http_dial, timer));
    on_timer_closed(timer);
}

/* Lets go of everything but the connection. */
static void dial_free(struct http_dial *d)
{
    resolve_wait_cancel(&d->wait);
    resolve_addrs_unref(d->addrs);
    d->addrs = NULL;
    deadline_close(&d->timer, on_timer_closed_deadline);
}

void dial_cancel(struct http_dial *d)
{
    if (d->conn)
        conn_close(d->conn, true);
    d->call->dial = NULL;
    dial_free(d);
}

static void dial_done(struct http_dial *d)
{
    struct http_conn *conn = d->conn;
    struct http_call *call = d->call;
    conn->dial = NULL;
    call->dial = NULL;
    d->client->stats.opened++;
    dial_free(d);
    conn_carry(conn, call);
}

/* ---- TCP. ---- */

static uint64_t left_ms(const struct http_dial *d)
{
    uint64_t now = worker_now_ms(d->client->worker);
    return d->until_ms > now ? d->until_ms - now : 1;
}

static void set_port(union resolve_addr *a, uint16_t port)
{
    if (a->any.sa_family == AF_INET6)
        a->v6.sin6_port = htons(port);
    else
        a->v4.sin_port = htons(port);
}

/* A peer that vanished is noticed within about a minute, however long its answer may take. */
static void set_keepalive(int fd)
{
    int on = 1, idle = 30, interval = 10, count = 3;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

/* A socket connecting to the address, or -1 with d->last_errno. */
static int open_to(struct http_dial *d, const union resolve_addr *addr)
{
    bool v6 = addr->any.sa_family == AF_INET6;
    int fd = socket(addr->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        d->last_errno = errno;
        return -1;
    }
    set_keepalive(fd);
    if (connect(fd, &addr->any, v6 ? sizeof addr->v6 : sizeof addr->v4) < 0 &&
        errno != EINPROGRESS) {
        d->last_errno = errno;
        close(fd);
        return -1;
    }
    return fd;
}

static void connect_failed(struct http_dial *d)
{
    int e = d->last_errno;
    enum err code = ERR_UP_REFUSED;
    if (d->pool->origin->proxy.kind != PROXY_NONE)
        code = ERR_UP_PROXY;
    else if (e == ETIMEDOUT)
        code = ERR_UP_CONNECT;
    else if (e == EMFILE || e == ENFILE || e == ENOBUFS || e == ENOMEM)
        code = ERR_OVERLOADED;
    call_fail(d->call, code, "%s", strerror(e));
}

/* Tries the next address; the last one tried says why it failed. While others remain each gets
 * its share of the time that is left. */
static void connect_next(struct http_dial *d)
{
    uint16_t port = d->pool->origin->port;
    d->phase = DIAL_CONNECT;
    while (d->at < d->addrs->n) {
        union resolve_addr addr = d->addrs->addr[d->at++];
        set_port(&addr, port);
        int fd = open_to(d, &addr);
        if (fd < 0)
            continue;
        d->conn = conn_new(d->pool, d->client, fd);
        if (!d->conn) {
            d->last_errno = ENOMEM;
            continue;
        }
        d->conn->dial = d;
        sock_want(&d->conn->sock, SOCK_WRITE);
        deadline_set(&d->timer, left_ms(d) / (d->addrs->n - d->at + 1) + 1);
        return;
    }
    connect_failed(d);
}

static void try_another(struct http_dial *d)
{
    conn_close(d->conn, true);
    d->conn = NULL;
    connect_next(d);
}

static void connect_ready(struct http_dial *d)
{
    int e = 0;
    socklen_t size = sizeof e;
    if (getsockopt(d->conn->sock.fd, SOL_SOCKET, SO_ERROR, &e, &size) < 0)
        e = errno;
    if (e) {
        d->last_errno = e;
        try_another(d);
        return;
    }
    deadline_set(&d->timer, left_ms(d));
    if (d->pool->origin->tls || d->pool->origin->proxy.kind != PROXY_NONE) {
        call_fail(d->call, ERR_UP_TLS, "not built yet");
        return;
    }
    dial_done(d);
}

/* ---- The whole way. ---- */

static void looked_up(struct http_dial *d, enum resolve_state state)
{
    if (state == RESOLVE_FAILED) {
        call_fail(d->call, ERR_UP_DNS, "%s", d->wait.why);
        return;
    }
    d->addrs = d->wait.addrs;
    connect_next(d);
}

static void on_looked_up(struct resolve_wait *w, enum resolve_state state)
{
    looked_up((struct http_dial *)((char *)w - offsetof(struct http_dial, wait)), state);
}

static void on_time(struct deadline *timer)
{
    struct http_dial *d = (struct http_dial *)((char *)timer - offsetof(struct http_dial, timer));
    if (d->phase == DIAL_CONNECT && d->at < d->addrs->n) {
        d->last_errno = ETIMEDOUT;
        try_another(d);
        return;
    }
    call_fail(d->call, ERR_UP_CONNECT, "no connection within %llu ms",
              (unsigned long long)d->call->rq.connect_ms);
}

void dial_ready(struct http_dial *d, unsigned events)
{
    (void)events;
    switch (d->phase) {
    case DIAL_CONNECT: connect_ready(d); break;
    case DIAL_LOOKUP: break;
    }
}

void dial_start(struct http_call *call)
{
    struct http_client *c = call->client;
    struct http_dial *d = mem_zero(sizeof *d);
    d->client = c;
    d->call = call;
    d->pool = pool_of(c, call->rq.origin);
    d->wait.done = on_looked_up;
    d->until_ms = worker_now_ms(c->worker) + call->rq.connect_ms;
    deadline_init(&d->timer, &c->worker->loop, on_time);
    c->dials++;
    call->state = CALL_DIALLING;
    call->dial = d;
    deadline_set(&d->timer, call->rq.connect_ms);
    enum resolve_state state = resolver_ask(c->resolver, d->pool->origin->host, &d->wait);
    if (state != RESOLVE_WAITING)
        looked_up(d, state);
}

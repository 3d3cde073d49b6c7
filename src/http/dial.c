#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "http/client_priv.h"

enum { WAITING_MAX = 4096, PROXY_READ = 4096 };

static const char *const phase_names[] = {[DIAL_LOOKUP] = "looking up its name",
                                          [DIAL_CONNECT] = "connecting",
                                          [DIAL_TURN] = "waiting for other TLS handshakes",
                                          [DIAL_HOP_TLS] = "TLS with the proxy",
                                          [DIAL_PROXY] = "talking to the proxy",
                                          [DIAL_TLS] = "TLS"};

static void go_on(struct http_dial *d);
static void looked_up(struct http_dial *d, enum resolve_state state);
static void leave_turn(struct http_dial *d);

/* ---- Life. ---- */

static void on_timer_closed(uv_handle_t *timer)
{
    struct deadline *t = timer->data;
    struct http_dial *d = (struct http_dial *)((char *)t - offsetof(struct http_dial, timer));
    struct http_client *c = d->client;
    mem_free(d);
    c->dials--;
    client_check_closed(c);
}

/* Lets go of everything but the connection. */
static void dial_free(struct http_dial *d)
{
    resolve_wait_cancel(&d->wait);
    resolve_addrs_unref(d->addrs);
    if (d->talk) {
        proxy_talk_fini(d->talk);
        mem_free(d->talk);
    }
    d->addrs = NULL;
    d->talk = NULL;
    deadline_close(&d->timer, on_timer_closed);
    leave_turn(d);
}

void dial_cancel(struct http_dial *d)
{
    if (d->conn)
        conn_close(d->conn, true);
    d->conn = NULL;
    d->call->dial = NULL;
    dial_free(d);
}

static void dial_done(struct http_dial *d)
{
    struct http_conn *conn = d->conn;
    struct http_call *call = d->call;
    conn->dial = NULL;
    call->dial = NULL;
    d->conn = NULL;
    d->client->stats.opened++;
    conn_carry(conn, call);
    dial_free(d);
}

static const struct proxy *proxy_of(const struct http_dial *d)
{
    return &d->pool->origin->proxy;
}

/* The failure is the proxy's rather than the provider's. */
static void hop_fail(struct http_dial *d, enum err code, const char *why)
{
    char label[320];
    if (proxy_of(d)->kind == PROXY_NONE) {
        call_fail(d->call, code, "%s", why);
        return;
    }
    (void)proxy_label(proxy_of(d), label, sizeof label);
    call_fail(d->call, ERR_UP_PROXY, "proxy %s: %s", label, why);
}

/* ---- Only so many handshakes at once: they are what TLS costs. A quarter is kept from each pool,
 * so that a provider which does not answer cannot hold up all others. ---- */

static void turn_unlink(struct http_dial *d)
{
    struct http_client *c = d->client;
    if (!d->turn_link)
        return;
    *d->turn_link = d->turn_next;
    if (d->turn_next)
        d->turn_next->turn_link = d->turn_link;
    else
        c->waiting_end = d->turn_link;
    d->turn_link = NULL;
    d->pool->waiting--;
    c->n_waiting--;
}

static bool any_turn_free(const struct http_client *c)
{
    return c->options.max_handshakes == 0 || c->handshakes < c->options.max_handshakes;
}

static bool turn_free(const struct http_dial *d)
{
    unsigned max = d->client->options.max_handshakes;
    return any_turn_free(d->client) && (max == 0 || d->pool->handshakes < max - max / 4);
}

static void turn_take(struct http_dial *d)
{
    d->client->handshakes++;
    d->pool->handshakes++;
    d->has_turn = true;
}

/* The one that has waited longest of those whose pool has a turn left. */
static struct http_dial *turn_next(const struct http_client *c)
{
    struct http_dial *d = any_turn_free(c) ? c->waiting : NULL;
    while (d && !turn_free(d))
        d = d->turn_next;
    return d;
}

/* Whoever starts now may fail at once and leave its turn to the next: hence the flag. */
static void turn_give(struct http_client *c)
{
    if (c->giving_turns)
        return;
    c->giving_turns = true;
    for (struct http_dial *d; (d = turn_next(c));) {
        turn_unlink(d);
        turn_take(d);
        go_on(d);
    }
    c->giving_turns = false;
}

static void leave_turn(struct http_dial *d)
{
    turn_unlink(d);
    if (!d->has_turn)
        return;
    d->has_turn = false;
    d->client->handshakes--;
    d->pool->handshakes--;
    turn_give(d->client);
}

/* True: shake hands now. False: d waits, or has failed. */
static bool turn_get(struct http_dial *d)
{
    struct http_client *c = d->client;
    if (d->has_turn)
        return true;
    if (turn_free(d) && !d->pool->waiting) {
        turn_take(d);
        return true;
    }
    if (c->n_waiting == WAITING_MAX) {
        call_fail(d->call, ERR_OVERLOADED, "too many TLS handshakes are waiting");
        return false;
    }
    d->phase = DIAL_TURN;
    sock_want(&d->conn->sock, 0);
    d->turn_next = NULL;
    d->turn_link = c->waiting_end;
    *c->waiting_end = d;
    c->waiting_end = &d->turn_next;
    d->pool->waiting++;
    c->n_waiting++;
    return false;
}

struct http_call *dial_relieve(struct http_pool *p, struct http_client *c)
{
    struct http_dial *d = p->waiting ? c->waiting : NULL;
    while (d && d->pool != p)
        d = d->turn_next;
    if (!d)
        return NULL;
    struct http_call *call = d->call;
    dial_cancel(d);
    return call;
}

/* ---- TCP. ---- */

static uint64_t left_ms(const struct http_dial *d)
{
    uint64_t now = worker_now_ms(d->client->worker);
    return d->until_ms > now ? d->until_ms - now : 1;
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

/* When descriptors run out, connections that wait for work are the first to go. */
static int new_socket(struct http_client *c, int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE) && c->stats.idle) {
        pool_close_idle(c);
        fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    return fd;
}

/* A socket connecting to the address, or -1 with d->last_errno. */
static int open_to(struct http_dial *d, const union resolve_addr *addr)
{
    bool v6 = addr->any.sa_family == AF_INET6;
    int fd = new_socket(d->client, addr->any.sa_family);
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
    switch (d->last_errno) {
    case ETIMEDOUT: hop_fail(d, ERR_UP_CONNECT, strerror(ETIMEDOUT)); break;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: call_fail(d->call, ERR_OVERLOADED, "%s", strerror(d->last_errno)); break;
    default: hop_fail(d, ERR_UP_REFUSED, strerror(d->last_errno)); break;
    }
}

/* Tries the next address; the last one tried says why it failed. While others remain each gets
 * its share of the time that is left. */
static void connect_next(struct http_dial *d)
{
    const struct http_origin *o = d->pool->origin;
    uint16_t port = o->proxy.kind == PROXY_NONE ? o->port : o->proxy.port;
    d->phase = DIAL_CONNECT;
    while (d->at < d->addrs->n) {
        union resolve_addr addr = d->addrs->addr[d->at++];
        *(addr.any.sa_family == AF_INET6 ? &addr.v6.sin6_port : &addr.v4.sin_port) = htons(port);
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
    go_on(d);
}

/* ---- TLS, with the proxy or (through whatever is there by now) with the provider. ---- */

static void shake_hands(struct http_dial *d)
{
    struct sock *s = &d->conn->sock;
    bool hop = d->phase == DIAL_HOP_TLS;
    int rc = sock_handshake(s);
    if (rc == SOCK_AGAIN)
        return;
    if (rc == SOCK_ERROR) {
        char why[256];
        tls_reason(s->ssl, why, sizeof why);
        if (hop)
            hop_fail(d, ERR_UP_PROXY, why);
        else
            call_fail(d->call, ERR_UP_TLS, "%s", why);
        return;
    }
    d->client->stats.resumed_tls += !hop && SSL_session_reused(s->ssl);
    *(hop ? &d->hop_secured : &d->secured) = true;
    go_on(d);
}

static void start_tls(struct http_dial *d, enum dial_phase phase)
{
    const struct http_origin *o = d->pool->origin;
    bool hop = phase == DIAL_HOP_TLS;
    struct fail f;
    if (!turn_get(d))
        return;
    SSL *ssl = tls_client_new(hop ? o->proxy.host : o->host, o->ca_file,
                              hop ? &d->pool->hop_sessions : &d->pool->sessions, &f);
    if (!ssl) {
        call_fail(d->call, ERR_UP_TLS, "%s", fail_text(&f));
        return;
    }
    d->phase = phase;
    sock_start_tls(&d->conn->sock, ssl);
    shake_hands(d);
}

/* ---- The proxy. ---- */

static void proxy_send(struct http_dial *d)
{
    struct buf *out = &d->talk->out;
    if (out->n) {
        struct iovec v = {out->p, out->n};
        ssize_t put = sock_writev(&d->conn->sock, &v, 1);
        if (put == SOCK_ERROR) {
            hop_fail(d, ERR_UP_PROXY, strerror(errno));
            return;
        }
        if (put > 0)
            buf_consume(out, (size_t)put);
    }
    sock_want(&d->conn->sock, SOCK_READ | (out->n ? SOCK_WRITE : 0));
}

static void proxy_receive(struct http_dial *d)
{
    char bytes[PROXY_READ];
    struct fail f;
    ssize_t got = sock_read(&d->conn->sock, bytes, sizeof bytes);
    if (got == SOCK_AGAIN)
        return;
    if (got <= 0) {
        hop_fail(d, ERR_UP_PROXY, got == SOCK_EOF ? "closed the connection" : strerror(errno));
        return;
    }
    switch (proxy_talk_feed(d->talk, str_of(bytes, (size_t)got), &f)) {
    case PROXY_MORE: proxy_send(d); break;
    case PROXY_REFUSED: hop_fail(d, ERR_UP_PROXY, f.text); break;
    case PROXY_THROUGH:
        d->through = true;
        go_on(d);
        break;
    }
}

static void start_proxy(struct http_dial *d)
{
    bool by_address = proxy_of(d)->kind == PROXY_SOCKS5;
    d->phase = DIAL_PROXY;
    d->talk = mem_new(sizeof *d->talk);
    proxy_talk_init(d->talk, d->pool->origin, by_address ? &d->target : NULL);
    proxy_send(d);
}

static void proxy_ready(struct http_dial *d, unsigned events)
{
    struct http_call *call = d->call;
    if (events & SOCK_WRITE)
        proxy_send(d);
    if (call->dial == d && events & SOCK_READ)
        proxy_receive(d);
}

/* ---- The whole way. ---- */

/* What is still missing once bytes flow. */
static void go_on(struct http_dial *d)
{
    const struct http_origin *o = d->pool->origin;
    if (o->proxy.kind == PROXY_HTTPS && !d->hop_secured)
        start_tls(d, DIAL_HOP_TLS);
    else if (o->proxy.kind != PROXY_NONE && !d->through)
        start_proxy(d);
    else if (o->tls && !d->secured)
        start_tls(d, DIAL_TLS);
    else
        dial_done(d);
}

/* Whom to look up: with socks5 the provider, then the proxy; else only who is connected to. */
static void look_up(struct http_dial *d)
{
    const struct http_origin *o = d->pool->origin;
    bool target =
        o->proxy.kind == PROXY_NONE || (o->proxy.kind == PROXY_SOCKS5 && !d->target.any.sa_family);
    d->phase = DIAL_LOOKUP;
    d->target_lookup = target;
    enum resolve_state state =
        resolver_ask(d->client->resolver, target ? o->host : o->proxy.host, &d->wait);
    if (state != RESOLVE_WAITING)
        looked_up(d, state);
}

/* What a SOCKS proxy is asked to reach when we look names up. It tries one address only, and IPv4
 * is what every proxy has. */
static union resolve_addr proxied_target(const struct resolve_addrs *a)
{
    for (unsigned i = 0; i < a->n; i++) {
        if (a->addr[i].any.sa_family == AF_INET)
            return a->addr[i];
    }
    return a->addr[0];
}

static void looked_up(struct http_dial *d, enum resolve_state state)
{
    if (state == RESOLVE_FAILED) {
        if (d->target_lookup)
            call_fail(d->call, ERR_UP_DNS, "%s", d->wait.why);
        else
            hop_fail(d, ERR_UP_DNS, d->wait.why);
        return;
    }
    if (d->target_lookup && proxy_of(d)->kind == PROXY_SOCKS5) {
        d->target = proxied_target(d->wait.addrs);
        resolve_addrs_unref(d->wait.addrs);
        look_up(d);
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
    call_fail(d->call, ERR_UP_CONNECT, "no connection within %llu ms (%s)",
              (unsigned long long)d->call->rq.connect_ms, phase_names[d->phase]);
}

void dial_ready(struct http_dial *d, unsigned events)
{
    switch (d->phase) {
    case DIAL_CONNECT: connect_ready(d); break;
    case DIAL_HOP_TLS:
    case DIAL_TLS: shake_hands(d); break;
    case DIAL_PROXY: proxy_ready(d, events); break;
    case DIAL_LOOKUP:
    case DIAL_TURN: break;
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
    d->until_ms = call->rq.connect_ms ? worker_now_ms(c->worker) + call->rq.connect_ms : UINT64_MAX;
    deadline_init(&d->timer, &c->worker->loop, on_time);
    c->dials++;
    call->state = CALL_DIALLING;
    call->dial = d;
    deadline_set(&d->timer, call->rq.connect_ms);
    look_up(d);
}

#include "base/mem.h"
#include "http/client_priv.h"

enum { SPARE_CONNS_MAX = 256 };

static void pools_grow(struct http_client *c, unsigned id)
{
    unsigned n = c->n_pools ? c->n_pools : 8;
    while (n <= id)
        n *= 2;
    c->pools = mem_grow(c->pools, n * sizeof(struct http_pool *));
    memset(c->pools + c->n_pools, 0, (n - c->n_pools) * sizeof(struct http_pool *));
    c->n_pools = n;
}

struct http_pool *pool_of(struct http_client *c, const struct http_origin *o)
{
    if (o->id >= c->n_pools)
        pools_grow(c, o->id);
    struct http_pool *p = c->pools[o->id];
    if (!p) {
        p = mem_zero(sizeof *p);
        p->origin = o;
        c->pools[o->id] = p;
    }
    return p;
}

static void unlink_idle(struct http_conn *conn)
{
    struct http_pool *p = conn->pool;
    *(conn->newer ? &conn->newer->older : &p->newest) = conn->older;
    *(conn->older ? &conn->older->newer : &p->oldest) = conn->newer;
    conn->newer = conn->older = NULL;
    p->idle--;
    conn->client->stats.idle--;
}

struct http_conn *pool_take(struct http_pool *p)
{
    struct http_conn *conn = p->newest;
    if (conn)
        unlink_idle(conn);
    return conn;
}

void pool_put(struct http_conn *conn)
{
    struct http_pool *p = conn->pool;
    struct http_client *c = conn->client;
    conn->state = CONN_IDLE;
    conn->reused = true;
    conn->idle_until_ms = worker_now_ms(c->worker) + c->options.keepalive_ms;
    /* An answer that ended while its reader was paused left the connection unwatched. */
    sock_want(&conn->sock, SOCK_READ);
    conn->newer = NULL;
    conn->older = p->newest;
    *(p->newest ? &p->newest->newer : &p->oldest) = conn;
    p->newest = conn;
    p->idle++;
    c->stats.idle++;
    if (c->closing || c->options.keepalive_ms == 0 || p->idle > c->options.max_idle) {
        conn_close(p->oldest, false);
        return;
    }
    /* The sweep looks at all pools; one timer is enough and is hardly ever touched. */
    if (c->sweep.at_ms == 0)
        deadline_set(&c->sweep, c->options.keepalive_ms);
}

/* Closes what has been idle too long; sets the next sweep for whoever is due first. */
void pool_sweep(struct deadline *d)
{
    struct http_client *c = (struct http_client *)((char *)d - offsetof(struct http_client, sweep));
    uint64_t now = worker_now_ms(c->worker), next = UINT64_MAX;
    for (unsigned i = 0; i < c->n_pools; i++) {
        struct http_pool *p = c->pools[i];
        while (p && p->oldest && p->oldest->idle_until_ms <= now)
            conn_close(p->oldest, false);
        if (p && p->oldest && p->oldest->idle_until_ms < next)
            next = p->oldest->idle_until_ms;
    }
    if (next != UINT64_MAX)
        deadline_set(d, next - now);
}

void pool_close_idle(struct http_client *c)
{
    for (unsigned i = 0; i < c->n_pools; i++) {
        while (c->pools[i] && c->pools[i]->oldest)
            conn_close(c->pools[i]->oldest, false);
    }
}

void pool_free_all(struct http_client *c)
{
    for (unsigned i = 0; i < c->n_pools; i++) {
        struct http_pool *p = c->pools[i];
        if (!p)
            continue;
        tls_sessions_fini(&p->sessions);
        tls_sessions_fini(&p->hop_sessions);
        mem_free(p);
    }
    mem_free(c->pools);
    while (c->spare_conns) {
        struct http_conn *conn = c->spare_conns;
        c->spare_conns = conn->newer;
        mem_free(conn);
    }
}

/* ---- Connections. ---- */

struct http_conn *conn_new(struct http_pool *p, struct http_client *c, int fd)
{
    struct http_conn *conn = c->spare_conns;
    if (conn) {
        c->spare_conns = conn->newer;
        c->n_spare_conns--;
    } else {
        conn = mem_new(sizeof *conn);
    }
    if (sock_init(&conn->sock, c->worker, fd, conn_ready) < 0) {
        mem_free(conn);
        return NULL;
    }
    conn->client = c;
    conn->pool = p;
    conn->call = NULL;
    conn->dial = NULL;
    conn->newer = conn->older = NULL;
    conn->state = CONN_OPENING;
    conn->reused = conn->answered = conn->ended = false;
    http_reader_init(&conn->reader, &c->scratch);
    buf_init(&conn->held, SIZE_MAX);
    c->conns++;
    return conn;
}

static void on_closed(struct sock *s)
{
    struct http_conn *conn = (struct http_conn *)s;
    struct http_client *c = conn->client;
    http_reader_fini(&conn->reader);
    buf_fini(&conn->held);
    if (c->n_spare_conns < SPARE_CONNS_MAX) {
        conn->newer = c->spare_conns;
        c->spare_conns = conn;
        c->n_spare_conns++;
    } else {
        mem_free(conn);
    }
    c->conns--;
    client_check_closed(c);
}

void conn_close(struct http_conn *conn, bool abort)
{
    switch (conn->state) {
    case CONN_IDLE: unlink_idle(conn); break;
    case CONN_BUSY: conn->client->stats.busy--; break;
    case CONN_OPENING: break;
    case CONN_CLOSING: return;
    }
    conn->state = CONN_CLOSING;
    conn->call = NULL;
    conn->dial = NULL;
    if (abort)
        sock_abort(&conn->sock, on_closed);
    else
        sock_close(&conn->sock, on_closed);
}

#include "app/lane.h"

#include "api/dispatch.h"
#include "base/mem.h"

enum { RESPONSE_HEAD_MAX = 64 * 1024, HANDSHAKES_AT_ONCE = 64 };

static struct http_server_options server_options(const struct lane_thread *t,
                                                 const struct config *c)
{
    return (struct http_server_options){
        .header_bytes = c->header_bytes,
        .body_bytes = c->body_bytes,
        .header_count = (unsigned)c->header_count,
        .connections = c->connections ? (unsigned)c->connections : t->max_connections,
        .header_ms = c->client_header_ms,
        .body_ms = c->client_body_ms,
        .idle_ms = c->client_idle_ms,
        .write_ms = c->client_write_ms,
        .tls = t->tls,
        .headers = str_c(dispatch_headers),
    };
}

static struct http_client_options client_options(const struct config *c)
{
    return (struct http_client_options){
        .keepalive_ms = c->upstream_keepalive_ms,
        .max_idle = (unsigned)c->upstream_max_idle,
        .max_handshakes = HANDSHAKES_AT_ONCE,
        .head_max = RESPONSE_HEAD_MAX,
    };
}

static struct lane_thread *thread_of(struct worker *w)
{
    return (struct lane_thread *)((char *)w - offsetof(struct lane_thread, lane.worker));
}

static void lane_main(void *arg)
{
    struct lane_thread *t = arg;
    struct lane *lane = &t->lane;
    const struct config *c = lane->lease->snapshot->config;
    struct http_client_options co = client_options(c);
    struct http_server_options so = server_options(t, c);
    lane->client = http_client_new(&lane->worker, &co);
    lane->server = http_server_new(&lane->worker, t->listen_fd, &dispatch_handler, lane, &so);
    worker_run(&lane->worker);
    http_client_free(lane->client);
    lease_drop(lane->lease);
    t->stopped(t->stopped_arg);
}

void lane_start(struct lane_thread *t, unsigned id, struct snapshot *s)
{
    worker_init(&t->lane.worker, id);
    t->lane.worker.app = &t->lane;
    t->lane.lease = lease_new(s);
    must(uv_thread_create(&t->thread, lane_main, t) == 0);
}

static void take_snapshot(struct worker *w, void *arg)
{
    struct lane_thread *t = thread_of(w);
    struct snapshot *s = arg;
    if (!t->lane.server) {
        snapshot_unref(s); /* draining */
        return;
    }
    struct lease *old = t->lane.lease;
    t->lane.lease = lease_new(s);
    lease_drop(old);
    struct http_server_options so = server_options(t, s->config);
    struct http_client_options co = client_options(s->config);
    http_server_set_options(t->lane.server, &so);
    http_client_set_options(t->lane.client, &co);
    snapshot_unref(s);
}

void lane_set_snapshot(struct lane_thread *t, struct snapshot *s)
{
    worker_post(&t->lane.worker, take_snapshot, snapshot_ref(s));
}

static void drained(void *arg)
{
    struct lane *lane = arg;
    http_server_free(lane->server);
    lane->server = NULL;
    exchange_drop_spares(lane);
    http_client_close(lane->client);
}

static void drain(struct worker *w, void *arg)
{
    struct lane_thread *t = thread_of(w);
    (void)arg;
    if (t->lane.server)
        http_server_drain(t->lane.server, drained, &t->lane);
}

void lane_drain(struct lane_thread *t)
{
    worker_post(&t->lane.worker, drain, NULL);
}

static void cut(struct worker *w, void *arg)
{
    struct lane_thread *t = thread_of(w);
    (void)arg;
    if (!t->lane.server)
        return;
    exchange_cut_all(&t->lane);
    http_server_cut(t->lane.server);
}

void lane_cut(struct lane_thread *t)
{
    worker_post(&t->lane.worker, cut, NULL);
}

void lane_join(struct lane_thread *t)
{
    uv_thread_join(&t->thread);
    /* Not earlier: the control thread may post to a lane that has just ended. */
    worker_fini(&t->lane.worker);
}

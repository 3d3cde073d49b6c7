#include "app/gateway.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/dispatch.h"
#include "api/models.h"
#include "app/filewatch.h"
#include "app/lane.h"
#include "app/listen.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "net/tls.h"
#include "obs/log_writer.h"

enum {
    LOG_DELAY_MS = 20,    /* lines are collected for so long */
    TRIM_EVERY_MS = 4000, /* how often memory that fell free goes back to the system */
    SPARE_FDS = 256,      /* files, pools and pipes beside client connections */
};

struct gateway {
    uv_loop_t loop;
    struct snapshot *snapshot;
    const char *path;
    struct lane_thread *lanes;
    unsigned n_lanes, running;
    SSL_CTX *tls;
    struct log_writer log;
    struct filewatch watch;
    uv_async_t log_wake, lane_over;
    uv_timer_t log_timer, trim_timer, drain_timer;
    uv_signal_t signals[4];
    bool exposed; /* other machines reach the listener */
    bool stopping, over;
    long trimmed_pages;
};

/* ---- Loading. ---- */

enum err gateway_load(const char *path, uint64_t generation, struct snapshot **out, struct fail *f)
{
    struct config *c;
    enum err e = config_load(path, &c, f);
    if (e)
        return e;
    e = tls_client_check(c->upstream_ca_file, f);
    if (e) {
        config_free(c);
        return e;
    }
    e = snapshot_new(c, generation, out, f);
    if (e)
        return e;
    (*out)->lists = arena_new(&c->arena, struct model_lists);
    model_lists_build((*out)->routes, &c->arena, (*out)->lists);
    return OK;
}

static enum err load_tls(const struct config *c, SSL_CTX **out, struct fail *f)
{
    *out = c->tls_enable ? tls_server_ctx(c->tls_cert, c->tls_key, f) : NULL;
    return c->tls_enable && !*out ? ERR_CONFIG : OK;
}

enum err gateway_check(const char *path, struct snapshot **out, struct fail *f)
{
    SSL_CTX *tls;
    enum err e = gateway_load(path, 1, out, f);
    if (e)
        return e;
    e = load_tls((*out)->config, &tls, f);
    if (e)
        snapshot_unref(*out);
    SSL_CTX_free(tls);
    return e;
}

static void log_warnings(const struct snapshot *s)
{
    for (size_t i = 0; i < s->config->n_warnings; i++)
        log_warn(0, "configuration", log_str("warning", s->config->warnings[i]));
    for (size_t i = 0; i < s->routes->n_warnings; i++)
        log_warn(0, "configuration", log_str("warning", s->routes->warnings[i]));
}

static void apply_log_options(struct gateway *g)
{
    const struct config *c = g->snapshot->config;
    struct fail f = {0};
    log_set_level(c->debug ? LOG_DEBUG : LOG_INFO);
    if (log_writer_set(&g->log, c->logging_to_file, c->log_dir, (uint64_t)c->logs_max_total_mb, &f))
        log_error(0, "logging to file is not possible", log_str("reason", str_c(fail_text(&f))));
}

static void log_changes(const struct config *from, const struct config *to)
{
    struct buf lines;
    buf_init(&lines, 256 * 1024);
    config_diff(from, to, &lines);
    str rest = buf_str(&lines);
    while (rest.p && rest.n) {
        str line = str_split(&rest, '\n');
        if (line.n)
            log_info(0, "configuration changed", log_str("change", line));
    }
    buf_fini(&lines);
}

/* SPEC 13.15 by the host we listen on, which a reload does not change. */
static bool opens_up(const struct gateway *g, const struct config *c)
{
    return g->exposed && !c->n_keys && !c->open_access;
}

/* A new snapshot for everybody, or nothing at all. */
static void reload(struct gateway *g, bool even_if_same)
{
    struct snapshot *s, *old = g->snapshot;
    struct fail f = {0};
    if (g->stopping)
        return;
    if (gateway_load(g->path, old->generation + 1, &s, &f)) {
        log_error(0, "configuration not loaded, the old one stays in force",
                  log_str("reason", str_c(fail_text(&f))));
        return;
    }
    if (!even_if_same && memcmp(s->config->digest, old->config->digest, 32) == 0) {
        snapshot_unref(s);
        return;
    }
    if (opens_up(g, s->config)) {
        log_error(0, "configuration not loaded, the old one stays in force",
                  log_str("reason", S("it has no api-keys, and until a restart other machines "
                                      "reach this listener; add api-keys or open-access: true")));
        snapshot_unref(s);
        return;
    }
    g->snapshot = s;
    log_changes(old->config, s->config);
    log_warnings(s);
    apply_log_options(g);
    for (unsigned i = 0; i < g->n_lanes; i++)
        lane_set_snapshot(&g->lanes[i], s);
    log_info(0, "configuration loaded", log_uint("generation", s->generation),
             log_uint("providers", s->config->n_providers), log_uint("models", s->routes->n));
    snapshot_unref(old);
}

static void on_file_change(void *arg)
{
    reload(arg, false);
}

/* ---- Log. ---- */

static void on_log_timer(uv_timer_t *t)
{
    struct gateway *g = t->data;
    log_writer_drain(&g->log);
}

static void on_log_wake(uv_async_t *a)
{
    struct gateway *g = a->data;
    if (!uv_is_active((uv_handle_t *)&g->log_timer))
        uv_timer_start(&g->log_timer, on_log_timer, LOG_DELAY_MS, 0);
}

static void wake_log(void *arg)
{
    uv_async_send(arg);
}

/* ---- Memory. ---- */

static long resident_pages(void)
{
    long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%ld %ld", &size, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return resident;
}

/* After a burst the allocator keeps what it had; give back what grew since the last time. */
static void on_trim(uv_timer_t *t)
{
    struct gateway *g = t->data;
    long now = resident_pages();
    if (now > g->trimmed_pages + g->trimmed_pages / 4) {
        malloc_trim(256 * 1024);
        g->trimmed_pages = resident_pages();
    } else if (now < g->trimmed_pages) {
        g->trimmed_pages = now;
    }
}

/* ---- Stopping. ---- */

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void on_lane_over(uv_async_t *a)
{
    struct gateway *g = a->data;
    if (__atomic_load_n(&g->running, __ATOMIC_ACQUIRE) > 0 || g->over)
        return;
    g->over = true;
    for (unsigned i = 0; i < g->n_lanes; i++)
        lane_join(&g->lanes[i]);
    log_info(0, "stopped");
    log_stop();
    log_writer_drain(&g->log);
    filewatch_fini(&g->watch);
    uv_walk(&g->loop, close_handle, NULL);
}

static void lane_stopped(void *arg)
{
    struct gateway *g = arg;
    __atomic_sub_fetch(&g->running, 1, __ATOMIC_ACQ_REL);
    uv_async_send(&g->lane_over);
}

static void cut_lanes(struct gateway *g)
{
    for (unsigned i = 0; i < g->n_lanes; i++)
        lane_cut(&g->lanes[i]);
}

static void on_drain_timer(uv_timer_t *t)
{
    struct gateway *g = t->data;
    log_warn(0, "shutdown-timeout is over, closing what is left");
    cut_lanes(g);
}

static void stop(struct gateway *g, int signal)
{
    if (g->stopping) {
        cut_lanes(g); /* the second time means now */
        return;
    }
    g->stopping = true;
    uint64_t ms = g->snapshot->config->shutdown_ms;
    log_info(0, "stopping: running requests may finish",
             log_str("signal", str_c(strsignal(signal))), log_uint("timeout_ms", ms));
    for (unsigned i = 0; i < g->n_lanes; i++)
        lane_drain(&g->lanes[i]);
    uv_timer_start(&g->drain_timer, on_drain_timer, ms, 0);
}

static void on_signal(uv_signal_t *s, int signal)
{
    struct gateway *g = s->data;
    if (signal == SIGHUP)
        reload(g, true);
    else
        stop(g, signal);
}

/* ---- Starting. ---- */

static unsigned raise_descriptor_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return 1024;
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) < 0 && getrlimit(RLIMIT_NOFILE, &r) < 0)
        return 1024;
    return r.rlim_cur > 4000000 ? 4000000 : (unsigned)r.rlim_cur;
}

/* Most descriptors serve clients; an answer needs one more towards a provider. */
static unsigned connection_limit(unsigned descriptors)
{
    return descriptors > 4 * SPARE_FDS ? descriptors - descriptors / 4 - SPARE_FDS
                                       : descriptors / 2;
}

static unsigned worker_count(const struct config *c)
{
    unsigned n = c->workers > 0 ? (unsigned)c->workers : uv_available_parallelism();
    return n < LISTEN_MAX ? n : LISTEN_MAX;
}

static void start_lanes(struct gateway *g, struct listeners *l)
{
    unsigned limit = connection_limit(raise_descriptor_limit());
    g->n_lanes = g->running = l->n;
    g->lanes = mem_zero(sizeof *g->lanes * l->n);
    for (unsigned i = 0; i < l->n; i++) {
        g->lanes[i].listen_fd = l->fds[i];
        g->lanes[i].tls = g->tls;
        g->lanes[i].max_connections = limit;
        g->lanes[i].stopped = lane_stopped;
        g->lanes[i].stopped_arg = g;
        lane_start(&g->lanes[i], i, g->snapshot);
    }
}

static void start_control(struct gateway *g)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP};
    uv_async_init(&g->loop, &g->log_wake, on_log_wake);
    uv_async_init(&g->loop, &g->lane_over, on_lane_over);
    uv_timer_init(&g->loop, &g->log_timer);
    uv_timer_init(&g->loop, &g->trim_timer);
    uv_timer_init(&g->loop, &g->drain_timer);
    g->log_wake.data = g->lane_over.data = g->log_timer.data = g->trim_timer.data =
        g->drain_timer.data = g;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        uv_signal_init(&g->loop, &g->signals[i]);
        g->signals[i].data = g;
        uv_signal_start(&g->signals[i], on_signal, wanted[i]);
    }
    uv_timer_start(&g->trim_timer, on_trim, TRIM_EVERY_MS, TRIM_EVERY_MS);
    log_start(wake_log, &g->log_wake);
    filewatch_init(&g->watch, &g->loop, g->path, on_file_change, g);
}

static void log_banner(struct gateway *g, const struct listeners *l)
{
    const struct config *c = g->snapshot->config;
    log_info(0, "cliproxyapi++ starts", log_str("version", str_c(cliproxy_version)),
             log_str("commit", str_c(cliproxy_commit)), log_str("config", c->path),
             log_uint("providers", c->n_providers),
             log_uint("credentials", g->snapshot->routes->n_credentials),
             log_uint("models", g->snapshot->routes->n), log_uint("client_keys", c->n_keys));
    log_warnings(g->snapshot);
    if (c->n_keys == 0)
        log_warn(
            0,
            "open access: no api-keys are configured, anybody who reaches this address may use it");
    log_info(0, "listening", log_str("address", str_c(l->address)), log_bool("tls", c->tls_enable),
             log_uint("workers", l->n));
}

static int complain(const struct fail *f)
{
    fprintf(stderr, "cliproxyapi++: %s\n", fail_text(f));
    return 1;
}

/* Everything that can fail at start, in one place and before anything runs. */
static enum err prepare(struct gateway *g, struct listeners *l, struct fail *f)
{
    enum err e = gateway_load(g->path, 1, &g->snapshot, f);
    if (e)
        return e;
    const struct config *c = g->snapshot->config;
    g->exposed = !config_is_loopback(c->host);
    e = load_tls(c, &g->tls, f);
    if (e)
        return e;
    return listeners_open(l, c->host, (int)c->port, worker_count(c), f);
}

static void gateway_fini(struct gateway *g)
{
    uv_run(&g->loop, UV_RUN_DEFAULT);
    uv_loop_close(&g->loop);
    log_writer_fini(&g->log);
    snapshot_unref(g->snapshot);
    if (g->tls)
        SSL_CTX_free(g->tls);
    dispatch_fini();
    mem_free(g->lanes);
}

int gateway_run(const char *config_path)
{
    struct gateway g = {.path = config_path};
    struct listeners l;
    struct fail f = {0};
    /* Bodies come and go by the hundred kilobytes: below this they stay in the heap, where reuse
     * costs no page faults; the trim timer gives back what a burst left. */
    mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 8 * 1024 * 1024);
    hash_init();
    dispatch_init();
    uv_loop_init(&g.loop);
    log_writer_init(&g.log);
    if (prepare(&g, &l, &f)) {
        gateway_fini(&g);
        return complain(&f);
    }
    start_control(&g);
    apply_log_options(&g);
    log_banner(&g, &l);
    start_lanes(&g, &l);
    uv_run(&g.loop, UV_RUN_DEFAULT);
    gateway_fini(&g);
    return 0;
}

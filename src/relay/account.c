#include "base/clock.h"
#include "base/log.h"
#include "relay/exchange.h"

enum { PATH_LOG_MAX = 512 };

/* The path with the values of key parameters masked. */
static str safe_target(const struct exchange *x, struct buf *out)
{
    const struct http_request *rq = &x->s->request;
    if (rq->query.n == 0)
        return str_head(rq->path, PATH_LOG_MAX);
    buf_put(out, str_head(rq->path, PATH_LOG_MAX));
    char before = '?';
    str rest = rq->query;
    while (rest.p && out->n < PATH_LOG_MAX) {
        str pair = str_split(&rest, '&');
        str name = str_head(pair, str_find_char(pair, '='));
        bool secret = str_find(name, S("key")) < name.n || str_find(name, S("token")) < name.n;
        buf_put_char(out, before);
        before = '&';
        buf_put(out, str_head(secret ? name : pair, PATH_LOG_MAX));
        if (secret)
            buf_lit(out, "=***");
    }
    return buf_str(out);
}

static struct log_field count(const char *key, int64_t v)
{
    return log_int(v >= 0 ? key : NULL, v);
}

static void log_access(struct exchange *x)
{
    char scratch[2048];
    struct buf b = {.p = scratch, .cap = sizeof scratch, .max = sizeof scratch};
    struct http_stream *s = x->s;
    const struct usage *u = &x->tap.usage;
    struct usage none = USAGE_NONE;
    uint64_t now = clock_ns();
    if (!x->tapping)
        u = &none;
    const struct target *t = x->target;
    log_info(x->id, "request", log_str("method", s->request.method_name),
             log_str("path", safe_target(x, &b)), log_int("status_code", x->status),
             log_str(t ? "provider" : NULL, t ? t->provider->name : S("")),
             log_str(x->model.n ? "model" : NULL, str_head(x->model, 256)),
             log_str(t ? "upstream_model" : NULL,
                     t ? str_head(resolved_upstream(&x->resolved, t), 256) : S("")),
             log_bool(x->op ? "stream" : NULL, x->stream),
             log_str(x->key && x->key->name.n ? "key" : NULL, x->key ? x->key->name : S("")),
             log_int(x->attempts > 1 ? "attempts" : NULL, x->attempts),
             log_ms(x->first_ns ? "ttft_ms" : NULL, x->first_ns - s->began_ns),
             log_ms("duration_ms", now - s->began_ns), count("tokens_in", u->input),
             count("tokens_out", u->output), count("tokens_cached", u->cached),
             log_uint("bytes_in", s->bytes_in), log_uint("bytes_out", s->bytes_out),
             log_str("client", str_c(s->peer)), log_str(x->error ? "error" : NULL, str_c(x->error)),
             log_str(x->error && x->last.text[0] ? "reason" : NULL, str_c(x->last.text)));
}

void account_exchange(struct exchange *x)
{
    atomic_fetch_add_explicit(&x->lane->requests, 1, memory_order_relaxed);
    if (x->status >= 500)
        atomic_fetch_add_explicit(&x->lane->failures, 1, memory_order_relaxed);
    if (x->s && x->config->access_log)
        log_access(x);
}

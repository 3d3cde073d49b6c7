#include "base/clock.h"
#include "base/log.h"
#include "relay/translate.h"

enum { PATH_LOG_MAX = 512 };

enum { VALUE_SHOWN_MAX = 15 };

/* Whether a parameter may hold a key: by its name in any spelling, or because it is long. */
static bool may_be_secret(str name, str value)
{
    static const char *const hints[] = {"key", "token", "auth", "secret", "pass", "sig", "cred"};
    char plain[64];
    name = str_head(name, sizeof plain);
    name = str_of(plain, http_percent_decode(name, true, plain));
    for (size_t i = 0; i < name.n; i++)
        plain[i] = ascii_lower(plain[i]);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (str_find(name, str_c(hints[i])) < name.n)
            return true;
    }
    return value.n > VALUE_SHOWN_MAX;
}

/* The path and its query, values masked that may be secret. */
static str safe_target(const struct exchange *x, struct buf *out)
{
    const struct http_request *rq = &x->s->request;
    if (rq->query.n == 0)
        return str_head(rq->path, PATH_LOG_MAX);
    buf_put(out, str_head(rq->path, PATH_LOG_MAX));
    char before = '?';
    str rest = rq->query;
    while (rest.p && out->n < PATH_LOG_MAX) {
        str value = str_split(&rest, '&');
        str name = str_split(&value, '=');
        buf_put_char(out, before);
        before = '&';
        buf_put(out, str_head(name, 64));
        if (value.p) {
            buf_put_char(out, '=');
            buf_put(out, may_be_secret(name, value) ? S("***") : value);
        }
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
    if (x->tr)
        u = &x->tr->usage;
    else if (!x->tapping)
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
             log_uint(x->tr && x->tr->lost.n ? "dropped" : NULL, x->tr ? x->tr->lost.n : 0),
             log_uint("bytes_in", s->bytes_in), log_uint("bytes_out", s->bytes_out),
             log_str("client", str_c(s->peer)), log_str(x->error ? "error" : NULL, str_c(x->error)),
             log_str(x->error && x->last.text[0] ? "reason" : NULL, str_c(x->last.text)));
}

void account_exchange(struct exchange *x)
{
    if (x->s && x->config->access_log)
        log_access(x);
}

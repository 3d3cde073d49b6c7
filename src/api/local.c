/*
 * api/local.c - health, the root page and the model lists.
 */
#include "api/auth.h"
#include "api/dispatch.h"
#include "api/models.h"
#include "base/clock.h"
#include "base/version.h"
#include "json/write.h"

static const char json_type[] = "application/json";

static void reply_json(struct exchange *x, struct buf *b)
{
    exchange_reply(x, 200, str_c(json_type), buf_str(b));
    buf_fini(b);
}

void api_healthz(struct exchange *x)
{
    exchange_reply(x, 200, str_c(json_type), S("{\"status\":\"ok\"}"));
}

/* SPEC 8.1. Answered from memory alone. */
void api_health(struct exchange *x)
{
    static _Atomic uint64_t began_ms;
    const struct snapshot *snap = x->lease->snapshot;
    uint64_t now = clock_wall_ms(), zero = 0;
    atomic_compare_exchange_strong(&began_ms, &zero, now);
    unsigned total = snap->routes->n_credentials;
    bool ready = total > 0;
    struct buf b;
    buf_init(&b, 4096);
    struct json_writer w = json_writer(&b);
    jw_object(&w);
    jw_kstr(&w, "status", ready ? S("ok") : S("degraded"));
    jw_kstr(&w, "version", str_c(cliproxy_version));
    jw_kstr(&w, "commit", str_c(cliproxy_commit));
    jw_ku64(&w, "uptime_seconds", (now - began_ms) / 1000);
    jw_key(&w, S("config"));
    jw_object(&w);
    jw_kstr(&w, "path", x->config->path);
    jw_ku64(&w, "loaded_at", x->config->loaded_at_ms / 1000);
    jw_ku64(&w, "generation", snap->generation);
    jw_object_end(&w);
    jw_key(&w, S("credentials"));
    jw_object(&w);
    jw_ku64(&w, "total", total);
    jw_ku64(&w, "ready", total);
    jw_object_end(&w);
    jw_ku64(&w, "models", snap->routes->n);
    jw_object_end(&w);
    str want = http_query_get(x->s->request.query, S("ready"));
    if (!ready && want.n && !str_eq(want, S("0"))) {
        exchange_reply(x, 503, str_c(json_type), buf_str(&b));
        buf_fini(&b);
        return;
    }
    reply_json(x, &b);
}

/* The public surface, from the two tables it is made of. */
void api_root(struct exchange *x)
{
    struct buf b;
    buf_init(&b, 16 * 1024);
    struct json_writer w = json_writer(&b);
    jw_object(&w);
    jw_kstr(&w, "message", S("cliproxyapi++"));
    jw_kstr(&w, "version", str_c(cliproxy_version));
    jw_key(&w, S("endpoints"));
    jw_array(&w);
#define LOCAL(name, path, method, needs_key, handler, dialect) jw_str(&w, S(#method " " path));
#include "api/endpoints.def"
#undef LOCAL
    for (int i = 0; i < OP_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id)i);
        char line[128];
        int n =
            snprintf(line, sizeof line,
                     op->path[0] == '/' ? "POST %s" : "POST /v1beta/models/{model}:%s", op->path);
        jw_str(&w, str_of(line, (size_t)n));
    }
    jw_array_end(&w);
    jw_object_end(&w);
    reply_json(x, &b);
}

/* ---- Models. ---- */

static struct models_page page_of(struct exchange *x)
{
    const struct http_request *rq = &x->s->request;
    struct models_page page = {0};
    str size = http_query_get(rq->query, S("pageSize"));
    str limit = http_query_get(rq->query, S("limit"));
    str token = http_query_get(rq->query, S("pageToken"));
    str after = http_query_get(rq->query, S("after_id"));
    if (!str_u64(size.n ? size : limit, &page.limit))
        page.limit = 0;
    after = token.n ? token : after;
    char *decoded = arena_alloc(&x->s->arena, after.n + 1);
    page.after = str_of(decoded, http_percent_decode(after, true, decoded));
    return page;
}

static enum models_form form_of(struct exchange *x)
{
    const struct http_request *rq = &x->s->request;
    struct key_check check = key_check(x->config, rq);
    struct models_ask ask = {
        .user_agent = http_request_field(rq, S("user-agent")),
        .anthropic_version = http_request_field(rq, S("anthropic-version")).p != NULL,
        .client_version = http_query_get(rq->query, S("client_version")).p != NULL,
        .google_key = check.form == KEY_GOOGLE,
    };
    return models_form(&ask);
}

static void reply_list(struct exchange *x, enum models_form form)
{
    struct buf out;
    struct models_page page = page_of(x);
    buf_init(&out, 64 * 1024 * 1024);
    str body = models_list(x->lease->snapshot->lists, form, x->key, &page, &out);
    exchange_reply(x, 200, str_c(json_type), body);
    buf_fini(&out);
}

void api_models(struct exchange *x)
{
    reply_list(x, form_of(x));
}

void api_models_gemini(struct exchange *x)
{
    reply_list(x, MODELS_GEMINI);
}

void api_model(struct exchange *x, str id, bool gemini)
{
    char *decoded = arena_alloc(&x->s->arena, id.n + 1);
    str name = str_of(decoded, http_percent_decode(id, false, decoded));
    enum models_form form = gemini ? MODELS_GEMINI : form_of(x);
    str body = models_one(x->lease->snapshot->lists, form, name, x->key);
    if (body.n) {
        exchange_reply(x, 200, str_c(json_type), body);
        return;
    }
    if (form == MODELS_ANTHROPIC || form == MODELS_GEMINI)
        x->dialect = dialect_get(form == MODELS_GEMINI ? DIALECT_GEMINI : DIALECT_ANTHROPIC);
    struct fail f = {0};
    fail_set(&f, ERR_NO_PATH, "model %.*s does not exist, or this key may not use it",
             STR_FMT(str_head(name, 200)));
    exchange_refuse(x, &f, "model");
}

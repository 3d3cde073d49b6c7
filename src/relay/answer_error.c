/*
 * relay/answer_error.c - the provider answered, but not with what was asked for.
 */
#include <stdio.h>

#include "base/log.h"
#include "relay/translate.h"
#include "relay/verdict.h"

static bool looks_like_json(str s)
{
    s = str_trim(s);
    return s.n && (s.p[0] == '{' || s.p[0] == '[');
}

static void mask(struct buf *b, str secret)
{
    for (size_t at = 0; secret.n >= 8 && at < b->n;) {
        str rest = str_from(buf_str(b), at);
        size_t hit = str_find(rest, secret);
        if (hit == rest.n)
            return;
        memset(b->p + at + hit, '*', secret.n);
        at += hit + secret.n;
    }
}

/* The provider must not tell the client, or the log, what we sent it in confidence (SPEC 13.6). */
static void mask_secrets(struct exchange *x)
{
    const struct provider_entry *p = x->target->provider;
    mask(&x->held, x->target->credential->api_key);
    for (size_t i = 0; i < p->n_headers; i++) {
        if (!p->headers[i].copy)
            mask(&x->held, p->headers[i].value);
    }
}

static void log_upstream_error(struct exchange *x)
{
    log_warn(x->id, "provider answered with an error",
             log_str("provider", x->target->provider->name),
             log_str("model", str_head(resolved_upstream(&x->resolved, x->target), 200)),
             log_int("status_code", x->status), log_uint("credential", x->target->index),
             log_str("body", str_head(buf_str(&x->held), 300)));
}

/* A whole reply; only its body when a heartbeat has sent the head already. */
static void finish_with(struct exchange *x, str content_type, str body)
{
    if (!x->committed) {
        exchange_reply(x, x->status, content_type, body);
        return;
    }
    http_reply_body(x->s, body);
    exchange_finish(x);
}

enum { ERROR_BODY_MAX = 1024 * 1024 };

static void reply_in_dialect(struct exchange *x, const struct dialect_error *e)
{
    struct buf body;
    buf_init(&body, 2 * ERROR_BODY_MAX);
    x->dialect->error_body(e, &body);
    finish_with(x, S("application/json"), buf_str(&body));
    buf_fini(&body);
}

/* What another dialect can say of it: the status tells the type, the words stay the provider's. */
static void reply_ir_error(struct exchange *x, const struct ir_error *e)
{
    char code[64] = "", param[128] = "";
    snprintf(code, sizeof code, "%.*s", STR_FMT(str_head(e->code, sizeof code - 1)));
    snprintf(param, sizeof param, "%.*s", STR_FMT(str_head(e->param, sizeof param - 1)));
    reply_in_dialect(x, &(struct dialect_error){.status = x->status,
                                                .code = code[0] ? code : NULL,
                                                .message = e->message,
                                                .param = param[0] ? param : NULL,
                                                .request_id = str_of(x->id_text, 8)});
}

/* An answer that is no error of the dialect (HTML of a proxy, plain text): quoted, cut. */
static void reply_unread(struct exchange *x)
{
    struct fail f = {0};
    fail_set(&f, ERR_INTERNAL, "provider %.*s answered %d%s%.*s",
             STR_FMT(x->target->provider->name), x->status, x->held.n ? ": " : "",
             STR_FMT(str_head(str_trim(buf_str(&x->held)), 300)));
    reply_in_dialect(
        x, &(struct dialect_error){.status = x->status,
                                   .code = x->status == 404 ? "not_found" : "upstream_error",
                                   .message = str_c(f.text),
                                   .request_id = str_of(x->id_text, 8)});
}

static void prepare(struct exchange *x)
{
    x->error = "UPSTREAM_STATUS";
    exchange_add_field(x, S("X-Cliproxy-Error-Source"), S("upstream"));
    if (x->status < 400)
        x->status = 502; /* a redirect or oddity no client could follow */
}

/* A counting endpoint that is not there is no failure of anybody: we count. A 404 that names the
 * model is of one that is there and does not know the model (recorded: "models/... is not found for
 * API version v1beta, or is not supported for countTokens"). */
static bool lacks_counting(const struct exchange *x)
{
    str model = resolved_upstream(&x->resolved, x->target), said = buf_str(&x->held);
    if (!(x->op->flags & OP_COUNTS) || (x->status != 404 && x->status != 405 && x->status != 501))
        return false;
    return x->status != 404 || !model.n || str_find(said, model) == said.n;
}

/* An error of the provider goes on as it is; to a client of another dialect, or when it is not
 * JSON, it is said in the client's dialect. */
void answer_reply_error(struct exchange *x)
{
    struct ir_error e;
    mask_secrets(x);
    log_upstream_error(x);
    if (lacks_counting(x)) {
        translated_count_here(x);
        return;
    }
    if (verdict_next_on_status(x->status) && attempt_has_next(x)) {
        attempt_next(x);
        return;
    }
    prepare(x);
    if (x->tr && translation_error(x->tr, buf_str(&x->held), x->status, &e))
        reply_ir_error(x, &e);
    else if (!x->tr && looks_like_json(buf_str(&x->held)))
        finish_with(x, x->content_type, buf_str(&x->held));
    else
        reply_unread(x);
}

/* An in-stream error although the status was 200, before anything of the answer went out: it gets
 * the status it stands for (SPEC 5.10). */
void answer_reply_ir_error(struct exchange *x)
{
    const struct ir_error *e = &x->tr->error;
    x->status = e->status >= 400 && e->status <= 599 ? e->status : 502;
    buf_clear(&x->held);
    buf_put(&x->held, e->message);
    mask_secrets(x);
    log_upstream_error(x);
    if (x->call) {
        call_cancel(x->call);
        x->call = NULL;
    }
    if (verdict_next_on_status(x->status) && attempt_has_next(x)) {
        attempt_next(x);
        return;
    }
    prepare(x);
    struct ir_error masked = *e;
    masked.message = buf_str(&x->held);
    reply_ir_error(x, &masked);
}

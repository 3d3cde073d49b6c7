/*
 * relay/upload.c - multipart bodies (images, audio): streamed, not held.
 *
 * Bytes are kept only until the `model` field has been seen, because before that nobody knows
 * where they should go; from then on they pass through with backpressure. A second `model` field
 * is refused: a provider might follow that one.
 */
#include "http/encoding.h"
#include "http/multipart.h"
#include "relay/exchange.h"

struct upload {
    struct multipart form;
    struct buf head; /* everything before the provider is known */
    bool started;    /* the call has begun */
    bool last;       /* the whole body came in */
};

bool upload_wanted(const struct exchange *x)
{
    str type = http_request_field(&x->s->request, S("content-type"));
    return x->op->dialect == DIALECT_CHAT && str_starts_nocase(type, S("multipart/form-data"));
}

void upload_end(struct exchange *x)
{
    if (!x->upload)
        return;
    multipart_fini(&x->upload->form);
    buf_fini(&x->upload->head);
    x->upload = NULL;
}

void upload_begin(struct exchange *x)
{
    struct fail f = {0};
    struct upload *u = arena_new(&x->s->arena, struct upload);
    str type = http_request_field(&x->s->request, S("content-type"));
    x->upload = u;
    buf_init(&u->head, x->config->body_bytes);
    if (!multipart_init(&u->form, type, S("model"))) {
        fail_set(&f, ERR_BAD_REQUEST, "Content-Type: multipart/form-data needs a boundary");
        exchange_fail(x, ERR_BAD_REQUEST, &f);
        return;
    }
    if (encoding_needed(http_request_field(&x->s->request, S("content-encoding")))) {
        fail_set(&f, ERR_BAD_ENCODING, "a multipart body must not be content-encoded");
        exchange_fail(x, ERR_BAD_ENCODING, &f);
        return;
    }
    http_body_stream(x->s);
}

/* Sends on; a full queue holds the client back. What the newest send said counts: only then does a
 * drain follow. */
static void pass(struct exchange *x, str bytes, bool last)
{
    bool room = x->call->ops->send(x->call, bytes, last);
    if (room || last)
        http_body_resume(x->s);
    else
        http_body_pause(x->s);
}

/* The field came: resolve the model, open the call, send what was kept. */
static void start(struct exchange *x)
{
    struct upload *u = x->upload;
    u->started = true;
    x->model = str_trim(str_dup(&x->s->arena, buf_str(&u->form.value)));
    exchange_goto(x, STEP_RESOLVE);
    exchange_run(x);
}

enum err upload_send(struct exchange *x, struct fail *f)
{
    struct upload *u = x->upload;
    str upstream = resolved_upstream(&x->resolved, x->target);
    str old = buf_str(&u->form.value);
    int64_t length = x->s->request.content_length;
    if (length >= 0)
        length += (int64_t)upstream.n - (int64_t)old.n;
    str head = attempt_head(x, http_request_field(&x->s->request, S("content-type")), length);
    if (!head.p)
        return fail_set(f, ERR_HEAD_TOO_LARGE, "the header for the provider became too large");
    struct call_request rq = {
        .origin = x->target->origin,
        .connect_ms = x->target->provider->timeouts.connect_ms,
        .streamed = true,
        .raw_stream = length >= 0,
        .pieces = {{(void *)(uintptr_t)head.p, head.n}},
        .n_pieces = 1,
    };
    x->call = http_client_start(x->lane->client, &rq, &answer_events, x);
    str kept = buf_str(&u->head);
    pass(x, str_head(kept, (size_t)u->form.value_at), false);
    pass(x, upstream, false);
    pass(x, str_from(kept, (size_t)u->form.value_at + old.n), u->last);
    buf_fini(&u->head);
    return OK;
}

void upload_on_bytes(struct exchange *x, str bytes, bool last)
{
    struct upload *u = x->upload;
    struct fail f = {0};
    enum err e = OK;
    multipart_feed(&u->form, bytes);
    u->last = last;
    if (u->form.bad)
        e = fail_set(&f, ERR_BAD_REQUEST, "the multipart body is malformed");
    else if (u->form.twice)
        e = fail_set(&f, ERR_DUPLICATE_KEY, "the field \"model\" appears twice");
    else if (last && !u->form.found)
        e = fail_set(&f, ERR_MODEL_MISSING, "the form has no field \"model\"");
    if (e) {
        exchange_fail(x, e, &f);
        return;
    }
    if (u->started) {
        if (x->call)
            pass(x, bytes, last);
        return;
    }
    buf_put(&u->head, bytes);
    if (u->head.failed)
        exchange_fail(x, ERR_TOO_LARGE, NULL);
    else if (u->form.found)
        start(x);
}

void upload_on_drain(struct exchange *x)
{
    http_body_resume(x->s);
}

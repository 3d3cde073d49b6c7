/*
 * relay/attempt.c - one try at one target: choosing it, and writing the request for it.
 */
#include "base/version.h"
#include "channel/sim.h"
#include "relay/amend.h"
#include "relay/translate.h"

enum { HEAD_FIELDS_MAX = 64, HEAD_BYTES_MAX = 256 * 1024 };

/* Client headers that mean something to a provider: the first ones only if it speaks the client's
 * dialect. All others stay here: they describe the client's connection to us, or its key. */
enum { OF_A_DIALECT = 3 };
#define NAME(lit)            \
    {                        \
        lit, sizeof(lit) - 1 \
    }
static const str forwarded[] = {NAME("anthropic-version"), NAME("anthropic-beta"),
                                NAME("openai-beta"), NAME("idempotency-key"),
                                NAME("accept-language")};
#undef NAME

/* What the target's provider is to be asked for, or NULL: the operation itself where it speaks the
 * client's dialect, else the one that means the same in its own. */
static const struct operation *asked_of(const struct exchange *x, const struct target *t)
{
    enum channel_kind kind = t->provider->kind;
    enum dialect_id speaks = route_dialect(t->provider, x->op->dialect);
    if (speaks == x->op->dialect && operation_taken_by(x->op, kind))
        return x->op;
    if (speaks == x->op->dialect && x->op->id != OP_COMPLETIONS)
        return NULL;
    const struct operation *up = operation_in(x->op, speaks, x->stream);
    return up && operation_taken_by(up, kind) ? up : NULL;
}

/* Takes the next target that can be asked; remembers why others could not. */
enum turn step_pick(struct exchange *x)
{
    struct fail f = {0};
    for (; x->at < x->n_targets; x->at++) {
        const struct target *t = x->targets[x->at];
        x->target = t;
        x->up = asked_of(x, t);
        if (x->up) {
            exchange_goto(x, STEP_SEND);
            return TURN_NEXT;
        }
        if (x->op->flags & OP_COUNTS) {
            translated_count_here(x);
            return TURN_WAIT;
        }
        fail_set(&f, ERR_NO_OPERATION, "provider %.*s has no %s", STR_FMT(t->provider->name),
                 x->op->path);
    }
    x->up = x->op;
    if (x->last.code)
        exchange_fail(x, x->last.code, &x->last);
    else
        exchange_fail(x, f.code, &f);
    return TURN_WAIT;
}

bool attempt_has_next(const struct exchange *x)
{
    for (size_t i = x->at + 1; i < x->n_targets && !x->upload; i++) {
        if (asked_of(x, x->targets[i]))
            return true;
    }
    return false;
}

/* Forgets the answer of the attempt that failed. */
void attempt_next(struct exchange *x)
{
    if (x->tapping)
        tap_fini(&x->tap);
    x->tapping = false;
    translation_free(x->tr);
    x->tr = NULL;
    if (x->mode == ANSWER_EVENTS)
        sse_splitter_fini(&x->frames);
    buf_fini(&x->held);
    x->mode = ANSWER_NONE;
    x->n_reply_fields = x->n_base_fields;
    x->at++;
    x->step = STEP_PICK;
    exchange_run(x);
}

/* ---- The head. ---- */

struct head {
    struct http_field fields[HEAD_FIELDS_MAX];
    size_t n;
};

static void head_add(struct head *h, str name, str value)
{
    if (value.p && h->n < HEAD_FIELDS_MAX)
        h->fields[h->n++] = (struct http_field){name, value};
}

/* The operator's own headers win over ours of the same name. */
static void head_set(struct head *h, str name, str value)
{
    for (size_t i = 0; i < h->n; i++) {
        if (str_eq_nocase(h->fields[i].name, name)) {
            h->fields[i].value = value;
            return;
        }
    }
    head_add(h, name, value);
}

static void head_from_rules(struct head *h, struct exchange *x)
{
    const struct provider_entry *p = x->target->provider;
    for (size_t i = 0; i < p->n_headers; i++) {
        const struct header_rule *r = &p->headers[i];
        str value = r->copy ? http_request_field(&x->s->request, r->value) : r->value;
        if (value.p && !str_eq_nocase(r->name, S("content-length")) &&
            !str_eq_nocase(r->name, S("transfer-encoding")))
            head_set(h, r->name, value);
    }
}

/* The query for the provider: the client's own, where it speaks the same dialect. */
static str query_for(const struct exchange *x)
{
    if (!exchange_translates(x))
        return operation_query(x->s->request.query, &x->s->arena);
    return x->up->id == OP_STREAM_GENERATE ? S("alt=sse") : S("");
}

static void head_build(struct head *h, struct exchange *x, str content_type)
{
    const struct target *t = x->target;
    const struct http_request *rq = &x->s->request;
    struct arena *a = &x->s->arena;
    bool events =
        x->stream && (exchange_translates(x) || x->op->id != OP_STREAM_GENERATE || x->alt_sse);
    head_add(h, S("Host"), t->origin->host_header);
    struct http_field auth =
        operation_authorization(t->provider->kind, t->origin, t->credential->api_key, a);
    head_add(h, auth.name, auth.value);
    head_add(h, S("Content-Type"), content_type);
    head_add(h, S("Accept"), events ? S("text/event-stream") : S("application/json"));
    head_add(h, S("Accept-Encoding"), S("identity"));
    str agent[] = {S("cliproxyapi++/"), str_c(cliproxy_version)};
    head_add(h, S("User-Agent"), str_join(a, agent, 2));
    for (size_t i = exchange_translates(x) ? OF_A_DIALECT : 0;
         i < sizeof forwarded / sizeof *forwarded; i++)
        head_add(h, forwarded[i], http_request_list(rq, forwarded[i], a));
    if (t->provider->kind == CHANNEL_CLAUDE &&
        (exchange_translates(x) || !http_request_field(rq, S("anthropic-version")).p))
        head_add(h, S("anthropic-version"), S("2023-06-01"));
    if (x->tr && x->tr->beta.n)
        head_add(h, S("anthropic-beta"), x->tr->beta);
    head_from_rules(h, x);
}

/* Four parts a field, and the request line, framing and end. */
enum { HEAD_PARTS_MAX = 4 * HEAD_FIELDS_MAX + 8 };

/* The request line and fields as bytes; length < 0: chunked. */
str attempt_head(struct exchange *x, str content_type, int64_t length)
{
    struct head h;
    str parts[HEAD_PARTS_MAX];
    char digits[24];
    const struct target *t = x->target;
    struct arena *a = &x->s->arena;
    size_t n = 0, total = 0;
    h.n = 0; /* the fields need no clearing */
    head_build(&h, x, content_type);
    parts[n++] = S("POST ");
    parts[n++] = operation_path(x->up, t->provider->kind, t->base_path,
                                resolved_upstream(&x->resolved, t), query_for(x), a);
    parts[n++] = S(" HTTP/1.1\r\n");
    for (size_t i = 0; i < h.n; i++) {
        parts[n++] = h.fields[i].name;
        parts[n++] = S(": ");
        parts[n++] = h.fields[i].value;
        parts[n++] = S("\r\n");
    }
    if (length < 0) {
        parts[n++] = S("Transfer-Encoding: chunked\r\n\r\n");
    } else {
        struct buf b = {.p = digits, .cap = sizeof digits, .max = sizeof digits};
        buf_put_u64(&b, (uint64_t)length);
        parts[n++] = S("Content-Length: ");
        parts[n++] = buf_str(&b);
        parts[n++] = S("\r\n\r\n");
    }
    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    return total <= HEAD_BYTES_MAX ? str_join(a, parts, n) : (str){NULL, 0};
}

/* ---- The body: the client's own, with a few spans edited. ---- */

static void edit_model(struct exchange *x, struct json_edit *e)
{
    str upstream = resolved_upstream(&x->resolved, x->target);
    struct json_span v = x->fields[FIELD_MODEL];
    if (v.kind == JSON_STRING && !json_string_is(json_text(x->body, v), upstream))
        json_edit_set_string(e, v, upstream);
}

/* Asks OpenAI-like providers for usage in streams, which they leave out otherwise (SPEC 1.5); the
 * chunk that only we asked for is not forwarded (13.7). */
static enum err edit_usage(struct exchange *x, struct json_edit *e, struct fail *f)
{
    static const str include[] = {{"include_usage", 13}};
    struct json_span v = x->fields[FIELD_STREAM_OPTIONS];
    x->usage_added = false;
    if (!x->stream || x->usage_asked || x->target->provider->kind != CHANNEL_OPENAI ||
        (x->op->id != OP_CHAT && x->op->id != OP_COMPLETIONS))
        return OK;
    x->usage_added = true;
    if (v.kind == JSON_OBJECT)
        return json_edit_set(e, v, include, 1, S("true"), f);
    if (v.kind != JSON_ABSENT) {
        json_edit_replace(e, v.at, v.n, S("{\"include_usage\":true}"));
        return OK;
    }
    /* Right behind the opening brace; a member follows, since there is a "stream". */
    json_edit_replace(e, str_find_char(x->body, '{') + 1, 0,
                      S("\"stream_options\":{\"include_usage\":true},"));
    return OK;
}

static enum err edit_body(struct exchange *x, struct json_edit *e, struct fail *f)
{
    json_edit_init(e, x->body, &x->s->arena);
    edit_model(x, e);
    enum err err = edit_usage(x, e, f);
    if (!err)
        err = amend_spans(x, e, f);
    const struct thinking *th = resolved_thinking(&x->resolved, x->target);
    if (!err && th->kind != THINK_UNSAID && x->op->flags & OP_GENERATES)
        err = thinking_apply(th, x->op->dialect, resolved_upstream(&x->resolved, x->target), e, f);
    return err;
}

/* ---- Sending. ---- */

static enum sim_operation sim_operation_of(enum operation_id id)
{
    switch (id) {
    case OP_COMPLETIONS: return SIM_COMPLETIONS;
    case OP_RESPONSES_COUNT:
    case OP_MESSAGES_COUNT:
    case OP_GEMINI_COUNT: return SIM_COUNT_TOKENS;
    case OP_EMBEDDINGS:
    case OP_GEMINI_EMBED:
    case OP_GEMINI_BATCH_EMBED: return SIM_EMBED;
    case OP_MODERATIONS: return SIM_MODERATE;
    case OP_RERANK: return SIM_RERANK;
    case OP_IMAGES_GENERATIONS: return SIM_IMAGE;
    default: return SIM_GENERATE;
    }
}

str attempt_joined(struct exchange *x, const struct iovec *v, size_t n, size_t total)
{
    if (n == 1)
        return str_of(v[0].iov_base, v[0].iov_len);
    char *p = arena_alloc(&x->s->arena, total + 1);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(p + at, v[i].iov_base, v[i].iov_len);
        at += v[i].iov_len;
    }
    return str_of(p, at);
}

static void send_to_sim(struct exchange *x, str body)
{
    const struct target *t = x->target;
    struct sim_request rq = {
        .options = &t->provider->sim,
        .dialect = x->up->dialect,
        .operation = sim_operation_of(x->up->id),
        .path = operation_path(x->up, CHANNEL_SIM, S(""), resolved_upstream(&x->resolved, t),
                               query_for(x), &x->s->arena),
        .model = resolved_upstream(&x->resolved, t),
        .body = body,
        .stream = x->stream,
    };
    x->call = sim_start(&x->lane->worker, &rq, &answer_events, x);
    x->call->sent = true; /* it has read what it needs */
}

static enum err send_to_provider(struct exchange *x, const struct iovec *v, size_t n, size_t total,
                                 struct fail *f)
{
    struct call_request rq = {
        .origin = x->target->origin,
        .connect_ms = x->target->provider->timeouts.connect_ms,
    };
    str head = attempt_head(x, S("application/json"), (int64_t)total);
    if (!head.p)
        return fail_set(f, ERR_HEAD_TOO_LARGE, "the header for the provider became too large");
    rq.pieces[0] = (struct iovec){(void *)(uintptr_t)head.p, head.n};
    memcpy(rq.pieces + 1, v, n * sizeof *v);
    rq.n_pieces = 1 + n;
    x->call = http_client_start(x->lane->client, &rq, &answer_events, x);
    return OK;
}

static enum err send_pieces(struct exchange *x, const struct iovec *v, size_t n, size_t total,
                            struct fail *f)
{
    if (x->target->provider->kind != CHANNEL_SIM)
        return send_to_provider(x, v, n, total, f);
    send_to_sim(x, attempt_joined(x, v, n, total));
    return OK;
}

/* The client's own bytes. */
static enum err send_document(struct exchange *x, struct fail *f)
{
    struct json_edit edit;
    struct iovec v[JSON_PIECES_MAX];
    str anew;
    if (amend_whole(x, &anew)) {
        v[0] = (struct iovec){(void *)(uintptr_t)anew.p, anew.n};
        return send_pieces(x, v, 1, anew.n, f);
    }
    enum err e = edit_body(x, &edit, f);
    if (e)
        return e;
    if (edit.failed)
        return fail_set(f, ERR_BAD_REQUEST, "the request needs more edits than are possible");
    size_t total = json_edit_length(&edit);
    return send_pieces(x, v, json_edit_pieces(&edit, v), total, f);
}

/* What they mean in the provider's dialect. */
static enum err send_translated(struct exchange *x, struct fail *f)
{
    enum err e = translation_new(x, x->up, &x->tr, f);
    if (e)
        return e;
    struct iovec v = {x->tr->body.p, x->tr->body.n};
    return send_pieces(x, &v, 1, v.iov_len, f);
}

enum turn step_send(struct exchange *x)
{
    struct fail f = {0};
    x->attempts++;
    x->n_base_fields = x->n_reply_fields;
    x->sent_ms = x->up_ms = x->out_ms = worker_now_ms(&x->lane->worker);
    enum err e = x->upload                ? upload_send(x, &f)
                 : exchange_translates(x) ? send_translated(x, &f)
                                          : send_document(x, &f);
    if (e) {
        exchange_fail(x, e, &f);
        return TURN_WAIT;
    }
    exchange_goto(x, STEP_FIRST);
    answer_arm(x);
    return TURN_WAIT;
}

/*
 * relay/steps.c - the steps between the client's body and the first attempt: read, resolve.
 */
#include "http/encoding.h"
#include "relay/exchange.h"

static const str watched[FIELD_COUNT] = {
    [FIELD_MODEL] = {"model", 5},
    [FIELD_STREAM] = {"stream", 6},
    [FIELD_STREAM_OPTIONS] = {"stream_options", 14},
    [FIELD_MESSAGES] = {"messages", 8},
    [FIELD_INPUT] = {"input", 5},
    [FIELD_EFFORT] = {"reasoning_effort", 16},
    [FIELD_REASONING] = {"reasoning", 9},
    [FIELD_THINKING] = {"thinking", 8},
    [FIELD_MAX_TOKENS] = {"max_tokens", 10},
};

/*
 * Undoes the content encoding. A coding nobody knows is forgiven when the bytes are JSON as they
 * are (SPEC 1.1); Anthropic clients may forget to name gzip (SPEC 1.10).
 */
static enum err undo_encoding(struct exchange *x, struct fail *f)
{
    str coding = http_request_list(&x->s->request, S("content-encoding"), &x->s->arena);
    bool magic = x->body.n > 2 && memcmp(x->body.p, "\x1f\x8b", 2) == 0;
    if (!encoding_needed(coding)) {
        if (!magic)
            return OK;
        coding = S("gzip");
    }
    enum err e = encoding_decode(coding, x->body, &x->decoded, f);
    if (e == OK) {
        x->body = buf_str(&x->decoded);
        return OK;
    }
    struct fail ignored;
    if (e == ERR_BAD_ENCODING && !magic &&
        json_validate(x->body, (unsigned)x->config->json_depth, NULL, &ignored) == OK)
        return OK;
    return e;
}

/* The text of a string value; a copy, since the body goes once it was sent. */
static str string_value(struct exchange *x, struct json_span v)
{
    str text = json_text(x->body, v);
    if (!v.escaped)
        return str_dup(&x->s->arena, str_of(text.p + 1, text.n - 2));
    char *out = arena_alloc(&x->s->arena, text.n);
    return str_of(out, json_unescape(text, out));
}

static enum err read_model(struct exchange *x, struct fail *f)
{
    struct json_span v = x->fields[FIELD_MODEL];
    if (x->path_model.p) {
        x->model = x->path_model;
        return OK;
    }
    if (v.kind == JSON_STRING) {
        x->model = str_trim(string_value(x, v));
        if (x->model.n)
            return OK;
    }
    if (x->op->flags & OP_DEFAULT_MODEL && v.kind == JSON_ABSENT) {
        x->model = S("omni-moderation-latest"); /* what OpenAI assumes for moderations */
        return OK;
    }
    if (v.kind == JSON_ABSENT || v.kind == JSON_STRING)
        return fail_set(f, ERR_MODEL_MISSING, "the request names no model: set \"model\"");
    return fail_set(f, ERR_MODEL_MISSING, "\"model\" must be a string");
}

/* What streaming the client asked for. Anthropic streams for anything but false (SPEC 1.10); the
 * others want a JSON true. */
static enum err read_stream(struct exchange *x, struct fail *f)
{
    struct json_span v = x->fields[FIELD_STREAM];
    if (x->op->id == OP_STREAM_GENERATE) {
        x->stream = true;
        x->alt_sse = str_eq(http_query_get(x->s->request.query, S("alt")), S("sse")) ||
                     str_eq(http_query_get(x->s->request.query, S("$alt")), S("sse"));
        return OK;
    }
    if (!(x->op->flags & OP_STREAMS))
        return OK;
    if (v.kind != JSON_ABSENT && v.kind != JSON_NULL && v.kind != JSON_TRUE && v.kind != JSON_FALSE)
        return fail_set(f, ERR_BAD_REQUEST, "\"stream\" must be true or false");
    x->stream = v.kind == JSON_TRUE;
    return OK;
}

/* Whether the client itself asked for the usage chunk (chat streams). */
static enum err read_stream_options(struct exchange *x, struct fail *f)
{
    static const str key[] = {{"include_usage", 13}};
    struct json_span v = x->fields[FIELD_STREAM_OPTIONS];
    struct json_span found;
    if (v.kind != JSON_OBJECT)
        return OK;
    enum err e = json_scan_members(x->body, v, key, &found, 1, f);
    x->usage_asked = !e && found.kind == JSON_TRUE;
    return e;
}

enum turn step_read(struct exchange *x)
{
    struct fail f = {0};
    enum err e = undo_encoding(x, &f);
    if (!e)
        e = json_scan_object(x->body, watched, x->fields, FIELD_COUNT,
                             (unsigned)x->config->json_depth, &f);
    if (!e)
        e = read_model(x, &f);
    if (!e)
        e = read_stream(x, &f);
    if (!e)
        e = read_stream_options(x, &f);
    if (e) {
        exchange_fail(x, e, &f);
        return TURN_WAIT;
    }
    x->mixed_up = x->op->id == OP_CHAT && x->fields[FIELD_MESSAGES].kind == JSON_ABSENT &&
                  x->fields[FIELD_INPUT].kind != JSON_ABSENT;
    exchange_goto(x, STEP_RESOLVE);
    return TURN_NEXT;
}

/* Only the targets that the client's key may use, in their order. */
static size_t keep_allowed(const struct exchange *x, const struct target **t, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; x->key && i < n; i++) {
        if (target_allows(x->key, t[i]))
            t[kept++] = t[i];
    }
    return x->key ? kept : n;
}

enum turn step_resolve(struct exchange *x)
{
    struct fail f = {0};
    enum err e = route_resolve(x->lease->snapshot->routes, x->model, &x->resolved, &f);
    if (!e) {
        x->n_targets = route_order(x->resolved.route, x->targets, TARGETS_MAX);
        x->n_targets = keep_allowed(x, x->targets, x->n_targets);
        if (x->n_targets == 0 || (x->key && !resolved_allows(x->key, &x->resolved)))
            e = fail_set(&f, ERR_NO_MODEL,
                         "unknown provider for model %.*s: this key may not use it",
                         STR_FMT(str_head(x->model, 200)));
    }
    if (e) {
        exchange_fail(x, e, &f);
        return TURN_WAIT;
    }
    exchange_goto(x, STEP_PICK);
    return TURN_NEXT;
}

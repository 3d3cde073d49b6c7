/*
 * relay/translate.c - between the exchange and the codecs.
 */
#include "relay/translate.h"

#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "relay/seal_cache.h"
#include "route/catalogue.h"

/* What the answer is to be written in. */
/* What most requests need, so that it is allocated in one go each: the tree and parts of a short
 * conversation; names, ids and the state of reader and writer; what a body grows by. */
enum { WORK_BYTES = 14 * 1024, LIFE_BYTES = 3 * 1024, BODY_EXTRA = 512, WHOLE_EXTRA = 1024 };

static const struct codec *client_codec(const struct operation *op)
{
    return op->id == OP_COMPLETIONS ? &codec_completions : codec_get(op->dialect);
}

/* What the request is written in. */
static const struct codec *request_codec(const struct exchange *x)
{
    return x->mixed_up ? &codec_responses : client_codec(x->op);
}

/* ---- The request. ---- */

/* A copy of an API takes less of what is new, and minds less what is missing. An
 * openai-compatibility entry is one unless it is OpenAI itself; of the others the operator says it
 * (SPEC 2.4), since a custom base-url may just as well be a proxy in front of the vendor. */
static bool is_compat(const struct target *t)
{
    if (t->model && t->model->is_compat)
        return true;
    return t->provider->kind == CHANNEL_OPENAI &&
           !str_eq_nocase(t->origin->host, S("api.openai.com"));
}

struct ir_target translation_target(const struct exchange *x, const struct operation *up)
{
    const struct target *t = x->target;
    str model = resolved_upstream(&x->resolved, t);
    const struct model_info *known = catalogue_find(model);
    return (struct ir_target){
        .model = model,
        .stream = x->stream,
        .counting = (up->flags & OP_COUNTS) != 0,
        .max_output = known ? known->output : 0,
        .is_compat = is_compat(t),
        .vertex = t->provider->kind == CHANNEL_VERTEX,
        .reasons = !known                                ? IR_UNSAID
                   : capability_thinks(&known->thinking) ? IR_YES
                                                         : IR_NO,
    };
}

/* The wish as the route layer has it. */
static enum err wish_of(const struct ir_reasoning *r, struct thinking *out, struct fail *f)
{
    *out = (struct thinking){.kind = THINK_UNSAID};
    switch (r->kind) {
    case IR_THINK_UNSAID: return OK;
    case IR_THINK_OFF: out->kind = THINK_OFF; return OK;
    case IR_THINK_AUTO: out->kind = THINK_AUTO; return OK;
    case IR_THINK_BUDGET:
        out->kind = THINK_BUDGET;
        out->budget = r->budget;
        return OK;
    case IR_THINK_LEVEL: break;
    }
    enum level l = level_of(r->level);
    if (l == LEVEL_COUNT)
        return fail_set(f, ERR_BAD_REQUEST,
                        "reasoning effort \"%.*s\" is not known; there are none, minimal, low, "
                        "medium, high, xhigh and max",
                        STR_FMT(str_head(r->level, 40)));
    *out = (struct thinking){.kind = THINK_LEVEL, .level = level_names[l]};
    return OK;
}

static void wish_set(struct ir_reasoning *r, const struct thinking *t)
{
    static const enum ir_think kinds[] = {[THINK_UNSAID] = IR_THINK_UNSAID,
                                          [THINK_OFF] = IR_THINK_OFF,
                                          [THINK_AUTO] = IR_THINK_AUTO,
                                          [THINK_LEVEL] = IR_THINK_LEVEL,
                                          [THINK_BUDGET] = IR_THINK_BUDGET};
    r->kind = kinds[t->kind];
    r->level = t->kind == THINK_LEVEL ? str_c(t->level) : S("");
    r->budget = t->kind == THINK_BUDGET ? t->budget : 0;
}

/* A suffix of the name wins over what the body says (SPEC 5.1). */
static enum err settle_thinking(struct exchange *x, struct ir_request *rq, enum dialect_id to,
                                struct fail *f)
{
    struct thinking wish;
    enum err e = wish_of(&rq->reasoning, &wish, f);
    if (e)
        return e;
    const struct thinking *suffix = resolved_thinking(&x->resolved, x->target);
    if (suffix->kind != THINK_UNSAID) {
        wish = *suffix;
        /* Whoever asks by the name has no other way to say that he wants to read it. */
        if (wish.kind != THINK_OFF && rq->reasoning.shown == IR_UNSAID)
            rq->reasoning.shown = IR_YES;
    }
    wish = thinking_between(&wish, rq->from, to, resolved_upstream(&x->resolved, x->target));
    wish_set(&rq->reasoning, &wish);
    return OK;
}

/* Whose conversation it is. */
static str secret_scope(const struct exchange *x)
{
    return x->key ? x->key->key : S("");
}

static uint64_t clock_s(void)
{
    return clock_ns() / 1000000000;
}

static str nonce(struct arena *a)
{
    enum { NONCE = 24 };
    unsigned char raw[NONCE];
    char *out = arena_alloc(a, NONCE);
    random_bytes(raw, sizeof raw);
    for (size_t i = 0; i < NONCE; i++)
        out[i] = "abcdefghijklmnopqrstuvwxyz234567"[raw[i] & 31];
    return str_of(out, NONCE);
}

/* Losses borrow from the request's tree, which goes before the answer's head is written. */
static void keep_losses(struct translation *t)
{
    for (size_t i = 0; i < t->lost.n; i++)
        t->lost.names[i] = str_dup(&t->life, t->lost.names[i]);
}

/* Codex names itself in both headers; its forks keep the first word (codex_cli_rs, codex_exec). */
static bool is_codex(const struct http_request *rq)
{
    return str_starts_nocase(http_request_field(rq, S("originator")), S("codex")) ||
           str_starts_nocase(http_request_field(rq, S("user-agent")), S("codex"));
}

static void fill_ask(struct translation *t, const struct exchange *x, const struct ir_request *rq)
{
    t->ask = (struct answer_ask){
        .arena = &t->life,
        .model = str_dup(&t->life, x->model),
        .include_usage = rq->include_usage == IR_YES,
        .json_array = x->op->id == OP_STREAM_GENERATE && !x->alt_sse,
        .legacy = x->op->id == OP_COMPLETIONS,
        .from = t->provider->dialect,
        .codex = is_codex(&x->s->request),
        .nonce = nonce(&t->life),
        .now = (int64_t)time(NULL),
    };
    if (!(x->op->flags & OP_COUNTS))
        t->seals = seal_watch_new(&t->life, secret_scope(x));
    if (t->client->request_echo)
        t->ask.echo = t->client->request_echo(rq, &t->life);
}

static enum err write_request(struct translation *t, struct exchange *x, const struct operation *up,
                              struct fail *f)
{
    struct ir_request rq;
    struct ir_target target = translation_target(x, up);
    enum err e = codec_read_request(request_codec(x), x->body, &t->work, &rq, f);
    if (!e)
        seal_cache_restore(&rq, secret_scope(x), clock_s());
    if (!e)
        e = settle_thinking(x, &rq, t->provider->dialect, f);
    if (e)
        return e;
    fill_ask(t, x, &rq);
    e = codec_write_request(t->provider, &rq, &target, &t->life, &t->names, &t->lost, &t->body, f);
    keep_losses(t);
    if (!e && t->provider->request_beta)
        t->beta = t->provider->request_beta(&rq); /* a literal */
    return e;
}

enum err translation_new(struct exchange *x, const struct operation *up, struct translation **out,
                         struct fail *f)
{
    struct translation *t = mem_zero(sizeof *t);
    t->client = client_codec(x->op);
    t->provider = codec_get(up->dialect);
    t->stream = x->stream;
    t->usage = USAGE_NONE;
    arena_init(&t->life);
    arena_init(&t->work);
    arena_reserve(&t->life, LIFE_BYTES);
    arena_reserve(&t->work, WORK_BYTES);
    buf_init(&t->body, 2 * x->config->body_bytes);
    buf_init(&t->out, 4 * x->config->event_bytes);
    buf_reserve(&t->body, x->body.n + x->body.n / 16 + BODY_EXTRA);
    enum err e = write_request(t, x, up, f);
    if (e) {
        translation_free(t);
        t = NULL;
    }
    *out = t;
    return e;
}

void translation_release_request(struct translation *t)
{
    arena_fini(&t->work);
    buf_fini(&t->body);
}

void translation_free(struct translation *t)
{
    if (!t)
        return;
    if (t->writer && t->client->write_fini)
        t->client->write_fini(t->writer);
    if (t->unname)
        ir_unname_free(t->unname);
    if (t->seals)
        seal_watch_free(t->seals);
    if (t->reader.codec)
        answer_reader_fini(&t->reader);
    buf_fini(&t->body);
    buf_fini(&t->out);
    arena_fini(&t->work);
    arena_fini(&t->life);
    mem_free(t);
}

/* ---- The answer. ---- */

static void learn_error(struct translation *t, const struct ir_error *e)
{
    t->failed = true;
    t->error = (struct ir_error){
        .status = e->status,
        .type = str_dup(&t->life, e->type),
        .code = str_dup(&t->life, e->code),
        .message = str_dup(&t->life, e->message),
        .param = str_dup(&t->life, e->param),
    };
}

static void learn_finish(struct translation *t, const struct ir_event *e)
{
    str word = e->native.n ? e->native : str_c(ir_finish_name(e->finish));
    word = str_head(word, sizeof t->finish - 1);
    memcpy(t->finish, word.p, word.n);
    t->finish[word.n] = '\0';
}

static void learn(struct translation *t, const struct ir_event *e)
{
    switch (e->kind) {
    case IR_EV_START:
    case IR_EV_USAGE: usage_merge(&t->usage, &e->usage); break;
    case IR_EV_FINISH:
        learn_finish(t, e);
        t->content = true;
        break;
    case IR_EV_END: t->complete = t->content = true; break;
    case IR_EV_ERROR: learn_error(t, e->error); break;
    default: t->content = true;
    }
}

/* Every event of the answer, names undone. An error that comes before anything else is not said in
 * a stream: nothing has begun yet, and the caller can still answer with a status. */
static void take(void *arg, const struct ir_event *e)
{
    struct translation *t = arg;
    learn(t, e);
    if (t->seals) {
        seal_watch_take(t->seals, e);
        if (e->kind == IR_EV_END)
            seal_watch_keep(t->seals, clock_s());
    }
    if (e->kind == IR_EV_ERROR && !t->content)
        return;
    if (t->stream)
        t->client->write_event(t->writer, &t->ask, e, &t->out);
    else
        ir_answer_take(&t->answer, e);
}

/* Set up with the first byte of the answer, so that a failed attempt costs none of it. */
static void begin(struct translation *t, bool stable)
{
    if (t->reader.codec)
        return;
    t->unname = ir_unname_new(&t->life, &t->names, take, t);
    answer_reader_init(&t->reader, t->provider, &t->life, ir_unname_take, t->unname);
    if (t->stream)
        t->writer = arena_zero(&t->life, t->client->writer_size);
    else
        ir_answer_init(&t->answer, &t->life, t->provider->dialect, t->out.max, stable);
}

static enum err too_large(struct fail *f)
{
    return fail_set(f, ERR_UP_TOO_LARGE, "the translated answer exceeds limits.event-size");
}

enum err translation_frame(struct translation *t, str frame, struct fail *f)
{
    begin(t, false);
    enum err e = answer_read_frame(&t->reader, frame, f);
    if (!e && (t->out.failed || t->answer.overflow))
        e = too_large(f);
    return e;
}

/* The collected answer, where the client wants it whole. */
static enum err deliver_whole(struct translation *t, struct fail *f)
{
    if (!t->stream && !t->failed) {
        buf_reserve(&t->out, t->answer.bytes + t->answer.bytes / 16 + WHOLE_EXTRA);
        t->client->write_whole(&t->ask, &t->answer, &t->out);
    }
    return t->out.failed || t->answer.overflow ? too_large(f) : OK;
}

enum err translation_end(struct translation *t, struct fail *f)
{
    begin(t, false);
    enum err e = answer_read_stream_end(&t->reader, f);
    return e ? e : deliver_whole(t, f);
}

enum err translation_whole(struct translation *t, str body, struct fail *f)
{
    begin(t, true);
    enum err e = answer_read_whole(&t->reader, body, f);
    if (!e && !t->complete && !t->failed)
        e = fail_set(f, ERR_UP_PROTOCOL, "the provider's answer is no answer of its dialect");
    return e ? e : deliver_whole(t, f);
}

enum err translation_count(struct translation *t, str body, struct fail *f)
{
    yyjson_val *root;
    uint64_t tokens;
    struct fail why;
    if (json_read(body, &t->life, &root, &why) || !t->provider->read_count(root, &tokens))
        return fail_set(f, ERR_UP_PROTOCOL, "the provider's answer counts no tokens");
    t->usage.input = (int64_t)tokens;
    t->client->write_count(tokens, &t->out);
    return OK;
}

void translation_fail(struct translation *t, const struct ir_error *e)
{
    const struct ir_event ev = {.kind = IR_EV_ERROR, .error = e};
    if (t->writer)
        t->client->write_event(t->writer, &t->ask, &ev, &t->out);
}

bool translation_error(struct translation *t, str body, int status, struct ir_error *out)
{
    yyjson_val *root;
    struct fail why;
    return json_read(body, &t->life, &root, &why) == OK &&
           t->provider->read_error(root, status, out);
}

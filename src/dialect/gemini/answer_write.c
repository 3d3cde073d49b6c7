/*
 * dialect/gemini/answer_write.c - an answer as a stream of GenerateContentResponses (SPEC 5.11).
 *
 * Each chunk is a whole response with the new part; the last has every candidate's finishReason
 * and the usage. SSE has neither event names nor an end mark; without alt=sse the chunks are the
 * elements of one array. A functionCall is written when its arguments are complete.
 */
#include "dialect/gemini/answer_state.h"
#include "dialect/gemini/gemini.h"
#include "ir/seal.h"

struct chunk {
    struct gemini_writer *s;
    const struct answer_ask *ask;
    struct buf *out;
    struct json_writer w;
};

/* ---- frames ---- */

static struct chunk begin_document(struct gemini_writer *s, const struct answer_ask *ask,
                                   struct buf *out)
{
    if (!ask->json_array)
        buf_lit(out, "data: ");
    else
        buf_put(out, s->begun ? S(",\n") : S("["));
    s->begun = true;
    return (struct chunk){s, ask, out, json_writer(out)};
}

static void end_document(struct chunk *c)
{
    if (!c->ask->json_array)
        buf_lit(c->out, "\n\n");
}

static void end_response(struct chunk *c)
{
    jw_kstr(&c->w, "modelVersion", c->ask->model);
    jw_kstr(&c->w, "responseId", c->s->id.n ? c->s->id : c->ask->nonce);
    jw_object_end(&c->w);
    end_document(c);
}

/* Up to the place where parts are written. */
static struct chunk begin_parts(struct gemini_writer *s, const struct answer_ask *ask,
                                struct buf *out)
{
    struct chunk c = begin_document(s, ask, out);
    jw_object(&c.w);
    jw_key(&c.w, S("candidates"));
    jw_array(&c.w);
    jw_object(&c.w);
    jw_key(&c.w, S("content"));
    jw_object(&c.w);
    jw_key(&c.w, S("parts"));
    jw_array(&c.w);
    return c;
}

static void end_parts(struct chunk *c, const struct reply *r)
{
    jw_array_end(&c->w);
    jw_kstr(&c->w, "role", S("model"));
    jw_object_end(&c->w);
    jw_ku64(&c->w, "index", r->choice);
    jw_object_end(&c->w);
    jw_array_end(&c->w);
    end_response(c);
}

/* ---- replies ---- */

enum { REPLIES_MAX = 128, ARGS_MAX = 64 * 1024 * 1024 };

static struct reply *reply_at(struct gemini_writer *s, const struct answer_ask *ask,
                              unsigned choice)
{
    struct reply **at = &s->replies;
    size_t n = 0;
    while (*at && (*at)->choice < choice && n++ < REPLIES_MAX)
        at = &(*at)->next;
    if (*at && (*at)->choice == choice)
        return *at;
    if (n >= REPLIES_MAX)
        return NULL;
    struct reply *r = arena_new(ask->arena, struct reply);
    r->choice = choice;
    r->next = *at;
    *at = r;
    return r;
}

static struct pending_call *call_at(const struct reply *r, unsigned index)
{
    struct pending_call *call = r->calls;
    while (call && call->index != index)
        call = call->next;
    return call;
}

/* ---- parts ---- */

static void write_text(struct chunk *c, enum ir_part_kind kind, str text, str signature)
{
    jw_object(&c->w);
    jw_kstr(&c->w, "text", text);
    if (kind == IR_PART_REASONING)
        jw_kbool(&c->w, "thought", true);
    if (signature.n)
        jw_kstr(&c->w, "thoughtSignature", signature);
    jw_object_end(&c->w);
}

static void put_text(struct gemini_writer *s, const struct answer_ask *ask, const struct reply *r,
                     str text, str signature, struct buf *out)
{
    /* What shows nothing is no thought: {"text":"","thoughtSignature":...}. */
    enum ir_part_kind kind = r->redacted ? IR_PART_TEXT : r->open_kind;
    struct chunk c = begin_parts(s, ask, out);
    write_text(&c, kind, text, signature);
    end_parts(&c, r);
}

static void begin_call(const struct answer_ask *ask, struct reply *r, const struct ir_event *e)
{
    struct pending_call *call = arena_new(ask->arena, struct pending_call);
    call->index = e->index;
    call->name = str_dup(ask->arena, e->part->name);
    call->id = str_dup(ask->arena, e->part->id);
    call->signature = str_dup(ask->arena, ir_seal_pack(&e->part->seal, DIALECT_GEMINI, ask->arena));
    buf_init(&call->args, ARGS_MAX);
    call->next = r->calls;
    r->calls = call;
}

static void end_call(struct gemini_writer *s, const struct answer_ask *ask, struct reply *r,
                     struct pending_call *call, struct buf *out)
{
    struct pending_call **at = &r->calls;
    struct chunk c = begin_parts(s, ask, out);
    gemini_call_write(call->id, call->name, call->args.failed ? S("") : buf_str(&call->args),
                      call->signature, &c.w);
    end_parts(&c, r);
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    buf_fini(&call->args);
}

static void on_part_begin(struct gemini_writer *s, const struct answer_ask *ask, struct reply *r,
                          const struct ir_event *e, struct buf *out)
{
    const struct ir_part *p = e->part;
    struct chunk c;
    if (p->kind == IR_PART_CALL) {
        begin_call(ask, r, e);
        return;
    }
    r->open_kind = p->kind;
    r->redacted = p->redacted;
    r->text_base = r->offsets.n;
    if (p->kind == IR_PART_SEARCH) {
        gemini_ground_search(&r->grounding, ask->arena, p);
    } else if (p->kind == IR_PART_CODE || p->media) {
        c = begin_parts(s, ask, out);
        gemini_part_write(p, ask->arena, &c.w);
        end_parts(&c, r);
    } else if (p->kind == IR_PART_RAW && ask->from == DIALECT_GEMINI && p->src) {
        c = begin_parts(s, ask, out);
        jw_value(&c.w, p->src);
        end_parts(&c, r);
    } else if (p->seal.value.n) {
        put_text(s, ask, r, S(""), ir_seal_pack(&p->seal, DIALECT_GEMINI, ask->arena), out);
    }
}

static void on_delta(struct gemini_writer *s, const struct answer_ask *ask, struct reply *r,
                     const struct ir_event *e, struct buf *out)
{
    struct pending_call *call = call_at(r, e->index);
    if (call) {
        buf_put(&call->args, e->text);
        return;
    }
    if (!e->text.n || (r->open_kind != IR_PART_TEXT && r->open_kind != IR_PART_REASONING &&
                       r->open_kind != IR_PART_REFUSAL))
        return;
    if (r->open_kind == IR_PART_TEXT)
        offsets_add(&r->offsets, ask->arena, e->text);
    put_text(s, ask, r, e->text, S(""), out);
}

static void on_seal(struct gemini_writer *s, const struct answer_ask *ask, struct reply *r,
                    const struct ir_event *e, struct buf *out)
{
    struct pending_call *call = call_at(r, e->index);
    str signature = ir_seal_pack(&e->part->seal, DIALECT_GEMINI, ask->arena);
    if (call)
        call->signature = str_dup(ask->arena, signature);
    else if (signature.n)
        put_text(s, ask, r, S(""), signature, out);
}

/* Characters of the part become bytes of all text. A citation that does not say what it is about
 * waits for the end of the part: it is about all of it, as Anthropic's are. */
static void on_citation(const struct answer_ask *ask, struct reply *r, const struct ir_citation *c)
{
    size_t base = offsets_chars(&r->offsets, r->text_base);
    if (c->start >= 0 && c->end > c->start) {
        gemini_ground(&r->grounding, ask->arena, c,
                      offsets_byte(&r->offsets, base + (size_t)c->start),
                      offsets_byte(&r->offsets, base + (size_t)c->end));
        return;
    }
    struct ir_citation *copy = arena_new(ask->arena, struct ir_citation);
    copy->url = str_dup(ask->arena, c->url);
    copy->title = str_dup(ask->arena, c->title);
    copy->file_id = str_dup(ask->arena, c->file_id);
    copy->quote = str_dup(ask->arena, c->quote);
    copy->next = r->unplaced;
    r->unplaced = copy;
}

static void place_citations(const struct answer_ask *ask, struct reply *r)
{
    struct ir_citation *in_order = NULL;
    for (struct ir_citation *c = r->unplaced, *next; c; c = next) {
        next = c->next;
        c->next = in_order;
        in_order = c;
    }
    for (const struct ir_citation *c = in_order; c; c = c->next)
        gemini_ground(&r->grounding, ask->arena, c, r->text_base, r->offsets.n);
    r->unplaced = NULL;
}

static void on_logprobs(struct gemini_writer *s, const struct answer_ask *ask,
                        const struct reply *r, yyjson_val *list, struct buf *out)
{
    struct chunk c = begin_document(s, ask, out);
    jw_object(&c.w);
    jw_key(&c.w, S("candidates"));
    jw_array(&c.w);
    jw_object(&c.w);
    jw_ku64(&c.w, "index", r->choice);
    jw_key(&c.w, S("logprobsResult"));
    gemini_logprobs_write(list, &c.w);
    jw_object_end(&c.w);
    jw_array_end(&c.w);
    end_response(&c);
}

static void on_part_end(struct gemini_writer *s, const struct answer_ask *ask, struct reply *r,
                        const struct ir_event *e, struct buf *out)
{
    struct pending_call *call = call_at(r, e->index);
    if (call)
        end_call(s, ask, r, call, out);
    else
        place_citations(ask, r);
}

static void on_finish(const struct answer_ask *ask, struct reply *r, const struct ir_event *e)
{
    r->finished = true;
    r->finish = e->finish;
    r->native = str_dup(ask->arena, e->native);
}

/* ---- the end ---- */

static void write_last(struct chunk *c, const struct reply *r)
{
    jw_object(&c->w);
    jw_key(&c->w, S("content"));
    jw_object(&c->w);
    jw_key(&c->w, S("parts"));
    jw_array(&c->w);
    write_text(c, IR_PART_TEXT, S(""), S(""));
    jw_array_end(&c->w);
    jw_kstr(&c->w, "role", S("model"));
    jw_object_end(&c->w);
    jw_kstr(&c->w, "finishReason", gemini_finish_word(r->finish, r->native));
    jw_ku64(&c->w, "index", r->choice);
    gemini_ground_write(&r->grounding, &c->w);
    jw_object_end(&c->w);
}

static void on_end(struct gemini_writer *s, const struct answer_ask *ask, struct buf *out)
{
    (void)reply_at(s, ask, 0);
    struct chunk c = begin_document(s, ask, out);
    jw_object(&c.w);
    jw_key(&c.w, S("candidates"));
    jw_array(&c.w);
    for (const struct reply *r = s->replies; r; r = r->next)
        write_last(&c, r);
    jw_array_end(&c.w);
    jw_key(&c.w, S("usageMetadata"));
    gemini_usage_write(&s->usage, s->service_tier, &c.w);
    end_response(&c);
    if (ask->json_array)
        buf_lit(out, "]");
}

/* What google.rpc.Code has; another dialect's word would say nothing to a client. */
static str status_word(const struct ir_error *e)
{
    for (size_t i = 0; i < e->type.n; i++) {
        if (e->type.p[i] != '_' && !(e->type.p[i] >= 'A' && e->type.p[i] <= 'Z'))
            return str_c(gemini_status_word(e->status));
    }
    return e->type.n ? e->type : str_c(gemini_status_word(e->status));
}

static void on_error(struct gemini_writer *s, const struct answer_ask *ask,
                     const struct ir_error *e, struct buf *out)
{
    struct chunk c = begin_document(s, ask, out);
    jw_object(&c.w);
    jw_key(&c.w, S("error"));
    jw_object(&c.w);
    jw_ki64(&c.w, "code", e->status);
    jw_kstr(&c.w, "message", e->message);
    jw_kstr(&c.w, "status", status_word(e));
    jw_object_end(&c.w);
    jw_object_end(&c.w);
    end_document(&c);
    if (ask->json_array)
        buf_lit(out, "]");
}

static void on_start(struct gemini_writer *s, const struct answer_ask *ask,
                     const struct ir_event *e)
{
    s->id = gemini_response_id(ask, e->id);
    s->usage = e->usage;
    s->service_tier = str_dup(ask->arena, e->service_tier);
}

/* Events about one candidate. */
static void on_reply(struct gemini_writer *s, const struct answer_ask *ask,
                     const struct ir_event *e, struct buf *out)
{
    struct reply *r = reply_at(s, ask, e->choice);
    if (!r)
        return;
    switch (e->kind) {
    case IR_EV_PART_BEGIN: on_part_begin(s, ask, r, e, out); break;
    case IR_EV_DELTA: on_delta(s, ask, r, e, out); break;
    case IR_EV_SEAL: on_seal(s, ask, r, e, out); break;
    case IR_EV_CITATION: on_citation(ask, r, e->citation); break;
    case IR_EV_LOGPROBS: on_logprobs(s, ask, r, e->json, out); break;
    case IR_EV_PART_END: on_part_end(s, ask, r, e, out); break;
    case IR_EV_FINISH: on_finish(ask, r, e); break;
    default: break;
    }
}

void gemini_write_event(void *state, const struct answer_ask *ask, const struct ir_event *e,
                        struct buf *out)
{
    struct gemini_writer *s = state;
    switch (e->kind) {
    case IR_EV_START: on_start(s, ask, e); break;
    case IR_EV_USAGE: usage_merge(&s->usage, &e->usage); break;
    case IR_EV_END: on_end(s, ask, out); break;
    case IR_EV_ERROR: on_error(s, ask, e->error, out); break;
    default: on_reply(s, ask, e, out);
    }
}

void gemini_write_fini(void *state)
{
    struct gemini_writer *s = state;
    for (struct reply *r = s->replies; r; r = r->next) {
        gemini_ground_fini(&r->grounding);
        for (struct pending_call *call = r->calls; call; call = call->next)
            buf_fini(&call->args);
    }
}

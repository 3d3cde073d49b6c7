/*
 * dialect/openai_responses/answer_write.c - an answer for a client, as a stream or whole.
 *
 * The sequence is SPEC 5.11's. Every item is kept as JSON once it is finished, for the final
 * response repeats them all; a whole answer is the same machine run without frames.
 */
#include "dialect/openai_responses/answer.h"
#include "dialect/tables.h"

/* ---- the response object ---- */

static bool is_incomplete(enum ir_finish f)
{
    return f == IR_FINISH_LENGTH || f == IR_FINISH_FILTERED || f == IR_FINISH_REFUSED;
}

static uint64_t count(int64_t n)
{
    return n > 0 ? (uint64_t)n : 0;
}

static void put_usage(const struct usage *u, struct json_writer *w)
{
    jw_key(w, S("usage"));
    jw_object(w);
    jw_ku64(w, "input_tokens", count(u->input));
    jw_key(w, S("input_tokens_details"));
    jw_object(w);
    jw_ku64(w, "cache_write_tokens", count(u->cache_write));
    jw_ku64(w, "cached_tokens", count(u->cached));
    jw_object_end(w);
    jw_ku64(w, "output_tokens", count(u->output));
    jw_key(w, S("output_tokens_details"));
    jw_object(w);
    jw_ku64(w, "reasoning_tokens", count(u->reasoning));
    jw_object_end(w);
    jw_ku64(w, "total_tokens", count(u->input) + count(u->output));
    jw_object_end(w);
}

static void put_output(const struct writer_state *st, struct json_writer *w)
{
    jw_key(w, S("output"));
    jw_array(w);
    for (const struct out_item *it = st->items; it; it = it->next) {
        if (!it->open && it->json.n)
            jw_raw(w, buf_str(&it->json));
    }
    jw_array_end(w);
}

/* The tier that served the request, in this API's words. */
static str tier_of(str tier)
{
    static const struct {
        const char *theirs, *ours;
    } tiers[] = {{"priority", "priority"}, {"flex", "flex"},           {"scale", "scale"},
                 {"default", "default"},   {"ultrafast", "ultrafast"}, {"auto", "auto"}};
    for (size_t i = 0; i < sizeof tiers / sizeof tiers[0]; i++) {
        if (str_eq(tier, str_c(tiers[i].theirs)))
            return str_c(tiers[i].ours);
    }
    return S("default");
}

static void put_incomplete(const struct writer_state *st, bool incomplete, struct json_writer *w)
{
    jw_key(w, S("incomplete_details"));
    if (!incomplete) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_kstr(w, "reason",
            st->finish == IR_FINISH_LENGTH ? S("max_output_tokens") : S("content_filter"));
    jw_object_end(w);
}

/* With the provider's own code: Codex acts on some (context_length_exceeded and the like). */
static void put_error(const struct ir_error *e, struct json_writer *w)
{
    jw_key(w, S("error"));
    if (!e) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_kstr(w, "type", str_c(openai_error_type(e->status)));
    jw_kstr(w, "code", e->code.n ? e->code : str_c(responses_error_code(e->status)));
    jw_kstr(w, "message", e->message);
    jw_object_end(w);
}

static void put_response(const struct writer_state *st, const struct answer_ask *ask,
                         const char *status, const struct ir_error *error, struct json_writer *w)
{
    bool over = str_eq(str_c(status), S("completed")) || str_eq(str_c(status), S("incomplete"));
    str echo = ask->echo;
    jw_object(w);
    jw_kstr(w, "id", st->id);
    jw_kstr(w, "object", S("response"));
    jw_ki64(w, "created_at", st->created);
    if (over)
        jw_ki64(w, "completed_at", ask->now > st->created ? ask->now : st->created);
    else
        jw_knull(w, "completed_at");
    jw_kstr(w, "status", str_c(status));
    put_error(error, w);
    put_incomplete(st, str_eq(str_c(status), S("incomplete")), w);
    jw_kstr(w, "model", ask->model);
    put_output(st, w);
    if (over || error)
        put_usage(&st->usage, w);
    else
        jw_knull(w, "usage");
    jw_kstr(w, "service_tier", tier_of(st->tier));
    if (!echo.n) {
        struct ir_request none;
        ir_request_init(&none, ask->arena, DIALECT_RESPONSES);
        echo = responses_request_echo(&none, ask->arena);
    }
    /* Its last comma is the writer's to put, but nothing follows. */
    buf_put_char(w->out, ',');
    buf_put(w->out, str_head(echo, echo.n - 1));
    jw_object_end(w);
}

static void put_lifecycle(struct writer_state *st, const struct answer_ask *ask, const char *type,
                          const char *status, const struct ir_error *error, struct buf *out)
{
    if (st->quiet)
        return;
    struct json_writer w = out_frame(st, out, type);
    jw_key(&w, S("response"));
    put_response(st, ask, status, error, &w);
    out_frame_end(st, &w);
}

static void start(struct writer_state *st, const struct answer_ask *ask, const struct ir_event *e,
                  struct buf *out)
{
    bool first = e->kind == IR_EV_START;
    if (st->started)
        return;
    st->started = true;
    st->usage = USAGE_NONE;
    st->id = first && str_starts(e->id, S("resp_"))
                 ? str_dup(ask->arena, e->id)
                 : arena_printf(ask->arena, "resp_%.*s", STR_FMT(ask->nonce));
    st->created = first && e->created > 0 ? e->created : ask->now;
    if (first) {
        st->tier = str_dup(ask->arena, e->service_tier);
        usage_merge(&st->usage, &e->usage);
    }
    put_lifecycle(st, ask, "response.created", "in_progress", NULL, out);
    put_lifecycle(st, ask, "response.in_progress", "in_progress", NULL, out);
}

/* ---- places inside an item ---- */

/* item_id, output_index and content_index or summary_index, as every event of a text has them. */
static void put_place(const struct out_item *it, struct json_writer *w)
{
    jw_kstr(w, "item_id", it->id);
    jw_ku64(w, "output_index", it->at);
    if (it->kind == OUT_MESSAGE)
        jw_ku64(w, "content_index", it->contents);
    else if (it->kind == OUT_REASONING)
        jw_ku64(w, "summary_index", 0);
}

/* What all deltas of the open part begin with. */
static void set_head(struct out_item *it, const char *type)
{
    struct writer_state none = {0};
    buf_clear(&it->head);
    struct json_writer w = out_frame(&none, &it->head, type);
    put_place(it, &w);
    jw_key(&w, S("delta"));
}

static const char *delta_type(const struct out_item *it)
{
    switch (it->kind) {
    case OUT_MESSAGE: return it->refusal ? "response.refusal.delta" : "response.output_text.delta";
    case OUT_REASONING: return "response.reasoning_summary_text.delta";
    case OUT_CUSTOM: return "response.custom_tool_call_input.delta";
    default: return "response.function_call_arguments.delta";
    }
}

static void put_delta(struct writer_state *st, struct out_item *it, str text, struct buf *out)
{
    buf_put(&it->text, text);
    if (st->quiet || it->kind == OUT_OWN)
        return;
    buf_put(out, buf_str(&it->head));
    json_put_string(out, text);
    if (it->kind == OUT_MESSAGE && !it->refusal)
        buf_lit(out, ",\"logprobs\":[]");
    buf_lit(out, ",\"sequence_number\":");
    buf_put_u64(out, st->sequence++);
    buf_lit(out, "}\n\n");
}

/* ---- messages ---- */

static void content_json(const struct out_item *it, str text, bool done, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "type", it->refusal ? S("refusal") : S("output_text"));
    if (it->refusal) {
        jw_kstr(w, "refusal", text);
    } else {
        jw_kstr(w, "text", text);
        jw_key(w, S("annotations"));
        jw_array(w);
        if (done && it->annotations.n)
            jw_raw(w, buf_str(&it->annotations));
        jw_array_end(w);
        jw_key(w, S("logprobs"));
        jw_array(w);
        if (done && it->logprobs.n)
            jw_raw(w, buf_str(&it->logprobs));
        jw_array_end(w);
    }
    jw_object_end(w);
}

static void put_content_part(struct writer_state *st, const struct out_item *it, bool done,
                             struct buf *out)
{
    if (st->quiet)
        return;
    struct json_writer w =
        out_frame(st, out, done ? "response.content_part.done" : "response.content_part.added");
    put_place(it, &w);
    jw_key(&w, S("part"));
    content_json(it, done ? buf_str(&it->text) : S(""), done, &w);
    out_frame_end(st, &w);
}

static void put_text_done(struct writer_state *st, const struct out_item *it, struct buf *out)
{
    if (st->quiet)
        return;
    struct json_writer w =
        out_frame(st, out, it->refusal ? "response.refusal.done" : "response.output_text.done");
    put_place(it, &w);
    jw_key(&w, it->refusal ? S("refusal") : S("text"));
    jw_str(&w, buf_str(&it->text));
    if (!it->refusal) {
        jw_key(&w, S("logprobs"));
        jw_array(&w);
        if (it->logprobs.n)
            jw_raw(&w, buf_str(&it->logprobs));
        jw_array_end(&w);
    }
    out_frame_end(st, &w);
}

static void begin_text(struct writer_state *st, const struct answer_ask *ask,
                       const struct ir_part *p, unsigned part, struct buf *out)
{
    struct out_item *it = st->last;
    bool same = it && it->kind == OUT_MESSAGE && it->open && (!p->id.n || str_eq(p->id, it->id));
    if (it && it->kind == OUT_MESSAGE && it->open && !same)
        out_done(st, ask, it, false, out);
    if (!same) {
        it = out_item_new(st, ask, OUT_MESSAGE);
        it->id = out_id(st, ask, "msg_", p->id);
        out_added(st, it, out);
    }
    it->part = part;
    it->speaking = true;
    it->refusal = p->kind == IR_PART_REFUSAL;
    it->citations = 0;
    buf_clear(&it->text);
    buf_clear(&it->annotations);
    buf_clear(&it->logprobs);
    put_content_part(st, it, false, out);
    set_head(it, delta_type(it));
}

static void end_text(struct writer_state *st, struct out_item *it, struct buf *out)
{
    struct json_writer w = json_writer(&it->content);
    put_text_done(st, it, out);
    put_content_part(st, it, true, out);
    w.comma = it->content.n > 0;
    content_json(it, buf_str(&it->text), true, &w);
    it->contents++;
    it->speaking = false;
}

/* Without a range it is the text so far that is backed. */
static void annotation_json(const struct ir_citation *c, str text, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "type", S("url_citation"));
    jw_kstr(w, "url", c->url);
    jw_kstr(w, "title", c->title);
    jw_ki64(w, "start_index", c->start >= 0 ? c->start : 0);
    jw_ki64(w, "end_index", c->end >= 0 ? c->end : (int64_t)str_chars(text));
    jw_object_end(w);
}

/* Files are known by ids of their provider: only its own clients can do anything with them. */
static void on_citation(struct writer_state *st, const struct answer_ask *ask, struct out_item *it,
                        const struct ir_citation *c, struct buf *out)
{
    struct buf *list = &it->annotations;
    bool own = ask->from == DIALECT_RESPONSES && c->src;
    if (it->kind != OUT_MESSAGE || it->refusal || (!c->url.n && !own))
        return;
    struct json_writer w = json_writer(list);
    w.comma = list->n > 0;
    size_t at = list->n + (list->n > 0);
    if (own)
        jw_value(&w, c->src);
    else
        annotation_json(c, buf_str(&it->text), &w);
    if (!st->quiet) {
        struct json_writer f = out_frame(st, out, "response.output_text.annotation.added");
        put_place(it, &f);
        jw_ku64(&f, "annotation_index", it->citations);
        jw_kraw(&f, "annotation", str_from(buf_str(list), at));
        out_frame_end(st, &f);
    }
    it->citations++;
}

/* ---- log probabilities ---- */

static void logprob_json(yyjson_val *v, bool top, struct json_writer *w)
{
    str number = jv_num(jv_get(v, "logprob"));
    yyjson_val *bytes = jv_get(v, "bytes"), *tops = jv_get(v, "top_logprobs");
    yyjson_arr_iter it = yyjson_arr_iter_with(tops);
    jw_object(w);
    jw_kstr(w, "token", jv_get_str(v, "token"));
    jw_kraw(w, "logprob", number.p ? number : S("0"));
    jw_key(w, S("bytes"));
    if (yyjson_is_arr(bytes))
        jw_value(w, bytes);
    else
        jw_raw(w, S("[]"));
    if (top) {
        jw_key(w, S("top_logprobs"));
        jw_array(w);
        for (yyjson_val *t; (t = yyjson_arr_iter_next(&it));)
            logprob_json(t, false, w);
        jw_array_end(w);
    }
    jw_object_end(w);
}

static void on_logprobs(struct out_item *it, yyjson_val *list)
{
    struct json_writer w = json_writer(&it->logprobs);
    yyjson_arr_iter each = yyjson_arr_iter_with(list);
    if (it->kind != OUT_MESSAGE)
        return;
    w.comma = it->logprobs.n > 0;
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&each));)
        logprob_json(v, true, &w);
}

/* ---- reasoning ---- */

static void put_summary_part(struct writer_state *st, const struct out_item *it, bool done,
                             struct buf *out)
{
    if (st->quiet)
        return;
    struct json_writer w = out_frame(st, out,
                                     done ? "response.reasoning_summary_part.done"
                                          : "response.reasoning_summary_part.added");
    put_place(it, &w);
    jw_key(&w, S("part"));
    jw_object(&w);
    jw_kstr(&w, "type", S("summary_text"));
    jw_kstr(&w, "text", done ? buf_str(&it->text) : S(""));
    jw_object_end(&w);
    out_frame_end(st, &w);
}

static void put_summary_done(struct writer_state *st, const struct out_item *it, struct buf *out)
{
    if (st->quiet)
        return;
    struct json_writer w = out_frame(st, out, "response.reasoning_summary_text.done");
    put_place(it, &w);
    jw_kstr(&w, "text", buf_str(&it->text));
    out_frame_end(st, &w);
}

static void set_seal(const struct answer_ask *ask, struct ir_seal *to, const struct ir_seal *seal)
{
    *to = (struct ir_seal){.value = str_dup(ask->arena, seal->value),
                           .id = str_dup(ask->arena, seal->id),
                           .issuer = seal->issuer};
}

static struct out_item *begin_reasoning(struct writer_state *st, const struct answer_ask *ask,
                                        const struct ir_part *p, struct buf *out)
{
    struct out_item *it = out_item_new(st, ask, OUT_REASONING);
    it->id = out_id(st, ask, "rs_", p->id.n ? p->id : p->seal.id);
    it->redacted = p->redacted;
    if (p->seal.value.n)
        set_seal(ask, &it->seal, &p->seal);
    out_added(st, it, out);
    return it;
}

static void end_reasoning(struct writer_state *st, const struct answer_ask *ask,
                          struct out_item *it, struct buf *out)
{
    if (it->text.n) {
        put_summary_done(st, it, out);
        put_summary_part(st, it, true, out);
    }
    if (it->redacted && it->seal.issuer != DIALECT_RESPONSES)
        it->seal.id = SEAL_REDACTED;
    out_done(st, ask, it, false, out);
}

/* The seal of a call or a text, as an item of its own. */
static void put_seal(struct writer_state *st, const struct answer_ask *ask,
                     const struct ir_seal *seal, str whose, struct buf *out)
{
    struct ir_part p = {.kind = IR_PART_REASONING, .seal = *seal};
    p.seal.id = whose;
    end_reasoning(st, ask, begin_reasoning(st, ask, &p, out), out);
}

/* ---- calls ---- */

static void begin_call(struct writer_state *st, const struct answer_ask *ask,
                       const struct ir_part *p, struct buf *out)
{
    const struct own_tool *own = p->call == IR_CALL_OWN ? own_tool_by_type(p->name) : NULL;
    enum out_kind kind = own ? OUT_OWN : p->call == IR_CALL_CUSTOM ? OUT_CUSTOM : OUT_FUNCTION;
    struct out_item *it = out_item_new(st, ask, kind);
    it->own = own;
    it->id = out_id(st, ask, own ? own->prefix : kind == OUT_CUSTOM ? "ctc_" : "fc_", p->item);
    it->call_id = p->id.n ? str_dup(ask->arena, p->id) : out_id(st, ask, "call_", S(""));
    it->name = str_dup(ask->arena, p->name);
    it->space = str_dup(ask->arena, p->space);
    out_added(st, it, out);
    set_head(it, delta_type(it));
}

static void put_arguments_done(struct writer_state *st, const struct out_item *it, struct buf *out)
{
    bool custom = it->kind == OUT_CUSTOM;
    if (st->quiet || it->kind == OUT_OWN)
        return;
    struct json_writer w = out_frame(st, out,
                                     custom ? "response.custom_tool_call_input.done"
                                            : "response.function_call_arguments.done");
    put_place(it, &w);
    if (!custom)
        jw_kstr(&w, "name", it->name);
    jw_key(&w, custom ? S("input") : S("arguments"));
    jw_str(&w, buf_str(&it->text));
    out_frame_end(st, &w);
}

static void end_call(struct writer_state *st, const struct answer_ask *ask, struct out_item *it,
                     struct buf *out)
{
    struct ir_seal seal = it->seal;
    if (!it->text.n && it->kind == OUT_FUNCTION)
        put_delta(st, it, S("{}"), out); /* SPEC 5.5 */
    put_arguments_done(st, it, out);
    out_done(st, ask, it, false, out);
    if (seal.value.n)
        put_seal(st, ask, &seal, SEAL_OF_LAST, out);
}

/* ---- events ---- */

/* The message that waits for another part of text, if there is one. */
static void close_message(struct writer_state *st, const struct answer_ask *ask, struct buf *out)
{
    struct out_item *it = st->last;
    if (it && it->kind == OUT_MESSAGE && it->open)
        out_done(st, ask, it, false, out);
}

static struct out_item *item_of(struct writer_state *st, const struct ir_event *e)
{
    if (st->last && st->last->speaking && st->last->part == e->index)
        return st->last;
    for (struct out_item *it = st->items; it; it = it->next) {
        if (it->speaking && it->part == e->index)
            return it;
    }
    return NULL;
}

static void on_begin(struct writer_state *st, const struct answer_ask *ask,
                     const struct ir_event *e, struct buf *out)
{
    const struct ir_part *p = e->part;
    switch (p->kind) {
    case IR_PART_TEXT:
    case IR_PART_REFUSAL:
        begin_text(st, ask, p, e->index, out);
        if (p->seal.value.n)
            set_seal(ask, &st->last->seal, &p->seal);
        return;
    case IR_PART_REASONING:
        close_message(st, ask, out);
        begin_reasoning(st, ask, p, out);
        break;
    case IR_PART_CALL:
        close_message(st, ask, out);
        if (p->call == IR_CALL_OWN && ask->from == DIALECT_RESPONSES && p->src) {
            out_whole_item(st, ask, p, out);
            return;
        }
        if (p->seal.value.n)
            put_seal(st, ask, &p->seal, SEAL_OF_NEXT, out);
        begin_call(st, ask, p, out);
        break;
    default:
        close_message(st, ask, out);
        out_whole_item(st, ask, p, out);
        return;
    }
    st->last->part = e->index;
    st->last->speaking = true;
}

static void on_delta(struct writer_state *st, const struct ir_event *e, struct buf *out)
{
    struct out_item *it = item_of(st, e);
    if (!it || !e->text.n)
        return;
    if (it->kind == OUT_REASONING && !it->text.n) {
        put_summary_part(st, it, false, out);
        set_head(it, delta_type(it));
    }
    put_delta(st, it, e->text, out);
}

static void end_item(struct writer_state *st, const struct answer_ask *ask, struct out_item *it,
                     struct buf *out)
{
    struct ir_seal seal = it->seal;
    switch (it->kind) {
    case OUT_MESSAGE:
        end_text(st, it, out);
        it->seal = (struct ir_seal){{NULL, 0}, {NULL, 0}, 0};
        if (!seal.value.n)
            return; /* more text may follow in the same message */
        out_done(st, ask, it, false, out);
        put_seal(st, ask, &seal, SEAL_OF_LAST, out);
        return;
    case OUT_REASONING: end_reasoning(st, ask, it, out); return;
    default: end_call(st, ask, it, out); return;
    }
}

/* The message that was open when the answer was cut off is as incomplete as the answer. */
static void end_all(struct writer_state *st, const struct answer_ask *ask, bool incomplete,
                    struct buf *out)
{
    for (struct out_item *it = st->items; it; it = it->next) {
        if (it->speaking)
            end_item(st, ask, it, out);
        if (it->open)
            out_done(st, ask, it, incomplete, out);
    }
}

static void on_end(struct writer_state *st, const struct answer_ask *ask, struct buf *out)
{
    bool incomplete = is_incomplete(st->finish);
    end_all(st, ask, incomplete, out);
    st->over = true;
    put_lifecycle(st, ask, incomplete ? "response.incomplete" : "response.completed",
                  incomplete ? "incomplete" : "completed", NULL, out);
}

/* SPEC 1.7: flat, and for Codex, which waits for nothing else, as a failed response. */
static void on_error(struct writer_state *st, const struct answer_ask *ask,
                     const struct ir_error *e, struct buf *out)
{
    st->over = true;
    if (ask->codex) {
        put_lifecycle(st, ask, "response.failed", "failed", e, out);
        return;
    }
    struct tap tap = {.sequence = (int64_t)st->sequence - 1};
    struct dialect_error error = {.status = e->status, .message = e->message};
    struct arena scratch;
    arena_init(&scratch);
    if (e->code.n)
        error.code = str_dup(&scratch, e->code).p;
    if (e->param.n)
        error.param = str_dup(&scratch, e->param).p;
    dialect_get(DIALECT_RESPONSES)->error_frame(&tap, &error, out);
    arena_fini(&scratch);
}

static void on_part_event(struct writer_state *st, const struct answer_ask *ask,
                          const struct ir_event *e, struct buf *out)
{
    struct out_item *it = item_of(st, e);
    if (!it)
        return;
    if (e->kind == IR_EV_SEAL)
        set_seal(ask, &it->seal, &e->part->seal);
    else if (e->kind == IR_EV_CITATION)
        on_citation(st, ask, it, e->citation, out);
    else if (e->kind == IR_EV_LOGPROBS)
        on_logprobs(it, e->json);
    else
        end_item(st, ask, it, out);
}

void responses_write_event(void *state, const struct answer_ask *ask, const struct ir_event *e,
                           struct buf *out)
{
    struct writer_state *st = state;
    if (st->over || e->choice)
        return;
    if (e->kind != IR_EV_ERROR || ask->codex)
        start(st, ask, e, out);
    switch (e->kind) {
    case IR_EV_START: break;
    case IR_EV_PART_BEGIN: on_begin(st, ask, e, out); break;
    case IR_EV_DELTA: on_delta(st, e, out); break;
    case IR_EV_FINISH: st->finish = e->finish; break;
    case IR_EV_USAGE: usage_merge(&st->usage, &e->usage); break;
    case IR_EV_END: on_end(st, ask, out); break;
    case IR_EV_ERROR: on_error(st, ask, e->error, out); break;
    default: on_part_event(st, ask, e, out); break;
    }
}

void responses_write_fini(void *state)
{
    struct writer_state *st = state;
    for (struct out_item *it = st->items; it; it = it->next) {
        out_item_free_buffers(it);
        buf_fini(&it->json);
    }
}

/* ---- whole answers ---- */

struct whole {
    struct writer_state st;
    const struct answer_ask *ask;
    struct buf *out;
};

static void take(void *arg, const struct ir_event *e)
{
    struct whole *whole = arg;
    if (e->kind != IR_EV_ERROR)
        responses_write_event(&whole->st, whole->ask, e, whole->out);
}

/* The dialect's own: the document, with the client's name of the model. */
static void put_own(const struct answer_ask *ask, yyjson_val *src, struct json_writer *w)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(src);
    jw_object(w);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        jw_key(w, jv_str(k));
        if (jv_is(k, "model") && yyjson_is_str(v))
            jw_str(w, ask->model);
        else
            jw_value(w, v);
    }
    jw_object_end(w);
}

void responses_write_whole(const struct answer_ask *ask, const struct ir_answer *an,
                           struct buf *out)
{
    struct json_writer w = json_writer(out);
    if (an->from == DIALECT_RESPONSES && an->src) {
        put_own(ask, an->src, &w);
        return;
    }
    struct answer_ask from = *ask;
    from.from = an->from;
    struct whole whole = {.st.quiet = true, .ask = &from, .out = out};
    ir_answer_emit(an, take, &whole);
    put_response(&whole.st, &from, is_incomplete(whole.st.finish) ? "incomplete" : "completed",
                 NULL, &w);
    responses_write_fini(&whole.st);
}

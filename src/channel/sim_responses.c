/*
 * Answers of the Responses API, whole and streamed, with every member that the Open Responses
 * document of 2026-04-24 requires. Each block of the plan is one output item; `output_index` is
 * its place, and sequence numbers count events from 0.
 */
#include "base/clock.h"
#include "channel/sim_priv.h"

static bool is_cut(const struct sim_plan *p)
{
    enum sim_finish f = p->choices[0].finish;

    return f == SIM_FINISH_LENGTH || f == SIM_FINISH_FILTERED;
}

/* ---- Items ---- */

static void put_text_part(const struct sim_block *b, str text, struct json_writer *w)
{
    jw_object(w);
    if (b->kind == SIM_REFUSAL) {
        jw_kstr(w, "type", S("refusal"));
        jw_kstr(w, "refusal", text);
    } else {
        jw_kstr(w, "type", S("output_text"));
        jw_key(w, S("annotations"));
        jw_array(w);
        jw_array_end(w);
        jw_key(w, S("logprobs"));
        jw_array(w);
        jw_array_end(w);
        jw_kstr(w, "text", text);
    }
    jw_object_end(w);
}

static void put_summary_part(str text, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "type", S("summary_text"));
    jw_kstr(w, "text", text);
    jw_object_end(w);
}

static void put_message(const struct sim_block *b, bool done, struct json_writer *w)
{
    jw_kstr(w, "type", S("message"));
    jw_kstr(w, "role", S("assistant"));
    jw_key(w, S("content"));
    jw_array(w);
    if (done)
        put_text_part(b, b->text, w);
    jw_array_end(w);
}

static void put_reasoning(const struct sim_plan *p, const struct sim_block *b, bool done,
                          struct json_writer *w)
{
    jw_kstr(w, "type", S("reasoning"));
    jw_key(w, S("summary"));
    jw_array(w);
    if (done && p->reasoning_shown)
        put_summary_part(b->text, w);
    jw_array_end(w);
    if (p->reasoning_sealed)
        jw_kstr(w, "encrypted_content", b->seal);
}

static void put_call(const struct sim_block *b, bool done, struct json_writer *w)
{
    bool custom = b->kind == SIM_CUSTOM_CALL;

    jw_kstr(w, "type", custom ? S("custom_tool_call") : S("function_call"));
    jw_kstr(w, "call_id", b->id);
    jw_kstr(w, "name", b->name);
    if (b->space.n)
        jw_kstr(w, "namespace", b->space);
    jw_key(w, custom ? S("input") : S("arguments"));
    jw_str(w, done ? b->text : S(""));
}

static void put_item(const struct sim_plan *p, const struct sim_block *b, bool done,
                     struct json_writer *w)
{
    bool cut = b->unfinished || p->choices[0].finish == SIM_FINISH_FILTERED;

    jw_object(w);
    jw_kstr(w, "id", b->item);
    switch (b->kind) {
    case SIM_REASONING: put_reasoning(p, b, done, w); break;
    case SIM_TEXT:
    case SIM_REFUSAL: put_message(b, done, w); break;
    case SIM_CALL:
    case SIM_CUSTOM_CALL: put_call(b, done, w); break;
    }
    jw_kstr(w, "status", !done ? S("in_progress") : cut ? S("incomplete") : S("completed"));
    jw_object_end(w);
}

/* ---- The response object ---- */

static void put_usage(const struct sim_plan *p, struct json_writer *w)
{
    jw_object(w);
    jw_ku64(w, "input_tokens", p->input_tokens);
    jw_key(w, S("input_tokens_details"));
    jw_object(w);
    jw_ku64(w, "cached_tokens", 0);
    jw_ku64(w, "cache_write_tokens", 0);
    jw_object_end(w);
    jw_ku64(w, "output_tokens", p->output_tokens);
    jw_key(w, S("output_tokens_details"));
    jw_object(w);
    jw_ku64(w, "reasoning_tokens", p->reasoning_tokens);
    jw_object_end(w);
    jw_ku64(w, "total_tokens", p->input_tokens + p->output_tokens);
    jw_object_end(w);
}

static void put_incomplete(const struct sim_plan *p, struct json_writer *w)
{
    jw_key(w, S("incomplete_details"));
    jw_object(w);
    jw_kstr(w, "reason",
            p->choices[0].finish == SIM_FINISH_LENGTH ? S("max_output_tokens")
                                                      : S("content_filter"));
    jw_object_end(w);
}

enum stage { RUNNING, DONE, FAILED };

static void put_error(enum stage stage, struct json_writer *w)
{
    if (stage != FAILED) {
        jw_knull(w, "error");
        return;
    }
    jw_key(w, S("error"));
    jw_object(w);
    jw_kstr(w, "code", S("server_error"));
    jw_kstr(w, "message", S("The simulator was told to fail here."));
    jw_object_end(w);
}

static void put_response(const struct sim_plan *p, enum stage stage, struct json_writer *w)
{
    bool done = stage == DONE;
    const struct sim_choice *c = &p->choices[0];

    jw_object(w);
    jw_kstr(w, "id", p->id);
    jw_kstr(w, "object", S("response"));
    jw_ku64(w, "created_at", p->created);
    jw_kstr(w, "status",
            stage == RUNNING  ? S("in_progress")
            : stage == FAILED ? S("failed")
            : is_cut(p)       ? S("incomplete")
                              : S("completed"));
    if (done && !is_cut(p))
        jw_ku64(w, "completed_at", clock_wall_ms() / 1000);
    else
        jw_knull(w, "completed_at");
    put_error(stage, w);
    if (done && is_cut(p))
        put_incomplete(p, w);
    else
        jw_knull(w, "incomplete_details");
    jw_kstr(w, "model", p->model);
    jw_key(w, S("output"));
    jw_array(w);
    for (size_t i = 0; done && i < c->count; i++)
        put_item(p, &p->blocks[c->first + i], true, w);
    jw_array_end(w);
    buf_put_char(w->out, ',');
    buf_put(w->out, p->echo); /* ends in a comma */
    w->comma = false;
    jw_key(w, S("usage"));
    if (done)
        put_usage(p, w);
    else
        jw_null(w);
    jw_object_end(w);
}

static void responses_whole(const struct sim_plan *p, struct buf *out)
{
    struct json_writer w = json_writer(out);

    put_response(p, DONE, &w);
}

/* ---- Events ---- */

static struct json_writer event(struct sim_plan *p, const char *type, struct buf *out)
{
    struct json_writer w;

    buf_lit(out, "event: ");
    buf_put(out, str_c(type));
    buf_lit(out, "\ndata: ");
    w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "type", str_c(type));
    jw_ku64(&w, "sequence_number", p->events++);
    return w;
}

static void event_end(struct json_writer *w)
{
    jw_object_end(w);
    buf_lit(w->out, "\n\n");
}

/* An event about a block; part: "content_index", "summary_index" or NULL. */
static struct json_writer item_event(struct sim_plan *p, const struct sim_block *b,
                                     const char *type, const char *part, struct buf *out)
{
    struct json_writer w = event(p, type, out);

    jw_kstr(&w, "item_id", b->item);
    jw_ku64(&w, "output_index", b->index);
    if (part) {
        jw_key(&w, str_c(part));
        jw_u64(&w, 0);
    }
    return w;
}

static void put_response_event(struct sim_plan *p, const char *type, enum stage stage,
                               struct buf *out)
{
    struct json_writer w = event(p, type, out);

    jw_key(&w, S("response"));
    put_response(p, stage, &w);
    event_end(&w);
}

static void responses_start(struct sim_plan *p, struct buf *out)
{
    put_response_event(p, "response.created", RUNNING, out);
    put_response_event(p, "response.in_progress", RUNNING, out);
}

static void put_item_event(struct sim_plan *p, const struct sim_block *b, bool done,
                           struct buf *out)
{
    struct json_writer w =
        event(p, done ? "response.output_item.done" : "response.output_item.added", out);

    jw_ku64(&w, "output_index", b->index);
    jw_key(&w, S("item"));
    put_item(p, b, done, &w);
    event_end(&w);
}

static void put_part_event(struct sim_plan *p, const struct sim_block *b, bool done,
                           struct buf *out)
{
    struct json_writer w;

    if (b->kind == SIM_REASONING) {
        w = item_event(p, b,
                       done ? "response.reasoning_summary_part.done"
                            : "response.reasoning_summary_part.added",
                       "summary_index", out);
        jw_key(&w, S("part"));
        put_summary_part(done ? b->text : S(""), &w);
    } else {
        w = item_event(p, b, done ? "response.content_part.done" : "response.content_part.added",
                       "content_index", out);
        jw_key(&w, S("part"));
        put_text_part(b, done ? b->text : S(""), &w);
    }
    event_end(&w);
}

/* How each kind of block names its events. */
static const struct {
    const char *delta, *done, *part;
    const char *member; /* of the done event that holds the whole text */
} names[] = {
    [SIM_REASONING] = {"response.reasoning_summary_text.delta",
                       "response.reasoning_summary_text.done", "summary_index", "text"},
    [SIM_TEXT] = {"response.output_text.delta", "response.output_text.done", "content_index",
                  "text"},
    [SIM_REFUSAL] = {"response.refusal.delta", "response.refusal.done", "content_index", "refusal"},
    [SIM_CALL] = {"response.function_call_arguments.delta", "response.function_call_arguments.done",
                  NULL, "arguments"},
    [SIM_CUSTOM_CALL] = {"response.custom_tool_call_input.delta",
                         "response.custom_tool_call_input.done", NULL, "input"},
};

static bool is_hidden(const struct sim_plan *p, const struct sim_block *b)
{
    return b->kind == SIM_REASONING && !p->reasoning_shown;
}

static void put_logprobs(const struct sim_block *b, struct json_writer *w)
{
    if (b->kind != SIM_TEXT)
        return;
    jw_key(w, S("logprobs"));
    jw_array(w);
    jw_array_end(w);
}

static void responses_open(struct sim_plan *p, const struct sim_block *b, struct buf *out)
{
    put_item_event(p, b, false, out);
    if (names[b->kind].part && !is_hidden(p, b))
        put_part_event(p, b, false, out);
}

static void responses_delta(struct sim_plan *p, const struct sim_block *b, str piece,
                            struct buf *out)
{
    struct json_writer w;

    if (is_hidden(p, b))
        return;
    w = item_event(p, b, names[b->kind].delta, names[b->kind].part, out);
    jw_kstr(&w, "delta", piece);
    put_logprobs(b, &w);
    event_end(&w);
}

static void responses_close(struct sim_plan *p, const struct sim_block *b, struct buf *out)
{
    struct json_writer w;

    if (!is_hidden(p, b)) {
        w = item_event(p, b, names[b->kind].done, names[b->kind].part, out);
        if (b->kind == SIM_CALL)
            jw_kstr(&w, "name", b->name);
        jw_key(&w, str_c(names[b->kind].member));
        jw_str(&w, b->text);
        put_logprobs(b, &w);
        event_end(&w);
        if (names[b->kind].part)
            put_part_event(p, b, true, out);
    }
    put_item_event(p, b, true, out);
}

static void responses_end(struct sim_plan *p, struct buf *out)
{
    put_response_event(p, is_cut(p) ? "response.incomplete" : "response.completed", DONE, out);
}

static void responses_fail(struct sim_plan *p, struct buf *out)
{
    put_response_event(p, "response.failed", FAILED, out);
}

const struct sim_writer sim_responses_writer = {
    .whole = responses_whole,
    .start = responses_start,
    .open = responses_open,
    .delta = responses_delta,
    .close = responses_close,
    .end = responses_end,
    .fail = responses_fail,
};

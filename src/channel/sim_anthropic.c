/*
 * Answers of the Messages API, whole and streamed: message_start, then for each block start,
 * deltas and stop, then message_delta with the stop reason and usage, then message_stop; one ping
 * after the first block began.
 */
#include "channel/sim_priv.h"

static str stop_reason(enum sim_finish f)
{
    switch (f) {
    case SIM_FINISH_SEQUENCE: return S("stop_sequence");
    case SIM_FINISH_LENGTH: return S("max_tokens");
    case SIM_FINISH_CALLS: return S("tool_use");
    case SIM_FINISH_REFUSED:
    case SIM_FINISH_FILTERED: return S("refusal");
    default: return S("end_turn");
    }
}

static void put_stop(const struct sim_choice *c, struct json_writer *w)
{
    jw_kstr(w, "stop_reason", stop_reason(c->finish));
    if (c->finish == SIM_FINISH_SEQUENCE)
        jw_kstr(w, "stop_sequence", c->stop);
    else
        jw_knull(w, "stop_sequence");
}

static void put_input_usage(const struct sim_plan *p, struct json_writer *w)
{
    jw_ku64(w, "input_tokens", p->input_tokens);
    jw_ku64(w, "cache_creation_input_tokens", 0);
    jw_ku64(w, "cache_read_input_tokens", 0);
}

static void put_output_usage(const struct sim_plan *p, struct json_writer *w)
{
    jw_ku64(w, "output_tokens", p->output_tokens);
    if (!p->reasoning_tokens)
        return;
    jw_key(w, S("output_tokens_details"));
    jw_object(w);
    jw_ku64(w, "thinking_tokens", p->reasoning_tokens);
    jw_object_end(w);
}

static void put_service(struct json_writer *w)
{
    jw_key(w, S("cache_creation"));
    jw_object(w);
    jw_ku64(w, "ephemeral_5m_input_tokens", 0);
    jw_ku64(w, "ephemeral_1h_input_tokens", 0);
    jw_object_end(w);
    jw_kstr(w, "service_tier", S("standard"));
    jw_kstr(w, "inference_geo", S("not_available"));
}

static void put_head(const struct sim_plan *p, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "model", p->model);
    jw_kstr(w, "id", p->id);
    jw_kstr(w, "type", S("message"));
    jw_kstr(w, "role", S("assistant"));
}

/* A block, whole or as it stands in content_block_start. */
static void put_block(const struct sim_plan *p, const struct sim_block *b, bool whole,
                      struct json_writer *w)
{
    jw_object(w);
    switch (b->kind) {
    case SIM_REASONING:
        jw_kstr(w, "type", S("thinking"));
        jw_kstr(w, "thinking", whole && p->reasoning_shown ? b->text : S(""));
        jw_kstr(w, "signature", whole ? b->seal : S(""));
        break;
    case SIM_TEXT:
    case SIM_REFUSAL:
        jw_kstr(w, "type", S("text"));
        jw_kstr(w, "text", whole ? b->text : S(""));
        break;
    case SIM_CALL:
    case SIM_CUSTOM_CALL:
        jw_kstr(w, "type", S("tool_use"));
        jw_kstr(w, "id", b->id);
        jw_kstr(w, "name", b->name);
        jw_key(w, S("input"));
        jw_raw(w, whole ? b->text : S("{}"));
        break;
    }
    jw_object_end(w);
}

static void anthropic_whole(const struct sim_plan *p, struct buf *out)
{
    struct json_writer w = json_writer(out);
    const struct sim_choice *c = &p->choices[0];

    put_head(p, &w);
    jw_key(&w, S("content"));
    jw_array(&w);
    for (size_t i = 0; i < c->count; i++)
        put_block(p, &p->blocks[c->first + i], true, &w);
    jw_array_end(&w);
    put_stop(c, &w);
    jw_key(&w, S("usage"));
    jw_object(&w);
    put_input_usage(p, &w);
    put_output_usage(p, &w);
    put_service(&w);
    jw_object_end(&w);
    jw_object_end(&w);
}

/* ---- Events ---- */

static struct json_writer event(const char *type, struct buf *out)
{
    struct json_writer w;

    buf_lit(out, "event: ");
    buf_put(out, str_c(type));
    buf_lit(out, "\ndata: ");
    w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "type", str_c(type));
    return w;
}

static void event_end(struct json_writer *w)
{
    jw_object_end(w);
    buf_lit(w->out, "\n\n");
}

static void anthropic_start(struct sim_plan *p, struct buf *out)
{
    struct json_writer w = event("message_start", out);

    jw_key(&w, S("message"));
    put_head(p, &w);
    jw_key(&w, S("content"));
    jw_array(&w);
    jw_array_end(&w);
    jw_knull(&w, "stop_reason");
    jw_knull(&w, "stop_sequence");
    jw_key(&w, S("usage"));
    jw_object(&w);
    put_input_usage(p, &w);
    jw_ku64(&w, "output_tokens", 1);
    put_service(&w);
    jw_object_end(&w);
    jw_object_end(&w);
    event_end(&w);
}

static void anthropic_open(struct sim_plan *p, const struct sim_block *b, struct buf *out)
{
    struct json_writer w = event("content_block_start", out);

    jw_ku64(&w, "index", b->index);
    jw_key(&w, S("content_block"));
    put_block(p, b, false, &w);
    event_end(&w);
    if (p->pinged)
        return;
    p->pinged = true;
    w = event("ping", out);
    event_end(&w);
}

static void put_delta(const struct sim_block *b, const char *type, const char *member, str value,
                      struct buf *out)
{
    struct json_writer w = event("content_block_delta", out);

    jw_ku64(&w, "index", b->index);
    jw_key(&w, S("delta"));
    jw_object(&w);
    jw_kstr(&w, "type", str_c(type));
    jw_key(&w, str_c(member));
    jw_str(&w, value);
    jw_object_end(&w);
    event_end(&w);
}

static void anthropic_delta(struct sim_plan *p, const struct sim_block *b, str piece,
                            struct buf *out)
{
    switch (b->kind) {
    case SIM_REASONING:
        if (p->reasoning_shown)
            put_delta(b, "thinking_delta", "thinking", piece, out);
        break;
    case SIM_TEXT:
    case SIM_REFUSAL: put_delta(b, "text_delta", "text", piece, out); break;
    case SIM_CALL:
    case SIM_CUSTOM_CALL: put_delta(b, "input_json_delta", "partial_json", piece, out); break;
    }
}

static void anthropic_close(struct sim_plan *p, const struct sim_block *b, struct buf *out)
{
    struct json_writer w;

    (void)p;
    if (b->kind == SIM_REASONING)
        put_delta(b, "signature_delta", "signature", b->seal, out);
    w = event("content_block_stop", out);
    jw_ku64(&w, "index", b->index);
    event_end(&w);
}

static void anthropic_end(struct sim_plan *p, struct buf *out)
{
    struct json_writer w = event("message_delta", out);

    jw_key(&w, S("delta"));
    jw_object(&w);
    put_stop(&p->choices[0], &w);
    jw_object_end(&w);
    jw_key(&w, S("usage"));
    jw_object(&w);
    put_input_usage(p, &w);
    put_output_usage(p, &w);
    jw_object_end(&w);
    event_end(&w);
    w = event("message_stop", out);
    event_end(&w);
}

static void anthropic_fail(struct sim_plan *p, struct buf *out)
{
    struct json_writer w = event("error", out);

    (void)p;
    jw_key(&w, S("error"));
    jw_object(&w);
    jw_kstr(&w, "type", S("overloaded_error"));
    jw_kstr(&w, "message", S("Overloaded"));
    jw_object_end(&w);
    event_end(&w);
}

const struct sim_writer sim_anthropic_writer = {
    .whole = anthropic_whole,
    .start = anthropic_start,
    .open = anthropic_open,
    .delta = anthropic_delta,
    .close = anthropic_close,
    .end = anthropic_end,
    .fail = anthropic_fail,
};

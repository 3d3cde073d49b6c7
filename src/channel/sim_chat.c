/*
 * Answers of Chat Completions (chat.completion, chat.completion.chunk) and of the older
 * Completions (text_completion), whole and streamed. Reasoning stands in `reasoning_content`, as
 * providers of open models have it; OpenAI itself shows none.
 */
#include "channel/sim_priv.h"

/* "length" and the like; calls win over everything else. */
static str finish_word(enum sim_finish f)
{
    switch (f) {
    case SIM_FINISH_LENGTH: return S("length");
    case SIM_FINISH_CALLS: return S("tool_calls");
    case SIM_FINISH_FILTERED: return S("content_filter");
    default: return S("stop");
    }
}

static void put_usage(const struct sim_plan *p, struct json_writer *w)
{
    jw_key(w, S("usage"));
    jw_object(w);
    jw_ku64(w, "prompt_tokens", p->input_tokens);
    jw_ku64(w, "completion_tokens", p->output_tokens);
    jw_ku64(w, "total_tokens", p->input_tokens + p->output_tokens);
    jw_key(w, S("prompt_tokens_details"));
    jw_object(w);
    jw_ku64(w, "cached_tokens", 0);
    jw_ku64(w, "audio_tokens", 0);
    jw_object_end(w);
    jw_key(w, S("completion_tokens_details"));
    jw_object(w);
    jw_ku64(w, "reasoning_tokens", p->reasoning_tokens);
    jw_ku64(w, "audio_tokens", 0);
    jw_ku64(w, "accepted_prediction_tokens", 0);
    jw_ku64(w, "rejected_prediction_tokens", 0);
    jw_object_end(w);
    jw_object_end(w);
}

/* Opens the object and writes what all answers and chunks begin with. */
static void put_head(const struct sim_plan *p, const char *object, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "id", p->id);
    jw_kstr(w, "object", str_c(object));
    jw_ku64(w, "created", p->created);
    jw_kstr(w, "model", p->model);
}

static void put_tail(struct json_writer *w)
{
    jw_kstr(w, "service_tier", S("default"));
    jw_kstr(w, "system_fingerprint", S("fp_simulator"));
}

/* ---- Whole ---- */

/* The text of the first block of that kind; false if the choice has none. */
static bool find_text(const struct sim_plan *p, const struct sim_choice *c,
                      enum sim_block_kind kind, str *out)
{
    for (size_t i = 0; i < c->count; i++)
        if (p->blocks[c->first + i].kind == kind) {
            *out = p->blocks[c->first + i].text;
            return true;
        }
    return false;
}

static void put_call(const struct sim_block *b, bool streamed, struct json_writer *w)
{
    bool custom = b->kind == SIM_CUSTOM_CALL;

    jw_object(w);
    if (streamed)
        jw_ku64(w, "index", b->call);
    jw_kstr(w, "id", b->id);
    jw_kstr(w, "type", custom ? S("custom") : S("function"));
    jw_key(w, custom ? S("custom") : S("function"));
    jw_object(w);
    jw_kstr(w, "name", b->name);
    jw_key(w, custom ? S("input") : S("arguments"));
    jw_str(w, streamed ? S("") : b->text);
    jw_object_end(w);
    jw_object_end(w);
}

static void put_message(const struct sim_plan *p, const struct sim_choice *c, struct json_writer *w)
{
    bool calls = false;
    str text;

    jw_object(w);
    jw_kstr(w, "role", S("assistant"));
    if (find_text(p, c, SIM_TEXT, &text))
        jw_kstr(w, "content", text);
    else
        jw_knull(w, "content");
    if (find_text(p, c, SIM_REASONING, &text))
        jw_kstr(w, "reasoning_content", text);
    if (find_text(p, c, SIM_REFUSAL, &text))
        jw_kstr(w, "refusal", text);
    else
        jw_knull(w, "refusal");
    for (size_t i = 0; i < c->count; i++) {
        const struct sim_block *b = &p->blocks[c->first + i];

        if (b->kind != SIM_CALL && b->kind != SIM_CUSTOM_CALL)
            continue;
        if (!calls) {
            jw_key(w, S("tool_calls"));
            jw_array(w);
            calls = true;
        }
        put_call(b, false, w);
    }
    if (calls)
        jw_array_end(w);
    jw_key(w, S("annotations"));
    jw_array(w);
    jw_array_end(w);
    jw_object_end(w);
}

static void chat_whole(const struct sim_plan *p, struct buf *out)
{
    struct json_writer w = json_writer(out);

    put_head(p, "chat.completion", &w);
    jw_key(&w, S("choices"));
    jw_array(&w);
    for (size_t k = 0; k < p->n_choices; k++) {
        jw_object(&w);
        jw_ku64(&w, "index", k);
        jw_key(&w, S("message"));
        put_message(p, &p->choices[k], &w);
        jw_knull(&w, "logprobs");
        jw_kstr(&w, "finish_reason", finish_word(p->choices[k].finish));
        jw_object_end(&w);
    }
    jw_array_end(&w);
    put_usage(p, &w);
    put_tail(&w);
    jw_object_end(&w);
}

/* ---- Streamed ---- */

/* Begins a chunk up to the opened delta of its one choice. */
static struct json_writer chunk(const struct sim_plan *p, size_t choice, struct buf *out)
{
    struct json_writer w;

    buf_lit(out, "data: ");
    w = json_writer(out);
    put_head(p, "chat.completion.chunk", &w);
    put_tail(&w);
    jw_key(&w, S("choices"));
    jw_array(&w);
    jw_object(&w);
    jw_ku64(&w, "index", choice);
    jw_key(&w, S("delta"));
    jw_object(&w);
    return w;
}

/* Closes it; finish.n == 0 is null. */
static void chunk_end(const struct sim_plan *p, struct json_writer *w, str finish)
{
    jw_object_end(w);
    jw_knull(w, "logprobs");
    if (finish.n)
        jw_kstr(w, "finish_reason", finish);
    else
        jw_knull(w, "finish_reason");
    jw_object_end(w);
    jw_array_end(w);
    if (p->include_usage)
        jw_knull(w, "usage");
    jw_object_end(w);
    buf_lit(w->out, "\n\n");
}

static void chat_choice(struct sim_plan *p, size_t choice, struct buf *out)
{
    struct json_writer w = chunk(p, choice, out);

    jw_kstr(&w, "role", S("assistant"));
    jw_kstr(&w, "content", S(""));
    jw_knull(&w, "refusal");
    chunk_end(p, &w, S(""));
}

static void chat_open(struct sim_plan *p, const struct sim_block *b, struct buf *out)
{
    struct json_writer w;

    if (b->kind != SIM_CALL && b->kind != SIM_CUSTOM_CALL)
        return;
    w = chunk(p, b->choice, out);
    jw_key(&w, S("tool_calls"));
    jw_array(&w);
    put_call(b, true, &w);
    jw_array_end(&w);
    chunk_end(p, &w, S(""));
}

static void put_call_delta(const struct sim_block *b, str piece, struct json_writer *w)
{
    bool custom = b->kind == SIM_CUSTOM_CALL;

    jw_key(w, S("tool_calls"));
    jw_array(w);
    jw_object(w);
    jw_ku64(w, "index", b->call);
    jw_key(w, custom ? S("custom") : S("function"));
    jw_object(w);
    jw_key(w, custom ? S("input") : S("arguments"));
    jw_str(w, piece);
    jw_object_end(w);
    jw_object_end(w);
    jw_array_end(w);
}

static void chat_delta(struct sim_plan *p, const struct sim_block *b, str piece, struct buf *out)
{
    struct json_writer w = chunk(p, b->choice, out);

    switch (b->kind) {
    case SIM_REASONING: jw_kstr(&w, "reasoning_content", piece); break;
    case SIM_TEXT: jw_kstr(&w, "content", piece); break;
    case SIM_REFUSAL: jw_kstr(&w, "refusal", piece); break;
    case SIM_CALL:
    case SIM_CUSTOM_CALL: put_call_delta(b, piece, &w); break;
    }
    chunk_end(p, &w, S(""));
}

static void chat_finish(struct sim_plan *p, size_t choice, struct buf *out)
{
    struct json_writer w = chunk(p, choice, out);

    chunk_end(p, &w, finish_word(p->choices[choice].finish));
}

static void chat_end(struct sim_plan *p, struct buf *out)
{
    struct json_writer w;

    if (p->include_usage) {
        buf_lit(out, "data: ");
        w = json_writer(out);
        put_head(p, "chat.completion.chunk", &w);
        put_tail(&w);
        jw_key(&w, S("choices"));
        jw_array(&w);
        jw_array_end(&w);
        put_usage(p, &w);
        jw_object_end(&w);
        buf_lit(out, "\n\n");
    }
    buf_lit(out, "data: [DONE]\n\n");
}

static void chat_fail(struct sim_plan *p, struct buf *out)
{
    (void)p;
    buf_lit(out, "data: {\"error\":{\"message\":\"The simulator was told to fail here.\","
                 "\"type\":\"server_error\",\"param\":null,\"code\":\"server_error\"}}\n\n");
}

const struct sim_writer sim_chat_writer = {
    .whole = chat_whole,
    .choice = chat_choice,
    .open = chat_open,
    .delta = chat_delta,
    .finish = chat_finish,
    .end = chat_end,
    .fail = chat_fail,
};

/* ---- Completions ---- */

static void put_text_choice(size_t choice, str text, str finish, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "text", text);
    jw_ku64(w, "index", choice);
    jw_knull(w, "logprobs");
    if (finish.n)
        jw_kstr(w, "finish_reason", finish);
    else
        jw_knull(w, "finish_reason");
    jw_object_end(w);
}

static void completions_whole(const struct sim_plan *p, struct buf *out)
{
    struct json_writer w = json_writer(out);

    put_head(p, "text_completion", &w);
    jw_key(&w, S("choices"));
    jw_array(&w);
    for (size_t k = 0; k < p->n_choices; k++) {
        str text = {NULL, 0};

        if (!find_text(p, &p->choices[k], SIM_TEXT, &text))
            (void)find_text(p, &p->choices[k], SIM_REFUSAL, &text);
        put_text_choice(k, text, finish_word(p->choices[k].finish), &w);
    }
    jw_array_end(&w);
    put_usage(p, &w);
    jw_kstr(&w, "system_fingerprint", S("fp_simulator"));
    jw_object_end(&w);
}

static void completions_chunk(const struct sim_plan *p, size_t choice, str text, str finish,
                              struct buf *out)
{
    struct json_writer w;

    buf_lit(out, "data: ");
    w = json_writer(out);
    put_head(p, "text_completion", &w);
    jw_kstr(&w, "system_fingerprint", S("fp_simulator"));
    jw_key(&w, S("choices"));
    jw_array(&w);
    put_text_choice(choice, text, finish, &w);
    jw_array_end(&w);
    if (p->include_usage)
        jw_knull(&w, "usage");
    jw_object_end(&w);
    buf_lit(out, "\n\n");
}

static void completions_delta(struct sim_plan *p, const struct sim_block *b, str piece,
                              struct buf *out)
{
    if (b->kind == SIM_TEXT || b->kind == SIM_REFUSAL)
        completions_chunk(p, b->choice, piece, S(""), out);
}

static void completions_finish(struct sim_plan *p, size_t choice, struct buf *out)
{
    completions_chunk(p, choice, S(""), finish_word(p->choices[choice].finish), out);
}

static void completions_end(struct sim_plan *p, struct buf *out)
{
    struct json_writer w;

    if (p->include_usage) {
        buf_lit(out, "data: ");
        w = json_writer(out);
        put_head(p, "text_completion", &w);
        jw_key(&w, S("choices"));
        jw_array(&w);
        jw_array_end(&w);
        put_usage(p, &w);
        jw_object_end(&w);
        buf_lit(out, "\n\n");
    }
    buf_lit(out, "data: [DONE]\n\n");
}

const struct sim_writer sim_completions_writer = {
    .whole = completions_whole,
    .delta = completions_delta,
    .finish = completions_finish,
    .end = completions_end,
    .fail = chat_fail,
};

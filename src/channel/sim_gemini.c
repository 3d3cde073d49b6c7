/*
 * Answers of generateContent, whole; streamed as SSE (alt=sse) or as one JSON array. Every chunk
 * is a full GenerateContentResponse; the last of each candidate carries its finishReason. A
 * function call comes in one piece. A thoughtSignature stands on the first part after thinking.
 */
#include "channel/sim_priv.h"

static str finish_reason(enum sim_finish f)
{
    switch (f) {
    case SIM_FINISH_LENGTH: return S("MAX_TOKENS");
    case SIM_FINISH_REFUSED:
    case SIM_FINISH_FILTERED: return S("SAFETY");
    default: return S("STOP");
    }
}

/* candidatesTokenCount is without thoughts. written: tokens so far, thoughts included. */
static void put_usage(const struct sim_plan *p, uint64_t written, struct json_writer *w)
{
    uint64_t thoughts = written < p->reasoning_tokens ? written : p->reasoning_tokens;

    jw_key(w, S("usageMetadata"));
    jw_object(w);
    jw_ku64(w, "promptTokenCount", p->input_tokens);
    if (written > thoughts)
        jw_ku64(w, "candidatesTokenCount", written - thoughts);
    jw_ku64(w, "totalTokenCount", p->input_tokens + written);
    jw_key(w, S("promptTokensDetails"));
    jw_array(w);
    jw_object(w);
    jw_kstr(w, "modality", S("TEXT"));
    jw_ku64(w, "tokenCount", p->input_tokens);
    jw_object_end(w);
    jw_array_end(w);
    if (thoughts)
        jw_ku64(w, "thoughtsTokenCount", thoughts);
    jw_object_end(w);
}

static void put_tail(const struct sim_plan *p, uint64_t written, struct json_writer *w)
{
    put_usage(p, written, w);
    jw_kstr(w, "modelVersion", p->model);
    jw_kstr(w, "responseId", p->id);
    jw_object_end(w);
}

static bool is_hidden(const struct sim_plan *p, const struct sim_block *b)
{
    return (b->kind == SIM_REASONING && !p->reasoning_shown) || b->kind == SIM_REFUSAL;
}

/* A part with a text, or with a function call. */
static void put_part(const struct sim_block *b, str text, bool signature, struct json_writer *w)
{
    jw_object(w);
    if (b->kind == SIM_CALL || b->kind == SIM_CUSTOM_CALL) {
        jw_key(w, S("functionCall"));
        jw_object(w);
        jw_kstr(w, "name", b->name);
        jw_key(w, S("args"));
        jw_raw(w, b->text);
        jw_kstr(w, "id", b->id);
        jw_object_end(w);
    } else {
        jw_kstr(w, "text", text);
        if (b->kind == SIM_REASONING)
            jw_kbool(w, "thought", true);
    }
    if (signature && b->kind != SIM_REASONING && b->seal.n)
        jw_kstr(w, "thoughtSignature", b->seal);
    jw_object_end(w);
}

/* Opens a candidate with its content and parts. */
static void candidate(struct json_writer *w)
{
    jw_object(w);
    jw_key(w, S("content"));
    jw_object(w);
    jw_key(w, S("parts"));
    jw_array(w);
}

static void candidate_end(size_t choice, str finish, struct json_writer *w)
{
    jw_array_end(w);
    jw_kstr(w, "role", S("model"));
    jw_object_end(w);
    if (finish.n)
        jw_kstr(w, "finishReason", finish);
    jw_ku64(w, "index", choice);
    jw_object_end(w);
}

/* A candidate stopped for safety has no content at all. */
static void put_refused(size_t choice, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "finishReason", S("SAFETY"));
    jw_ku64(w, "index", choice);
    jw_key(w, S("safetyRatings"));
    jw_array(w);
    jw_object(w);
    jw_kstr(w, "category", S("HARM_CATEGORY_DANGEROUS_CONTENT"));
    jw_kstr(w, "probability", S("HIGH"));
    jw_kbool(w, "blocked", true);
    jw_object_end(w);
    jw_array_end(w);
    jw_object_end(w);
}

static void put_candidate(const struct sim_plan *p, size_t choice, struct json_writer *w)
{
    const struct sim_choice *c = &p->choices[choice];

    if (c->finish == SIM_FINISH_REFUSED) {
        put_refused(choice, w);
        return;
    }
    candidate(w);
    for (size_t i = 0; i < c->count; i++) {
        const struct sim_block *b = &p->blocks[c->first + i];

        if (!is_hidden(p, b))
            put_part(b, b->text, true, w);
    }
    candidate_end(choice, finish_reason(c->finish), w);
}

static void gemini_whole(const struct sim_plan *p, struct buf *out)
{
    struct json_writer w = json_writer(out);

    jw_object(&w);
    jw_key(&w, S("candidates"));
    jw_array(&w);
    for (size_t k = 0; k < p->n_choices; k++)
        put_candidate(p, k, &w);
    jw_array_end(&w);
    put_tail(p, p->output_tokens, &w);
}

/* ---- Chunks ---- */

static struct json_writer chunk(struct sim_plan *p, struct buf *out)
{
    struct json_writer w;

    if (!p->json_array)
        buf_lit(out, "data: ");
    else
        buf_put(out, p->events ? S(",\r\n") : S("["));
    p->events++;
    w = json_writer(out);
    jw_object(&w);
    jw_key(&w, S("candidates"));
    jw_array(&w);
    return w;
}

static void chunk_end(struct sim_plan *p, struct json_writer *w)
{
    jw_array_end(w);
    put_tail(p, p->written_tokens, w);
    if (!p->json_array)
        buf_lit(w->out, "\r\n\r\n");
}

static bool is_first_piece(const struct sim_block *b, str piece)
{
    return piece.p == b->text.p;
}

static void gemini_delta(struct sim_plan *p, const struct sim_block *b, str piece, struct buf *out)
{
    struct json_writer w;

    if (is_hidden(p, b) || b->kind == SIM_CALL || b->kind == SIM_CUSTOM_CALL)
        return;
    w = chunk(p, out);
    candidate(&w);
    put_part(b, piece, is_first_piece(b, piece), &w);
    candidate_end(b->choice, S(""), &w);
    chunk_end(p, &w);
}

static void gemini_close(struct sim_plan *p, const struct sim_block *b, struct buf *out)
{
    struct json_writer w;

    p->written_tokens += sim_tokens(b->text.n + b->name.n);
    if (b->kind != SIM_CALL && b->kind != SIM_CUSTOM_CALL)
        return;
    w = chunk(p, out);
    candidate(&w);
    put_part(b, b->text, true, &w);
    candidate_end(b->choice, S(""), &w);
    chunk_end(p, &w);
}

static void gemini_finish(struct sim_plan *p, size_t choice, struct buf *out)
{
    const struct sim_choice *c = &p->choices[choice];
    struct json_writer w = chunk(p, out);

    if (c->finish == SIM_FINISH_REFUSED) {
        put_refused(choice, &w);
    } else {
        candidate(&w);
        jw_object(&w);
        jw_kstr(&w, "text", S(""));
        jw_object_end(&w);
        candidate_end(choice, finish_reason(c->finish), &w);
    }
    chunk_end(p, &w);
}

static void gemini_end(struct sim_plan *p, struct buf *out)
{
    if (p->json_array)
        buf_lit(out, "]");
}

static void gemini_fail(struct sim_plan *p, struct buf *out)
{
    static const char error[] = "{\"error\":{\"code\":503,\"message\":\"The simulator was told to "
                                "fail here.\",\"status\":\"UNAVAILABLE\"}}";

    if (p->json_array) {
        buf_put(out, p->events ? S(",\r\n") : S("["));
        buf_put(out, str_c(error));
        buf_lit(out, "]");
        return;
    }
    buf_lit(out, "data: ");
    buf_put(out, str_c(error));
    buf_lit(out, "\r\n\r\n");
}

const struct sim_writer sim_gemini_writer = {
    .whole = gemini_whole,
    .delta = gemini_delta,
    .close = gemini_close,
    .finish = gemini_finish,
    .end = gemini_end,
    .fail = gemini_fail,
};

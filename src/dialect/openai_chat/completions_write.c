/*
 * dialect/openai_chat/completions_write.c - answers for clients of /v1/completions.
 *
 * Text alone, in choices[].text: chunks that have neither text nor a reason are not sent (SPEC
 * 1.6). A refusal is text too; the endpoint has no other place for it. Its log probabilities are
 * four lists side by side rather than chat's one.
 */
#include "dialect/openai_chat/writer.h"

struct writing {
    struct chat_stream *s;
    const struct answer_ask *ask;
    struct buf *out;
    struct chat_out_choice *choice;
};

/* The endpoint knows three reasons. */
static str finish_word(enum ir_finish f)
{
    str word = chat_finish_word(f, false);
    return str_eq(word, S("tool_calls")) ? S("stop") : word;
}

/* ---- log probabilities ---- */

static void put_tokens(struct json_writer *w, yyjson_val *content)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(content);
    jw_key(w, S("tokens"));
    jw_array(w);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));)
        jw_value(w, yyjson_obj_get(v, "token"));
    jw_array_end(w);
    it = yyjson_arr_iter_with(content);
    jw_key(w, S("token_logprobs"));
    jw_array(w);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));)
        jw_value(w, yyjson_obj_get(v, "logprob"));
    jw_array_end(w);
}

static void put_tops(struct json_writer *w, yyjson_val *content)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(content);
    jw_key(w, S("top_logprobs"));
    jw_array(w);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));) {
        yyjson_arr_iter tops = yyjson_arr_iter_with(jv_get(v, "top_logprobs"));
        jw_object(w);
        for (yyjson_val *t; (t = yyjson_arr_iter_next(&tops));) {
            jw_key(w, jv_get_str(t, "token"));
            jw_value(w, yyjson_obj_get(t, "logprob"));
        }
        jw_object_end(w);
    }
    jw_array_end(w);
}

/* Where each token begins in the text, in characters. */
static void put_offsets(struct json_writer *w, yyjson_val *content, int64_t *offset)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(content);
    jw_key(w, S("text_offset"));
    jw_array(w);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));) {
        jw_i64(w, *offset);
        *offset += (int64_t)str_chars(jv_get_str(v, "token"));
    }
    jw_array_end(w);
}

static void put_logprobs(struct json_writer *w, yyjson_val *content, int64_t *offset)
{
    jw_key(w, S("logprobs"));
    if (!content) {
        jw_null(w);
        return;
    }
    jw_object(w);
    put_tokens(w, content);
    put_tops(w, content);
    put_offsets(w, content, offset);
    jw_object_end(w);
}

/* ---- chunks ---- */

static void put_chunk(const struct writing *wr, str text, yyjson_val *logprobs, str reason)
{
    struct json_writer w = json_writer(wr->out);
    buf_put(wr->out, buf_str(&wr->s->head));
    jw_array(&w);
    jw_object(&w);
    jw_ku64(&w, "index", wr->choice->index);
    jw_kstr(&w, "text", text);
    put_logprobs(&w, logprobs, &wr->choice->offset);
    jw_key(&w, S("finish_reason"));
    if (reason.n)
        jw_str(&w, reason);
    else
        jw_null(&w);
    jw_object_end(&w);
    jw_array_end(&w);
    if (wr->ask->include_usage)
        jw_knull(&w, "usage");
    buf_lit(wr->out, "}\n\n");
}

/* With echo the prompt comes first. */
static void want_choice(struct writing *wr, unsigned index)
{
    struct chat_out_choice *c = wr->choice = chat_out_choice_of(wr->s, wr->ask, index);
    if (c->echoed)
        return;
    c->echoed = true;
    c->offset = (int64_t)str_chars(wr->ask->prompt);
    if (wr->ask->prompt.n)
        put_chunk(wr, wr->ask->prompt, NULL, S(""));
}

static void on_part_begin(struct writing *wr, const struct ir_event *e)
{
    struct chat_out_part *p = arena_new(wr->ask->arena, struct chat_out_part);
    p->index = e->index;
    p->kind = e->part->kind;
    p->next = wr->choice->parts;
    wr->choice->parts = p;
}

static void on_delta(struct writing *wr, const struct ir_event *e)
{
    const struct chat_out_part *p = chat_out_part_of(wr->choice, e->index);
    if (p && e->text.n && (p->kind == IR_PART_TEXT || p->kind == IR_PART_REFUSAL))
        put_chunk(wr, e->text, NULL, S(""));
}

static void on_end(struct writing *wr)
{
    want_choice(wr, 0);
    for (wr->choice = wr->s->choices; wr->choice; wr->choice = wr->choice->next)
        put_chunk(wr, S(""), NULL, finish_word(wr->choice->finish));
    chat_stream_end(wr->s, wr->ask, wr->out);
}

void completions_write_event(void *state, const struct answer_ask *ask, const struct ir_event *e,
                             struct buf *out)
{
    struct writing wr = {state, ask, out, NULL};
    if (!chat_stream_goes_on(wr.s, ask, e, out))
        return;
    if (e->kind == IR_EV_END)
        on_end(&wr);
    else if (e->kind != IR_EV_USAGE)
        want_choice(&wr, e->choice);
    if (!wr.choice)
        return;
    switch (e->kind) {
    case IR_EV_PART_BEGIN: on_part_begin(&wr, e); break;
    case IR_EV_DELTA: on_delta(&wr, e); break;
    case IR_EV_LOGPROBS: put_chunk(&wr, S(""), e->json, S("")); break;
    case IR_EV_PART_END: chat_out_part_over(wr.choice, e->index); break;
    case IR_EV_FINISH: wr.choice->finish = e->finish; break;
    default: break;
    }
}

/* ---- whole answers ---- */

static str text_of(const struct answer_ask *ask, const struct ir_reply *r)
{
    str text = ask->prompt;
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        str both[] = {text, p->text};
        if ((p->kind == IR_PART_TEXT || p->kind == IR_PART_REFUSAL) && p->text.n)
            text = text.n ? str_join(ask->arena, both, 2) : p->text;
    }
    return text;
}

static yyjson_val *logprobs_of(const struct ir_reply *r)
{
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        if (p->logprobs)
            return p->logprobs;
    }
    return NULL;
}

static void put_reply(struct json_writer *w, const struct answer_ask *ask, const struct ir_reply *r)
{
    int64_t offset = (int64_t)str_chars(ask->prompt);
    jw_object(w);
    jw_ku64(w, "index", r->index);
    jw_kstr(w, "text", text_of(ask, r));
    put_logprobs(w, logprobs_of(r), &offset);
    jw_kstr(w, "finish_reason", finish_word(r->finish));
    jw_object_end(w);
}

void completions_write_whole(const struct answer_ask *ask, const struct ir_answer *an,
                             struct buf *out)
{
    struct json_writer w = json_writer(out);
    struct ir_reply none = {.finish = IR_FINISH_STOP};
    ir_parts_init(&none.parts);
    if (an->error) {
        chat_error_write(&w, an->error);
        return;
    }
    jw_object(&w);
    chat_put_head(&w, ask, chat_answer_id(ask, an->id, "cmpl-"), S("text_completion"), an->created);
    jw_key(&w, S("choices"));
    jw_array(&w);
    for (const struct ir_reply *r = an->replies ? an->replies : &none; r; r = r->next)
        put_reply(&w, ask, r);
    jw_array_end(&w);
    jw_key(&w, S("usage"));
    chat_usage_write(&w, &an->usage);
    jw_object_end(&w);
}

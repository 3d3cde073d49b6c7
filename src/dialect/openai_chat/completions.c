/*
 * dialect/openai_chat/completions.c - reads /v1/completions requests (SPEC 1.6).
 *
 * A prompt becomes one message of the user, and the request is one for chat from then on, of this
 * dialect but without a document of its own. What chat cannot say is refused where the answer
 * would be about something else: several prompts, prompts as tokens, text to fill in before.
 */
#include "dialect/openai_chat/options.h"
#include "dialect/openai_chat/writer.h"

/* The one text of a prompt; p == NULL when it is something else. */
static str text_of(yyjson_val *v)
{
    if (!yyjson_is_arr(v))
        return jv_str(v);
    return yyjson_arr_size(v) == 0   ? S("")
           : yyjson_arr_size(v) == 1 ? jv_str(yyjson_arr_get_first(v))
                                     : (str){NULL, 0};
}

static enum err read_prompt(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    str text = text_of(v);
    if (!text.p && yyjson_is_str(yyjson_arr_get_first(v)))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"prompt\" has %zu texts, and a model that speaks chat takes one: send a "
                        "request for each",
                        yyjson_arr_size(v));
    if (!text.p && yyjson_is_arr(v))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"prompt\" is made of tokens, and a model that speaks chat takes text");
    if (!text.p)
        return ir_want_string(v, "prompt", f);
    struct ir_message *m = ir_message_add(rq, IR_USER);
    m->bare = true;
    ir_part_add(rq, m, IR_PART_TEXT)->text = text.n ? text : S("Complete this:");
    return OK;
}

static enum err read_suffix(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    (void)rq;
    if (yyjson_is_str(v) && !jv_str(v).n)
        return OK;
    return fail_set(f, ERR_BAD_REQUEST,
                    "\"suffix\" asks for text to be filled in, which a model that speaks chat "
                    "cannot do");
}

static enum err read_echo(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->echo = jv_true(v) ? IR_YES : IR_NO;
    return yyjson_is_bool(v) ? OK : fail_set(f, ERR_BAD_REQUEST, "\"echo\" must be true or false");
}

/* The number of alternatives; 0 still asks for the chosen token's own. */
static enum err read_logprobs(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (yyjson_is_bool(v)) { /* as chat has it */
        rq->logprobs = jv_true(v) ? IR_YES : IR_NO;
    } else if (yyjson_is_raw(v)) {
        rq->logprobs = IR_YES;
        rq->top_logprobs = jv_num(v);
    } else {
        return fail_set(f, ERR_BAD_REQUEST, "\"logprobs\" must be a number");
    }
    if (rq->logprobs == IR_YES)
        ir_say(rq, CAN_LOGPROBS);
    return OK;
}

static enum err read_user(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->user = jv_str(v);
    return ir_want_string(v, "user", f);
}

/* The best of several is one answer all the same; which, is lost. */
static enum err read_best_of(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    int64_t n;
    if (!jv_i64(v, &n))
        return fail_set(f, ERR_BAD_REQUEST, "\"best_of\" must be a whole number");
    if (n > 1)
        ir_losses_add(&rq->unknown, S("best_of"));
    return OK;
}

static const struct ir_field rows[] = {
    FIELD_OF("prompt", COUNT, read_prompt, NULL),
    CHAT_SHARED_ROWS,
    FIELD_OF("suffix", COUNT, read_suffix, NULL),
    FIELD_OF("echo", COUNT, read_echo, NULL),
    FIELD_OF("logprobs", COUNT, read_logprobs, NULL),
    FIELD_NUM("top_logprobs", top_logprobs, LOGPROBS),
    FIELD_OF("best_of", COUNT, read_best_of, NULL),
    FIELD_OF("user", USER, read_user, NULL),
    FIELD_LAST,
};

enum err completions_request_read(struct ir_request *rq, yyjson_val *root, struct fail *f)
{
    enum err e = ir_fields_read(rows, rq, root, "", f);
    if (!e && !rq->messages)
        return fail_set(f, ERR_BAD_REQUEST, "\"prompt\" must be a string");
    rq->src = NULL; /* it is no chat document, and must not be copied as one */
    return e;
}

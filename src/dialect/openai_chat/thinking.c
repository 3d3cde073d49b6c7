/*
 * dialect/openai_chat/thinking.c - how hard to think, in all the spellings clients use (SPEC 5.1).
 *
 * The API's own is reasoning_effort. Gateways and copies have more: reasoning {effort, max_tokens,
 * enabled, exclude} (OpenRouter), thinking {type, budget_tokens} (Anthropic's, also DeepSeek's,
 * Moonshot's, Z.ai's), output_config.effort, enable_thinking and thinking_budget (Qwen), and
 * Gemini's thinking_config in extra_body.google. The first that says something counts, in this
 * order.
 */
#include "dialect/openai_chat/chat.h"

struct asked {
    struct ir_reasoning *r;
    struct fail *f;
};

static bool undecided(const struct asked *q)
{
    return q->r->kind == IR_THINK_UNSAID;
}

static void say_level(const struct asked *q, str level)
{
    static const struct {
        const char *word;
        enum ir_think kind;
        const char *level;
    } words[] = {{"none", IR_THINK_OFF, ""},
                 {"off", IR_THINK_OFF, ""},
                 {"disabled", IR_THINK_OFF, ""},
                 {"auto", IR_THINK_AUTO, ""},
                 {"default", IR_THINK_UNSAID, ""},
                 {"x-high", IR_THINK_LEVEL, "xhigh"},
                 {"extra_high", IR_THINK_LEVEL, "xhigh"}};
    if (!undecided(q) || !level.n)
        return;
    q->r->kind = IR_THINK_LEVEL;
    q->r->level = level;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!str_eq_nocase(level, str_c(words[i].word)))
            continue;
        q->r->kind = words[i].kind;
        q->r->level = str_c(words[i].level);
    }
}

static enum err say_budget(const struct asked *q, yyjson_val *v)
{
    int64_t n;
    if (!undecided(q) || !v || yyjson_is_null(v))
        return OK;
    if (!jv_i64(v, &n) || n < -1)
        return fail_set(q->f, ERR_BAD_REQUEST,
                        "a thinking budget must be a number of tokens, 0 or -1");
    q->r->kind = n < 0 ? IR_THINK_AUTO : n == 0 ? IR_THINK_OFF : IR_THINK_BUDGET;
    q->r->budget = n > 0 ? n : 0;
    return OK;
}

static void say_switch(const struct asked *q, yyjson_val *v)
{
    if (undecided(q) && yyjson_is_bool(v))
        q->r->kind = yyjson_get_bool(v) ? IR_THINK_AUTO : IR_THINK_OFF;
}

static void say_shown(const struct asked *q, yyjson_val *v)
{
    if (q->r->shown == IR_UNSAID && yyjson_is_bool(v))
        q->r->shown = yyjson_get_bool(v) ? IR_YES : IR_NO;
}

static enum err read_reasoning(const struct asked *q, yyjson_val *v)
{
    enum err e = say_budget(q, jv_get(v, "max_tokens"));
    say_level(q, jv_get_str(v, "effort"));
    say_switch(q, jv_get(v, "enabled"));
    yyjson_val *exclude = jv_get(v, "exclude");
    if (yyjson_is_bool(exclude) && q->r->shown == IR_UNSAID)
        q->r->shown = yyjson_get_bool(exclude) ? IR_NO : IR_YES;
    q->r->summary = jv_get_str(v, "summary");
    return e;
}

static enum err read_thinking(const struct asked *q, yyjson_val *v, yyjson_val *output)
{
    str type = jv_get_str(v, "type");
    if (str_eq(type, S("disabled")) && undecided(q))
        q->r->kind = IR_THINK_OFF;
    say_level(q, jv_get_str(output, "effort"));
    enum err e = say_budget(q, jv_get(v, "budget_tokens"));
    if (undecided(q) &&
        (str_eq(type, S("enabled")) || str_eq(type, S("adaptive")) || str_eq(type, S("auto"))))
        q->r->kind = IR_THINK_AUTO;
    return e;
}

/* Either spelling of a member; the camel wins (SPEC 5.1). */
static yyjson_val *either(yyjson_val *obj, const char *camel, const char *snake)
{
    yyjson_val *v = jv_get(obj, camel);
    return v ? v : jv_get(obj, snake);
}

static enum err read_config(const struct asked *q, yyjson_val *v)
{
    say_level(q, jv_str(either(v, "thinkingLevel", "thinking_level")));
    say_shown(q, either(v, "includeThoughts", "include_thoughts"));
    return say_budget(q, either(v, "thinkingBudget", "thinking_budget"));
}

/* Gemini's object, wherever OpenAI's clients and Google's own put it. */
static enum err read_google(const struct asked *q, yyjson_val *root)
{
    yyjson_val *homes[] = {
        jv_get(jv_get(root, "extra_body"), "google"),
        jv_get(root, "google"),
        either(root, "generationConfig", "generation_config"),
    };
    enum err e = OK;
    for (size_t i = 0; !e && i < sizeof homes / sizeof homes[0]; i++)
        e = read_config(q, either(homes[i], "thinkingConfig", "thinking_config"));
    return e;
}

enum err chat_read_thinking(struct ir_request *rq, yyjson_val *root, struct fail *f)
{
    struct asked q = {&rq->reasoning, f};
    yyjson_val *template = jv_get(root, "chat_template_kwargs");
    say_level(&q, jv_get_str(root, "reasoning_effort"));
    say_shown(&q, jv_get(root, "include_reasoning"));
    enum err e = read_reasoning(&q, jv_get(root, "reasoning"));
    if (!e)
        e = read_thinking(&q, jv_get(root, "thinking"), jv_get(root, "output_config"));
    if (!e)
        e = read_google(&q, root);
    if (jv_true(jv_get(root, "enable_thinking")) && !e)
        e = say_budget(&q, jv_get(root, "thinking_budget"));
    say_switch(&q, jv_get(root, "enable_thinking"));
    say_switch(&q, either(template, "enable_thinking", "thinking"));
    if (rq->reasoning.kind == IR_THINK_BUDGET)
        ir_say(rq, CAN_BUDGET);
    else if (rq->reasoning.kind != IR_THINK_UNSAID)
        ir_say(rq, CAN_EFFORT);
    if (rq->reasoning.shown != IR_UNSAID)
        ir_say(rq, CAN_REASONING_SHOWN);
    return e;
}

/* ---- writing ---- */

/* SPEC 5.1's table: the level for a budget. */
static str level_of(int64_t budget)
{
    return budget <= 512     ? S("minimal")
           : budget <= 1024  ? S("low")
           : budget <= 8192  ? S("medium")
           : budget <= 24576 ? S("high")
                             : S("xhigh");
}

static void put_off(unsigned traits, struct json_writer *w)
{
    if (!(traits & TRAIT_SWITCH)) {
        jw_kstr(w, "reasoning_effort", S("none"));
        return;
    }
    jw_key(w, S("thinking"));
    jw_object(w);
    jw_kstr(w, "type", S("disabled"));
    jw_object_end(w);
}

void chat_write_thinking(const struct ir_request *rq, const struct ir_target *to, unsigned traits,
                         struct json_writer *w)
{
    const struct ir_reasoning *r = &rq->reasoning;
    if (to->reasons == IR_NO)
        return;
    switch (r->kind) {
    case IR_THINK_UNSAID:
    case IR_THINK_AUTO: break; /* the API has no word for it: it is what happens unasked */
    case IR_THINK_OFF: put_off(traits, w); break;
    case IR_THINK_LEVEL: jw_kstr(w, "reasoning_effort", r->level); break;
    case IR_THINK_BUDGET: jw_kstr(w, "reasoning_effort", level_of(r->budget)); break;
    }
}

/*
 * dialect/gemini/thinking.c - generationConfig.thinkingConfig (SPEC 5.1).
 *
 * thinkingLevel (MINIMAL to HIGH; lower case is what the guides write) is Gemini 3's,
 * thinkingBudget that of 2.5: 0 is off, -1 as the model likes. Both at once are a 400, so one is
 * kept.
 */
#include "dialect/gemini/gemini.h"

static enum err read_level(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_string(v, "generationConfig.thinkingConfig.thinkingLevel", f);
    if (e)
        return e;
    str level = jv_str(v);
    char *p = arena_alloc(rq->arena, level.n + 1);
    for (size_t i = 0; i < level.n; i++)
        p[i] = ascii_lower(level.p[i]);
    level = str_of(p, level.n);
    if (str_eq(level, S("thinking_level_unspecified")))
        return OK;
    rq->reasoning.kind = IR_THINK_LEVEL;
    rq->reasoning.level = level;
    ir_say(rq, CAN_EFFORT);
    return OK;
}

static enum err read_budget(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    int64_t budget;
    if (!jv_i64(v, &budget) || budget < -1)
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"generationConfig.thinkingConfig.thinkingBudget\" must be a whole number "
                        "from -1 on");
    ir_say(rq, CAN_BUDGET);
    rq->reasoning.kind = budget > 0 ? IR_THINK_BUDGET : budget ? IR_THINK_AUTO : IR_THINK_OFF;
    rq->reasoning.budget = budget > 0 ? budget : 0;
    return OK;
}

static enum err read_shown(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_bool(v))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"generationConfig.thinkingConfig.includeThoughts\" must be true or "
                        "false, it is %s",
                        jv_kind(v));
    ir_say(rq, CAN_REASONING_SHOWN);
    rq->reasoning.shown = yyjson_get_bool(v) ? IR_YES : IR_NO;
    return OK;
}

static enum err read_members(struct ir_request *rq, yyjson_val *from, struct fail *f)
{
    yyjson_val *level = gemini_get(from, "thinkingLevel");
    yyjson_val *budget = gemini_get(from, "thinkingBudget");
    yyjson_val *shown = gemini_get(from, "includeThoughts");
    enum err e = OK;
    if (budget)
        e = read_budget(rq, budget, f);
    if (!e && level)
        e = read_level(rq, level, f);
    if (!e && shown)
        e = read_shown(rq, shown, f);
    return e;
}

static const char *const known[] = {"thinkingLevel", "thinkingBudget", "includeThoughts", NULL};

enum err gemini_thinking_read(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_object(v, "generationConfig.thinkingConfig", f);
    if (e)
        return e;
    ir_unknown(rq, v, known, "generationConfig.thinkingConfig.");
    return read_members(rq, v, f);
}

/* What clients put right into generationConfig; thinkingConfig, read afterwards, counts for more.
 * */
enum err gemini_misplaced_read(struct ir_request *rq, yyjson_val *config, struct fail *f)
{
    return read_members(rq, config, f);
}

/* The client's own spelling of the level, if it still is that level. */
static str spelt(const struct ir_request *rq, yyjson_val *config, str level)
{
    str said = gemini_get_str(gemini_get(config, "thinkingConfig"), "thinkingLevel");
    return rq->from == DIALECT_GEMINI && str_eq_nocase(said, level) ? said : level;
}

/* A client of another dialect that asks for thinking means to see it. */
static enum ir_tri shown(const struct ir_request *rq)
{
    const struct ir_reasoning *r = &rq->reasoning;
    if (r->shown != IR_UNSAID || rq->from == DIALECT_GEMINI)
        return r->shown;
    return r->kind == IR_THINK_UNSAID || r->kind == IR_THINK_OFF ? IR_UNSAID : IR_YES;
}

void gemini_thinking_write(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w)
{
    const struct ir_reasoning *r = &rq->reasoning;
    yyjson_val *config = gemini_get(gemini_request_of(rq->src), "generationConfig");
    yyjson_val *src = rq->from == DIALECT_GEMINI ? gemini_get(config, "thinkingConfig") : NULL;
    enum ir_tri show = shown(rq);
    (void)to;
    if (r->kind == IR_THINK_UNSAID && show == IR_UNSAID && !src)
        return;
    jw_key(w, S("thinkingConfig"));
    jw_object(w);
    if (show != IR_UNSAID)
        jw_kbool(w, "includeThoughts", show == IR_YES);
    switch (r->kind) {
    case IR_THINK_UNSAID: break;
    case IR_THINK_OFF: jw_ki64(w, "thinkingBudget", 0); break;
    case IR_THINK_AUTO: jw_ki64(w, "thinkingBudget", -1); break;
    case IR_THINK_BUDGET: jw_ki64(w, "thinkingBudget", r->budget); break;
    case IR_THINK_LEVEL: jw_kstr(w, "thinkingLevel", spelt(rq, config, r->level)); break;
    }
    ir_write_rest(rq, DIALECT_GEMINI, src, known, w);
    jw_object_end(w);
}

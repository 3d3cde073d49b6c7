/*
 * dialect/anthropic/reasoning.c - thinking, output_config, and what depends on them: sampling and
 * max_tokens.
 */
#include <stdlib.h>

#include "dialect/anthropic/budget.h"
#include "dialect/anthropic/models.h"
#include "dialect/anthropic/priv.h"
#include "dialect/anthropic/schema.h"

/* SPEC 5.1: what a client that says nothing gets. */
enum { MAX_TOKENS = 32000 };

/* ---- reading ---- */

enum err anthropic_read_thinking(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    static const char *const known[] = {"type", "budget_tokens", "display", NULL};
    enum err e = ir_want_object(v, "thinking", f);
    if (e)
        return e;
    yyjson_val *budget = jv_get(v, "budget_tokens");
    int64_t tokens;
    if (budget && (!jv_i64(budget, &tokens) || tokens <= 0))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"thinking.budget_tokens\" must be a positive whole number");
    if (!jv_get_str(v, "type").n)
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"thinking.type\" must be \"enabled\", \"adaptive\" or \"disabled\"");
    if (jv_get(v, "display"))
        ir_say(rq, CAN_REASONING_SHOWN);
    ir_unknown(rq, v, known, "thinking.");
    return OK;
}

static void read_format(struct ir_request *rq, yyjson_val *v)
{
    rq->format.src = v;
    rq->format.kind = IR_FORMAT_OWN;
    if (!jv_is(yyjson_obj_get(v, "type"), "json_schema"))
        return;
    rq->format.kind = IR_FORMAT_SCHEMA;
    rq->format.schema = jv_get(v, "schema");
    rq->format.name = jv_get_str(v, "name"); /* not the API's, but some of its clients send it */
    ir_say(rq, CAN_JSON_SCHEMA);
}

enum err anthropic_read_output_config(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    static const char *const known[] = {"effort", "format", NULL};
    enum err e = ir_want_object(v, "output_config", f);
    yyjson_val *effort = jv_get(v, "effort"), *format = jv_get(v, "format");
    if (!e && effort)
        e = ir_want_string(effort, "output_config.effort", f);
    if (!e && format)
        e = ir_want_object(format, "output_config.format", f);
    if (e)
        return e;
    if (format)
        read_format(rq, format);
    ir_unknown(rq, v, known, "output_config.");
    return OK;
}

/* The beta's spelling; output_config.format wins. */
enum err anthropic_read_output_format(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_object(v, "output_format", f);
    if (!e && !jv_get(jv_get(rq->src, "output_config"), "format"))
        read_format(rq, v);
    return e;
}

/* "none" and "auto" are no efforts of this API, and mean the same wherever clients write them. */
static void set_level(struct ir_request *rq, str level)
{
    ir_say(rq, CAN_EFFORT);
    if (str_eq_nocase(level, S("none"))) {
        rq->reasoning.kind = IR_THINK_OFF;
        return;
    }
    rq->reasoning.kind = str_eq_nocase(level, S("auto")) ? IR_THINK_AUTO : IR_THINK_LEVEL;
    rq->reasoning.level = str_eq_nocase(level, S("x-high")) ? S("xhigh") : level;
}

/*
 * SPEC 5.1. A budget says more than an effort beside it; an effort without thinking is how the
 * newest models are asked; adaptive thinking without an effort is for the model to decide, which
 * for others comes nearest to xhigh.
 */
void anthropic_settle_reasoning(struct ir_request *rq)
{
    struct ir_reasoning *r = &rq->reasoning;
    yyjson_val *thinking = jv_get(rq->src, "thinking");
    str type = jv_get_str(thinking, "type"), display = jv_get_str(thinking, "display");
    str effort = jv_get_str(jv_get(rq->src, "output_config"), "effort");
    r->budget = jv_get_i64(thinking, "budget_tokens", 0);
    if (display.n)
        r->shown = str_eq(display, S("omitted")) ? IR_NO : IR_YES;
    if (str_eq(type, S("disabled"))) {
        r->kind = IR_THINK_OFF;
        ir_say(rq, CAN_EFFORT);
    } else if (str_eq(type, S("enabled")) && r->budget) {
        r->kind = IR_THINK_BUDGET;
        ir_say(rq, CAN_BUDGET);
    } else if (effort.n) {
        set_level(rq, effort);
    } else if (str_eq(type, S("enabled"))) {
        r->kind = IR_THINK_AUTO;
        ir_say(rq, CAN_EFFORT);
    } else if (type.n) {
        set_level(rq, S("xhigh"));
    }
}

/* ---- fitting ---- */

static double number(str s)
{
    char digits[64];
    s = str_head(s, sizeof digits - 1);
    if (s.n)
        memcpy(digits, s.p, s.n);
    digits[s.n] = '\0';
    return strtod(digits, NULL);
}

static bool thinks(const struct ir_request *rq)
{
    return rq->reasoning.kind >= IR_THINK_AUTO;
}

static void stop_thinking(struct ir_request *rq, const struct ir_target *to)
{
    anthropic_lose(rq, to, rq->reasoning.kind == IR_THINK_BUDGET ? CAN_BUDGET : CAN_EFFORT);
    rq->reasoning.kind = IR_THINK_UNSAID;
}

static bool forces_call(const struct ir_choice *c)
{
    return c->kind == IR_CHOICE_REQUIRED || c->kind == IR_CHOICE_ONE ||
           (c->kind == IR_CHOICE_SOME && c->required);
}

static bool has_kind(const struct ir_message *m, enum ir_part_kind kind)
{
    for (const struct ir_part *p = m->parts.first; p; p = p->next) {
        if (p->kind == kind)
            return true;
    }
    return false;
}

static bool is_ours(const struct ir_part *p)
{
    return p->kind == IR_PART_REASONING && p->seal.issuer == SELF && p->seal.value.n;
}

/* Whether what will be written of the message begins with a thinking block. */
static bool starts_thinking(const struct ir_message *m)
{
    const struct ir_part *p = m->parts.first;
    while (p && p->kind == IR_PART_REASONING && !is_ours(p))
        p = p->next;
    return p && is_ours(p);
}

/*
 * With a budget, the API wants the assistant's turn that is still going on (calls and results
 * since the user last spoke) to begin with thinking, and refuses a request in which it does not:
 * "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a
 * final `assistant` message must start with a thinking block". Whether the turn's first message is
 * meant or its last is not said; both must. Adaptive thinking does not mind ("Thinking with tool
 * use").
 */
bool anthropic_turn_lacks_thinking(const struct ir_request *rq)
{
    const struct ir_message *begin = NULL, *last = NULL;
    bool open = false;
    for (const struct ir_message *m = anthropic_first_turn(rq); m; m = m->next) {
        if (m->role == IR_ASSISTANT) {
            last = last && !open ? last : m; /* neighbours become one message */
            begin = begin ? begin : m;
            open = false;
        } else if (has_kind(m, IR_PART_RESULT)) {
            open = true;
        } else {
            begin = last = NULL;
            open = false;
        }
    }
    return open && (!begin || !starts_thinking(begin) || !starts_thinking(last));
}

static void fit_thinking(struct ir_request *rq, const struct ir_target *to)
{
    if (to->reasons == IR_NO)
        rq->reasoning.kind = IR_THINK_UNSAID;
    if (!thinks(rq))
        return;
    if ((rq->tools && forces_call(&rq->choice)) || anthropic_ends_with_prefill(rq, to) ||
        (rq->reasoning.kind == IR_THINK_BUDGET && anthropic_turn_lacks_thinking(rq)))
        stop_thinking(rq, to);
}

static void fit_max_tokens(struct ir_request *rq, const struct ir_target *to)
{
    struct ir_reasoning *r = &rq->reasoning;
    bool said = rq->max_tokens.p != NULL;
    uint64_t max = MAX_TOKENS, before;
    if (said && !str_u64(rq->max_tokens, &max))
        return; /* 1e3, 0.5, -1: the provider's to judge */
    if (!said && to->max_output && max > to->max_output)
        max = to->max_output;
    if (!said && r->kind == IR_THINK_BUDGET && (uint64_t)r->budget >= max && to->max_output > max)
        max = to->max_output;
    before = max;
    if (r->kind == IR_THINK_BUDGET) {
        r->budget = r->budget < ANTHROPIC_BUDGET_MIN ? ANTHROPIC_BUDGET_MIN : r->budget;
        anthropic_fit_budget(&r->budget, &max, ANTHROPIC_BUDGET_MIN);
    }
    if (!said || max != before)
        rq->max_tokens = arena_printf(rq->arena, "%llu", (unsigned long long)max);
}

static void leave_out(struct ir_request *rq, const struct ir_target *to, str *member,
                      enum ir_feature feature)
{
    if (member->p)
        anthropic_lose(rq, to, feature);
    *member = (str){NULL, 0};
}

/* SPEC 5.7 and "Thinking", limits and feature compatibility. */
static void fit_numbers(struct ir_request *rq, const struct ir_target *to)
{
    bool none = anthropic_model(to->model).no_sampling;
    if (rq->temperature.p && number(rq->temperature) > 1)
        rq->temperature = S("1");
    if ((none || thinks(rq)) && number(rq->temperature) != 1)
        leave_out(rq, to, &rq->temperature, CAN_TEMPERATURE);
    if (none || (thinks(rq) && number(rq->top_p) < 0.95))
        leave_out(rq, to, &rq->top_p, CAN_TOP_P);
    if (none || thinks(rq))
        leave_out(rq, to, &rq->top_k, CAN_TOP_K);
    if (rq->temperature.p && rq->top_p.p)
        leave_out(rq, to, &rq->top_p, CAN_TOP_P);
}

/* "stop_sequences: each stop sequence must contain non-whitespace" */
static void fit_stops(struct ir_request *rq, const struct ir_target *to)
{
    size_t kept = 0;
    for (size_t i = 0; i < rq->n_stops; i++) {
        if (str_trim(rq->stops[i]).n)
            rq->stops[kept++] = rq->stops[i];
    }
    if (kept < rq->n_stops)
        anthropic_lose(rq, to, CAN_STOP);
    rq->n_stops = kept;
}

static void fit_tier(struct ir_request *rq, const struct ir_target *to)
{
    if (str_eq(rq->service_tier, S("priority")) && !anthropic_model(to->model).has_fast) {
        anthropic_lose(rq, to, CAN_SERVICE_TIER);
        rq->service_tier = (str){NULL, 0};
    }
}

/* The counting endpoint takes what makes the prompt, and nothing else. */
static void fit_counting(struct ir_request *rq)
{
    rq->max_tokens = rq->temperature = rq->top_p = rq->top_k = rq->user = rq->service_tier =
        (str){NULL, 0};
    rq->n_stops = 0;
}

void anthropic_fit_sampling(struct ir_request *rq, const struct ir_target *to)
{
    fit_thinking(rq, to);
    fit_max_tokens(rq, to);
    fit_numbers(rq, to);
    fit_stops(rq, to);
    fit_tier(rq, to);
    if (to->counting)
        fit_counting(rq);
}

/* ---- writing ---- */

/* Models that keep their thoughts to themselves show them when asked; clients of other dialects
 * expect to see them unless they said they do not. */
static void write_display(const struct ir_request *rq, const struct ir_target *to,
                          struct json_writer *w)
{
    enum ir_tri shown = rq->reasoning.shown;
    if (shown == IR_NO)
        jw_kstr(w, "display", S("omitted"));
    else if (shown == IR_YES || anthropic_model(to->model).hides_thought)
        jw_kstr(w, "display", S("summarized"));
}

void anthropic_write_thinking(const struct ir_request *rq, const struct ir_target *to,
                              struct json_writer *w)
{
    const struct ir_reasoning *r = &rq->reasoning;
    if (rq->from == SELF && anthropic_misses_thinking(rq, to))
        return;
    if (anthropic_write_own(rq, "thinking", w) || r->kind == IR_THINK_UNSAID || rq->from == SELF)
        return;
    jw_key(w, S("thinking"));
    jw_object(w);
    if (r->kind == IR_THINK_OFF) {
        jw_kstr(w, "type", S("disabled"));
    } else {
        jw_kstr(w, "type", r->kind == IR_THINK_BUDGET ? S("enabled") : S("adaptive"));
        if (r->kind == IR_THINK_BUDGET)
            jw_ki64(w, "budget_tokens", r->budget);
        write_display(rq, to, w);
    }
    jw_object_end(w);
}

/* Copies of the API pass by what they do not know, schemas as well: there only a Claude is trusted
 * to be held to one. */
bool anthropic_takes_schemas(const struct ir_target *to)
{
    struct anthropic_model m = anthropic_model(to->model);
    return !m.no_schemas && (m.is_claude || !to->is_compat);
}

static bool has_format(const struct ir_request *rq, const struct ir_target *to)
{
    return rq->format.kind == IR_FORMAT_SCHEMA && rq->format.schema && anthropic_takes_schemas(to);
}

void anthropic_write_output_config(const struct ir_request *rq, const struct ir_target *to,
                                   struct json_writer *w)
{
    bool effort = rq->reasoning.kind == IR_THINK_LEVEL, format = has_format(rq, to);
    if (anthropic_write_own(rq, "output_config", w) || rq->from == SELF || (!effort && !format))
        return;
    jw_key(w, S("output_config"));
    jw_object(w);
    if (effort) /* the API's levels begin at low */
        jw_kstr(w, "effort",
                str_eq(rq->reasoning.level, S("minimal")) ? S("low") : rq->reasoning.level);
    if (format) {
        jw_key(w, S("format"));
        jw_object(w);
        jw_kstr(w, "type", S("json_schema"));
        jw_key(w, S("schema"));
        anthropic_write_strict_schema(rq->format.schema, rq->arena, w);
        jw_object_end(w);
    }
    jw_object_end(w);
}

str anthropic_format_prompt(const struct ir_request *rq, const struct ir_target *to)
{
    str only = S("Answer with one JSON object and nothing else: no words around it, no code "
                 "fence.");
    if (rq->format.kind == IR_FORMAT_OBJECT)
        return only;
    if (rq->format.kind != IR_FORMAT_SCHEMA || !rq->format.schema || has_format(rq, to))
        return S("");
    str parts[] = {only, S(" It must be valid against this JSON Schema:\n"),
                   json_text_of(rq->format.schema, rq->arena)};
    return str_join(rq->arena, parts, 3);
}

/*
 * route/thinking.c - a thinking suffix, written into the request in its dialect's own words.
 *
 * First what was asked is fitted to what the model is known to be capable of (SPEC 5.1), then one
 * writer per dialect sets its fields and removes those that would contradict them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dialect/anthropic/budget.h"
#include "route/catalogue.h"
#include "route/route.h"

/* ---- What was asked against what the model can. ---- */

/* Budget that stands for a level; a budget up to it reads back as that level. */
static const int64_t level_budget[LEVEL_COUNT] = {512, 1024, 8192, 24576, 32768, 128000};

static enum level level_of_budget(int64_t budget)
{
    for (enum level l = LEVEL_MINIMAL; l < LEVEL_XHIGH; l++)
        if (budget <= level_budget[l])
            return l;
    return LEVEL_XHIGH;
}

static bool has_level(const struct capability *c, enum level l)
{
    return c->levels >> l & 1;
}

/* The supported level nearest to l; of two equally near ones the lower. levels is not empty. */
static enum level nearest_level(unsigned levels, enum level l)
{
    for (int gap = 0; gap < LEVEL_COUNT; gap++) {
        int low = (int)l - gap, high = (int)l + gap;
        if (low >= 0 && (levels >> low & 1))
            return (enum level)low;
        if (high < LEVEL_COUNT && (levels >> high & 1))
            return (enum level)high;
    }
    return l;
}

static int64_t clamped(const struct capability *c, int64_t budget)
{
    return budget < c->min ? c->min : budget > c->max ? c->max : budget;
}

static struct thinking at_level(enum level l)
{
    return (struct thinking){.kind = THINK_LEVEL, .level = level_names[l]};
}

static struct thinking at_budget(int64_t budget)
{
    return (struct thinking){.kind = THINK_BUDGET, .budget = budget};
}

static struct thinking settle_off(const struct capability *c)
{
    if (c->zero)
        return (struct thinking){.kind = THINK_OFF};
    return c->levels ? at_level(nearest_level(c->levels, LEVEL_MINIMAL)) : at_budget(c->min);
}

static struct thinking settle_auto(const struct capability *c)
{
    if (c->dynamic)
        return (struct thinking){.kind = THINK_AUTO};
    return c->max ? at_budget((c->min + c->max) / 2)
                  : at_level(nearest_level(c->levels, LEVEL_MEDIUM));
}

static enum err no_such_level(const struct capability *c, const char *level, struct fail *f)
{
    char valid[96] = "";
    size_t n = 0;
    for (enum level l = LEVEL_MINIMAL; l < LEVEL_COUNT; l++)
        if (has_level(c, l) && n < sizeof valid)
            n += (size_t)snprintf(valid + n, sizeof valid - n, "%s%s", n ? ", " : "",
                                  level_names[l]);
    return fail_set(f, ERR_BAD_REQUEST, "level \"%s\" not supported, valid levels: %s", level,
                    valid);
}

/* Claude's efforts begin at low, and the one above high is xhigh or max. */
static enum level claude_level(const struct capability *c, enum level l)
{
    if (l == LEVEL_MINIMAL)
        return LEVEL_LOW;
    if (!c || has_level(c, l))
        return l;
    if (l == LEVEL_XHIGH && has_level(c, LEVEL_MAX))
        return LEVEL_MAX;
    return nearest_level(c->levels, l);
}

static enum err settle(const struct thinking *t, const struct capability *c, enum dialect_id d,
                       struct thinking *out, struct fail *f)
{
    bool claude = d == DIALECT_ANTHROPIC;
    *out = *t;
    enum level l = t->kind == THINK_LEVEL ? level_of(str_c(t->level)) : LEVEL_MEDIUM;
    if (t->kind == THINK_OFF && c && !claude) {
        *out = settle_off(c);
    } else if (t->kind == THINK_AUTO && c) {
        *out = settle_auto(c);
    } else if (t->kind == THINK_LEVEL) {
        if (c && !c->levels)
            *out = at_budget(clamped(c, level_budget[l]));
        else if (claude)
            *out = at_level(claude_level(c, l));
        else if (c && !has_level(c, l))
            return no_such_level(c, t->level, f);
    } else if (t->kind == THINK_BUDGET && c) {
        *out = c->max ? at_budget(clamped(c, t->budget))
                      : at_level(nearest_level(c->levels, level_of_budget(t->budget)));
    }
    return OK;
}

/* A level or budget where the model is to decide; from Anthropic that is adaptive thinking, which
 * may go as far as the model can. */
static struct thinking decide(const struct capability *c, enum dialect_id from, enum dialect_id to)
{
    bool openai = to == DIALECT_CHAT || to == DIALECT_RESPONSES;
    if (from != DIALECT_ANTHROPIC)
        return openai ? (struct thinking){.kind = THINK_UNSAID}
               : c    ? settle_auto(c)
                      : (struct thinking){.kind = THINK_AUTO};
    if (openai)
        return at_level(LEVEL_XHIGH);
    return c && !c->levels ? at_budget(c->max) : at_level(LEVEL_HIGH);
}

struct thinking thinking_between(const struct thinking *t, enum dialect_id from, enum dialect_id to,
                                 str upstream_model)
{
    const struct model_info *known = to == DIALECT_CHAT ? NULL : catalogue_find(upstream_model);
    const struct capability *c = known ? &known->thinking : NULL;
    struct thinking asked = *t, out;
    if (t->kind == THINK_UNSAID)
        return *t;
    if (c && !capability_thinks(c))
        return (struct thinking){.kind = THINK_UNSAID};
    if (asked.kind == THINK_AUTO)
        asked = decide(c, from, to);
    if (asked.kind == THINK_BUDGET && (to == DIALECT_CHAT || to == DIALECT_RESPONSES))
        asked = at_level(level_of_budget(asked.budget));
    enum level l = asked.kind == THINK_LEVEL ? level_of(str_c(asked.level)) : LEVEL_MEDIUM;
    if (asked.kind == THINK_LEVEL && c && c->levels && l < LEVEL_COUNT && !has_level(c, l) &&
        to != DIALECT_ANTHROPIC)
        asked = at_level(nearest_level(c->levels, l));
    struct fail ignored;
    return settle(&asked, c, to, &out, &ignored) == OK ? out : asked;
}

/* ---- Editing. ---- */

/* Watched members of obj; all absent when it is no object. */
static enum err members(const struct json_edit *e, struct json_span obj, const str *keys,
                        struct json_span *found, size_t n, struct fail *f)
{
    memset(found, 0, n * sizeof(*found));
    if (obj.kind != JSON_OBJECT)
        return OK;
    return json_scan_members(e->doc, obj, keys, found, n, f);
}

static void remove_member(struct json_edit *e, struct json_span member)
{
    if (member.kind != JSON_ABSENT)
        json_edit_remove(e, member);
}

static bool number_of(const struct json_edit *e, struct json_span v, uint64_t *out)
{
    return v.kind == JSON_NUMBER && str_u64(json_text(e->doc, v), out);
}

static double real_of(const struct json_edit *e, struct json_span v)
{
    char digits[64];
    str s = str_head(json_text(e->doc, v), sizeof digits - 1);
    memcpy(digits, s.p, s.n);
    digits[s.n] = '\0';
    return strtod(digits, NULL);
}

/* ---- OpenAI, both dialects: one word of effort. ---- */

static const char *effort_of(const struct thinking *t)
{
    switch (t->kind) {
    case THINK_OFF: return "none";
    case THINK_AUTO: return "auto";
    case THINK_LEVEL: return t->level;
    case THINK_BUDGET: return level_names[level_of_budget(t->budget)];
    case THINK_UNSAID: break;
    }
    return "medium";
}

static enum err write_chat(struct json_edit *e, const struct thinking *t, struct fail *f)
{
    enum { EFFORT, REASONING, N };
    static const str keys[N] = {
        [EFFORT] = {"reasoning_effort", 16}, [REASONING] = {"reasoning", 9}};
    struct json_span root = json_root(e->doc), m[N];
    enum err err = members(e, root, keys, m, N, f);
    if (err)
        return err;
    if (!t) {
        remove_member(e, m[EFFORT]);
        remove_member(e, m[REASONING]);
        return OK;
    }
    /* `reasoning` is what some vendors take instead; both at once could contradict each other. */
    remove_member(e, m[REASONING]);
    return json_edit_set(e, root, keys, 1, arena_printf(e->arena, "\"%s\"", effort_of(t)), f);
}

static enum err write_responses(struct json_edit *e, const struct thinking *t, struct fail *f)
{
    static const str path[] = {{"reasoning", 9}, {"effort", 6}};
    struct json_span root = json_root(e->doc), reasoning;
    if (t)
        return json_edit_set(e, root, path, 2, arena_printf(e->arena, "\"%s\"", effort_of(t)), f);
    enum err err = members(e, root, path, &reasoning, 1, f);
    if (!err)
        remove_member(e, reasoning);
    return err;
}

/* ---- Anthropic. ---- */

enum claude_member {
    C_THINKING,
    C_CONFIG,
    C_MAX_TOKENS,
    C_TEMPERATURE,
    C_TOP_P,
    C_TOP_K,
    C_TOOL_CHOICE,
    C_COUNT
};

struct claude_body {
    struct json_span root, m[C_COUNT];
    struct json_span effort, display; /* in output_config, thinking */
    bool forced;                      /* tool_choice forces a tool: no thinking then */
};

static enum err read_claude(const struct json_edit *e, struct claude_body *b, struct fail *f)
{
    static const str keys[C_COUNT] = {[C_THINKING] = {"thinking", 8},
                                      [C_CONFIG] = {"output_config", 13},
                                      [C_MAX_TOKENS] = {"max_tokens", 10},
                                      [C_TEMPERATURE] = {"temperature", 11},
                                      [C_TOP_P] = {"top_p", 5},
                                      [C_TOP_K] = {"top_k", 5},
                                      [C_TOOL_CHOICE] = {"tool_choice", 11}};
    static const str effort = {"effort", 6}, display = {"display", 7}, type = {"type", 4};
    struct json_span choice = {.kind = JSON_ABSENT};
    b->root = json_root(e->doc);
    enum err err = members(e, b->root, keys, b->m, C_COUNT, f);
    if (!err)
        err = members(e, b->m[C_CONFIG], &effort, &b->effort, 1, f);
    if (!err)
        err = members(e, b->m[C_THINKING], &display, &b->display, 1, f);
    if (!err)
        err = members(e, b->m[C_TOOL_CHOICE], &type, &choice, 1, f);
    str said = json_text(e->doc, choice);
    b->forced = choice.kind == JSON_STRING &&
                (json_string_is(said, S("any")) || json_string_is(said, S("tool")));
    return err;
}

/* What the API refuses next to thinking: another temperature than 1, any top_k, a low top_p. */
static void remove_offenders(struct json_edit *e, const struct claude_body *b)
{
    const struct json_span *m = b->m;
    if (m[C_TEMPERATURE].kind != JSON_NUMBER || real_of(e, m[C_TEMPERATURE]) != 1.0)
        remove_member(e, m[C_TEMPERATURE]);
    if (m[C_TOP_P].kind != JSON_NUMBER || real_of(e, m[C_TOP_P]) < 0.95)
        remove_member(e, m[C_TOP_P]);
    remove_member(e, m[C_TOP_K]);
}

/* budget 0: none. How much of the thinking is shown (`display`) stays as the client said. */
static enum err set_thinking(struct json_edit *e, const struct claude_body *b, const char *type,
                             int64_t budget, struct fail *f)
{
    static const str path[] = {{"thinking", 8}};
    str tokens = S(""), display = S("");
    if (budget)
        tokens = arena_printf(e->arena, ",\"budget_tokens\":%lld", (long long)budget);
    if (b->display.kind == JSON_STRING && strcmp(type, "disabled") != 0)
        display =
            arena_printf(e->arena, ",\"display\":%.*s", STR_FMT(json_text(e->doc, b->display)));
    str value = arena_printf(e->arena, "{\"type\":\"%s\"%.*s%.*s}", type, STR_FMT(tokens),
                             STR_FMT(display));
    return json_edit_set(e, b->root, path, 1, value, f);
}

static enum err write_budget(struct json_edit *e, const struct claude_body *b, int64_t budget,
                             const struct model_info *known, struct fail *f)
{
    static const str path[] = {{"max_tokens", 10}};
    int64_t min = known && known->thinking.min ? known->thinking.min : ANTHROPIC_BUDGET_MIN;
    uint64_t asked, max;
    enum err err = OK;
    if (number_of(e, b->m[C_MAX_TOKENS], &asked)) {
        max = asked;
        anthropic_fit_budget(&budget, &max, min);
        if (max != asked)
            err = json_edit_set(e, b->root, path, 1,
                                arena_printf(e->arena, "%llu", (unsigned long long)max), f);
    } else if (known && known->output) {
        max = known->output;
        anthropic_fit_budget(&budget, &max, min);
    }
    return err ? err : set_thinking(e, b, "enabled", budget, f);
}

static enum err write_anthropic(struct json_edit *e, const struct thinking *t,
                                const struct model_info *known, struct fail *f)
{
    static const str effort[] = {{"output_config", 13}, {"effort", 6}};
    struct claude_body b = {.forced = false};
    enum err err = read_claude(e, &b, f);
    if (err)
        return err;
    if (!t || t->kind != THINK_LEVEL || b.forced)
        remove_member(e, b.effort);
    if (!t) {
        remove_member(e, b.m[C_THINKING]);
        return OK;
    }
    if (b.forced || t->kind == THINK_OFF)
        return set_thinking(e, &b, "disabled", 0, f);
    remove_offenders(e, &b);
    if (t->kind == THINK_BUDGET)
        return write_budget(e, &b, t->budget, known, f);
    err = set_thinking(e, &b, "adaptive", 0, f);
    if (!err && t->kind == THINK_LEVEL)
        err = json_edit_set(e, b.root, effort, 2, arena_printf(e->arena, "\"%s\"", t->level), f);
    return err;
}

enum err thinking_fit(struct json_edit *e, struct json_span thinking, struct json_span max_tokens,
                      struct fail *f)
{
    static const str keys[] = {{"type", 4}, {"budget_tokens", 13}};
    struct json_span m[2];
    enum err err = members(e, thinking, keys, m, 2, f);
    uint64_t asked, max;
    if (err || m[0].kind != JSON_STRING || !json_string_is(json_text(e->doc, m[0]), S("enabled")) ||
        !number_of(e, m[1], &asked) || asked > INT64_MAX || !number_of(e, max_tokens, &max))
        return err;
    int64_t budget = (int64_t)asked;
    uint64_t raised = max;
    anthropic_fit_budget(&budget, &raised, ANTHROPIC_BUDGET_MIN);
    if (budget != (int64_t)asked)
        json_edit_replace(e, m[1].at, m[1].n, arena_printf(e->arena, "%lld", (long long)budget));
    if (raised != max)
        json_edit_replace(e, max_tokens.at, max_tokens.n,
                          arena_printf(e->arena, "%llu", (unsigned long long)raised));
    return OK;
}

/* ---- Gemini. ---- */

/* Clients write either spelling, and some put includeThoughts one level too high. */
struct gemini_body {
    struct json_span root, config, thinking, twin, misplaced[2];
    str config_name;
    str include; /* true or false as said explicitly; empty if not */
};

static str boolean_of(const struct json_edit *e, struct json_span v)
{
    return v.kind == JSON_TRUE || v.kind == JSON_FALSE ? json_text(e->doc, v) : S("");
}

static enum err read_gemini(const struct json_edit *e, struct gemini_body *b, struct fail *f)
{
    static const str config[] = {{"generationConfig", 16}, {"generation_config", 17}};
    static const str inner[] = {{"thinkingConfig", 14},
                                {"thinking_config", 15},
                                {"includeThoughts", 15},
                                {"include_thoughts", 16}};
    struct json_span c[2], m[4], in[4];
    b->root = json_root(e->doc);
    enum err err = members(e, b->root, config, c, 2, f);
    if (err)
        return err;
    bool snake = c[0].kind == JSON_ABSENT && c[1].kind != JSON_ABSENT;
    b->config = c[snake];
    b->config_name = config[snake];
    err = members(e, b->config, inner, m, 4, f);
    if (err)
        return err;
    b->thinking = m[0];
    b->twin = m[1];
    b->misplaced[0] = m[2];
    b->misplaced[1] = m[3];
    err = members(e, m[0], inner + 2, in, 2, f);
    if (!err)
        err = members(e, m[1], inner + 2, in + 2, 2, f);
    if (err)
        return err;
    /* camelCase wins, the right place wins. */
    const struct json_span *order[] = {&in[0], &in[2], &in[1], &in[3], &m[2], &m[3]};
    for (size_t i = 0; i < sizeof order / sizeof order[0] && !b->include.n; i++)
        b->include = boolean_of(e, *order[i]);
    return OK;
}

static str gemini_value(struct json_edit *e, const struct gemini_body *b, const struct thinking *t)
{
    str include = S("");
    if (b->include.n)
        include = arena_printf(e->arena, "\"includeThoughts\":%.*s,", STR_FMT(b->include));
    if (t->kind == THINK_LEVEL)
        return arena_printf(e->arena, "{%.*s\"thinkingLevel\":\"%s\"}", STR_FMT(include), t->level);
    long long budget = t->kind == THINK_BUDGET ? t->budget : t->kind == THINK_AUTO ? -1 : 0;
    return arena_printf(e->arena, "{%.*s\"thinkingBudget\":%lld}", STR_FMT(include), budget);
}

static enum err write_gemini(struct json_edit *e, const struct thinking *t, struct fail *f)
{
    struct gemini_body b = {.include = {NULL, 0}};
    enum err err = read_gemini(e, &b, f);
    if (err)
        return err;
    remove_member(e, b.twin);
    remove_member(e, b.misplaced[0]);
    remove_member(e, b.misplaced[1]);
    if (!t) {
        remove_member(e, b.thinking);
        return OK;
    }
    const str path[] = {b.config_name, {"thinkingConfig", 14}};
    return json_edit_set(e, b.root, path, 2, gemini_value(e, &b, t), f);
}

/* ---- All together. ---- */

enum err thinking_apply(const struct thinking *t, enum dialect_id d, str upstream_model,
                        struct json_edit *e, struct fail *f)
{
    if (t->kind == THINK_UNSAID)
        return OK;
    /* Chat providers are the user's own (openai-compatibility): whatever a model is called there,
     * nothing is known about it. */
    const struct model_info *known = d == DIALECT_CHAT ? NULL : catalogue_find(upstream_model);
    const struct capability *c = known ? &known->thinking : NULL;
    struct thinking fitted;
    const struct thinking *w = &fitted;
    if (c && !capability_thinks(c)) {
        w = NULL;
    } else {
        enum err err = settle(t, c, d, &fitted, f);
        if (err)
            return err;
    }
    switch (d) {
    case DIALECT_CHAT: return write_chat(e, w, f);
    case DIALECT_RESPONSES: return write_responses(e, w, f);
    case DIALECT_ANTHROPIC: return write_anthropic(e, w, known, f);
    case DIALECT_GEMINI: return write_gemini(e, w, f);
    case DIALECT_COUNT: break;
    }
    return OK;
}

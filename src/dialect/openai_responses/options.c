/*
 * dialect/openai_responses/options.c - the members of a request besides the conversation and the
 * tools: how each is read and written.
 *
 * Requests of other dialects get only what the live API takes (SPEC 12.8); what Open Responses adds
 * (penalties) is read and stays with its own kind.
 */
#include "dialect/openai_responses/responses.h"

#include "dialect/openai_schema.h"

static bool is_own(const struct ir_request *rq)
{
    return rq->from == DIALECT_RESPONSES;
}

static enum err not_a(const char *key, const char *must, yyjson_val *v, struct fail *f)
{
    return fail_set(f, ERR_BAD_REQUEST, "\"%s\" must be %s, it is %s", key, must, jv_kind(v));
}

static enum err number(yyjson_val *v, const char *key, str *out, struct fail *f)
{
    if (!yyjson_is_raw(v))
        return not_a(key, "a number", v, f);
    *out = jv_num(v);
    return OK;
}

static enum err truth(yyjson_val *v, const char *key, enum ir_tri *out, struct fail *f)
{
    if (!yyjson_is_bool(v))
        return not_a(key, "true or false", v, f);
    *out = yyjson_get_bool(v) ? IR_YES : IR_NO;
    return OK;
}

static enum err read_max_tokens(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    return number(v, "max_output_tokens", &rq->max_tokens, f);
}

/* The API refuses less than 16. */
static void write_max_tokens(const struct ir_request *rq, const struct ir_target *to,
                             struct json_writer *w)
{
    static const uint64_t least = 16;
    uint64_t n;
    (void)to;
    if (!rq->max_tokens.p)
        return;
    jw_key(w, S("max_output_tokens"));
    if (!is_own(rq) && str_u64(rq->max_tokens, &n) && n < least)
        jw_u64(w, least);
    else
        jw_raw(w, rq->max_tokens);
}

static enum err read_frequency_penalty(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    return number(v, "frequency_penalty", &rq->frequency_penalty, f);
}

static void write_frequency_penalty(const struct ir_request *rq, const struct ir_target *to,
                                    struct json_writer *w)
{
    (void)to;
    if (is_own(rq) && rq->frequency_penalty.p)
        jw_kraw(w, "frequency_penalty", rq->frequency_penalty);
}

static enum err read_presence_penalty(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    return number(v, "presence_penalty", &rq->presence_penalty, f);
}

static void write_presence_penalty(const struct ir_request *rq, const struct ir_target *to,
                                   struct json_writer *w)
{
    (void)to;
    if (is_own(rq) && rq->presence_penalty.p)
        jw_kraw(w, "presence_penalty", rq->presence_penalty);
}

/* 0 asks for nothing: answers repeat it as a default, and clients send it back. */
static enum err read_top_logprobs(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = number(v, "top_logprobs", &rq->top_logprobs, f);
    if (!e && !str_eq(rq->top_logprobs, S("0")))
        ir_say(rq, CAN_LOGPROBS);
    return e;
}

static void write_top_logprobs(const struct ir_request *rq, const struct ir_target *to,
                               struct json_writer *w)
{
    (void)to;
    if (rq->top_logprobs.p && (is_own(rq) || rq->logprobs != IR_NO))
        jw_kraw(w, "top_logprobs", rq->top_logprobs);
}

/* Not storing is what the others do anyway. */
static enum err read_store(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = truth(v, "store", &rq->store, f);
    if (!e && rq->store == IR_YES)
        ir_say(rq, CAN_STORE);
    return e;
}

/* The API stores unless told not to; clients of other dialects did not ask for that. */
static void write_store(const struct ir_request *rq, const struct ir_target *to,
                        struct json_writer *w)
{
    (void)to;
    if (rq->store != IR_UNSAID || !is_own(rq))
        jw_kbool(w, "store", rq->store == IR_YES);
}

static enum err read_stream(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum ir_tri stream = IR_UNSAID;
    enum err e = truth(v, "stream", &stream, f);
    rq->stream = stream == IR_YES;
    return e;
}

static void write_stream(const struct ir_request *rq, const struct ir_target *to,
                         struct json_writer *w)
{
    if (to->stream || (is_own(rq) && jv_get(rq->src, "stream")))
        jw_kbool(w, "stream", to->stream);
}

static enum err read_user(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_str(v))
        return not_a("user", "a string", v, f);
    rq->user = jv_str(v);
    return OK;
}

/* The live API refuses more than 64 characters ("string too long"); Claude Code sends some 150. What
 * stands first in its ids is the user. */
static void write_user(const struct ir_request *rq, const struct ir_target *to,
                       struct json_writer *w)
{
    enum { USER_MAX = 64 };
    str user = rq->user;
    (void)to;
    if (!user.p || (is_own(rq) && !jv_get(rq->src, "user")))
        return;
    if (!is_own(rq) && user.n > USER_MAX) {
        size_t n = USER_MAX;
        while (n && ((unsigned char)user.p[n] & 0xc0) == 0x80)
            n--;
        user = str_head(user, n);
    }
    jw_kstr(w, "user", user);
}

/* The newer name of `user`. */
static enum err read_safety_identifier(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_str(v))
        return not_a("safety_identifier", "a string", v, f);
    if (!rq->user.p)
        rq->user = jv_str(v);
    return OK;
}

static void write_safety_identifier(const struct ir_request *rq, const struct ir_target *to,
                                    struct json_writer *w)
{
    (void)to;
    if (is_own(rq) && jv_get(rq->src, "safety_identifier"))
        jw_kvalue(w, "safety_identifier", jv_get(rq->src, "safety_identifier"));
}

static enum err read_metadata(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_object(v, "metadata", f);
    rq->metadata = v;
    if (!e && yyjson_obj_size(v))
        ir_say(rq, CAN_METADATA);
    return e;
}

static void write_metadata(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w)
{
    (void)to;
    if (rq->metadata)
        jw_kvalue(w, "metadata", rq->metadata);
}

/* What else can be included we always give, or belongs to tools that others do not have. */
static enum err read_include(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_array(v, "include", f);
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *word; !e && (word = yyjson_arr_iter_next(&it));) {
        if (!jv_is(word, "message.output_text.logprobs"))
            continue;
        rq->logprobs = IR_YES;
        ir_say(rq, CAN_LOGPROBS);
    }
    return e;
}

static bool has_tool(const struct ir_request *rq, enum ir_tool_kind kind)
{
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (t->kind == kind)
            return true;
    }
    return false;
}

static bool has_reasoned(const struct ir_request *rq)
{
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        for (const struct ir_part *p = m->parts.first; p; p = p->next) {
            if (p->kind == IR_PART_REASONING && p->seal.issuer == DIALECT_RESPONSES &&
                p->seal.value.n)
                return true;
        }
    }
    return false;
}

/*
 * Nothing is stored for clients of other dialects, so reasoning has to come encrypted if the next
 * turn is to go on with it. Models that do not reason refuse that ("Encrypted content is not
 * supported with this model"), so it takes a sign that this one does.
 */
static bool may_reason(const struct ir_request *rq, const struct ir_target *to)
{
    if (to->reasons == IR_NO || rq->reasoning.kind == IR_THINK_OFF)
        return false;
    return to->reasons == IR_YES || rq->reasoning.kind != IR_THINK_UNSAID || has_reasoned(rq);
}

static void write_include(const struct ir_request *rq, const struct ir_target *to,
                          struct json_writer *w)
{
    const struct {
        const char *word;
        bool wanted;
    } words[] = {
        {"reasoning.encrypted_content", may_reason(rq, to)},
        {"message.output_text.logprobs", rq->logprobs == IR_YES},
        {"web_search_call.action.sources",
         has_tool(rq, IR_TOOL_WEB_SEARCH) || has_tool(rq, IR_TOOL_WEB_FETCH)},
        {"code_interpreter_call.outputs", has_tool(rq, IR_TOOL_CODE_EXECUTION)},
    };
    bool any = false;
    if (is_own(rq)) {
        if (jv_get(rq->src, "include"))
            jw_kvalue(w, "include", jv_get(rq->src, "include"));
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!words[i].wanted)
            continue;
        if (!any) {
            jw_key(w, S("include"));
            jw_array(w);
        }
        any = true;
        jw_str(w, str_c(words[i].word));
    }
    if (any)
        jw_array_end(w);
}

/* Default and only other value is "disabled". */
static enum err read_truncation(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    (void)f;
    if (!jv_is(v, "disabled"))
        ir_say(rq, CAN_CONTEXT_EDITING);
    return OK;
}

static void write_truncation(const struct ir_request *rq, const struct ir_target *to,
                             struct json_writer *w)
{
    (void)to;
    if (is_own(rq) && jv_get(rq->src, "truncation"))
        jw_kvalue(w, "truncation", jv_get(rq->src, "truncation"));
}

static enum err read_tier(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_str(v))
        return not_a("service_tier", "a string", v, f);
    rq->service_tier = jv_str(v);
    if (!jv_is(v, "auto") && !jv_is(v, "default"))
        ir_say(rq, CAN_SERVICE_TIER);
    return OK;
}

/* Tiers the API has; Anthropic says "standard_only" for what is "default" here. */
static void write_tier(const struct ir_request *rq, const struct ir_target *to,
                       struct json_writer *w)
{
    static const struct {
        const char *theirs, *ours;
    } tiers[] = {{"auto", "auto"},         {"default", "default"}, {"flex", "flex"},
                 {"priority", "priority"}, {"scale", "scale"},     {"standard_only", "default"},
                 {"standard", "default"},  {"fast", "priority"}};
    str tier = rq->service_tier;
    (void)to;
    if (is_own(rq) && tier.p)
        jw_kstr(w, "service_tier", tier);
    for (size_t i = 0; !is_own(rq) && i < sizeof tiers / sizeof tiers[0]; i++) {
        if (str_eq(tier, str_c(tiers[i].theirs)))
            jw_kstr(w, "service_tier", str_c(tiers[i].ours));
    }
}

/* ---- reasoning ---- */

static enum err read_effort(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    str level = jv_str(v);
    if (!yyjson_is_str(v))
        return not_a("reasoning.effort", "a string", v, f);
    ir_say(rq, CAN_EFFORT);
    if (str_eq_nocase(level, S("none"))) {
        rq->reasoning.kind = IR_THINK_OFF;
        return OK;
    }
    rq->reasoning.kind = str_eq_nocase(level, S("auto")) ? IR_THINK_AUTO : IR_THINK_LEVEL;
    rq->reasoning.level = str_eq_nocase(level, S("x-high")) ? S("xhigh") : level;
    return OK;
}

/* SPEC 5.1; the relay has fitted it to the model where that is known. */
static str level_of_budget(int64_t budget)
{
    static const struct {
        int64_t up_to;
        const char *level;
    } levels[] = {{512, "minimal"}, {1024, "low"}, {8192, "medium"}, {24576, "high"}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (budget <= levels[i].up_to)
            return str_c(levels[i].level);
    }
    return S("xhigh");
}

static void write_effort(const struct ir_request *rq, const struct ir_target *to,
                         struct json_writer *w)
{
    const struct ir_reasoning *r = &rq->reasoning;
    (void)to;
    if (r->kind == IR_THINK_OFF)
        jw_kstr(w, "effort", S("none"));
    else if (r->kind == IR_THINK_LEVEL)
        jw_kstr(w, "effort", r->level);
    else if (r->kind == IR_THINK_BUDGET)
        jw_kstr(w, "effort", level_of_budget(r->budget));
}

static enum err read_summary(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_str(v))
        return not_a("reasoning.summary", "a string", v, f);
    rq->reasoning.summary = jv_str(v);
    rq->reasoning.shown = jv_is(v, "none") ? IR_NO : IR_YES;
    ir_say(rq, CAN_REASONING_SHOWN);
    return OK;
}

/* Who asked for thinking wants to see it, unless he said not to: the API shows none by itself. */
static void write_summary(const struct ir_request *rq, const struct ir_target *to,
                          struct json_writer *w)
{
    const struct ir_reasoning *r = &rq->reasoning;
    bool asked = r->kind != IR_THINK_UNSAID && r->kind != IR_THINK_OFF;
    (void)to;
    if (r->summary.n)
        jw_kstr(w, "summary", r->summary);
    else if (!is_own(rq) && r->shown != IR_NO && (asked || r->shown == IR_YES))
        jw_kstr(w, "summary", S("auto"));
}

/* ---- text ---- */

static enum err read_schema(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    yyjson_val *schema = jv_get(v, "schema"), *strict = jv_get(v, "strict");
    if (!yyjson_is_obj(schema))
        return not_a("text.format.schema", "an object", schema, f);
    rq->format.kind = IR_FORMAT_SCHEMA;
    rq->format.name = jv_get_str(v, "name");
    rq->format.description = jv_get_str(v, "description");
    rq->format.schema = schema;
    if (strict)
        rq->format.strict = jv_true(strict) ? IR_YES : IR_NO;
    ir_say(rq, CAN_JSON_SCHEMA);
    return OK;
}

static enum err read_format(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    str type = jv_get_str(v, "type");
    enum err e = ir_want_object(v, "text.format", f);
    rq->format.src = v;
    if (e)
        return e;
    if (str_eq(type, S("json_schema")))
        return read_schema(rq, v, f);
    if (str_eq(type, S("json_object"))) {
        rq->format.kind = IR_FORMAT_OBJECT;
        ir_say(rq, CAN_JSON_MODE);
    } else if (str_eq(type, S("text"))) {
        rq->format.kind = IR_FORMAT_TEXT;
    } else {
        rq->format.kind = IR_FORMAT_OWN;
        ir_losses_add(&rq->unknown, S("text.format"));
    }
    return OK;
}

/* The name is required, and of letters, digits, _ and -; at most 64. */
static void write_format_name(str name, struct json_writer *w)
{
    char fit[64];
    size_t n = 0;
    for (size_t i = 0; i < name.n && n < sizeof fit; i++) {
        char c = ascii_lower(name.p[i]);
        bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        fit[n++] = ok ? name.p[i] : '_';
    }
    jw_kstr(w, "name", n ? str_of(fit, n) : S("response"));
}

/* Chat's strictness is this API's. Anthropic's and Gemini's output always keeps to its schema, as
 * strict mode has it here, where it can. */
static bool is_strict(const struct ir_request *rq)
{
    if (rq->from == DIALECT_CHAT)
        return rq->format.strict == IR_YES;
    return rq->format.strict != IR_NO && openai_schema_is_strict(rq->format.schema);
}

static void write_schema(const struct ir_request *rq, struct json_writer *w)
{
    const struct ir_format *format = &rq->format;
    jw_kstr(w, "type", S("json_schema"));
    write_format_name(format->name, w);
    if (format->description.n)
        jw_kstr(w, "description", format->description);
    jw_key(w, S("schema"));
    openai_schema_write(format->schema, w);
    jw_kbool(w, "strict", is_strict(rq));
}

static void write_format(const struct ir_request *rq, const struct ir_target *to,
                         struct json_writer *w)
{
    enum ir_format_kind kind = rq->format.kind;
    (void)to;
    if (kind == IR_FORMAT_UNSAID || (kind == IR_FORMAT_OWN && !is_own(rq)))
        return;
    jw_key(w, S("format"));
    if (is_own(rq)) {
        jw_value(w, rq->format.src);
        return;
    }
    jw_object(w);
    if (kind == IR_FORMAT_SCHEMA)
        write_schema(rq, w);
    else
        jw_kstr(w, "type", kind == IR_FORMAT_OBJECT ? S("json_object") : S("text"));
    jw_object_end(w);
}

/* "medium" is the default. */
static enum err read_verbosity(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_str(v))
        return not_a("text.verbosity", "a string", v, f);
    rq->verbosity = jv_str(v);
    if (!jv_is(v, "medium"))
        ir_say(rq, CAN_VERBOSITY);
    return OK;
}

static void write_verbosity(const struct ir_request *rq, const struct ir_target *to,
                            struct json_writer *w)
{
    (void)to;
    if (rq->verbosity.p)
        jw_kstr(w, "verbosity", rq->verbosity);
}

/* ---- the two nested objects ---- */

static const struct ir_field reasoning_rows[] = {
    FIELD_OF("effort", COUNT, read_effort, write_effort),
    FIELD_OF("summary", COUNT, read_summary, write_summary),
    FIELD_OF("generate_summary", COUNT, read_summary, NULL), /* its former name */
    FIELD_LAST,
};

static const struct ir_field text_rows[] = {
    FIELD_OF("format", COUNT, read_format, write_format),
    FIELD_OF("verbosity", COUNT, read_verbosity, write_verbosity),
    FIELD_LAST,
};

static enum err read_reasoning(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_object(v, "reasoning", f);
    return e ? e : ir_fields_read(reasoning_rows, rq, v, "reasoning.", f);
}

static enum err read_text(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_object(v, "text", f);
    return e ? e : ir_fields_read(text_rows, rq, v, "text.", f);
}

/* An object that would be empty is not written, unless the client sent one. */
static void write_nested(const char *key, const struct ir_field *rows, const struct ir_request *rq,
                         const struct ir_target *to, struct json_writer *w)
{
    yyjson_val *src = is_own(rq) ? jv_get(rq->src, key) : NULL;
    struct json_writer before = *w;
    size_t at = w->out->n;
    jw_key(w, str_c(key));
    jw_object(w);
    size_t empty = w->out->n;
    ir_fields_write(rows, rq, DIALECT_RESPONSES, src, to, w);
    bool wrote = w->out->n > empty;
    jw_object_end(w);
    if (!wrote && !src && !w->out->failed) {
        w->out->n = at;
        *w = before;
    }
}

static void write_reasoning(const struct ir_request *rq, const struct ir_target *to,
                            struct json_writer *w)
{
    write_nested("reasoning", reasoning_rows, rq, to, w);
}

static void write_text(const struct ir_request *rq, const struct ir_target *to,
                       struct json_writer *w)
{
    write_nested("text", text_rows, rq, to, w);
}

/* ---- the table ---- */

static enum err read_model(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_str(v))
        return not_a("model", "a string", v, f);
    rq->model = jv_str(v);
    return OK;
}

static void write_model(const struct ir_request *rq, const struct ir_target *to,
                        struct json_writer *w)
{
    (void)rq;
    if (to->model.n)
        jw_kstr(w, "model", to->model);
}

static enum err read_parallel(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    ir_say(rq, CAN_PARALLEL_CALLS);
    return truth(v, "parallel_tool_calls", &rq->parallel, f);
}

static void write_parallel(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w)
{
    (void)to;
    if (rq->parallel != IR_UNSAID && (is_own(rq) || responses_has_tools(rq)))
        jw_kbool(w, "parallel_tool_calls", rq->parallel == IR_YES);
}

/* Read before all others, so that it stands first. */
static enum err skip(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    (void)rq;
    (void)v;
    (void)f;
    return OK;
}

static void write_instructions(const struct ir_request *rq, const struct ir_target *to,
                               struct json_writer *w)
{
    (void)to;
    if (is_own(rq) && jv_get(rq->src, "instructions"))
        jw_kvalue(w, "instructions", jv_get(rq->src, "instructions"));
}

#define COUNTED_ROWS                                                                   \
    FIELD_OF("model", COUNT, read_model, write_model),                                 \
        FIELD_OF("instructions", COUNT, skip, write_instructions),                     \
        FIELD_OF("input", COUNT, responses_read_input, responses_write_input),         \
        FIELD_OF("tools", COUNT, responses_read_tools, responses_write_tools),         \
        FIELD_OF("tool_choice", COUNT, responses_read_choice, responses_write_choice), \
        FIELD_OF("parallel_tool_calls", COUNT, read_parallel, write_parallel),         \
        FIELD_OF("reasoning", COUNT, read_reasoning, write_reasoning),                 \
        FIELD_OF("text", COUNT, read_text, write_text)

const struct ir_field responses_rows[] = {
    COUNTED_ROWS,
    FIELD_OF("reasoning_effort", COUNT, read_effort, NULL), /* SPEC 5.1: chat's spelling */
    FIELD_OF("stream", COUNT, read_stream, write_stream),
    FIELD_OF("store", COUNT, read_store, write_store),
    FIELD_OF("include", COUNT, read_include, write_include),
    FIELD_OF("max_output_tokens", MAX_TOKENS, read_max_tokens, write_max_tokens),
    FIELD_OF("max_tokens", MAX_TOKENS, read_max_tokens, NULL), /* SPEC 5.7: other spellings */
    FIELD_OF("max_completion_tokens", MAX_TOKENS, read_max_tokens, NULL),
    FIELD_NUM("temperature", temperature, TEMPERATURE),
    FIELD_NUM("top_p", top_p, TOP_P),
    FIELD_OF("top_logprobs", COUNT, read_top_logprobs, write_top_logprobs),
    FIELD_OF("frequency_penalty", FREQUENCY_PENALTY, read_frequency_penalty,
             write_frequency_penalty),
    FIELD_OF("presence_penalty", PRESENCE_PENALTY, read_presence_penalty, write_presence_penalty),
    FIELD_OF("service_tier", COUNT, read_tier, write_tier),
    FIELD_OF("metadata", COUNT, read_metadata, write_metadata),
    FIELD_OF("user", USER, read_user, write_user),
    FIELD_OF("safety_identifier", USER, read_safety_identifier, write_safety_identifier),
    FIELD_STR("prompt_cache_key", cache_key, CACHE_KEY),
    FIELD_STR("prompt_cache_retention", cache_retention, CACHE_KEY),
    FIELD_OF("truncation", COUNT, read_truncation, write_truncation),
    FIELD_OWN("context_management", CONTEXT_EDITING),
    FIELD_OWN("previous_response_id", STATE),
    FIELD_OWN("conversation", STATE),
    FIELD_OWN("prompt", STATE),
    FIELD_OWN("moderation", SAFETY),
    FIELD_OWN("background", COUNT),     /* request_leave.c */
    FIELD_OWN("stream_options", COUNT), /* padding against eavesdroppers, which we never add */
    FIELD_LAST,
};

/* What POST /v1/responses/input_tokens takes (TokenCountsBody). */
const struct ir_field responses_counting_rows[] = {COUNTED_ROWS, FIELD_LAST};

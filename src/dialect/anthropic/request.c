/*
 * dialect/anthropic/request.c - the request as a table of its members.
 */
#include "dialect/anthropic/priv.h"

bool anthropic_write_own(const struct ir_request *rq, const char *key, struct json_writer *w)
{
    yyjson_val *v = rq->from == SELF ? jv_get(rq->src, key) : NULL;
    if (!v)
        return false;
    jw_key(w, str_c(key));
    jw_value(w, v);
    return true;
}

void anthropic_lose(const struct ir_request *rq, const struct ir_target *to, enum ir_feature what)
{
    ir_target_lose(to, ir_feature_name(what, codec_get(rq->from)->fates));
}

/* ---- small members ---- */

static void write_model(const struct ir_request *rq, const struct ir_target *to,
                        struct json_writer *w)
{
    (void)rq;
    if (to->model.n) /* Vertex has it in the path */
        jw_kstr(w, "model", to->model);
}

/* SPEC 1.10: anything but false streams. */
static enum err read_stream(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    (void)f;
    rq->stream = !yyjson_is_false(v);
    return OK;
}

static void write_stream(const struct ir_request *rq, const struct ir_target *to,
                         struct json_writer *w)
{
    yyjson_val *said = rq->from == SELF ? jv_get(rq->src, "stream") : NULL;
    if (said && !yyjson_is_false(said) == to->stream)
        jw_kvalue(w, "stream", said);
    else if (to->stream && !to->counting)
        jw_kbool(w, "stream", true);
}

static enum err read_stops(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (ir_strings(rq->arena, v, &rq->stops, &rq->n_stops))
        return OK;
    return fail_set(f, ERR_BAD_REQUEST, "\"stop_sequences\" must be an array of strings");
}

static void write_stops(const struct ir_request *rq, const struct ir_target *to,
                        struct json_writer *w)
{
    (void)to;
    if (!rq->n_stops && !(rq->from == SELF && jv_get(rq->src, "stop_sequences")))
        return;
    jw_key(w, S("stop_sequences"));
    jw_array(w);
    for (size_t i = 0; i < rq->n_stops; i++)
        jw_str(w, rq->stops[i]);
    jw_array_end(w);
}

static enum err read_metadata(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    static const char *const known[] = {"user_id", NULL};
    enum err e = ir_want_object(v, "metadata", f);
    rq->user = jv_get_str(v, "user_id");
    if (rq->user.p)
        ir_say(rq, CAN_USER);
    ir_unknown(rq, v, known, "metadata.");
    return e;
}

static void write_metadata(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w)
{
    (void)to;
    if (anthropic_write_own(rq, "metadata", w) || !rq->user.p)
        return;
    jw_key(w, S("metadata"));
    jw_object(w);
    jw_kstr(w, "user_id", rq->user);
    jw_object_end(w);
}

/* The neutral words are OpenAI's: standard_only keeps a request off the priority tier, as default
 * does there; speed fast is what priority buys (SPEC 5.7). */
static enum err read_tier(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_string(v, "service_tier", f);
    if (!rq->service_tier.n)
        rq->service_tier = jv_is(v, "standard_only") ? S("default") : jv_str(v);
    return e;
}

static enum err read_speed(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_string(v, "speed", f);
    if (jv_is(v, "fast"))
        rq->service_tier = S("priority");
    return e;
}

static void write_tier(const struct ir_request *rq, const struct ir_target *to,
                       struct json_writer *w)
{
    str tier = rq->service_tier;
    (void)to;
    if (anthropic_write_own(rq, "service_tier", w) || rq->from == SELF || !tier.n)
        return;
    if (str_eq(tier, S("auto")))
        jw_kstr(w, "service_tier", S("auto"));
    else if (!str_eq(tier, S("priority")))
        jw_kstr(w, "service_tier", S("standard_only"));
}

static void write_speed(const struct ir_request *rq, const struct ir_target *to,
                        struct json_writer *w)
{
    (void)to;
    if (anthropic_write_own(rq, "speed", w) || rq->from == SELF)
        return;
    if (str_eq(rq->service_tier, S("priority")))
        jw_kstr(w, "speed", S("fast"));
}

static void write_output_format(const struct ir_request *rq, const struct ir_target *to,
                                struct json_writer *w)
{
    (void)to;
    (void)anthropic_write_own(rq, "output_format", w);
}

/* ---- the table ---- */

/* A member without a feature of its own: the hook says it, or it is no loss. */
#define QUIET(key, reader, writer)                    \
    {                                                 \
        key, FIELD_HOOK, 0, CAN_COUNT, reader, writer \
    }

/* The model's name is read before anything is translated. */
static enum err read_model(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->model = jv_str(v);
    return ir_want_string(v, "model", f);
}

static const struct ir_field fields[] = {
    QUIET("model", read_model, write_model),
    FIELD_NUM("max_tokens", max_tokens, MAX_TOKENS),
    FIELD_OF("system", SYSTEM, anthropic_read_system, anthropic_write_system),
    QUIET("messages", anthropic_read_messages, anthropic_write_messages),
    QUIET("tools", anthropic_read_tools, anthropic_write_tools),
    QUIET("tool_choice", anthropic_read_tool_choice, anthropic_write_tool_choice),
    QUIET("thinking", anthropic_read_thinking, anthropic_write_thinking),
    QUIET("output_config", anthropic_read_output_config, anthropic_write_output_config),
    QUIET("output_format", anthropic_read_output_format, write_output_format),
    FIELD_NUM("temperature", temperature, TEMPERATURE),
    FIELD_NUM("top_p", top_p, TOP_P),
    FIELD_NUM("top_k", top_k, TOP_K),
    FIELD_OF("stop_sequences", STOP, read_stops, write_stops),
    QUIET("stream", read_stream, write_stream),
    QUIET("metadata", read_metadata, write_metadata),
    FIELD_OF("service_tier", SERVICE_TIER, read_tier, write_tier),
    FIELD_OF("speed", SERVICE_TIER, read_speed, write_speed),
    FIELD_OWN("cache_control", CACHE_MARK),
    FIELD_OWN("mcp_servers", MCP),
    FIELD_OWN("context_management", CONTEXT_EDITING),
    FIELD_OWN("compaction", CONTEXT_EDITING),
    FIELD_OWN("thread", STATE),
    FIELD_OWN("container", OWN_OPTION),
    FIELD_OWN("inference_geo", OWN_OPTION),
    FIELD_OWN("fallbacks", OWN_OPTION),
    FIELD_OWN("fallback_credit_token", OWN_OPTION),
    FIELD_OWN("user_profile_id", OWN_OPTION),
    FIELD_OWN("workspace_id", OWN_OPTION),
    FIELD_OWN("billing_policy", OWN_OPTION),
    /* For the provider's door, not for the model: nothing is lost without them. */
    QUIET("betas", NULL, NULL),
    QUIET("anthropic_beta", NULL, NULL),
    QUIET("anthropic_version", NULL, NULL),
    QUIET("diagnostics", NULL, NULL),
    FIELD_LAST,
};

enum err anthropic_request_read(struct ir_request *rq, yyjson_val *root, struct fail *f)
{
    enum err e = ir_fields_read(fields, rq, root, "", f);
    if (!e && !jv_get(root, "messages"))
        e = fail_set(f, ERR_BAD_REQUEST, "\"messages\" is required");
    if (e)
        return e;
    anthropic_settle_reasoning(rq);
    anthropic_settle_tool_choice(rq);
    return OK;
}

/* SPEC 12.2: a thread's next turn is a conversation without its beginning. Clients that are told so
 * in the API's own words send it again whole. */
enum err anthropic_request_leave(struct ir_request *rq, const struct codec *to, struct fail *f)
{
    (void)to;
    if (jv_get(rq->src, "thread"))
        return fail_set(f, ERR_NO_THREAD, "%s", err_info(ERR_NO_THREAD)->text);
    return OK;
}

enum err anthropic_request_write(struct ir_request *rq, const struct ir_target *to, struct buf *out,
                                 struct fail *f)
{
    struct json_writer w = json_writer(out);
    if (rq->from != SELF) {
        enum err e = anthropic_fit_tools(rq, to, f);
        if (!e)
            e = anthropic_fit_content(rq, to, f);
        if (e)
            return e;
        anthropic_fit_sampling(rq, to);
    }
    jw_object(&w);
    ir_fields_write(fields, rq, SELF, rq->src, to, &w);
    jw_object_end(&w);
    return OK;
}

/* "Fast mode": speed comes with this header. All else that is written is generally available. */
str anthropic_request_beta(const struct ir_request *rq)
{
    return str_eq(rq->service_tier, S("priority")) ? S("fast-mode-2026-02-01") : S("");
}

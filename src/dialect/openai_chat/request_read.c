/*
 * dialect/openai_chat/request_read.c - reads a request's members.
 *
 * One row a member. What vendors have added and nobody else has (min_p, provider, ...) is no row:
 * it is named as lost when the request goes to another dialect, and copied when it does not.
 */
#include "dialect/openai_chat/options.h"

static enum err bad(struct fail *f, const char *key, const char *what, yyjson_val *v)
{
    return fail_set(f, ERR_BAD_REQUEST, "\"%s\" must be %s, it is %s", key, what, jv_kind(v));
}

/* ---- shared by both endpoints ---- */

enum err chat_read_model(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->model = jv_str(v);
    return ir_want_string(v, "model", f);
}

enum err chat_read_stream(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->stream = jv_true(v);
    return yyjson_is_bool(v) ? OK : bad(f, "stream", "true or false", v);
}

enum err chat_read_stream_options(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    yyjson_val *usage = jv_get(v, "include_usage");
    if (yyjson_is_bool(usage))
        rq->include_usage = yyjson_get_bool(usage) ? IR_YES : IR_NO;
    return ir_want_object(v, "stream_options", f);
}

enum err chat_read_limit(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->max_tokens = jv_num(v);
    return yyjson_is_raw(v) ? OK : bad(f, "max_completion_tokens", "a number", v);
}

/* Where both are given the newer counts. */
enum err chat_read_old_limit(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!rq->max_tokens.p)
        rq->max_tokens = jv_num(v);
    return yyjson_is_raw(v) ? OK : bad(f, "max_tokens", "a number", v);
}

enum err chat_read_stop(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->stop_bare = yyjson_is_str(v);
    if (rq->stop_bare) {
        rq->stops = arena_array(rq->arena, str, 1);
        rq->stops[0] = jv_str(v);
        rq->n_stops = 1;
    } else if (!ir_strings(rq->arena, v, &rq->stops, &rq->n_stops)) {
        return bad(f, "stop", "a string or an array of strings", v);
    }
    return OK;
}

enum err chat_read_n(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    int64_t n;
    rq->n = jv_num(v);
    if (!jv_i64(v, &n))
        return bad(f, "n", "a whole number", v);
    if (n > 1)
        ir_say(rq, CAN_CHOICES);
    return OK;
}

/* ---- chat ---- */

static enum err read_logprobs(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_bool(v))
        return bad(f, "logprobs", "true or false", v);
    rq->logprobs = yyjson_get_bool(v) ? IR_YES : IR_NO;
    if (rq->logprobs == IR_YES)
        ir_say(rq, CAN_LOGPROBS);
    return OK;
}

static enum err read_parallel(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_bool(v))
        return bad(f, "parallel_tool_calls", "true or false", v);
    rq->parallel = yyjson_get_bool(v) ? IR_YES : IR_NO;
    ir_say(rq, CAN_PARALLEL_CALLS);
    return OK;
}

static enum err read_schema(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct ir_format *form = &rq->format;
    yyjson_val *strict = jv_get(v, "strict");
    form->kind = IR_FORMAT_SCHEMA;
    form->name = jv_get_str(v, "name");
    form->description = jv_get_str(v, "description");
    form->schema = jv_get(v, "schema");
    if (yyjson_is_bool(strict))
        form->strict = yyjson_get_bool(strict) ? IR_YES : IR_NO;
    ir_say(rq, CAN_JSON_SCHEMA);
    if (form->schema && !yyjson_is_obj(form->schema))
        return bad(f, "response_format.json_schema.schema", "an object", form->schema);
    return ir_want_object(v, "response_format.json_schema", f);
}

static enum err read_format(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    str type = jv_get_str(v, "type");
    struct ir_format *form = &rq->format;
    form->src = v;
    if (str_eq(type, S("text"))) {
        form->kind = IR_FORMAT_TEXT;
    } else if (str_eq(type, S("json_schema"))) {
        return read_schema(rq, jv_get(v, "json_schema"), f);
    } else if (str_eq(type, S("json_object"))) {
        /* Together and Fireworks take a schema here. */
        form->schema = jv_get(v, "schema");
        form->kind = yyjson_is_obj(form->schema) ? IR_FORMAT_SCHEMA : IR_FORMAT_OBJECT;
        ir_say(rq, form->kind == IR_FORMAT_SCHEMA ? CAN_JSON_SCHEMA : CAN_JSON_MODE);
    } else if (type.p) {
        form->kind = IR_FORMAT_OWN;
        ir_say(rq, CAN_OWN_OPTION);
    } else {
        return bad(f, "response_format", "an object with a type", v);
    }
    return OK;
}

static enum err read_modalities(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));) {
        if (jv_is(e, "audio"))
            rq->wants_audio = true;
        else if (jv_is(e, "image"))
            rq->wants_image = true;
    }
    if (rq->wants_audio)
        ir_say(rq, CAN_OUTPUT_AUDIO);
    if (rq->wants_image)
        ir_say(rq, CAN_OUTPUT_IMAGE);
    return ir_want_array(v, "modalities", f);
}

static enum err read_service_tier(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->service_tier = jv_str(v);
    if (!str_eq(rq->service_tier, S("auto"))) /* which is what happens unasked */
        ir_say(rq, CAN_SERVICE_TIER);
    return ir_want_string(v, "service_tier", f);
}

static enum err read_store(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_bool(v))
        return bad(f, "store", "true or false", v);
    rq->store = yyjson_get_bool(v) ? IR_YES : IR_NO;
    if (rq->store == IR_YES)
        ir_say(rq, CAN_STORE);
    return OK;
}

static enum err read_user(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->user = jv_str(v);
    return ir_want_string(v, "user", f);
}

/* What is replacing user; where both are given they say the same thing to different readers. */
static enum err read_safety_identifier(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!rq->user.p)
        rq->user = jv_str(v);
    return ir_want_string(v, "safety_identifier", f);
}

static enum err read_search_options(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    (void)rq; /* read when the tools have been */
    return ir_want_object(v, "web_search_options", f);
}

static enum err read_functions(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    (void)rq; /* likewise */
    return ir_want_array(v, "functions", f);
}

static const struct ir_field rows[] = {
    FIELD_OF("messages", COUNT, chat_read_messages, NULL),
    CHAT_SHARED_ROWS,
    FIELD_OF("max_completion_tokens", MAX_TOKENS, chat_read_limit, NULL),
    FIELD_OF("tools", COUNT, chat_read_tools, NULL),
    FIELD_OF("tool_choice", COUNT, chat_read_choice, NULL),
    FIELD_OF("parallel_tool_calls", COUNT, read_parallel, NULL),
    FIELD_OF("functions", COUNT, read_functions, NULL),
    FIELD_OF("function_call", COUNT, chat_read_function_call, NULL),
    FIELD_OF("web_search_options", COUNT, read_search_options, NULL),
    FIELD_OF("response_format", COUNT, read_format, NULL),
    FIELD_OF("logprobs", COUNT, read_logprobs, NULL),
    FIELD_NUM("top_logprobs", top_logprobs, LOGPROBS),
    FIELD_STR("verbosity", verbosity, VERBOSITY),
    FIELD_OF("modalities", COUNT, read_modalities, NULL),
    FIELD_JSON("audio", audio_options, COUNT),
    FIELD_JSON("image_config", image_options, COUNT),
    FIELD_OF("service_tier", COUNT, read_service_tier, NULL),
    FIELD_JSON("metadata", metadata, METADATA),
    FIELD_OF("user", USER, read_user, NULL),
    FIELD_OF("safety_identifier", USER, read_safety_identifier, NULL),
    FIELD_STR("prompt_cache_key", cache_key, CACHE_KEY),
    FIELD_STR("prompt_cache_retention", cache_retention, CACHE_KEY),
    FIELD_OF("store", COUNT, read_store, NULL),
    FIELD_OWN("prompt_cache_options", CACHE_KEY),
    FIELD_OWN("prediction", PREDICTION),
    FIELD_OWN("moderation", SAFETY),
    /* thinking.c reads these */
    FIELD_OWN("reasoning_effort", COUNT),
    FIELD_OWN("reasoning", COUNT),
    FIELD_OWN("include_reasoning", COUNT),
    FIELD_OWN("thinking", COUNT),
    FIELD_OWN("output_config", COUNT),
    FIELD_OWN("enable_thinking", COUNT),
    FIELD_OWN("thinking_budget", COUNT),
    FIELD_OWN("chat_template_kwargs", COUNT),
    FIELD_OWN("extra_body", COUNT),
    FIELD_OWN("google", COUNT),
    FIELD_OWN("generationConfig", COUNT),
    /* OpenRouter: usage is reported anyway */
    FIELD_OWN("usage", COUNT),
    FIELD_LAST,
};

const struct ir_field *const chat_rows = rows;

enum err chat_request_read(struct ir_request *rq, yyjson_val *root, struct fail *f)
{
    yyjson_val *functions = jv_get(root, "functions");
    yyjson_val *search = jv_get(root, "web_search_options");
    enum err e = ir_fields_read(rows, rq, root, "", f);
    if (!e && !rq->messages)
        return fail_set(f, ERR_BAD_REQUEST, "\"messages\" must be an array of messages");
    if (!e && functions)
        e = chat_read_functions(rq, functions, f);
    if (!e && search)
        chat_read_search_options(rq, search);
    if (!e)
        e = chat_read_thinking(rq, root, f);
    return e;
}

/*
 * dialect/openai_responses/echo.c - what an answer repeats of its request.
 *
 * The API answers with the settings it used, and the schemas require most of them. Said are the
 * client's own where they were heeded, the API's defaults where it said none, and the truth where
 * the gateway does not do what was asked: nothing is stored, nothing truncated.
 */
#include "dialect/openai_responses/responses.h"

#include "json/read.h"

static void value_or(struct json_writer *w, const char *key, const yyjson_val *v, str otherwise)
{
    jw_key(w, str_c(key));
    if (v)
        jw_value(w, v);
    else
        jw_raw(w, otherwise);
}

static void number_or(struct json_writer *w, const char *key, str number, str otherwise)
{
    jw_key(w, str_c(key));
    jw_raw(w, number.p ? number : otherwise);
}

/* Functions with all members the schema requires; others as the client sent them. */
static void write_tool(yyjson_val *tool, struct json_writer *w)
{
    static const char *const known[] = {"name", "description", "parameters", "strict"};
    if (!jv_is(jv_get(tool, "type"), "function") || !jv_get(tool, "name")) {
        jw_value(w, tool);
        return;
    }
    jw_object(w);
    jw_kstr(w, "type", S("function"));
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        bool strict = known[i][0] == 's';
        value_or(w, known[i], jv_get(tool, known[i]), strict ? S("false") : S("null"));
    }
    if (jv_get(tool, "defer_loading"))
        jw_kvalue(w, "defer_loading", jv_get(tool, "defer_loading"));
    jw_object_end(w);
}

static void write_tools(yyjson_val *tools, struct json_writer *w)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(tools);
    jw_key(w, S("tools"));
    jw_array(w);
    for (yyjson_val *t; (t = yyjson_arr_iter_next(&it));)
        write_tool(t, w);
    jw_array_end(w);
}

static void write_format(yyjson_val *format, struct json_writer *w)
{
    jw_key(w, S("format"));
    if (!jv_is(jv_get(format, "type"), "json_schema")) {
        if (format)
            jw_value(w, format);
        else
            jw_raw(w, S("{\"type\":\"text\"}"));
        return;
    }
    jw_object(w);
    jw_kstr(w, "type", S("json_schema"));
    value_or(w, "description", jv_get(format, "description"), S("null"));
    value_or(w, "name", jv_get(format, "name"), S("\"response\""));
    value_or(w, "schema", jv_get(format, "schema"), S("{}"));
    value_or(w, "strict", jv_get(format, "strict"), S("false"));
    jw_object_end(w);
}

static void write_nested(const struct ir_request *rq, struct json_writer *w)
{
    yyjson_val *text = jv_get(rq->src, "text"), *reasoning = jv_get(rq->src, "reasoning");
    jw_key(w, S("reasoning"));
    jw_object(w);
    value_or(w, "effort", jv_get(reasoning, "effort"), S("null"));
    value_or(w, "summary", jv_get(reasoning, "summary"), S("null"));
    jw_object_end(w);
    jw_key(w, S("text"));
    jw_object(w);
    write_format(jv_get(text, "format"), w);
    value_or(w, "verbosity", jv_get(text, "verbosity"), S("\"medium\""));
    jw_object_end(w);
}

str responses_request_echo(const struct ir_request *rq, struct arena *a)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    struct json_writer w = json_writer(&out);
    yyjson_val *src = rq->src;
    jw_kbool(&w, "background", false);
    number_or(&w, "frequency_penalty", rq->frequency_penalty, S("0.0"));
    value_or(&w, "instructions", jv_get(src, "instructions"), S("null"));
    number_or(&w, "max_output_tokens", rq->max_tokens, S("null"));
    jw_knull(&w, "max_tool_calls");
    value_or(&w, "metadata", jv_get(src, "metadata"), S("{}"));
    jw_kbool(&w, "parallel_tool_calls", rq->parallel != IR_NO);
    number_or(&w, "presence_penalty", rq->presence_penalty, S("0.0"));
    jw_knull(&w, "previous_response_id");
    value_or(&w, "prompt_cache_key", jv_get(src, "prompt_cache_key"), S("null"));
    value_or(&w, "prompt_cache_retention", jv_get(src, "prompt_cache_retention"), S("null"));
    value_or(&w, "safety_identifier", jv_get(src, "safety_identifier"), S("null"));
    jw_kbool(&w, "store", false);
    number_or(&w, "temperature", rq->temperature, S("1.0"));
    value_or(&w, "tool_choice", jv_get(src, "tool_choice"), S("\"auto\""));
    write_tools(jv_get(src, "tools"), &w);
    number_or(&w, "top_logprobs", rq->top_logprobs, S("0"));
    number_or(&w, "top_p", rq->top_p, S("1.0"));
    jw_kstr(&w, "truncation", S("disabled"));
    value_or(&w, "user", jv_get(src, "user"), S("null"));
    write_nested(rq, &w);
    buf_put_char(&out, ',');
    str echo = str_dup(a, buf_str(&out));
    buf_fini(&out);
    return echo;
}

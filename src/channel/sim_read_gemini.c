/*
 * Requests of generateContent and countTokens (Gemini API v1beta). Members may be spelt in
 * lowerCamelCase or snake_case, as proto3 JSON allows. Whether a stream is SSE or a JSON array
 * says the query (alt=sse).
 */
#include <stdlib.h>

#include "channel/sim_priv.h"

enum { STOPS_MAX = 5, CANDIDATES_MAX = 8 };

/* ---- Contents ---- */

/* Base64, of either alphabet: what a bytes member may hold. */
static bool is_bytes(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = ascii_lower(s.p[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr("+/-_=", c))
            return false;
    }
    return true;
}

/* What a function gave: a text in it if there is one, else the object as JSON. */
static void saw_response(struct sim_ask *a, yyjson_val *response)
{
    static const char *const keys[] = {"result", "output", "content", "error"};
    size_t n;
    char *text;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (yyjson_is_str(yyjson_obj_get(response, keys[i]))) {
            sim_saw_result(a, yyjson_obj_get(response, keys[i]));
            return;
        }
    sim_saw_result(a, NULL);
    text = yyjson_val_write(response, 0, &n);
    if (text)
        a->results[a->n_results - 1].text = str_dup(a->arena, str_of(text, n));
    free(text);
}

static bool read_call(struct sim_ask *a, yyjson_val *call, const char *list, size_t at)
{
    yyjson_val *name = yyjson_obj_get(call, "name");

    if (!yyjson_is_str(name))
        return sim_no_missing(a, sim_path(a, list, at, "function_call.name"));
    return sim_pending_add(a, name, sim_path(a, list, at, "function_call.name"), 128);
}

static bool read_response(struct sim_ask *a, yyjson_val *r, const char *list, size_t at)
{
    yyjson_val *name = yyjson_obj_get(r, "name"), *response = yyjson_obj_get(r, "response");

    if (!yyjson_is_str(name) || !yyjson_get_len(name))
        return sim_no_missing(a, sim_path(a, list, at, "function_response.name"));
    if (!yyjson_is_obj(response))
        return response ? sim_no_type(a, sim_path(a, list, at, "function_response.response"),
                                      "an object", response)
                        : sim_no_missing(a, sim_path(a, list, at, "function_response.response"));
    if (!sim_pending_take(a, sim_str(name)))
        return sim_no_value(a, sim_path(a, list, at, NULL),
                            "please ensure that function response turn comes immediately after a "
                            "function call turn, with as many parts.");
    saw_response(a, response);
    return true;
}

static bool is_empty_part(yyjson_val *part)
{
    static const char *const data[] = {
        "text",
        "inlineData",
        "inline_data",
        "fileData",
        "file_data",
        "executableCode",
        "executable_code",
        "codeExecutionResult",
        "toolCall",
        "code_execution_result",
        "toolResponse",
        "thought",
        "functionCall",
        "thoughtSignature",
    };

    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
        if (yyjson_obj_get(part, data[i]))
            return false;
    return true;
}

static bool read_part(struct sim_ask *a, yyjson_val *part, const char *list, size_t at, bool user)
{
    yyjson_val *call = sim_get(part, "functionCall", "function_call");
    yyjson_val *response = sim_get(part, "functionResponse", "function_response");
    yyjson_val *text = yyjson_obj_get(part, "text");
    yyjson_val *seal = sim_get(part, "thoughtSignature", "thought_signature");

    if (!yyjson_is_obj(part))
        return sim_no_type(a, sim_path(a, list, at, NULL), "an object", part);
    if (seal && (!yyjson_is_str(seal) || !is_bytes(sim_str(seal))))
        return sim_no_value(a, sim_path(a, list, at, "thought_signature"),
                            "Base64 decoding failed.");
    if (call)
        return read_call(a, call, list, at);
    if (response)
        return read_response(a, response, list, at);
    if (is_empty_part(part))
        return sim_no_value(a, sim_path(a, list, at, "data"),
                            "required oneof field 'data' must have one initialized field.");
    if (text && !yyjson_is_str(text))
        return sim_no_type(a, sim_path(a, list, at, "text"), "a string", text);
    if (text && user && !a->n_results)
        a->user = sim_str(text);
    return true;
}

/* A turn that only holds function responses goes on with the turn before: some clients send
 * parallel results one by one. */
static bool is_response_turn(yyjson_val *parts)
{
    size_t i, n;
    yyjson_val *part;

    if (yyjson_is_obj(parts))
        return sim_get(parts, "functionResponse", "function_response") != NULL;
    yyjson_arr_foreach (parts, i, n, part) {
        if (!sim_get(part, "functionResponse", "function_response"))
            return false;
    }
    return n > 0;
}

static bool no_pending(struct sim_ask *a)
{
    if (!a->n_pending)
        return true;
    return sim_no_value(a, "contents",
                        "please ensure that the number of function response parts is equal to "
                        "the number of function call parts of the function call turn.");
}

static bool read_content(struct sim_ask *a, yyjson_val *content, size_t at)
{
    yyjson_val *parts = yyjson_obj_get(content, "parts"), *part;
    str role = sim_str(yyjson_obj_get(content, "role"));
    bool model = str_eq(role, S("model")), results = is_response_turn(parts);
    const char *list = sim_path(a, "contents", at, "parts");
    size_t i, n;

    if (!yyjson_is_obj(content))
        return sim_no_type(a, sim_path(a, "contents", at, NULL), "an object", content);
    if (role.n && !model && !str_eq(role, S("user")) && !str_eq(role, S("function")))
        return sim_no_value(a, sim_path(a, "contents", at, "role"),
                            "please use a valid role: user, model.");
    if (!yyjson_is_obj(parts) && !yyjson_arr_size(parts))
        return sim_no_missing(a, list);
    if (!results && !no_pending(a))
        return false;
    if (model)
        sim_saw_assistant(a);
    else if (!results)
        sim_saw_user(a, S(""));
    if (yyjson_is_obj(parts)) /* proto3 JSON takes one message for a list of one */
        return read_part(a, parts, list, 0, !model);
    yyjson_arr_foreach (parts, i, n, part) {
        if (!read_part(a, part, list, i, !model))
            return false;
    }
    return true;
}

static bool read_contents(struct sim_ask *a)
{
    yyjson_val *list = yyjson_obj_get(a->root, "contents"), *content;
    size_t i, n;

    if (!sim_want_list(a, list, "contents"))
        return false;
    yyjson_arr_foreach (list, i, n, content) {
        if (!read_content(a, content, i))
            return false;
    }
    return no_pending(a);
}

/* ---- Tools ---- */

static bool read_declarations(struct sim_ask *a, yyjson_val *tool, size_t at)
{
    yyjson_val *list = sim_get(tool, "functionDeclarations", "function_declarations"), *f;
    const char *path = sim_path(a, "tools", at, "function_declarations");
    size_t i, n;

    if (list && !yyjson_is_arr(list))
        return sim_no_type(a, path, "an array of objects", list);
    yyjson_arr_foreach (list, i, n, f) {
        yyjson_val *schema = sim_get(f, "parametersJsonSchema", "parameters_json_schema");
        struct sim_tool t = {.name = sim_str(yyjson_obj_get(f, "name")),
                             .schema = schema ? schema : yyjson_obj_get(f, "parameters")};

        if (!sim_saw_tool(a, t, sim_path(a, path, i, "name")))
            return false;
    }
    return true;
}

static bool read_tool_config(struct sim_ask *a)
{
    yyjson_val *config = sim_get(a->root, "toolConfig", "tool_config"), *names, *one;
    str mode;
    size_t i, n;
    str *only;

    config = sim_get(config, "functionCallingConfig", "function_calling_config");
    mode = sim_str(yyjson_obj_get(config, "mode"));
    names = sim_get(config, "allowedFunctionNames", "allowed_function_names");
    if (str_eq_nocase(mode, S("NONE")))
        a->tool_choice = SIM_TOOLS_NONE;
    else if (str_eq_nocase(mode, S("ANY")))
        a->tool_choice = SIM_TOOLS_REQUIRED;
    else if (mode.n && !str_eq_nocase(mode, S("AUTO")) && !str_eq_nocase(mode, S("VALIDATED")) &&
             !str_eq_nocase(mode, S("MODE_UNSPECIFIED")))
        return sim_no_value(a, "tool_config.function_calling_config.mode",
                            "unknown enum value \"%.*s\"", STR_FMT(str_head(mode, 40)));
    only = arena_array(a->arena, str, yyjson_arr_size(names) + 1);
    yyjson_arr_foreach (names, i, n, one)
        only[a->n_only++] = sim_str(one);
    a->only = only;
    return true;
}

static bool read_tools(struct sim_ask *a)
{
    yyjson_val *list = yyjson_obj_get(a->root, "tools"), *tool;
    size_t i, n;

    if (list && !yyjson_is_null(list) && !yyjson_is_arr(list))
        return sim_no_type(a, "tools", "an array of objects", list);
    yyjson_arr_foreach (list, i, n, tool) {
        if (!read_declarations(a, tool, i))
            return false;
    }
    return read_tool_config(a);
}

/* ---- generationConfig ---- */

static bool read_thinking(struct sim_ask *a, yyjson_val *t)
{
    yyjson_val *budget = sim_get(t, "thinkingBudget", "thinking_budget");
    int64_t tokens = -1;
    bool shown = false;

    if (!t || yyjson_is_null(t))
        return true;
    if (!yyjson_is_obj(t))
        return sim_no_type(a, "generation_config.thinking_config", "an object", t);
    if (!sim_want_int(a, budget, "generation_config.thinking_config.thinking_budget", -1, INT32_MAX,
                      &tokens) ||
        !sim_want_bool(a, sim_get(t, "includeThoughts", "include_thoughts"),
                       "generation_config.thinking_config.include_thoughts", &shown))
        return false;
    a->reasoning = tokens != 0 && yyjson_obj_size(t) > 0;
    a->reasoning_shown = shown;
    return true;
}

static bool read_format(struct sim_ask *a, yyjson_val *g)
{
    str mime = sim_str(sim_get(g, "responseMimeType", "response_mime_type"));
    yyjson_val *schema = sim_get(g, "responseJsonSchema", "response_json_schema");

    if (!schema)
        schema = sim_get(g, "responseSchema", "response_schema");
    if (schema && !str_eq(mime, S("application/json")) && !str_eq(mime, S("text/x.enum")))
        return sim_no_value(a, "generation_config.response_mime_type",
                            "response_schema needs application/json.");
    if (mime.n && !str_eq(mime, S("text/plain")) && !str_eq(mime, S("application/json")) &&
        !str_eq(mime, S("text/x.enum")))
        return sim_no_value(a, "generation_config.response_mime_type",
                            "allowed mimetypes are `text/plain`, `application/json`, and "
                            "`text/x.enum`.");
    if (str_eq(mime, S("application/json")))
        a->format = schema ? SIM_FORMAT_SCHEMA : SIM_FORMAT_OBJECT;
    a->schema = schema;
    return true;
}

static bool read_generation(struct sim_ask *a)
{
    yyjson_val *g = sim_get(a->root, "generationConfig", "generation_config");
    int64_t max = 0, n = 1, k = 0;

    if (!g || yyjson_is_null(g))
        return true;
    if (!yyjson_is_obj(g))
        return sim_no_type(a, "generation_config", "an object", g);
    if (!sim_want_int(a, sim_get(g, "maxOutputTokens", "max_output_tokens"),
                      "generation_config.max_output_tokens", 1, INT32_MAX, &max) ||
        !sim_want_int(a, sim_get(g, "candidateCount", "candidate_count"),
                      "generation_config.candidate_count", 1, CANDIDATES_MAX, &n) ||
        !sim_want_num(a, yyjson_obj_get(g, "temperature"), "generation_config.temperature", 0, 2) ||
        !sim_want_num(a, sim_get(g, "topP", "top_p"), "generation_config.top_p", 0, 1) ||
        !sim_want_int(a, yyjson_obj_get(g, "seed"), "generation_config.seed", INT32_MIN, INT32_MAX,
                      &k) ||
        !sim_want_strs(a, sim_get(g, "stopSequences", "stop_sequences"),
                       "generation_config.stop_sequences", STOPS_MAX, &a->stops, &a->n_stops))
        return false;
    a->max_tokens = (uint64_t)max;
    a->n = (unsigned)n;
    return read_format(a, g) && read_thinking(a, sim_get(g, "thinkingConfig", "thinking_config"));
}

bool sim_read_gemini(struct sim_ask *a)
{
    yyjson_val *inner = sim_get(a->root, "generateContentRequest", "generate_content_request");

    if (a->rq->operation == SIM_COUNT_TOKENS && yyjson_is_obj(inner))
        a->root = inner;
    a->json_array = str_find(a->rq->path, S("alt=sse")) == a->rq->path.n;
    if (!read_contents(a) || !read_tools(a) || !read_generation(a))
        return false;
    a->input_tokens =
        sim_tokens(sim_weigh(yyjson_obj_get(a->root, "contents")) +
                   sim_weigh(sim_get(a->root, "systemInstruction", "system_instruction")) +
                   sim_weigh(yyjson_obj_get(a->root, "tools")));
    return true;
}

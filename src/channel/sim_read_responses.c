/*
 * Requests of the Responses API (OpenAI; Open Responses 2026-04-24). The simulator keeps no
 * state: previous_response_id is repeated in the answer, and what it stands for is not known.
 */
#include <stdlib.h>

#include "channel/sim_priv.h"

enum { CALL_ID_MAX = 64, OUTPUT_TOKENS_MIN = 16 }; /* what the live API takes */

/* ---- Input items ---- */

static str type_of(yyjson_val *v)
{
    return sim_str(yyjson_obj_get(v, "type"));
}

static bool known_part(str type)
{
    static const char *const types[] = {
        "input_text",  "input_image", "input_file",     "input_audio", "input_video",
        "output_text", "refusal",     "reasoning_text", "text",        "summary_text",
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_eq(type, str_c(types[i])))
            return true;
    return false;
}

static bool check_content(struct sim_ask *a, yyjson_val *content, const char *path, str *last)
{
    size_t i, n;
    yyjson_val *part;

    if (!content)
        return sim_no_missing(a, path);
    if (yyjson_is_str(content)) {
        *last = sim_str(content);
        return true;
    }
    if (!yyjson_is_arr(content))
        return sim_no_type(a, path, "a string or an array of objects", content);
    yyjson_arr_foreach (content, i, n, part) {
        str type = type_of(part);

        if (!yyjson_is_obj(part))
            return sim_no_type(a, sim_path(a, path, i, NULL), "an object", part);
        if (!known_part(type))
            return sim_no_value(a, sim_path(a, path, i, "type"), "unknown content type '%.*s'.",
                                STR_FMT(str_head(type, 60)));
        if (yyjson_obj_get(part, "text"))
            *last = sim_str(yyjson_obj_get(part, "text"));
    }
    return true;
}

static bool read_message(struct sim_ask *a, yyjson_val *item, size_t at)
{
    str role = sim_str(yyjson_obj_get(item, "role")), text = {NULL, 0};

    if (!role.n)
        return sim_no_missing(a, sim_path(a, "input", at, "role"));
    if (!check_content(a, yyjson_obj_get(item, "content"), sim_path(a, "input", at, "content"),
                       &text))
        return false;
    if (str_eq(role, S("user")))
        sim_saw_user(a, text);
    else if (str_eq(role, S("assistant")))
        sim_saw_assistant(a);
    else if (!str_eq(role, S("system")) && !str_eq(role, S("developer")))
        return sim_no_value(a, sim_path(a, "input", at, "role"),
                            "supported values are: 'assistant', 'system', 'developer', and "
                            "'user'.");
    return true;
}

static bool read_call(struct sim_ask *a, yyjson_val *item, size_t at, bool custom)
{
    const char *text = custom ? "input" : "arguments";

    if (!yyjson_is_str(yyjson_obj_get(item, "name")))
        return sim_no_missing(a, sim_path(a, "input", at, "name"));
    if (!yyjson_is_str(yyjson_obj_get(item, text)))
        return sim_no_missing(a, sim_path(a, "input", at, text));
    sim_saw_assistant(a);
    return sim_pending_add(a, yyjson_obj_get(item, "call_id"), sim_path(a, "input", at, "call_id"),
                           CALL_ID_MAX);
}

static bool read_output(struct sim_ask *a, yyjson_val *item, size_t at)
{
    yyjson_val *id = yyjson_obj_get(item, "call_id"), *output = yyjson_obj_get(item, "output");
    bool earlier = yyjson_is_str(yyjson_obj_get(a->root, "previous_response_id")) ||
                   yyjson_obj_get(a->root, "conversation");

    if (!yyjson_is_str(id))
        return sim_no_missing(a, sim_path(a, "input", at, "call_id"));
    if (!output)
        return sim_no_missing(a, sim_path(a, "input", at, "output"));
    if (!sim_pending_take(a, sim_str(id)) && !earlier)
        return sim_no_value(a, "input",
                            "no tool call found for function call output with call_id "
                            "%.*s.",
                            STR_FMT(str_head(sim_str(id), CALL_ID_MAX)));
    sim_saw_result(a, output);
    return true;
}

static bool read_reasoning_item(struct sim_ask *a, yyjson_val *item, size_t at)
{
    yyjson_val *sealed = yyjson_obj_get(item, "encrypted_content");

    if (!yyjson_is_arr(yyjson_obj_get(item, "summary")))
        return sim_no_missing(a, sim_path(a, "input", at, "summary"));
    if (!sealed || yyjson_is_null(sealed) || sim_seal_ok(sim_str(sealed)))
        return true;
    a->no = (struct sim_no){.status = 400, .code = "invalid_encrypted_content"};
    a->no.message = arena_printf(a->arena,
                                 "The encrypted content of input[%zu] could not be "
                                 "verified.",
                                 at);
    return false;
}

static bool read_item(struct sim_ask *a, yyjson_val *item, size_t at)
{
    str type = type_of(item);

    if (!yyjson_is_obj(item))
        return sim_no_type(a, sim_path(a, "input", at, NULL), "an object", item);
    if (!type.n || str_eq(type, S("message")))
        return read_message(a, item, at);
    if (str_eq(type, S("function_call")))
        return read_call(a, item, at, false);
    if (str_eq(type, S("custom_tool_call")))
        return read_call(a, item, at, true);
    if (str_eq(type, S("function_call_output")) || str_eq(type, S("custom_tool_call_output")))
        return read_output(a, item, at);
    if (str_eq(type, S("reasoning")))
        return read_reasoning_item(a, item, at);
    if (str_ends(type, S("_output")))
        sim_saw_result(a, yyjson_obj_get(item, "output"));
    return true; /* items of hosted tools, references: part of the history, nothing to do */
}

static bool read_input(struct sim_ask *a)
{
    yyjson_val *input = yyjson_obj_get(a->root, "input"), *item;
    size_t i, n;

    if (!input || yyjson_is_null(input)) {
        if (yyjson_obj_get(a->root, "previous_response_id") || yyjson_obj_get(a->root, "prompt"))
            return true;
        return sim_no_missing(a, "input");
    }
    if (yyjson_is_str(input)) {
        sim_saw_user(a, sim_str(input));
        return true;
    }
    if (!yyjson_is_arr(input))
        return sim_no_type(a, "input", "a string or an array of objects", input);
    yyjson_arr_foreach (input, i, n, item) {
        if (!read_item(a, item, i))
            return false;
    }
    if (a->n_pending)
        return sim_no_value(a, "input", "no tool output found for function call %.*s.",
                            STR_FMT(str_head(a->pending[0], CALL_ID_MAX)));
    return true;
}

/* ---- Tools ---- */

static bool read_tool(struct sim_ask *a, yyjson_val *tool, const char *list, size_t at, str space);

static bool read_namespace(struct sim_ask *a, yyjson_val *tool, const char *path)
{
    yyjson_val *list = yyjson_obj_get(tool, "tools"), *one;
    size_t i, n;

    yyjson_arr_foreach (list, i, n, one) {
        if (!read_tool(a, one, path, i, sim_str(yyjson_obj_get(tool, "name"))))
            return false;
    }
    return true;
}

static bool read_tool(struct sim_ask *a, yyjson_val *tool, const char *list, size_t at, str space)
{
    str type = type_of(tool);
    struct sim_tool t = {.name = sim_str(yyjson_obj_get(tool, "name")),
                         .space = space,
                         .schema = yyjson_obj_get(tool, "parameters"),
                         .custom = str_eq(type, S("custom"))};

    if (!yyjson_is_obj(tool))
        return sim_no_type(a, sim_path(a, list, at, NULL), "an object", tool);
    if (!type.n)
        return sim_no_missing(a, sim_path(a, list, at, "type"));
    if (str_eq(type, S("namespace")) && !space.n)
        return read_namespace(a, tool, sim_path(a, list, at, "tools"));
    if (!t.custom && !str_eq(type, S("function")))
        return true; /* hosted: the provider runs it, and this one does not */
    return sim_saw_tool(a, t, sim_path(a, list, at, "name"));
}

static bool choice_word(struct sim_ask *a, str word)
{
    if (str_eq(word, S("none")))
        a->tool_choice = SIM_TOOLS_NONE;
    else if (str_eq(word, S("required")))
        a->tool_choice = SIM_TOOLS_REQUIRED;
    else if (!str_eq(word, S("auto")))
        return sim_no_value(a, "tool_choice",
                            "supported values are 'none', 'auto', and 'required'.");
    return true;
}

static bool read_tool_choice(struct sim_ask *a)
{
    yyjson_val *c = yyjson_obj_get(a->root, "tool_choice"), *one;
    yyjson_val *list = yyjson_obj_get(c, "tools");
    str type = type_of(c);
    size_t i, n;
    str *only;

    if (!c || yyjson_is_null(c))
        return true;
    if (yyjson_is_str(c))
        return choice_word(a, sim_str(c));
    if (str_eq(type, S("function")) || str_eq(type, S("custom"))) {
        if (!yyjson_is_str(yyjson_obj_get(c, "name")))
            return sim_no_missing(a, "tool_choice.name");
        sim_force_tool(a, sim_str(yyjson_obj_get(c, "name")));
        return true;
    }
    if (!str_eq(type, S("allowed_tools")))
        return true; /* a hosted tool */
    only = arena_array(a->arena, str, yyjson_arr_size(list) + 1);
    yyjson_arr_foreach (list, i, n, one)
        only[a->n_only++] = sim_str(yyjson_obj_get(one, "name"));
    a->only = only;
    return choice_word(a, sim_str(yyjson_obj_get(c, "mode")));
}

static bool read_tools(struct sim_ask *a)
{
    yyjson_val *list = yyjson_obj_get(a->root, "tools"), *tool;
    size_t i, n;

    if (list && !yyjson_is_null(list) && !yyjson_is_arr(list))
        return sim_no_type(a, "tools", "an array of objects", list);
    yyjson_arr_foreach (list, i, n, tool) {
        if (!read_tool(a, tool, "tools", i, S("")))
            return false;
    }
    if (!sim_want_bool(a, yyjson_obj_get(a->root, "parallel_tool_calls"), "parallel_tool_calls",
                       &a->parallel))
        return false;
    return read_tool_choice(a);
}

/* ---- The rest ---- */

static bool read_format(struct sim_ask *a)
{
    yyjson_val *f = yyjson_obj_get(yyjson_obj_get(a->root, "text"), "format");
    str type = type_of(f);

    if (!f || yyjson_is_null(f) || str_eq(type, S("text")))
        return true;
    if (str_eq(type, S("json_object"))) {
        a->format = SIM_FORMAT_OBJECT;
        return true;
    }
    if (!str_eq(type, S("json_schema")))
        return sim_no_value(a, "text.format.type",
                            "supported values are: 'json_object', 'json_schema', and 'text'.");
    if (!yyjson_is_str(yyjson_obj_get(f, "name")))
        return sim_no_missing(a, "text.format.name");
    if (!yyjson_is_obj(yyjson_obj_get(f, "schema")))
        return sim_no_missing(a, "text.format.schema");
    a->format = SIM_FORMAT_SCHEMA;
    a->schema = yyjson_obj_get(f, "schema");
    return true;
}

static bool read_reasoning(struct sim_ask *a)
{
    yyjson_val *r = yyjson_obj_get(a->root, "reasoning"), *list, *one;
    str effort = {NULL, 0}, summary = {NULL, 0};
    size_t i, n;

    if (r && !yyjson_is_null(r) && !yyjson_is_obj(r))
        return sim_no_type(a, "reasoning", "an object", r);
    if (!sim_want_str(a, yyjson_obj_get(r, "effort"), "reasoning.effort", &effort) ||
        !sim_want_str(a, yyjson_obj_get(r, "summary"), "reasoning.summary", &summary))
        return false;
    a->reasoning = (effort.n || summary.n) && !str_eq(effort, S("none"));
    a->reasoning_shown = summary.n > 0;
    list = yyjson_obj_get(a->root, "include");
    yyjson_arr_foreach (list, i, n, one) {
        if (str_eq(sim_str(one), S("reasoning.encrypted_content")))
            a->reasoning_sealed = true;
    }
    return true;
}

static bool read_sampling(struct sim_ask *a)
{
    yyjson_val *root = a->root, *metadata = yyjson_obj_get(root, "metadata");
    int64_t max = 0, unused = 0;
    bool flag = false;
    str word;

    if (!sim_want_int(a, yyjson_obj_get(root, "max_output_tokens"), "max_output_tokens",
                      OUTPUT_TOKENS_MIN, INT32_MAX, &max) ||
        !sim_want_int(a, yyjson_obj_get(root, "max_tool_calls"), "max_tool_calls", 1, INT32_MAX,
                      &unused) ||
        !sim_want_int(a, yyjson_obj_get(root, "top_logprobs"), "top_logprobs", 0, 20, &unused) ||
        !sim_want_num(a, yyjson_obj_get(root, "temperature"), "temperature", 0, 2) ||
        !sim_want_num(a, yyjson_obj_get(root, "top_p"), "top_p", 0, 1) ||
        !sim_want_bool(a, yyjson_obj_get(root, "stream"), "stream", &flag) ||
        !sim_want_bool(a, yyjson_obj_get(root, "store"), "store", &flag) ||
        !sim_want_bool(a, yyjson_obj_get(root, "background"), "background", &flag) ||
        !sim_want_str(a, yyjson_obj_get(root, "previous_response_id"), "previous_response_id",
                      &word) ||
        !sim_want_str(a, yyjson_obj_get(root, "truncation"), "truncation", &word))
        return false;
    if (metadata && !yyjson_is_null(metadata) && !yyjson_is_obj(metadata))
        return sim_no_type(a, "metadata", "an object", metadata);
    a->max_tokens = (uint64_t)max;
    return true;
}

bool sim_read_responses(struct sim_ask *a)
{
    if (!read_input(a) || !read_tools(a) || !read_sampling(a) || !read_format(a) ||
        !read_reasoning(a))
        return false;
    a->input_tokens = sim_tokens(sim_weigh(yyjson_obj_get(a->root, "input")) +
                                 sim_weigh(yyjson_obj_get(a->root, "instructions")) +
                                 sim_weigh(yyjson_obj_get(a->root, "tools")));
    return true;
}

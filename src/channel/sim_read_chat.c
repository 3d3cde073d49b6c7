/*
 * Requests of Chat Completions and of the older Completions, as OpenAI's reference describes them
 * and with the checks its server makes.
 */
#include "channel/sim_priv.h"

enum { CALL_ID_MAX = 40 }; /* what the live API takes */

/* ---- Messages ---- */

static bool read_calls(struct sim_ask *a, yyjson_val *calls, size_t at)
{
    const char *path = sim_path(a, "messages", at, "tool_calls");
    size_t i, n;
    yyjson_val *call;

    if (!calls || yyjson_is_null(calls))
        return true;
    if (!yyjson_is_arr(calls))
        return sim_no_type(a, path, "an array of objects", calls);
    yyjson_arr_foreach (calls, i, n, call) {
        yyjson_val *f = sim_get(call, "function", "custom");

        if (!yyjson_is_obj(f))
            return sim_no_missing(a, sim_path(a, path, i, "function"));
        if (!yyjson_is_str(yyjson_obj_get(f, "name")))
            return sim_no_missing(a, sim_path(a, path, i, "function.name"));
        if (!yyjson_is_str(sim_get(f, "arguments", "input")))
            return sim_no_missing(a, sim_path(a, path, i, "function.arguments"));
        if (!sim_pending_add(a, yyjson_obj_get(call, "id"), sim_path(a, path, i, "id"),
                             CALL_ID_MAX))
            return false;
    }
    return true;
}

static bool read_result(struct sim_ask *a, yyjson_val *m, size_t at)
{
    yyjson_val *id = yyjson_obj_get(m, "tool_call_id");

    if (!yyjson_is_str(id))
        return sim_no_missing(a, sim_path(a, "messages", at, "tool_call_id"));
    if (!sim_pending_take(a, sim_str(id)))
        return sim_no_value(a, sim_path(a, "messages", at, "role"),
                            "messages with role 'tool' must be a response to a preceding message "
                            "with 'tool_calls'.");
    sim_saw_result(a, yyjson_obj_get(m, "content"));
    return true;
}

static bool known_part(str type)
{
    static const char *const types[] = {"text",       "image_url",  "input_audio", "file",
                                        "refusal",    "thinking",   "reasoning",   "video_url",
                                        "input_text", "output_text"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_eq(type, str_c(types[i])))
            return true;
    return false;
}

static bool check_content(struct sim_ask *a, yyjson_val *content, size_t at, bool required)
{
    const char *path = sim_path(a, "messages", at, "content");
    size_t i, n;
    yyjson_val *part;

    if (!content || yyjson_is_null(content)) {
        if (!required)
            return true;
        return content ? sim_no_type(a, path, "a string or an array of objects", content)
                       : sim_no_missing(a, path);
    }
    if (yyjson_is_str(content))
        return true;
    if (!yyjson_is_arr(content))
        return sim_no_type(a, path, "a string or an array of objects", content);
    yyjson_arr_foreach (content, i, n, part) {
        str type = sim_str(yyjson_obj_get(part, "type"));

        if (!yyjson_is_obj(part))
            return sim_no_type(a, sim_path(a, path, i, NULL), "an object", part);
        if (!known_part(type))
            return sim_no_value(a, sim_path(a, path, i, "type"), "unknown content type '%.*s'.",
                                STR_FMT(str_head(type, 60)));
    }
    return true;
}

/* The last text part says what the user wants; parts before it are often context. */
static str last_text(yyjson_val *content)
{
    str text = sim_str(content);
    size_t i, n;
    yyjson_val *part;

    yyjson_arr_foreach (content, i, n, part) {
        yyjson_val *t = yyjson_obj_get(part, "text");

        if (t)
            text = sim_str(t);
    }
    return text;
}

static bool no_pending(struct sim_ask *a, size_t at)
{
    if (!a->n_pending)
        return true;
    return sim_no_value(a, sim_path(a, "messages", at, "role"),
                        "an assistant message with 'tool_calls' must be followed by tool messages "
                        "responding to each 'tool_call_id'. The following tool_call_ids did not "
                        "have response messages: %.*s",
                        STR_FMT(str_head(a->pending[0], CALL_ID_MAX)));
}

static bool read_message(struct sim_ask *a, yyjson_val *m, size_t at)
{
    yyjson_val *content = yyjson_obj_get(m, "content"), *role = yyjson_obj_get(m, "role");
    yyjson_val *calls = yyjson_obj_get(m, "tool_calls");
    str r = sim_str(role);

    if (!yyjson_is_obj(m))
        return sim_no_type(a, sim_path(a, "messages", at, NULL), "an object", m);
    if (!role)
        return sim_no_missing(a, sim_path(a, "messages", at, "role"));
    if (!check_content(a, content, at, !str_eq(r, S("assistant"))))
        return false;
    if (str_eq(r, S("tool")))
        return read_result(a, m, at);
    if (!no_pending(a, at))
        return false;
    if (str_eq(r, S("function"))) {
        sim_saw_result(a, content);
        return true;
    }
    if (str_eq(r, S("assistant"))) {
        if (!content && !calls && !yyjson_obj_get(m, "function_call") &&
            !yyjson_obj_get(m, "refusal") && !yyjson_obj_get(m, "audio"))
            return sim_no_missing(a, sim_path(a, "messages", at, "content"));
        sim_saw_assistant(a);
        return read_calls(a, calls, at);
    }
    if (str_eq(r, S("user"))) {
        sim_saw_user(a, last_text(content));
        return true;
    }
    if (str_eq(r, S("system")) || str_eq(r, S("developer")))
        return true;
    return sim_no_value(a, sim_path(a, "messages", at, "role"),
                        "invalid value: '%.*s'. Supported values are: 'system', 'developer', "
                        "'user', 'assistant', 'tool', and 'function'.",
                        STR_FMT(str_head(r, 60)));
}

static bool read_messages(struct sim_ask *a)
{
    yyjson_val *list = yyjson_obj_get(a->root, "messages"), *m;
    size_t i, n;

    if (!sim_want_list(a, list, "messages"))
        return false;
    yyjson_arr_foreach (list, i, n, m) {
        if (!read_message(a, m, i))
            return false;
    }
    return no_pending(a, n - 1);
}

/* ---- Tools ---- */

static bool read_tool(struct sim_ask *a, yyjson_val *tool, size_t at)
{
    str type = sim_str(yyjson_obj_get(tool, "type"));
    bool custom = str_eq(type, S("custom"));
    yyjson_val *f = yyjson_obj_get(tool, custom ? "custom" : "function");
    const char *path = sim_path(a, "tools", at, custom ? "custom.name" : "function.name");

    if (!yyjson_is_obj(tool))
        return sim_no_type(a, sim_path(a, "tools", at, NULL), "an object", tool);
    if (!type.n)
        return sim_no_missing(a, sim_path(a, "tools", at, "type"));
    if (!custom && !str_eq(type, S("function")))
        return true; /* hosted by some provider; nothing to call back */
    return sim_saw_tool(a,
                        (struct sim_tool){.name = sim_str(yyjson_obj_get(f, "name")),
                                          .schema = yyjson_obj_get(f, "parameters"),
                                          .custom = custom},
                        path);
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

static str named(yyjson_val *tool)
{
    return sim_str(yyjson_obj_get(sim_get(tool, "function", "custom"), "name"));
}

static bool read_tool_choice(struct sim_ask *a)
{
    yyjson_val *c = yyjson_obj_get(a->root, "tool_choice");
    yyjson_val *allowed = yyjson_obj_get(c, "allowed_tools"), *list, *one;
    size_t i, n;
    str *only;

    if (!c || yyjson_is_null(c))
        return true;
    if (yyjson_is_str(c))
        return choice_word(a, sim_str(c));
    if (!allowed) {
        if (!named(c).n)
            return sim_no_missing(a, "tool_choice.function.name");
        sim_force_tool(a, named(c));
        return true;
    }
    list = yyjson_obj_get(allowed, "tools");
    only = arena_array(a->arena, str, yyjson_arr_size(list) + 1);
    yyjson_arr_foreach (list, i, n, one)
        only[a->n_only++] = named(one);
    a->only = only;
    return choice_word(a, sim_str(yyjson_obj_get(allowed, "mode")));
}

static bool read_tools(struct sim_ask *a)
{
    yyjson_val *list = yyjson_obj_get(a->root, "tools"), *tool;
    size_t i, n;

    if (list && !yyjson_is_null(list) && !yyjson_is_arr(list))
        return sim_no_type(a, "tools", "an array of objects", list);
    yyjson_arr_foreach (list, i, n, tool) {
        if (!read_tool(a, tool, i))
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
    yyjson_val *f = yyjson_obj_get(a->root, "response_format");
    str type = sim_str(yyjson_obj_get(f, "type"));

    if (!f || yyjson_is_null(f) || str_eq(type, S("text")))
        return true;
    if (!yyjson_is_obj(f))
        return sim_no_type(a, "response_format", "an object", f);
    if (str_eq(type, S("json_object"))) {
        a->format = SIM_FORMAT_OBJECT;
        return true;
    }
    if (!str_eq(type, S("json_schema")))
        return sim_no_value(a, "response_format.type",
                            "supported values are: 'json_object', 'json_schema', and 'text'.");
    f = yyjson_obj_get(f, "json_schema");
    if (!yyjson_is_obj(f))
        return sim_no_missing(a, "response_format.json_schema");
    if (!yyjson_is_str(yyjson_obj_get(f, "name")))
        return sim_no_missing(a, "response_format.json_schema.name");
    a->format = SIM_FORMAT_SCHEMA;
    a->schema = yyjson_obj_get(f, "schema");
    return true;
}

static bool read_reasoning(struct sim_ask *a)
{
    str effort = {NULL, 0};

    if (!sim_want_str(a, yyjson_obj_get(a->root, "reasoning_effort"), "reasoning_effort", &effort))
        return false;
    if (!effort.n)
        effort = sim_str(yyjson_obj_get(yyjson_obj_get(a->root, "reasoning"), "effort"));
    a->reasoning = effort.n && !str_eq(effort, S("none"));
    a->reasoning_shown = true;
    return true;
}

/* What Chat and Completions have in common. */
static bool read_sampling(struct sim_ask *a)
{
    yyjson_val *root = a->root, *so = yyjson_obj_get(root, "stream_options");
    int64_t max = 0, n = 1, unused = 0;
    bool stream = false;

    if (!sim_want_int(a, yyjson_obj_get(root, "max_tokens"), "max_tokens", 1, INT32_MAX, &max) ||
        !sim_want_int(a, yyjson_obj_get(root, "max_completion_tokens"), "max_completion_tokens", 1,
                      INT32_MAX, &max) ||
        !sim_want_int(a, yyjson_obj_get(root, "n"), "n", 1, SIM_CHOICES_MAX, &n) ||
        !sim_want_num(a, yyjson_obj_get(root, "temperature"), "temperature", 0, 2) ||
        !sim_want_num(a, yyjson_obj_get(root, "top_p"), "top_p", 0, 1) ||
        !sim_want_num(a, yyjson_obj_get(root, "presence_penalty"), "presence_penalty", -2, 2) ||
        !sim_want_num(a, yyjson_obj_get(root, "frequency_penalty"), "frequency_penalty", -2, 2) ||
        !sim_want_int(a, yyjson_obj_get(root, "seed"), "seed", INT64_MIN, INT64_MAX, &unused) ||
        !sim_want_strs(a, yyjson_obj_get(root, "stop"), "stop", 4, &a->stops, &a->n_stops) ||
        !sim_want_bool(a, yyjson_obj_get(root, "stream"), "stream", &stream) ||
        !sim_want_bool(a, yyjson_obj_get(so, "include_usage"), "stream_options.include_usage",
                       &a->include_usage))
        return false;
    if (so && !yyjson_is_null(so) && !stream)
        return sim_no_value(a, "stream_options", "only allowed when 'stream' is enabled.");
    a->max_tokens = (uint64_t)max;
    a->n = (unsigned)n;
    return true;
}

bool sim_read_chat(struct sim_ask *a)
{
    if (!read_messages(a) || !read_tools(a) || !read_sampling(a) || !read_format(a) ||
        !read_reasoning(a))
        return false;
    a->input_tokens = sim_tokens(sim_weigh(yyjson_obj_get(a->root, "messages")) +
                                 sim_weigh(yyjson_obj_get(a->root, "tools")));
    return true;
}

/* ---- Completions ---- */

/* A prompt: a string, or its tokens as numbers, of which only the count is known here. */
static bool prompt_text(struct sim_ask *a, yyjson_val *v, str *out)
{
    if (yyjson_is_str(v)) {
        *out = sim_str(v);
        return true;
    }
    if (!yyjson_is_arr(v) || !yyjson_is_int(yyjson_arr_get_first(v)))
        return sim_no_type(a, "prompt", "a string or an array of strings", v);
    *out = arena_printf(a->arena, "a prompt of %zu tokens", yyjson_arr_size(v));
    return true;
}

bool sim_read_completions(struct sim_ask *a)
{
    yyjson_val *prompt = yyjson_obj_get(a->root, "prompt"), *one;
    yyjson_val *first = yyjson_arr_get_first(prompt);
    size_t i, n = 1;
    str *inputs;

    if (!prompt || yyjson_is_null(prompt))
        return sim_no_missing(a, "prompt");
    if (yyjson_is_arr(prompt) && (!first || !yyjson_is_int(first)))
        n = yyjson_arr_size(prompt);
    if (n == 0 || n > SIM_CHOICES_MAX)
        return sim_no_value(a, "prompt", "expected 1 to %d prompts, but got %zu.", SIM_CHOICES_MAX,
                            n);
    inputs = arena_array(a->arena, str, n);
    a->inputs = inputs;
    a->n_inputs = n;
    if (!first || yyjson_is_int(first)) {
        if (!prompt_text(a, prompt, inputs))
            return false;
    } else {
        yyjson_arr_foreach (prompt, i, n, one) {
            if (!prompt_text(a, one, inputs + i))
                return false;
        }
    }
    a->user = inputs[0];
    a->input_tokens = sim_tokens(sim_weigh(prompt));
    if (!read_sampling(a))
        return false;
    if (a->n * a->n_inputs > SIM_CHOICES_MAX)
        return sim_no_value(a, "n", "too many choices for %zu prompts.", a->n_inputs);
    return true;
}

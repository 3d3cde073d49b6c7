/*
 * Requests of the Messages API, with the checks Anthropic's server makes: max_tokens is required,
 * tool results must answer the calls of the turn before, thinking blocks must carry a signature
 * of this provider.
 */
#include "channel/sim_priv.h"

enum { BUDGET_MIN = 1024, TOOL_ID_MAX = 128 };

static str type_of(yyjson_val *v)
{
    return sim_str(yyjson_obj_get(v, "type"));
}

/* ---- Content blocks ---- */

/* ^[a-zA-Z0-9_-]+$ */
static bool is_tool_id(str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = ascii_lower(id.p[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return id.n > 0;
}

static bool read_tool_use(struct sim_ask *a, yyjson_val *b, const char *list, size_t at)
{
    yyjson_val *id = yyjson_obj_get(b, "id");
    const char *path = sim_path(a, list, at, "tool_use.id");

    if (!yyjson_is_str(yyjson_obj_get(b, "name")))
        return sim_no_missing(a, sim_path(a, list, at, "tool_use.name"));
    if (!yyjson_obj_get(b, "input"))
        return sim_no_missing(a, sim_path(a, list, at, "tool_use.input"));
    if (!yyjson_is_obj(yyjson_obj_get(b, "input")))
        return sim_no_type(a, sim_path(a, list, at, "tool_use.input"), "a valid dictionary",
                           yyjson_obj_get(b, "input"));
    if (yyjson_is_str(id) && !is_tool_id(sim_str(id)))
        return sim_no_value(a, path, "String should match pattern '^[a-zA-Z0-9_-]+$'");
    return sim_pending_add(a, id, path, TOOL_ID_MAX);
}

static bool read_tool_result(struct sim_ask *a, yyjson_val *b, const char *list, size_t at)
{
    yyjson_val *id = yyjson_obj_get(b, "tool_use_id");

    if (!yyjson_is_str(id))
        return sim_no_missing(a, sim_path(a, list, at, "tool_result.tool_use_id"));
    if (!sim_pending_take(a, sim_str(id)))
        return sim_no_value(a, sim_path(a, list, at, NULL),
                            "unexpected `tool_use_id` found in `tool_result` blocks: %.*s. Each "
                            "`tool_result` block must have a corresponding `tool_use` block in "
                            "the previous message.",
                            STR_FMT(str_head(sim_str(id), TOOL_ID_MAX)));
    sim_saw_result(a, yyjson_obj_get(b, "content"));
    return true;
}

static bool read_thinking(struct sim_ask *a, yyjson_val *b, const char *list, size_t at)
{
    yyjson_val *signature = yyjson_obj_get(b, "signature");

    if (!yyjson_is_str(yyjson_obj_get(b, "thinking")))
        return sim_no_missing(a, sim_path(a, list, at, "thinking.thinking"));
    if (!yyjson_is_str(signature))
        return sim_no_missing(a, sim_path(a, list, at, "thinking.signature"));
    if (!sim_seal_ok(sim_str(signature)))
        return sim_no_value(a, sim_path(a, list, at, NULL),
                            "Invalid `signature` in `thinking` block");
    return true;
}

/* What a user may send and what an assistant said; server tools have many more kinds, which are
 * taken as they are. */
static bool read_block(struct sim_ask *a, yyjson_val *b, const char *list, size_t at, bool user)
{
    str type = type_of(b);

    if (!yyjson_is_obj(b))
        return sim_no_type(a, sim_path(a, list, at, NULL), "a valid dictionary", b);
    if (!type.n)
        return sim_no_missing(a, sim_path(a, list, at, "type"));
    if (str_eq(type, S("text"))) {
        yyjson_val *text = yyjson_obj_get(b, "text");

        if (!yyjson_is_str(text))
            return sim_no_missing(a, sim_path(a, list, at, "text.text"));
        if (!yyjson_get_len(text))
            return sim_no_value(a, sim_path(a, list, at, NULL),
                                "text content blocks must be non-empty");
        if (user && !a->n_results)
            a->user = sim_str(text);
        return true;
    }
    if (str_eq(type, S("tool_use")) && !user)
        return read_tool_use(a, b, list, at);
    if (str_eq(type, S("tool_result")) && user)
        return read_tool_result(a, b, list, at);
    if (str_eq(type, S("thinking")) && !user)
        return read_thinking(a, b, list, at);
    return true;
}

/* ---- Messages ---- */

static bool no_pending(struct sim_ask *a, size_t at)
{
    if (!a->n_pending)
        return true;
    return sim_no_value(a, sim_path(a, "messages", at, NULL),
                        "`tool_use` ids were found without `tool_result` blocks immediately "
                        "after: %.*s. Each `tool_use` block must have a corresponding "
                        "`tool_result` block in the next message.",
                        STR_FMT(str_head(a->pending[0], TOOL_ID_MAX)));
}

static bool read_blocks(struct sim_ask *a, yyjson_val *content, size_t at, bool user)
{
    const char *list = sim_path(a, "messages", at, "content");
    size_t i, n;
    yyjson_val *b;

    yyjson_arr_foreach (content, i, n, b) {
        if (!read_block(a, b, list, i, user))
            return false;
    }
    return true;
}

static bool read_message(struct sim_ask *a, yyjson_val *m, size_t at, bool last)
{
    yyjson_val *content = yyjson_obj_get(m, "content");
    str role = sim_str(yyjson_obj_get(m, "role"));
    bool user = str_eq(role, S("user"));

    if (!yyjson_is_obj(m))
        return sim_no_type(a, sim_path(a, "messages", at, NULL), "a valid dictionary", m);
    if (!role.n)
        return sim_no_missing(a, sim_path(a, "messages", at, "role"));
    if (str_eq(role, S("system")) && at > 0)
        return true; /* a reminder between turns */
    if (!user && !str_eq(role, S("assistant")))
        return sim_no_value(a, sim_path(a, "messages", at, "role"),
                            "Input should be 'user' or 'assistant'");
    if (at == 0 && !user)
        return sim_no_value(a, "messages", "first message must use the \"user\" role");
    if (!content)
        return sim_no_missing(a, sim_path(a, "messages", at, "content"));
    if (!yyjson_is_str(content) && !yyjson_is_arr(content))
        return sim_no_type(a, sim_path(a, "messages", at, "content"), "a valid string or list",
                           content);
    if (!(yyjson_is_str(content) ? yyjson_get_len(content) : yyjson_arr_size(content)) &&
        (user || !last))
        return sim_no_value(a, sim_path(a, "messages", at, NULL),
                            "all messages must have non-empty content except for the optional "
                            "final assistant message");
    if (user)
        sim_saw_user(a, sim_str(content));
    else
        sim_saw_assistant(a);
    return read_blocks(a, content, at, user) && (!user || no_pending(a, at));
}

static bool read_messages(struct sim_ask *a)
{
    yyjson_val *list = yyjson_obj_get(a->root, "messages"), *m;
    size_t i, n;

    if (!sim_want_list(a, list, "messages"))
        return false;
    yyjson_arr_foreach (list, i, n, m) {
        if (!read_message(a, m, i, i + 1 == n))
            return false;
    }
    return no_pending(a, n - 1);
}

/* ---- Tools ---- */

/* Tools that Anthropic runs itself. */
static bool is_hosted(str type)
{
    static const char *const heads[] = {"web_search",  "web_fetch", "code_execution",
                                        "tool_search", "mcp_",      "advisor"};

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        if (str_starts(type, str_c(heads[i])))
            return true;
    return false;
}

static bool read_tool(struct sim_ask *a, yyjson_val *tool, size_t at)
{
    str type = type_of(tool);
    bool custom = !type.n || str_eq(type, S("custom"));
    yyjson_val *schema = yyjson_obj_get(tool, "input_schema");

    if (!yyjson_is_obj(tool))
        return sim_no_type(a, sim_path(a, "tools", at, NULL), "a valid dictionary", tool);
    if (is_hosted(type))
        return true;
    if (custom && !schema)
        return sim_no_missing(a, sim_path(a, "tools", at, "custom.input_schema"));
    if (custom && !str_eq(type_of(schema), S("object")))
        return sim_no_value(a, sim_path(a, "tools", at, "custom.input_schema.type"),
                            "Input should be 'object'");
    return sim_saw_tool(
        a, (struct sim_tool){.name = sim_str(yyjson_obj_get(tool, "name")), .schema = schema},
        sim_path(a, "tools", at, "custom.name"));
}

static bool read_tool_choice(struct sim_ask *a)
{
    yyjson_val *c = yyjson_obj_get(a->root, "tool_choice");
    str type = type_of(c);
    bool serial = false;

    if (!c || yyjson_is_null(c))
        return true;
    if (!yyjson_is_obj(c))
        return sim_no_type(a, "tool_choice", "a valid dictionary", c);
    if (!sim_want_bool(a, yyjson_obj_get(c, "disable_parallel_tool_use"),
                       "tool_choice.disable_parallel_tool_use", &serial))
        return false;
    a->parallel = !serial;
    if (str_eq(type, S("any")))
        a->tool_choice = SIM_TOOLS_REQUIRED;
    else if (str_eq(type, S("none")))
        a->tool_choice = SIM_TOOLS_NONE;
    else if (str_eq(type, S("tool"))) {
        if (!yyjson_is_str(yyjson_obj_get(c, "name")))
            return sim_no_missing(a, "tool_choice.tool.name");
        sim_force_tool(a, sim_str(yyjson_obj_get(c, "name")));
    } else if (!str_eq(type, S("auto")))
        return sim_no_value(a, "tool_choice",
                            "Input tag found using 'type' does not match any of the expected "
                            "tags: 'auto', 'any', 'tool', 'none'");
    return true;
}

static bool read_tools(struct sim_ask *a)
{
    yyjson_val *list = yyjson_obj_get(a->root, "tools"), *tool;
    size_t i, n;

    if (list && !yyjson_is_null(list) && !yyjson_is_arr(list))
        return sim_no_type(a, "tools", "a valid list", list);
    yyjson_arr_foreach (list, i, n, tool) {
        if (!read_tool(a, tool, i))
            return false;
    }
    return read_tool_choice(a);
}

/* ---- The rest ---- */

static bool read_enabled(struct sim_ask *a, yyjson_val *t, int64_t max_tokens)
{
    int64_t budget = 0;

    if (!yyjson_obj_get(t, "budget_tokens"))
        return sim_no_missing(a, "thinking.enabled.budget_tokens");
    if (!sim_want_int(a, yyjson_obj_get(t, "budget_tokens"), "thinking.enabled.budget_tokens",
                      BUDGET_MIN, INT32_MAX, &budget))
        return false;
    if (max_tokens && budget >= max_tokens)
        return sim_no_value(a, "max_tokens",
                            "`max_tokens` must be greater than `thinking.budget_tokens`");
    return true;
}

static bool read_thinking_mode(struct sim_ask *a, int64_t max_tokens)
{
    yyjson_val *t = yyjson_obj_get(a->root, "thinking");
    yyjson_val *temperature = yyjson_obj_get(a->root, "temperature");
    str type = type_of(t);

    if (!t || yyjson_is_null(t) || str_eq(type, S("disabled")))
        return true;
    if (!yyjson_is_obj(t))
        return sim_no_type(a, "thinking", "a valid dictionary", t);
    if (str_eq(type, S("enabled"))) {
        if (!read_enabled(a, t, max_tokens))
            return false;
    } else if (!str_eq(type, S("adaptive"))) {
        return sim_no_value(a, "thinking",
                            "Input tag found using 'type' does not match any of the expected "
                            "tags: 'disabled', 'enabled', 'adaptive'");
    }
    if (yyjson_is_num(temperature) && yyjson_get_num(temperature) != 1)
        return sim_no_value(a, "temperature",
                            "`temperature` may only be set to 1 when thinking is enabled");
    if (a->tool_choice == SIM_TOOLS_REQUIRED)
        return sim_no_value(a, "thinking",
                            "Thinking may not be enabled when tool_choice forces tool use.");
    a->reasoning = true;
    a->reasoning_shown = !str_eq(sim_str(yyjson_obj_get(t, "display")), S("omitted"));
    return true;
}

static bool read_format(struct sim_ask *a)
{
    yyjson_val *f = yyjson_obj_get(yyjson_obj_get(a->root, "output_config"), "format");

    if (!f)
        f = yyjson_obj_get(a->root, "output_format"); /* its name in the beta */
    if (!f || yyjson_is_null(f))
        return true;
    if (!str_eq(type_of(f), S("json_schema")))
        return sim_no_value(a, "output_config.format.type", "Input should be 'json_schema'");
    if (!yyjson_is_obj(yyjson_obj_get(f, "schema")))
        return sim_no_missing(a, "output_config.format.schema");
    a->format = SIM_FORMAT_SCHEMA;
    a->schema = yyjson_obj_get(f, "schema");
    return true;
}

static bool read_sampling(struct sim_ask *a)
{
    yyjson_val *root = a->root, *max = yyjson_obj_get(root, "max_tokens");
    int64_t limit = 0, k = 0;
    bool stream = false;

    if (a->rq->operation == SIM_GENERATE && (!max || yyjson_is_null(max)))
        return sim_no_missing(a, "max_tokens");
    if (!sim_want_int(a, max, "max_tokens", 1, INT32_MAX, &limit) ||
        !sim_want_int(a, yyjson_obj_get(root, "top_k"), "top_k", 0, INT32_MAX, &k) ||
        !sim_want_num(a, yyjson_obj_get(root, "temperature"), "temperature", 0, 1) ||
        !sim_want_num(a, yyjson_obj_get(root, "top_p"), "top_p", 0, 1) ||
        !sim_want_bool(a, yyjson_obj_get(root, "stream"), "stream", &stream) ||
        !sim_want_strs(a, yyjson_obj_get(root, "stop_sequences"), "stop_sequences", 1024, &a->stops,
                       &a->n_stops))
        return false;
    a->max_tokens = (uint64_t)limit;
    return read_thinking_mode(a, limit);
}

static bool check_system(struct sim_ask *a)
{
    yyjson_val *system = yyjson_obj_get(a->root, "system");

    if (!system || yyjson_is_null(system) || yyjson_is_str(system) || yyjson_is_arr(system))
        return true;
    return sim_no_type(a, "system", "a valid string or list", system);
}

/* Threads keep the conversation at the provider. Clients that try them go on without when the
 * refusal says in this form that they are not there. */
static bool no_thread(struct sim_ask *a)
{
    if (!yyjson_obj_get(a->root, "thread"))
        return true;
    (void)sim_no_value(a, "thread", "threads are not supported by this model");
    a->no.details = S("{\"error_code\":\"thread_unsupported_request\","
                      "\"unsupported\":[\"thread\"]}");
    return false;
}

bool sim_read_anthropic(struct sim_ask *a)
{
    if (!no_thread(a) || !read_messages(a) || !check_system(a) || !read_tools(a) ||
        !read_sampling(a) || !read_format(a))
        return false;
    a->input_tokens = sim_tokens(sim_weigh(yyjson_obj_get(a->root, "messages")) +
                                 sim_weigh(yyjson_obj_get(a->root, "system")) +
                                 sim_weigh(yyjson_obj_get(a->root, "tools")));
    return true;
}

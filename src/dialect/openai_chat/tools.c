/*
 * dialect/openai_chat/tools.c - reads tools and the choice among them.
 *
 * The API's tools are functions and custom (free-form) tools; web search is an option beside them.
 * Clients of gateways also send hosted tools: Gemini's objects ({"google_search":{}}, snake or
 * camel; SPEC 9 R7), {"type":"web_search"} as other vendors have it, "openrouter:web_search".
 */
#include "dialect/openai_chat/chat.h"
#include "dialect/openai_choice.h"

struct reading {
    struct ir_request *rq;
    size_t at;
    struct fail *f;
};

static enum err bad(const struct reading *r, const char *what)
{
    return fail_set(r->f, ERR_BAD_REQUEST, "\"tools[%zu]\": %s", r->at, what);
}

/* ---- functions and custom tools ---- */

enum { F_NAME, F_DESCRIPTION, F_PARAMETERS, F_STRICT, F_DEFER, F_CACHE, F_MEMBERS };

static const char *const function_names[] = {
    [F_NAME] = "name",
    [F_DESCRIPTION] = "description",
    [F_PARAMETERS] = "parameters",
    [F_STRICT] = "strict",
    [F_DEFER] = "defer_loading",
    [F_CACHE] = "cache_control",
    NULL,
};

static void mark_cache(struct ir_request *rq, struct ir_tool *t, yyjson_val *cache)
{
    if (!cache)
        return;
    t->cache = cache;
    ir_say(rq, CAN_CACHE_MARK);
}

static enum err read_function(struct reading *r, struct ir_tool *t, yyjson_val *v)
{
    yyjson_val *found[F_MEMBERS];
    if (chat_members(v, function_names, found))
        ir_unknown(r->rq, v, function_names, "tools.function.");
    t->name = jv_str(found[F_NAME]);
    t->description = jv_str(found[F_DESCRIPTION]);
    t->schema = found[F_PARAMETERS];
    ir_say(r->rq, CAN_TOOLS);
    if (yyjson_is_bool(found[F_STRICT]))
        t->strict = yyjson_get_bool(found[F_STRICT]) ? IR_YES : IR_NO;
    if (t->strict == IR_YES)
        ir_say(r->rq, CAN_TOOL_STRICT);
    if (jv_true(found[F_DEFER]))
        t->deferred = true;
    mark_cache(r->rq, t, found[F_CACHE]);
    if (!t->name.n)
        return bad(r, "a function must have a name");
    if (t->schema && !yyjson_is_obj(t->schema))
        return bad(r, "parameters must be a JSON Schema object");
    return OK;
}

/* The neutral form has the Responses API's object: the same without the member in between. */
static yyjson_val *flat_grammar(struct ir_request *rq, yyjson_val *format)
{
    yyjson_val *inner = jv_get(format, "grammar");
    if (!yyjson_is_obj(inner))
        return format;
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    struct json_writer w = json_writer(&out);
    jw_object(&w);
    jw_kstr(&w, "type", S("grammar"));
    jw_kvalue(&w, "syntax", jv_get(inner, "syntax"));
    jw_kvalue(&w, "definition", jv_get(inner, "definition"));
    jw_object_end(&w);
    yyjson_val *v = chat_tree(buf_str(&out), rq->arena);
    buf_fini(&out);
    return v;
}

static enum err read_custom(struct reading *r, struct ir_tool *t, yyjson_val *v)
{
    static const char *const known[] = {"name", "description", "format", NULL};
    yyjson_val *found[3];
    if (chat_members(v, known, found))
        ir_unknown(r->rq, v, known, "tools.custom.");
    t->name = jv_str(found[0]);
    t->description = jv_str(found[1]);
    ir_say(r->rq, CAN_TOOL_CUSTOM);
    if (found[2] && !jv_is(jv_get(found[2], "type"), "text")) {
        t->grammar = flat_grammar(r->rq, found[2]);
        ir_say(r->rq, CAN_TOOL_GRAMMAR);
    }
    return t->name.n ? OK : bad(r, "a custom tool must have a name");
}

/* ---- hosted tools ---- */

static const struct hosted {
    const char *member, *type;
    enum ir_tool_kind kind;
    enum ir_feature feature;
} hosted[] = {
    {"google_search", "google_search", IR_TOOL_WEB_SEARCH, CAN_WEB_SEARCH},
    {"googleSearch", "googleSearch", IR_TOOL_WEB_SEARCH, CAN_WEB_SEARCH},
    {"google_search_retrieval", "", IR_TOOL_WEB_SEARCH, CAN_WEB_SEARCH},
    {"code_execution", "code_execution", IR_TOOL_CODE_EXECUTION, CAN_CODE_EXECUTION},
    {"codeExecution", "code_interpreter", IR_TOOL_CODE_EXECUTION, CAN_CODE_EXECUTION},
    {"url_context", "url_context", IR_TOOL_WEB_FETCH, CAN_WEB_FETCH},
    {"urlContext", "web_fetch", IR_TOOL_WEB_FETCH, CAN_WEB_FETCH},
    {"", "web_search", IR_TOOL_WEB_SEARCH, CAN_WEB_SEARCH},
    {"", "web_search_preview", IR_TOOL_WEB_SEARCH, CAN_WEB_SEARCH},
    {"", "openrouter:web_search", IR_TOOL_WEB_SEARCH, CAN_WEB_SEARCH},
};

static void say_domains(struct ir_request *rq, struct ir_tool *t, yyjson_val *v)
{
    if (!ir_strings(rq->arena, jv_get(v, "allowed_domains"), &t->allowed, &t->n_allowed))
        t->n_allowed = 0;
    if (!ir_strings(rq->arena, jv_get(v, "blocked_domains"), &t->blocked, &t->n_blocked))
        t->n_blocked = 0;
}

/* {"search_context_size", "user_location": {"type":"approximate","approximate":{...}}}; the same
 * flat in tools of type web_search. */
static void read_search(struct ir_request *rq, struct ir_tool *t, yyjson_val *v)
{
    yyjson_val *location = jv_get(v, "user_location");
    yyjson_val *inner = jv_get(location, "approximate");
    t->context_size = jv_get_str(v, "search_context_size");
    t->location = inner ? inner : location;
    t->max_uses = jv_get_i64(v, "max_uses", 0);
    say_domains(rq, t, jv_get(v, "filters") ? jv_get(v, "filters") : v);
}

static bool read_hosted(struct reading *r, yyjson_val *tool, str type)
{
    for (size_t i = 0; i < sizeof hosted / sizeof hosted[0]; i++) {
        const struct hosted *h = &hosted[i];
        yyjson_val *google = h->member[0] ? jv_get(tool, h->member) : NULL;
        if (!google && !(type.n && str_eq(type, str_c(h->type))))
            continue;
        struct ir_tool *t = ir_tool_add(r->rq, h->kind);
        t->src = tool;
        t->google = google;
        if (h->kind == IR_TOOL_WEB_SEARCH)
            read_search(r->rq, t, tool);
        ir_say(r->rq, h->feature);
        return true;
    }
    return false;
}

/* ---- the list ---- */

static enum err read_tool(struct reading *r, yyjson_val *tool)
{
    str type = jv_get_str(tool, "type");
    yyjson_val *function = jv_get(tool, "function"), *custom = jv_get(tool, "custom");
    if (!yyjson_is_obj(tool))
        return bad(r, "a tool must be an object");
    if (!function && !custom && read_hosted(r, tool, type))
        return OK;
    struct ir_tool *t = ir_tool_add(r->rq, custom     ? IR_TOOL_CUSTOM
                                           : function ? IR_TOOL_FUNCTION
                                                      : IR_TOOL_OWN);
    t->src = tool;
    if (custom)
        return read_custom(r, t, custom);
    if (!function && str_eq(type, S("function")) && jv_get_str(tool, "name").n) {
        /* The Responses API's flat form, which clients mix in. */
        t->kind = IR_TOOL_FUNCTION;
        return read_function(r, t, tool);
    }
    if (!function && (!type.n || str_eq(type, S("function"))))
        return bad(r, "a tool must be a function or a custom tool");
    if (!function) {
        ir_say(r->rq, CAN_OWN_TOOL);
        return OK;
    }
    enum err e = read_function(r, t, function);
    t->deferred |= jv_true(jv_get(tool, "defer_loading"));
    if (t->deferred)
        ir_say(r->rq, CAN_DEFER_LOADING);
    mark_cache(r->rq, t, jv_get(tool, "cache_control"));
    return e;
}

enum err chat_read_tools(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct reading r = {rq, 0, f};
    enum err e = ir_want_array(v, "tools", f);
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *tool; !e && (tool = yyjson_arr_iter_next(&it)); r.at++)
        e = read_tool(&r, tool);
    return e;
}

enum err chat_read_functions(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct reading r = {rq, 0, f};
    enum err e = ir_want_array(v, "functions", f);
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *tool; !e && (tool = yyjson_arr_iter_next(&it)); r.at++) {
        struct ir_tool *t = ir_tool_add(rq, IR_TOOL_FUNCTION);
        t->src = tool;
        e = read_function(&r, t, tool);
    }
    return e;
}

void chat_read_search_options(struct ir_request *rq, yyjson_val *v)
{
    struct ir_tool *t = ir_tool_add(rq, IR_TOOL_WEB_SEARCH);
    t->src = v;
    read_search(rq, t, v);
    ir_say(rq, CAN_WEB_SEARCH);
}

/* ---- the choice ---- */

static bool read_word(struct ir_request *rq, str word)
{
    if (!openai_choice_word(word, &rq->choice.kind))
        return false;
    ir_say(rq, CAN_TOOL_CHOICE);
    return true;
}

/* The tool {"type":T, T:{"name":...}} names, or {"name":...} alone; p == NULL when it names none. */
static str named(yyjson_val *v, enum ir_tool_kind *kind)
{
    yyjson_val *custom = jv_get(v, "custom"), *function = jv_get(v, "function");
    *kind = custom || jv_is(jv_get(v, "type"), "custom") ? IR_TOOL_CUSTOM : IR_TOOL_FUNCTION;
    return jv_get_str(custom ? custom : function ? function : v, "name");
}

static void choose_one(struct ir_request *rq, str name, enum ir_tool_kind kind)
{
    rq->choice.kind = IR_CHOICE_ONE;
    rq->choice.tool = kind;
    rq->choice.names = arena_array(rq->arena, str, 1);
    rq->choice.names[0] = name;
    rq->choice.n_names = 1;
    ir_say(rq, CAN_TOOL_CHOICE_ONE);
}

static enum err choose_some(struct ir_request *rq, yyjson_val *allowed, struct fail *f)
{
    yyjson_val *tools = jv_get(allowed, "tools");
    struct ir_choice *c = &rq->choice;
    enum ir_tool_kind kind;
    if (!yyjson_is_arr(tools) || !yyjson_arr_size(tools))
        return fail_set(f, ERR_BAD_REQUEST, "\"tool_choice.allowed_tools\" must list tools");
    c->kind = IR_CHOICE_SOME;
    c->required = jv_is(jv_get(allowed, "mode"), "required");
    c->names = arena_array(rq->arena, str, yyjson_arr_size(tools));
    yyjson_arr_iter it = yyjson_arr_iter_with(tools);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));) {
        str name = named(v, &kind);
        if (name.n)
            c->names[c->n_names++] = name;
    }
    ir_say(rq, CAN_TOOL_CHOICE_SOME);
    return OK;
}

enum err chat_read_choice(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    yyjson_val *allowed = jv_get(v, "allowed_tools");
    enum ir_tool_kind kind;
    rq->choice.src = v;
    if (read_word(rq, jv_str(v)))
        return OK;
    if (jv_is(jv_get(v, "type"), "allowed_tools"))
        return choose_some(rq, allowed ? allowed : v, f);
    str name = named(v, &kind);
    if (name.n) {
        choose_one(rq, name, kind);
        return OK;
    }
    if (read_word(rq, jv_get_str(v, "type")))
        return OK;
    if (yyjson_is_obj(v) && jv_get_str(v, "type").n && !jv_is(jv_get(v, "type"), "function")) {
        rq->choice.kind = IR_CHOICE_OWN;
        ir_say(rq, CAN_OWN_TOOL);
        return OK;
    }
    return fail_set(f, ERR_BAD_REQUEST,
                    "\"tool_choice\" must be auto, none, required or name a tool");
}

enum err chat_read_function_call(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (read_word(rq, jv_str(v)))
        return OK;
    if (!jv_get_str(v, "name").n)
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"function_call\" must be auto, none or name a function");
    choose_one(rq, jv_get_str(v, "name"), IR_TOOL_FUNCTION);
    return OK;
}

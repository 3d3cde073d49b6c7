/*
 * dialect/anthropic/tools.c - tools and tool_choice, both ways.
 */
#include "dialect/anthropic/models.h"
#include "dialect/anthropic/priv.h"
#include "dialect/anthropic/schema.h"

/* ---- reading tools ---- */

static enum err read_function(struct ir_request *rq, struct ir_tool *t, size_t at, struct fail *f)
{
    static const char *const known[] = {
        "type",   "name",          "description",   "input_schema",
        "strict", "cache_control", "defer_loading", "eager_input_streaming",
        NULL};
    yyjson_val *strict = jv_get(t->src, "strict"), *schema = jv_get(t->src, "input_schema");
    t->kind = IR_TOOL_FUNCTION;
    t->description = jv_get_str(t->src, "description");
    if (!t->name.n)
        return fail_set(f, ERR_BAD_REQUEST, "tools[%zu].name must be the tool's name", at);
    if (schema && !yyjson_is_obj(schema))
        return fail_set(f, ERR_BAD_REQUEST, "tools[%zu].input_schema must be an object, it is %s",
                        at, jv_kind(schema));
    t->schema = schema;
    t->deferred = jv_true(yyjson_obj_get(t->src, "defer_loading"));
    if (yyjson_is_bool(strict))
        t->strict = jv_true(strict) ? IR_YES : IR_NO;
    ir_say(rq, CAN_TOOLS);
    if (t->strict == IR_YES)
        ir_say(rq, CAN_TOOL_STRICT);
    if (t->deferred)
        ir_say(rq, CAN_DEFER_LOADING);
    ir_unknown(rq, t->src, known, "tools[].");
    return OK;
}

static void read_web(struct ir_request *rq, struct ir_tool *t)
{
    if (!ir_strings(rq->arena, jv_get(t->src, "allowed_domains"), &t->allowed, &t->n_allowed))
        t->n_allowed = 0;
    if (!ir_strings(rq->arena, jv_get(t->src, "blocked_domains"), &t->blocked, &t->n_blocked))
        t->n_blocked = 0;
    t->max_uses = jv_get_i64(t->src, "max_uses", 0);
    t->location = jv_get(t->src, "user_location");
}

/* Tools that Anthropic defines and the client runs: other models can call them as functions. */
static const struct client_tool {
    const char *head, *description, *schema;
} client_tools[] = {
    {"bash_", "Runs a command in a persistent bash session.",
     "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\"},"
     "\"restart\":{\"type\":\"boolean\"}}}"},
    {"text_editor_", "Views and edits text files.",
     "{\"type\":\"object\",\"properties\":{"
     "\"command\":{\"type\":\"string\",\"enum\":[\"view\",\"create\",\"str_replace\",\"insert\"]},"
     "\"path\":{\"type\":\"string\"},\"file_text\":{\"type\":\"string\"},"
     "\"old_str\":{\"type\":\"string\"},\"new_str\":{\"type\":\"string\"},"
     "\"insert_line\":{\"type\":\"integer\"},\"insert_text\":{\"type\":\"string\"},"
     "\"view_range\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}},"
     "\"required\":[\"command\",\"path\"]}"},
    {"memory_", "Keeps notes in files below /memories, across conversations.",
     "{\"type\":\"object\",\"properties\":{"
     "\"command\":{\"type\":\"string\",\"enum\":[\"view\",\"create\",\"str_replace\",\"insert\","
     "\"delete\",\"rename\"]},"
     "\"path\":{\"type\":\"string\"},\"file_text\":{\"type\":\"string\"},"
     "\"old_str\":{\"type\":\"string\"},\"new_str\":{\"type\":\"string\"},"
     "\"insert_line\":{\"type\":\"integer\"},\"insert_text\":{\"type\":\"string\"},"
     "\"old_path\":{\"type\":\"string\"},\"new_path\":{\"type\":\"string\"},"
     "\"view_range\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}},"
     "\"required\":[\"command\"]}"},
};

static bool read_client_tool(struct ir_request *rq, struct ir_tool *t, str type)
{
    for (size_t i = 0; i < sizeof client_tools / sizeof client_tools[0]; i++) {
        if (!str_starts(type, str_c(client_tools[i].head)))
            continue;
        t->description = str_c(client_tools[i].description);
        must(json_read(str_c(client_tools[i].schema), rq->arena, &t->schema, NULL) == OK);
        ir_say(rq, CAN_TOOLS);
        return true;
    }
    return false;
}

static const struct hosted_tool {
    const char *head; /* of the type; a date follows */
    enum ir_tool_kind kind;
    enum ir_feature feature;
} hosted_tools[] = {
    {"web_search_", IR_TOOL_WEB_SEARCH, CAN_WEB_SEARCH},
    {"web_fetch_", IR_TOOL_WEB_FETCH, CAN_WEB_FETCH},
    {"code_execution_", IR_TOOL_CODE_EXECUTION, CAN_CODE_EXECUTION},
    {"computer_", IR_TOOL_OWN, CAN_COMPUTER},
    {"mcp_toolset", IR_TOOL_OWN, CAN_MCP},
};

static void read_hosted_tool(struct ir_request *rq, struct ir_tool *t, str type)
{
    if (read_client_tool(rq, t, type))
        return;
    for (size_t i = 0; i < sizeof hosted_tools / sizeof hosted_tools[0]; i++) {
        if (!str_starts(type, str_c(hosted_tools[i].head)))
            continue;
        t->kind = hosted_tools[i].kind;
        ir_say(rq, hosted_tools[i].feature);
        if (t->kind == IR_TOOL_WEB_SEARCH || t->kind == IR_TOOL_WEB_FETCH)
            read_web(rq, t);
        return;
    }
    ir_say(rq, CAN_OWN_TOOL);
}

enum err anthropic_read_tools(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    size_t i, n;
    yyjson_val *src;
    enum err e = ir_want_array(v, "tools", f);
    yyjson_arr_foreach (v, i, n, src) {
        if (e)
            break;
        if (!yyjson_is_obj(src))
            return fail_set(f, ERR_BAD_REQUEST, "tools[%zu] must be an object, it is %s", i,
                            jv_kind(src));
        struct ir_tool *t = ir_tool_add(rq, IR_TOOL_OWN);
        str type = jv_get_str(src, "type");
        t->src = src;
        t->name = jv_get_str(src, "name");
        t->cache = jv_get(src, "cache_control");
        if (t->cache)
            ir_say(rq, CAN_CACHE_MARK);
        if (!type.n || str_eq(type, S("custom")) || jv_get(src, "input_schema"))
            e = read_function(rq, t, i, f);
        else
            read_hosted_tool(rq, t, type);
    }
    return e;
}

/* ---- reading tool_choice ---- */

static void choose_one(struct ir_request *rq, str name)
{
    rq->choice.kind = IR_CHOICE_ONE;
    rq->choice.required = true;
    rq->choice.names = arena_array(rq->arena, str, 1);
    rq->choice.names[0] = name;
    rq->choice.n_names = 1;
}

enum err anthropic_read_tool_choice(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_object(v, "tool_choice", f);
    if (e)
        return e;
    str type = jv_get_str(v, "type"), name = jv_get_str(v, "name");
    yyjson_val *serial = jv_get(v, "disable_parallel_tool_use");
    if (yyjson_is_bool(serial)) {
        rq->parallel = jv_true(serial) ? IR_NO : IR_YES;
        ir_say(rq, CAN_PARALLEL_CALLS);
    }
    rq->choice.src = v;
    ir_say(rq, str_eq(type, S("tool")) ? CAN_TOOL_CHOICE_ONE : CAN_TOOL_CHOICE);
    if (str_eq(type, S("auto")))
        rq->choice.kind = IR_CHOICE_AUTO;
    else if (str_eq(type, S("none")))
        rq->choice.kind = IR_CHOICE_NONE;
    else if (str_eq(type, S("any")))
        rq->choice.kind = IR_CHOICE_REQUIRED;
    else if (str_eq(type, S("tool")) && name.n)
        choose_one(rq, name);
    else
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"tool_choice.type\" must be \"auto\", \"any\", \"none\", or \"tool\" "
                        "with a name");
    rq->choice.required |= rq->choice.kind == IR_CHOICE_REQUIRED;
    return OK;
}

void anthropic_settle_tool_choice(struct ir_request *rq)
{
    if (rq->choice.kind != IR_CHOICE_ONE)
        return;
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (str_eq(t->name, rq->choice.names[0]))
            rq->choice.tool = t->kind;
    }
}

/* ---- fitting ---- */

static bool writable(const struct ir_tool *t)
{
    return t->kind != IR_TOOL_OWN && t->kind != IR_TOOL_CUSTOM;
}

static bool chosen(const struct ir_choice *c, str name)
{
    for (size_t i = 0; i < c->n_names; i++) {
        if (str_eq(c->names[i], name))
            return true;
    }
    return false;
}

/* What the hosted tools are called here: the API fixes their names. */
static str hosted_name(enum ir_tool_kind kind)
{
    switch (kind) {
    case IR_TOOL_WEB_SEARCH: return S("web_search");
    case IR_TOOL_WEB_FETCH: return S("web_fetch");
    case IR_TOOL_CODE_EXECUTION: return S("code_execution");
    default: return S("");
    }
}

static bool has_tool(const struct ir_request *rq, const struct ir_choice *c)
{
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (writable(t) && (hosted_name(c->tool).n ? t->kind == c->tool : chosen(c, t->name)))
            return true;
    }
    return false;
}

/* Tools that the choice does not name go: the API has no "one of these". */
static void keep_chosen(struct ir_request *rq)
{
    struct ir_tool **link = &rq->tools;
    while (*link) {
        if (writable(*link) && chosen(&rq->choice, (*link)->name))
            link = &(*link)->next;
        else
            *link = (*link)->next;
    }
    rq->tools_end = link;
}

static bool is_hosted(const struct ir_tool *t)
{
    return hosted_name(t->kind).n > 0;
}

/* Whether another tool has the name: an earlier one of the same kind, or any function. "Tool names
 * must be unique." */
static bool name_is_taken(const struct ir_request *rq, const struct ir_tool *t)
{
    bool before = true;
    for (const struct ir_tool *o = rq->tools; o; o = o->next) {
        before &= o != t;
        if ((before && o->kind == t->kind) ||
            (o->kind == IR_TOOL_FUNCTION && str_eq(o->name, hosted_name(t->kind))))
            return true;
    }
    return false;
}

static void drop_twins(struct ir_request *rq, const struct ir_target *to)
{
    struct ir_tool **link = &rq->tools;
    while (*link) {
        if (is_hosted(*link) && name_is_taken(rq, *link)) {
            ir_target_lose(to, (*link)->name.n ? (*link)->name : hosted_name((*link)->kind));
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    }
    rq->tools_end = link;
}

/* What earlier turns called is declared when nothing is: the API knows no tool_use blocks in a
 * request without tools. */
static void declare_called(struct ir_request *rq)
{
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        for (const struct ir_part *p = m->parts.first; p; p = p->next) {
            const struct ir_tool *t = rq->tools;
            if (p->kind != IR_PART_CALL || !p->name.n)
                continue;
            while (t && !str_eq(t->name, p->name))
                t = t->next;
            if (!t)
                ir_tool_add(rq, IR_TOOL_FUNCTION)->name = p->name;
        }
    }
    if (rq->tools)
        rq->choice = (struct ir_choice){.kind = IR_CHOICE_NONE};
}

/* Within the limits on schemas tools stay strict; past them none of those behind does. */
static void fit_strict(struct ir_request *rq, const struct ir_target *to)
{
    bool can = anthropic_takes_schemas(to);
    struct anthropic_cost sum = {0, 0};
    unsigned n = 0;
    for (struct ir_tool *t = rq->tools; t; t = t->next) {
        if (t->kind != IR_TOOL_FUNCTION || t->strict != IR_YES)
            continue;
        struct anthropic_cost c = anthropic_schema_cost(t->schema);
        if (can && n < ANTHROPIC_STRICT_TOOLS &&
            c.optional + sum.optional <= ANTHROPIC_OPTIONAL_PARAMETERS &&
            c.unions + sum.unions <= ANTHROPIC_UNION_PARAMETERS &&
            anthropic_plain_object(t->schema)) {
            sum.optional += c.optional;
            sum.unions += c.unions;
            n++;
        } else {
            t->strict = IR_UNSAID;
            anthropic_lose(rq, to, CAN_TOOL_STRICT);
        }
    }
}

enum err anthropic_fit_tools(struct ir_request *rq, const struct ir_target *to, struct fail *f)
{
    struct ir_choice *c = &rq->choice;
    bool any = false;
    if (c->kind == IR_CHOICE_OWN)
        *c = (struct ir_choice){.kind = IR_CHOICE_UNSAID};
    if ((c->kind == IR_CHOICE_ONE || (c->kind == IR_CHOICE_SOME && c->required)) &&
        !has_tool(rq, c))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"%.*s\" must be called, but is no tool this model's provider has",
                        STR_FMT(c->n_names ? c->names[0] : S("a tool")));
    if (c->kind == IR_CHOICE_SOME)
        keep_chosen(rq);
    drop_twins(rq, to);
    for (const struct ir_tool *t = rq->tools; t; t = t->next)
        any |= writable(t);
    if (!any) {
        rq->tools = NULL;
        rq->tools_end = &rq->tools;
        *c = (struct ir_choice){.kind = IR_CHOICE_UNSAID};
        declare_called(rq);
    }
    fit_strict(rq, to);
    return OK;
}

/* ---- writing ---- */

static void write_function(const struct ir_request *rq, const struct ir_tool *t,
                           struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "name", t->name);
    if (t->description.n)
        jw_kstr(w, "description", t->description);
    jw_key(w, S("input_schema"));
    if (t->strict == IR_YES)
        anthropic_write_strict_schema(t->schema, rq->arena, w);
    else
        anthropic_write_input_schema(t->schema, w);
    if (t->strict == IR_YES)
        jw_kbool(w, "strict", true);
    if (t->cache)
        jw_kvalue(w, "cache_control", t->cache);
    jw_object_end(w);
}

static void write_own_function(const struct ir_request *rq, const struct ir_tool *t,
                               struct json_writer *w)
{
    static const char *const known[] = {
        "name", "description", "input_schema", "strict", "cache_control", "defer_loading", NULL};
    jw_object(w);
    jw_kstr(w, "name", t->name);
    if (t->description.p)
        jw_kstr(w, "description", t->description);
    if (t->schema)
        jw_kvalue(w, "input_schema", t->schema);
    if (t->strict != IR_UNSAID)
        jw_kbool(w, "strict", t->strict == IR_YES);
    if (t->cache)
        jw_kvalue(w, "cache_control", t->cache);
    if (yyjson_is_bool(yyjson_obj_get(t->src, "defer_loading")))
        jw_kbool(w, "defer_loading", t->deferred);
    ir_write_rest(rq, SELF, t->src, known, w);
    jw_object_end(w);
}

static void write_domains(const char *key, const str *list, size_t n, struct json_writer *w)
{
    jw_key(w, str_c(key));
    jw_array(w);
    for (size_t i = 0; i < n; i++)
        jw_str(w, list[i]);
    jw_array_end(w);
}

static void write_location(yyjson_val *location, struct json_writer *w)
{
    static const char *const keys[] = {"city", "region", "country", "timezone"};
    jw_key(w, S("user_location"));
    jw_object(w);
    jw_kstr(w, "type", S("approximate"));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        str s = jv_get_str(location, keys[i]);
        if (s.n)
            jw_key(w, str_c(keys[i])), jw_str(w, s);
    }
    jw_object_end(w);
}

/* The oldest versions: all models have them, and they run no code of their own. */
static void write_hosted(const struct ir_tool *t, struct json_writer *w)
{
    jw_object(w);
    jw_key(w, S("type"));
    jw_str(w, t->kind == IR_TOOL_WEB_SEARCH  ? S("web_search_20250305")
              : t->kind == IR_TOOL_WEB_FETCH ? S("web_fetch_20250910")
                                             : S("code_execution_20250825"));
    jw_kstr(w, "name", hosted_name(t->kind));
    if (t->max_uses > 0)
        jw_ki64(w, "max_uses", t->max_uses);
    /* One of the two: the API refuses both at once. */
    if (t->n_allowed)
        write_domains("allowed_domains", t->allowed, t->n_allowed, w);
    else if (t->n_blocked)
        write_domains("blocked_domains", t->blocked, t->n_blocked, w);
    if (t->kind == IR_TOOL_WEB_SEARCH && t->location)
        write_location(t->location, w);
    if (t->cache)
        jw_kvalue(w, "cache_control", t->cache);
    jw_object_end(w);
}

void anthropic_write_tools(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w)
{
    (void)to;
    if (!rq->tools && !(rq->from == SELF && jv_get(rq->src, "tools")))
        return;
    jw_key(w, S("tools"));
    jw_array(w);
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (rq->from == SELF && t->kind == IR_TOOL_FUNCTION)
            write_own_function(rq, t, w);
        else if (rq->from == SELF)
            jw_value(w, t->src);
        else if (t->kind == IR_TOOL_FUNCTION)
            write_function(rq, t, w);
        else if (writable(t))
            write_hosted(t, w);
    }
    jw_array_end(w);
}

static str choice_type(const struct ir_choice *c)
{
    switch (c->kind) {
    case IR_CHOICE_NONE: return S("none");
    case IR_CHOICE_REQUIRED: return S("any");
    case IR_CHOICE_ONE: return S("tool");
    case IR_CHOICE_SOME: return c->required ? S("any") : S("auto");
    default: return S("auto");
    }
}

void anthropic_write_tool_choice(const struct ir_request *rq, const struct ir_target *to,
                                 struct json_writer *w)
{
    const struct ir_choice *c = &rq->choice;
    (void)to;
    if (anthropic_write_own(rq, "tool_choice", w) || !rq->tools)
        return;
    if (c->kind == IR_CHOICE_UNSAID && rq->parallel != IR_NO)
        return;
    jw_key(w, S("tool_choice"));
    jw_object(w);
    jw_kstr(w, "type", choice_type(c));
    if (c->kind == IR_CHOICE_ONE)
        jw_kstr(w, "name", hosted_name(c->tool).n ? hosted_name(c->tool) : c->names[0]);
    if (rq->parallel == IR_NO && c->kind != IR_CHOICE_NONE)
        jw_kbool(w, "disable_parallel_tool_use", true);
    jw_object_end(w);
}

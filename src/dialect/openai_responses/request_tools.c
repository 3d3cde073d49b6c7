/*
 * dialect/openai_responses/request_tools.c - tools and tool_choice.
 *
 * Namespaces (Codex declares its MCP servers so) are flattened: each tool knows its own. The
 * dialect itself gets the client's own array again, which nothing here changes.
 */
#include "dialect/openai_responses/responses.h"

#include "dialect/openai_choice.h"
#include "dialect/openai_schema.h"

static enum err bad(struct fail *f, const char *member, const char *must, yyjson_val *v)
{
    return fail_set(f, ERR_BAD_REQUEST, "tools[]%s must be %s, it is %s", member, must, jv_kind(v));
}

/* ---- tools with a name ---- */

static enum err read_named(struct ir_request *rq, struct ir_tool *t, yyjson_val *v, str space,
                           struct fail *f)
{
    yyjson_val *name = jv_get(v, "name");
    if (!yyjson_is_str(name) || !yyjson_get_len(name))
        return bad(f, ".name", "a string", name);
    t->name = jv_str(name);
    t->space = space;
    t->description = jv_get_str(v, "description");
    t->src = v;
    t->deferred = jv_true(jv_get(v, "defer_loading"));
    if (t->deferred)
        ir_say(rq, CAN_DEFER_LOADING);
    if (space.n)
        ir_say(rq, CAN_TOOL_NAMESPACE);
    return OK;
}

static enum err read_function(struct ir_request *rq, yyjson_val *v, str space, struct fail *f)
{
    static const char *const known[] = {"type",          "name",     "description",
                                        "parameters",    "strict",   "defer_loading",
                                        "output_schema", "function", NULL};
    yyjson_val *nested = jv_get(v, "function"), *strict;
    /* Chat's nesting, which some clients send here too. */
    yyjson_val *from = yyjson_is_obj(nested) && !jv_get(v, "name") ? nested : v;
    yyjson_val *schema = jv_get(from, "parameters");
    struct ir_tool *t = ir_tool_add(rq, IR_TOOL_FUNCTION);
    enum err e = read_named(rq, t, from, space, f);
    if (e)
        return e;
    if (schema && !yyjson_is_obj(schema))
        return bad(f, ".parameters", "an object", schema);
    t->src = v;
    t->schema = schema;
    strict = jv_get(from, "strict");
    if (strict)
        t->strict = jv_true(strict) ? IR_YES : IR_NO;
    ir_say(rq, CAN_TOOLS);
    if (t->strict == IR_YES)
        ir_say(rq, CAN_TOOL_STRICT);
    ir_unknown(rq, v, known, "tools[].");
    return OK;
}

static enum err read_custom(struct ir_request *rq, yyjson_val *v, str space, struct fail *f)
{
    static const char *const known[] = {"type",   "name",          "description",
                                        "format", "defer_loading", NULL};
    yyjson_val *format = jv_get(v, "format");
    struct ir_tool *t = ir_tool_add(rq, IR_TOOL_CUSTOM);
    enum err e = read_named(rq, t, v, space, f);
    if (e)
        return e;
    ir_say(rq, CAN_TOOL_CUSTOM);
    if (format && !jv_is(jv_get(format, "type"), "text")) {
        t->grammar = format;
        ir_say(rq, CAN_TOOL_GRAMMAR);
    }
    ir_unknown(rq, v, known, "tools[].");
    return OK;
}

/* ---- hosted tools ---- */

static enum err read_web_search(struct ir_request *rq, yyjson_val *v, str space, struct fail *f)
{
    static const char *const known[] = {
        "type", "filters", "user_location", "search_context_size", "name", "external_web_access",
        NULL};
    struct ir_tool *t = ir_tool_add(rq, IR_TOOL_WEB_SEARCH);
    yyjson_val *filters = jv_get(v, "filters");
    yyjson_val *allowed = jv_get(filters, "allowed_domains");
    yyjson_val *blocked = jv_get(filters, "blocked_domains");
    (void)space;
    t->src = v;
    t->location = jv_get(v, "user_location");
    t->context_size = jv_get_str(v, "search_context_size");
    if ((allowed && !ir_strings(rq->arena, allowed, &t->allowed, &t->n_allowed)) ||
        (blocked && !ir_strings(rq->arena, blocked, &t->blocked, &t->n_blocked)))
        return bad(f, ".filters", "an object of arrays of strings", filters);
    ir_say(rq, CAN_WEB_SEARCH);
    ir_unknown(rq, v, known, "tools[].");
    return OK;
}

static enum err read_code(struct ir_request *rq, yyjson_val *v, str space, struct fail *f)
{
    yyjson_val *files = jv_get(jv_get(v, "container"), "file_ids");
    (void)space;
    (void)f;
    ir_tool_add(rq, IR_TOOL_CODE_EXECUTION)->src = v;
    ir_say(rq, CAN_CODE_EXECUTION);
    if (yyjson_arr_size(files))
        ir_losses_add(&rq->unknown, S("tools[].container.file_ids"));
    return OK;
}

static struct ir_tool *add_own(struct ir_request *rq, yyjson_val *v, enum ir_feature feature)
{
    struct ir_tool *t = ir_tool_add(rq, IR_TOOL_OWN);
    t->src = v;
    ir_say(rq, feature);
    return t;
}

/* ---- the client's own tools: functions elsewhere ---- */

static enum err read_clients(struct ir_request *rq, yyjson_val *v, const struct own_tool *own,
                             struct fail *f)
{
    struct ir_tool *t = add_own(rq, v, CAN_TOOLS);
    str description = jv_get_str(v, "description");
    t->name = str_c(own->tool);
    t->description = description.n ? description : str_c(own->description);
    t->schema = jv_get(v, "parameters"); /* tool_search may bring its own */
    return t->schema ? OK : json_read(str_c(own->schema), rq->arena, &t->schema, f);
}

/* ---- all ---- */

typedef enum err read_tool_fn(struct ir_request *rq, yyjson_val *v, str space, struct fail *f);

static const struct {
    const char *type;
    read_tool_fn *read;      /* or NULL, and */
    enum ir_feature feature; /* what it is elsewhere */
} tool_types[] = {
    {"function", read_function, CAN_COUNT},
    {"custom", read_custom, CAN_COUNT},
    {"web_search", read_web_search, CAN_COUNT},
    {"web_search_2025_08_26", read_web_search, CAN_COUNT},
    {"web_search_preview", read_web_search, CAN_COUNT},
    {"web_search_preview_2025_03_11", read_web_search, CAN_COUNT},
    {"code_interpreter", read_code, CAN_COUNT},
    {"file_search", NULL, CAN_FILE_SEARCH},
    {"image_generation", NULL, CAN_IMAGE_GENERATION},
    {"mcp", NULL, CAN_MCP},
    {"computer", NULL, CAN_COMPUTER},
    {"computer_use", NULL, CAN_COMPUTER},
    {"computer_use_preview", NULL, CAN_COMPUTER},
    /* Where tools cannot be searched for they are all there from the start. */
    {"tool_search", NULL, CAN_DEFER_LOADING},
};

static enum err read_tool(struct ir_request *rq, yyjson_val *v, str space, struct fail *f);

static enum err read_namespace(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    yyjson_val *tools = jv_get(v, "tools"), *name = jv_get(v, "name");
    if (!yyjson_is_str(name))
        return bad(f, ".name", "a string", name);
    if (!yyjson_is_arr(tools))
        return bad(f, ".tools", "an array", tools);
    yyjson_arr_iter it = yyjson_arr_iter_with(tools);
    for (yyjson_val *t; (t = yyjson_arr_iter_next(&it));) {
        enum err e = read_tool(rq, t, jv_str(name), f);
        if (e)
            return e;
    }
    return OK;
}

static enum err read_tool(struct ir_request *rq, yyjson_val *v, str space, struct fail *f)
{
    str type = jv_get_str(v, "type");
    const struct own_tool *own = own_tool_by_type(type);
    if (!yyjson_is_obj(v) || !type.n)
        return bad(f, "", "an object with a type", v);
    if (own && own_tool_is_clients(own, v))
        return read_clients(rq, v, own, f);
    if (str_eq(type, S("namespace")) && !space.n)
        return read_namespace(rq, v, f);
    for (size_t i = 0; i < sizeof tool_types / sizeof tool_types[0]; i++) {
        if (!str_eq(type, str_c(tool_types[i].type)))
            continue;
        if (tool_types[i].read)
            return tool_types[i].read(rq, v, space, f);
        add_own(rq, v, tool_types[i].feature);
        return OK;
    }
    ir_tool_add(rq, IR_TOOL_OWN)->src = v;
    ir_losses_add(&rq->unknown, type);
    return OK;
}

enum err responses_read_tools(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_array(v, "tools", f);
    if (e)
        return e;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *t; (t = yyjson_arr_iter_next(&it));) {
        if ((e = read_tool(rq, t, S(""), f)))
            return e;
    }
    return OK;
}

/* ---- tool_choice ---- */

static void choice_one(struct ir_request *rq, str name, enum ir_tool_kind tool)
{
    struct ir_choice *c = &rq->choice;
    c->kind = IR_CHOICE_ONE;
    c->required = true;
    c->tool = tool;
    c->names = arena_array(rq->arena, str, 1);
    c->names[0] = name;
    c->n_names = 1;
    ir_say(rq, CAN_TOOL_CHOICE_ONE);
}

/* The name an entry of allowed_tools stands for; empty for hosted tools. */
static str allowed_name(yyjson_val *entry)
{
    const struct own_tool *own = own_tool_by_type(jv_get_str(entry, "type"));
    str name = jv_get_str(entry, "name");
    return name.n ? name : own ? str_c(own->tool) : S("");
}

static enum err choice_some(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct ir_choice *c = &rq->choice;
    yyjson_val *tools = jv_get(v, "tools");
    if (!yyjson_is_arr(tools))
        return fail_set(f, ERR_BAD_REQUEST, "\"tool_choice.tools\" must be an array, it is %s",
                        jv_kind(tools));
    c->kind = IR_CHOICE_SOME;
    c->required = jv_is(jv_get(v, "mode"), "required");
    c->names = arena_array(rq->arena, str, yyjson_arr_size(tools) + 1);
    yyjson_arr_iter it = yyjson_arr_iter_with(tools);
    for (yyjson_val *t; (t = yyjson_arr_iter_next(&it));) {
        str name = allowed_name(t);
        if (name.n)
            c->names[c->n_names++] = name;
    }
    ir_say(rq, CAN_TOOL_CHOICE_SOME);
    return OK;
}

static enum err choice_object(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    str type = jv_get_str(v, "type"), name = jv_get_str(v, "name");
    const struct own_tool *own = own_tool_by_type(type);
    if (!name.n)
        name = jv_get_str(jv_get(v, "function"), "name"); /* chat's nesting */
    if (str_eq(type, S("allowed_tools")))
        return choice_some(rq, v, f);
    if (str_eq(type, S("function")) || str_eq(type, S("custom"))) {
        if (!name.n)
            return fail_set(f, ERR_BAD_REQUEST, "\"tool_choice.name\" must be a string");
        choice_one(rq, name, str_eq(type, S("custom")) ? IR_TOOL_CUSTOM : IR_TOOL_FUNCTION);
    } else if (str_starts(type, S("web_search"))) {
        choice_one(rq, S("web_search"), IR_TOOL_WEB_SEARCH);
    } else if (str_eq(type, S("code_interpreter"))) {
        choice_one(rq, S("code_interpreter"), IR_TOOL_CODE_EXECUTION);
    } else if (own) {
        choice_one(rq, str_c(own->tool), IR_TOOL_FUNCTION);
    } else if (!type.n || !openai_choice_word(type, &rq->choice.kind)) {
        rq->choice.kind = IR_CHOICE_OWN;
    } else {
        ir_say(rq, CAN_TOOL_CHOICE);
    }
    return OK;
}

enum err responses_read_choice(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->choice.src = v;
    if (yyjson_is_obj(v))
        return choice_object(rq, v, f);
    if (!yyjson_is_str(v) || !openai_choice_word(jv_str(v), &rq->choice.kind))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"tool_choice\" must be auto, none, required or an object, it is %s",
                        jv_kind(v));
    ir_say(rq, CAN_TOOL_CHOICE);
    return OK;
}

/* ---- writing, for other dialects' requests ---- */

static bool writable(const struct ir_tool *t)
{
    return t->kind != IR_TOOL_OWN;
}

static bool searches(const struct ir_tool *t)
{
    return t->kind == IR_TOOL_WEB_SEARCH || t->kind == IR_TOOL_WEB_FETCH;
}

bool responses_has_tools(const struct ir_request *rq)
{
    if (rq->from == DIALECT_RESPONSES)
        return yyjson_arr_size(jv_get(rq->src, "tools")) != 0;
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (writable(t))
            return true;
    }
    return rq->wants_image;
}

/*
 * strict is always said: the API takes its absence for "make it strict if you can", by which
 * optional parameters become required (guide "Function calling", strict mode). Chat's strictness
 * is the same; that of others is only kept where the schema meets this API's.
 */
static void write_function(const struct ir_request *rq, const struct ir_tool *t,
                           struct json_writer *w)
{
    bool strict =
        t->strict == IR_YES && (rq->from == DIALECT_CHAT || openai_schema_is_strict(t->schema));
    jw_kstr(w, "type", S("function"));
    jw_kstr(w, "name", t->name);
    if (t->description.n)
        jw_kstr(w, "description", t->description);
    jw_key(w, S("parameters"));
    openai_schema_write(t->schema, w);
    jw_kbool(w, "strict", strict);
}

static void write_custom(const struct ir_tool *t, struct json_writer *w)
{
    jw_kstr(w, "type", S("custom"));
    jw_kstr(w, "name", t->name);
    if (t->description.n)
        jw_kstr(w, "description", t->description);
    if (t->grammar)
        jw_kvalue(w, "format", t->grammar);
}

/* user_location wants its type; the rest are the members everybody has. */
static void write_location(yyjson_val *location, struct json_writer *w)
{
    static const char *const members[] = {"country", "region", "city", "timezone"};
    jw_key(w, S("user_location"));
    jw_object(w);
    jw_kstr(w, "type", S("approximate"));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        str value = jv_get_str(location, members[i]);
        if (!value.n)
            continue;
        jw_key(w, str_c(members[i]));
        jw_str(w, value);
    }
    jw_object_end(w);
}

static void write_web_search(const struct ir_tool *t, struct json_writer *w)
{
    jw_kstr(w, "type", S("web_search"));
    if (t->n_allowed) {
        jw_key(w, S("filters"));
        jw_object(w);
        jw_key(w, S("allowed_domains"));
        jw_array(w);
        for (size_t i = 0; i < t->n_allowed; i++)
            jw_str(w, t->allowed[i]);
        jw_array_end(w);
        jw_object_end(w);
    }
    if (t->location)
        write_location(t->location, w);
    if (t->context_size.n)
        jw_kstr(w, "search_context_size", t->context_size);
}

static void write_tool(const struct ir_request *rq, const struct ir_tool *t, struct json_writer *w)
{
    jw_object(w);
    switch (t->kind) {
    case IR_TOOL_FUNCTION: write_function(rq, t, w); break;
    case IR_TOOL_CUSTOM: write_custom(t, w); break;
    case IR_TOOL_WEB_SEARCH:
    case IR_TOOL_WEB_FETCH: write_web_search(t, w); break;
    case IR_TOOL_CODE_EXECUTION:
        jw_kstr(w, "type", S("code_interpreter"));
        jw_kraw(w, "container", S("{\"type\":\"auto\"}"));
        break;
    case IR_TOOL_OWN: break;
    }
    jw_object_end(w);
}

/* One web_search stands for searching and fetching: it opens pages itself. */
static bool is_second_search(const struct ir_request *rq, const struct ir_tool *tool)
{
    if (!searches(tool))
        return false;
    for (const struct ir_tool *t = rq->tools; t != tool; t = t->next) {
        if (searches(t))
            return true;
    }
    return false;
}

void responses_write_tools(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w)
{
    (void)to;
    if (!responses_has_tools(rq))
        return;
    jw_key(w, S("tools"));
    if (rq->from == DIALECT_RESPONSES) {
        jw_value(w, jv_get(rq->src, "tools"));
        return;
    }
    jw_array(w);
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (writable(t) && !is_second_search(rq, t))
            write_tool(rq, t, w);
    }
    if (rq->wants_image)
        jw_raw(w, S("{\"type\":\"image_generation\"}"));
    jw_array_end(w);
}

/* ---- tool_choice ---- */

static enum ir_tool_kind kind_of(const struct ir_request *rq, str name)
{
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (str_eq(t->name, name))
            return t->kind;
    }
    return IR_TOOL_FUNCTION;
}

/* {"type":"function","name":...}; hosted tools have a type only. */
static void write_entry(enum ir_tool_kind kind, str name, struct json_writer *w)
{
    static const char *const types[] = {[IR_TOOL_FUNCTION] = "function",
                                        [IR_TOOL_CUSTOM] = "custom",
                                        [IR_TOOL_WEB_SEARCH] = "web_search",
                                        [IR_TOOL_WEB_FETCH] = "web_search",
                                        [IR_TOOL_CODE_EXECUTION] = "code_interpreter",
                                        [IR_TOOL_OWN] = "function"};
    jw_object(w);
    jw_kstr(w, "type", str_c(types[kind]));
    if (kind == IR_TOOL_FUNCTION || kind == IR_TOOL_CUSTOM)
        jw_kstr(w, "name", name);
    jw_object_end(w);
}

static void write_allowed(const struct ir_request *rq, bool required, struct json_writer *w)
{
    const struct ir_choice *c = &rq->choice;
    jw_object(w);
    jw_kstr(w, "type", S("allowed_tools"));
    jw_kstr(w, "mode", required ? S("required") : S("auto"));
    jw_key(w, S("tools"));
    jw_array(w);
    for (size_t i = 0; i < c->n_names; i++) {
        enum ir_tool_kind kind = c->kind == IR_CHOICE_ONE ? c->tool : kind_of(rq, c->names[i]);
        write_entry(kind, c->names[i], w);
    }
    jw_array_end(w);
    jw_object_end(w);
}

/* ToolChoiceTypes knows web search by its first name only; as the only allowed tool it can be
 * forced by the name it is declared with. */
static void write_one(const struct ir_request *rq, struct json_writer *w)
{
    const struct ir_choice *c = &rq->choice;
    enum ir_tool_kind kind = c->tool == IR_TOOL_OWN ? IR_TOOL_FUNCTION : c->tool;
    if (kind == IR_TOOL_FUNCTION)
        kind = kind_of(rq, c->names[0]);
    if (kind == IR_TOOL_FUNCTION || kind == IR_TOOL_CUSTOM)
        write_entry(kind, c->names[0], w);
    else
        write_allowed(rq, true, w);
}

/* The API refuses a choice where there is nothing to choose from. */
void responses_write_choice(const struct ir_request *rq, const struct ir_target *to,
                            struct json_writer *w)
{
    const struct ir_choice *c = &rq->choice;
    (void)to;
    if (c->kind == IR_CHOICE_UNSAID)
        return;
    if (rq->from == DIALECT_RESPONSES) {
        jw_kvalue(w, "tool_choice", c->src);
        return;
    }
    if (!responses_has_tools(rq) || c->kind == IR_CHOICE_OWN)
        return;
    jw_key(w, S("tool_choice"));
    switch (c->kind) {
    case IR_CHOICE_NONE: jw_str(w, S("none")); break;
    case IR_CHOICE_REQUIRED: jw_str(w, S("required")); break;
    case IR_CHOICE_ONE: write_one(rq, w); break;
    case IR_CHOICE_SOME: write_allowed(rq, c->required, w); break;
    default: jw_str(w, S("auto")); break;
    }
}

/*
 * dialect/gemini/tools_read.c - tools and toolConfig of a request.
 *
 * An element of tools holds function declarations, or one of Google's own tools, or both.
 */
#include "dialect/gemini/gemini.h"
#include "dialect/gemini/schema/clean.h"

/* ---- function declarations ---- */

static const char *const declaration_members[] = {"name",         "description",
                                                  "parameters",   "parametersJsonSchema",
                                                  "response",     "responseJsonSchema",
                                                  "behavior",     "defer_loading",
                                                  "deferLoading", NULL};

static enum err read_declaration(struct ir_request *rq, yyjson_val *v, size_t n, struct fail *f)
{
    str name = gemini_get_str(v, "name");
    yyjson_val *schema = gemini_get(v, "parametersJsonSchema");
    if (!yyjson_is_obj(v) || !name.n)
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"tools.functionDeclarations[%zu]\" must be an object with a name", n);
    struct ir_tool *t = ir_tool_add(rq, IR_TOOL_FUNCTION);
    t->name = name;
    t->description = gemini_get_str(v, "description");
    t->schema = schema ? schema : gemini_schema_read(gemini_get(v, "parameters"), rq->arena);
    t->deferred = jv_true(gemini_get(v, "deferLoading"));
    t->src = v;
    ir_say(rq, CAN_TOOLS);
    if (t->deferred)
        ir_say(rq, CAN_DEFER_LOADING);
    if (gemini_get(v, "behavior"))
        ir_say(rq, CAN_OWN_OPTION);
    ir_unknown(rq, v, declaration_members, "tools.functionDeclarations.");
    return OK;
}

static enum err read_declarations(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct gemini_list list = gemini_list(v);
    size_t n = 0;
    for (yyjson_val *d; (d = gemini_next(&list)); n++) {
        enum err e = read_declaration(rq, d, n, f);
        if (e)
            return e;
    }
    return OK;
}

/* ---- Google's own ---- */

static const struct {
    const char *member;
    enum ir_tool_kind kind;
    enum ir_feature feature;
    const char *name;
} hosted[] = {
    {"googleSearch", IR_TOOL_WEB_SEARCH, CAN_WEB_SEARCH, "web_search"},
    {"googleSearchRetrieval", IR_TOOL_WEB_SEARCH, CAN_WEB_SEARCH, "web_search"},
    {"enterpriseWebSearch", IR_TOOL_WEB_SEARCH, CAN_WEB_SEARCH, "web_search"},
    {"urlContext", IR_TOOL_WEB_FETCH, CAN_WEB_FETCH, "web_fetch"},
    {"codeExecution", IR_TOOL_CODE_EXECUTION, CAN_CODE_EXECUTION, "code_execution"},
    {"fileSearch", IR_TOOL_OWN, CAN_FILE_SEARCH, ""},
    {"retrieval", IR_TOOL_OWN, CAN_FILE_SEARCH, ""},
    {"computerUse", IR_TOOL_OWN, CAN_COMPUTER, ""},
    {"mcpServers", IR_TOOL_OWN, CAN_MCP, ""},
    {"googleMaps", IR_TOOL_OWN, CAN_OWN_TOOL, ""},
    {"exaAiSearch", IR_TOOL_OWN, CAN_OWN_TOOL, ""},
    {"parallelAiSearch", IR_TOOL_OWN, CAN_OWN_TOOL, ""},
};

static const char *const search_members[] = {"excludeDomains", "defer_loading", "deferLoading",
                                             NULL};

static void read_search_options(struct ir_request *rq, struct ir_tool *t, yyjson_val *v)
{
    yyjson_val *domains = gemini_get(v, "excludeDomains");
    if (domains && !ir_strings(rq->arena, domains, &t->blocked, &t->n_blocked))
        t->n_blocked = 0;
    ir_unknown(rq, v, search_members, "tools.googleSearch.");
}

static void read_hosted(struct ir_request *rq, str key, yyjson_val *v)
{
    for (size_t i = 0; i < sizeof hosted / sizeof hosted[0]; i++) {
        if (!ir_key_is(key, hosted[i].member))
            continue;
        struct ir_tool *t = ir_tool_add(rq, hosted[i].kind);
        t->name = str_c(hosted[i].name);
        t->src = v;
        ir_say(rq, hosted[i].feature);
        if (hosted[i].kind != IR_TOOL_OWN)
            t->google = v;
        if (hosted[i].kind == IR_TOOL_WEB_SEARCH)
            read_search_options(rq, t, v);
        return;
    }
    str parts[] = {S("tools."), key};
    ir_losses_add(&rq->unknown, str_join(rq->arena, parts, 2));
}

static enum err read_tool(struct ir_request *rq, yyjson_val *tool, struct fail *f)
{
    enum err e = ir_want_object(tool, "tools[]", f);
    yyjson_obj_iter it = yyjson_obj_iter_with(tool);
    for (yyjson_val *k; !e && (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        if (yyjson_is_null(v) || yyjson_is_false(v))
            continue;
        if (ir_key_is(jv_str(k), "functionDeclarations"))
            e = read_declarations(rq, v, f);
        else
            read_hosted(rq, jv_str(k), v);
    }
    return e;
}

enum err gemini_tools_read(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct gemini_list list = gemini_list(v);
    for (yyjson_val *t; (t = gemini_next(&list));) {
        enum err e = read_tool(rq, t, f);
        if (e)
            return e;
    }
    return OK;
}

/* ---- toolConfig ---- */

enum mode { MODE_UNSAID, MODE_AUTO, MODE_ANY, MODE_NONE, MODE_VALIDATED, MODES };

/* FunctionCallingConfig.Mode: by name, or by its number. */
static enum mode mode_of(yyjson_val *v)
{
    static const str words[MODES] = {S("MODE_UNSPECIFIED"), S("AUTO"), S("ANY"), S("NONE"),
                                     S("VALIDATED")};
    int64_t number;
    if (jv_i64(v, &number))
        return number > 0 && number < MODES ? (enum mode)number : MODE_UNSAID;
    for (unsigned i = 1; i < MODES; i++) {
        if (str_eq_nocase(jv_str(v), words[i]))
            return (enum mode)i;
    }
    return MODE_UNSAID;
}

/* VALIDATED: the model may call or not, and calls keep to the schema: what others call strict. */
static void read_validated(struct ir_request *rq)
{
    for (struct ir_tool *t = rq->tools; t; t = t->next) {
        if (t->kind == IR_TOOL_FUNCTION) {
            t->strict = IR_YES;
            ir_say(rq, CAN_TOOL_STRICT);
        }
    }
}

static void read_mode(struct ir_request *rq, enum mode mode, str *names, size_t n)
{
    struct ir_choice *c = &rq->choice;
    static const enum ir_choice_kind kinds[MODES] = {
        [MODE_AUTO] = IR_CHOICE_AUTO,
        [MODE_ANY] = IR_CHOICE_REQUIRED,
        [MODE_NONE] = IR_CHOICE_NONE,
        [MODE_VALIDATED] = IR_CHOICE_AUTO,
    };
    c->kind = kinds[mode];
    if (mode == MODE_VALIDATED)
        read_validated(rq);
    if (n && mode != MODE_NONE) {
        c->names = names;
        c->n_names = n;
        c->required = mode == MODE_ANY;
        c->kind = n == 1 && c->required ? IR_CHOICE_ONE : IR_CHOICE_SOME;
        c->tool = IR_TOOL_FUNCTION;
    }
    if (c->kind != IR_CHOICE_UNSAID)
        ir_say(rq, c->kind == IR_CHOICE_ONE    ? CAN_TOOL_CHOICE_ONE
                   : c->kind == IR_CHOICE_SOME ? CAN_TOOL_CHOICE_SOME
                                               : CAN_TOOL_CHOICE);
}

static const char *const config_members[] = {"functionCallingConfig",
                                             "includeServerSideToolInvocations", NULL};
static const char *const calling_members[] = {"mode", "allowedFunctionNames", NULL};

enum err gemini_tool_config_read(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    yyjson_val *calling = gemini_get(v, "functionCallingConfig");
    yyjson_val *allowed = gemini_get(calling, "allowedFunctionNames");
    str *names = NULL;
    size_t n = 0;
    enum err e = ir_want_object(v, "toolConfig", f);
    if (!e && calling)
        e = ir_want_object(calling, "toolConfig.functionCallingConfig", f);
    if (e)
        return e;
    if (allowed && !ir_strings(rq->arena, allowed, &names, &n))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"toolConfig.functionCallingConfig.allowedFunctionNames\" must be an "
                        "array of strings");
    rq->choice.src = v;
    read_mode(rq, mode_of(gemini_get(calling, "mode")), names, n);
    ir_unknown(rq, v, config_members, "toolConfig.");
    ir_unknown(rq, calling, calling_members, "toolConfig.functionCallingConfig.");
    return OK;
}

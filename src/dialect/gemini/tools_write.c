/*
 * dialect/gemini/tools_write.c - tools and toolConfig of a request.
 *
 * Built-in tools beside functions: Gemini 3 takes both, on the Gemini API only with
 * includeServerSideToolInvocations ("Please enable tool_config.include_server_side_tool_invocations
 * to use Built-in tools with Function calling."), and then not in mode AUTO; Vertex AI has no such
 * member and needs none (recorded exchange). Older models refuse the mixture: the functions stay.
 */
#include "dialect/gemini/gemini.h"
#include "dialect/gemini/schema/clean.h"
#include "dialect/gemini/schema/pass.h"

bool gemini_has_functions(const struct ir_request *rq)
{
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (t->kind == IR_TOOL_FUNCTION || t->kind == IR_TOOL_CUSTOM)
            return true;
    }
    return false;
}

static bool is_hosted(const struct ir_tool *t)
{
    return t->kind == IR_TOOL_WEB_SEARCH || t->kind == IR_TOOL_WEB_FETCH ||
           t->kind == IR_TOOL_CODE_EXECUTION;
}

static bool has_hosted(const struct ir_request *rq)
{
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (is_hosted(t))
            return true;
    }
    return false;
}

/* Built-in tools may stand in this request. */
static bool may_host(const struct ir_request *rq, const struct ir_target *to)
{
    return !gemini_has_functions(rq) || (gemini_model_of(to).third && !to->is_compat);
}

/* ---- the client's own tools again, without what Gemini refuses (SPEC 9 R7) ---- */

static bool is_deferral(str key)
{
    return str_eq(key, S("defer_loading")) || str_eq(key, S("deferLoading"));
}

/* v without deferral at any depth, except where a key is the name of a property. */
static void write_without(struct json_writer *w, yyjson_val *v, bool names)
{
    if (yyjson_is_arr(v)) {
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        jw_array(w);
        for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));)
            write_without(w, e, false);
        jw_array_end(w);
    } else if (yyjson_is_obj(v)) {
        yyjson_obj_iter it = yyjson_obj_iter_with(v);
        jw_object(w);
        for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
            str key = jv_str(k);
            if (!names && is_deferral(key))
                continue;
            jw_key(w, key);
            write_without(w, yyjson_obj_iter_get_val(k), !names && schema_places(key) & SCHEMA_MAP);
        }
        jw_object_end(w);
    } else {
        jw_value(w, v);
    }
}

static void write_again(const struct ir_request *rq, struct json_writer *w)
{
    yyjson_val *tools = gemini_get(gemini_request_of(rq->src), "tools");
    if (!tools)
        return;
    jw_key(w, S("tools"));
    write_without(w, tools, false);
}

/* ---- tools of other dialects ---- */

static void write_parameters(const struct ir_request *rq, const struct ir_tool *t, bool json_schema,
                             struct json_writer *w)
{
    if (json_schema) {
        jw_key(w, S("parametersJsonSchema"));
        gemini_schema_write(t->schema, GEMINI_JSON_SCHEMA, rq->arena, w);
    } else if (!gemini_schema_is_empty(t->schema)) {
        jw_key(w, S("parameters"));
        gemini_schema_write(t->schema, GEMINI_SCHEMA, rq->arena, w);
    }
}

static void write_functions(const struct ir_request *rq, bool json_schema, struct json_writer *w)
{
    jw_object(w);
    jw_key(w, S("functionDeclarations"));
    jw_array(w);
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (t->kind != IR_TOOL_FUNCTION && t->kind != IR_TOOL_CUSTOM)
            continue;
        jw_object(w);
        jw_kstr(w, "name", t->name);
        if (t->description.n)
            jw_kstr(w, "description", t->description);
        write_parameters(rq, t, json_schema, w);
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_object_end(w);
}

/* What googleSearch cannot be told. */
static void lose_search_options(const struct ir_tool *t, const struct ir_target *to)
{
    if (t->n_allowed)
        ir_target_lose(to, S("web search: allowed domains"));
    if (t->n_blocked && !to->vertex)
        ir_target_lose(to, S("web search: blocked domains"));
    if (t->location)
        ir_target_lose(to, S("web search: user location"));
    if (t->max_uses)
        ir_target_lose(to, S("web search: number of uses"));
}

static void write_search_options(const struct ir_tool *t, const struct ir_target *to,
                                 struct json_writer *w)
{
    lose_search_options(t, to);
    jw_object(w);
    if (t->n_blocked && to->vertex) {
        jw_key(w, S("excludeDomains"));
        jw_array(w);
        for (size_t i = 0; i < t->n_blocked; i++)
            jw_str(w, t->blocked[i]);
        jw_array_end(w);
    }
    jw_object_end(w);
}

static void write_hosted(const struct ir_tool *t, const struct ir_target *to, struct json_writer *w)
{
    jw_object(w);
    jw_key(w, t->kind == IR_TOOL_WEB_SEARCH  ? S("googleSearch")
              : t->kind == IR_TOOL_WEB_FETCH ? S("urlContext")
                                             : S("codeExecution"));
    if (yyjson_is_obj(t->google)) {
        write_without(w, t->google, false);
    } else if (t->kind == IR_TOOL_WEB_SEARCH) {
        write_search_options(t, to, w);
    } else {
        jw_object(w);
        jw_object_end(w);
    }
    jw_object_end(w);
}

static void write_all_hosted(const struct ir_request *rq, const struct ir_target *to,
                             struct json_writer *w)
{
    static const enum ir_feature features[] = {[IR_TOOL_WEB_SEARCH] = CAN_WEB_SEARCH,
                                               [IR_TOOL_WEB_FETCH] = CAN_WEB_FETCH,
                                               [IR_TOOL_CODE_EXECUTION] = CAN_CODE_EXECUTION};
    unsigned seen = 0;
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (!is_hosted(t) || seen >> t->kind & 1)
            continue;
        seen |= 1u << t->kind;
        if (may_host(rq, to))
            write_hosted(t, to, w);
        else
            gemini_lose(rq, to, features[t->kind]);
    }
}

void gemini_tools_write(const struct ir_request *rq, const struct ir_target *to,
                        struct json_writer *w)
{
    struct json_writer before = *w;
    size_t at = w->out->n;
    if (rq->from == DIALECT_GEMINI) {
        write_again(rq, w);
        return;
    }
    if (!rq->tools)
        return;
    jw_key(w, S("tools"));
    jw_array(w);
    size_t empty = w->out->n;
    if (gemini_has_functions(rq))
        write_functions(rq, gemini_model_of(to).json_schema, w);
    write_all_hosted(rq, to, w);
    if (w->out->n == empty && !w->out->failed) {
        w->out->n = at;
        *w = before;
        return;
    }
    jw_array_end(w);
}

/* ---- toolConfig ---- */

static bool any_strict(const struct ir_request *rq)
{
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (t->strict == IR_YES)
            return true;
    }
    return false;
}

static bool names_functions(const struct ir_choice *c)
{
    return c->n_names && (c->kind == IR_CHOICE_SOME ||
                          (c->kind == IR_CHOICE_ONE &&
                           (c->tool == IR_TOOL_FUNCTION || c->tool == IR_TOOL_CUSTOM)));
}

/* NULL: nothing is to be said. Names may stand with ANY and VALIDATED only. */
static const char *mode_of(const struct ir_request *rq, bool validated, bool mixed)
{
    const struct ir_choice *c = &rq->choice;
    const char *automatic = validated && (mixed || any_strict(rq)) ? "VALIDATED" : "AUTO";
    switch (c->kind) {
    case IR_CHOICE_NONE: return "NONE";
    case IR_CHOICE_REQUIRED: return "ANY";
    case IR_CHOICE_ONE:
        /* A built-in tool cannot be forced; that it is there is all that can be said. */
        return names_functions(c) ? "ANY" : automatic;
    case IR_CHOICE_SOME: return c->required ? "ANY" : validated ? "VALIDATED" : "AUTO";
    case IR_CHOICE_AUTO: return automatic;
    case IR_CHOICE_UNSAID:
    case IR_CHOICE_OWN: break;
    }
    return automatic[0] == 'V' ? automatic : NULL;
}

static void write_calling(const struct ir_request *rq, const char *mode, struct json_writer *w)
{
    bool named = names_functions(&rq->choice) && (mode[0] == 'V' || str_eq(str_c(mode), S("ANY")));
    jw_key(w, S("functionCallingConfig"));
    jw_object(w);
    jw_kstr(w, "mode", str_c(mode));
    if (named) {
        jw_key(w, S("allowedFunctionNames"));
        jw_array(w);
        for (size_t i = 0; i < rq->choice.n_names; i++)
            jw_str(w, rq->choice.names[i]);
        jw_array_end(w);
    }
    jw_object_end(w);
}

void gemini_tool_config_write(const struct ir_request *rq, const struct ir_target *to,
                              struct json_writer *w)
{
    if (gemini_again(rq, gemini_request_of(rq->src), "toolConfig", w))
        return;
    /* "Function calling config is set without function_declarations." */
    if (rq->from == DIALECT_GEMINI || !gemini_has_functions(rq))
        return;
    bool mixed = has_hosted(rq) && may_host(rq, to) && !to->vertex;
    const char *mode = mode_of(rq, gemini_model_of(to).json_schema, mixed);
    if (!mode && !mixed)
        return;
    jw_key(w, S("toolConfig"));
    jw_object(w);
    if (mode)
        write_calling(rq, mode, w);
    if (mixed)
        jw_kbool(w, "includeServerSideToolInvocations", true);
    jw_object_end(w);
}

/*
 * dialect/openai_chat/tools_write.c - writes tools and the choice among them.
 *
 * Hosted tools the API has none but web search, as an option of the models that search; on others
 * it is an error, so there it is left out and named as lost. A choice among some of the tools is
 * OpenAI's; for its copies the others are left out instead, which comes to the same.
 */
#include "dialect/openai_chat/chat.h"
#include "dialect/openai_schema.h"

/* Whether a choice among some leaves this tool out. */
static bool is_barred(const struct chat_writer *cw, const struct ir_tool *t)
{
    const struct ir_choice *c = &cw->rq->choice;
    if (c->kind != IR_CHOICE_SOME || cw->traits & TRAIT_OWN)
        return false;
    for (size_t i = 0; i < c->n_names; i++) {
        if (str_eq(c->names[i], t->name))
            return false;
    }
    return true;
}

static void put_function(struct chat_writer *cw, const struct ir_tool *t)
{
    struct json_writer *w = &cw->w;
    jw_object(w);
    jw_kstr(w, "type", S("function"));
    jw_key(w, S("function"));
    jw_object(w);
    jw_kstr(w, "name", t->name);
    if (t->description.n)
        jw_kstr(w, "description", t->description);
    jw_key(w, S("parameters"));
    openai_schema_write(t->schema, w);
    if (t->strict == IR_YES && openai_schema_is_strict(t->schema))
        jw_kbool(w, "strict", true);
    else if (t->strict == IR_NO && cw->traits & TRAIT_OWN)
        jw_kbool(w, "strict", false);
    jw_object_end(w);
    jw_object_end(w);
}

/* The neutral form has the Responses API's flat format. */
static void put_grammar(struct json_writer *w, yyjson_val *format)
{
    if (!jv_is(jv_get(format, "type"), "grammar")) {
        jw_value(w, format);
        return;
    }
    jw_object(w);
    jw_kstr(w, "type", S("grammar"));
    jw_key(w, S("grammar"));
    jw_object(w);
    jw_kvalue(w, "definition", jv_get(format, "definition"));
    jw_kvalue(w, "syntax", jv_get(format, "syntax"));
    jw_object_end(w);
    jw_object_end(w);
}

static void put_custom(struct chat_writer *cw, const struct ir_tool *t)
{
    struct json_writer *w = &cw->w;
    jw_object(w);
    jw_kstr(w, "type", S("custom"));
    jw_key(w, S("custom"));
    jw_object(w);
    jw_kstr(w, "name", t->name);
    if (t->description.n)
        jw_kstr(w, "description", t->description);
    if (t->grammar) {
        jw_key(w, S("format"));
        put_grammar(w, t->grammar);
    }
    jw_object_end(w);
    jw_object_end(w);
}

/* Only for models that search. */
static void put_search(struct chat_writer *cw, const struct ir_tool *t)
{
    struct json_writer *w = &cw->w;
    if (!(cw->traits & TRAIT_SEARCH)) {
        ir_target_lose(cw->to, S("web_search"));
        return;
    }
    jw_key(w, S("web_search_options"));
    jw_object(w);
    if (t->context_size.n)
        jw_kstr(w, "search_context_size", t->context_size);
    if (yyjson_is_obj(t->location)) {
        static const char *const known[] = {"city", "country", "region", "timezone"};
        jw_key(w, S("user_location"));
        jw_object(w);
        jw_kstr(w, "type", S("approximate"));
        jw_key(w, S("approximate"));
        jw_object(w);
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            if (jv_get(t->location, known[i])) {
                jw_key(w, str_c(known[i]));
                jw_value(w, jv_get(t->location, known[i]));
            }
        }
        jw_object_end(w);
        jw_object_end(w);
    }
    jw_object_end(w);
}

/* ---- the choice ---- */

static void put_named(struct json_writer *w, str name, enum ir_tool_kind kind)
{
    bool custom = kind == IR_TOOL_CUSTOM;
    jw_object(w);
    jw_kstr(w, "type", custom ? S("custom") : S("function"));
    jw_key(w, custom ? S("custom") : S("function"));
    jw_object(w);
    jw_kstr(w, "name", name);
    jw_object_end(w);
    jw_object_end(w);
}

static enum ir_tool_kind kind_of(const struct ir_request *rq, str name)
{
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if (str_eq(t->name, name))
            return t->kind;
    }
    return IR_TOOL_FUNCTION;
}

static void put_some(struct chat_writer *cw)
{
    struct json_writer *w = &cw->w;
    const struct ir_choice *c = &cw->rq->choice;
    if (!c->n_names || !(cw->traits & TRAIT_OWN)) {
        jw_str(w, !c->n_names ? S("none") : c->required ? S("required") : S("auto"));
        return;
    }
    jw_object(w);
    jw_kstr(w, "type", S("allowed_tools"));
    jw_key(w, S("allowed_tools"));
    jw_object(w);
    jw_kstr(w, "mode", c->required ? S("required") : S("auto"));
    jw_key(w, S("tools"));
    jw_array(w);
    for (size_t i = 0; i < c->n_names; i++)
        put_named(w, c->names[i], kind_of(cw->rq, c->names[i]));
    jw_array_end(w);
    jw_object_end(w);
    jw_object_end(w);
}

static void put_choice(struct chat_writer *cw)
{
    const struct ir_choice *c = &cw->rq->choice;
    if (c->kind == IR_CHOICE_UNSAID || c->kind == IR_CHOICE_OWN)
        return;
    jw_key(&cw->w, S("tool_choice"));
    switch (c->kind) {
    case IR_CHOICE_AUTO: jw_str(&cw->w, S("auto")); break;
    case IR_CHOICE_NONE: jw_str(&cw->w, S("none")); break;
    case IR_CHOICE_REQUIRED: jw_str(&cw->w, S("required")); break;
    case IR_CHOICE_ONE: put_named(&cw->w, c->names[0], kind_of(cw->rq, c->names[0])); break;
    default: put_some(cw); break;
    }
}

/* Whether calls may be parallel matters only when they may not: yes is what happens unasked. */
static void put_parallel(struct chat_writer *cw)
{
    if (cw->rq->parallel != IR_NO)
        return;
    if (cw->traits & TRAIT_ONE_BY_ONE)
        ir_target_lose(cw->to, S("parallel_tool_calls"));
    else
        jw_kbool(&cw->w, "parallel_tool_calls", false);
}

/* ---- a client of this dialect ---- */

static void put_own_function(struct chat_writer *cw, const struct ir_tool *t)
{
    static const char *const known[] = {"type", "function", NULL}, *const inner[] = {
                                                                       "name", "description",
                                                                       "parameters", "strict",
                                                                       NULL};
    yyjson_val *body = jv_get(t->src, "function");
    struct json_writer *w = &cw->w;
    jw_object(w);
    if (jv_get(t->src, "type"))
        jw_kvalue(w, "type", jv_get(t->src, "type"));
    jw_key(w, S("function"));
    jw_object(w);
    jw_kstr(w, "name", t->name);
    if (t->description.p)
        jw_kstr(w, "description", t->description);
    if (t->schema)
        jw_kvalue(w, "parameters", t->schema);
    if (t->strict != IR_UNSAID)
        jw_kbool(w, "strict", t->strict == IR_YES);
    ir_write_rest(cw->rq, DIALECT_CHAT, body, inner, w);
    jw_object_end(w);
    ir_write_rest(cw->rq, DIALECT_CHAT, t->src, known, w);
    jw_object_end(w);
}

/* The first of the list are those of `tools`; functions and search options are copied elsewhere. */
static void put_own_tools(struct chat_writer *cw)
{
    yyjson_val *tools = jv_get(cw->rq->src, "tools");
    const struct ir_tool *t = cw->rq->tools;
    if (!tools)
        return;
    jw_key(&cw->w, S("tools"));
    jw_array(&cw->w);
    for (size_t n = yyjson_arr_size(tools); n && t; n--, t = t->next) {
        if (t->kind == IR_TOOL_FUNCTION && jv_get(t->src, "function"))
            put_own_function(cw, t);
        else
            jw_value(&cw->w, t->src);
    }
    jw_array_end(&cw->w);
}

static void copy_member(struct chat_writer *cw, const char *key)
{
    yyjson_val *v = jv_get(cw->rq->src, key);
    if (!v)
        return;
    jw_key(&cw->w, str_c(key));
    jw_value(&cw->w, v);
}

/* ---- all ---- */

/* A hosted tool that must be called and cannot exist. */
static bool is_hosted(enum ir_tool_kind kind)
{
    return kind != IR_TOOL_FUNCTION && kind != IR_TOOL_CUSTOM;
}

static void put_list(struct chat_writer *cw)
{
    size_t n = 0;
    for (const struct ir_tool *t = cw->rq->tools; t; t = t->next) {
        if (is_hosted(t->kind) || is_barred(cw, t))
            continue;
        if (!n++) {
            jw_key(&cw->w, S("tools"));
            jw_array(&cw->w);
        }
        if (t->kind == IR_TOOL_CUSTOM)
            put_custom(cw, t);
        else
            put_function(cw, t);
    }
    if (!n)
        return;
    jw_array_end(&cw->w);
    /* "only allowed when 'tools' are specified" */
    put_choice(cw);
    put_parallel(cw);
}

void chat_write_tools(struct chat_writer *cw)
{
    const struct ir_choice *c = &cw->rq->choice;
    if (cw->own) {
        put_own_tools(cw);
        copy_member(cw, "tool_choice");
        copy_member(cw, "parallel_tool_calls");
        return;
    }
    if (c->kind == IR_CHOICE_ONE && is_hosted(c->tool) && !cw->err)
        cw->err =
            fail_set(cw->f, ERR_BAD_REQUEST,
                     "the request demands a call of a hosted tool that this model's provider, "
                     "which speaks openai-chat, does not have");
    put_list(cw);
    for (const struct ir_tool *t = cw->rq->tools; t; t = t->next) {
        if (t->kind == IR_TOOL_WEB_SEARCH) {
            put_search(cw, t);
            break;
        }
    }
}

/*
 * dialect/openai_chat/messages.c - reads messages.
 *
 * Roles: system, developer, user, assistant, tool, and function, which preceded tool and names the
 * function instead of the call. Reasoning stands beside the content in members of its own
 * (details.c) and comes first: that is when it happened.
 */
#include "dialect/openai_chat/chat.h"

struct reading {
    struct ir_request *rq;
    size_t at;
    struct fail *f;
    bool begun; /* a user or assistant message was there */
};

enum { ROLE, CONTENT, NAME, CALLS, CALL_ID, REFUSAL, FUNCTION_CALL, AUDIO, CACHE, EXTRA };

static const char *const names[] = {
    [ROLE] = "role",
    [CONTENT] = "content",
    [NAME] = "name",
    [CALLS] = "tool_calls",
    [CALL_ID] = "tool_call_id",
    [REFUSAL] = "refusal",
    [FUNCTION_CALL] = "function_call",
    [AUDIO] = "audio",
    [CACHE] = "cache_control",
    [EXTRA] = "extra_content",
    /* read by chat_read_reasoning */
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "reasoning_details",
    "thinking",
    /* of answers, which clients send back as they are */
    "annotations",
    "images",
    "tool_name",
    NULL,
};

enum { NAMES = sizeof names / sizeof names[0] };

static enum err bad(const struct reading *r, const char *member, const char *what, yyjson_val *v)
{
    return fail_set(r->f, ERR_BAD_REQUEST, "\"messages[%zu].%s\" must be %s, it is %s", r->at,
                    member, what, jv_kind(v));
}

static enum err content(const struct reading *r, yyjson_val *v, struct ir_parts *to, bool *bare)
{
    struct chat_place at = {r->at, "content"};
    return v ? chat_read_content(r->rq, v, to, at, bare, r->f) : OK;
}

/* ---- calls ---- */

/* Arguments are a string of JSON; some clients send them as the object. */
static void take_arguments(struct ir_part *p, yyjson_val *v, struct arena *a)
{
    p->no_text = !v;
    if (yyjson_is_str(v))
        p->text = jv_str(v);
    else if (yyjson_is_obj(v))
        p->args = v;
    else if (v)
        p->text = json_text_of(v, a);
}

static enum err read_call(const struct reading *r, struct ir_message *m, yyjson_val *call)
{
    static const char *const known[] = {"id",    "type",          "function",          "custom",
                                        "index", "extra_content", "thought_signature", NULL};
    yyjson_val *found[7];
    if (!yyjson_is_obj(call))
        return bad(r, "tool_calls", "an array of objects", call);
    if (chat_members(call, known, found))
        ir_unknown(r->rq, call, known, "tool_calls.");
    yyjson_val *body = found[3] ? found[3] : found[2];
    struct ir_part *p = ir_part_add(r->rq, m, IR_PART_CALL);
    p->src = call;
    p->id = jv_str(found[0]);
    p->name = jv_get_str(body, "name");
    p->call = found[3] ? IR_CALL_CUSTOM : IR_CALL_FUNCTION;
    p->seal = chat_call_seal(call, true, r->rq->arena);
    if (!p->name.n)
        return bad(r, "tool_calls", "calls with a name", body);
    if (found[3])
        p->text = jv_get_str(body, "input");
    else
        take_arguments(p, jv_get(body, "arguments"), r->rq->arena);
    if (found[3])
        ir_say(r->rq, CAN_TOOL_CUSTOM);
    return OK;
}

static enum err read_calls(const struct reading *r, struct ir_message *m, yyjson_val *calls)
{
    enum err e = OK;
    if (!calls)
        return OK;
    if (!yyjson_is_arr(calls))
        return bad(r, "tool_calls", "an array", calls);
    yyjson_arr_iter it = yyjson_arr_iter_with(calls);
    for (yyjson_val *call; !e && (call = yyjson_arr_iter_next(&it));)
        e = read_call(r, m, call);
    return e;
}

/* What tool_calls replaced: one call, no id. */
static enum err read_function_call(const struct reading *r, struct ir_message *m, yyjson_val *v)
{
    if (!v)
        return OK;
    if (!yyjson_is_obj(v))
        return bad(r, "function_call", "an object", v);
    struct ir_part *p = ir_part_add(r->rq, m, IR_PART_CALL);
    p->src = v;
    p->name = jv_get_str(v, "name");
    take_arguments(p, jv_get(v, "arguments"), r->rq->arena);
    return p->name.n ? OK : bad(r, "function_call", "an object with a name", v);
}

/* ---- messages by role ---- */

static void say_media(struct ir_request *rq, const struct ir_part *p)
{
    for (; p; p = p->next) {
        if (p->kind == IR_PART_IMAGE)
            ir_say(rq, CAN_RESULT_IMAGE);
        else if (p->kind == IR_PART_DOCUMENT)
            ir_say(rq, CAN_RESULT_DOCUMENT);
    }
}

static enum err read_tool(struct reading *r, struct ir_message *m, yyjson_val **found)
{
    struct ir_part *p = ir_part_add(r->rq, m, IR_PART_RESULT);
    struct ir_parts parts;
    p->id = jv_str(found[CALL_ID]);
    p->name = jv_str(found[NAME]);
    p->no_text = !found[CONTENT];
    p->cache = found[CACHE];
    if (p->cache)
        ir_say(r->rq, CAN_CACHE_MARK);
    m->name = S("");
    ir_parts_init(&parts);
    enum err e = content(r, found[CONTENT], &parts, &p->bare);
    if (p->bare && parts.first->text.n == 0)
        parts.first = NULL;
    p->content = parts.first;
    say_media(r->rq, p->content);
    return e;
}

/* Google's signature of an answer without calls stands beside its text. */
static void seal_text(struct ir_request *rq, struct ir_message *m)
{
    struct ir_part *p = m->parts.first;
    while (p && p->kind != IR_PART_TEXT)
        p = p->next;
    if (p)
        p->seal = chat_call_seal(m->src, true, rq->arena);
}

static enum err read_assistant(struct reading *r, struct ir_message *m, yyjson_val **found)
{
    chat_read_reasoning(r->rq, m->src, m);
    enum err e = content(r, found[CONTENT], &m->parts, &m->bare);
    if (!e && yyjson_is_str(found[REFUSAL]) && jv_str(found[REFUSAL]).n)
        ir_part_add(r->rq, m, IR_PART_REFUSAL)->text = jv_str(found[REFUSAL]);
    if (found[AUDIO])
        ir_say(r->rq, CAN_OWN_CONTENT);
    if (found[EXTRA])
        seal_text(r->rq, m);
    if (!e)
        e = read_calls(r, m, found[CALLS]);
    if (!e)
        e = read_function_call(r, m, found[FUNCTION_CALL]);
    r->begun = true;
    return e;
}

static enum err read_user(struct reading *r, struct ir_message *m, yyjson_val **found)
{
    r->begun = true;
    return content(r, found[CONTENT], &m->parts, &m->bare);
}

static enum err read_system(struct reading *r, struct ir_message *m, yyjson_val **found)
{
    ir_say(r->rq, m->role == IR_DEVELOPER ? CAN_DEVELOPER : CAN_SYSTEM);
    if (r->begun)
        ir_say(r->rq, CAN_SYSTEM_LATER);
    return content(r, found[CONTENT], &m->parts, &m->bare);
}

static const struct {
    const char *name;
    enum ir_role role;
    enum err (*read)(struct reading *r, struct ir_message *m, yyjson_val **found);
} roles[] = {
    {"user", IR_USER, read_user},
    {"assistant", IR_ASSISTANT, read_assistant},
    {"tool", IR_TOOL, read_tool},
    {"system", IR_SYSTEM, read_system},
    {"function", IR_TOOL, read_tool},
    {"developer", IR_DEVELOPER, read_system},
    {"model", IR_ASSISTANT, read_assistant},
};

/* Marks on the message itself are its last part's (OpenRouter's clients send them so). */
static void mark_last(struct ir_request *rq, struct ir_message *m, yyjson_val *cache)
{
    struct ir_part *last = NULL;
    for (struct ir_part *p = m->parts.first; p; p = p->next) {
        if (p->kind != IR_PART_REASONING)
            last = p;
    }
    if (!cache || !last || last->cache)
        return;
    last->cache = cache;
    ir_say(rq, CAN_CACHE_MARK);
}

static enum err read_message(struct reading *r, yyjson_val *v)
{
    yyjson_val *found[NAMES];
    if (!yyjson_is_obj(v))
        return fail_set(r->f, ERR_BAD_REQUEST, "\"messages[%zu]\" must be an object, it is %s",
                        r->at, jv_kind(v));
    bool others = chat_members(v, names, found);
    str role = jv_str(found[ROLE]);
    size_t i = 0;
    while (i < sizeof roles / sizeof roles[0] && !str_eq(role, str_c(roles[i].name)))
        i++;
    if (i == sizeof roles / sizeof roles[0])
        return fail_set(r->f, ERR_BAD_REQUEST,
                        "\"messages[%zu].role\" must be system, developer, user, assistant or tool",
                        r->at);
    struct ir_message *m = ir_message_add(r->rq, roles[i].role);
    m->src = v;
    m->name = jv_str(found[NAME]);
    if (others)
        ir_unknown(r->rq, v, names, "messages.");
    enum err e = roles[i].read(r, m, found);
    if (m->name.n)
        ir_say(r->rq, CAN_AUTHOR_NAME);
    mark_last(r->rq, m, found[CACHE]);
    return e;
}

static void say_prefill(struct ir_request *rq, const struct ir_message *last)
{
    if (!last || last->role != IR_ASSISTANT)
        return;
    for (const struct ir_part *p = last->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_CALL)
            return;
    }
    ir_say(rq, CAN_PREFILL);
}

enum err chat_read_messages(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct reading r = {.rq = rq, .f = f};
    enum err e = ir_want_array(v, "messages", f);
    if (e)
        return e;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *m; !e && (m = yyjson_arr_iter_next(&it)); r.at++)
        e = read_message(&r, m);
    const struct ir_message *last = rq->messages;
    while (last && last->next)
        last = last->next;
    say_prefill(rq, last);
    return e;
}

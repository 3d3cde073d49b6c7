/*
 * dialect/openai_responses/request_leave.c - a request on its way to a provider of another dialect.
 *
 * What only the provider that made it can serve is refused in words that name the member and the
 * way out. Tools that were declared inside the conversation join the others; items nobody else can
 * read go.
 */
#include "dialect/openai_responses/responses.h"

/* ---- refused ---- */

/* State held by the provider: members, and what to send instead. */
static const struct {
    const char *member, *names, *instead;
} state_members[] = {
    {"previous_response_id", "an answer", "the whole conversation in \"input\""},
    {"conversation", "a conversation", "the whole conversation in \"input\""},
    {"prompt", "a stored prompt", "its text in \"instructions\" and \"input\""},
};

static enum err refuse_state(const struct ir_request *rq, const char *to, struct fail *f)
{
    for (size_t i = 0; i < sizeof state_members / sizeof state_members[0]; i++) {
        if (jv_get(rq->src, state_members[i].member))
            return fail_set(f, ERR_BAD_REQUEST,
                            "\"%s\" names %s that only the provider which made it holds, and this "
                            "model's provider speaks %s: send %s",
                            state_members[i].member, state_members[i].names, to,
                            state_members[i].instead);
    }
    if (jv_true(jv_get(rq->src, "background")))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"background\" is not possible with this model's provider, which speaks "
                        "%s: send \"background\": false and wait for the answer",
                        to);
    return OK;
}

static enum err refuse_item(str type, size_t item, const char *to, struct fail *f)
{
    if (!type.n || str_eq(type, S("item_reference")))
        return fail_set(
            f, ERR_BAD_REQUEST,
            "input[%zu] refers to an item that only the provider which made it holds, "
            "and this model's provider speaks %s: send the item itself (with \"store\": "
            "false and \"include\": [\"reasoning.encrypted_content\"])",
            item, to);
    if (str_starts(type, S("compaction")) || str_eq(type, S("context_compaction")))
        return fail_set(f, ERR_BAD_REQUEST,
                        "input[%zu] is a %.*s, which only the provider that made it can read, and "
                        "this model's provider speaks %s: send the conversation itself",
                        item, STR_FMT(str_head(type, 40)), to);
    return OK;
}

static enum err refuse_choice(const struct ir_request *rq, const char *to, struct fail *f)
{
    str type = jv_get_str(rq->choice.src, "type");
    if (rq->choice.kind != IR_CHOICE_OWN)
        return OK;
    return fail_set(f, ERR_BAD_REQUEST,
                    "\"tool_choice\" forces %.*s, a tool of the Responses API that this model's "
                    "provider, which speaks %s, does not have",
                    STR_FMT(str_head(type, 60)), to);
}

/* ---- moved and removed ---- */

static bool declared(const struct ir_request *rq, const struct ir_tool *tool)
{
    for (const struct ir_tool *t = rq->tools; t && t != tool; t = t->next) {
        if (t->name.n && str_eq(t->name, tool->name) && str_eq(t->space, tool->space))
            return true;
    }
    return false;
}

/* The tools of an item, but those that are there already. */
static enum err declare(struct ir_request *rq, yyjson_val *tools, struct fail *f)
{
    struct ir_tool **first = rq->tools_end;
    if (!yyjson_is_arr(tools))
        return OK;
    enum err e = responses_read_tools(rq, tools, f);
    for (struct ir_tool **at = first; !e && *at;) {
        struct ir_tool *t = *at;
        if (declared(rq, t))
            *at = t->next;
        else
            at = &t->next;
        rq->tools_end = at;
    }
    return e;
}

/* ---- signatures of calls and texts ---- */

/* Back to what they were of (responses.h, SEAL_OF_NEXT). */
struct seals {
    struct ir_seal next;  /* waits for the call or text it is of */
    struct ir_part *last; /* call or text, in this turn */
};

static void return_seal(struct seals *s, struct ir_part *p)
{
    if (p->kind == IR_PART_CALL || p->kind == IR_PART_TEXT) {
        if (s->next.value.n)
            p->seal = s->next;
        s->next.value = S("");
        s->last = p;
    }
    if (p->kind != IR_PART_REASONING || p->seal.issuer == DIALECT_RESPONSES)
        return;
    bool next = str_eq(p->seal.id, SEAL_OF_NEXT);
    if (!next && !str_eq(p->seal.id, SEAL_OF_LAST))
        return;
    p->seal.id = S("");
    if (next)
        s->next = p->seal;
    else if (s->last)
        s->last->seal = p->seal;
    p->seal.value = S("");
}

static void return_seals(struct ir_request *rq)
{
    struct seals s = {0};
    for (struct ir_message *m = rq->messages; m; m = m->next) {
        if (m->role != IR_ASSISTANT)
            s = (struct seals){0};
        for (struct ir_part *p = m->parts.first; p && m->role == IR_ASSISTANT; p = p->next)
            return_seal(&s, p);
    }
}

/* ---- what has no place elsewhere ---- */

static bool is_useless(const struct ir_part *p)
{
    return p->kind == IR_PART_RAW ||
           (p->kind == IR_PART_REASONING && !p->text.n && !p->seal.value.n && !p->redacted);
}

static void remove_useless(struct ir_request *rq)
{
    struct ir_message **at = &rq->messages;
    for (struct ir_message *m; (m = *at);) {
        bool had = m->parts.first != NULL;
        struct ir_part **part = &m->parts.first;
        while (*part) {
            if (is_useless(*part))
                *part = (*part)->next;
            else
                part = &(*part)->next;
        }
        m->parts.end = part;
        if (had && !m->parts.first)
            *at = m->next;
        else
            at = &m->next;
    }
    rq->messages_end = at;
}

/* ---- */

static enum err check_items(struct ir_request *rq, const char *to, struct fail *f)
{
    size_t item = 0;
    for (struct ir_message *m = rq->messages; m; m = m->next) {
        const struct ir_part *p = m->parts.first;
        str type = jv_get_str(m->src, "type");
        bool raw = p && p->kind == IR_PART_RAW && p->src == m->src;
        enum err e = raw ? refuse_item(type, item, to, f) : OK;
        if (!e && (str_eq(type, S("additional_tools")) || str_eq(type, S("tool_search_output"))))
            e = declare(rq, jv_get(m->src, "tools"), f);
        if (e)
            return e;
        item += !m->top;
    }
    return OK;
}

enum err responses_request_leave(struct ir_request *rq, const struct codec *to, struct fail *f)
{
    const char *name = dialect_get(to->dialect)->name;
    enum err e = refuse_state(rq, name, f);
    if (!e)
        e = refuse_choice(rq, name, f);
    if (!e)
        e = check_items(rq, name, f);
    return_seals(rq);
    remove_useless(rq);
    return e;
}

#include "relay/amend.h"

#include "ir/seal.h"
#include "relay/translate.h"
#include "json/mention.h"

/* ---- Spans. ---- */

/* "x-high", as one of the quickstarts around spells it. */
static void amend_word(const struct exchange *x, struct json_edit *e, struct json_span v)
{
    if (v.kind == JSON_STRING && json_string_is(json_text(x->body, v), S("x-high")))
        json_edit_set_string(e, v, S("xhigh"));
}

/* Other vendors know `reasoning` in Chat Completions as well; OpenAI itself has only the word. */
static enum err move_effort(struct exchange *x, struct json_edit *e, struct json_span effort,
                            struct fail *f)
{
    static const str path[] = {{"reasoning_effort", 16}};
    str word = json_text(x->body, effort);
    json_edit_remove(e, x->fields[FIELD_REASONING]);
    if (x->fields[FIELD_EFFORT].kind != JSON_ABSENT)
        return OK;
    return json_edit_set(e, json_root(x->body), path, 1,
                         json_string_is(word, S("x-high")) ? S("\"xhigh\"") : word, f);
}

static enum err amend_effort(struct exchange *x, struct json_edit *e, struct fail *f)
{
    static const str inner[] = {{"effort", 6}};
    const struct http_origin *to = x->target->origin;
    struct json_span effort;
    amend_word(x, e, x->fields[FIELD_EFFORT]);
    if (x->fields[FIELD_REASONING].kind != JSON_OBJECT)
        return OK;
    enum err err = json_scan_members(x->body, x->fields[FIELD_REASONING], inner, &effort, 1, f);
    if (err)
        return err;
    if (x->op->id == OP_CHAT && effort.kind == JSON_STRING && to &&
        str_eq_nocase(to->host, S("api.openai.com")))
        return move_effort(x, e, effort, f);
    amend_word(x, e, effort);
    return OK;
}

enum err amend_spans(struct exchange *x, struct json_edit *e, struct fail *f)
{
    switch (x->op->id) {
    case OP_MESSAGES: /* a budget that leaves no token to answer with */
        return thinking_fit(e, x->fields[FIELD_THINKING], x->fields[FIELD_MAX_TOKENS], f);
    case OP_CHAT:
    case OP_RESPONSES: return amend_effort(x, e, f);
    default: return OK;
    }
}

/* ---- The whole body. ---- */

/* Gemini refuses snake_case beside camelCase, and members of other APIs' tools. */
static bool gemini_may_need_it(str body)
{
    static const char *const words[] = {
        "include_thoughts",  "thinking_config", "thinking_level", "thinking_budget",
        "generation_config", "defer_loading",   "deferLoading",   NULL};
    return json_mentions(body, words);
}

/*
 * A client may change models in the midst of a conversation, and come to a provider of its own
 * dialect with what one of another dialect thought and signed: refused by all three (SPEC 5.2).
 */
static bool may_need_it(const struct exchange *x)
{
    switch (x->op->id) {
    case OP_GENERATE:
    case OP_STREAM_GENERATE: return gemini_may_need_it(x->body) || ir_seal_mentioned(x->body);
    case OP_MESSAGES:
    case OP_MESSAGES_COUNT:
    case OP_RESPONSES:
    case OP_RESPONSES_COUNT: return ir_seal_mentioned(x->body);
    default: return false;
    }
}

/* The edits of spans, in a body written anew. */
static bool amend_anew(struct exchange *x, str *body)
{
    static const str keys[] = {{"thinking", 8}, {"max_tokens", 10}};
    struct json_edit e;
    struct iovec v[JSON_PIECES_MAX];
    struct json_span m[2];
    const struct thinking *th = resolved_thinking(&x->resolved, x->target);
    struct fail f;
    enum err err = OK;
    json_edit_init(&e, *body, &x->s->arena);
    if (th->kind != THINK_UNSAID)
        err =
            thinking_apply(th, x->op->dialect, resolved_upstream(&x->resolved, x->target), &e, &f);
    else if (x->op->id == OP_MESSAGES &&
             json_scan_members(*body, json_root(*body), keys, m, 2, &f) == OK)
        err = thinking_fit(&e, m[0], m[1], &f);
    if (err || e.failed)
        return false;
    size_t total = json_edit_length(&e);
    *body = attempt_joined(x, v, json_edit_pieces(&e, v), total);
    return true;
}

bool amend_whole(struct exchange *x, str *out)
{
    struct ir_request rq;
    struct fail f;
    struct buf body;
    struct arena *a = &x->s->arena;
    if (!may_need_it(x) || codec_read_request(codec_get(x->op->dialect), x->body, a, &rq, &f))
        return false;
    struct ir_target to = translation_target(x, x->op);
    buf_init(&body, 2 * x->config->body_bytes);
    bool good = codec_get(x->op->dialect)->request_write(&rq, &to, &body, &f) == OK && !body.failed;
    if (good)
        *out = str_dup(a, buf_str(&body));
    buf_fini(&body);
    return good && amend_anew(x, out);
}

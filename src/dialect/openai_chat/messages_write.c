/*
 * dialect/openai_chat/messages_write.c - writes messages.
 *
 * To a client's own dialect each message goes as it was. From others the conversation has been put
 * in order (ir/turns.h), and what is left is to say it:
 * - a result is a `tool` message of its own, whose content is text: "for tool messages, only type
 *   text is supported" (API reference). Images and files in it follow as a message of the user,
 *   behind all results of the turn, since nothing may stand between calls and results.
 * - system messages stay system ones; `developer` only OpenAI itself knows. Where one comes in the
 *   middle OpenAI takes it; others want it at the start only, and there, and whenever it is
 *   Anthropic's, it is a reminder by the user (SPEC 5.3).
 * - an assistant that only calls has content "" (SPEC 5.3).
 */
#include "dialect/openai_chat/chat.h"
#include "ir/turns.h"

/* ---- a client of this dialect ---- */

static void put_own_call(struct chat_writer *cw, const struct ir_part *p)
{
    static const char *const known[] = {"function", "custom", NULL}, *const inner[] = {
                                                                         "name", "arguments",
                                                                         "input", NULL};
    bool custom = p->call == IR_CALL_CUSTOM;
    yyjson_val *body = jv_get(p->src, custom ? "custom" : "function");
    struct json_writer *w = &cw->w;
    jw_object(w);
    ir_write_rest(cw->rq, DIALECT_CHAT, p->src, known, w);
    jw_key(w, custom ? S("custom") : S("function"));
    jw_object(w);
    jw_kstr(w, "name", p->name);
    if (custom)
        jw_kstr(w, "input", p->text);
    else if (p->args)
        jw_kvalue(w, "arguments", p->args);
    else if (!p->no_text)
        jw_kstr(w, "arguments", p->text);
    ir_write_rest(cw->rq, DIALECT_CHAT, body, inner, w);
    jw_object_end(w);
    jw_object_end(w);
}

/* Calls that stood in tool_calls: those of function_call are copied with the rest. */
static void put_own_calls(struct chat_writer *cw, const struct ir_message *m)
{
    yyjson_val *legacy = jv_get(m->src, "function_call");
    if (!yyjson_is_arr(jv_get(m->src, "tool_calls")))
        return;
    jw_key(&cw->w, S("tool_calls"));
    jw_array(&cw->w);
    for (const struct ir_part *p = m->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_CALL && p->src != legacy)
            put_own_call(cw, p);
    }
    jw_array_end(&cw->w);
}

/* Parts of content are those that have an element of it as their src, but for a plain string. */
static void put_own_content(struct chat_writer *cw, const struct ir_message *m)
{
    yyjson_val *content = jv_get(m->src, "content");
    const struct ir_part *p = m->parts.first, *result = p && p->kind == IR_PART_RESULT ? p : NULL;
    struct ir_parts list;
    if (!content)
        return;
    ir_parts_init(&list);
    jw_key(&cw->w, S("content"));
    if (result) {
        chat_write_content(cw, result->content, result->bare);
        return;
    }
    for (; p; p = p->next) {
        bool beside = p->kind == IR_PART_CALL || (p->kind == IR_PART_REFUSAL && !p->src) ||
                      (p->kind == IR_PART_REASONING && !jv_is(jv_get(p->src, "type"), "thinking"));
        if (beside)
            continue;
        struct ir_part *copy = ir_parts_add(&list, cw->rq->arena, p->kind);
        *copy = *p;
        copy->next = NULL;
    }
    if (yyjson_is_obj(content))
        jw_value(&cw->w, content);
    else
        chat_write_content(cw, list.first, m->bare);
}

static void put_own_message(struct chat_writer *cw, const struct ir_message *m)
{
    static const char *const known[] = {"role", "content", "tool_calls", "tool_call_id", NULL};
    const struct ir_part *first = m->parts.first;
    jw_object(&cw->w);
    jw_kstr(&cw->w, "role", jv_get_str(m->src, "role"));
    put_own_content(cw, m);
    put_own_calls(cw, m);
    if (m->role == IR_TOOL && first->id.p)
        jw_kstr(&cw->w, "tool_call_id", first->id);
    ir_write_rest(cw->rq, DIALECT_CHAT, m->src, known, &cw->w);
    jw_object_end(&cw->w);
}

/* ---- others: results ---- */

static bool has_media(const struct ir_part *result)
{
    for (const struct ir_part *p = result->content; p; p = p->next) {
        if (chat_is_content(p) && p->kind != IR_PART_TEXT)
            return true;
    }
    return false;
}

/* The content of the tool message: the API has no flag for errors, so words say it (SPEC 5.6). */
static str result_text(struct chat_writer *cw, const struct ir_part *p)
{
    str text = ir_result_text(p, cw->rq->arena);
    if (!text.n && has_media(p))
        text = S("The result is attached to the next message.");
    if (!p->is_error || str_starts_nocase(str_trim(text), S("error")))
        return text;
    str parts[] = {S("Error: "), text};
    return text.n ? str_join(cw->rq->arena, parts, 2) : S("Error");
}

static void put_result(struct chat_writer *cw, const struct ir_part *p)
{
    struct json_writer *w = &cw->w;
    struct ir_part text = {.kind = IR_PART_TEXT, .text = result_text(cw, p), .cache = p->cache};
    jw_object(w);
    jw_kstr(w, "role", S("tool"));
    jw_kstr(w, "tool_call_id", p->id);
    jw_key(w, S("content"));
    chat_write_content(cw, &text, false);
    jw_object_end(w);
}

/* Images and files of results, each result's under a line that says whose they are. */
static void put_attachments(struct chat_writer *cw, const struct ir_part *parts)
{
    for (const struct ir_part *r = parts; r; r = r->next) {
        if (r->kind != IR_PART_RESULT || !has_media(r))
            continue;
        struct ir_part line = {.kind = IR_PART_TEXT};
        line.text = arena_printf(cw->rq->arena, "Attached to the result of %.*s (%.*s):",
                                 STR_FMT(r->name.n ? r->name : S("the tool")), STR_FMT(r->id));
        chat_write_part(cw, &line);
        for (const struct ir_part *p = r->content; p; p = p->next) {
            if (p->kind != IR_PART_TEXT)
                chat_write_part(cw, p);
        }
    }
}

static bool any_media(const struct ir_part *parts)
{
    for (; parts; parts = parts->next) {
        if (parts->kind == IR_PART_RESULT && has_media(parts))
            return true;
    }
    return false;
}

static bool any_content(const struct ir_part *parts)
{
    while (parts && !chat_is_content(parts))
        parts = parts->next;
    return parts != NULL;
}

/* ---- others: messages ---- */

static void open_message(struct chat_writer *cw, str role, str name)
{
    jw_object(&cw->w);
    jw_kstr(&cw->w, "role", role);
    if (name.n && cw->traits & TRAIT_OWN)
        jw_kstr(&cw->w, "name", name);
    jw_key(&cw->w, S("content"));
}

/* What the user says, with attachments of the results before it. */
static void put_words(struct chat_writer *cw, const struct ir_message *m, const struct ir_part *of)
{
    const struct ir_part *words = m ? m->parts.first : NULL;
    open_message(cw, S("user"), m ? m->name : S(""));
    if (!any_media(of)) {
        chat_write_content(cw, words, false);
    } else {
        jw_array(&cw->w);
        put_attachments(cw, of);
        for (const struct ir_part *p = words; p; p = p->next) {
            if (chat_is_content(p))
                chat_write_part(cw, p);
        }
        jw_array_end(&cw->w);
    }
    jw_object_end(&cw->w);
}

/* Before anything else is said: what results of the message before have besides text. */
static void put_pending(struct chat_writer *cw)
{
    if (any_media(cw->attached))
        put_words(cw, NULL, cw->attached);
    cw->attached = NULL;
}

/* A TOOL message, or a USER message with results in front. */
static void put_user(struct chat_writer *cw, const struct ir_message *m)
{
    bool results = false;
    for (const struct ir_part *p = m->parts.first; p; p = p->next)
        results |= p->kind == IR_PART_RESULT;
    if (results)
        put_pending(cw);
    for (const struct ir_part *p = m->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_RESULT)
            put_result(cw, p);
    }
    if (results)
        cw->attached = m->parts.first;
    if (!any_content(m->parts.first))
        return;
    put_words(cw, m, cw->attached);
    cw->attached = NULL;
}

static void put_system(struct chat_writer *cw, const struct ir_message *m)
{
    bool known = m->role == IR_DEVELOPER && cw->traits & TRAIT_OWN;
    open_message(cw, known ? S("developer") : S("system"), m->name);
    chat_write_content(cw, m->parts.first, false);
    jw_object_end(&cw->w);
}

/* ---- others: the assistant ---- */

/* Google's endpoint demands the signature of a call or text back; nobody else knows the member. */
static void put_seal(struct chat_writer *cw, const struct ir_part *p)
{
    if (p->seal.value.n && !(cw->traits & TRAIT_OWN) &&
        (p->seal.issuer == DIALECT_CHAT || p->seal.issuer == DIALECT_GEMINI) &&
        str_find(cw->to->model, S("gemini")) < cw->to->model.n)
        chat_call_seal_write(&cw->w, &p->seal, cw->rq->arena);
}

static void put_call(struct chat_writer *cw, const struct ir_part *p)
{
    struct json_writer *w = &cw->w;
    bool custom = p->call == IR_CALL_CUSTOM;
    jw_object(w);
    jw_kstr(w, "id", p->id);
    jw_kstr(w, "type", custom ? S("custom") : S("function"));
    jw_key(w, custom ? S("custom") : S("function"));
    jw_object(w);
    jw_kstr(w, "name", p->name);
    jw_key(w, custom ? S("input") : S("arguments"));
    jw_str(w, ir_call_text(p, cw->rq->arena));
    jw_object_end(w);
    put_seal(cw, p);
    jw_object_end(w);
}

/* Whether anything of the kind is there, and its first. */
static const struct ir_part *first_of(const struct ir_part *p, enum ir_part_kind kind)
{
    while (p && p->kind != kind)
        p = p->next;
    return p;
}

/* Details of a provider of this dialect, if this model is of the kind that made them. */
static bool is_detail(struct chat_writer *cw, const struct ir_part *p)
{
    if (p->kind != IR_PART_REASONING || !p->seal.value.n || p->seal.issuer != DIALECT_CHAT)
        return false;
    yyjson_val *own = chat_tree(p->seal.value, cw->rq->arena);
    return yyjson_is_obj(own) && chat_format_fits(jv_get_str(own, "format"), cw->to->model);
}

static bool put_details(struct chat_writer *cw, const struct ir_message *m)
{
    unsigned n = 0;
    for (const struct ir_part *p = m->parts.first; p; p = p->next) {
        if (cw->traits & TRAIT_OWN || !is_detail(cw, p))
            continue;
        if (!n) {
            jw_key(&cw->w, S("reasoning_details"));
            jw_array(&cw->w);
        }
        chat_detail_write(&cw->w, p, p->text, n++, cw->rq->arena);
    }
    if (n)
        jw_array_end(&cw->w);
    return n > 0;
}

/* Reasoning goes back only to whom it helps (model.c). */
static void put_reasoning(struct chat_writer *cw, const struct ir_message *m)
{
    const struct ir_part *p = first_of(m->parts.first, IR_PART_REASONING);
    struct ir_parts list;
    if (put_details(cw, m) || !(cw->traits & TRAIT_ECHO))
        return;
    ir_parts_init(&list);
    for (; p; p = first_of(p->next, IR_PART_REASONING))
        ir_parts_add(&list, cw->rq->arena, IR_PART_TEXT)->text = p->text;
    struct ir_part all = {.kind = IR_PART_RESULT, .content = list.first};
    str text = ir_result_text(&all, cw->rq->arena);
    /* Beside calls the member must be there, with whatever text, or none. */
    bool calls = first_of(m->parts.first, IR_PART_CALL) != NULL;
    if (text.n || (calls && cw->rq->reasoning.kind != IR_THINK_OFF))
        jw_kstr(&cw->w, "reasoning_content", text);
}

static void put_images(struct chat_writer *cw, const struct ir_message *m)
{
    const struct ir_part *p = first_of(m->parts.first, IR_PART_IMAGE);
    if (!p || cw->traits & TRAIT_OWN)
        return;
    jw_key(&cw->w, S("images"));
    jw_array(&cw->w);
    for (; p; p = first_of(p->next, IR_PART_IMAGE))
        chat_write_part(cw, p);
    jw_array_end(&cw->w);
}

/* The texts alone: an assistant's content has nothing else. At OpenAI a refusal has its member. */
static void put_texts(struct chat_writer *cw, const struct ir_message *m)
{
    struct ir_parts list;
    ir_parts_init(&list);
    for (const struct ir_part *p = m->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_TEXT || (p->kind == IR_PART_REFUSAL && !(cw->traits & TRAIT_OWN))) {
            struct ir_part *text = ir_parts_add(&list, cw->rq->arena, IR_PART_TEXT);
            text->text = p->text;
            text->cache = p->cache;
        }
    }
    chat_write_content(cw, list.first, false);
}

static bool says_something(const struct ir_message *m)
{
    return first_of(m->parts.first, IR_PART_TEXT) || first_of(m->parts.first, IR_PART_REFUSAL) ||
           first_of(m->parts.first, IR_PART_CALL) || first_of(m->parts.first, IR_PART_IMAGE);
}

static void put_assistant(struct chat_writer *cw, const struct ir_message *m)
{
    const struct ir_part *call = first_of(m->parts.first, IR_PART_CALL);
    const struct ir_part *refusal = first_of(m->parts.first, IR_PART_REFUSAL);
    if (!says_something(m))
        return;
    open_message(cw, S("assistant"), m->name);
    put_texts(cw, m);
    if (refusal && cw->traits & TRAIT_OWN)
        jw_kstr(&cw->w, "refusal", refusal->text);
    put_reasoning(cw, m);
    if (first_of(m->parts.first, IR_PART_TEXT))
        put_seal(cw, first_of(m->parts.first, IR_PART_TEXT));
    put_images(cw, m);
    if (call) {
        jw_key(&cw->w, S("tool_calls"));
        jw_array(&cw->w);
        for (; call; call = first_of(call->next, IR_PART_CALL))
            put_call(cw, call);
        jw_array_end(&cw->w);
    }
    jw_object_end(&cw->w);
}

/* ---- others: where system messages may stand ---- */

static bool is_system(const struct ir_message *m)
{
    return m->role == IR_SYSTEM || m->role == IR_DEVELOPER;
}

static void append(struct ir_message *to, struct ir_message *m)
{
    *to->parts.end = m->parts.first;
    if (m->parts.first)
        to->parts.end = m->parts.end;
}

/* Templates of open models take one system message: those at the start become one. */
static void join_leading(struct ir_request *rq)
{
    struct ir_message *first = rq->messages;
    while (first && is_system(first) && first->next && is_system(first->next)) {
        append(first, first->next);
        first->next = first->next->next;
    }
}

/*
 * What a system message says, as a reminder: a message of the user, for OpenAI's copies within what
 * the user says before or next (Perplexity's roles must alternate). Returns the message it is in.
 */
static struct ir_message *remind(struct chat_writer *cw, struct ir_message *before,
                                 struct ir_message *m)
{
    struct ir_request *rq = cw->rq;
    struct ir_part list = {.kind = IR_PART_RESULT, .content = m->parts.first};
    str text = ir_reminder(ir_result_text(&list, rq->arena), rq->arena);
    struct ir_message *next = m->next;
    m->role = IR_USER;
    m->name = S("");
    ir_parts_init(&m->parts);
    ir_part_add(rq, m, IR_PART_TEXT)->text = text;
    if (cw->traits & TRAIT_OWN)
        return m;
    if (before->role == IR_USER) {
        append(before, m);
        before->next = next;
        return before;
    }
    if (next && next->role == IR_USER) {
        append(m, next);
        m->name = next->name;
        m->next = next->next;
    }
    return m;
}

static void fit_system(struct chat_writer *cw)
{
    struct ir_message *m = cw->rq->messages, *before = NULL;
    bool anywhere = cw->traits & TRAIT_OWN && cw->rq->from != DIALECT_ANTHROPIC;
    if (!(cw->traits & TRAIT_OWN))
        join_leading(cw->rq);
    while (m && is_system(m)) {
        before = m;
        m = m->next;
    }
    for (; m && !anywhere; m = before->next)
        before = is_system(m) ? remind(cw, before, m) : m;
}

void chat_write_messages(struct chat_writer *cw)
{
    if (!cw->own)
        fit_system(cw);
    jw_array(&cw->w);
    for (const struct ir_message *m = cw->rq->messages; m; m = m->next) {
        if (cw->own) {
            put_own_message(cw, m);
            continue;
        }
        if (is_system(m) || m->role == IR_ASSISTANT)
            put_pending(cw);
        if (is_system(m))
            put_system(cw, m);
        else if (m->role == IR_ASSISTANT)
            put_assistant(cw, m);
        else
            put_user(cw, m);
    }
    put_pending(cw);
    if (!cw->w.comma) {
        /* Nothing of it could be said, and the list may not be empty. */
        open_message(cw, S("user"), S(""));
        jw_str(&cw->w, S("."));
        jw_object_end(&cw->w);
    }
    jw_array_end(&cw->w);
}

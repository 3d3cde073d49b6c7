/*
 * dialect/openai_chat/answer_whole.c - a whole answer, as one chat.completion.
 *
 * An answer of a provider of this dialect is written as it was read, member by member: text, calls
 * and reasons from the neutral form, all that only its vendor knows from its document.
 */
#include "dialect/openai_chat/writer.h"

/* ---- from other dialects ---- */

static size_t count(const struct ir_reply *r, enum ir_part_kind kind)
{
    size_t n = 0;
    for (const struct ir_part *p = r->parts.first; p; p = p->next)
        n += p->kind == kind;
    return n;
}

/* Texts of one kind as one, apart from each other or not. */
static str joined(const struct ir_reply *r, enum ir_part_kind kind, str between, struct arena *a)
{
    str text = {NULL, 0};
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        str parts[] = {text, between, p->text};
        if (p->kind == kind && p->text.n)
            text = text.n ? str_join(a, parts, 3) : p->text;
    }
    return text;
}

static void put_content(struct json_writer *w, const struct ir_reply *r, struct arena *a)
{
    str text = ir_reply_text(r, a);
    bool other = count(r, IR_PART_CALL) || count(r, IR_PART_REFUSAL) || count(r, IR_PART_AUDIO);
    jw_key(w, S("content"));
    if (text.n || !other)
        jw_str(w, text);
    else
        jw_null(w);
    jw_key(w, S("refusal"));
    if (count(r, IR_PART_REFUSAL))
        jw_str(w, joined(r, IR_PART_REFUSAL, S(""), a));
    else
        jw_null(w);
}

static void put_reasoning(struct json_writer *w, const struct ir_reply *r, struct arena *a)
{
    str text = joined(r, IR_PART_REASONING, S("\n\n"), a);
    unsigned n = 0;
    if (text.n)
        jw_kstr(w, "reasoning_content", text);
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        if (p->kind != IR_PART_REASONING || !p->seal.value.n)
            continue;
        if (!n) {
            jw_key(w, S("reasoning_details"));
            jw_array(w);
        }
        chat_detail_write(w, p, p->text, n++, a);
    }
    if (n)
        jw_array_end(w);
}

static void put_annotations(struct json_writer *w, const struct ir_reply *r)
{
    int64_t begins = 0;
    bool any = false;
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        if (p->kind != IR_PART_TEXT)
            continue;
        int64_t ends = begins + (int64_t)str_chars(p->text);
        for (const struct ir_citation *c = p->citations; c; c = c->next) {
            if (!chat_can_cite(c))
                continue;
            if (!any) {
                jw_key(w, S("annotations"));
                jw_array(w);
            }
            any = true;
            chat_put_citation(w, c, begins, ends);
        }
        begins = ends;
    }
    if (any)
        jw_array_end(w);
}

static void put_media(struct json_writer *w, const struct ir_reply *r, const struct answer_ask *ask)
{
    unsigned n = 0;
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        if (p->kind != IR_PART_IMAGE || !p->media)
            continue;
        if (!n) {
            jw_key(w, S("images"));
            jw_array(w);
        }
        chat_put_image(w, p, n++);
    }
    if (n)
        jw_array_end(w);
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        if (p->kind != IR_PART_AUDIO || !p->media)
            continue;
        jw_key(w, S("audio"));
        chat_put_audio(w, p, p->text, ask);
        break; /* a message has one */
    }
}

static void put_call(struct json_writer *w, const struct ir_part *p, const struct answer_ask *ask,
                     unsigned choice, unsigned number)
{
    jw_object(w);
    chat_open_call(w, p, ask, choice, number);
    jw_key(w, p->call == IR_CALL_CUSTOM ? S("input") : S("arguments"));
    jw_str(w, ir_call_text(p, ask->arena));
    jw_object_end(w);
    if (p->seal.value.n)
        chat_call_seal_write(w, &p->seal, ask->arena);
    jw_object_end(w);
}

static void put_calls(struct json_writer *w, const struct ir_reply *r, const struct answer_ask *ask)
{
    unsigned n = 0;
    if (!count(r, IR_PART_CALL))
        return;
    jw_key(w, S("tool_calls"));
    jw_array(w);
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_CALL)
            put_call(w, p, ask, r->index, n++);
    }
    jw_array_end(w);
}

static void put_text_seal(struct json_writer *w, const struct ir_reply *r, struct arena *a)
{
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_TEXT && p->seal.value.n) {
            chat_call_seal_write(w, &p->seal, a);
            return;
        }
    }
}

static void put_logprobs(struct json_writer *w, const struct ir_reply *r)
{
    bool any = false;
    jw_key(w, S("logprobs"));
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        yyjson_arr_iter it = yyjson_arr_iter_with(p->logprobs);
        if (!p->logprobs)
            continue;
        if (!any) {
            jw_object(w);
            jw_key(w, S("content"));
            jw_array(w);
        }
        any = true;
        for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));)
            jw_value(w, v);
    }
    if (!any) {
        jw_null(w);
        return;
    }
    jw_array_end(w);
    jw_knull(w, "refusal");
    jw_object_end(w);
}

static void put_reply(struct json_writer *w, const struct ir_reply *r, const struct answer_ask *ask)
{
    str word = chat_finish_word(r->finish, count(r, IR_PART_REFUSAL) > 0);
    jw_object(w);
    jw_ku64(w, "index", r->index);
    jw_key(w, S("message"));
    jw_object(w);
    jw_kstr(w, "role", S("assistant"));
    put_content(w, r, ask->arena);
    put_reasoning(w, r, ask->arena);
    put_annotations(w, r);
    put_media(w, r, ask);
    put_calls(w, r, ask);
    put_text_seal(w, r, ask->arena);
    jw_object_end(w);
    put_logprobs(w, r);
    jw_kstr(w, "finish_reason", word);
    chat_put_native(w, r->native, word);
    jw_object_end(w);
}

/* ---- of this dialect ---- */

static void put_rest(struct json_writer *w, yyjson_val *obj, const char *const *known)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        size_t i = 0;
        while (known[i] && !yyjson_equals_str(k, known[i]))
            i++;
        if (known[i])
            continue;
        jw_key(w, jv_str(k));
        jw_value(w, yyjson_obj_iter_get_val(k));
    }
}

static void put_own_call(struct json_writer *w, const struct ir_part *p, struct arena *a)
{
    static const char *const known[] = {"function", "custom", NULL}, *const inner[] = {
                                                                         "name", "arguments",
                                                                         "input", NULL};
    bool custom = p->call == IR_CALL_CUSTOM;
    yyjson_val *body = jv_get(p->src, custom ? "custom" : "function");
    yyjson_val *input = jv_get(body, custom ? "input" : "arguments");
    jw_object(w);
    put_rest(w, p->src, known);
    jw_key(w, custom ? S("custom") : S("function"));
    jw_object(w);
    jw_kstr(w, "name", p->name);
    jw_key(w, custom ? S("input") : S("arguments"));
    if (yyjson_is_obj(input))
        jw_value(w, input);
    else
        jw_str(w, p->text.p ? p->text : ir_call_text(p, a));
    put_rest(w, body, inner);
    jw_object_end(w);
    jw_object_end(w);
}

static void put_own_message(struct json_writer *w, const struct ir_reply *r, yyjson_val *message,
                            struct arena *a)
{
    static const char *const known[] = {"content", "tool_calls", "refusal", NULL};
    yyjson_val *content = jv_get(message, "content"), *calls = jv_get(message, "tool_calls");
    jw_object(w);
    put_rest(w, message, known);
    jw_key(w, S("content"));
    if (yyjson_is_str(content))
        jw_str(w, ir_reply_text(r, a));
    else
        jw_value(w, content);
    if (jv_get(message, "refusal"))
        jw_kstr(w, "refusal", joined(r, IR_PART_REFUSAL, S(""), a));
    if (calls) {
        jw_key(w, S("tool_calls"));
        jw_array(w);
        for (const struct ir_part *p = r->parts.first; p; p = p->next) {
            if (p->kind == IR_PART_CALL && p->src != jv_get(message, "function_call"))
                put_own_call(w, p, a);
        }
        jw_array_end(w);
    }
    jw_object_end(w);
}

static void put_own_reply(struct json_writer *w, const struct ir_reply *r, struct arena *a)
{
    static const char *const known[] = {"index", "message", NULL};
    yyjson_val *message = jv_get(r->src, "message");
    jw_object(w);
    jw_ku64(w, "index", r->index);
    if (message) {
        jw_key(w, S("message"));
        put_own_message(w, r, message, a);
    }
    put_rest(w, r->src, known);
    jw_object_end(w);
}

static void put_own(struct json_writer *w, const struct answer_ask *ask, const struct ir_answer *an)
{
    static const char *const known[] = {"id", "created", "model", "choices", NULL};
    jw_kstr(w, "id", an->id);
    jw_ki64(w, "created", an->created ? an->created : ask->now);
    jw_kstr(w, "model", ask->model);
    jw_key(w, S("choices"));
    jw_array(w);
    for (const struct ir_reply *r = an->replies; r; r = r->next)
        put_own_reply(w, r, ask->arena);
    jw_array_end(w);
    put_rest(w, an->src, known);
}

/* ---- all ---- */

static void put_foreign(struct json_writer *w, const struct answer_ask *ask,
                        const struct ir_answer *an)
{
    struct ir_reply none = {.finish = IR_FINISH_STOP};
    ir_parts_init(&none.parts);
    chat_put_head(w, ask, chat_answer_id(ask, an->id, "chatcmpl-"), S("chat.completion"),
                  an->created);
    chat_put_tier(w, an->service_tier);
    jw_key(w, S("choices"));
    jw_array(w);
    for (const struct ir_reply *r = an->replies ? an->replies : &none; r; r = r->next)
        put_reply(w, r, ask);
    jw_array_end(w);
    jw_key(w, S("usage"));
    chat_usage_write(w, &an->usage);
}

void chat_write_whole(const struct answer_ask *ask, const struct ir_answer *an, struct buf *out)
{
    struct json_writer w = json_writer(out);
    if (an->error) {
        chat_error_write(&w, an->error);
        return;
    }
    jw_object(&w);
    if (an->from == DIALECT_CHAT && an->src)
        put_own(&w, ask, an);
    else
        put_foreign(&w, ask, an);
    jw_object_end(&w);
}

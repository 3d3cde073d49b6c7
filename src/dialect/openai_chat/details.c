/*
 * dialect/openai_chat/details.c - reasoning and its signatures, as chat messages carry them.
 *
 * The API itself shows no reasoning. Its copies do: `reasoning_content` (DeepSeek and most),
 * `reasoning` (Groq, Ollama, vLLM, OpenRouter), and beside it `reasoning_details` (OpenRouter,
 * Vercel, Snowflake), whose elements carry what must come back:
 *
 *   {"type":"reasoning.text","text":"...","signature":"...","format":"anthropic-claude-v1"}
 *   {"type":"reasoning.summary","summary":"...","format":"openai-responses-v1"}
 *   {"type":"reasoning.encrypted","data":"...","id":"rs_...","format":"openai-responses-v1"}
 *
 * each with an index. Google's chat endpoint puts the signature of a call beside it:
 * {"extra_content":{"google":{"thought_signature":"..."}}}, Vertex says "vertex" for "google".
 *
 * Two directions, two meanings. From a client's history an element's format tells whose signature
 * it is, so the seal is that issuer's own and goes to it as it is. From a provider that speaks
 * chat nothing goes to anybody else: the seal is this dialect's, and its value is the element
 * without the text, so that all of it comes back.
 */
#include "dialect/openai_chat/chat.h"
#include "ir/seal.h"

static const struct {
    const char *format;
    enum dialect_id issuer;
} formats[] = {
    {"anthropic-claude-v1", DIALECT_ANTHROPIC},
    {"openai-responses-v1", DIALECT_RESPONSES},
    {"google-gemini-v1", DIALECT_GEMINI},
};

bool chat_detail_read(yyjson_val *v, struct chat_detail *d)
{
    static const char *const names[] = {"text",   "summary", "signature", "data",
                                        "format", "id",      "index",     NULL};
    yyjson_val *found[7];
    if (!yyjson_is_obj(v))
        return false;
    chat_members(v, names, found);
    *d = (struct chat_detail){.text = jv_str(found[0] ? found[0] : found[1]),
                              .sealed = jv_str(found[2] ? found[2] : found[3]),
                              .format = jv_str(found[4]),
                              .id = jv_str(found[5]),
                              .encrypted = !found[2] && found[3],
                              .index = -1,
                              .src = v};
    if (!jv_i64(found[6], &d->index))
        d->index = -1;
    return d->text.n || d->sealed.n;
}

str chat_reasoning_text(yyjson_val *message)
{
    static const char *const names[] = {"reasoning_content", "reasoning", "reasoning_text",
                                        "thinking"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        str text = jv_get_str(message, names[i]);
        if (text.n)
            return text;
    }
    return (str){NULL, 0};
}

/* The element without its text, as JSON. */
static str without_text(yyjson_val *v, struct arena *a)
{
    struct buf out;
    buf_init(&out, IR_SEAL_MAX);
    struct json_writer w = json_writer(&out);
    jw_object(&w);
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        if (yyjson_equals_str(k, "text") || yyjson_equals_str(k, "summary"))
            continue;
        jw_key(&w, jv_str(k));
        jw_value(&w, yyjson_obj_iter_get_val(k));
    }
    jw_object_end(&w);
    str text = out.failed ? S("") : str_dup(a, buf_str(&out));
    buf_fini(&out);
    return text;
}

struct ir_seal chat_detail_seal(const struct chat_detail *d, bool of_client, struct arena *a)
{
    struct ir_seal none = {.issuer = DIALECT_CHAT};
    if (!d->sealed.n)
        return none;
    for (size_t i = 0; of_client && i < sizeof formats / sizeof formats[0]; i++) {
        if (!str_eq(d->format, str_c(formats[i].format)))
            continue;
        struct ir_seal seal = ir_seal_unpack(d->sealed, formats[i].issuer, a);
        if (seal.issuer == DIALECT_RESPONSES && !seal.id.n)
            seal.id = d->id;
        return seal;
    }
    struct ir_seal seal = ir_seal_unpack(d->sealed, DIALECT_CHAT, a);
    if (seal.issuer == DIALECT_CHAT)
        seal.value = without_text(d->src, a);
    return seal;
}

/* The members of an element that carry the seal. */
static void put_sealed(struct json_writer *w, const struct ir_part *p, str text, struct arena *a)
{
    const struct ir_seal *seal = &p->seal;
    bool summary = seal->issuer == DIALECT_RESPONSES;
    bool encrypted = p->redacted || summary;
    const char *format = NULL;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (formats[i].issuer == seal->issuer)
            format = formats[i].format;
    }
    jw_kstr(w, "type", encrypted ? S("reasoning.encrypted") : S("reasoning.text"));
    if (text.n)
        jw_kstr(w, "text", text);
    jw_key(w, encrypted ? S("data") : S("signature"));
    jw_str(w, format ? seal->value : ir_seal_pack(seal, DIALECT_CHAT, a));
    if (seal->id.n)
        jw_kstr(w, "id", seal->id);
    jw_kstr(w, "format", format ? str_c(format) : S("unknown"));
}

/* What a provider of this dialect said, with the text put back. */
static void put_own(struct json_writer *w, yyjson_val *own, str text)
{
    jw_object(w);
    yyjson_obj_iter it = yyjson_obj_iter_with(own);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        jw_key(w, jv_str(k));
        jw_value(w, yyjson_obj_iter_get_val(k));
    }
    if (text.n)
        jw_kstr(w, "text", text);
    jw_object_end(w);
}

static void put_summary(struct json_writer *w, str id, str format, str text, unsigned index)
{
    jw_object(w);
    jw_kstr(w, "type", S("reasoning.summary"));
    jw_kstr(w, "summary", text);
    if (id.n)
        jw_kstr(w, "id", id);
    jw_kstr(w, "format", format);
    jw_ku64(w, "index", index);
    jw_object_end(w);
}

void chat_detail_write(struct json_writer *w, const struct ir_part *p, str text, unsigned index,
                       struct arena *a)
{
    const struct ir_seal *seal = &p->seal;
    yyjson_val *own = seal->issuer == DIALECT_CHAT ? chat_tree(seal->value, a) : NULL;
    if (text.n && seal->issuer == DIALECT_RESPONSES) {
        put_summary(w, seal->id, S("openai-responses-v1"), text, index);
        text = S("");
    } else if (text.n && jv_is(jv_get(own, "type"), "reasoning.encrypted")) {
        put_summary(w, S(""), jv_get_str(own, "format"), text, index);
        text = S("");
    }
    if (yyjson_is_obj(own)) {
        put_own(w, own, text);
        return;
    }
    jw_object(w);
    put_sealed(w, p, text, a);
    jw_ku64(w, "index", index);
    jw_object_end(w);
}

/* ---- calls ---- */

static str thought_signature(yyjson_val *call)
{
    static const char *const vendors[] = {"google", "vertex"};
    static const char *const names[] = {"thought_signature", "thoughtSignature"};
    yyjson_val *extra = jv_get(call, "extra_content");
    for (size_t i = 0; i < 2; i++) {
        yyjson_val *vendor = jv_get(extra, vendors[i]);
        str s = jv_get_str(vendor, names[0]);
        if (s.n)
            return s;
    }
    for (size_t i = 0; i < 2; i++) {
        str s = jv_get_str(call, names[i]);
        if (s.n)
            return s;
    }
    return (str){NULL, 0};
}

struct ir_seal chat_call_seal(yyjson_val *call, bool of_client, struct arena *a)
{
    str s = thought_signature(call);
    if (!s.n)
        return (struct ir_seal){.issuer = DIALECT_CHAT};
    struct ir_seal seal = ir_seal_unpack(s, DIALECT_GEMINI, a);
    yyjson_val *extra = jv_get(call, "extra_content");
    if (!of_client && extra && seal.issuer == DIALECT_GEMINI)
        seal = (struct ir_seal){.issuer = DIALECT_CHAT, .value = json_text_of(extra, a)};
    return seal;
}

void chat_call_seal_write(struct json_writer *w, const struct ir_seal *seal, struct arena *a)
{
    yyjson_val *own = seal->issuer == DIALECT_CHAT ? chat_tree(seal->value, a) : NULL;
    jw_key(w, S("extra_content"));
    if (yyjson_is_obj(own)) {
        jw_value(w, own);
        return;
    }
    jw_object(w);
    jw_key(w, S("google"));
    jw_object(w);
    jw_kstr(w, "thought_signature", ir_seal_pack(seal, DIALECT_GEMINI, a));
    jw_object_end(w);
    jw_object_end(w);
}

/* ---- histories ---- */

/* Gemini's signatures are of calls; OpenRouter lists them under the call's id. */
static bool is_of_call(yyjson_val *message, const struct chat_detail *d)
{
    if (!d->encrypted || !str_eq(d->format, S("google-gemini-v1")) || !d->id.n)
        return false;
    yyjson_arr_iter it = yyjson_arr_iter_with(jv_get(message, "tool_calls"));
    for (yyjson_val *call; (call = yyjson_arr_iter_next(&it));) {
        if (str_eq(jv_get_str(call, "id"), d->id))
            return true;
    }
    return false;
}

/* Whether d continues p: a summary's or text's seal, which comes behind it. */
static bool continues(const struct ir_part *p, const struct chat_detail *d)
{
    return p && d->sealed.n && !d->text.n && !p->seal.value.n;
}

static bool read_details(struct ir_request *rq, yyjson_val *message, struct ir_message *m,
                         yyjson_val *details)
{
    struct ir_part *p = NULL;
    bool text = false;
    yyjson_arr_iter it = yyjson_arr_iter_with(details);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));) {
        struct chat_detail d;
        if (!chat_detail_read(v, &d) || is_of_call(message, &d))
            continue;
        if (!continues(p, &d)) {
            p = ir_part_add(rq, m, IR_PART_REASONING);
            p->text = d.text;
            p->src = v;
        }
        p->seal = chat_detail_seal(&d, true, rq->arena);
        p->redacted = d.encrypted && !p->text.n && p->seal.issuer != DIALECT_RESPONSES;
        text |= d.text.n > 0;
    }
    return text;
}

void chat_read_reasoning(struct ir_request *rq, yyjson_val *message, struct ir_message *m)
{
    struct ir_part **first = m->parts.end;
    str text = chat_reasoning_text(message);
    bool said = read_details(rq, message, m, jv_get(message, "reasoning_details"));
    if (text.n && !said) {
        /* Signatures without the text they are of: the text is beside them. */
        struct ir_part *p = *first && !(*first)->redacted ? *first : NULL;
        if (!p)
            p = ir_part_add(rq, m, IR_PART_REASONING);
        p->text = text;
    }
    if (*first)
        ir_say(rq, CAN_REASONING_PAST);
}

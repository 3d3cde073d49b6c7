/*
 * dialect/anthropic/request_read.c - system, messages and their content blocks.
 */
#include "dialect/anthropic/priv.h"
#include "ir/seal.h"
#include "ir/turns.h"

/* Where we are, for messages: "messages[3].content[1]", "system[1]". */
struct place {
    struct ir_request *rq;
    struct fail *f;
    bool system;
    size_t message, block;
};

static enum err refuse(const struct place *at, const char *member, const char *must, yyjson_val *v)
{
    if (at->system)
        return fail_set(at->f, ERR_BAD_REQUEST, "system[%zu]%s must be %s, it is %s", at->block,
                        member, must, jv_kind(v));
    return fail_set(at->f, ERR_BAD_REQUEST, "messages[%zu].content[%zu]%s must be %s, it is %s",
                    at->message, at->block, member, must, jv_kind(v));
}

/* ---- simple blocks ---- */

static struct ir_part *add(const struct place *at, struct ir_parts *to, enum ir_part_kind kind,
                           const struct anthropic_block *b)
{
    struct ir_part *p = ir_parts_add(to, at->rq->arena, kind);
    p->src = b->src;
    p->cache = b->cache;
    if (b->cache)
        ir_say(at->rq, CAN_CACHE_MARK);
    return p;
}

static enum err read_text(const struct place *at, const struct anthropic_block *b,
                          struct ir_parts *to)
{
    if (!yyjson_is_str(b->text))
        return refuse(at, ".text", "a string", b->text);
    add(at, to, IR_PART_TEXT, b)->text = jv_str(b->text);
    return OK;
}

static enum err read_raw(const struct place *at, const struct anthropic_block *b,
                         struct ir_parts *to)
{
    ir_say(at->rq, CAN_OWN_CONTENT);
    add(at, to, IR_PART_RAW, b);
    return OK;
}

/* All text of a list of text blocks, or of a string, joined by blank lines. */
static str text_of(yyjson_val *content, struct arena *a)
{
    struct ir_part holder = {.kind = IR_PART_RESULT};
    struct ir_parts list;
    size_t i, n;
    yyjson_val *v;
    if (yyjson_is_str(content))
        return jv_str(content);
    ir_parts_init(&list);
    yyjson_arr_foreach (content, i, n, v) {
        ir_parts_add(&list, a, IR_PART_TEXT)->text = jv_get_str(v, "text");
    }
    holder.content = list.first;
    return ir_result_text(&holder, a);
}

/* An instruction of the operator within a message: others get it as a reminder. */
static enum err read_mid_system(const struct place *at, const struct anthropic_block *b,
                                struct ir_parts *to)
{
    ir_say(at->rq, CAN_SYSTEM_LATER);
    add(at, to, IR_PART_TEXT, b)->text =
        ir_reminder(text_of(b->content, at->rq->arena), at->rq->arena);
    return OK;
}

static enum err read_thinking(const struct place *at, const struct anthropic_block *b,
                              struct ir_parts *to)
{
    struct ir_part *p = add(at, to, IR_PART_REASONING, b);
    ir_say(at->rq, CAN_REASONING_PAST);
    p->text = jv_str(b->thinking);
    p->seal = ir_seal_unpack(jv_str(b->signature), SELF, at->rq->arena);
    return OK;
}

static enum err read_redacted(const struct place *at, const struct anthropic_block *b,
                              struct ir_parts *to)
{
    struct ir_part *p = add(at, to, IR_PART_REASONING, b);
    ir_say(at->rq, CAN_REASONING_PAST);
    p->redacted = true;
    p->seal = ir_seal_unpack(jv_str(b->data), SELF, at->rq->arena);
    return OK;
}

/* ---- media ---- */

static struct ir_media *media(const struct place *at, struct ir_part *p)
{
    p->media = arena_new(at->rq->arena, struct ir_media);
    return p->media;
}

/* What every source may be: base64, url, file. False: another type. */
static bool read_source(yyjson_val *source, struct ir_media *m)
{
    str type = jv_get_str(source, "type");
    if (str_eq(type, S("base64"))) {
        m->mime = jv_get_str(source, "media_type");
        m->data = jv_get_str(source, "data");
        return m->data.p;
    }
    if (str_eq(type, S("url"))) {
        m->url = jv_get_str(source, "url");
        if (ir_data_url(m->url, &m->mime, &m->data))
            m->url = S("");
        return m->url.p;
    }
    m->file_id = jv_get_str(source, "file_id");
    return str_eq(type, S("file")) && m->file_id.n;
}

static void say_media(const struct place *at, const struct ir_media *m, enum ir_feature data,
                      enum ir_feature url)
{
    ir_say(at->rq, m->file_id.n ? CAN_FILE_ID : m->url.n ? url : data);
}

static enum err read_image(const struct place *at, const struct anthropic_block *b,
                           struct ir_parts *to)
{
    struct ir_media *m = media(at, add(at, to, IR_PART_IMAGE, b));
    if (!yyjson_is_obj(b->source))
        return refuse(at, ".source", "an object", b->source);
    if (!read_source(b->source, m))
        return refuse(at, ".source", "of type base64, url or file, with what that type needs",
                      b->source);
    say_media(at, m, CAN_IMAGE_DATA, CAN_IMAGE_URL);
    return OK;
}

/* A document made of blocks: others get its text. */
static void read_content_source(const struct place *at, yyjson_val *content, struct ir_media *m)
{
    size_t i, n;
    yyjson_val *v;
    m->text = text_of(content, at->rq->arena);
    yyjson_arr_foreach (content, i, n, v) {
        if (!jv_is(yyjson_obj_get(v, "type"), "text"))
            ir_say(at->rq, CAN_OWN_CONTENT);
    }
}

static enum err read_document(const struct place *at, const struct anthropic_block *b,
                              struct ir_parts *to)
{
    struct ir_media *m = media(at, add(at, to, IR_PART_DOCUMENT, b));
    str type = jv_get_str(b->source, "type");
    m->name = jv_str(b->title);
    m->context = jv_str(b->context);
    if (jv_true(yyjson_obj_get(b->citations, "enabled")))
        ir_say(at->rq, CAN_CITE_DOCUMENTS);
    if (!yyjson_is_obj(b->source))
        return refuse(at, ".source", "an object", b->source);
    if (str_eq(type, S("text")) && jv_get_str(b->source, "data").p)
        m->text = jv_get_str(b->source, "data");
    else if (str_eq(type, S("content")))
        read_content_source(at, jv_get(b->source, "content"), m);
    else if (!read_source(b->source, m))
        return refuse(at, ".source",
                      "of type base64, text, content, url or file, with what that type needs",
                      b->source);
    if (m->data.p || m->url.n || m->file_id.n)
        say_media(at, m, CAN_DOCUMENT_DATA, CAN_DOCUMENT_URL);
    else
        ir_say(at->rq, CAN_DOCUMENT_TEXT);
    return OK;
}

/* A passage somebody found: others get it as a text document, whose title names its source. */
static enum err read_search_result(const struct place *at, const struct anthropic_block *b,
                                   struct ir_parts *to)
{
    struct ir_media *m = media(at, add(at, to, IR_PART_DOCUMENT, b));
    str title[] = {jv_str(b->title), S(" ("), jv_str(b->source), S(")")};
    m->name = str_join(at->rq->arena, title, 4);
    m->text = text_of(b->content, at->rq->arena);
    ir_say(at->rq, CAN_SEARCH_RESULT);
    if (jv_true(yyjson_obj_get(b->citations, "enabled")))
        ir_say(at->rq, CAN_CITE_DOCUMENTS);
    return OK;
}

/* ---- calls ---- */

static enum err read_call(const struct place *at, const struct anthropic_block *b,
                          struct ir_parts *to)
{
    if (b->id && !yyjson_is_str(b->id))
        return refuse(at, ".id", "a string", b->id);
    if (!jv_str(b->name).n)
        return refuse(at, ".name", "the name of a tool", b->name);
    struct ir_part *p = add(at, to, IR_PART_CALL, b);
    p->id = jv_str(b->id);
    p->name = jv_str(b->name);
    /* What is no object, the model cannot have said: SPEC 5.5 makes it {}. */
    p->args = yyjson_is_obj(b->input) ? b->input : NULL;
    p->no_text = !b->input;
    return OK;
}

static enum err read_block(const struct place *at, yyjson_val *v, struct ir_parts *to);

static void say_result(struct ir_request *rq, const struct ir_part *p)
{
    for (const struct ir_part *c = p->content; c; c = c->next) {
        if (c->kind == IR_PART_IMAGE)
            ir_say(rq, CAN_RESULT_IMAGE);
        else if (c->kind == IR_PART_DOCUMENT)
            ir_say(rq, CAN_RESULT_DOCUMENT);
    }
    if (p->is_error)
        ir_say(rq, CAN_RESULT_ERROR);
}

/* SPEC 5.6: absent, null, "", [], a string, a block or any object, or a list of strings and
 * blocks. */
static enum err read_result(const struct place *at, const struct anthropic_block *b,
                            struct ir_parts *to)
{
    struct ir_parts list;
    size_t i, n;
    yyjson_val *v;
    enum err e = OK;
    if (b->use_id && !yyjson_is_str(b->use_id))
        return refuse(at, ".tool_use_id", "a string", b->use_id);
    struct ir_part *p = add(at, to, IR_PART_RESULT, b);
    ir_parts_init(&list);
    p->id = jv_str(b->use_id);
    p->is_error = jv_true(b->is_error);
    p->no_text = !b->content;
    p->bare = yyjson_is_str(b->content);
    if (yyjson_is_arr(b->content)) {
        yyjson_arr_foreach (b->content, i, n, v) {
            if (!e)
                e = read_block(at, v, &list);
        }
    } else if (yyjson_is_obj(b->content) && !yyjson_obj_get(b->content, "type")) {
        ir_parts_add(&list, at->rq->arena, IR_PART_TEXT)->text =
            json_text_of(b->content, at->rq->arena);
    } else if (b->content) {
        e = read_block(at, b->content, &list);
    }
    p->content = list.first;
    say_result(at->rq, p);
    return e;
}

/* ---- hosted tools ---- */

/* The server_tool_use that id names, among the parts of the same message. */
static yyjson_val *hosted_call(const struct ir_parts *parts, str id)
{
    for (const struct ir_part *p = parts->first; p; p = p->next) {
        if (p->kind == IR_PART_RAW && str_eq(jv_get_str(p->src, "id"), id))
            return p->src;
    }
    return NULL;
}

static enum err read_hosted(const struct place *at, const struct anthropic_block *b,
                            struct ir_parts *to)
{
    yyjson_val *call = b->use_id ? hosted_call(to, jv_str(b->use_id)) : NULL;
    struct ir_part *p = add(at, to, IR_PART_RAW, b);
    ir_say(at->rq, CAN_OWN_CONTENT);
    (void)anthropic_read_hosted(b, call, p, at->rq->arena);
    return OK;
}

/* ---- all blocks ---- */

static const struct block_kind {
    const char *type;
    enum err (*read)(const struct place *at, const struct anthropic_block *b, struct ir_parts *to);
    const char *const *known; /* NULL: its members are not looked at */
} kinds[] = {
#define KNOWN(...) ((const char *const[]){"type", "cache_control", __VA_ARGS__, NULL})
    {"text", read_text, KNOWN("text", "citations")},
    {"tool_use", read_call, KNOWN("id", "name", "input", "caller")},
    {"tool_result", read_result, KNOWN("tool_use_id", "content", "is_error")},
    {"thinking", read_thinking, KNOWN("thinking", "signature")},
    {"redacted_thinking", read_redacted, KNOWN("data")},
    {"image", read_image, KNOWN("source")},
    {"document", read_document, KNOWN("source", "title", "context", "citations")},
    {"search_result", read_search_result, KNOWN("source", "title", "content", "citations")},
    {"mid_conv_system", read_mid_system, NULL},
    {"web_search_tool_result", read_hosted, NULL},
    {"web_fetch_tool_result", read_hosted, NULL},
    {"code_execution_tool_result", read_hosted, NULL},
    {"bash_code_execution_tool_result", read_hosted, NULL},
#undef KNOWN
};

/* A block, or a string in place of a text block. */
static enum err read_block(const struct place *at, yyjson_val *v, struct ir_parts *to)
{
    struct anthropic_block b;
    if (yyjson_is_str(v)) {
        struct ir_part *p = ir_parts_add(to, at->rq->arena, IR_PART_TEXT);
        p->text = jv_str(v);
        p->bare = true;
        return OK;
    }
    if (!yyjson_is_obj(v))
        return refuse(at, "", "an object", v);
    anthropic_block(v, &b);
    if (!yyjson_is_str(b.type))
        return refuse(at, ".type", "a string", b.type);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!str_eq(jv_str(b.type), str_c(kinds[i].type)))
            continue;
        if (b.others && kinds[i].known)
            ir_unknown(at->rq, v, kinds[i].known, "messages[].content[].");
        return kinds[i].read(at, &b, to);
    }
    return read_raw(at, &b, to);
}

static enum err read_content(struct place *at, yyjson_val *content, struct ir_message *m)
{
    size_t n;
    yyjson_val *v;
    enum err e = OK;
    if (yyjson_is_str(content)) {
        m->bare = true;
        ir_part_add(at->rq, m, IR_PART_TEXT)->text = jv_str(content);
        return OK;
    }
    if (!yyjson_is_arr(content))
        return fail_set(at->f, ERR_BAD_REQUEST,
                        "messages[%zu].content must be a string or an array, it is %s", at->message,
                        jv_kind(content));
    yyjson_arr_foreach (content, at->block, n, v) {
        if (!e)
            e = read_block(at, v, &m->parts);
    }
    return e;
}

/* ---- messages ---- */

static enum err read_message(struct place *at, yyjson_val *v)
{
    static const struct {
        str name;
        enum ir_role role;
    } roles[] = {{S("user"), IR_USER}, {S("assistant"), IR_ASSISTANT}, {S("system"), IR_SYSTEM}};
    static const char *const known[] = {"role", "content", NULL};
    size_t i = 0, n = sizeof roles / sizeof roles[0];
    if (!yyjson_is_obj(v))
        return fail_set(at->f, ERR_BAD_REQUEST, "messages[%zu] must be an object, it is %s",
                        at->message, jv_kind(v));
    str role = jv_get_str(v, "role");
    while (i < n && !str_eq(role, roles[i].name))
        i++;
    if (i == n)
        return fail_set(at->f, ERR_BAD_REQUEST,
                        "messages[%zu].role must be \"user\", \"assistant\" or \"system\"",
                        at->message);
    struct ir_message *m = ir_message_add(at->rq, roles[i].role);
    m->src = v;
    if (m->role == IR_SYSTEM)
        ir_say(at->rq, CAN_SYSTEM_LATER);
    if (yyjson_obj_size(v) > 2)
        ir_unknown(at->rq, v, known, "messages[].");
    return read_content(at, jv_get(v, "content"), m);
}

enum err anthropic_read_messages(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct place at = {.rq = rq, .f = f, .system = false};
    size_t n;
    yyjson_val *m;
    enum err e = ir_want_array(v, "messages", f);
    yyjson_arr_foreach (v, at.message, n, m) {
        if (!e)
            e = read_message(&at, m);
    }
    if (!e && jv_is(yyjson_obj_get(yyjson_arr_get_last(v), "role"), "assistant"))
        ir_say(rq, CAN_PREFILL);
    return e;
}

/* `system` stands before the conversation, wherever its member stands in the object. */
enum err anthropic_read_system(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct place at = {.rq = rq, .f = f, .system = true};
    struct ir_message *rest = rq->messages, **rest_end = rq->messages_end;
    rq->messages = NULL;
    rq->messages_end = &rq->messages;
    struct ir_message *m = ir_message_add(rq, IR_SYSTEM);
    m->top = true;
    m->next = rest;
    if (rest)
        rq->messages_end = rest_end;
    if (!yyjson_is_str(v) && !yyjson_is_arr(v))
        return fail_set(f, ERR_BAD_REQUEST, "\"system\" must be a string or an array, it is %s",
                        jv_kind(v));
    return read_content(&at, v, m);
}

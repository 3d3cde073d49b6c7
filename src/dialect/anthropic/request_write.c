/*
 * dialect/anthropic/request_write.c - the conversation, for a provider of this dialect.
 *
 * The API refuses much that others take (SPEC 12.8): text blocks of white space, messages without
 * content, a first message of the assistant's, a last one that ends in white space, documents that
 * are neither PDF nor text. What can be put right is; the rest is refused before it is sent.
 */
#include "base/base64.h"
#include "dialect/anthropic/models.h"
#include "dialect/anthropic/priv.h"

/* Stands where the API wants something said and nothing was. */
#define NOTHING_SAID S(".")

/* And behind an assistant's words at the end, for models that take none there. */
#define GO_ON S("Continue.")

enum { MARKS_MAX = 4 }; /* "A maximum of 4 blocks with cache_control may be provided." */

const struct ir_message *anthropic_first_turn(const struct ir_request *rq)
{
    const struct ir_message *m = rq->messages;
    while (m && (m->role == IR_SYSTEM || m->role == IR_DEVELOPER))
        m = m->next;
    return m;
}

/* ---- fitting ---- */

/* The type the bytes show, for clients often name another one, which the API refuses. */
static str true_type(const struct ir_media *m, str otherwise)
{
    struct ir_media unnamed = *m;
    unnamed.mime = S("");
    return ir_media_type(&unnamed, m->mime.n ? m->mime : otherwise);
}

static enum err fit_image(struct ir_media *m, struct fail *f)
{
    static const str taken[] = {S("image/jpeg"), S("image/png"), S("image/gif"), S("image/webp")};
    m->mime = true_type(m, S("image/png"));
    if (str_eq(m->mime, S("image/jpg")))
        m->mime = S("image/jpeg");
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (str_eq(m->mime, taken[i]))
            return OK;
    }
    return fail_set(f, ERR_BAD_REQUEST,
                    "an image of type %.*s cannot be sent to this model's provider, which takes "
                    "JPEG, PNG, GIF and WebP",
                    STR_FMT(str_head(m->mime, 64)));
}

/* Text files travel as text. */
static enum err fit_document(struct ir_request *rq, struct ir_media *m, struct fail *f)
{
    size_t n;
    m->mime = true_type(m, S("application/pdf"));
    if (str_eq(m->mime, S("application/pdf")))
        return OK;
    if (!str_starts(m->mime, S("text/")) && !str_eq(m->mime, S("application/json")))
        return fail_set(f, ERR_BAD_REQUEST,
                        "a document of type %.*s cannot be sent to this model's provider, which "
                        "takes PDF and text",
                        STR_FMT(str_head(m->mime, 64)));
    char *text = arena_alloc(rq->arena, m->data.n / 4 * 3 + 3);
    if (!base64_decode(m->data, text, &n))
        return fail_set(f, ERR_BAD_REQUEST, "a document's data is not base64");
    m->text = str_of(text, n);
    m->data = (str){NULL, 0};
    return OK;
}

static enum err fit_parts(struct ir_request *rq, struct ir_part *p, struct fail *f)
{
    enum err e = OK;
    for (; p && !e; p = p->next) {
        if (p->kind == IR_PART_IMAGE && p->media->data.n)
            e = fit_image(p->media, f);
        else if (p->kind == IR_PART_DOCUMENT && p->media->data.n)
            e = fit_document(rq, p->media, f);
        else if (p->kind == IR_PART_RESULT)
            e = fit_parts(rq, p->content, f);
    }
    return e;
}

static str trim_end(str s)
{
    while (s.n && ascii_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* "final assistant content cannot end with trailing whitespace" */
static void fit_prefill(struct ir_message *last)
{
    struct ir_part *end = last->parts.first;
    while (end && end->next)
        end = end->next;
    if (end && end->kind == IR_PART_TEXT)
        end->text = trim_end(end->text);
}

/* The last message when it is the assistant's words, without a call that would be answered. */
static struct ir_message *prefill_of(const struct ir_request *rq)
{
    struct ir_message *last = NULL;
    for (struct ir_message *m = rq->messages; m; m = m->next)
        last = m;
    if (!last || last->role != IR_ASSISTANT)
        return NULL;
    for (const struct ir_part *p = last->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_CALL)
            return NULL;
    }
    return last;
}

bool anthropic_ends_with_prefill(const struct ir_request *rq, const struct ir_target *to)
{
    return prefill_of(rq) && !anthropic_model(to->model).no_prefill;
}

/* "`image` blocks are not permitted within assistant turns" */
static void drop_media(struct ir_request *rq, struct ir_message *m, const struct ir_target *to)
{
    struct ir_part **link = &m->parts.first;
    while (*link) {
        bool image = (*link)->kind == IR_PART_IMAGE;
        if (image || (*link)->kind == IR_PART_DOCUMENT) {
            anthropic_lose(rq, to, image ? CAN_IMAGE_DATA : CAN_DOCUMENT_DATA);
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    }
    m->parts.end = link;
}

/* ---- cache marks ---- */

static unsigned marks_of(const struct ir_part *p)
{
    unsigned n = 0;
    for (; p; p = p->next)
        n += (p->cache != NULL) + (p->kind == IR_PART_RESULT ? marks_of(p->content) : 0);
    return n;
}

static void drop_marks(struct ir_part *p, unsigned *surplus)
{
    for (; p && *surplus; p = p->next) {
        if (p->kind == IR_PART_RESULT)
            drop_marks(p->content, surplus);
        if (p->cache && *surplus) {
            p->cache = NULL;
            --*surplus;
        }
    }
}

/* The earliest of the conversation go: they are the ones that are read from the cache anyway when a
 * later one is. Those of tools and system prompt hold what all conversations share. */
static void fit_marks(struct ir_request *rq, const struct ir_target *to)
{
    const struct ir_message *first = anthropic_first_turn(rq);
    unsigned n = 0, surplus;
    bool turns = false;
    for (const struct ir_tool *t = rq->tools; t; t = t->next)
        n += t->cache != NULL;
    for (const struct ir_message *m = rq->messages; m; m = m->next)
        n += marks_of(m->parts.first);
    if (n <= MARKS_MAX)
        return;
    surplus = n - MARKS_MAX;
    anthropic_lose(rq, to, CAN_CACHE_MARK);
    for (struct ir_message *m = rq->messages; m; m = m->next) {
        turns |= m == first;
        if (turns)
            drop_marks(m->parts.first, &surplus);
    }
    for (struct ir_message *m = rq->messages; m && m != first; m = m->next)
        drop_marks(m->parts.first, &surplus);
    for (struct ir_tool *t = rq->tools; t && surplus; t = t->next) {
        surplus -= t->cache != NULL;
        t->cache = NULL;
    }
}

enum err anthropic_fit_content(struct ir_request *rq, const struct ir_target *to, struct fail *f)
{
    enum err e = OK;
    struct ir_message *prefill = prefill_of(rq);
    for (struct ir_message *m = rq->messages; m && !e; m = m->next) {
        if (m->role == IR_ASSISTANT)
            drop_media(rq, m, to);
        e = fit_parts(rq, m->parts.first, f);
    }
    if (prefill)
        fit_prefill(prefill);
    fit_marks(rq, to);
    return e;
}

/* ---- blocks ---- */

static void end_block(const struct ir_part *p, struct json_writer *w)
{
    if (p->cache)
        jw_kvalue(w, "cache_control", p->cache);
    jw_object_end(w);
}

static void write_text(str text, const struct ir_part *p, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "type", S("text"));
    jw_kstr(w, "text", text);
    end_block(p, w);
}

static void write_source(const struct ir_media *m, struct json_writer *w)
{
    jw_key(w, S("source"));
    jw_object(w);
    if (m->data.n) {
        jw_kstr(w, "type", S("base64"));
        jw_kstr(w, "media_type", m->mime);
        jw_kstr(w, "data", m->data);
    } else if (m->url.n) {
        jw_kstr(w, "type", S("url"));
        jw_kstr(w, "url", m->url);
    } else if (m->file_id.n) {
        jw_kstr(w, "type", S("file"));
        jw_kstr(w, "file_id", m->file_id);
    } else {
        jw_kstr(w, "type", S("text"));
        jw_kstr(w, "media_type", S("text/plain"));
        jw_kstr(w, "data", m->text);
    }
    jw_object_end(w);
}

static void write_media(const struct ir_part *p, struct json_writer *w)
{
    bool document = p->kind == IR_PART_DOCUMENT;
    jw_object(w);
    jw_kstr(w, "type", document ? S("document") : S("image"));
    write_source(p->media, w);
    if (document && p->media->name.n)
        jw_kstr(w, "title", p->media->name);
    if (document && p->media->context.n)
        jw_kstr(w, "context", p->media->context);
    end_block(p, w);
}

static void write_call(const struct ir_request *rq, const struct ir_part *p, struct json_writer *w)
{
    yyjson_val *input = ir_call_tree(p, rq->arena);
    jw_object(w);
    jw_kstr(w, "type", S("tool_use"));
    jw_kstr(w, "id", p->id);
    jw_kstr(w, "name", p->name);
    jw_key(w, S("input"));
    if (input)
        jw_value(w, input);
    else
        jw_raw(w, S("{}"));
    end_block(p, w);
}

/* SPEC 5.2: only what this dialect's providers have signed; copies of the API may check nothing,
 * and live on the text. */
static bool keeps_thinking(const struct ir_part *p, const struct ir_target *to)
{
    return (p->seal.value.n && p->seal.issuer == SELF) ||
           (!p->redacted && p->text.n && to->is_compat);
}

static void write_thinking(const struct ir_part *p, struct json_writer *w)
{
    str value = p->seal.issuer == SELF ? p->seal.value : S("");
    jw_object(w);
    if (p->redacted) {
        jw_kstr(w, "type", S("redacted_thinking"));
        jw_kstr(w, "data", value);
    } else {
        jw_kstr(w, "type", S("thinking"));
        jw_kstr(w, "thinking", p->text);
        jw_kstr(w, "signature", value);
    }
    jw_object_end(w);
}

/* Whether the part has anything the API would take. */
static bool says_something(const struct ir_part *p, const struct ir_target *to)
{
    switch (p->kind) {
    case IR_PART_TEXT:
    case IR_PART_REFUSAL: return str_trim(p->text).n > 0;
    case IR_PART_REASONING: return keeps_thinking(p, to);
    case IR_PART_DOCUMENT:
        return p->media->data.n || p->media->url.n || p->media->file_id.n ||
               str_trim(p->media->text).n;
    case IR_PART_IMAGE:
    case IR_PART_CALL:
    case IR_PART_RESULT: return true;
    default: return false;
    }
}

static void write_result(const struct ir_request *rq, const struct ir_target *to,
                         const struct ir_part *p, struct json_writer *w);

static void write_part(const struct ir_request *rq, const struct ir_target *to,
                       const struct ir_part *p, struct json_writer *w)
{
    switch (p->kind) {
    case IR_PART_TEXT:
    case IR_PART_REFUSAL: write_text(p->text, p, w); break;
    case IR_PART_REASONING: write_thinking(p, w); break;
    case IR_PART_IMAGE:
    case IR_PART_DOCUMENT: write_media(p, w); break;
    case IR_PART_CALL: write_call(rq, p, w); break;
    case IR_PART_RESULT: write_result(rq, to, p, w); break;
    default: break;
    }
}

/* Always with content: the API does without (SPEC 5.6), copies of it do not. */
static void write_result(const struct ir_request *rq, const struct ir_target *to,
                         const struct ir_part *p, struct json_writer *w)
{
    const struct ir_part *c = p->content;
    jw_object(w);
    jw_kstr(w, "type", S("tool_result"));
    jw_kstr(w, "tool_use_id", p->id);
    jw_key(w, S("content"));
    if (c && !c->next && c->kind == IR_PART_TEXT && !c->cache && str_trim(c->text).n) {
        jw_str(w, c->text);
    } else {
        jw_array(w);
        for (; c; c = c->next) {
            if (c->kind != IR_PART_RESULT && says_something(c, to))
                write_part(rq, to, c, w);
        }
        jw_array_end(w);
    }
    if (p->is_error)
        jw_kbool(w, "is_error", true);
    end_block(p, w);
}

/* ---- messages ---- */

/* The message that is being written; neighbours of one side go into one. */
struct turn {
    struct json_writer *w;
    bool open, any;
    enum ir_role side;
};

static void turn_end(struct turn *t)
{
    if (t->open) {
        jw_array_end(t->w);
        jw_object_end(t->w);
    }
    t->open = false;
}

static void turn_begin(struct turn *t, enum ir_role side)
{
    if (t->open && t->side == side)
        return;
    turn_end(t);
    jw_object(t->w);
    jw_kstr(t->w, "role", side == IR_ASSISTANT ? S("assistant") : S("user"));
    jw_key(t->w, S("content"));
    jw_array(t->w);
    t->open = t->any = true;
    t->side = side;
}

/* In the user's place. */
static void put_in(struct turn *t, str text)
{
    struct ir_part nobody = {.kind = IR_PART_TEXT};
    turn_begin(t, IR_USER);
    write_text(text, &nobody, t->w);
}

static void write_turn(const struct ir_request *rq, const struct ir_target *to,
                       const struct ir_message *m, struct turn *t)
{
    enum ir_role side = m->role == IR_ASSISTANT ? IR_ASSISTANT : IR_USER;
    bool said = false;
    for (const struct ir_part *p = m->parts.first; p; p = p->next) {
        if (!says_something(p, to))
            continue;
        if (!t->any && side == IR_ASSISTANT)
            put_in(t, NOTHING_SAID);
        turn_begin(t, side);
        write_part(rq, to, p, t->w);
        said = true;
    }
    if (!said && side == IR_USER && !(t->open && t->side == IR_USER))
        put_in(t, NOTHING_SAID);
}

void anthropic_write_messages(const struct ir_request *rq, const struct ir_target *to,
                              struct json_writer *w)
{
    struct turn t = {.w = w};
    if (rq->from == SELF) {
        anthropic_write_own_messages(rq, to, w);
        return;
    }
    jw_key(w, S("messages"));
    jw_array(w);
    for (const struct ir_message *m = anthropic_first_turn(rq); m; m = m->next)
        write_turn(rq, to, m, &t);
    if (!t.any)
        put_in(&t, NOTHING_SAID);
    if (t.side == IR_ASSISTANT && prefill_of(rq) && anthropic_model(to->model).no_prefill)
        put_in(&t, GO_ON);
    turn_end(&t);
    jw_array_end(w);
}

/* ---- the system prompt ---- */

static bool begins_system(const struct ir_request *rq, const struct ir_target *to)
{
    for (const struct ir_message *m = rq->messages; m != anthropic_first_turn(rq); m = m->next) {
        for (const struct ir_part *p = m->parts.first; p; p = p->next) {
            if (p->kind == IR_PART_TEXT && says_something(p, to))
                return true;
        }
    }
    return false;
}

void anthropic_write_system(const struct ir_request *rq, const struct ir_target *to,
                            struct json_writer *w)
{
    struct ir_part format = {.kind = IR_PART_TEXT};
    if (rq->from == SELF) {
        anthropic_write_own_system(rq, to, w);
        return;
    }
    format.text = anthropic_format_prompt(rq, to);
    if (!format.text.n && !begins_system(rq, to))
        return;
    jw_key(w, S("system"));
    jw_array(w);
    for (const struct ir_message *m = rq->messages; m != anthropic_first_turn(rq); m = m->next) {
        for (const struct ir_part *p = m->parts.first; p; p = p->next) {
            if (p->kind == IR_PART_TEXT && says_something(p, to))
                write_text(p->text, p, w);
        }
    }
    if (format.text.n)
        write_text(format.text, &format, w);
    jw_array_end(w);
}

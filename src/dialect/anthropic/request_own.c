/*
 * dialect/anthropic/request_own.c - the conversation of a request that was read in this dialect,
 * written again: the same document, whatever the neutral form has no place for.
 */
#include "dialect/anthropic/priv.h"
#include "ir/seal.h"

#define KNOWN(...) ((const char *const[]){"type", __VA_ARGS__, NULL})

static void begin(const char *type, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "type", str_c(type));
}

/* cache_control, then what nobody here knows. */
static void end(const struct ir_request *rq, const struct ir_part *p, const char *const *known,
                struct json_writer *w)
{
    if (p->cache)
        jw_kvalue(w, "cache_control", p->cache);
    ir_write_rest(rq, SELF, p->src, known, w);
    jw_object_end(w);
}

static void write_thinking(const struct ir_request *rq, const struct ir_part *p,
                           struct json_writer *w)
{
    if (p->redacted) {
        begin("redacted_thinking", w);
        jw_kstr(w, "data", p->seal.value);
        end(rq, p, KNOWN("cache_control", "data"), w);
        return;
    }
    begin("thinking", w);
    jw_kstr(w, "thinking", p->text);
    if (p->seal.value.n) {
        jw_kstr(w, "signature", p->seal.value);
        end(rq, p, KNOWN("cache_control", "thinking", "signature"), w);
    } else { /* none, or an empty one */
        end(rq, p, KNOWN("cache_control", "thinking"), w);
    }
}

static void write_source(const struct ir_request *rq, const struct ir_part *p,
                         struct json_writer *w)
{
    const struct ir_media *m = p->media;
    yyjson_val *src = jv_get(p->src, "source");
    if (!m->data.n || jv_get(src, "url")) {
        jw_kvalue(w, "source", src);
        return;
    }
    jw_key(w, S("source"));
    begin("base64", w);
    if (m->mime.p)
        jw_kstr(w, "media_type", m->mime);
    jw_kstr(w, "data", m->data);
    ir_write_rest(rq, SELF, src, KNOWN("media_type", "data"), w);
    jw_object_end(w);
}

static void write_media(const struct ir_request *rq, const struct ir_part *p, struct json_writer *w)
{
    bool document = p->kind == IR_PART_DOCUMENT;
    begin(document ? "document" : "image", w);
    write_source(rq, p, w);
    if (document && p->media->name.p)
        jw_kstr(w, "title", p->media->name);
    if (document && p->media->context.p)
        jw_kstr(w, "context", p->media->context);
    end(rq, p, KNOWN("cache_control", "source", "title", "context"), w);
}

static void write_call(const struct ir_request *rq, const struct ir_part *p, struct json_writer *w)
{
    begin("tool_use", w);
    if (p->id.p)
        jw_kstr(w, "id", p->id);
    jw_kstr(w, "name", p->name);
    if (p->args)
        jw_kvalue(w, "input", p->args);
    end(rq, p,
        p->args ? KNOWN("cache_control", "id", "name", "input")
                : KNOWN("cache_control", "id", "name"),
        w);
}

static void write_part(const struct ir_request *rq, const struct ir_part *p, struct json_writer *w);

static void write_result(const struct ir_request *rq, const struct ir_part *p,
                         struct json_writer *w)
{
    yyjson_val *content = jv_get(p->src, "content");
    begin("tool_result", w);
    if (p->id.p)
        jw_kstr(w, "tool_use_id", p->id);
    if (p->bare) {
        jw_kstr(w, "content", p->content->text);
    } else if (yyjson_is_obj(content)) {
        jw_kvalue(w, "content", content); /* SPEC 5.6: an object in place of a list */
    } else if (!p->no_text) {
        jw_key(w, S("content"));
        jw_array(w);
        for (const struct ir_part *c = p->content; c; c = c->next)
            write_part(rq, c, w);
        jw_array_end(w);
    }
    if (p->is_error)
        jw_kbool(w, "is_error", true);
    end(rq, p,
        p->is_error ? KNOWN("cache_control", "tool_use_id", "content", "is_error")
                    : KNOWN("cache_control", "tool_use_id", "content"),
        w);
}

static bool is_thought_elsewhere(const struct ir_part *p)
{
    return p->seal.value.n ? p->seal.issuer != SELF
                           : ir_seal_mentioned(jv_get_str(p->src, "signature"));
}

/*
 * What was made for a client of this dialect by a provider of another one, before the client came
 * to one of this: thinking that it did not sign (SPEC 5.2), searches it did not make. It would be
 * refused.
 */
static bool is_from_elsewhere(const struct ir_part *p, const struct ir_target *to)
{
    switch (p->kind) {
    case IR_PART_REASONING: return is_thought_elsewhere(p) && !to->is_compat;
    case IR_PART_SEARCH:
    case IR_PART_CODE: return ir_seal_mentioned(p->id);
    case IR_PART_RAW: return ir_seal_mentioned(jv_get_str(p->src, "id"));
    default: return false;
    }
}

static bool cites_elsewhere(yyjson_val *citations)
{
    size_t i, n;
    yyjson_val *v;
    yyjson_arr_foreach (citations, i, n, v) {
        if (ir_seal_mentioned(jv_get_str(v, "encrypted_index")))
            return true;
    }
    return false;
}

static void write_text(const struct ir_request *rq, const struct ir_part *p, struct json_writer *w)
{
    begin("text", w);
    jw_kstr(w, "text", p->text);
    end(rq, p,
        cites_elsewhere(jv_get(p->src, "citations")) ? KNOWN("cache_control", "text", "citations")
                                                     : KNOWN("cache_control", "text"),
        w);
}

/* Blocks that the neutral form holds as something else, or not at all. */
static bool is_foreign(const struct ir_part *p)
{
    str type = jv_get_str(p->src, "type");
    if (p->kind == IR_PART_TEXT)
        return !str_eq(type, S("text"));
    if (p->kind == IR_PART_DOCUMENT)
        return !str_eq(type, S("document"));
    return p->kind == IR_PART_RAW || p->kind == IR_PART_SEARCH || p->kind == IR_PART_CODE;
}

static void write_part(const struct ir_request *rq, const struct ir_part *p, struct json_writer *w)
{
    if (p->bare && p->kind == IR_PART_TEXT) {
        jw_str(w, p->text); /* a string among blocks */
        return;
    }
    if (is_foreign(p)) {
        jw_value(w, p->src);
        return;
    }
    switch (p->kind) {
    case IR_PART_TEXT: write_text(rq, p, w); break;
    case IR_PART_REASONING: write_thinking(rq, p, w); break;
    case IR_PART_IMAGE:
    case IR_PART_DOCUMENT: write_media(rq, p, w); break;
    case IR_PART_CALL: write_call(rq, p, w); break;
    case IR_PART_RESULT: write_result(rq, p, w); break;
    default: break;
    }
}

static void write_content(const struct ir_request *rq, const struct ir_target *to,
                          const struct ir_message *m, struct json_writer *w)
{
    if (m->bare) {
        jw_str(w, m->parts.first->text);
        return;
    }
    jw_array(w);
    for (const struct ir_part *p = m->parts.first; p; p = p->next) {
        if (!is_from_elsewhere(p, to))
            write_part(rq, p, w);
    }
    jw_array_end(w);
}

/* Nothing would be left of it. */
static bool all_from_elsewhere(const struct ir_message *m, const struct ir_target *to)
{
    const struct ir_part *p = m->parts.first;
    while (p && is_from_elsewhere(p, to))
        p = p->next;
    return m->parts.first && !p;
}

static bool any_from_elsewhere(const struct ir_request *rq, const struct ir_target *to)
{
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        for (const struct ir_part *p = m->parts.first; p; p = p->next) {
            if (is_from_elsewhere(p, to))
                return true;
        }
    }
    return false;
}

bool anthropic_misses_thinking(const struct ir_request *rq, const struct ir_target *to)
{
    return rq->reasoning.kind == IR_THINK_BUDGET && anthropic_turn_lacks_thinking(rq) &&
           any_from_elsewhere(rq, to);
}

static str role_of(const struct ir_message *m)
{
    return m->role == IR_ASSISTANT ? S("assistant") : m->role == IR_USER ? S("user") : S("system");
}

void anthropic_write_own_messages(const struct ir_request *rq, const struct ir_target *to,
                                  struct json_writer *w)
{
    static const char *const known[] = {"role", "content", NULL};
    jw_key(w, S("messages"));
    jw_array(w);
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        if (m->top || all_from_elsewhere(m, to))
            continue;
        jw_object(w);
        jw_kstr(w, "role", role_of(m));
        jw_key(w, S("content"));
        write_content(rq, to, m, w);
        ir_write_rest(rq, SELF, m->src, known, w);
        jw_object_end(w);
    }
    jw_array_end(w);
}

void anthropic_write_own_system(const struct ir_request *rq, const struct ir_target *to,
                                struct json_writer *w)
{
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        if (!m->top)
            continue;
        jw_key(w, S("system"));
        write_content(rq, to, m, w);
    }
}

/*
 * dialect/anthropic/answer_whole.c - a collected answer as one message.
 */
#include "dialect/anthropic/priv.h"
#include "ir/seal.h"

struct message {
    const struct answer_ask *ask;
    bool own; /* the provider is of this dialect: src members are ours */
    bool called, refused;
    unsigned n_ids, searches;
};

/* What of src known does not list. */
static void write_rest(const struct message *m, yyjson_val *src, const char *const *known,
                       struct json_writer *w)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(m->own ? src : NULL);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        size_t i = 0;
        while (known[i] && !str_eq(jv_str(k), str_c(known[i])))
            i++;
        if (known[i])
            continue;
        jw_key(w, jv_str(k));
        jw_value(w, yyjson_obj_iter_get_val(k));
    }
}

#define KNOWN(...) ((const char *const[]){"type", __VA_ARGS__, NULL})

static void begin(const char *type, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "type", str_c(type));
}

static void write_citations(const struct message *m, const struct ir_part *p, struct json_writer *w)
{
    bool any = false;
    for (const struct ir_citation *c = p->citations; c; c = c->next) {
        if (!(m->own && c->src) && !c->url.n)
            continue;
        if (!any)
            jw_key(w, S("citations")), jw_array(w);
        any = true;
        if (m->own && c->src)
            jw_value(w, c->src);
        else
            anthropic_write_citation(c, w);
    }
    if (any)
        jw_array_end(w);
}

static void write_text(struct message *m, const struct ir_part *p, struct json_writer *w)
{
    m->refused |= p->kind == IR_PART_REFUSAL;
    if (m->own ? p->kind == IR_PART_REFUSAL : !p->text.n)
        return;
    begin("text", w);
    jw_kstr(w, "text", p->text);
    write_citations(m, p, w);
    write_rest(m, p->src, p->citations ? KNOWN("text", "citations") : KNOWN("text"), w);
    jw_object_end(w);
}

static void write_thinking(struct message *m, const struct ir_part *p, struct json_writer *w)
{
    str seal = anthropic_signature(&p->seal, m->ask);
    if (!p->text.n && !p->seal.value.n && !m->own)
        return;
    if (p->redacted) {
        begin("redacted_thinking", w);
        jw_kstr(w, "data", seal);
        write_rest(m, p->src, KNOWN("data"), w);
    } else {
        begin("thinking", w);
        jw_kstr(w, "thinking", p->text);
        jw_kstr(w, "signature", seal);
        write_rest(m, p->src, KNOWN("thinking", "signature"), w);
    }
    jw_object_end(w);
}

static void write_call(struct message *m, const struct ir_part *p, struct json_writer *w)
{
    yyjson_val *input = ir_call_tree(p, m->ask->arena);
    m->called = true;
    begin("tool_use", w);
    jw_kstr(w, "id", anthropic_id(p->id, "toolu", &m->n_ids, m->ask));
    jw_kstr(w, "name", p->name);
    jw_key(w, S("input"));
    if (p->call == IR_CALL_CUSTOM) {
        jw_object(w);
        jw_kstr(w, "input", p->text);
        jw_object_end(w);
    } else if (input) {
        jw_value(w, input);
    } else {
        jw_raw(w, S("{}"));
    }
    write_rest(m, p->src, KNOWN("id", "name", "input"), w);
    jw_object_end(w);
}

static void write_hosted(struct message *m, const struct ir_part *p, struct json_writer *w)
{
    if (m->own && p->src) {
        jw_value(w, p->src);
        return;
    }
    if (p->kind == IR_PART_RAW)
        return;
    str id = anthropic_hosted_id(p->id, &m->n_ids, m->ask);
    anthropic_write_hosted_call(p, id, true, w);
    anthropic_write_hosted_result(p, id, m->ask->arena, w);
    m->searches += p->kind == IR_PART_SEARCH;
}

static void write_part(struct message *m, const struct ir_part *p, struct json_writer *w)
{
    switch (p->kind) {
    case IR_PART_TEXT:
    case IR_PART_REFUSAL: write_text(m, p, w); break;
    case IR_PART_REASONING: write_thinking(m, p, w); break;
    case IR_PART_CALL: write_call(m, p, w); break;
    case IR_PART_SEARCH:
    case IR_PART_CODE:
    case IR_PART_RAW: write_hosted(m, p, w); break;
    default: break; /* the dialect has no images or sounds to give */
    }
}

static void write_usage(const struct message *m, const struct ir_answer *an, struct json_writer *w)
{
    static const char *const counts[] = {"input_tokens", "cache_creation_input_tokens",
                                         "cache_read_input_tokens", "output_tokens", NULL};
    static const char *const all[] = {
        "input_tokens",  "cache_creation_input_tokens", "cache_read_input_tokens",
        "output_tokens", "output_tokens_details",       NULL};
    str tier = anthropic_tier(an->service_tier);
    jw_key(w, S("usage"));
    jw_object(w);
    anthropic_write_counts(&an->usage, w);
    if (m->own && an->src) {
        write_rest(m, jv_get(an->src, "usage"), an->usage.reasoning >= 0 ? all : counts, w);
    } else {
        anthropic_write_searches(m->searches, w);
        if (tier.n)
            jw_kstr(w, "service_tier", tier);
    }
    jw_object_end(w);
}

static void write_finish(const struct message *m, const struct ir_reply *r, struct json_writer *w)
{
    enum ir_finish finish = r ? r->finish : IR_FINISH_STOP;
    if (m->own && r && r->native.n)
        jw_kstr(w, "stop_reason", r->native);
    else
        jw_kstr(w, "stop_reason",
                anthropic_stop_reason(m->refused ? IR_FINISH_REFUSED : finish, m->called));
    if (r && r->stop.n)
        jw_kstr(w, "stop_sequence", r->stop);
    else
        jw_knull(w, "stop_sequence");
}

/* Of several answers the first: the dialect has one. */
void anthropic_write_whole(const struct answer_ask *ask, const struct ir_answer *an,
                           struct buf *out)
{
    struct message m = {.ask = ask, .own = an->from == SELF};
    const struct ir_reply *r = an->replies;
    struct json_writer w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "id", anthropic_message_id(an->id, ask));
    jw_kstr(&w, "type", S("message"));
    jw_kstr(&w, "role", S("assistant"));
    jw_kstr(&w, "model", ask->model);
    jw_key(&w, S("content"));
    jw_array(&w);
    for (const struct ir_part *p = r ? r->parts.first : NULL; p; p = p->next)
        write_part(&m, p, &w);
    jw_array_end(&w);
    write_finish(&m, r, &w);
    write_usage(&m, an, &w);
    write_rest(&m, an->src,
               KNOWN("id", "role", "model", "content", "stop_reason", "stop_sequence", "usage"),
               &w);
    jw_object_end(&w);
}

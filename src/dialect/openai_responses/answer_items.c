/*
 * dialect/openai_responses/answer_items.c - items of an answer for a client: their JSON, and the
 * events of those that are complete at once.
 */
#include "dialect/openai_responses/answer.h"

/* One item or text; answers are bounded before this by what the provider may send. */
enum { TEXT_LIMIT = 1 << 30, IDS_PER_ANSWER = 1 << 30 };

/* ---- frames ---- */

struct json_writer out_frame(struct writer_state *st, struct buf *out, const char *type)
{
    (void)st;
    buf_lit(out, "event: ");
    buf_put(out, str_c(type));
    buf_lit(out, "\ndata: ");
    struct json_writer w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "type", str_c(type));
    return w;
}

void out_frame_end(struct writer_state *st, struct json_writer *w)
{
    jw_ku64(w, "sequence_number", st->sequence++);
    jw_object_end(w);
    buf_lit(w->out, "\n\n");
}

/* ---- ids ---- */

str out_id(struct writer_state *st, const struct answer_ask *ask, const char *prefix, str id)
{
    if (str_starts(id, str_c(prefix)))
        return str_dup(ask->arena, id);
    return arena_printf(ask->arena, "%s%.*s%02x", prefix, STR_FMT(ask->nonce),
                        st->n_ids++ % IDS_PER_ANSWER);
}

struct out_item *out_item_new(struct writer_state *st, const struct answer_ask *ask,
                              enum out_kind kind)
{
    struct out_item *it = arena_new(ask->arena, struct out_item);
    struct buf *const bufs[] = {&it->head,        &it->text,     &it->content,
                                &it->annotations, &it->logprobs, &it->json};
    it->kind = kind;
    it->open = true;
    it->at = st->n_items++;
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        buf_init(bufs[i], TEXT_LIMIT);
    if (!st->end)
        st->end = &st->items;
    *st->end = it;
    st->end = &it->next;
    st->last = it;
    return it;
}

void out_item_free_buffers(struct out_item *it)
{
    buf_fini(&it->head);
    buf_fini(&it->text);
    buf_fini(&it->content);
    buf_fini(&it->annotations);
    buf_fini(&it->logprobs);
}

/* ---- JSON ---- */

static void put_list(struct json_writer *w, const struct buf *elements)
{
    jw_array(w);
    jw_raw(w, buf_str(elements));
    jw_array_end(w);
}

/* jw_raw of nothing would still count as a value. */
static void put_list_or_empty(struct json_writer *w, const struct buf *elements)
{
    if (elements->n)
        put_list(w, elements);
    else
        jw_raw(w, S("[]"));
}

static void message_json(const struct out_item *it, struct json_writer *w)
{
    jw_kstr(w, "role", S("assistant"));
    jw_key(w, S("content"));
    put_list_or_empty(w, &it->content);
}

static void reasoning_json(const struct out_item *it, str sealed, struct json_writer *w)
{
    jw_key(w, S("summary"));
    jw_array(w);
    if (it->text.n) {
        jw_object(w);
        jw_kstr(w, "type", S("summary_text"));
        jw_kstr(w, "text", buf_str(&it->text));
        jw_object_end(w);
    }
    jw_array_end(w);
    if (sealed.n)
        jw_kstr(w, "encrypted_content", sealed);
}

static void call_json(const struct out_item *it, struct json_writer *w)
{
    bool custom = it->kind == OUT_CUSTOM;
    jw_kstr(w, "call_id", it->call_id);
    if (it->space.n)
        jw_kstr(w, "namespace", it->space);
    jw_kstr(w, "name", it->name);
    jw_key(w, custom ? S("input") : S("arguments"));
    jw_str(w, buf_str(&it->text));
}

/* The reasoning schema has a status, but answers with encrypted reasoning come without. */
static void item_json(const struct out_item *it, const char *status, str sealed, struct arena *a,
                      struct json_writer *w)
{
    static const char *const types[] = {[OUT_MESSAGE] = "message",
                                        [OUT_REASONING] = "reasoning",
                                        [OUT_FUNCTION] = "function_call",
                                        [OUT_CUSTOM] = "custom_tool_call"};
    jw_object(w);
    jw_kstr(w, "id", it->id);
    jw_kstr(w, "type", str_c(it->kind == OUT_OWN ? it->own->call : types[it->kind]));
    if (it->kind != OUT_REASONING)
        jw_kstr(w, "status", str_c(status));
    switch (it->kind) {
    case OUT_MESSAGE: message_json(it, w); break;
    case OUT_REASONING: reasoning_json(it, sealed, w); break;
    case OUT_FUNCTION:
    case OUT_CUSTOM: call_json(it, w); break;
    case OUT_OWN: own_tool_write_call(it->own, it->call_id, buf_str(&it->text), a, w); break;
    case OUT_WHOLE: break;
    }
    jw_object_end(w);
}

static void put_item(struct writer_state *st, const char *type, const struct out_item *it, str json,
                     struct buf *out)
{
    if (st->quiet)
        return;
    struct json_writer w = out_frame(st, out, type);
    jw_ku64(&w, "output_index", it->at);
    jw_kraw(&w, "item", json);
    out_frame_end(st, &w);
}

void out_added(struct writer_state *st, struct out_item *it, struct buf *out)
{
    struct arena scratch;
    if (st->quiet)
        return;
    arena_init(&scratch);
    struct json_writer w = json_writer(&it->json);
    item_json(it, "in_progress", S(""), &scratch, &w);
    put_item(st, "response.output_item.added", it, buf_str(&it->json), out);
    buf_clear(&it->json);
    arena_fini(&scratch);
}

/*
 * What the seal becomes in this dialect; redacted thinking is told by its id. Without a seal the
 * mark tells (ir/seal.h) that the item's id means nothing to a provider of this dialect.
 */
static str sealed_of(const struct out_item *it, const struct answer_ask *ask, struct arena *a)
{
    if (!it->seal.value.n)
        return ask->from == DIALECT_RESPONSES ? S("") : S(IR_SEAL_MARK);
    return ir_seal_pack(&it->seal, DIALECT_RESPONSES, a);
}

void out_done(struct writer_state *st, const struct answer_ask *ask, struct out_item *it,
              bool incomplete, struct buf *out)
{
    struct arena scratch;
    arena_init(&scratch);
    struct json_writer w = json_writer(&it->json);
    buf_clear(&it->json);
    item_json(it, incomplete ? "incomplete" : "completed", sealed_of(it, ask, &scratch), &scratch,
              &w);
    put_item(st, "response.output_item.done", it, buf_str(&it->json), out);
    it->open = it->speaking = false;
    out_item_free_buffers(it);
    arena_fini(&scratch);
}

/* ---- items that are complete at once ---- */

static void put_step(struct writer_state *st, const char *type, const struct out_item *it,
                     struct buf *out)
{
    if (st->quiet)
        return;
    struct json_writer w = out_frame(st, out, type);
    jw_ku64(&w, "output_index", it->at);
    jw_kstr(&w, "item_id", it->id);
    out_frame_end(st, &w);
}

static void put_sources(const struct ir_part *p, struct json_writer *w)
{
    jw_key(w, S("sources"));
    jw_array(w);
    for (const struct ir_citation *c = p->citations; c; c = c->next) {
        if (!c->url.n)
            continue;
        jw_object(w);
        jw_kstr(w, "type", S("url"));
        jw_kstr(w, "url", c->url);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void search_json(const struct ir_part *p, bool done, struct json_writer *w)
{
    (void)done;
    jw_key(w, S("action"));
    jw_object(w);
    if (str_eq(p->name, S("web_fetch"))) {
        jw_kstr(w, "type", S("open_page"));
        jw_kstr(w, "url", p->text);
    } else {
        jw_kstr(w, "type", S("search"));
        jw_kstr(w, "query", p->text);
        jw_key(w, S("queries"));
        jw_array(w);
        jw_str(w, p->text);
        jw_array_end(w);
        if (p->citations)
            put_sources(p, w);
    }
    jw_object_end(w);
}

static void put_code_output(const struct ir_part *p, struct json_writer *w)
{
    struct arena scratch;
    arena_init(&scratch);
    jw_array(w);
    for (const struct ir_part *o = p->content; o; o = o->next) {
        bool image = o->kind == IR_PART_IMAGE;
        if (!image && o->kind != IR_PART_TEXT)
            continue;
        jw_object(w);
        jw_kstr(w, "type", image ? S("image") : S("logs"));
        if (image && o->media->data.n)
            jw_kstr(w, "url", ir_data_url_of(o->media, &scratch));
        else if (image)
            jw_kstr(w, "url", o->media->url);
        else
            jw_kstr(w, "logs", o->text);
        jw_object_end(w);
    }
    jw_array_end(w);
    arena_fini(&scratch);
}

/* The container is the provider's affair; the schema wants a string. */
static void code_json(const struct ir_part *p, bool done, struct json_writer *w)
{
    jw_kstr(w, "container_id", S(""));
    jw_kstr(w, "code", done ? p->text : S(""));
    jw_key(w, S("outputs"));
    if (done && p->content)
        put_code_output(p, w);
    else
        jw_null(w);
}

static void image_json(const struct ir_part *p, bool done, struct json_writer *w)
{
    if (done)
        jw_kstr(w, "result", p->media->data);
    else
        jw_knull(w, "result");
    /* The live API says it always, the schema never; unsaid it is png. */
    if (str_starts(p->media->mime, S("image/")) && !str_eq(p->media->mime, S("image/png")))
        jw_kstr(w, "output_format", str_from(p->media->mime, 6));
}

static const struct whole {
    enum ir_part_kind kind;
    const char *type, *prefix;
    void (*json)(const struct ir_part *p, bool done, struct json_writer *w);
    const char *before[2]; /* events between added and done */
    const char *after;
} wholes[] = {
    {IR_PART_SEARCH,
     "web_search_call",
     "ws_",
     search_json,
     {"response.web_search_call.in_progress", "response.web_search_call.searching"},
     "response.web_search_call.completed"},
    {IR_PART_CODE,
     "code_interpreter_call",
     "ci_",
     code_json,
     {"response.code_interpreter_call.in_progress", NULL},
     "response.code_interpreter_call.completed"},
    {IR_PART_IMAGE,
     "image_generation_call",
     "ig_",
     image_json,
     {"response.image_generation_call.in_progress", "response.image_generation_call.generating"},
     "response.image_generation_call.completed"},
};

static void whole_json(const struct whole *row, const struct out_item *it, const struct ir_part *p,
                       bool done, struct buf *out)
{
    struct json_writer w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "id", it->id);
    jw_kstr(&w, "type", str_c(row->type));
    jw_kstr(&w, "status", done ? S("completed") : S("in_progress"));
    row->json(p, done, &w);
    jw_object_end(&w);
}

static void put_code(struct writer_state *st, const struct out_item *it, str code, struct buf *out)
{
    static const struct {
        const char *type, *member;
    } events[] = {{"response.code_interpreter_call_code.delta", "delta"},
                  {"response.code_interpreter_call_code.done", "code"}};
    for (size_t i = 0; !st->quiet && i < sizeof events / sizeof events[0]; i++) {
        struct json_writer w = out_frame(st, out, events[i].type);
        jw_ku64(&w, "output_index", it->at);
        jw_kstr(&w, "item_id", it->id);
        jw_key(&w, str_c(events[i].member));
        jw_str(&w, code);
        out_frame_end(st, &w);
    }
    put_step(st, "response.code_interpreter_call.interpreting", it, out);
}

static void put_whole(struct writer_state *st, const struct answer_ask *ask,
                      const struct whole *row, const struct ir_part *p, struct buf *out)
{
    struct out_item *it = out_item_new(st, ask, OUT_WHOLE);
    it->id = out_id(st, ask, row->prefix, p->id);
    whole_json(row, it, p, false, &it->json);
    put_item(st, "response.output_item.added", it, buf_str(&it->json), out);
    for (size_t i = 0; i < 2 && row->before[i]; i++)
        put_step(st, row->before[i], it, out);
    if (row->kind == IR_PART_CODE)
        put_code(st, it, p->text, out);
    put_step(st, row->after, it, out);
    buf_clear(&it->json);
    whole_json(row, it, p, true, &it->json);
    put_item(st, "response.output_item.done", it, buf_str(&it->json), out);
    it->open = false;
}

/* An item of this dialect that nobody looks into; an id it must have. */
static void put_raw(struct writer_state *st, const struct answer_ask *ask, yyjson_val *src,
                    struct buf *out)
{
    struct out_item *it = out_item_new(st, ask, OUT_WHOLE);
    struct json_writer w = json_writer(&it->json);
    str id = jv_get_str(src, "id");
    yyjson_obj_iter each = yyjson_obj_iter_with(src);
    jw_object(&w);
    jw_kstr(&w, "id", id.n ? id : out_id(st, ask, "item_", S("")));
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&each));) {
        if (jv_is(k, "id"))
            continue;
        jw_key(&w, jv_str(k));
        jw_value(&w, yyjson_obj_iter_get_val(k));
    }
    jw_object_end(&w);
    put_item(st, "response.output_item.added", it, buf_str(&it->json), out);
    put_item(st, "response.output_item.done", it, buf_str(&it->json), out);
    it->open = false;
}

void out_whole_item(struct writer_state *st, const struct answer_ask *ask, const struct ir_part *p,
                    struct buf *out)
{
    if (ask->from == DIALECT_RESPONSES && p->src) {
        put_raw(st, ask, p->src, out);
        return;
    }
    for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++) {
        if (wholes[i].kind == p->kind && (p->kind != IR_PART_IMAGE || p->media->data.n))
            put_whole(st, ask, &wholes[i], p, out);
    }
}

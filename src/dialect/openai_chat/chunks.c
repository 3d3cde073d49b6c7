/*
 * dialect/openai_chat/chunks.c - what streams of both endpoints are made of, and pieces that
 * chunks and whole answers share.
 *
 * All chunks of a stream have the same id, created and model (SPEC 5.11), so their beginning is
 * built once.
 */
#include "dialect/openai_chat/writer.h"

enum { HEAD_MAX = 64 * 1024, THOUGHT_MAX = 1024 * 1024 };

/* ---- the head ---- */

/* A provider's id stays if it is of this API; msg_... and resp_... would be taken for another's. */
str chat_answer_id(const struct answer_ask *ask, str id, const char *prefix)
{
    str parts[] = {str_c(prefix), ask->nonce};
    if (id.n && ((ask->from == DIALECT_CHAT && !ask->legacy) || str_starts(id, str_c(prefix))))
        return id;
    return str_join(ask->arena, parts, 2);
}

void chat_put_head(struct json_writer *w, const struct answer_ask *ask, str id, str object,
                   int64_t created)
{
    jw_kstr(w, "id", id);
    jw_kstr(w, "object", object);
    jw_ki64(w, "created", created ? created : ask->now);
    jw_kstr(w, "model", ask->model);
}

/* In the API's words; others' are left out, but for Anthropic's word for the standard one. */
void chat_put_tier(struct json_writer *w, str tier)
{
    static const char *const words[] = {"auto", "default", "flex", "scale", "priority", "fast"};
    if (str_eq(tier, S("standard")))
        tier = S("default");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_eq(tier, str_c(words[i])))
            jw_kstr(w, "service_tier", tier);
    }
}

/* Builds the head, once. What START says is taken if e is one. */
static void begin(struct chat_stream *s, const struct answer_ask *ask, const struct ir_event *e)
{
    bool start = e->kind == IR_EV_START, legacy = ask->legacy;
    if (s->head.n)
        return;
    buf_init(&s->head, HEAD_MAX);
    s->usage = USAGE_NONE;
    buf_lit(&s->head, "data: ");
    struct json_writer w = json_writer(&s->head);
    jw_object(&w);
    chat_put_head(
        &w, ask, chat_answer_id(ask, start ? e->id : S(""), legacy ? "cmpl-" : "chatcmpl-"),
        legacy ? S("text_completion") : S("chat.completion.chunk"), start ? e->created : 0);
    if (start)
        chat_put_tier(&w, e->service_tier);
    jw_key(&w, S("choices"));
}

/* ---- choices and parts ---- */

struct chat_out_choice *chat_out_choice_of(struct chat_stream *s, const struct answer_ask *ask,
                                           unsigned index)
{
    struct chat_out_choice **at = &s->choices;
    while (*at && (*at)->index != index)
        at = &(*at)->next;
    if (!*at) {
        *at = arena_new(ask->arena, struct chat_out_choice);
        (*at)->index = index;
        buf_init(&(*at)->thought, THOUGHT_MAX);
    }
    return *at;
}

struct chat_out_part *chat_out_part_of(struct chat_out_choice *c, unsigned index)
{
    struct chat_out_part *p = c->parts;
    while (p && p->index != index)
        p = p->next;
    return p;
}

void chat_out_part_over(struct chat_out_choice *c, unsigned index)
{
    struct chat_out_part **at = &c->parts;
    while (*at && (*at)->index != index)
        at = &(*at)->next;
    if (*at)
        *at = (*at)->next;
}

/* ---- ends ---- */

static void stream_error(struct chat_stream *s, const struct ir_error *error, struct buf *out)
{
    struct json_writer w = json_writer(out);
    s->over = true;
    buf_lit(out, "data: ");
    chat_error_write(&w, error);
    buf_lit(out, "\n\n"); /* and no [DONE]: that would make it look complete */
}

bool chat_stream_goes_on(struct chat_stream *s, const struct answer_ask *ask,
                         const struct ir_event *e, struct buf *out)
{
    if (s->over)
        return false;
    begin(s, ask, e);
    if (e->kind == IR_EV_START || e->kind == IR_EV_USAGE)
        usage_merge(&s->usage, &e->usage);
    if (e->kind == IR_EV_ERROR)
        stream_error(s, e->error, out);
    return e->kind != IR_EV_ERROR;
}

void chat_stream_end(struct chat_stream *s, const struct answer_ask *ask, struct buf *out)
{
    s->over = true;
    if (ask->include_usage) {
        struct json_writer w = json_writer(out);
        buf_put(out, buf_str(&s->head));
        buf_lit(out, "[],\"usage\":");
        chat_usage_write(&w, &s->usage);
        buf_lit(out, "}\n\n");
    }
    buf_lit(out, "data: [DONE]\n\n");
}

void chat_write_fini(void *state)
{
    struct chat_stream *s = state;
    if (s->head.n)
        buf_fini(&s->head);
    for (struct chat_out_choice *c = s->choices; c; c = c->next)
        buf_fini(&c->thought);
}

/* ---- pieces ---- */

void chat_open_call(struct json_writer *w, const struct ir_part *p, const struct answer_ask *ask,
                    unsigned choice, unsigned number)
{
    str member = p->call == IR_CALL_CUSTOM ? S("custom") : S("function");
    jw_kstr(w, "id",
            p->id.n
                ? p->id
                : arena_printf(ask->arena, "call_%.*s_%u_%u", STR_FMT(ask->nonce), choice, number));
    jw_kstr(w, "type", member);
    jw_key(w, member);
    jw_object(w);
    jw_kstr(w, "name", p->name.n ? p->name : S("unknown"));
}

/* The API cites pages only. */
bool chat_can_cite(const struct ir_citation *c)
{
    return c->url.n > 0;
}

void chat_put_citation(struct json_writer *w, const struct ir_citation *c, int64_t begins,
                       int64_t ends)
{
    bool ranged = c->start >= 0 && c->end >= c->start && c->end <= INT64_MAX - begins;
    jw_object(w);
    jw_kstr(w, "type", S("url_citation"));
    jw_key(w, S("url_citation"));
    jw_object(w);
    jw_ki64(w, "start_index", ranged ? begins + c->start : begins);
    jw_ki64(w, "end_index", ranged ? begins + c->end : ends);
    jw_kstr(w, "title", c->title.n ? c->title : c->url);
    jw_kstr(w, "url", c->url);
    jw_object_end(w);
    jw_object_end(w);
}

/* SPEC 5.4; the shape is OpenRouter's. */
void chat_put_image(struct json_writer *w, const struct ir_part *p, unsigned index)
{
    struct arena scratch;
    arena_init(&scratch);
    jw_object(w);
    jw_kstr(w, "type", S("image_url"));
    jw_key(w, S("image_url"));
    jw_object(w);
    jw_kstr(w, "url", p->media->data.p ? ir_data_url_of(p->media, &scratch) : p->media->url);
    jw_object_end(w);
    jw_ku64(w, "index", index);
    jw_object_end(w);
    arena_fini(&scratch);
}

/* The id stands for audio the provider keeps; we keep none, so it has expired already. */
void chat_put_audio(struct json_writer *w, const struct ir_part *p, str transcript,
                    const struct answer_ask *ask)
{
    str id[] = {S("audio_"), ask->nonce};
    jw_object(w);
    jw_kstr(w, "id", p->id.n ? p->id : str_join(ask->arena, id, 2));
    jw_kstr(w, "data", p->media->data);
    jw_kstr(w, "transcript", transcript);
    jw_ki64(w, "expires_at", ask->now);
    jw_object_end(w);
}

/* What the provider said, where it is another word (SPEC 5.8). */
void chat_put_native(struct json_writer *w, str native, str word)
{
    if (native.n && !str_eq(native, word))
        jw_kstr(w, "native_finish_reason", native);
}

/*
 * support/grammar_responses.c - the grammar of Responses streams. Items and their parts are kept
 * until the last event, which must repeat them.
 */
#include "support/document.h"
#include "support/grammar.h"

#define NEED(cond, rule)                      \
    do {                                      \
        if (!grammar_need(g, (cond), (rule))) \
            return false;                     \
    } while (0)

/* A text by its length and FNV-1a hash: what comes in pieces must be what is said at the end. */
struct sum {
    size_t n;
    uint64_t hash;
};

struct item {
    str id, type, done; /* done: the item as JSON, once it is over */
    size_t parts;       /* content or summary parts so far */
    bool part_open;
    str part_type;
    struct sum text; /* of the open part, or arguments */
    bool text_done;
};

static void add(struct sum *s, str text)
{
    s->n += text.n;
    for (size_t i = 0; i < text.n; i++)
        s->hash = (s->hash ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
}

static bool adds_up(const struct sum *s, str whole)
{
    struct sum w = {0};
    add(&w, whole);
    return w.n == s->n && w.hash == s->hash;
}

static struct item *item_of(struct grammar *g, yyjson_val *root)
{
    struct item *it = *grammar_at(g, 'i', jv_get_i64(root, "output_index", -1), 0);
    return it && !it->done.n && str_eq(jv_get_str(root, "item_id"), it->id) ? it : NULL;
}

static bool item_added(struct grammar *g, yyjson_val *root)
{
    yyjson_val *v = jv_get(root, "item");
    NEED(jv_get_i64(root, "output_index", -1) == (int64_t)g->next_index,
         "an item's output_index is not next");
    NEED(jv_get_str(v, "id").n && jv_get_str(v, "type").n, "an item has no id or type");
    struct item *it = arena_new(&g->arena, struct item);
    it->id = str_dup(&g->arena, jv_get_str(v, "id"));
    it->type = str_dup(&g->arena, jv_get_str(v, "type"));
    *grammar_at(g, 'i', (int64_t)g->next_index++, 0) = it;
    return true;
}

static bool item_done(struct grammar *g, yyjson_val *root)
{
    yyjson_val *v = jv_get(root, "item");
    struct item *it = *grammar_at(g, 'i', jv_get_i64(root, "output_index", -1), 0);
    NEED(it && !it->done.n, "an item is done that is not open");
    NEED(str_eq(it->id, jv_get_str(v, "id")) && str_eq(it->type, jv_get_str(v, "type")),
         "an item is done as another than it began");
    NEED(!it->part_open, "an item is done while a part is open");
    it->done = json_text_of(v, &g->arena);
    return true;
}

static bool part_added(struct grammar *g, yyjson_val *root, const char *index)
{
    struct item *it = item_of(g, root);
    NEED(it, "a part of an item that is not open");
    NEED(!it->part_open, "two parts of an item are open");
    NEED(jv_get_i64(root, index, -1) == (int64_t)it->parts, "a part's index is not next");
    it->part_type = str_dup(&g->arena, jv_get_str(jv_get(root, "part"), "type"));
    NEED(it->part_type.n, "a part has no type");
    it->part_open = true;
    it->text_done = false;
    it->text = (struct sum){0};
    return true;
}

static bool content_part_added(struct grammar *g, yyjson_val *root)
{
    return part_added(g, root, "content_index");
}

static bool summary_part_added(struct grammar *g, yyjson_val *root)
{
    return part_added(g, root, "summary_index");
}

static bool part_done(struct grammar *g, yyjson_val *root)
{
    struct item *it = item_of(g, root);
    yyjson_val *part = jv_get(root, "part");
    NEED(it && it->part_open, "a part is done that is not open");
    str text = jv_get_str(part, str_eq(it->part_type, S("refusal")) ? "refusal" : "text");
    it->part_open = false;
    it->parts++;
    NEED(it->text_done && adds_up(&it->text, text),
         "a part's text is not the sum of its deltas, or not done");
    return true;
}

static bool text_delta(struct grammar *g, yyjson_val *root)
{
    struct item *it = item_of(g, root);
    NEED(it && it->part_open && !it->text_done, "a delta of a part that is not open");
    NEED(jv_get_str(root, "delta").p, "a delta has no delta");
    add(&it->text, jv_get_str(root, "delta"));
    return true;
}

static bool text_done(struct grammar *g, yyjson_val *root)
{
    struct item *it = item_of(g, root);
    NEED(it && it->part_open && !it->text_done, "a text is done that is not open");
    str text = jv_get_str(root, jv_get(root, "refusal") ? "refusal" : "text");
    NEED(adds_up(&it->text, text), "a text is not the sum of its deltas");
    it->text_done = true;
    return true;
}

/* Arguments are kept in text as well: a call has no parts. */
static bool arguments_delta(struct grammar *g, yyjson_val *root)
{
    struct item *it = item_of(g, root);
    NEED(it && !it->text_done, "arguments of a call that is not open");
    NEED(jv_get_str(root, "delta").p, "a delta has no delta");
    add(&it->text, jv_get_str(root, "delta"));
    return true;
}

static bool arguments_done(struct grammar *g, yyjson_val *root)
{
    struct item *it = item_of(g, root);
    str all = jv_get_str(root, jv_get(root, "input") ? "input" : "arguments");
    NEED(it && !it->text_done, "arguments are done of a call that is not open");
    it->text_done = true;
    NEED(adds_up(&it->text, all), "arguments are not the sum of their deltas");
    return true;
}

static bool annotation(struct grammar *g, yyjson_val *root)
{
    struct item *it = item_of(g, root);
    return grammar_need(g, it && it->part_open && jv_get(root, "annotation"),
                        "an annotation of a part that is not open");
}

/* ---- the response ---- */

static bool created(struct grammar *g, yyjson_val *root)
{
    yyjson_val *r = jv_get(root, "response");
    NEED(!g->started && g->sequence == 0, "response.created is not the first event");
    NEED(jv_get_str(r, "id").n && jv_is(jv_get(r, "object"), "response"), "no response");
    g->id = str_dup(&g->arena, jv_get_str(r, "id"));
    g->started = true;
    return true;
}

static bool in_progress(struct grammar *g, yyjson_val *root)
{
    NEED(str_eq(g->id, jv_get_str(jv_get(root, "response"), "id")), "the id changes");
    g->tail = true; /* it was said */
    return true;
}

static bool repeats_items(struct grammar *g, yyjson_val *output)
{
    size_t i = 0;
    yyjson_arr_iter all = yyjson_arr_iter_with(output);
    NEED(yyjson_arr_size(output) == g->next_index, "the last event does not repeat all items");
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&all)); i++) {
        struct item *it = *grammar_at(g, 'i', (int64_t)i, 0);
        struct arena a;
        struct fail f = {0};
        arena_init(&a);
        bool same = it->done.n && document_same(it->done, json_text_of(v, &a), NULL, &f);
        arena_fini(&a);
        NEED(it->done.n, "an item is not done");
        NEED(same, f.text);
    }
    return true;
}

static bool terminal(struct grammar *g, yyjson_val *root)
{
    yyjson_val *r = jv_get(root, "response");
    str type = str_from(jv_get_str(root, "type"), strlen("response."));
    NEED(g->tail, "there was no response.in_progress");
    NEED(str_eq(g->id, jv_get_str(r, "id")), "the id changes");
    NEED(str_eq(type, jv_get_str(r, "status")), "the status is not the event's");
    if (str_eq(type, S("failed"))) {
        g->error = true;
        return grammar_need(g, jv_get_str(jv_get(r, "error"), "message").p, "failed without error");
    }
    g->complete = true;
    return repeats_items(g, jv_get(r, "output"));
}

static const struct row {
    const char *type;
    bool (*on)(struct grammar *g, yyjson_val *root);
} rows[] = {
    {"response.created", created},
    {"response.in_progress", in_progress},
    {"response.output_item.added", item_added},
    {"response.output_item.done", item_done},
    {"response.content_part.added", content_part_added},
    {"response.content_part.done", part_done},
    {"response.output_text.delta", text_delta},
    {"response.output_text.done", text_done},
    {"response.output_text.annotation.added", annotation},
    {"response.refusal.delta", text_delta},
    {"response.refusal.done", text_done},
    {"response.reasoning_text.delta", text_delta},
    {"response.reasoning_text.done", text_done},
    {"response.reasoning_summary_part.added", summary_part_added},
    {"response.reasoning_summary_part.done", part_done},
    {"response.reasoning_summary_text.delta", text_delta},
    {"response.reasoning_summary_text.done", text_done},
    {"response.function_call_arguments.delta", arguments_delta},
    {"response.function_call_arguments.done", arguments_done},
    {"response.custom_tool_call_input.delta", arguments_delta},
    {"response.custom_tool_call_input.done", arguments_done},
    {"response.completed", terminal},
    {"response.incomplete", terminal},
    {"response.failed", terminal},
};

bool grammar_responses(struct grammar *g, str type, str data, yyjson_val *root)
{
    (void)data;
    int64_t sequence = jv_get_i64(root, "sequence_number", -1);
    NEED(str_eq(type, jv_get_str(root, "type")), "the event's name is not its type");
    NEED(sequence == g->sequence + 1, "the sequence_number is not next");
    g->sequence = sequence;
    if (str_eq(type, S("error"))) {
        g->error = true;
        return grammar_need(g, jv_get_str(root, "message").p, "an error without message");
    }
    NEED(g->started || str_eq(type, S("response.created")), "response.created is not first");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (str_eq(type, str_c(rows[i].type)))
            return rows[i].on(g, root);
    }
    /* The steps of hosted tools. */
    return grammar_need(g, str_starts(type, S("response.")) && item_of(g, root),
                        "an unknown event, or one of no open item");
}

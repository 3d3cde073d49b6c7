/*
 * dialect/openai_responses/answer_stream.c - a provider's stream.
 *
 * Vendors differ in what they send: text as deltas or only when it is done, items that are only
 * ever done, or nothing but the final response. Each part's text is taken from whichever comes
 * first, once.
 */
#include "dialect/openai_responses/answer.h"

static struct read_item *item_of(struct answer_reader *r, yyjson_val *e)
{
    read_start(r, NULL);
    return read_item_of(r, jv_get_i64(e, "output_index", -1), jv_get_str(e, "item_id"));
}

/* ---- life of the response ---- */

static enum err on_response(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    (void)f;
    read_start(r, jv_get(e, "response"));
    return OK;
}

/*
 * What is known of an item of the final response: by its id first, for numbering differs where
 * providers leave items out of either; by its place; where a server numbers nothing, the oldest
 * item that is not over.
 */
static struct read_item *final_item(struct answer_reader *r, yyjson_val *item, int64_t at)
{
    str id = jv_get_str(item, "id");
    struct read_item *placed = NULL, *bare = NULL;
    size_t left = READ_ITEMS_LOOKED_AT;
    for (struct read_item *it = reader_state(r)->items; it && left--; it = it->next) {
        if (id.n && str_eq(it->id, id))
            return it;
        if (it->output_index == at)
            placed = it;
        else if (it->output_index < 0 && !it->id.n && !it->done)
            bare = it;
    }
    return placed ? placed : bare ? bare : read_item_of(r, at, id);
}

static enum err on_terminal(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    yyjson_val *response = jv_get(e, "response");
    yyjson_arr_iter items = yyjson_arr_iter_with(jv_get(response, "output"));
    int64_t at = 0;
    read_start(r, response);
    for (yyjson_val *item; (item = yyjson_arr_iter_next(&items)); at++) {
        enum err bad = read_finish_item(r, final_item(r, item, at), item, f);
        if (bad)
            return bad;
    }
    if (jv_is(jv_get(response, "status"), "failed"))
        read_failure(r, e);
    else
        read_finish(r, response);
    return OK;
}

static enum err on_failure(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    (void)f;
    read_failure(r, e);
    return OK;
}

/* ---- items ---- */

static struct read_item *named_item(struct answer_reader *r, yyjson_val *e, yyjson_val *item)
{
    read_start(r, NULL);
    str id = jv_get_str(item, "id");
    struct read_item *it = read_item_of(r, jv_get_i64(e, "output_index", -1), id);
    if (!it->id.n)
        it->id = str_dup(r->life, id);
    return it;
}

static enum err on_item_added(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    yyjson_val *item = jv_get(e, "item");
    struct read_item *it = named_item(r, e, item);
    (void)f;
    if (it->done) /* a server whose numbers are all the same */
        it = read_item_new(r, it->output_index, jv_get_str(item, "id"));
    read_begin_item(r, it, item);
    return OK;
}

static enum err on_item_done(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    yyjson_val *item = jv_get(e, "item");
    return read_finish_item(r, named_item(r, e, item), item, f);
}

/* ---- text ---- */

/* The part is open: begun now if it was not, or again if another had to come between. */
static struct read_item *text_of(struct answer_reader *r, yyjson_val *e, bool refusal)
{
    struct read_item *it = item_of(r, e);
    int64_t at = jv_get_i64(e, "content_index", 0);
    if (!it->id.n)
        it->id = str_dup(r->life, jv_get_str(e, "item_id"));
    if (it->done)
        return NULL;
    if (!it->open || it->content != at)
        read_begin_text(r, it, at, refusal, NULL);
    return it;
}

static enum err on_text_delta(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    struct read_item *it = text_of(r, e, false);
    (void)f;
    if (it) {
        read_delta(r, it, jv_get_str(e, "delta"));
        read_logprobs(r, it, jv_get(e, "logprobs"));
    }
    return OK;
}

static enum err on_refusal_delta(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    struct read_item *it = text_of(r, e, true);
    (void)f;
    if (it)
        read_delta(r, it, jv_get_str(e, "delta"));
    return OK;
}

static enum err on_part_added(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    str type = jv_get_str(jv_get(e, "part"), "type");
    bool refusal = str_eq(type, S("refusal"));
    (void)f;
    if (refusal || str_eq(type, S("output_text")))
        (void)text_of(r, e, refusal);
    return OK;
}

/* Text that came only now: the part may not have begun, but if it is over it was said. */
static void text_done(struct answer_reader *r, yyjson_val *e, bool refusal, str text)
{
    struct read_item *it = item_of(r, e);
    int64_t at = jv_get_i64(e, "content_index", 0);
    if (it->done || (at < it->contents && !(it->open && it->content == at)))
        return;
    it = text_of(r, e, refusal);
    if (it && !it->bytes)
        read_delta(r, it, text);
    if (it && !it->logprobs && !refusal)
        read_logprobs(r, it, jv_get(e, "logprobs"));
}

static enum err on_text_done(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    (void)f;
    text_done(r, e, false, jv_get_str(e, "text"));
    return OK;
}

static enum err on_refusal_done(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    (void)f;
    text_done(r, e, true, jv_get_str(e, "refusal"));
    return OK;
}

static enum err on_annotation(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    struct read_item *it = item_of(r, e);
    (void)f;
    if (it->open && it->content == jv_get_i64(e, "content_index", 0) && it->kind == IR_PART_TEXT)
        read_citation(r, it, jv_get(e, "annotation"));
    return OK;
}

static enum err on_part_done(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    yyjson_val *part = jv_get(e, "part");
    str type = jv_get_str(part, "type");
    bool refusal = str_eq(type, S("refusal"));
    (void)f;
    if (!refusal && !str_eq(type, S("output_text")))
        return OK;
    text_done(r, e, refusal, jv_get_str(part, refusal ? "refusal" : "text"));
    struct read_item *it = item_of(r, e);
    if (it->open && it->content == jv_get_i64(e, "content_index", 0))
        read_finish_text(r, it, part);
    return OK;
}

/* ---- reasoning ---- */

/* Summary and raw text of the same thoughts: one is enough, and the first is taken. */
static struct read_item *thoughts_of(struct answer_reader *r, yyjson_val *e, char which)
{
    struct read_item *it = item_of(r, e);
    int64_t at = jv_get_i64(e, which == 's' ? "summary_index" : "content_index", 0);
    if (!it->id.n)
        it->id = str_dup(r->life, jv_get_str(e, "item_id"));
    if (!it->begun) {
        struct ir_part p = {.kind = IR_PART_REASONING, .id = it->id};
        read_begin(r, it, &p);
        it->content = at;
    }
    if (!it->open || it->done || (it->thinks && it->thinks != which))
        return NULL;
    it->thinks = which;
    if (at != it->content) {
        it->content = at;
        if (it->bytes)
            read_delta(r, it, S("\n\n"));
        it->piece = 0;
    }
    return it;
}

static enum err think(struct answer_reader *r, yyjson_val *e, char which, const char *member)
{
    struct read_item *it = thoughts_of(r, e, which);
    bool done = member[0] != 'd';
    if (it && !(done && it->piece))
        read_delta(r, it, jv_get_str(e, member));
    return OK;
}

static enum err on_summary_delta(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    (void)f;
    return think(r, e, 's', "delta");
}

static enum err on_summary_done(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    (void)f;
    return think(r, e, 's', "text");
}

static enum err on_thought_delta(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    (void)f;
    return think(r, e, 't', "delta");
}

static enum err on_thought_done(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    (void)f;
    return think(r, e, 't', "text");
}

/* ---- calls ---- */

/* A call nobody has named yet waits for its item: everything is in there. */
static enum err on_arguments(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    struct read_item *it = item_of(r, e);
    str delta = jv_get_str(e, "delta");
    if (it->cut && delta.n)
        return fail_set(f, ERR_UP_PROTOCOL,
                        "a call's arguments went on after another item had begun");
    if (it->open && it->kind == IR_PART_CALL)
        read_delta(r, it, delta);
    return OK;
}

static enum err on_arguments_done(struct answer_reader *r, yyjson_val *e, struct fail *f)
{
    struct read_item *it = item_of(r, e);
    str text = jv_get_str(e, "arguments");
    (void)f;
    if (it->open && it->kind == IR_PART_CALL && !it->bytes)
        read_delta(r, it, text.n ? text : jv_get_str(e, "input"));
    return OK;
}

/* ---- all ---- */

typedef enum err on_event_fn(struct answer_reader *r, yyjson_val *e, struct fail *f);

/* The frequent ones first. Events that are not here only announce what an item says when it is
 * done. */
static const struct {
    const char *type;
    on_event_fn *take;
} handlers[] = {
    {"response.output_text.delta", on_text_delta},
    {"response.function_call_arguments.delta", on_arguments},
    {"response.reasoning_summary_text.delta", on_summary_delta},
    {"response.reasoning_text.delta", on_thought_delta},
    {"response.reasoning.delta", on_thought_delta}, /* Open Responses */
    {"response.custom_tool_call_input.delta", on_arguments},
    {"response.refusal.delta", on_refusal_delta},
    {"response.output_text.annotation.added", on_annotation},
    {"response.output_item.added", on_item_added},
    {"response.output_item.done", on_item_done},
    {"response.content_part.added", on_part_added},
    {"response.content_part.done", on_part_done},
    {"response.output_text.done", on_text_done},
    {"response.refusal.done", on_refusal_done},
    {"response.reasoning_summary_text.done", on_summary_done},
    {"response.reasoning_text.done", on_thought_done},
    {"response.reasoning.done", on_thought_done},
    {"response.function_call_arguments.done", on_arguments_done},
    {"response.custom_tool_call_input.done", on_arguments_done},
    {"response.created", on_response},
    {"response.queued", on_response},
    {"response.in_progress", on_response},
    {"response.completed", on_terminal},
    {"response.incomplete", on_terminal},
    {"response.failed", on_failure},
    {"response.cancelled", on_failure},
    {"error", on_failure},
};

/* The JSON's own type counts; some proxies leave it out or name another in the frame. */
enum err responses_read_event(struct answer_reader *r, str type, yyjson_val *root, struct fail *f)
{
    str own = jv_get_str(root, "type");
    struct ir_error error;
    if (own.n)
        type = own;
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (str_eq(type, str_c(handlers[i].type)))
            return handlers[i].take(r, root, f);
    }
    /* A bare error object where an event was due. */
    if (!own.n && jv_get(root, "error") && responses_read_error(root, 0, &error))
        read_failure(r, root);
    return OK;
}

enum err responses_read_end(struct answer_reader *r, struct fail *f)
{
    (void)r;
    return fail_set(f, ERR_UP_CUT, "the provider closed the stream before its final event");
}

/*
 * dialect/openai_chat/answer_read.c - reads answers: whole ones, and chunks of streams.
 *
 * A message and a delta have the same members, so one function reads both. What it makes of them
 * goes through reader_parts.c, which keeps the parts of each choice in order.
 *
 * FINISH waits for the end mark, or for a chunk that cannot be of its choice any more: copies of
 * the API say the reason twice, or with content still to come. Usage comes with the last chunk of
 * a choice, behind it in one without choices, or (Perplexity, vLLM if asked) in every chunk.
 */
#include "base/hash.h"
#include "dialect/openai_chat/reader.h"

/* ---- a message or delta ---- */

enum {
    CONTENT,
    CALLS,
    REFUSAL,
    DETAILS,
    ANNOTATIONS,
    IMAGES,
    AUDIO,
    FUNCTION_CALL,
    EXTRA,
    REASONING_CONTENT,
    REASONING,
    REASONING_TEXT,
    MEMBERS
};

static const char *const names[] = {
    [CONTENT] = "content",
    [CALLS] = "tool_calls",
    [REFUSAL] = "refusal",
    [DETAILS] = "reasoning_details",
    [ANNOTATIONS] = "annotations",
    [IMAGES] = "images",
    [AUDIO] = "audio",
    [FUNCTION_CALL] = "function_call",
    [EXTRA] = "extra_content",
    [REASONING_CONTENT] = "reasoning_content",
    [REASONING] = "reasoning",
    [REASONING_TEXT] = "reasoning_text",
    NULL,
};

static bool is_thought(yyjson_val *extra)
{
    return jv_true(jv_get(jv_get(extra, "google"), "thought"));
}

/*
 * Google's chat endpoint sends thoughts as content, flagged, and between literal tags (seen by
 * several clients; it is documented nowhere): "<thought>" at their beginning, "</thought>" at the
 * beginning of what follows, or in a whole message before it.
 */
static void read_flagged(struct chat_reading *rd, str text, bool thought)
{
    static const str open = {"<thought>", 9}, close = {"</thought>", 10};
    if (thought) {
        if (str_starts(text, open))
            text = str_from(text, open.n);
        size_t end = str_find(text, close);
        rd->choice->tagged = end == text.n;
        chat_part_text(rd, IR_PART_REASONING, str_head(text, end));
        text = str_from(text, end + close.n);
    } else if (rd->choice->tagged && text.n) {
        rd->choice->tagged = false;
        if (str_starts(text, close))
            text = str_from(text, close.n);
    }
    chat_part_text(rd, IR_PART_TEXT, text);
}

/* Mistral: content as parts, thinking among them. */
static void read_content_parts(struct chat_reading *rd, yyjson_val *list)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));) {
        yyjson_val *thinking = jv_get(v, "thinking");
        if (thinking) {
            yyjson_arr_iter inner = yyjson_arr_iter_with(thinking);
            chat_part_text(rd, IR_PART_REASONING, jv_str(thinking));
            for (yyjson_val *t; (t = yyjson_arr_iter_next(&inner));)
                chat_part_text(rd, IR_PART_REASONING, jv_get_str(t, "text"));
        } else {
            chat_part_text(rd, IR_PART_TEXT, jv_get_str(v, "text"));
        }
    }
}

static void read_content(struct chat_reading *rd, yyjson_val **found)
{
    yyjson_val *content = found[CONTENT];
    if (yyjson_is_arr(content))
        read_content_parts(rd, content);
    else if (found[EXTRA] || rd->choice->tagged)
        read_flagged(rd, jv_str(content), is_thought(found[EXTRA]));
    else
        chat_part_text(rd, IR_PART_TEXT, jv_str(content));
}

/* {"type":"image_url","image_url":{"url":"data:..."}} (OpenRouter, Google through gateways). */
static void read_images(struct chat_reading *rd, yyjson_val *list)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));) {
        yyjson_val *image = jv_get(v, "image_url");
        str url = yyjson_is_str(image) ? jv_str(image) : jv_get_str(image, "url");
        struct ir_media *m = arena_new(rd->mem, struct ir_media);
        struct ir_part part = {.kind = IR_PART_IMAGE, .media = m, .src = v};
        if (!url.n)
            continue;
        if (!ir_data_url(url, &m->mime, &m->data))
            m->url = url;
        chat_part_whole(rd, &part);
    }
}

/* ---- citations ---- */

static void cite(struct chat_reading *rd, yyjson_val *src, str url, str title, int64_t from,
                 int64_t to)
{
    struct ir_citation c = {.url = url, .title = title, .start = from, .end = to, .src = src};
    if (url.n)
        chat_part_cite(rd, &c);
}

static void read_annotations(struct chat_reading *rd, yyjson_val *list)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));) {
        yyjson_val *u = jv_get(v, "url_citation");
        cite(rd, v, jv_get_str(u, "url"), jv_get_str(u, "title"), jv_get_i64(u, "start_index", -1),
             jv_get_i64(u, "end_index", -1));
    }
}

/* Perplexity: the pages beside the choices, in every chunk; the text refers to them by number. */
static void read_pages(struct chat_reading *rd, yyjson_val *root)
{
    yyjson_val *list = jv_get(root, "search_results");
    if (!yyjson_is_arr(list))
        list = jv_get(root, "citations");
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));) {
        if (yyjson_is_str(v))
            cite(rd, v, jv_str(v), S(""), -1, -1);
        else
            cite(rd, v, jv_get_str(v, "url"), jv_get_str(v, "title"), -1, -1);
    }
}

/* ---- reasoning ---- */

/* Whether the details say the text as well. */
static bool read_details(struct chat_reading *rd, yyjson_val *list)
{
    bool text = false;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));) {
        struct chat_detail d;
        if (!chat_detail_read(v, &d))
            continue;
        text |= d.text.n > 0;
        chat_part_detail(rd, &d);
    }
    return text;
}

/* The first of its names that says something. */
static str reasoning_of(yyjson_val **found)
{
    for (int i = REASONING_CONTENT; i <= REASONING_TEXT; i++) {
        if (jv_str(found[i]).n)
            return jv_str(found[i]);
    }
    return (str){NULL, 0};
}

static bool details_have_text(yyjson_val *list)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));) {
        if (jv_get_str(v, "text").n || jv_get_str(v, "summary").n)
            return true;
    }
    return false;
}

static void read_reasoning(struct chat_reading *rd, yyjson_val **found)
{
    if (!details_have_text(found[DETAILS]))
        chat_part_text(rd, IR_PART_REASONING, reasoning_of(found));
    read_details(rd, found[DETAILS]);
}

/* ---- calls ---- */

static void read_call(struct chat_reading *rd, yyjson_val *v, int64_t at)
{
    yyjson_val *custom = jv_get(v, "custom");
    yyjson_val *body = custom ? custom : jv_get(v, "function");
    yyjson_val *input = jv_get(body, custom ? "input" : "arguments");
    struct chat_call_piece piece = {.wire = jv_get_i64(v, "index", -1),
                                    .at = at,
                                    .id = jv_get_str(v, "id"),
                                    .name = jv_get_str(body, "name"),
                                    .custom = custom != NULL,
                                    .text = jv_str(input),
                                    .src = v};
    if (input && !yyjson_is_str(input))
        piece.text = json_text_of(input, rd->mem); /* Ollama and others: the object itself */
    piece.seal = chat_call_seal(v, false, rd->mem);
    chat_part_call(rd, &piece);
}

static void read_calls(struct chat_reading *rd, yyjson_val *list)
{
    int64_t at = 0;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)); at++)
        read_call(rd, v, at);
}

/* What tool_calls replaced. Some fill it with empty strings. */
static void read_function_call(struct chat_reading *rd, yyjson_val *v)
{
    struct chat_call_piece piece = {.wire = 0,
                                    .name = jv_get_str(v, "name"),
                                    .text = jv_get_str(v, "arguments"),
                                    .seal = {.issuer = DIALECT_CHAT},
                                    .src = v};
    if (piece.name.n || piece.text.n)
        chat_part_call(rd, &piece);
}

/* ---- a choice ---- */

static void read_logprobs(struct chat_reading *rd, yyjson_val *logprobs)
{
    yyjson_val *content = jv_get(logprobs, "content");
    if (yyjson_is_arr(content) && yyjson_arr_size(content))
        chat_part_logprobs(rd, content);
}

static void read_message(struct chat_reading *rd, yyjson_val *message, yyjson_val *logprobs)
{
    yyjson_val *found[MEMBERS];
    chat_members(message, names, found);
    read_reasoning(rd, found);
    read_content(rd, found);
    read_logprobs(rd, logprobs);
    read_annotations(rd, found[ANNOTATIONS]);
    if (found[EXTRA])
        chat_part_seal_text(rd, message);
    chat_part_text(rd, IR_PART_REFUSAL, jv_str(found[REFUSAL]));
    read_images(rd, found[IMAGES]);
    if (found[AUDIO])
        chat_part_audio(rd, found[AUDIO]);
    read_calls(rd, found[CALLS]);
    read_function_call(rd, found[FUNCTION_CALL]);
}

/* vLLM says which stop sequence it was. */
static void note_finish(struct chat_reading *rd, yyjson_val *v)
{
    struct chat_choice *c = rd->choice;
    str reason = jv_get_str(v, "finish_reason"), native = jv_get_str(v, "native_finish_reason");
    str stop = jv_get_str(v, "stop_reason");
    if (!reason.n)
        return;
    c->finished = true;
    c->finish = chat_finish_of(reason);
    if (!native.n)
        native = reason;
    if (!str_eq(native, c->native))
        c->native = rd->whole ? native : str_dup(rd->r->life, native);
    if (stop.n && c->finish == IR_FINISH_STOP && !str_eq(stop, reason)) {
        c->finish = IR_FINISH_SEQUENCE;
        c->stop = rd->whole ? stop : str_dup(rd->r->life, stop);
    }
}

static void read_choice(struct chat_reading *rd, yyjson_val *v, yyjson_val *root)
{
    yyjson_val *message = jv_get(v, "delta"), *whole = jv_get(v, "message");
    int64_t index = jv_get_i64(v, "index", 0);
    if (index < 0 || index >= CHAT_CHOICES_MAX)
        return;
    struct chat_choice *c = rd->choice = chat_choice_of(rd, (unsigned)index);
    if (rd->whole && whole)
        message = whole;
    else if (!message && whole && !c->said)
        message = whole; /* a whole answer as the only event */
    c->src = rd->whole ? v : NULL;
    if (c->told)
        return; /* a choice that goes on behind its end */
    if (message)
        read_message(rd, message, jv_get(v, "logprobs"));
    else
        chat_part_text(rd, IR_PART_TEXT, jv_get_str(v, "text")); /* /v1/completions */
    bool again = c->finished;
    note_finish(rd, v);
    if (!again && (c->finished || rd->whole))
        read_pages(rd, root);
    if (c->finished || rd->whole)
        chat_parts_close(rd);
}

/* ---- an event ---- */

static void emit_start(struct chat_reading *rd, yyjson_val *root)
{
    struct ir_event e = {.kind = IR_EV_START,
                         .id = jv_get_str(root, "id"),
                         .model = jv_get_str(root, "model"),
                         .created = jv_get_i64(root, "created", 0),
                         .service_tier = jv_get_str(root, "service_tier"),
                         .usage = USAGE_NONE,
                         .src = root};
    if (e.created < 0)
        e.created = 0;
    rd->s->salt = hash_siphash((uint64_t)e.created, 0, e.id);
    answer_emit(rd->r, &e);
}

/* The usage of a chunk, wherever it stands. */
static bool take_usage(struct chat_reading *rd, yyjson_val *root)
{
    struct usage u;
    yyjson_val *choice = yyjson_arr_get_first(jv_get(root, "choices"));
    if (!chat_usage_read(jv_get(root, "usage"), &u) &&
        !chat_usage_read(jv_get(jv_get(root, "x_groq"), "usage"), &u) &&
        !chat_usage_read(jv_get(choice, "usage"), &u)) /* Moonshot */
        return false;
    usage_merge(&rd->s->usage, &u);
    return true;
}

static void emit_usage(struct chat_reading *rd)
{
    struct ir_event e = {.kind = IR_EV_USAGE, .usage = rd->s->usage};
    rd->s->due = false;
    answer_emit(rd->r, &e);
}

static void emit_error(struct chat_reading *rd, const struct ir_error *error)
{
    struct ir_event e = {.kind = IR_EV_ERROR, .usage = USAGE_NONE, .error = error};
    answer_emit(rd->r, &e);
}

static void emit_end(struct chat_reading *rd)
{
    struct ir_event e = {.kind = IR_EV_END, .usage = USAGE_NONE};
    chat_finish_all(rd);
    if (rd->s->due)
        emit_usage(rd);
    answer_emit(rd->r, &e);
}

static struct chat_reading reading(struct answer_reader *r, bool whole)
{
    struct chat_reader *s = r->state;
    if (!s->begun) {
        s->begun = true;
        s->usage = USAGE_NONE;
    }
    return (struct chat_reading){
        .r = r, .s = s, .mem = whole ? r->life : &r->scratch, .whole = whole};
}

static void read_choices(struct chat_reading *rd, yyjson_val *root, yyjson_val *choices)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(choices);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));)
        read_choice(rd, v, root);
}

enum err chat_read_event(struct answer_reader *r, str type, yyjson_val *root, struct fail *f)
{
    struct chat_reading rd = reading(r, false);
    struct ir_error error;
    if (!root && !r->started)
        return fail_set(f, ERR_UP_CUT, "the provider's stream ended before it began");
    if (!root) {
        emit_end(&rd);
        return OK;
    }
    yyjson_val *choices = jv_get(root, "choices");
    bool any = yyjson_arr_size(choices) > 0, fails = chat_read_error(root, 0, &error);
    if (!r->started && (any || jv_get_str(root, "id").n))
        emit_start(&rd, root);
    rd.s->due |= take_usage(&rd, root);
    if (fails || str_eq(type, S("error"))) {
        if (rd.s->due)
            emit_usage(&rd);
        if (!fails)
            error = (struct ir_error){.status = 502, .message = json_text_of(root, rd.mem)};
        emit_error(&rd, &error);
        return OK;
    }
    read_choices(&rd, root, choices);
    if (!any && chat_all_finished(rd.s))
        chat_finish_all(&rd);
    if (rd.s->due && (chat_all_told(rd.s) || !chat_all_finished(rd.s)))
        emit_usage(&rd);
    return OK;
}

enum err chat_read_end(struct answer_reader *r, struct fail *f)
{
    struct chat_reading rd = reading(r, false);
    if (!chat_all_finished(rd.s))
        return fail_set(f, ERR_UP_CUT, "%s", err_info(ERR_UP_CUT)->text);
    emit_end(&rd);
    return OK;
}

enum err chat_read_whole(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    struct chat_reading rd = reading(r, true);
    struct ir_error error;
    yyjson_val *choices = jv_get(root, "choices");
    if (!yyjson_is_arr(choices) || (!yyjson_arr_size(choices) && jv_get(root, "error"))) {
        if (!chat_read_error(root, 0, &error))
            return fail_set(f, ERR_UP_PROTOCOL,
                            "the provider's answer has no choices and is no chat completion");
        emit_error(&rd, &error);
        return OK;
    }
    emit_start(&rd, root);
    rd.s->due = take_usage(&rd, root);
    read_choices(&rd, root, choices);
    emit_end(&rd);
    return OK;
}

/*
 * dialect/openai_chat/stream.c - a whole answer as the stream the client asked for.
 *
 * The sequence is SPEC 5.11's: the role, what there is of text, each tool call first named and then
 * with its arguments, the finish reason in a chunk of its own, usage, [DONE]. Members of the answer
 * and of its messages that we do not know are passed on, so nothing the provider said is lost.
 * That is why it is not done with the codec's reader and writer: events have no place for them.
 */
#include <stdlib.h>
#include <yyjson.h>

#include "dialect/openai_chat/chat.h"
#include "json/write.h"

struct streamer {
    struct buf *out;
    yyjson_val *root;
    bool legacy; /* text_completion: choices have text instead of a delta */
    bool usage;  /* the answer has usage; then every chunk says usage: null until the last */
};

static str text_of(yyjson_val *v)
{
    return str_of(yyjson_get_str(v), yyjson_get_len(v));
}

static void put_value(struct json_writer *w, yyjson_val *v)
{
    size_t n;
    char *json = yyjson_val_write(v, 0, &n);
    jw_raw(w, json ? str_of(json, n) : S("null"));
    free(json);
}

static void put_member(struct json_writer *w, str key, yyjson_val *v)
{
    jw_key(w, key);
    put_value(w, v);
}

static bool one_of(yyjson_val *key, const char *const *names)
{
    for (; *names; names++) {
        if (yyjson_equals_str(key, *names))
            return true;
    }
    return false;
}

/* Everything of a chunk but its choices. */
static struct json_writer chunk_begin(struct streamer *s)
{
    static const char *const ours[] = {"choices", "usage", "object", NULL};
    buf_lit(s->out, "data: ");
    struct json_writer w = json_writer(s->out);
    jw_object(&w);
    yyjson_obj_iter it = yyjson_obj_iter_with(s->root);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        if (yyjson_equals_str(k, "object"))
            jw_kstr(&w, "object", s->legacy ? S("text_completion") : S("chat.completion.chunk"));
        else if (!one_of(k, ours))
            put_member(&w, text_of(k), v);
    }
    if (!yyjson_obj_get(s->root, "object"))
        jw_kstr(&w, "object", S("chat.completion.chunk"));
    return w;
}

static void chunk_end(struct streamer *s, struct json_writer *w)
{
    jw_object_end(w);
    buf_lit(s->out, "\n\n");
}

/* A chunk with one choice, open at its delta. */
static struct json_writer delta_begin(struct streamer *s, yyjson_val *choice, size_t at)
{
    struct json_writer w = chunk_begin(s);
    jw_key(&w, S("choices"));
    jw_array(&w);
    jw_object(&w);
    yyjson_val *index = yyjson_obj_get(choice, "index");
    if (index)
        put_member(&w, S("index"), index);
    else
        jw_ku64(&w, "index", at);
    if (!s->legacy) {
        jw_key(&w, S("delta"));
        jw_object(&w);
    }
    return w;
}

/* Closes the delta; finish: the reason, or NULL while it goes on. */
static void delta_end(struct streamer *s, struct json_writer *w, yyjson_val *logprobs,
                      yyjson_val *finish, const char *finish_else)
{
    if (!s->legacy)
        jw_object_end(w);
    if (logprobs)
        put_member(w, S("logprobs"), logprobs);
    else
        jw_knull(w, "logprobs");
    jw_key(w, S("finish_reason"));
    if (finish && !yyjson_is_null(finish))
        put_value(w, finish);
    else if (finish_else)
        jw_str(w, str_c(finish_else));
    else
        jw_null(w);
    jw_object_end(w);
    jw_array_end(w);
    if (s->usage)
        jw_knull(w, "usage");
    chunk_end(s, w);
}

static bool is_empty(yyjson_val *v)
{
    return !v || yyjson_is_null(v) || (yyjson_is_str(v) && !yyjson_get_len(v)) ||
           (yyjson_is_arr(v) && !yyjson_arr_size(v));
}

/* A delta with one tool call, open inside the call. */
static struct json_writer call_begin(struct streamer *s, yyjson_val *choice, size_t at,
                                     size_t index)
{
    struct json_writer w = delta_begin(s, choice, at);
    jw_key(&w, S("tool_calls"));
    jw_array(&w);
    jw_object(&w);
    jw_ku64(&w, "index", index);
    return w;
}

static void call_end(struct streamer *s, struct json_writer *w)
{
    jw_object_end(w);
    jw_array_end(w);
    delta_end(s, w, NULL, NULL, NULL);
}

static void put_tool_call(struct streamer *s, yyjson_val *choice, size_t at, yyjson_val *call,
                          size_t index)
{
    static const char *const ours[] = {"index", "function", NULL};
    yyjson_val *function = yyjson_obj_get(call, "function");
    struct json_writer w = call_begin(s, choice, at, index);
    yyjson_obj_iter it = yyjson_obj_iter_with(call);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        if (!one_of(k, ours))
            put_member(&w, text_of(k), yyjson_obj_iter_get_val(k));
    }
    if (function) {
        jw_key(&w, S("function"));
        jw_object(&w);
        jw_kstr(&w, "name", text_of(yyjson_obj_get(function, "name")));
        jw_kstr(&w, "arguments", S(""));
        jw_object_end(&w);
    }
    call_end(s, &w);

    yyjson_val *arguments = yyjson_obj_get(function, "arguments");
    if (is_empty(arguments))
        return;
    w = call_begin(s, choice, at, index);
    jw_key(&w, S("function"));
    jw_object(&w);
    put_member(&w, S("arguments"), arguments);
    jw_object_end(&w);
    call_end(s, &w);
}

/* The message's members as deltas; returns whether it called a tool. */
static bool put_message(struct streamer *s, yyjson_val *choice, size_t at, yyjson_val *message)
{
    static const char *const ours[] = {"role", "tool_calls", NULL};
    yyjson_val *role = yyjson_obj_get(message, "role");
    struct json_writer w = delta_begin(s, choice, at);
    jw_kstr(&w, "role", yyjson_is_str(role) ? text_of(role) : S("assistant"));
    jw_kstr(&w, "content", S(""));
    delta_end(s, &w, NULL, NULL, NULL);
    /* Iterators take anything, also a message that is none; the foreach macros do not. */
    yyjson_obj_iter it = yyjson_obj_iter_with(message);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        if (one_of(k, ours) || is_empty(v))
            continue;
        w = delta_begin(s, choice, at);
        put_member(&w, text_of(k), v);
        bool content = yyjson_equals_str(k, "content");
        delta_end(s, &w, content ? yyjson_obj_get(choice, "logprobs") : NULL, NULL, NULL);
    }
    size_t n = 0;
    yyjson_arr_iter calls = yyjson_arr_iter_with(yyjson_obj_get(message, "tool_calls"));
    for (yyjson_val *call; (call = yyjson_arr_iter_next(&calls));)
        put_tool_call(s, choice, at, call, n++);
    return n > 0;
}

static void put_choice(struct streamer *s, yyjson_val *choice, size_t at)
{
    bool called = false;
    struct json_writer w;
    if (s->legacy) {
        w = delta_begin(s, choice, at);
        jw_kstr(&w, "text", text_of(yyjson_obj_get(choice, "text")));
        delta_end(s, &w, yyjson_obj_get(choice, "logprobs"), NULL, NULL);
    } else {
        called = put_message(s, choice, at, yyjson_obj_get(choice, "message"));
    }
    w = delta_begin(s, choice, at);
    if (s->legacy)
        jw_kstr(&w, "text", S(""));
    delta_end(s, &w, NULL, yyjson_obj_get(choice, "finish_reason"), called ? "tool_calls" : "stop");
}

enum err chat_stream_from_whole(str body, struct buf *out)
{
    /* Numbers are copied as they are spelt. */
    yyjson_doc *doc = yyjson_read(body.p, body.n, YYJSON_READ_NUMBER_AS_RAW);
    struct streamer s = {.out = out, .root = yyjson_doc_get_root(doc)};
    yyjson_val *choices = yyjson_obj_get(s.root, "choices");
    if (!yyjson_is_arr(choices)) {
        yyjson_doc_free(doc);
        return ERR_UP_PROTOCOL;
    }
    yyjson_val *usage = yyjson_obj_get(s.root, "usage");
    s.usage = yyjson_is_obj(usage);
    /* Not by "object": Together says text.completion. */
    yyjson_val *first = yyjson_arr_get_first(choices);
    s.legacy = yyjson_obj_get(first, "text") && !yyjson_obj_get(first, "message");
    size_t i, max;
    yyjson_val *choice;
    yyjson_arr_foreach (choices, i, max, choice) {
        put_choice(&s, choice, i);
    }
    if (s.usage) {
        struct json_writer w = chunk_begin(&s);
        jw_key(&w, S("choices"));
        jw_array(&w);
        jw_array_end(&w);
        put_member(&w, S("usage"), usage);
        chunk_end(&s, &w);
    }
    buf_lit(out, "data: [DONE]\n\n");
    yyjson_doc_free(doc);
    return OK;
}

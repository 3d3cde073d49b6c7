#include "support/grammar.h"

#include <stdio.h>

#include "http/sse.h"

bool grammar_need(struct grammar *g, bool ok, const char *rule)
{
    if (!ok)
        fail_set(g->why, ERR_BAD_REQUEST, "event %zu: %s", g->events, rule);
    return ok;
}

#define NEED(cond, rule)                      \
    do {                                      \
        if (!grammar_need(g, (cond), (rule))) \
            return false;                     \
    } while (0)

void **grammar_at(struct grammar *g, char what, int64_t a, int64_t b)
{
    return map_at(&g->state,
                  arena_printf(&g->arena, "%c%lld.%lld", what, (long long)a, (long long)b));
}

/* The member is there and the same in every event. */
static bool constant(struct grammar *g, str *was, str now)
{
    bool ok = now.n && (!was->n || str_eq(*was, now));
    if (ok && !was->n)
        *was = str_dup(&g->arena, now);
    return ok;
}

static void *const MARK = (void *)1;

/* ---- chat and completions ---- */

static bool chat_calls(struct grammar *g, int64_t choice, yyjson_val *calls)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(calls);
    for (yyjson_val *c; (c = yyjson_arr_iter_next(&it));) {
        yyjson_val *f = jv_get(c, "function"), *custom = jv_get(c, "custom");
        int64_t index = jv_get_i64(c, "index", -1);
        bool seen = *grammar_at(g, 't', choice, index);
        NEED(index >= 0, "a tool call has no index");
        NEED(f || custom, "a tool call has neither function nor custom");
        NEED(jv_get_str(f ? f : custom, f ? "arguments" : "input").p, "a call has no arguments");
        if (!seen) {
            NEED(jv_get_str(c, "id").n && jv_get_str(c, "type").n &&
                     jv_get_str(f ? f : custom, "name").n,
                 "a tool call begins without id, type or name");
            NEED(index == 0 || *grammar_at(g, 't', choice, index - 1), "a tool call is left out");
        } else {
            NEED(!jv_get(c, "id"), "a tool call has its id twice");
        }
        *grammar_at(g, 't', choice, index) = MARK;
        *grammar_at(g, 'T', choice, 0) = MARK;
    }
    return true;
}

static bool chat_choice(struct grammar *g, yyjson_val *c)
{
    yyjson_val *delta = jv_get(c, "delta");
    int64_t index = jv_get_i64(c, "index", -1);
    str finish = jv_get_str(c, "finish_reason");
    NEED(index >= 0 && yyjson_is_obj(delta), "a choice lacks index or delta");
    NEED(!*grammar_at(g, 'f', index, 0), "a choice goes on after its finish_reason");
    void **begun = grammar_at(g, 'c', index, 0);
    NEED(*begun || str_eq(jv_get_str(delta, "role"), S("assistant")),
         "the first delta of a choice has no role");
    *begun = MARK;
    if (!chat_calls(g, index, jv_get(delta, "tool_calls")))
        return false;
    if (finish.n) {
        NEED(!str_eq(finish, S("tool_calls")) || *grammar_at(g, 'T', index, 0),
             "finish_reason is tool_calls, and there was no call");
        *grammar_at(g, 'f', index, 0) = MARK;
    }
    return true;
}

static bool completion_choice(struct grammar *g, yyjson_val *c)
{
    int64_t index = jv_get_i64(c, "index", -1);
    NEED(index >= 0 && jv_get_str(c, "text").p, "a choice lacks index or text");
    NEED(!*grammar_at(g, 'f', index, 0), "a choice goes on after its finish_reason");
    *grammar_at(g, 'c', index, 0) = MARK;
    if (jv_get_str(c, "finish_reason").n)
        *grammar_at(g, 'f', index, 0) = MARK;
    return true;
}

/* Every choice that began has its finish_reason. */
static bool all_finished(struct grammar *g)
{
    size_t i = 0, begun = 0, over = 0;
    str key;
    void *value;
    while (map_next(&g->state, &i, &key, &value)) {
        begun += value && key.p[0] == 'c';
        over += value && key.p[0] == 'f';
    }
    return begun == over;
}

static bool chat_like(struct grammar *g, str type, str data, yyjson_val *root, bool legacy)
{
    NEED(!type.n, "a chunk has an event name");
    if (str_eq(data, S("[DONE]"))) {
        NEED(all_finished(g), "[DONE] before a finish_reason");
        g->complete = true;
        return true;
    }
    if (jv_get(root, "error")) {
        g->error = true;
        return true;
    }
    NEED(str_eq(jv_get_str(root, "object"),
                legacy ? S("text_completion") : S("chat.completion.chunk")),
         "a chunk's object is another");
    NEED(constant(g, &g->id, jv_get_str(root, "id")), "the id changes or is missing");
    NEED(constant(g, &g->model, jv_get_str(root, "model")), "the model changes or is missing");
    NEED(constant(g, &g->created, jv_num(jv_get(root, "created"))),
         "created changes or is missing");
    yyjson_val *choices = jv_get(root, "choices");
    NEED(yyjson_is_arr(choices), "a chunk has no choices");
    NEED(!g->tail, "something follows the usage chunk");
    if (yyjson_arr_size(choices) == 0)
        g->tail = yyjson_is_obj(jv_get(root, "usage"));
    yyjson_arr_iter it = yyjson_arr_iter_with(choices);
    for (yyjson_val *c; (c = yyjson_arr_iter_next(&it));) {
        if (!(legacy ? completion_choice(g, c) : chat_choice(g, c)))
            return false;
    }
    return true;
}

bool grammar_chat(struct grammar *g, str type, str data, yyjson_val *root)
{
    return chat_like(g, type, data, root, false);
}

bool grammar_completions(struct grammar *g, str type, str data, yyjson_val *root)
{
    return chat_like(g, type, data, root, true);
}

/* ---- anthropic: id is the open block's type, next_index the block to come ---- */

static bool message_start(struct grammar *g, yyjson_val *root)
{
    yyjson_val *m = jv_get(root, "message"), *usage = jv_get(m, "usage");
    NEED(!g->started, "message_start comes twice");
    NEED(jv_get_str(m, "id").n && jv_is(jv_get(m, "type"), "message") &&
             jv_is(jv_get(m, "role"), "assistant") && jv_get_str(m, "model").n &&
             yyjson_is_arr(jv_get(m, "content")) && !jv_get(m, "stop_reason"),
         "message_start lacks something, or says too much");
    NEED(jv_get_i64(usage, "input_tokens", -1) >= 0 && jv_get_i64(usage, "output_tokens", -1) >= 0,
         "message_start lacks usage");
    g->started = true;
    return true;
}

static bool block_start(struct grammar *g, yyjson_val *root)
{
    str type = jv_get_str(jv_get(root, "content_block"), "type");
    NEED(!g->id.n, "two blocks are open");
    NEED(!g->tail, "a block follows message_delta");
    NEED(jv_get_i64(root, "index", -1) == (int64_t)g->next_index, "a block's index is not next");
    NEED(type.n, "a block has no type");
    if (str_eq(type, S("tool_use")))
        *grammar_at(g, 'T', 0, 0) = MARK;
    g->id = str_dup(&g->arena, type);
    g->next_index++;
    return true;
}

static bool block_delta(struct grammar *g, yyjson_val *root)
{
    static const struct {
        const char *delta, *member, *blocks;
    } rows[] = {
        {"text_delta", "text", "text"},
        {"citations_delta", "citation", "text"},
        {"input_json_delta", "partial_json", "tool_use server_tool_use mcp_tool_use"},
        {"thinking_delta", "thinking", "thinking"},
        {"signature_delta", "signature", "thinking"},
    };
    yyjson_val *delta = jv_get(root, "delta");
    str type = jv_get_str(delta, "type");
    NEED(g->id.n && jv_get_i64(root, "index", -1) + 1 == (int64_t)g->next_index,
         "a delta of a block that is not open");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!str_eq(type, str_c(rows[i].delta)))
            continue;
        str blocks = str_c(rows[i].blocks);
        NEED(str_find(blocks, g->id) < blocks.n, "a delta of another kind than its block");
        NEED(jv_get(delta, rows[i].member), "a delta is empty");
        return true;
    }
    return grammar_need(g, false, "an unknown delta");
}

static bool block_stop(struct grammar *g, yyjson_val *root)
{
    NEED(g->id.n && jv_get_i64(root, "index", -1) + 1 == (int64_t)g->next_index,
         "a stop of a block that is not open");
    g->id = S("");
    return true;
}

static bool message_delta(struct grammar *g, yyjson_val *root)
{
    str reason = jv_get_str(jv_get(root, "delta"), "stop_reason");
    NEED(!g->id.n, "message_delta while a block is open");
    NEED(!g->tail, "message_delta comes twice");
    NEED(reason.n, "message_delta has no stop_reason");
    NEED(!str_eq(reason, S("tool_use")) || *grammar_at(g, 'T', 0, 0),
         "stop_reason is tool_use, and there was no such block");
    NEED(jv_get_i64(jv_get(root, "usage"), "output_tokens", -1) >= 0, "message_delta lacks usage");
    g->tail = true;
    return true;
}

static bool message_stop(struct grammar *g, yyjson_val *root)
{
    (void)root;
    NEED(g->tail, "message_stop without message_delta");
    g->complete = true;
    return true;
}

bool grammar_anthropic(struct grammar *g, str type, str data, yyjson_val *root)
{
    static const struct {
        const char *type;
        bool (*on)(struct grammar *g, yyjson_val *root);
    } rows[] = {{"message_start", message_start},     {"content_block_start", block_start},
                {"content_block_delta", block_delta}, {"content_block_stop", block_stop},
                {"message_delta", message_delta},     {"message_stop", message_stop}};
    (void)data;
    NEED(str_eq(type, jv_get_str(root, "type")), "the event's name is not its type");
    if (str_eq(type, S("error"))) {
        NEED(jv_get_str(jv_get(root, "error"), "message").p, "an error without message");
        g->error = true;
        return true;
    }
    NEED(g->started || str_eq(type, S("message_start")), "the first event is not message_start");
    if (str_eq(type, S("ping")))
        return true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (str_eq(type, str_c(rows[i].type)))
            return rows[i].on(g, root);
    }
    return grammar_need(g, false, "an unknown event");
}

/* ---- gemini ---- */

static bool candidate(struct grammar *g, yyjson_val *c)
{
    int64_t index = jv_get_i64(c, "index", 0);
    yyjson_val *content = jv_get(c, "content");
    NEED(yyjson_is_obj(c), "a candidate is no object");
    NEED(!*grammar_at(g, 'f', index, 0), "a candidate goes on after its finishReason");
    NEED(!content || (yyjson_is_obj(content) && jv_is(jv_get(content, "role"), "model")),
         "a content is not the model's");
    NEED(!jv_get(content, "parts") || yyjson_is_arr(jv_get(content, "parts")),
         "parts are no array");
    if (jv_get_str(c, "finishReason").n)
        *grammar_at(g, 'f', index, 0) = MARK;
    *grammar_at(g, 'c', index, 0) = MARK;
    g->complete = all_finished(g);
    return true;
}

bool grammar_gemini(struct grammar *g, str type, str data, yyjson_val *root)
{
    yyjson_val *candidates = jv_get(root, "candidates");
    (void)data;
    NEED(!type.n, "a chunk has an event name");
    if (jv_get(root, "error")) {
        g->error = true;
        return true;
    }
    NEED(yyjson_is_obj(root), "a chunk is no object");
    NEED(constant(g, &g->id, jv_get_str(root, "responseId")),
         "the responseId changes or is missing");
    NEED(constant(g, &g->model, jv_get_str(root, "modelVersion")),
         "the modelVersion changes or is missing");
    NEED(!candidates || yyjson_is_arr(candidates), "candidates are no array");
    if (jv_get_str(jv_get(root, "promptFeedback"), "blockReason").n)
        g->complete = true;
    yyjson_arr_iter it = yyjson_arr_iter_with(candidates);
    for (yyjson_val *c; (c = yyjson_arr_iter_next(&it));) {
        if (!candidate(g, c))
            return false;
    }
    return true;
}

/* ---- frames ---- */

typedef bool rule_fn(struct grammar *g, str type, str data, yyjson_val *root);

static rule_fn *const rules[] = {
    [GRAMMAR_CHAT] = grammar_chat,           [GRAMMAR_COMPLETIONS] = grammar_completions,
    [GRAMMAR_RESPONSES] = grammar_responses, [GRAMMAR_ANTHROPIC] = grammar_anthropic,
    [GRAMMAR_GEMINI] = grammar_gemini,
};

static bool check_frame(struct grammar *g, enum grammar_kind kind, str frame)
{
    struct sse_event ev;
    struct buf lines;
    struct arena scratch;
    yyjson_val *root = NULL;
    struct fail f = {0};
    buf_init(&lines, 1 << 28);
    arena_init(&scratch);
    sse_parse(frame, &lines, &ev);
    g->events++;
    /* Gemini's usage may follow the finishReason. */
    bool ok = grammar_need(g, !g->error && (!g->complete || kind == GRAMMAR_GEMINI),
                           "something follows the end");
    ok = ok && grammar_need(g, ev.has_data && lines.n == 0, "data is missing or on several lines");
    if (ok && !str_eq(ev.data, S("[DONE]")) && json_read(ev.data, &scratch, &root, &f) != OK)
        ok = grammar_need(g, false, f.text);
    ok = ok && rules[kind](g, ev.type, ev.data, root);
    buf_fini(&lines);
    arena_fini(&scratch);
    return ok;
}

bool grammar_check(struct grammar *g, enum grammar_kind kind, str text, struct fail *why)
{
    struct sse_splitter s;
    str frame;
    bool ok = true;
    *g = (struct grammar){.why = why, .sequence = -1};
    arena_init(&g->arena);
    map_init(&g->state, &g->arena);
    sse_splitter_init(&s, 1 << 30);
    while (ok && sse_next(&s, &text, &frame) > 0)
        ok = frame.p[0] == ':' || check_frame(g, kind, frame);
    ok = ok && grammar_need(g, sse_rest(&s).n == 0, "the last event lacks its empty line");
    sse_splitter_fini(&s);
    arena_fini(&g->arena);
    return ok;
}

/*
 * dialect/openai_responses/answer_read.c - a provider's answer: items and parts, whole answers,
 * errors. Streams are in answer_stream.c and use the same pieces, so that both say the same.
 */
#include "dialect/openai_responses/answer.h"

/* ---- records ---- */

/*
 * The place counts before the id: some servers give an item another id in every event (GitHub
 * Copilot's do). Servers that number nothing say one item at a time: the latest is meant.
 */
static struct read_item *known_item(struct reader_state *st, int64_t output_index, str id)
{
    struct read_item *by_id = NULL;
    size_t left = READ_ITEMS_LOOKED_AT;
    for (struct read_item *it = st->items; it && left--; it = it->next) {
        if (output_index >= 0 && it->output_index == output_index)
            return it;
        if (!by_id && (id.n ? str_eq(it->id, id) : output_index < 0))
            by_id = it;
    }
    return by_id && (output_index < 0 || by_id->output_index < 0) ? by_id : NULL;
}

struct read_item *read_item_new(struct answer_reader *r, int64_t output_index, str id)
{
    struct reader_state *st = reader_state(r);
    struct read_item *it = arena_new(r->life, struct read_item);
    it->next = st->items;
    it->output_index = output_index;
    it->id = str_dup(r->life, id);
    st->items = it;
    return it;
}

struct read_item *read_item_of(struct answer_reader *r, int64_t output_index, str id)
{
    struct read_item *it = known_item(reader_state(r), output_index, id);
    if (!it)
        return read_item_new(r, output_index, id);
    if (it->output_index < 0)
        it->output_index = output_index;
    return it;
}

/* What is made of an item lives as long as the item: whole answers are kept, events are not. */
static struct arena *keep(struct answer_reader *r)
{
    return reader_state(r)->whole ? r->life : &r->scratch;
}

/* ---- events ---- */

static void emit_part(struct answer_reader *r, enum ir_event_kind kind, const struct read_item *it,
                      str text)
{
    struct ir_event e = {.kind = kind, .index = it->part, .text = text, .usage = USAGE_NONE};
    answer_emit(r, &e);
}

void read_start(struct answer_reader *r, yyjson_val *response)
{
    struct ir_event e = {.kind = IR_EV_START,
                         .id = jv_get_str(response, "id"),
                         .model = jv_get_str(response, "model"),
                         .service_tier = jv_get_str(response, "service_tier"),
                         .created = jv_get_i64(response, "created_at", 0),
                         .usage = USAGE_NONE,
                         .src = response};
    if (!r->started)
        answer_emit(r, &e);
}

void read_close(struct answer_reader *r, struct read_item *it)
{
    struct reader_state *st = reader_state(r);
    if (!it->open)
        return;
    it->open = false;
    if (st->open_text == it)
        st->open_text = NULL;
    emit_part(r, IR_EV_PART_END, it, S(""));
}

/* The part that has been open longest; the records stand the other way round. */
static struct read_item *first_open(struct reader_state *st)
{
    struct read_item *first = NULL;
    size_t left = READ_ITEMS_LOOKED_AT;
    for (struct read_item *it = st->items; it && left--; it = it->next) {
        if (it->open && (!first || it->part < first->part))
            first = it;
    }
    return first;
}

/* Only calls may be open side by side. */
static void make_room(struct answer_reader *r, enum ir_part_kind kind)
{
    struct reader_state *st = reader_state(r);
    if (st->open_text)
        read_close(r, st->open_text);
    for (struct read_item *it; kind != IR_PART_CALL && (it = first_open(st));) {
        it->cut = true;
        read_close(r, it);
    }
}

void read_begin(struct answer_reader *r, struct read_item *it, struct ir_part *p)
{
    struct reader_state *st = reader_state(r);
    make_room(r, p->kind);
    it->begun = it->open = true;
    it->kind = p->kind;
    it->part = st->parts++;
    it->bytes = it->piece = it->citations = 0;
    it->logprobs = false;
    if (p->kind == IR_PART_CALL)
        st->called = true;
    else
        st->open_text = it;
    struct ir_event e = {
        .kind = IR_EV_PART_BEGIN, .index = it->part, .part = p, .usage = USAGE_NONE};
    answer_emit(r, &e);
}

void read_delta(struct answer_reader *r, struct read_item *it, str text)
{
    if (!text.n)
        return;
    it->bytes += text.n;
    it->piece += text.n;
    emit_part(r, IR_EV_DELTA, it, text);
}

void read_citation(struct answer_reader *r, struct read_item *it, yyjson_val *annotation)
{
    struct ir_citation c;
    struct ir_event e = {
        .kind = IR_EV_CITATION, .index = it->part, .citation = &c, .usage = USAGE_NONE};
    it->citations++;
    if (!yyjson_is_obj(annotation))
        return;
    responses_citation(&c, annotation);
    answer_emit(r, &e);
}

void read_logprobs(struct answer_reader *r, struct read_item *it, yyjson_val *list)
{
    struct ir_event e = {
        .kind = IR_EV_LOGPROBS, .index = it->part, .json = list, .usage = USAGE_NONE};
    if (!yyjson_arr_size(list))
        return;
    it->logprobs = true;
    answer_emit(r, &e);
}

/* ---- messages ---- */

void read_begin_text(struct answer_reader *r, struct read_item *it, int64_t at, bool refusal,
                     yyjson_val *src)
{
    struct ir_part p = {.kind = refusal ? IR_PART_REFUSAL : IR_PART_TEXT, .id = it->id, .src = src};
    read_begin(r, it, &p);
    it->content = at;
    if (at >= it->contents)
        it->contents = at + 1;
}

void read_finish_text(struct answer_reader *r, struct read_item *it, yyjson_val *part)
{
    yyjson_val *annotations = jv_get(part, "annotations"), *a;
    size_t i, max;
    if (!it->bytes)
        read_delta(r, it, jv_get_str(part, it->kind == IR_PART_REFUSAL ? "refusal" : "text"));
    if (!it->logprobs)
        read_logprobs(r, it, jv_get(part, "logprobs"));
    yyjson_arr_foreach (annotations, i, max, a) {
        if (i >= it->citations)
            read_citation(r, it, a);
    }
    read_close(r, it);
}

static void finish_message(struct answer_reader *r, struct read_item *it, yyjson_val *item)
{
    yyjson_arr_iter parts = yyjson_arr_iter_with(jv_get(item, "content"));
    int64_t at = 0;
    for (yyjson_val *part; (part = yyjson_arr_iter_next(&parts)); at++) {
        bool refusal = jv_is(jv_get(part, "type"), "refusal");
        bool here = it->open && it->content == at;
        if (!here && at < it->contents)
            continue;
        if (!here)
            read_begin_text(r, it, at, refusal, part);
        read_finish_text(r, it, part);
    }
    read_close(r, it);
}

/* ---- reasoning ---- */

static void begin_reasoning(struct answer_reader *r, struct read_item *it, yyjson_val *item)
{
    struct ir_part p = {.kind = IR_PART_REASONING, .id = it->id, .src = item};
    read_begin(r, it, &p);
}

static void finish_reasoning(struct answer_reader *r, struct read_item *it, yyjson_val *item)
{
    struct ir_part p = {.kind = IR_PART_REASONING};
    struct ir_event e = {.kind = IR_EV_SEAL, .part = &p, .usage = USAGE_NONE};
    responses_reasoning(&p, item, keep(r));
    if (!it->begun)
        begin_reasoning(r, it, item);
    if (!it->open)
        return; /* closed for another part's sake: its seal would come too late */
    if (!it->bytes)
        read_delta(r, it, p.text);
    e.index = it->part;
    if (p.seal.value.n)
        answer_emit(r, &e);
    read_close(r, it);
}

/* ---- calls ---- */

static bool is_custom(yyjson_val *item)
{
    return jv_is(jv_get(item, "type"), "custom_tool_call");
}

static void begin_call(struct answer_reader *r, struct read_item *it, yyjson_val *item)
{
    str call_id = jv_get_str(item, "call_id");
    struct ir_part p = {.kind = IR_PART_CALL,
                        .call = is_custom(item) ? IR_CALL_CUSTOM : IR_CALL_FUNCTION,
                        .id = call_id.n ? call_id : it->id,
                        .item = it->id,
                        .name = jv_get_str(item, "name"),
                        .space = jv_get_str(item, "namespace"),
                        .src = item};
    if (str_eq(p.space, p.name)) /* a tool search found it */
        p.space = S("");
    read_begin(r, it, &p);
}

static enum err finish_call(struct answer_reader *r, struct read_item *it, yyjson_val *item,
                            struct fail *f)
{
    str text = jv_get_str(item, is_custom(item) ? "input" : "arguments");
    if (!it->begun)
        begin_call(r, it, item);
    if (it->cut && text.n > it->bytes)
        return fail_set(f, ERR_UP_PROTOCOL,
                        "a call's arguments went on after another item had begun");
    if (it->open && !it->bytes)
        read_delta(r, it, text);
    read_close(r, it);
    return OK;
}

static void whole_own_call(struct answer_reader *r, struct read_item *it, yyjson_val *item,
                           const struct own_tool *own)
{
    str call_id = jv_get_str(item, "call_id");
    struct ir_part p = {.kind = IR_PART_CALL,
                        .call = IR_CALL_OWN,
                        .id = call_id.n ? call_id : it->id,
                        .item = it->id,
                        .name = str_c(own->tool),
                        .src = item};
    read_begin(r, it, &p);
    read_delta(r, it, own_tool_arguments(own, item, keep(r)));
    read_close(r, it);
}

/* ---- items ---- */

/* Whatever is complete at once. */
static void whole_item(struct answer_reader *r, struct read_item *it, yyjson_val *item, str type)
{
    struct ir_part p = {.kind = IR_PART_RAW, .id = it->id, .src = item};
    const struct own_tool *own = own_tool_by_call(type);
    if (own && own_tool_is_clients(own, item)) {
        whole_own_call(r, it, item, own);
        return;
    }
    if (str_eq(type, S("web_search_call"))) {
        p.kind = IR_PART_SEARCH;
        responses_search(&p, item, keep(r));
    } else if (str_eq(type, S("code_interpreter_call"))) {
        p.kind = IR_PART_CODE;
        responses_code(&p, item, keep(r));
    } else if (str_eq(type, S("image_generation_call")) && responses_image(&p, item, keep(r))) {
        p.kind = IR_PART_IMAGE;
    }
    read_begin(r, it, &p);
    read_close(r, it);
}

static bool is_call(str type)
{
    return str_eq(type, S("function_call")) || str_eq(type, S("custom_tool_call"));
}

void read_begin_item(struct answer_reader *r, struct read_item *it, yyjson_val *item)
{
    str type = jv_get_str(item, "type");
    if (it->begun)
        return;
    if (is_call(type))
        begin_call(r, it, item);
    else if (str_eq(type, S("reasoning")))
        begin_reasoning(r, it, item);
}

enum err read_finish_item(struct answer_reader *r, struct read_item *it, yyjson_val *item,
                          struct fail *f)
{
    str type = jv_get_str(item, "type");
    enum err e = OK;
    if (it->done)
        return OK;
    it->done = true;
    if (str_eq(type, S("message")))
        finish_message(r, it, item);
    else if (str_eq(type, S("reasoning")))
        finish_reasoning(r, it, item);
    else if (is_call(type))
        e = finish_call(r, it, item, f);
    else if (type.n)
        whole_item(r, it, item, type);
    return e;
}

/* ---- the end ---- */

static struct usage usage_of(yyjson_val *u)
{
    yyjson_val *in = jv_get(u, "input_tokens_details"), *out = jv_get(u, "output_tokens_details");
    return (struct usage){
        .input = jv_get_i64(u, "input_tokens", -1),
        .output = jv_get_i64(u, "output_tokens", -1),
        .cached = jv_get_i64(in, "cached_tokens", -1),
        .cache_write = jv_get_i64(in, "cache_write_tokens", -1),
        .reasoning = jv_get_i64(out, "reasoning_tokens", -1),
    };
}

/* SPEC 5.8. */
static enum ir_finish finish_of(const struct reader_state *st, str status, str reason)
{
    if (str_eq(reason, S("max_output_tokens")) || str_eq(reason, S("max_tokens")))
        return IR_FINISH_LENGTH;
    if (str_eq(reason, S("content_filter")))
        return IR_FINISH_FILTERED;
    if (!str_eq(status, S("completed")) && status.n)
        return IR_FINISH_UNKNOWN;
    return st->called ? IR_FINISH_CALLS : IR_FINISH_STOP;
}

void read_finish(struct answer_reader *r, yyjson_val *response)
{
    struct reader_state *st = reader_state(r);
    str status = jv_get_str(response, "status");
    str reason = jv_get_str(jv_get(response, "incomplete_details"), "reason");
    yyjson_val *usage = jv_get(response, "usage");
    make_room(r, IR_PART_TEXT);
    struct ir_event finish = {.kind = IR_EV_FINISH,
                              .finish = finish_of(st, status, reason),
                              .native = reason.n ? reason : status,
                              .usage = USAGE_NONE,
                              .src = response};
    answer_emit(r, &finish);
    if (usage) {
        struct ir_event e = {.kind = IR_EV_USAGE, .usage = usage_of(usage)};
        answer_emit(r, &e);
    }
    struct ir_event end = {.kind = IR_EV_END, .usage = USAGE_NONE};
    answer_emit(r, &end);
}

/* ---- errors ---- */

/* What an error inside a stream stands for: ResponseErrorCode, and what the API says besides. */
static int status_of(str type, str code)
{
    static const struct {
        const char *word;
        int status;
    } words[] = {
        {"rate_limit_exceeded", 429},   {"rate_limit_error", 429},
        {"insufficient_quota", 429},    {"usage_limit_reached", 429},
        {"too_many_requests", 429},     {"invalid_api_key", 401},
        {"authentication_error", 401},  {"permission_error", 403},
        {"model_not_found", 404},       {"not_found_error", 404},
        {"request_timeout", 408},       {"context_length_exceeded", 400},
        {"invalid_prompt", 400},        {"invalid_request_error", 400},
        {"invalid_request", 400},       {"bio_policy", 400},
        {"server_is_overloaded", 503},  {"slow_down", 503},
        {"overloaded_error", 503},      {"service_unavailable", 503},
        {"vector_store_timeout", 504},  {"server_error", 500},
        {"internal_server_error", 500},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_eq(code, str_c(words[i].word)))
            return words[i].status;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_eq(type, str_c(words[i].word)))
            return words[i].status;
    }
    return str_find(code, S("image")) < code.n ? 400 : 502;
}

static bool error_object(yyjson_val *v, int status, struct ir_error *out)
{
    str code = jv_get_str(v, "code"), number = jv_num(jv_get(v, "code"));
    *out = (struct ir_error){.type = jv_get_str(v, "type"),
                             .code = code.n ? code : number,
                             .message = jv_get_str(v, "message"),
                             .param = jv_get_str(v, "param")};
    if (str_eq(out->type, S("error")))
        out->type = S(""); /* the flat event's own type */
    out->status = status >= 400 ? status : status_of(out->type, out->code);
    return out->message.n || out->code.n || out->type.n;
}

bool responses_read_error(yyjson_val *root, int status, struct ir_error *out)
{
    if (yyjson_is_arr(root))
        root = yyjson_arr_get_first(root);
    yyjson_val *error = jv_get(root, "error");
    if (!error)
        error = jv_get(jv_get(root, "response"), "error");
    if (yyjson_is_obj(error))
        return error_object(error, status, out);
    /* Plain texts: {"error":"..."} of proxies, {"detail":"..."} of ChatGPT's backend. */
    str text = error ? jv_str(error) : jv_get_str(root, "detail");
    if (text.n) {
        *out = (struct ir_error){.status = status >= 400 ? status : 502, .message = text};
        return true;
    }
    if (jv_is(jv_get(root, "type"), "error") || (status >= 400 && jv_get(root, "message")))
        return error_object(root, status, out);
    return false;
}

void read_failure(struct answer_reader *r, yyjson_val *root)
{
    struct ir_error error;
    struct ir_event e = {.kind = IR_EV_ERROR, .error = &error, .usage = USAGE_NONE};
    if (!responses_read_error(root, 0, &error))
        error = (struct ir_error){.status = 502,
                                  .message = S("the provider's answer failed without a reason")};
    answer_emit(r, &e);
}

/* ---- whole answers ---- */

enum err responses_read_whole(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    yyjson_val *output = jv_get(root, "output");
    str status = jv_get_str(root, "status");
    struct ir_error error;
    if (!yyjson_is_arr(output) && responses_read_error(root, 0, &error)) {
        read_failure(r, root);
        return OK;
    }
    if (!yyjson_is_arr(output))
        return fail_set(f, ERR_UP_PROTOCOL, "the provider's answer has no \"output\" array");
    reader_state(r)->whole = true;
    read_start(r, root);
    yyjson_arr_iter items = yyjson_arr_iter_with(output);
    int64_t at = 0;
    for (yyjson_val *item; (item = yyjson_arr_iter_next(&items)); at++) {
        struct read_item *it = read_item_of(r, at, jv_get_str(item, "id"));
        enum err e = read_finish_item(r, it, item, f);
        if (e)
            return e;
    }
    if (str_eq(status, S("failed")) || str_eq(status, S("cancelled")))
        read_failure(r, root);
    else
        read_finish(r, root);
    return OK;
}

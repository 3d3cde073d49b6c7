/*
 * dialect/anthropic/answer_read.c - answers of a provider as events.
 *
 * A stream is message_start; for each block content_block_start, content_block_delta*,
 * content_block_stop; message_delta with stop_reason and final counts; message_stop. ping may come
 * anywhere, error ends it. A whole answer has the finished blocks in `content`.
 *
 * Blocks of hosted tools come to others as one complete part: server_tool_use and what nobody else
 * knows is RAW, the result that answers it SEARCH or CODE. In a stream their input arrives in
 * pieces, so the block is kept until it stops.
 */
#include "dialect/anthropic/priv.h"
#include "ir/seal.h"

/* Bytes that live as long as the answer; grows by doubling, and is used again for each block. */
struct kept {
    char *p;
    size_t n, cap;
};

enum { KEPT_MAX = 4 << 20, CALLS_MAX = 64 };

static bool keep(struct answer_reader *r, struct kept *k, str s)
{
    if (s.n > KEPT_MAX - k->n)
        return false;
    if (s.n > k->cap - k->n) {
        size_t cap = k->cap ? k->cap : 256;
        while (cap < k->n + s.n)
            cap *= 2;
        char *p = arena_alloc(r->life, cap);
        if (k->n)
            memcpy(p, k->p, k->n);
        k->p = p;
        k->cap = cap;
    }
    if (s.n)
        memcpy(k->p + k->n, s.p, s.n);
    k->n += s.n;
    return true;
}

static str kept_str(const struct kept *k)
{
    return str_of(k->p, k->n);
}

/* A server_tool_use that was seen, for the result that names it. */
struct hosted {
    struct hosted *next;
    str id;
    yyjson_val *tree; /* of a whole answer ... */
    str text;         /* ... or as JSON, since trees of a stream go with their event */
};

struct reader {
    bool open;               /* a block is */
    bool held;               /* it waits for its end: block and input */
    bool fed;                /* input came in pieces */
    bool called;             /* a tool_use was seen */
    bool finished;           /* FINISH was emitted */
    enum ir_part_kind kind;  /* of the open block */
    int64_t block;           /* its index in the stream */
    unsigned next;           /* index of the next part */
    struct kept text, input; /* of a held block: the block as it began, what was added to it */
    struct kept extra;       /* ... and members that replace the block's */
    struct hosted *calls;    /* newest first */
    unsigned n_calls;
    struct usage counts; /* as the API says them; -1 */
    bool whole;
};

_Static_assert(sizeof(struct reader) <= ANTHROPIC_READER_SIZE, "the state of a reader");

/* Where trees live that an event points to: a whole answer's are borrowed by who collects it. */
static struct arena *trees(struct answer_reader *r)
{
    const struct reader *s = r->state;
    return s->whole ? r->life : &r->scratch;
}

/* ---- counts ---- */

static void count(int64_t *at, yyjson_val *usage, const char *key)
{
    int64_t n = jv_get_i64(usage, key, -1);
    if (n > 0 || (n == 0 && *at < 0))
        *at = n;
}

/* Input is said without what the cache gave or took (SPEC 5.9). */
static struct usage usage_of(struct reader *s, yyjson_val *usage)
{
    struct usage *c = &s->counts;
    count(&c->input, usage, "input_tokens");
    count(&c->output, usage, "output_tokens");
    count(&c->cached, usage, "cache_read_input_tokens");
    count(&c->cache_write, usage, "cache_creation_input_tokens");
    count(&c->reasoning, jv_get(usage, "output_tokens_details"), "thinking_tokens");
    struct usage u = *c;
    if (u.input >= 0)
        u.input += (u.cached > 0 ? u.cached : 0) + (u.cache_write > 0 ? u.cache_write : 0);
    return u;
}

static void emit_usage(struct answer_reader *r, yyjson_val *usage)
{
    if (!usage)
        return;
    struct ir_event e = {.kind = IR_EV_USAGE, .usage = usage_of(r->state, usage)};
    answer_emit(r, &e);
}

static void emit_start(struct answer_reader *r, yyjson_val *message)
{
    struct reader *s = r->state;
    yyjson_val *usage = jv_get(message, "usage");
    s->counts = USAGE_NONE;
    struct ir_event e = {.kind = IR_EV_START,
                         .id = jv_get_str(message, "id"),
                         .model = jv_get_str(message, "model"),
                         .service_tier = jv_get_str(usage, "service_tier"),
                         .usage = usage_of(s, usage),
                         .src = message};
    answer_emit(r, &e);
}

/* ---- parts ---- */

static void emit_begin(struct answer_reader *r, const struct ir_part *p)
{
    struct reader *s = r->state;
    struct ir_event e = {.kind = IR_EV_PART_BEGIN, .index = s->next, .part = p};
    answer_emit(r, &e);
}

static void emit_text(struct answer_reader *r, str text)
{
    struct reader *s = r->state;
    struct ir_event e = {.kind = IR_EV_DELTA, .index = s->next, .text = text};
    if (text.n)
        answer_emit(r, &e);
}

static void emit_seal(struct answer_reader *r, str signature)
{
    struct reader *s = r->state;
    struct ir_part p = {.kind = IR_PART_REASONING, .seal = {.value = signature, .issuer = SELF}};
    struct ir_event e = {.kind = IR_EV_SEAL, .index = s->next, .part = &p};
    if (signature.n)
        answer_emit(r, &e);
}

/* Places in documents mean nothing without the documents; a page stands for itself. */
static void emit_citation(struct answer_reader *r, yyjson_val *v)
{
    struct reader *s = r->state;
    struct ir_citation c = {.url = jv_get_str(v, "url"),
                            .title = jv_get_str(v, "title"),
                            .file_id = jv_get_str(v, "file_id"),
                            .quote = jv_get_str(v, "cited_text"),
                            .start = -1,
                            .end = -1,
                            .src = v};
    struct ir_event e = {.kind = IR_EV_CITATION, .index = s->next, .citation = &c};
    if (!c.url.n && str_starts(jv_get_str(v, "source"), S("http")))
        c.url = jv_get_str(v, "source");
    if (!c.title.n)
        c.title = jv_get_str(v, "document_title");
    answer_emit(r, &e);
}

static void emit_end(struct answer_reader *r)
{
    struct reader *s = r->state;
    struct ir_event e = {.kind = IR_EV_PART_END, .index = s->next++};
    answer_emit(r, &e);
}

static void emit_complete(struct answer_reader *r, const struct ir_part *p)
{
    emit_begin(r, p);
    emit_end(r);
}

/* ---- hosted tools ---- */

static yyjson_val *hosted_call(struct answer_reader *r, str id)
{
    struct reader *s = r->state;
    yyjson_val *call = NULL;
    struct hosted *h = s->calls;
    while (h && !str_eq(h->id, id))
        h = h->next;
    if (!h || h->tree)
        return h ? h->tree : NULL;
    return json_read(h->text, &r->scratch, &call, NULL) == OK ? call : NULL;
}

static void remember_call(struct answer_reader *r, const struct anthropic_block *b)
{
    struct reader *s = r->state;
    if (!jv_is(b->type, "server_tool_use") || s->n_calls == CALLS_MAX)
        return;
    struct hosted *h = arena_new(r->life, struct hosted);
    h->next = s->calls;
    h->id = str_dup(r->life, jv_str(b->id));
    if (s->whole)
        h->tree = b->src;
    else
        h->text = json_text_of(b->src, r->life);
    s->calls = h;
    s->n_calls++;
}

/* A block that is complete and no text, thinking or call of the client's. */
static void emit_hosted(struct answer_reader *r, const struct anthropic_block *b)
{
    struct ir_part p = {.kind = IR_PART_RAW, .src = b->src};
    yyjson_val *call = b->use_id ? hosted_call(r, jv_str(b->use_id)) : NULL;
    remember_call(r, b);
    (void)anthropic_read_hosted(b, call, &p, trees(r));
    emit_complete(r, &p);
}

/* ---- blocks as they begin, in streams and whole answers ---- */

static void begin_text(struct answer_reader *r, const struct anthropic_block *b)
{
    size_t i, n;
    yyjson_val *v;
    struct ir_part p = {.kind = IR_PART_TEXT, .src = b->src};
    emit_begin(r, &p);
    emit_text(r, jv_str(b->text));
    yyjson_arr_foreach (b->citations, i, n, v) {
        emit_citation(r, v);
    }
}

static void begin_thinking(struct answer_reader *r, const struct anthropic_block *b)
{
    struct ir_part p = {.kind = IR_PART_REASONING, .src = b->src};
    emit_begin(r, &p);
    emit_text(r, jv_str(b->thinking));
    emit_seal(r, jv_str(b->signature));
}

static void begin_redacted(struct answer_reader *r, const struct anthropic_block *b)
{
    struct ir_part p = {.kind = IR_PART_REASONING,
                        .redacted = true,
                        .seal = {.value = jv_str(b->data), .issuer = SELF},
                        .src = b->src};
    emit_begin(r, &p);
}

static void begin_call(struct answer_reader *r, const struct anthropic_block *b)
{
    struct reader *s = r->state;
    struct ir_part p = {
        .kind = IR_PART_CALL, .id = jv_str(b->id), .name = jv_str(b->name), .src = b->src};
    s->called = true;
    s->fed = false;
    s->input.n = 0;
    emit_begin(r, &p);
}

static const struct {
    const char *type;
    enum ir_part_kind kind;
    void (*begin)(struct answer_reader *r, const struct anthropic_block *b);
} kinds[] = {
    {"text", IR_PART_TEXT, begin_text},
    {"thinking", IR_PART_REASONING, begin_thinking},
    {"tool_use", IR_PART_CALL, begin_call},
    {"redacted_thinking", IR_PART_REASONING, begin_redacted},
};

/* False: it is another kind, to be taken when it is complete. */
static bool begin_block(struct answer_reader *r, const struct anthropic_block *b)
{
    struct reader *s = r->state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!str_eq(jv_str(b->type), str_c(kinds[i].type)))
            continue;
        s->kind = kinds[i].kind;
        kinds[i].begin(r, b);
        return true;
    }
    return false;
}

/* ---- blocks of a stream ---- */

static enum err too_long(struct fail *f)
{
    return fail_set(f, ERR_UP_TOO_LARGE, "a content block of the provider's answer is too long");
}

static enum err keep_text(struct answer_reader *r, struct kept *k, yyjson_val *v, struct fail *f)
{
    struct arena_mark mark = arena_mark(&r->scratch);
    bool kept = keep(r, k, json_text_of(v, &r->scratch));
    arena_rewind(&r->scratch, mark);
    return kept ? OK : too_long(f);
}

/* NULL when it is no JSON. */
static yyjson_val *tree_of(struct answer_reader *r, const struct kept *k)
{
    yyjson_val *v;
    return k->n && json_read(kept_str(k), &r->scratch, &v, NULL) == OK ? v : NULL;
}

/* The members of obj but its type, and those that come from somewhere else. */
static void write_members(yyjson_val *obj, yyjson_val *instead, yyjson_val *input,
                          struct json_writer *w)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        str key = jv_str(k);
        if (str_eq(key, S("type")) || yyjson_obj_getn(instead, key.p, key.n) ||
            (input && str_eq(key, S("input"))))
            continue;
        jw_key(w, key);
        jw_value(w, yyjson_obj_iter_get_val(k));
    }
}

/* The kept block with its input and members as they have become, as a tree in scratch. */
static yyjson_val *held_block(struct answer_reader *r)
{
    struct reader *s = r->state;
    yyjson_val *block = tree_of(r, &s->text), *extra = tree_of(r, &s->extra);
    yyjson_val *input = tree_of(r, &s->input);
    struct buf out;
    if (!block || (!extra && !input))
        return block;
    buf_init(&out, 4 * (size_t)KEPT_MAX);
    struct json_writer w = json_writer(&out);
    jw_object(&w);
    jw_kstr(&w, "type", jv_get_str(block, "type"));
    write_members(block, extra, input, &w);
    write_members(extra, NULL, input, &w);
    if (input)
        jw_kvalue(&w, "input", input);
    jw_object_end(&w);
    str text = str_dup(&r->scratch, buf_str(&out));
    buf_fini(&out);
    return json_read(text, &r->scratch, &block, NULL) == OK ? block : NULL;
}

/* Some copies of the API send a call's whole input with its start; and a call without arguments
 * gets none in pieces, where others want {}. */
static void flush_input(struct answer_reader *r)
{
    struct reader *s = r->state;
    if (s->kind == IR_PART_CALL && !s->fed)
        emit_text(r, s->input.n ? kept_str(&s->input) : S("{}"));
}

static void close_block(struct answer_reader *r)
{
    struct reader *s = r->state;
    struct anthropic_block b;
    if (!s->open)
        return;
    s->open = false;
    if (!s->held) {
        flush_input(r);
        emit_end(r);
        return;
    }
    yyjson_val *block = held_block(r);
    if (block) {
        anthropic_block(block, &b);
        emit_hosted(r, &b);
    }
}

static enum err read_block_start(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    struct reader *s = r->state;
    struct anthropic_block b;
    close_block(r);
    anthropic_block(jv_get(root, "content_block"), &b);
    s->block = jv_get_i64(root, "index", 0);
    s->open = true;
    s->held = !begin_block(r, &b);
    if (!s->held)
        return s->kind == IR_PART_CALL && yyjson_is_obj(b.input)
                   ? keep_text(r, &s->input, b.input, f)
                   : OK;
    s->kind = IR_PART_RAW;
    s->text.n = s->input.n = s->extra.n = 0;
    return keep_text(r, &s->text, b.src, f);
}

static enum err read_input(struct answer_reader *r, yyjson_val *delta, struct fail *f)
{
    struct reader *s = r->state;
    str json = jv_get_str(delta, "partial_json");
    if (s->held)
        return keep(r, &s->input, json) ? OK : too_long(f);
    if (s->kind != IR_PART_CALL || !json.n)
        return OK;
    s->fed = true;
    emit_text(r, json);
    return OK;
}

static enum err read_delta(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    struct reader *s = r->state;
    yyjson_val *delta = jv_get(root, "delta");
    str type = jv_get_str(delta, "type");
    if (!s->open || jv_get_i64(root, "index", s->block) != s->block)
        return OK;
    if (str_eq(type, S("input_json_delta")))
        return read_input(r, delta, f);
    if (s->held) { /* compaction_delta, and what is yet to be invented */
        s->extra.n = 0;
        return keep_text(r, &s->extra, delta, f);
    }
    if (str_eq(type, S("text_delta")) && s->kind == IR_PART_TEXT)
        emit_text(r, jv_get_str(delta, "text"));
    else if (str_eq(type, S("thinking_delta")) && s->kind == IR_PART_REASONING)
        emit_text(r, jv_get_str(delta, "thinking"));
    else if (str_eq(type, S("signature_delta")) && s->kind == IR_PART_REASONING)
        emit_seal(r, jv_get_str(delta, "signature"));
    else if (str_eq(type, S("citations_delta")) && s->kind == IR_PART_TEXT)
        emit_citation(r, jv_get(delta, "citation"));
    return OK;
}

/* ---- the end ---- */

/* The API may say why it declined; that is text like any refusal. */
static void emit_refusal(struct answer_reader *r, yyjson_val *details)
{
    struct ir_part p = {.kind = IR_PART_REFUSAL};
    str text = jv_get_str(details, "explanation");
    if (!text.n)
        return;
    emit_begin(r, &p);
    emit_text(r, text);
    emit_end(r);
}

/* holder: the message, or message_delta's delta. */
static void emit_finish(struct answer_reader *r, yyjson_val *holder, yyjson_val *src)
{
    struct reader *s = r->state;
    str reason = jv_get_str(holder, "stop_reason");
    if (!reason.n || s->finished)
        return;
    s->finished = true;
    emit_refusal(r, jv_get(holder, "stop_details"));
    struct ir_event e = {.kind = IR_EV_FINISH,
                         .finish = anthropic_finish(reason, s->called),
                         .native = reason,
                         .stop = jv_get_str(holder, "stop_sequence"),
                         .src = src};
    answer_emit(r, &e);
}

static void emit_error(struct answer_reader *r, yyjson_val *root)
{
    struct ir_error error;
    struct ir_event e = {.kind = IR_EV_ERROR, .error = &error};
    if (anthropic_read_error(root, 0, &error))
        answer_emit(r, &e);
}

static enum err read_start(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    (void)f;
    if (!r->started)
        emit_start(r, jv_get(root, "message"));
    return OK;
}

static enum err read_block_stop(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    struct reader *s = r->state;
    (void)f;
    if (jv_get_i64(root, "index", s->block) == s->block)
        close_block(r);
    return OK;
}

static enum err read_message_delta(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    (void)f;
    close_block(r);
    emit_finish(r, jv_get(root, "delta"), root);
    emit_usage(r, jv_get(root, "usage"));
    return OK;
}

static enum err read_stop(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    struct ir_event e = {.kind = IR_EV_END};
    (void)root;
    (void)f;
    close_block(r);
    answer_emit(r, &e);
    return OK;
}

static enum err read_error_event(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    (void)f;
    emit_error(r, root);
    return OK;
}

/* ---- the codec's side ---- */

static const struct {
    const char *type;
    enum err (*read)(struct answer_reader *r, yyjson_val *root, struct fail *f);
} events[] = {
    {"content_block_delta", read_delta},
    {"content_block_start", read_block_start},
    {"content_block_stop", read_block_stop},
    {"message_start", read_start},
    {"message_delta", read_message_delta},
    {"message_stop", read_stop},
    {"error", read_error_event},
};

enum err anthropic_read_event(struct answer_reader *r, str type, yyjson_val *root, struct fail *f)
{
    str named = jv_get_str(root, "type");
    if (named.n)
        type = named;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (!str_eq(type, str_c(events[i].type)))
            continue;
        if (!r->started && events[i].read != read_start && events[i].read != read_error_event)
            emit_start(r, NULL); /* copies of the API that forget how to begin */
        return events[i].read(r, root, f);
    }
    return OK; /* ping, and what is yet to be invented */
}

enum err anthropic_read_end(struct answer_reader *r, struct fail *f)
{
    (void)r;
    return fail_set(f, ERR_UP_CUT, "the provider's stream ended without message_stop");
}

static void read_block(struct answer_reader *r, yyjson_val *v)
{
    struct reader *s = r->state;
    struct anthropic_block b;
    anthropic_block(v, &b);
    if (!begin_block(r, &b)) {
        emit_hosted(r, &b);
        return;
    }
    if (s->kind == IR_PART_CALL)
        emit_text(r, yyjson_is_obj(b.input) ? json_text_of(b.input, r->life) : S("{}"));
    emit_end(r);
}

enum err anthropic_read_whole(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    struct reader *s = r->state;
    size_t i, n;
    yyjson_val *v, *content = jv_get(root, "content");
    if (jv_is(yyjson_obj_get(root, "type"), "error")) {
        emit_error(r, root);
        return OK;
    }
    if (!yyjson_is_arr(content))
        return fail_set(f, ERR_UP_PROTOCOL, "the provider's answer has no content");
    s->whole = true;
    emit_start(r, root);
    yyjson_arr_foreach (content, i, n, v) {
        read_block(r, v);
    }
    emit_finish(r, root, root);
    emit_usage(r, jv_get(root, "usage"));
    return read_stop(r, root, f);
}

bool anthropic_read_error(yyjson_val *root, int status, struct ir_error *out)
{
    yyjson_val *error = jv_get(root, "error");
    str type = jv_get_str(error, "type");
    *out = (struct ir_error){.status = status,
                             .type = type,
                             .code = jv_get_str(jv_get(error, "details"), "error_code"),
                             .message = jv_get_str(error, "message")};
    if (yyjson_is_str(error)) /* copies of the API with errors of their own */
        out->message = jv_str(error);
    if (!status)
        out->status = anthropic_error_status(type);
    return error != NULL;
}

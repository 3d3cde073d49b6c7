/*
 * dialect/anthropic/answer_write.c - events as the stream of this dialect's clients (SPEC 5.11).
 *
 *   message_start ( content_block_start content_block_delta* content_block_stop )*
 *   message_delta message_stop
 *
 * One block is open at a time, and blocks are numbered without gaps. Calls that are open side by
 * side (chat) wait their turn: what comes for the later ones is kept until the earlier one is over.
 * Blocks of text and thinking begin with their first piece, so that none is empty: clients send
 * them back, and the API refuses empty text.
 */
#include "dialect/anthropic/priv.h"
#include "ir/seal.h"

enum { HELD_MAX = 16 << 20, WORD_MAX = 48 };

/* A call that waits for another one to end. */
struct held {
    struct held *next;
    unsigned part;
    str id, name;
    enum ir_call_kind call;
    struct buf args;
    bool ended;
};

struct writer {
    bool started, over, failed;
    bool called, refused; /* for stop_reason */
    bool active;          /* a part is begun and not over ... */
    bool open;            /* ... and its block has been written */
    bool redacted;
    enum ir_part_kind kind;
    enum ir_call_kind call;
    unsigned part;  /* its index among the parts */
    uint64_t block; /* index of the open or next block */
    unsigned n_ids; /* ids made up so far */
    unsigned searches;
    str seal;     /* of the part; goes before its end */
    str unsealed; /* what stands for it if there is none */
    struct held *held;
    struct buf stop, explanation, piece;
    enum ir_finish finish;
    char native[WORD_MAX];
    struct usage usage;
};

_Static_assert(sizeof(struct writer) <= ANTHROPIC_WRITER_SIZE, "the state of a writer");

/* ---- frames ---- */

static void frame_end(struct buf *out)
{
    buf_lit(out, "}\n\n");
}

/* "event: TYPE\ndata: {"type":"TYPE" */
#define FRAME(out, type) buf_lit(out, "event: " type "\ndata: {\"type\":\"" type "\"")

static void put_index(const struct writer *s, struct buf *out)
{
    buf_lit(out, ",\"index\":");
    buf_put_u64(out, s->block);
}

static void put_delta(const struct writer *s, str head, str text, struct buf *out)
{
    FRAME(out, "content_block_delta");
    put_index(s, out);
    buf_lit(out, ",\"delta\":");
    buf_put(out, head);
    json_put_string(out, text);
    buf_put_char(out, '}');
    frame_end(out);
}

static void put_text(const struct writer *s, str text, struct buf *out)
{
    put_delta(s, S("{\"type\":\"text_delta\",\"text\":"), text, out);
}

static void put_input(const struct writer *s, str json, struct buf *out)
{
    put_delta(s, S("{\"type\":\"input_json_delta\",\"partial_json\":"), json, out);
}

static struct json_writer block_start(const struct writer *s, struct buf *out)
{
    FRAME(out, "content_block_start");
    put_index(s, out);
    buf_lit(out, ",\"content_block\":");
    return json_writer(out);
}

static void block_stop(struct writer *s, struct buf *out)
{
    FRAME(out, "content_block_stop");
    put_index(s, out);
    frame_end(out);
    s->block++;
}

/* ---- ids ---- */

/* Ids must fit ^[a-zA-Z0-9_-]+$ when they come back (SPEC 12.8); mapped alike each time, the next
 * request still pairs them. */
str anthropic_id(str id, const char *head, unsigned *n, const struct answer_ask *ask)
{
    bool fits = id.n > 0;
    char *p;
    for (size_t i = 0; i < id.n; i++) {
        char c = ascii_lower(id.p[i]);
        fits &= (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    }
    if (fits)
        return id;
    if (!id.n)
        return arena_printf(ask->arena, "%s_%.*s%u", head, STR_FMT(ask->nonce), (*n)++);
    p = arena_alloc(ask->arena, id.n);
    for (size_t i = 0; i < id.n; i++) {
        char c = ascii_lower(id.p[i]);
        fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        p[i] = fits ? id.p[i] : '_';
    }
    return str_of(p, id.n);
}

/*
 * The id of a hosted tool's call: ^srvtoolu_[a-zA-Z0-9_]+$. It bears the mark by which the blocks
 * are taken out again should the conversation come to a provider of this dialect, who would know
 * that it has searched for nothing.
 */
str anthropic_hosted_id(str id, unsigned *n, const struct answer_ask *ask)
{
    str parts[] = {S("srvtoolu_" IR_SEAL_MARK "_"), anthropic_id(id, "x", n, ask)};
    str whole = str_join(ask->arena, parts, 2);
    for (char *p = (char *)(uintptr_t)whole.p; p < whole.p + whole.n; p++) {
        if (*p == '-')
            *p = '_';
    }
    return whole;
}

/*
 * Of thinking that was not signed at all the mark alone, to us as much as none (ir/seal.h): a
 * provider of this dialect must not get it, and there are clients who throw away what comes without
 * a signature, when the provider who thought it may want it back.
 */
str anthropic_signature(const struct ir_seal *seal, const struct answer_ask *ask)
{
    if (!seal->value.n)
        return ask->from == SELF ? S("") : S(IR_SEAL_MARK);
    return ir_seal_pack(seal, SELF, ask->arena);
}

str anthropic_message_id(str id, const struct answer_ask *ask)
{
    if (str_starts(id, S("msg_")))
        return id;
    str parts[] = {S("msg_"), ask->nonce};
    return str_join(ask->arena, parts, 2);
}

/* ---- usage ---- */

static void count(const char *key, int64_t n, struct json_writer *w)
{
    if (n >= 0)
        jw_key(w, str_c(key)), jw_i64(w, n);
}

/* Members input_tokens to output_tokens_details. The API counts what the cache gave and took
 * beside the input (SPEC 5.9). */
void anthropic_write_counts(const struct usage *u, struct json_writer *w)
{
    int64_t beside = (u->cached > 0 ? u->cached : 0) + (u->cache_write > 0 ? u->cache_write : 0);
    int64_t input = u->input > beside ? u->input - beside : 0;
    jw_ki64(w, "input_tokens", input);
    count("cache_creation_input_tokens", u->cache_write, w);
    count("cache_read_input_tokens", u->cached, w);
    jw_ki64(w, "output_tokens", u->output > 0 ? u->output : 0);
    if (u->reasoning < 0)
        return;
    jw_key(w, S("output_tokens_details"));
    jw_object(w);
    jw_ki64(w, "thinking_tokens", u->reasoning);
    jw_object_end(w);
}

void anthropic_write_searches(unsigned searches, struct json_writer *w)
{
    if (!searches)
        return;
    jw_key(w, S("server_tool_use"));
    jw_object(w);
    jw_ku64(w, "web_search_requests", searches);
    jw_ku64(w, "web_fetch_requests", 0);
    jw_object_end(w);
}

/* ---- the message ---- */

static void write_start(struct writer *s, const struct answer_ask *ask, const struct ir_event *e,
                        struct buf *out)
{
    struct json_writer w;
    str tier = anthropic_tier(e->service_tier);
    if (s->started)
        return;
    s->started = true;
    if (e->kind == IR_EV_START)
        s->usage = e->usage;
    FRAME(out, "message_start");
    buf_lit(out, ",\"message\":");
    w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "id", anthropic_message_id(e->id, ask));
    jw_kstr(&w, "type", S("message"));
    jw_kstr(&w, "role", S("assistant"));
    jw_kstr(&w, "model", ask->model);
    jw_kraw(&w, "content", S("[]"));
    jw_knull(&w, "stop_reason");
    jw_knull(&w, "stop_sequence");
    jw_key(&w, S("usage"));
    jw_object(&w);
    anthropic_write_counts(&s->usage, &w);
    if (tier.n)
        jw_kstr(&w, "service_tier", tier);
    jw_object_end(&w);
    jw_object_end(&w);
    frame_end(out);
}

static void write_message_delta(struct writer *s, const struct answer_ask *ask, struct buf *out)
{
    struct json_writer w;
    str reason = anthropic_stop_reason(s->refused ? IR_FINISH_REFUSED : s->finish, s->called);
    if (ask->from == SELF && s->native[0])
        reason = str_c(s->native);
    FRAME(out, "message_delta");
    buf_lit(out, ",\"delta\":");
    w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "stop_reason", reason);
    if (s->stop.n)
        jw_kstr(&w, "stop_sequence", buf_str(&s->stop));
    else
        jw_knull(&w, "stop_sequence");
    if (s->explanation.n) {
        jw_key(&w, S("stop_details"));
        jw_object(&w);
        jw_kstr(&w, "type", S("refusal"));
        jw_knull(&w, "category");
        jw_kstr(&w, "explanation", buf_str(&s->explanation));
        jw_object_end(&w);
    }
    jw_object_end(&w);
    jw_key(&w, S("usage"));
    jw_object(&w);
    anthropic_write_counts(&s->usage, &w);
    anthropic_write_searches(s->searches, &w);
    jw_object_end(&w);
    frame_end(out);
}

/* ---- the open block ---- */

static void write_call_start(struct writer *s, str id, str name, struct buf *out)
{
    struct json_writer w = block_start(s, out);
    jw_object(&w);
    jw_kstr(&w, "type", S("tool_use"));
    jw_kstr(&w, "id", id);
    jw_kstr(&w, "name", name);
    jw_kraw(&w, "input", S("{}"));
    jw_object_end(&w);
    frame_end(out);
    s->active = s->open = true;
    s->kind = IR_PART_CALL;
}

/* The part's block, if it has not begun. */
static void open_block(struct writer *s, struct buf *out)
{
    struct json_writer w;
    if (s->open)
        return;
    s->open = true;
    w = block_start(s, out);
    jw_object(&w);
    if (s->kind != IR_PART_REASONING) {
        jw_kstr(&w, "type", S("text"));
        jw_kstr(&w, "text", S(""));
    } else if (s->redacted) {
        jw_kstr(&w, "type", S("redacted_thinking"));
        jw_kstr(&w, "data", s->seal);
    } else {
        jw_kstr(&w, "type", S("thinking"));
        jw_kstr(&w, "thinking", S(""));
        jw_kstr(&w, "signature", S(""));
    }
    jw_object_end(&w);
    frame_end(out);
}

/* A custom tool's text within {"input":"..."}; the client of this dialect knows no other calls. */
static void put_custom(struct writer *s, str text, struct buf *out)
{
    str piece;
    buf_clear(&s->piece);
    json_put_string(&s->piece, text);
    piece = buf_str(&s->piece);
    if (piece.n > 2)
        put_input(s, str_of(piece.p + 1, piece.n - 2), out);
}

static void put_args(struct writer *s, str text, struct buf *out)
{
    if (s->call == IR_CALL_CUSTOM)
        put_custom(s, text, out);
    else if (text.n)
        put_input(s, text, out);
}

static void begin_call(struct writer *s, unsigned part, enum ir_call_kind call, str id, str name,
                       struct buf *out)
{
    s->part = part;
    s->call = call;
    write_call_start(s, id, name, out);
    if (call == IR_CALL_CUSTOM)
        put_input(s, S("{\"input\":\""), out);
}

static void close_thinking(struct writer *s, struct buf *out)
{
    str signature = s->seal.n ? s->seal : s->unsealed;
    if (s->seal.n)
        open_block(s, out);
    if (s->open && !s->redacted && signature.n)
        put_delta(s, S("{\"type\":\"signature_delta\",\"signature\":"), signature, out);
}

static void close_part(struct writer *s, struct buf *out)
{
    if (!s->active)
        return;
    if (s->kind == IR_PART_REASONING)
        close_thinking(s, out);
    if (s->open && s->kind == IR_PART_CALL && s->call == IR_CALL_CUSTOM)
        put_input(s, S("\"}"), out);
    if (s->open)
        block_stop(s, out);
    s->active = s->open = false;
    s->seal = (str){NULL, 0};
}

/* ---- calls that wait ---- */

static void hold(struct writer *s, const struct answer_ask *ask, const struct ir_event *e, str id)
{
    struct held *h = arena_new(ask->arena, struct held), **end = &s->held;
    while (*end)
        end = &(*end)->next;
    h->part = e->index;
    h->id = str_dup(ask->arena, id);
    h->name = str_dup(ask->arena, e->part->name);
    h->call = e->part->call;
    buf_init(&h->args, HELD_MAX);
    *end = h;
}

static struct held *held_of(struct writer *s, unsigned part)
{
    struct held *h = s->held;
    while (h && h->part != part)
        h = h->next;
    return h;
}

/* The next call gets its turn; those that are over already are written whole. */
static void next_held(struct writer *s, struct buf *out)
{
    while (s->held && !s->active) {
        struct held *h = s->held;
        s->held = h->next;
        begin_call(s, h->part, h->call, h->id, h->name, out);
        put_args(s, buf_str(&h->args), out);
        buf_fini(&h->args);
        if (h->ended)
            close_part(s, out);
    }
}

static void close_all(struct writer *s, struct buf *out)
{
    close_part(s, out);
    for (struct held *h = s->held; h; h = h->next)
        h->ended = true;
    next_held(s, out);
}

/* ---- parts ---- */

static void begin_held_or_now(struct writer *s, const struct answer_ask *ask,
                              const struct ir_event *e, struct buf *out)
{
    str id = anthropic_id(e->part->id, "toolu", &s->n_ids, ask);
    s->called = true;
    if (s->active && s->kind == IR_PART_CALL) {
        hold(s, ask, e, id);
        return;
    }
    close_part(s, out);
    begin_call(s, e->index, e->part->call, id, e->part->name, out);
}

/* What another provider searched or ran, as the two blocks it is here. */
static void write_hosted(struct writer *s, const struct answer_ask *ask, const struct ir_part *p,
                         struct buf *out)
{
    str id = anthropic_hosted_id(p->id, &s->n_ids, ask);
    struct json_writer w = block_start(s, out);
    anthropic_write_hosted_call(p, id, false, &w);
    frame_end(out);
    put_input(s, anthropic_hosted_input(p, ask->arena), out);
    block_stop(s, out);
    w = block_start(s, out);
    anthropic_write_hosted_result(p, id, ask->arena, &w);
    frame_end(out);
    block_stop(s, out);
    s->searches += p->kind == IR_PART_SEARCH;
}

/* A block of this dialect. The input of a hosted call comes as its own providers send it. */
static void write_own(struct writer *s, const struct answer_ask *ask, yyjson_val *src,
                      struct buf *out)
{
    yyjson_val *input = yyjson_obj_get(src, "input");
    struct json_writer w = block_start(s, out);
    yyjson_obj_iter it = yyjson_obj_iter_with(src);
    jw_object(&w);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        jw_key(&w, jv_str(k));
        if (v == input && yyjson_is_obj(v))
            jw_raw(&w, S("{}"));
        else
            jw_value(&w, v);
    }
    jw_object_end(&w);
    frame_end(out);
    if (yyjson_obj_size(input))
        put_input(s, json_text_of(input, ask->arena), out);
    block_stop(s, out);
}

static void write_complete(struct writer *s, const struct answer_ask *ask, const struct ir_part *p,
                           struct buf *out)
{
    close_all(s, out);
    if (ask->from == SELF && p->src)
        write_own(s, ask, p->src, out);
    else if (p->kind != IR_PART_RAW)
        write_hosted(s, ask, p, out);
}

static void take_seal(struct writer *s, const struct answer_ask *ask, const struct ir_seal *seal)
{
    if (s->kind == IR_PART_REASONING && seal->value.n)
        s->seal = str_dup(ask->arena, anthropic_signature(seal, ask));
}

static void begin_part(struct writer *s, const struct answer_ask *ask, const struct ir_event *e,
                       struct buf *out)
{
    const struct ir_part *p = e->part;
    switch (p->kind) {
    case IR_PART_CALL: begin_held_or_now(s, ask, e, out); return;
    case IR_PART_SEARCH:
    case IR_PART_CODE:
    case IR_PART_RAW: write_complete(s, ask, p, out); return;
    case IR_PART_TEXT:
    case IR_PART_REFUSAL:
    case IR_PART_REASONING: break;
    default: close_all(s, out); return; /* the dialect has no images or sounds to give */
    }
    close_all(s, out);
    s->active = true;
    s->kind = p->kind;
    s->part = e->index;
    s->redacted = p->redacted;
    s->refused |= p->kind == IR_PART_REFUSAL;
    s->unsealed = anthropic_signature(&(struct ir_seal){.issuer = SELF}, ask);
    take_seal(s, ask, &p->seal);
    if (ask->from == SELF && p->kind != IR_PART_REFUSAL)
        open_block(s, out);
}

static void add_delta(struct writer *s, const struct answer_ask *ask, const struct ir_event *e,
                      struct buf *out)
{
    struct held *h;
    if (!e->text.n)
        return;
    if (!s->active || s->part != e->index) {
        h = held_of(s, e->index);
        if (h)
            buf_put(&h->args, e->text);
        s->failed |= h && h->args.failed;
    } else if (s->kind == IR_PART_CALL) {
        put_args(s, e->text, out);
    } else if (s->kind == IR_PART_REFUSAL && ask->from == SELF) {
        buf_put(&s->explanation, e->text);
    } else if (!s->redacted) {
        open_block(s, out);
        if (s->kind == IR_PART_REASONING)
            put_delta(s, S("{\"type\":\"thinking_delta\",\"thinking\":"), e->text, out);
        else
            put_text(s, e->text, out);
    }
}

/* A page is a result of a web search. The index would tie it to one, if its own provider had given
 * it: ours only says that it is none. */
void anthropic_write_citation(const struct ir_citation *c, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "type", S("web_search_result_location"));
    jw_kstr(w, "cited_text", c->quote);
    jw_kstr(w, "url", c->url);
    jw_kstr(w, "title", c->title.n ? c->title : c->url);
    jw_kstr(w, "encrypted_index", S(IR_SEAL_MARK));
    jw_object_end(w);
}

static void add_citation(struct writer *s, const struct answer_ask *ask, const struct ir_event *e,
                         struct buf *out)
{
    bool own = ask->from == SELF && e->citation->src;
    struct json_writer w;
    if (!s->active || s->part != e->index || s->kind != IR_PART_TEXT ||
        (!own && !e->citation->url.n))
        return;
    open_block(s, out);
    FRAME(out, "content_block_delta");
    put_index(s, out);
    buf_lit(out, ",\"delta\":{\"type\":\"citations_delta\",\"citation\":");
    w = json_writer(out);
    if (own)
        jw_value(&w, e->citation->src);
    else
        anthropic_write_citation(e->citation, &w);
    buf_put_char(out, '}');
    frame_end(out);
}

static void end_part(struct writer *s, const struct ir_event *e, struct buf *out)
{
    if (s->active && s->part == e->index) {
        close_part(s, out);
        next_held(s, out);
        return;
    }
    struct held *h = held_of(s, e->index);
    if (h)
        h->ended = true;
}

/* ---- the end ---- */

static void set_finish(struct writer *s, const struct ir_event *e, struct buf *out)
{
    str native = str_head(e->native, WORD_MAX - 1);
    close_all(s, out);
    s->finish = e->finish;
    if (native.n)
        memcpy(s->native, native.p, native.n);
    s->native[native.n] = '\0';
    buf_clear(&s->stop);
    buf_put(&s->stop, e->stop);
}

static void put_error(const struct ir_error *e, struct buf *out)
{
    struct json_writer w;
    FRAME(out, "error");
    buf_lit(out, ",\"error\":");
    w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "type", anthropic_error_type(e));
    jw_kstr(&w, "message", e->message);
    jw_object_end(&w);
    frame_end(out);
}

static void write_end(struct writer *s, const struct answer_ask *ask, struct buf *out)
{
    close_all(s, out);
    write_message_delta(s, ask, out);
    FRAME(out, "message_stop");
    frame_end(out);
    s->over = true;
}

static void init(struct writer *s)
{
    if (s->stop.max)
        return;
    s->usage = USAGE_NONE;
    buf_init(&s->stop, 1 << 16);
    buf_init(&s->explanation, 1 << 20);
    buf_init(&s->piece, HELD_MAX);
}

void anthropic_write_event(void *state, const struct answer_ask *ask, const struct ir_event *e,
                           struct buf *out)
{
    static const struct ir_error too_much = {
        .status = 500, .message = S("parallel tool calls are too large to be put in order")};
    struct writer *s = state;
    init(s);
    if (s->over || e->choice)
        return;
    if (e->kind == IR_EV_ERROR || s->failed) {
        put_error(s->failed ? &too_much : e->error, out);
        s->over = true;
        return;
    }
    write_start(s, ask, e, out);
    switch (e->kind) {
    case IR_EV_PART_BEGIN: begin_part(s, ask, e, out); break;
    case IR_EV_DELTA: add_delta(s, ask, e, out); break;
    case IR_EV_SEAL:
        if (s->active && s->part == e->index)
            take_seal(s, ask, &e->part->seal);
        break;
    case IR_EV_CITATION: add_citation(s, ask, e, out); break;
    case IR_EV_PART_END: end_part(s, e, out); break;
    case IR_EV_FINISH: set_finish(s, e, out); break;
    case IR_EV_USAGE: usage_merge(&s->usage, &e->usage); break;
    case IR_EV_END: write_end(s, ask, out); break;
    default: break;
    }
}

void anthropic_write_fini(void *state)
{
    struct writer *s = state;
    for (struct held *h = s->held; h; h = h->next)
        buf_fini(&h->args);
    buf_fini(&s->stop);
    buf_fini(&s->explanation);
    buf_fini(&s->piece);
}

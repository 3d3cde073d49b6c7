/*
 * dialect/openai_chat/answer_write.c - events as chunks.
 *
 * SPEC 5.11: the role first, with content ""; text and reasoning as they come; of a call first
 * index, id, type and name, then its arguments; the finish reason in a chunk of its own; usage, if
 * the client asked for it, with choices []; [DONE].
 */
#include "dialect/openai_chat/writer.h"

struct writing {
    struct chat_stream *s;
    const struct answer_ask *ask;
    struct buf *out;
    struct chat_out_choice *choice;
};

/* A chunk with one choice, open inside its delta. */
static struct json_writer open_delta(const struct writing *wr)
{
    buf_put(wr->out, buf_str(&wr->s->head));
    buf_lit(wr->out, "[{\"index\":");
    buf_put_u64(wr->out, wr->choice->index);
    buf_lit(wr->out, ",\"delta\":{");
    return json_writer(wr->out);
}

/* What follows the choices: usage is null until the last chunk, if it is asked for. */
static void close_chunk(const struct writing *wr)
{
    buf_lit(wr->out, "}]");
    if (wr->ask->include_usage)
        buf_lit(wr->out, ",\"usage\":null");
    buf_lit(wr->out, "}\n\n");
}

static void close_delta(const struct writing *wr)
{
    buf_lit(wr->out, "},\"finish_reason\":null");
    close_chunk(wr);
}

static void put_text(const struct writing *wr, str member, str text)
{
    struct json_writer w = open_delta(wr);
    jw_key(&w, member);
    jw_str(&w, text);
    close_delta(wr);
}

static void want_choice(struct writing *wr, unsigned index)
{
    const struct chat_out_choice *known = wr->s->choices;
    while (known && known->index != index)
        known = known->next;
    wr->choice = chat_out_choice_of(wr->s, wr->ask, index);
    if (known)
        return;
    struct json_writer w = open_delta(wr);
    jw_kstr(&w, "role", S("assistant"));
    jw_kstr(&w, "content", S(""));
    close_delta(wr);
}

/* ---- calls ---- */

static struct json_writer open_call(const struct writing *wr, const struct chat_out_part *p)
{
    struct json_writer w = open_delta(wr);
    jw_key(&w, S("tool_calls"));
    jw_array(&w);
    jw_object(&w);
    jw_ku64(&w, "index", p->call);
    return w;
}

static void close_call(const struct writing *wr, struct json_writer *w)
{
    jw_object_end(w);
    jw_array_end(w);
    close_delta(wr);
}

static void begin_call(const struct writing *wr, const struct chat_out_part *p,
                       const struct ir_part *part)
{
    struct json_writer w = open_call(wr, p);
    chat_open_call(&w, part, wr->ask, wr->choice->index, p->call);
    jw_key(&w, p->custom ? S("input") : S("arguments"));
    jw_str(&w, S(""));
    jw_object_end(&w);
    if (part->seal.value.n)
        chat_call_seal_write(&w, &part->seal, wr->ask->arena);
    close_call(wr, &w);
}

static void put_arguments(const struct writing *wr, const struct chat_out_part *p, str text)
{
    struct json_writer w = open_call(wr, p);
    jw_key(&w, p->custom ? S("custom") : S("function"));
    jw_object(&w);
    jw_key(&w, p->custom ? S("input") : S("arguments"));
    jw_str(&w, text);
    jw_object_end(&w);
    close_call(wr, &w);
}

/* ---- reasoning ---- */

/* Parts of reasoning are one text to the client, with blank lines between (SPEC 5.1). */
static void put_thought(const struct writing *wr, struct chat_out_part *p, str text)
{
    struct json_writer w = open_delta(wr);
    str apart[] = {S("\n\n"), text};
    jw_kstr(&w, "reasoning_content", p->apart ? str_join(wr->ask->arena, apart, 2) : text);
    close_delta(wr);
    buf_put(&wr->choice->thought, text);
    p->apart = false;
    wr->choice->reasoned = true;
}

/* The signature, with the text it is of, in the form that OpenRouter's clients send back. */
static void put_detail(const struct writing *wr, const struct ir_part *sealed, bool redacted)
{
    struct chat_out_choice *c = wr->choice;
    struct ir_part part = {.kind = IR_PART_REASONING, .redacted = redacted, .seal = sealed->seal};
    struct arena scratch;
    arena_init(&scratch);
    struct json_writer w = open_delta(wr);
    jw_key(&w, S("reasoning_details"));
    jw_array(&w);
    chat_detail_write(&w, &part, c->thought.failed ? S("") : buf_str(&c->thought), c->details++,
                      &scratch);
    jw_array_end(&w);
    close_delta(wr);
    arena_fini(&scratch);
}

/* ---- parts ---- */

static void put_seal(const struct writing *wr, const struct chat_out_part *p,
                     const struct ir_part *sealed)
{
    if (!sealed->seal.value.n)
        return;
    if (p->kind == IR_PART_REASONING) {
        put_detail(wr, sealed, sealed->redacted);
    } else if (p->kind == IR_PART_TEXT) {
        struct json_writer w = open_delta(wr);
        chat_call_seal_write(&w, &sealed->seal, wr->ask->arena);
        close_delta(wr);
    } else if (p->kind == IR_PART_CALL) {
        struct json_writer w = open_call(wr, p);
        jw_kraw(&w, "function", S("{\"arguments\":\"\"}")); /* clients look into it unasked */
        chat_call_seal_write(&w, &sealed->seal, wr->ask->arena);
        close_call(wr, &w);
    }
}

static void put_image(const struct writing *wr, const struct ir_part *part)
{
    struct json_writer w = open_delta(wr);
    jw_key(&w, S("images"));
    jw_array(&w);
    chat_put_image(&w, part, 0);
    jw_array_end(&w);
    close_delta(wr);
}

static void put_audio(const struct writing *wr, const struct ir_part *part)
{
    struct json_writer w = open_delta(wr);
    jw_key(&w, S("audio"));
    chat_put_audio(&w, part, S(""), wr->ask);
    close_delta(wr);
}

static void on_part_begin(struct writing *wr, const struct ir_event *e)
{
    const struct ir_part *part = e->part;
    struct chat_out_choice *c = wr->choice;
    struct chat_out_part *p = arena_new(wr->ask->arena, struct chat_out_part);
    *p = (struct chat_out_part){.next = c->parts,
                                .index = e->index,
                                .kind = part->kind,
                                .custom = part->call == IR_CALL_CUSTOM,
                                .apart = c->reasoned,
                                .begins = c->chars};
    c->parts = p;
    if (part->kind == IR_PART_CALL) {
        p->call = c->calls++;
        begin_call(wr, p, part);
    } else if (part->kind == IR_PART_IMAGE && part->media) {
        put_image(wr, part);
    } else if (part->kind == IR_PART_AUDIO && part->media) {
        put_audio(wr, part);
    } else if (part->kind == IR_PART_REASONING) {
        buf_clear(&c->thought);
        put_seal(wr, p, part);
    } else {
        c->refused |= part->kind == IR_PART_REFUSAL;
        put_seal(wr, p, part);
    }
}

static void on_delta(struct writing *wr, const struct ir_event *e)
{
    struct chat_out_part *p = chat_out_part_of(wr->choice, e->index);
    if (!p || !e->text.n)
        return;
    switch (p->kind) {
    case IR_PART_TEXT:
        put_text(wr, S("content"), e->text);
        wr->choice->chars += (int64_t)str_chars(e->text);
        break;
    case IR_PART_REFUSAL: put_text(wr, S("refusal"), e->text); break;
    case IR_PART_REASONING: put_thought(wr, p, e->text); break;
    case IR_PART_CALL:
        put_arguments(wr, p, e->text);
        p->told |= e->text.n > 0;
        break;
    case IR_PART_AUDIO: {
        struct json_writer w = open_delta(wr);
        jw_key(&w, S("audio"));
        jw_object(&w);
        jw_kstr(&w, "transcript", e->text);
        jw_object_end(&w);
        close_delta(wr);
        break;
    }
    default: break;
    }
}

/* A call without arguments: Anthropic's streams send none, clients here parse what they have. */
static void on_part_end(struct writing *wr, const struct ir_event *e)
{
    const struct chat_out_part *p = chat_out_part_of(wr->choice, e->index);
    if (p && p->kind == IR_PART_CALL && !p->custom && !p->told)
        put_arguments(wr, p, S("{}"));
    chat_out_part_over(wr->choice, e->index);
}

static void on_citation(struct writing *wr, const struct ir_event *e)
{
    const struct chat_out_part *p = chat_out_part_of(wr->choice, e->index);
    if (!p || p->kind != IR_PART_TEXT || !chat_can_cite(e->citation))
        return;
    struct json_writer w = open_delta(wr);
    jw_key(&w, S("annotations"));
    jw_array(&w);
    chat_put_citation(&w, e->citation, p->begins, wr->choice->chars);
    jw_array_end(&w);
    close_delta(wr);
}

/* The delta they are of is out already. */
static void on_logprobs(struct writing *wr, const struct ir_event *e)
{
    struct json_writer w = open_delta(wr);
    jw_kstr(&w, "content", S(""));
    buf_lit(wr->out, "},\"logprobs\":{\"content\":");
    w.comma = false;
    jw_value(&w, e->json);
    buf_lit(wr->out, ",\"refusal\":null},\"finish_reason\":null");
    close_chunk(wr);
}

/* ---- ends ---- */

/* Kept until the end: the reason is a choice's last word, and some providers have more to say. */
static void on_finish(struct writing *wr, const struct ir_event *e)
{
    wr->choice->finished = true;
    wr->choice->finish = e->finish;
    wr->choice->native = str_dup(wr->ask->arena, e->native);
}

static void put_finish(const struct writing *wr)
{
    const struct chat_out_choice *c = wr->choice;
    enum ir_finish why = c->finished ? c->finish : c->calls ? IR_FINISH_CALLS : IR_FINISH_STOP;
    str word = chat_finish_word(why, c->refused);
    open_delta(wr);
    buf_lit(wr->out, "}");
    struct json_writer w = {wr->out, true};
    jw_kstr(&w, "finish_reason", word);
    chat_put_native(&w, c->native, word);
    close_chunk(wr);
}

static void on_end(struct writing *wr)
{
    want_choice(wr, 0);
    for (wr->choice = wr->s->choices; wr->choice; wr->choice = wr->choice->next)
        put_finish(wr);
    chat_stream_end(wr->s, wr->ask, wr->out);
}

void chat_write_event(void *state, const struct answer_ask *ask, const struct ir_event *e,
                      struct buf *out)
{
    struct writing wr = {state, ask, out, NULL};
    if (!chat_stream_goes_on(wr.s, ask, e, out))
        return;
    if (e->kind == IR_EV_END) {
        on_end(&wr);
        return;
    }
    if (e->kind == IR_EV_USAGE)
        return;
    want_choice(&wr, e->choice);
    switch (e->kind) {
    case IR_EV_PART_BEGIN: on_part_begin(&wr, e); break;
    case IR_EV_DELTA: on_delta(&wr, e); break;
    case IR_EV_SEAL: {
        const struct chat_out_part *p = chat_out_part_of(wr.choice, e->index);
        if (p)
            put_seal(&wr, p, e->part);
        break;
    }
    case IR_EV_CITATION: on_citation(&wr, e); break;
    case IR_EV_LOGPROBS: on_logprobs(&wr, e); break;
    case IR_EV_PART_END: on_part_end(&wr, e); break;
    case IR_EV_FINISH: on_finish(&wr, e); break;
    default: break;
    }
}

/*
 * channel/sim_speak.c - the plan as events of the neutral form, written by the dialect's codec: the
 * same writer that translated answers leave by. The steps of a stream are in sim_plan.c.
 */
#include "channel/sim_priv.h"

static const struct codec *codec_of(const struct sim_ask *a)
{
    return a->rq->operation == SIM_COMPLETIONS ? &codec_completions : codec_get(a->rq->dialect);
}

/* Responses answers repeat the request; it is read once more, as the gateway's clients are. */
static str echo_of(struct sim_ask *a, const struct codec *codec)
{
    struct ir_request rq;
    struct fail f;
    if (!codec->request_echo || codec_read_request(codec, a->rq->body, a->arena, &rq, &f))
        return S("");
    return codec->request_echo(&rq, a->arena);
}

void sim_speak_init(struct sim_plan *p, struct sim_ask *a)
{
    p->codec = codec_of(a);
    p->ask = (struct answer_ask){
        .arena = p->arena,
        .model = p->model,
        .include_usage = a->include_usage,
        .json_array = a->json_array,
        .legacy = a->rq->operation == SIM_COMPLETIONS,
        .nonce = str_of(p->nonce, 24),
        .now = (int64_t)p->created,
        .from = a->rq->dialect,
        .codex = true, /* the API itself ends with response.failed */
        .echo = echo_of(a, p->codec),
    };
    p->voice = arena_zero(p->arena, p->codec->writer_size);
}

void sim_speak_fini(struct sim_plan *p)
{
    if (p->codec->write_fini)
        p->codec->write_fini(p->voice);
}

/* ---- One event each. ---- */

/* Where the events go: to the codec's writer, or into a whole answer. */
struct mouth {
    struct sim_plan *plan;
    struct buf *out;
    struct ir_answer *whole;
};

static void say(const struct mouth *m, const struct ir_event *e)
{
    if (m->whole)
        ir_answer_take(m->whole, e);
    else
        m->plan->codec->write_event(m->plan->voice, &m->plan->ask, e, m->out);
}

static struct usage usage_of(const struct sim_plan *p)
{
    return (struct usage){.input = (int64_t)p->input_tokens,
                          .output = (int64_t)p->output_tokens,
                          .cached = 0,
                          .cache_write = 0,
                          .reasoning = (int64_t)p->reasoning_tokens};
}

static void say_start(const struct mouth *m)
{
    const struct sim_plan *p = m->plan;
    struct usage known = USAGE_NONE;
    known.input = (int64_t)p->input_tokens;
    known.cached = known.cache_write = 0;
    say(m, &(struct ir_event){.kind = IR_EV_START,
                              .id = p->id,
                              .model = p->model,
                              .created = (int64_t)p->created,
                              .usage = known});
}

/* Gemini keeps reasoning that nobody asked to see to itself, and seals what follows it; when it
 * declines it says so in one word, without a text. */
static bool hidden(const struct sim_plan *p, const struct sim_block *b)
{
    return p->ask.from == DIALECT_GEMINI &&
           (b->kind == SIM_REFUSAL || (b->kind == SIM_REASONING && !p->reasoning_shown));
}

static bool sealed(const struct sim_plan *p, const struct sim_block *b)
{
    switch (p->ask.from) {
    case DIALECT_RESPONSES: return b->kind == SIM_REASONING && p->reasoning_sealed;
    case DIALECT_ANTHROPIC: return b->kind == SIM_REASONING;
    case DIALECT_GEMINI: return b->kind != SIM_REASONING;
    default: return false;
    }
}

static struct ir_part part_of(const struct sim_plan *p, const struct sim_block *b)
{
    static const enum ir_part_kind kinds[] = {[SIM_REASONING] = IR_PART_REASONING,
                                              [SIM_TEXT] = IR_PART_TEXT,
                                              [SIM_REFUSAL] = IR_PART_REFUSAL,
                                              [SIM_CALL] = IR_PART_CALL,
                                              [SIM_CUSTOM_CALL] = IR_PART_CALL};
    struct ir_part part = {
        .kind = kinds[b->kind],
        .call = b->kind == SIM_CUSTOM_CALL ? IR_CALL_CUSTOM : IR_CALL_FUNCTION,
        .id = b->id,
        .item = b->item,
        .name = b->name,
        .space = b->space,
    };
    if (sealed(p, b))
        part.seal = (struct ir_seal){.value = b->seal, .id = b->item, .issuer = p->ask.from};
    return part;
}

static void say_open(const struct mouth *m, const struct sim_block *b)
{
    struct ir_part part = part_of(m->plan, b);
    if (b->kind == SIM_REASONING)
        part.seal.value = S(""); /* comes with the end */
    if (!hidden(m->plan, b))
        say(m,
            &(struct ir_event){
                .kind = IR_EV_PART_BEGIN, .choice = b->choice, .index = b->index, .part = &part});
}

static void say_text(const struct mouth *m, const struct sim_block *b, str piece)
{
    bool silent = hidden(m->plan, b) || (b->kind == SIM_REASONING && !m->plan->reasoning_shown);
    if (!silent)
        say(m, &(struct ir_event){
                   .kind = IR_EV_DELTA, .choice = b->choice, .index = b->index, .text = piece});
}

static void say_close(const struct mouth *m, const struct sim_block *b)
{
    struct ir_part part = part_of(m->plan, b);
    if (hidden(m->plan, b))
        return;
    if (b->kind == SIM_REASONING && part.seal.value.n)
        say(m, &(struct ir_event){
                   .kind = IR_EV_SEAL, .choice = b->choice, .index = b->index, .part = &part});
    say(m, &(struct ir_event){.kind = IR_EV_PART_END, .choice = b->choice, .index = b->index});
}

static void say_finish(const struct mouth *m, size_t choice)
{
    static const enum ir_finish reasons[SIM_FINISHES] = {
        [SIM_FINISH_STOP] = IR_FINISH_STOP,       [SIM_FINISH_SEQUENCE] = IR_FINISH_SEQUENCE,
        [SIM_FINISH_LENGTH] = IR_FINISH_LENGTH,   [SIM_FINISH_CALLS] = IR_FINISH_CALLS,
        [SIM_FINISH_REFUSED] = IR_FINISH_REFUSED, [SIM_FINISH_FILTERED] = IR_FINISH_FILTERED};
    const struct sim_choice *c = &m->plan->choices[choice];
    say(m, &(struct ir_event){.kind = IR_EV_FINISH,
                              .choice = (unsigned)choice,
                              .finish = reasons[c->finish],
                              .stop = c->finish == SIM_FINISH_SEQUENCE ? c->stop : S("")});
}

static void say_end(const struct mouth *m)
{
    say(m, &(struct ir_event){.kind = IR_EV_USAGE, .usage = usage_of(m->plan)});
    say(m, &(struct ir_event){.kind = IR_EV_END});
}

/* ---- A stream, step by step. ---- */

#define MOUTH(p, buffer) (&(const struct mouth){.plan = (p), .out = (buffer)})

void sim_speak_start(struct sim_plan *p, struct buf *out)
{
    say_start(MOUTH(p, out));
}

void sim_speak_open(struct sim_plan *p, const struct sim_block *b, struct buf *out)
{
    say_open(MOUTH(p, out), b);
    if (p->ask.from == DIALECT_ANTHROPIC && !p->pinged)
        buf_lit(out, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
    p->pinged = true;
}

void sim_speak_text(struct sim_plan *p, const struct sim_block *b, str piece, struct buf *out)
{
    say_text(MOUTH(p, out), b, piece);
}

void sim_speak_close(struct sim_plan *p, const struct sim_block *b, struct buf *out)
{
    say_close(MOUTH(p, out), b);
}

void sim_speak_finish(struct sim_plan *p, size_t choice, struct buf *out)
{
    say_finish(MOUTH(p, out), choice);
}

void sim_speak_end(struct sim_plan *p, struct buf *out)
{
    say_end(MOUTH(p, out));
}

void sim_speak_failure(struct sim_plan *p, struct buf *out)
{
    const struct ir_error overloaded = {.status = 529,
                                        .type = S("overloaded_error"),
                                        .code = S("server_error"),
                                        .message = S("Overloaded"),
                                        .param = S("")};
    say(MOUTH(p, out), &(struct ir_event){.kind = IR_EV_ERROR, .error = &overloaded});
}

/* ---- All of it. ---- */

void sim_speak_whole(struct sim_plan *p, struct buf *out)
{
    struct ir_answer whole;
    const struct mouth m = {.plan = p, .whole = &whole};
    ir_answer_init(&whole, p->arena, p->ask.from, SIM_BODY_MAX, true);
    say_start(&m);
    for (size_t k = 0; k < p->n_choices; k++) {
        const struct sim_choice *c = &p->choices[k];
        for (size_t i = 0; i < c->count; i++) {
            const struct sim_block *b = &p->blocks[c->first + i];
            say_open(&m, b);
            say_text(&m, b, b->text);
            say_close(&m, b);
        }
        say_finish(&m, k);
    }
    say_end(&m);
    p->codec->write_whole(&p->ask, &whole, out);
}

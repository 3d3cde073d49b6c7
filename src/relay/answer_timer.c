/*
 * relay/answer_timer.c - heartbeats and time-outs: one timer, the nearest of what is due.
 */
#include "relay/exchange.h"

static uint64_t now_ms(const struct exchange *x)
{
    return worker_now_ms(&x->lane->worker);
}

static uint64_t due_in(uint64_t since, uint64_t span, uint64_t now)
{
    if (span == 0)
        return UINT64_MAX;
    uint64_t at = since + span;
    return at > now ? at - now : 0;
}

/* White space before a document is harmless in JSON only. */
static bool answers_in_json(const struct operation *op)
{
    return op->dialect != DIALECT_GEMINI && op->id != OP_AUDIO_SPEECH &&
           op->id != OP_AUDIO_TRANSCRIPTIONS && op->id != OP_AUDIO_TRANSLATIONS;
}

static uint64_t heartbeat_ms(const struct exchange *x)
{
    if (answer_speaks_events(x) && x->committed)
        return (uint64_t)x->config->stream_keepalive_s * 1000;
    if (!x->stream && x->op && answers_in_json(x->op) && x->mode != ANSWER_BYTES)
        return (uint64_t)x->config->nonstream_keepalive_s * 1000;
    return 0;
}

static uint64_t silence_limit(const struct exchange *x)
{
    const struct timeouts *t = &x->target->provider->timeouts;
    return x->first_ns && x->mode != ANSWER_NONE ? t->idle_ms : t->first_byte_ms;
}

/* Until something arrived, silence counts from the sending; later from the last bytes. */
static uint64_t silent_since(const struct exchange *x)
{
    return x->first_ns && x->mode != ANSWER_NONE ? x->up_ms : x->sent_ms;
}

void answer_arm(struct exchange *x)
{
    uint64_t now = now_ms(x);
    const struct timeouts *t = &x->target->provider->timeouts;
    uint64_t ms = x->paused ? UINT64_MAX : due_in(silent_since(x), silence_limit(x), now);
    uint64_t total = due_in(x->began_ms, t->total_ms, now);
    uint64_t beat = due_in(x->out_ms, heartbeat_ms(x), now);
    if (total < ms)
        ms = total;
    if (beat < ms)
        ms = beat;
    /* A pause or a heartbeat that begins later is looked at once a second at the latest. */
    if (ms > 1000 && (x->config->stream_keepalive_s || x->paused))
        ms = 1000;
    deadline_set(&x->timer, ms == UINT64_MAX ? 0 : ms ? ms : 1);
}

/* A comment between events, or white space before a document (SPEC 1.5). */
static void beat(struct exchange *x)
{
    if (answer_speaks_events(x)) {
        answer_write(x, S(": keep-alive\n\n"));
        return;
    }
    if (!x->committed) {
        x->status = 200;
        x->content_type = S("application/json");
        answer_add_own_fields(x);
        answer_commit(x, HTTP_CHUNKED);
        x->first_ns = 0;
        x->beaten = true;
    }
    answer_write(x, S("\n"));
}

void answer_on_timer(struct exchange *x)
{
    uint64_t now = now_ms(x);
    const struct timeouts *t = &x->target->provider->timeouts;
    bool first = !x->first_ns || x->mode == ANSWER_NONE;
    if (due_in(x->began_ms, t->total_ms, now) == 0) {
        exchange_fail(x, ERR_UP_TOTAL, NULL);
        return;
    }
    if (!x->paused && due_in(silent_since(x), silence_limit(x), now) == 0) {
        exchange_fail(x, first ? ERR_UP_FIRST : ERR_UP_IDLE, NULL);
        return;
    }
    if (!x->paused && due_in(x->out_ms, heartbeat_ms(x), now) == 0)
        beat(x);
    answer_arm(x);
}

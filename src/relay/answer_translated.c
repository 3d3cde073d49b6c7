/*
 * relay/answer_translated.c - the provider's answer on its way to a client of another dialect.
 *
 * As in answer.c nothing goes out before there is something to deliver, and frames that arrived
 * together leave together.
 */
#include "ir/tokens.h"
#include "relay/translate.h"

static void set_content_type(struct exchange *x)
{
    x->content_type = answer_speaks_events(x) ? S("text/event-stream") : S("application/json");
}

/* What the writer has ready. */
static void flush(struct exchange *x)
{
    struct buf *out = &x->tr->out;
    if (!x->stream || !x->tr->content)
        return;
    if (!x->committed) {
        set_content_type(x);
        answer_commit(x, HTTP_CHUNKED);
    }
    x->until_commit = false;
    if (out->n)
        answer_write(x, buf_str(out));
    buf_clear(out);
}

/* The provider said in its stream that it failed. True when the exchange has ended, or gone on to
 * another attempt. */
static bool ended_by_error(struct exchange *x)
{
    if (!x->tr->failed)
        return false;
    /* Of a whole answer that was being collected the error is all the client gets. */
    if (!x->stream || (!x->tr->content && !x->committed)) {
        answer_reply_ir_error(x);
        return true;
    }
    flush(x);
    x->error = "UPSTREAM_EVENT";
    fail_set(&x->last, ERR_UP_CUT, "%.*s", STR_FMT(str_head(x->tr->error.message, 300)));
    http_close_after(x->s);
    exchange_finish(x);
    return true;
}

static void fail(struct exchange *x, enum err e, const struct fail *f)
{
    if (x->committed && !x->beaten)
        exchange_fail(x, e, f);
    else
        answer_attempt_failed(x, e, f);
}

/* The frames in bytes, until the provider says that it failed. */
static enum err take_frames(struct exchange *x, struct sse_splitter *frames, str bytes,
                            struct fail *f)
{
    enum err e = OK;
    str frame;
    int rc = 0;
    while (!e && !x->tr->failed && (rc = sse_next(frames, &bytes, &frame)) > 0)
        e = translation_frame(x->tr, frame, f);
    return rc < 0 ? fail_set(f, ERR_UP_TOO_LARGE, "one event exceeds limits.event-size") : e;
}

void translated_events(struct exchange *x, str bytes)
{
    struct fail f = {0};
    enum err e = take_frames(x, &x->frames, bytes, &f);
    if (ended_by_error(x))
        return;
    if (!e || x->committed)
        flush(x);
    if (!e)
        return;
    if (x->call) {
        call_cancel(x->call);
        x->call = NULL;
    }
    fail(x, e, &f);
}

/* The whole document for the client; its head may be out already, sent by a heartbeat. */
static void reply_whole(struct exchange *x)
{
    str body = buf_str(&x->tr->out);
    set_content_type(x);
    answer_commit(x, (int64_t)body.n);
    http_reply_body(x->s, body);
    exchange_finish(x);
}

static void finish(struct exchange *x, enum err e, const struct fail *f)
{
    if (ended_by_error(x))
        return;
    if (e) {
        flush(x);
        fail(x, e, f);
        return;
    }
    if (!x->stream) {
        reply_whole(x);
        return;
    }
    flush(x);
    exchange_finish(x);
}

void translated_end(struct exchange *x)
{
    struct fail f = {0}, torn;
    enum err e = OK;
    str rest = sse_rest(&x->frames);
    /* A last event without its empty line counts when it is whole; a torn one is no JSON, and what
     * is missing then the end tells. */
    if (str_trim(rest).n)
        e = translation_frame(x->tr, rest, &torn);
    e = translation_end(x->tr, &f);
    finish(x, e, &f);
}

/* A document: the answer, also where a stream was asked for, or a coded stream. */
void translated_document(struct exchange *x)
{
    struct fail f = {0};
    enum err e = OK;
    str body = buf_str(&x->held);
    if (x->op->flags & OP_COUNTS) {
        e = translation_count(x->tr, body, &f);
        finish(x, e, &f);
        return;
    }
    if (!http_media_is(x->content_type, S("text/event-stream"))) {
        e = translation_whole(x->tr, body, &f);
        finish(x, e, &f);
        return;
    }
    struct sse_splitter frames;
    sse_splitter_init(&frames, x->config->event_bytes);
    e = take_frames(x, &frames, body, &f);
    sse_splitter_fini(&frames);
    if (!e)
        e = translation_end(x->tr, &f);
    finish(x, e, &f);
}

/* ---- Counting tokens here. ---- */

void translated_count_here(struct exchange *x)
{
    struct fail f = {0};
    struct arena a;
    struct ir_request rq;
    struct buf out;
    const struct codec *c = codec_get(x->op->dialect);
    arena_init(&a);
    buf_init(&out, 4096);
    enum err e = codec_read_request(c, x->body, &a, &rq, &f);
    if (!e)
        c->write_count(
            tokens_of_request(&rq, token_family_of(resolved_upstream(&x->resolved, x->target))),
            &out);
    arena_fini(&a);
    if (e) {
        exchange_fail(x, e, &f);
    } else {
        x->n_reply_fields = x->n_base_fields ? x->n_base_fields : x->n_reply_fields;
        answer_add_own_fields(x);
        exchange_reply(x, 200, S("application/json"), buf_str(&out));
    }
    buf_fini(&out);
}

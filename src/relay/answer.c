/*
 * relay/answer.c - the provider's answer on its way to the client.
 *
 * Nothing is sent until there is something to deliver (first complete event, or first bytes of a
 * whole answer): until then a failure is an honest status. Streams are forwarded frame by frame,
 * so that heartbeats, endings and errors always fall between events; whole answers as they come.
 */
#include "base/clock.h"
#include "base/log.h"
#include "http/encoding.h"
#include "relay/translate.h"
#include "relay/verdict.h"

enum { HOLD_MAX = 256 * 1024, ERROR_BODY_MAX = 1024 * 1024, LOST_MAX = 1024 };

static uint64_t now_ms(const struct exchange *x)
{
    return worker_now_ms(&x->lane->worker);
}

/* ---- Reply head. ---- */

/* A header value out of a name that may hold anything. */
static str header_safe(struct exchange *x, str s)
{
    s = str_head(s, 200);
    char *out = arena_alloc(&x->s->arena, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        out[i] = s.p[i] > 0x20 && s.p[i] < 0x7f ? s.p[i] : '?';
    return str_of(out, s.n);
}

/* What the client said and the provider's dialect has no place for. */
static void add_losses(struct exchange *x, const struct ir_losses *lost)
{
    struct buf list = {.p = arena_alloc(&x->s->arena, LOST_MAX), .cap = LOST_MAX, .max = LOST_MAX};
    for (size_t i = 0; i < lost->n && list.n < LOST_MAX - 128; i++) {
        buf_put(&list, i ? S(", ") : S(""));
        buf_put(&list, header_safe(x, str_head(lost->names[i], 100)));
    }
    if (lost->more)
        buf_lit(&list, ", ...");
    exchange_add_field(x, S("X-Cliproxy-Dropped"), buf_str(&list));
}

void answer_add_own_fields(struct exchange *x)
{
    if (x->tr && x->tr->lost.n)
        add_losses(x, &x->tr->lost);
    exchange_add_field(x, S("X-Cliproxy-Provider"), header_safe(x, x->target->provider->name));
    exchange_add_field(x, S("X-Cliproxy-Served-Model"),
                       header_safe(x, resolved_upstream(&x->resolved, x->target)));
}

/* Whether the client reads events: heartbeats and errors fall between them. */
bool answer_speaks_events(const struct exchange *x)
{
    if (x->tr)
        return x->stream && !x->tr->ask.json_array;
    return x->mode == ANSWER_EVENTS || x->convert;
}

void answer_commit(struct exchange *x, int64_t length)
{
    bool events = answer_speaks_events(x);
    if (x->committed)
        return; /* a heartbeat before the document did it */
    x->committed = true;
    x->first_ns = clock_ns();
    exchange_add_field(x, S("Content-Type"), x->content_type);
    if (events) {
        exchange_add_field(x, S("Cache-Control"), S("no-cache"));
        /* nginx in front of us would otherwise collect the stream (R13.2). */
        exchange_add_field(x, S("X-Accel-Buffering"), S("no"));
    }
    http_reply_head(x->s, x->status, x->reply_fields, x->n_reply_fields, length);
    if (x->call && x->call->sent) {
        http_release_request(x->s);
        if (x->tr)
            translation_release_request(x->tr);
    }
    exchange_goto(x, STEP_RELAY);
    answer_arm(x);
}

void answer_write(struct exchange *x, str bytes)
{
    x->out_ms = now_ms(x);
    if (!http_reply_body(x->s, bytes) && x->call && !x->paused) {
        x->paused = true;
        call_pause(x->call);
    }
}

/* ---- The head of the answer. ---- */

/* Whether the answer's Connection field names this field (RFC 9110 7.6.1). */
static bool named_by_connection(const struct http_head *h, str name)
{
    str rest = http_field_get(h->fields, h->n_fields, S("connection"));
    while (rest.p) {
        if (str_eq_nocase(str_trim(str_split(&rest, ',')), name))
            return true;
    }
    return false;
}

/* Not: hop-by-hop fields, framing, cookies, CORS, and what we set ourselves. */
static bool passes(const struct http_head *h, str name)
{
    static const char *const kept_back[] = {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "content-encoding",
        "content-type",
        "set-cookie",
        "date",
        "cache-control",
        "x-request-id",
        "x-accel-buffering",
        "alt-svc",
        "strict-transport-security",
    };
    for (size_t i = 0; i < sizeof kept_back / sizeof *kept_back; i++) {
        if (str_eq_nocase(name, str_c(kept_back[i])))
            return false;
    }
    return !str_starts_nocase(name, S("access-control-")) &&
           !str_starts_nocase(name, S("x-cliproxy-")) && !named_by_connection(h, name);
}

/* Retry hints always reach the client; the rest only if the operator wants it. */
static void copy_fields(struct exchange *x, const struct http_head *h)
{
    for (size_t i = 0; i < h->n_fields; i++) {
        str name = h->fields[i].name;
        bool hint = str_eq_nocase(name, S("retry-after")) ||
                    str_eq_nocase(name, S("retry-after-ms")) ||
                    str_eq_nocase(name, S("x-should-retry"));
        if (hint || (x->config->passthrough_headers && passes(h, name)))
            exchange_add_field(x, str_dup(&x->s->arena, name),
                               str_dup(&x->s->arena, h->fields[i].value));
    }
}

static bool renames(const struct exchange *x)
{
    return x->target->model && x->target->model->force_mapping;
}

static enum answer_mode choose_mode(struct exchange *x, int status)
{
    bool events = http_media_is(x->content_type, S("text/event-stream"));
    bool json = http_media_is(x->content_type, S("application/json"));
    if (status < 200 || status > 299)
        return ANSWER_HELD;
    if (x->tr)
        return events && !x->up_coding.n ? ANSWER_EVENTS : ANSWER_HELD;
    /* A coded stream, although we asked for none: it passes as it is, unread. */
    if (events)
        return x->up_coding.n ? ANSWER_BYTES : ANSWER_EVENTS;
    /* Asked for events, got a document (R10.4). */
    x->convert = x->stream && json && x->op->flags & OP_STREAMS && x->op->flags & OP_TERMINATES;
    if (x->convert || (json && (renames(x) || x->up_coding.n)))
        return ANSWER_HELD;
    return ANSWER_BYTES;
}

static void on_head(void *owner, const struct http_head *h)
{
    struct exchange *x = owner;
    x->up_ms = now_ms(x);
    x->status = h->status;
    str type = http_field_get(h->fields, h->n_fields, S("content-type"));
    x->content_type = str_dup(&x->s->arena, type.p ? type : S("application/json"));
    x->up_length = h->content_length;
    str coding = http_field_get(h->fields, h->n_fields, S("content-encoding"));
    x->up_coding = encoding_needed(coding) ? str_dup(&x->s->arena, coding) : S("");
    x->mode = choose_mode(x, h->status);
    answer_add_own_fields(x);
    copy_fields(x, h);
    if (x->mode == ANSWER_BYTES && x->up_coding.n)
        exchange_add_field(x, S("Content-Encoding"), x->up_coding);
    if (!x->tr) {
        tap_init(&x->tap, x->dialect);
        x->tap.renaming = renames(x);
        x->tapping = true;
    }
    if (x->mode == ANSWER_EVENTS) {
        sse_splitter_init(&x->frames, x->config->event_bytes);
        x->until_commit = true;
    } else if (x->mode == ANSWER_HELD) {
        x->held.max = h->status > 299 ? ERROR_BODY_MAX : x->config->event_bytes;
    }
}

/* ---- Events. ---- */

/* A run of frames that lie behind each other leaves in one write. */
static void forward_run(struct exchange *x, str *run)
{
    if (run->n == 0)
        return;
    if (x->until_commit) {
        buf_put(&x->held, *run);
    } else {
        answer_write(x, *run);
    }
    *run = (str){NULL, 0};
}

static void commit_events(struct exchange *x)
{
    x->until_commit = false;
    answer_commit(x, HTTP_CHUNKED);
    if (x->held.n)
        answer_write(x, buf_str(&x->held));
    buf_fini(&x->held);
}

/* Whether the frame goes to the client. */
static bool frame_wanted(const struct exchange *x)
{
    return !(x->usage_added && x->tap.usage_only);
}

static void take_frame(struct exchange *x, str frame, str *run)
{
    tap_frame(&x->tap, frame);
    if (!frame_wanted(x)) {
        forward_run(x, run);
        return;
    }
    if (renames(x) && x->tap.n_models) {
        struct buf renamed;
        buf_init(&renamed, x->config->event_bytes);
        tap_rename(&x->tap, frame, x->model, &renamed);
        forward_run(x, run);
        str whole = buf_str(&renamed);
        forward_run(x, &whole);
        buf_fini(&renamed);
    } else if (run->n && run->p + run->n == frame.p) {
        run->n += frame.n;
    } else {
        forward_run(x, run);
        *run = frame;
    }
}

static void on_events(struct exchange *x, str bytes)
{
    str run = {NULL, 0}, frame;
    const char *from = bytes.p, *to = bytes.p + bytes.n;
    int rc;
    while ((rc = sse_next(&x->frames, &bytes, &frame)) > 0) {
        take_frame(x, frame, &run);
        if (x->until_commit && x->tap.content) {
            forward_run(x, &run);
            commit_events(x);
        }
        /* A frame that was put together is gone with the next one. */
        if (run.n && (frame.p < from || frame.p >= to))
            forward_run(x, &run);
    }
    forward_run(x, &run);
    if (rc < 0 || x->held.n > HOLD_MAX || x->held.failed) {
        struct fail f = {0};
        fail_set(&f, ERR_UP_TOO_LARGE, "one event exceeds limits.event-size");
        exchange_fail(x, ERR_UP_TOO_LARGE, &f);
    }
}

/* The last frame may lack its empty line: it gets it, or is dropped when it is half an event. */
static void take_rest(struct exchange *x)
{
    str rest = sse_rest(&x->frames);
    str run = {NULL, 0};
    if (str_trim(rest).n == 0) {
        /* The second half of a CRLF, or empty lines. */
        if (rest.n && !x->until_commit)
            answer_write(x, rest);
        return;
    }
    if (!tap_rest_whole(&x->tap, rest))
        return;
    bool lf = rest.p[rest.n - 1] == '\n' || rest.p[rest.n - 1] == '\r';
    take_frame(x, rest, &run);
    if (x->until_commit && x->tap.content)
        commit_events(x);
    bool forward = run.n > 0;
    forward_run(x, &run);
    if (forward && !x->until_commit)
        answer_write(x, lf ? S("\n") : S("\n\n"));
}

/* The stream ended: well, or without its last event? */
static enum err end_of_events(struct exchange *x)
{
    take_rest(x);
    if (x->tap.terminal || !(x->op->flags & OP_TERMINATES))
        return OK;
    if (!x->tap.finish[0] || !x->dialect->missing_tail)
        return ERR_UP_CUT;
    if (!x->until_commit)
        answer_write(x, str_c(x->dialect->missing_tail));
    return OK;
}

/* ---- Whole answers. ---- */

static void on_bytes(struct exchange *x, str bytes)
{
    tap_body(&x->tap, bytes);
    x->beaten = false;
    if (!x->first_ns)
        x->first_ns = clock_ns();
    if (!x->committed)
        answer_commit(x, x->up_length >= 0 ? x->up_length : HTTP_CHUNKED);
    answer_write(x, bytes);
}

static enum err decode_held(struct exchange *x, struct fail *f)
{
    struct buf plain;
    if (!encoding_needed(x->up_coding))
        return OK;
    buf_init(&plain, x->held.max);
    enum err e = encoding_decode(x->up_coding, buf_str(&x->held), &plain, f);
    if (e) {
        buf_fini(&plain);
        return ERR_UP_PROTOCOL;
    }
    buf_fini(&x->held);
    x->held = plain;
    return OK;
}

/* A document becomes what the client should see: renamed, or the stream it asked for. */
static void reply_held(struct exchange *x)
{
    struct buf out;
    str body = buf_str(&x->held);
    tap_body(&x->tap, body);
    tap_body_end(&x->tap);
    buf_init(&out, SIZE_MAX / 2);
    if (renames(x) && dialect_rename_model(x->dialect, body, x->model, &out))
        body = buf_str(&out);
    struct buf stream;
    buf_init(&stream, SIZE_MAX / 2);
    if (x->convert && dialect_stream_from_whole(x->dialect, body, &stream) == OK) {
        x->content_type = S("text/event-stream");
        body = buf_str(&stream);
    }
    answer_commit(x, (int64_t)body.n);
    http_reply_body(x->s, body);
    exchange_finish(x);
    buf_fini(&stream);
    buf_fini(&out);
}

static void on_body(void *owner, str bytes)
{
    struct exchange *x = owner;
    x->up_ms = now_ms(x);
    switch (x->mode) {
    case ANSWER_EVENTS:
        if (x->tr)
            translated_events(x, bytes);
        else
            on_events(x, bytes);
        break;
    case ANSWER_BYTES: on_bytes(x, bytes); break;
    case ANSWER_HELD: buf_put(&x->held, bytes); break;
    case ANSWER_NONE: break;
    }
}

/* ---- The end. ---- */

/* Streams may be begun again a configured number of times while the client has seen nothing
 * (SPEC 4.7), whatever it may cost at the provider. */
static bool may_begin_again(struct exchange *x)
{
    if (!x->stream || x->upload || x->begun_again >= x->config->stream_bootstrap_retries)
        return false;
    x->begun_again++;
    if (!attempt_has_next(x))
        x->at--; /* there is only this one: attempt_next comes back to it */
    return true;
}

/* The provider gave no answer, or none worth committing to. */
void answer_attempt_failed(struct exchange *x, enum err e, const struct fail *f)
{
    x->last = (struct fail){.code = e};
    if (f && f->text[0])
        x->last = *f;
    x->last.code = e;
    log_warn(x->id, "attempt failed", log_str("provider", x->target->provider->name),
             log_str("class", str_c(err_info(e)->code)),
             log_str("reason", str_c(fail_text(&x->last))));
    if ((verdict_next_on_error(e) && attempt_has_next(x)) || may_begin_again(x))
        attempt_next(x);
    else
        exchange_fail(x, e, &x->last);
}

/* The answer is complete as HTTP goes. */
static void on_complete(struct exchange *x)
{
    struct fail f = {0};
    enum err e = OK;
    if (x->tr && x->mode == ANSWER_EVENTS) {
        translated_end(x);
        return;
    }
    if (x->mode == ANSWER_EVENTS) {
        e = end_of_events(x);
        if (!e && x->until_commit)
            e = x->held.n || x->tap.content ? OK : ERR_UP_CLOSED;
        if (!e && x->until_commit)
            commit_events(x);
    } else if (x->mode == ANSWER_HELD) {
        e = x->held.failed ? ERR_UP_TOO_LARGE : decode_held(x, &f);
        if (!e && (x->status < 200 || x->status > 299)) {
            answer_reply_error(x);
            return;
        }
        if (!e && x->tr) {
            translated_document(x);
            return;
        }
        if (!e) {
            reply_held(x);
            return;
        }
    } else if (!x->committed) {
        answer_commit(x, 0);
    }
    if (e && !x->committed) {
        answer_attempt_failed(x, e, &f);
        return;
    }
    if (e) {
        exchange_fail(x, e, &f);
        return;
    }
    if (x->mode == ANSWER_BYTES)
        tap_body_end(&x->tap);
    if (x->tap.error && !x->error)
        x->error = "UPSTREAM_EVENT";
    exchange_finish(x);
}

static void on_end(void *owner, enum err e, const struct fail *f)
{
    struct exchange *x = owner;
    x->call = NULL;
    x->up_ms = now_ms(x);
    if (e == OK)
        on_complete(x);
    else if (!x->committed)
        answer_attempt_failed(x, e, f);
    else
        exchange_fail(x, e, f);
}

/* The ending in the client's dialect. */
static void say_failure(struct exchange *x, const struct dialect_error *d, struct buf *out)
{
    if (x->beaten) {
        x->dialect->error_body(d, out); /* only white space went out so far */
    } else if (x->tr) {
        const struct ir_error e = {
            .status = d->status, .type = S(""), .code = str_c(d->code), .message = d->message};
        buf_clear(&x->tr->out);
        translation_fail(x->tr, &e);
        buf_put(out, buf_str(&x->tr->out));
    } else {
        x->dialect->error_frame(&x->tap, d, out);
    }
}

/* After the first byte: events end with an error in the dialect, documents come short. */
void answer_fail_in_band(struct exchange *x, enum err e, const struct fail *f)
{
    const struct err_info *info = err_info(e);
    x->error = info->name;
    x->last = *f;
    log_warn(x->id, "answer ended early", log_str("provider", x->target->provider->name),
             log_str("class", str_c(info->code)), log_str("reason", str_c(fail_text(f))));
    bool streams = x->tr ? x->stream : x->mode == ANSWER_EVENTS;
    if (!streams && !x->beaten) {
        exchange_cut(x);
        return;
    }
    struct dialect_error d = {.status = info->status,
                              .code = info->code,
                              .message = str_c(fail_text(f)),
                              .request_id = str_of(x->id_text, 8)};
    struct buf frame;
    buf_init(&frame, 64 * 1024);
    say_failure(x, &d, &frame);
    http_reply_body(x->s, buf_str(&frame));
    buf_fini(&frame);
    http_close_after(x->s);
    exchange_finish(x);
}

static void on_drain(void *owner)
{
    struct exchange *x = owner;
    if (x->upload)
        upload_on_drain(x);
}

const struct call_events answer_events = {on_head, on_body, on_end, on_drain};

/*
 * relay/exchange.h - one request of a client, from its head to the last byte of its answer.
 *
 * An exchange lives on one lane. steps.def draws its way; only exchange_goto moves it. What it
 * allocates lies in the stream's arena and is freed whole with the request. The struct itself is
 * recycled with its timer.
 */
#ifndef CLIPROXY_RELAY_EXCHANGE_H
#define CLIPROXY_RELAY_EXCHANGE_H

#include "channel/operation.h"
#include "dialect/dialect.h"
#include "http/sse.h"
#include "relay/lane.h"

enum step {
#define STEP(name, fn) STEP_##name,
#include "relay/steps.def"
#undef STEP
};

/* Members of a request body that we act on. */
enum {
    FIELD_MODEL,
    FIELD_STREAM,
    FIELD_STREAM_OPTIONS,
    FIELD_MESSAGES,
    FIELD_INPUT,
    FIELD_EFFORT,
    FIELD_REASONING,
    FIELD_THINKING,
    FIELD_MAX_TOKENS,
    FIELD_COUNT
};

enum { TARGETS_MAX = 32, REPLY_FIELDS_MAX = 48 };

/* How the provider's answer reaches the client. */
enum answer_mode {
    ANSWER_NONE,   /* no head yet */
    ANSWER_EVENTS, /* SSE, frame by frame */
    ANSWER_BYTES,  /* as it comes */
    ANSWER_HELD,   /* collected, then changed or judged as a whole: errors, renames */
};

struct translation; /* client and provider speak different dialects; relay/translate.h */

struct upload; /* a multipart body on its way through; relay/upload.c */

struct exchange {
    struct lane *lane;
    struct exchange *next, **prev;
    struct http_stream *s; /* NULL once the reply is over or the client is gone */
    struct lease *lease;
    const struct config *config;
    const struct operation *op;    /* NULL: a local endpoint */
    const struct dialect *dialect; /* the client's */
    const struct client_key *key;
    enum step step;
    uint32_t id;
    char id_text[9];

    /* the request */
    str path_model; /* Gemini: from the path, decoded */
    str body;
    struct buf decoded; /* holds body when it came encoded */
    struct json_span fields[FIELD_COUNT];
    bool stream, usage_asked, usage_added, alt_sse;
    bool mixed_up; /* a Responses body where a chat one was due (SPEC 1.5) */
    str model;     /* as the client said it */
    struct resolved resolved;
    size_t n_targets, at;        /* of targets[] */
    const struct target *target; /* the one in use */
    const struct operation *up;  /* what it is asked for; not op: by translation */
    struct translation *tr;      /* of the attempt, or NULL */
    struct upload *upload;

    /* the attempt */
    struct call *call;
    unsigned attempts;
    int64_t begun_again; /* of streaming.bootstrap-retries */
    struct fail last;    /* why the newest attempt failed */

    /* the answer */
    enum answer_mode mode;
    int status; /* sent to the client, or to be sent */
    str content_type;
    int64_t up_length;
    str up_coding;                        /* of a held answer */
    size_t n_reply_fields, n_base_fields; /* base: those that are no attempt's own */
    bool tapping;                         /* tap is in use */
    struct sse_splitter frames;
    struct buf held; /* frames before the first deliverable one; whole answers */
    bool committed, paused;
    bool beaten;       /* committed by a heartbeat: the document has not begun */
    bool convert;      /* a whole answer becomes the stream that was asked for */
    bool until_commit; /* frames are collected until one is worth committing to */
    const char *error; /* class name for the log */

    /* times: loop milliseconds for deadlines, nanoseconds for the log */
    uint64_t began_ms, sent_ms, up_ms, out_ms;
    uint64_t first_ns;

    struct deadline
        timer; /* outlives the request; everything above is wiped, what follows is not */

    struct tap tap;
    const struct target *targets[TARGETS_MAX];
    struct http_field reply_fields[REPLY_FIELDS_MAX];
};

/* ---- For the endpoint layer. ---- */

struct exchange *exchange_new(struct lane *lane, struct http_stream *s);

/* A provider's operation: asks for the body and goes its way. */
void exchange_start(struct exchange *x, const struct operation *op);

/* A local answer; ends the exchange. content_type is a header value. */
void exchange_reply(struct exchange *x, int status, str content_type, str body);

/* The error in the client's dialect; ends the exchange. */
void exchange_refuse(struct exchange *x, const struct fail *f, const char *param);

/* Adds a header to the reply to come; borrowed, or in the stream's arena. */
void exchange_add_field(struct exchange *x, str name, str value);

/* The http_handler events, behind s->app. */
void exchange_on_body(struct exchange *x, str bytes, bool last);
void exchange_on_failed(struct exchange *x, const struct fail *f);
void exchange_on_drained(struct exchange *x);
void exchange_on_gone(struct exchange *x);

/* Frees recycled ones, when the lane ends. */
void exchange_drop_spares(struct lane *lane);

/* Cancels and ends every running exchange of the lane: the drain took too long. */
void exchange_cut_all(struct lane *lane);

/* ---- Inside relay/. ---- */

enum turn { TURN_NEXT, TURN_WAIT };

void exchange_goto(struct exchange *x, enum step step);
void exchange_run(struct exchange *x);

/* Ends without an answer having begun: error in the dialect. After commit: ends in-band. */
void exchange_fail(struct exchange *x, enum err e, const struct fail *f);

/* The reply is complete: end of stream, log line, recycling. */
void exchange_finish(struct exchange *x);

/* The same, but the client is told by a broken message. */
void exchange_cut(struct exchange *x);

enum turn step_body(struct exchange *x);
enum turn step_read(struct exchange *x);
enum turn step_resolve(struct exchange *x);
enum turn step_pick(struct exchange *x);
enum turn step_send(struct exchange *x);
enum turn step_wait(struct exchange *x);

/* attempt.c: whether another target could take the operation, and moving on to it. */
bool attempt_has_next(const struct exchange *x);
void attempt_next(struct exchange *x);

/* attempt.c: request line and fields for the target in use; length < 0: chunked. p == NULL when
 * they became too large. Holds the provider's key. */
str attempt_head(struct exchange *x, str content_type, int64_t length);

/* attempt.c: the pieces behind each other; the piece itself when there is one. */
str attempt_joined(struct exchange *x, const struct iovec *v, size_t n, size_t total);

/* attempt.c: whether the answer comes by way of a translation. */
static inline bool exchange_translates(const struct exchange *x)
{
    return x->up != x->op || x->mixed_up;
}

/* answer.c: events of the call. */
extern const struct call_events answer_events;
void answer_fail_in_band(struct exchange *x, enum err e, const struct fail *f);

/* answer.c, for the other files of the answer: the head goes out, then bytes. */
void answer_commit(struct exchange *x, int64_t length);
void answer_write(struct exchange *x, str bytes);
/* No answer came, or none worth committing to: the next attempt, or the error. */
void answer_attempt_failed(struct exchange *x, enum err e, const struct fail *f);

/* answer_timer.c: heartbeats and time-outs, one timer for all. */
void answer_arm(struct exchange *x);
void answer_on_timer(struct exchange *x);

/* answer_error.c: the provider answered with an error status; x->held is what it said. */
void answer_reply_error(struct exchange *x);
/* An in-stream error, before anything of the answer went out. */
void answer_reply_ir_error(struct exchange *x);
/* The answer's head has the provider's and the served model's name. */
void answer_add_own_fields(struct exchange *x);

/* answer_translated.c: the provider's answer where it is translated. */
void translated_events(struct exchange *x, str bytes);
void translated_end(struct exchange *x);
void translated_document(struct exchange *x);
/* The counting endpoint is missing: counted here. */
void translated_count_here(struct exchange *x);
/* Whether the client reads events (also those we only pass on). */
bool answer_speaks_events(const struct exchange *x);

/* account.c: the access line. */
void account_exchange(struct exchange *x);

/* upload.c: streamed bodies. */
bool upload_wanted(const struct exchange *x);
void upload_begin(struct exchange *x);
void upload_on_bytes(struct exchange *x, str bytes, bool last);
void upload_on_drain(struct exchange *x);
/* The attempt, for step_send. */
enum err upload_send(struct exchange *x, struct fail *f) must_check;
void upload_end(struct exchange *x);

#endif

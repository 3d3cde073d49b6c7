/*
 * dialect/codec.h - a dialect's readers and writers between its wire form and the neutral form.
 *
 * Requests: text -> tree -> struct ir_request -> text. Answers: events in between, streamed or
 * whole. No codec knows another. The functions of a codec are in its dialect's folder; what is
 * alike for all (parsing events, scratch memory, packing) is in dialect/codec.c.
 */
#ifndef CLIPROXY_DIALECT_CODEC_H
#define CLIPROXY_DIALECT_CODEC_H

#include "dialect/dialect.h"
#include "ir/answer.h"
#include "ir/fields.h"
#include "ir/names.h"
#include "json/read.h"

struct answer_reader;

/* What the writer of an answer must know of the request. */
struct answer_ask {
    struct arena *arena; /* lives as long as the answer */
    str model;           /* what the client called the model: answers name it so */
    bool include_usage;  /* chat streams: the client asked for the usage chunk */
    bool json_array;     /* Gemini streams: one JSON array instead of SSE */
    bool legacy;         /* /v1/completions */
    str prompt;          /* legacy with echo: what stands before the completion; else empty */
    str echo;            /* Responses: members that repeat the request, as `"key":value,` text */
    str nonce;           /* 24 or so random characters [a-z0-9]: what ids are made of */
    int64_t now;         /* unix seconds; whoever owns this may move it on while the answer comes */
    enum dialect_id from; /* of the provider: whose src members the events bring */
    bool codex; /* Responses streams: the client is Codex, to which only response.failed is an error
                   (SPEC 1.7) */
};

struct codec {
    enum dialect_id dialect;
    const struct ir_fate_row *fates; /* CAN_COUNT rows */
    struct ir_alphabet alphabet;
    unsigned turns; /* TURNS_*: how requests are fitted before request_write */

    /* Changes in *a, a copy of alphabet, what depends on the target: custom tools, which only some
     * models take. NULL: nothing does. */
    void (*alphabet_for)(const struct ir_target *to, struct ir_alphabet *a);

    /*
     * Fills rq (initialised; rq->src set) from the body. ERR_BAD_REQUEST names the field and what
     * it must be. Accepts what the dialect's own API accepts, and the variants SPEC lists.
     */
    enum err (*request_read)(struct ir_request *rq, yyjson_val *root, struct fail *f);

    /*
     * Before the request leaves for another dialect: refuses, in words that name the member and the
     * way out, what only a provider of this dialect could serve (a conversation it holds), and
     * takes out what nobody else can read. NULL: the tables say it all.
     */
    enum err (*request_leave)(struct ir_request *rq, const struct codec *to, struct fail *f);

    /* Writes the request for a provider of this dialect; rq has been fitted. */
    enum err (*request_write)(struct ir_request *rq, const struct ir_target *to, struct buf *out,
                              struct fail *f);

    /* What anthropic-beta must say for the request just written; empty: nothing. NULL elsewhere. */
    str (*request_beta)(const struct ir_request *rq);

    /* Responses: ask->echo for this request, in a; NULL elsewhere. */
    str (*request_echo)(const struct ir_request *rq, struct arena *a);

    /* ---- answers of a provider ---- */
    size_t reader_size; /* of r->state, zeroed */
    enum err (*read_whole)(struct answer_reader *r, yyjson_val *root, struct fail *f);
    /* One stream event; root is NULL for data that is the end mark ([DONE]). */
    enum err (*read_event)(struct answer_reader *r, str type, yyjson_val *root, struct fail *f);
    /* The stream is over: emits what is still due (PART_END, FINISH, END) if it had come to its
     * end; else emits nothing and returns ERR_UP_CUT. */
    enum err (*read_end)(struct answer_reader *r, struct fail *f);
    /* An error body or object of this dialect; false when root is none. out borrows from root. */
    bool (*read_error)(yyjson_val *root, int status, struct ir_error *out);

    /* ---- answers for a client ---- */
    size_t writer_size; /* state, zeroed */
    /* Whole events (SSE frames) appended; a writer never writes half an event. */
    void (*write_event)(void *state, const struct answer_ask *ask, const struct ir_event *e,
                        struct buf *out);
    void (*write_fini)(void *state); /* NULL: nothing outside the arena */
    void (*write_whole)(const struct answer_ask *ask, const struct ir_answer *an, struct buf *out);
    /* {"input_tokens":N} and the like. */
    void (*write_count)(uint64_t tokens, struct buf *out);
    /* The number in a provider's answer of that kind; false when there is none. */
    bool (*read_count)(yyjson_val *root, uint64_t *tokens);
};

extern const struct codec codec_chat, codec_completions, codec_responses, codec_anthropic,
    codec_gemini;

const struct codec *codec_get(enum dialect_id d);

/* ---- Requests. ---- */

/* Reads body; the tree and rq live in a. */
enum err codec_read_request(const struct codec *c, str body, struct arena *a, struct ir_request *rq,
                            struct fail *f) must_check;

/*
 * Fits rq to the target's dialect and writes it: losses by the tables, names, ids and turns, then
 * request_write. Changes rq: read it again for another target. names lives in life; losses borrow
 * from rq.
 */
enum err codec_write_request(const struct codec *to, struct ir_request *rq,
                             const struct ir_target *target, struct arena *life,
                             struct ir_names *names, struct ir_losses *lost, struct buf *out,
                             struct fail *f) must_check;

/* ---- Answers. ---- */

struct answer_reader {
    const struct codec *codec;
    struct arena *life;   /* state, and what must live from event to event */
    struct arena scratch; /* trees of the event at hand; rewound after it */
    ir_emit_fn *emit;
    void *arg;
    void *state;
    bool started, over; /* START, and END or ERROR, were emitted */
    struct buf lines;   /* private */
};

void answer_reader_init(struct answer_reader *r, const struct codec *c, struct arena *life,
                        ir_emit_fn *emit, void *arg);
void answer_reader_fini(struct answer_reader *r);

/* One SSE frame. Errors of the provider inside the stream are events, not errors of this. */
enum err answer_read_frame(struct answer_reader *r, str frame, struct fail *f) must_check;

/* The stream has ended. */
enum err answer_read_stream_end(struct answer_reader *r, struct fail *f) must_check;

/* A whole answer. ERR_UP_PROTOCOL when it is none. Trees live in life. */
enum err answer_read_whole(struct answer_reader *r, str body, struct fail *f) must_check;

/* For the codecs: what every event is emitted through. Keeps started and over right, drops what
 * comes after the end. */
void answer_emit(struct answer_reader *r, const struct ir_event *e);

#endif

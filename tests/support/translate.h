/*
 * support/translate.h - what the relay does with codecs, without a network.
 */
#ifndef TESTS_SUPPORT_TRANSLATE_H
#define TESTS_SUPPORT_TRANSLATE_H

#include "dialect/codec.h"

/* "chat", "completions", "responses", "anthropic", "gemini"; NULL for others. */
const struct codec *codec_named(str name);

/* A request of one dialect as a provider of another gets it. */
struct written_request {
    struct ir_request rq; /* fitted */
    struct ir_names names;
    struct ir_losses lost;
    struct buf out;
    struct fail fail;
    bool refused_reading; /* it was the reader that refused */
};

/* Everything lies in a but out, which the caller inits and finis. */
enum err translate_request(const struct codec *from, const struct codec *to, str body,
                           const struct ir_target *target, struct arena *a,
                           struct written_request *w) must_check;

/* How the bytes of a stream arrive. */
struct cuts {
    size_t first, then; /* lengths of the first piece and of all others */
    long frames;        /* the stream breaks off after so many; -1: never */
};

#define UNCUT ((struct cuts){SIZE_MAX / 2, 1, -1})

/* A stream of a provider, to its end. *seen: frames, if not NULL. */
enum err translate_stream(const struct codec *c, str text, struct cuts cuts, struct arena *life,
                          ir_emit_fn *emit, void *arg, long *seen, struct fail *f) must_check;
enum err translate_whole(const struct codec *c, str body, struct arena *life, ir_emit_fn *emit,
                         void *arg, struct fail *f) must_check;

/* A client's stream: translate_client_take is an ir_emit_fn. */
struct client_stream {
    const struct codec *codec;
    const struct answer_ask *ask;
    void *state;
    struct buf *out;
};
void client_stream_init(struct client_stream *s, const struct codec *c,
                        const struct answer_ask *ask, struct buf *out);
void client_stream_take(void *stream, const struct ir_event *e);
void client_stream_fini(struct client_stream *s);

/* The same answer every time: a fixed clock and a fixed nonce. */
struct answer_ask translate_ask(struct arena *a, enum dialect_id from);

#endif

/*
 * relay/translate.h - an exchange whose client and provider speak different dialects.
 *
 *   client's body ─ request_read ─► struct ir_request ─ fitted, request_write ─► body
 *   provider's frames or document ─ answer_reader ─► events ─ unname ─► writer ─► out
 *                                                                  └──► collected whole answer
 *
 * What the client gets is streamed or whole as it asked, whatever the provider sends.
 */
#ifndef CLIPROXY_RELAY_TRANSLATE_H
#define CLIPROXY_RELAY_TRANSLATE_H

#include "dialect/codec.h"
#include "relay/exchange.h"

struct translation {
    const struct codec *client, *provider;
    bool stream;       /* what the client wants */
    struct arena life; /* as long as the answer */
    struct arena work; /* the request's tree; freed once it cannot be needed again */
    struct ir_names names;
    struct ir_losses lost; /* in life */
    struct buf body;       /* for the provider */
    str beta;              /* for its header anthropic-beta; may be empty */
    struct answer_ask ask;

    struct answer_reader reader;
    struct ir_unname *unname;
    struct seal_watch *seals; /* what the answer thinks, for the next request */
    void *writer;             /* stream */
    struct ir_answer answer;  /* whole */
    struct buf out;           /* ready for the client; the caller takes and clears it */

    /* what was learned of the answer */
    struct usage usage;
    char finish[32];
    bool content;          /* something deliverable came */
    bool complete;         /* END */
    bool failed;           /* ERROR: error says how */
    struct ir_error error; /* in life */
};

/* What writers are told about the target in use, whose provider is asked for up. */
struct ir_target translation_target(const struct exchange *x, const struct operation *up);

/*
 * Reads the exchange's request and writes it for the target in use, whose provider is asked for
 * up. On failure the client is at fault (ERR_BAD_REQUEST, ...) and nothing is held.
 */
enum err translation_new(struct exchange *x, const struct operation *up, struct translation **out,
                         struct fail *f) must_check;
void translation_free(struct translation *t);

/* The request is on its way and will not be sent again. */
void translation_release_request(struct translation *t);

/*
 * The provider's answer: frames of a stream and its end, or a whole document. What the client is to
 * get is appended to t->out (in a stream at once, else at the end). ERR_UP_PROTOCOL, ERR_UP_CUT,
 * ERR_UP_TOO_LARGE. A provider's own error is no failure of these: t->failed.
 */
enum err translation_frame(struct translation *t, str frame, struct fail *f) must_check;
enum err translation_end(struct translation *t, struct fail *f) must_check;
enum err translation_whole(struct translation *t, str body, struct fail *f) must_check;

/* The answer of a counting endpoint as the client's dialect has it, to t->out. */
enum err translation_count(struct translation *t, str body, struct fail *f) must_check;

/* Ends a stream that has begun, with an error as the client's dialect says it, to t->out. */
void translation_fail(struct translation *t, const struct ir_error *e);

/* An error body of the provider; false when it is none of its dialect. Borrows from t->life. */
bool translation_error(struct translation *t, str body, int status, struct ir_error *out);

#endif

/*
 * ir/event.h - an answer as it arrives: the same events whether it was streamed or whole.
 *
 *   START  ( PART_BEGIN  ( DELTA | SEAL | CITATION | LOGPROBS )*  PART_END  |  USAGE  |  FINISH )*
 *   END    or ERROR at any place, which ends it as well
 *
 * Parts of one choice are numbered from 0 and may overlap only between choices: a reader closes a
 * part before it opens the next of the same choice, except calls, which may be open side by side
 * (chat sends the arguments of parallel calls in any order). FINISH comes once for each choice,
 * after its parts. USAGE may come several times, each with all that is known by then. END comes
 * once, and only when the answer was complete; a stream that breaks off has none.
 *
 * Everything an event points to lives during the call only.
 */
#ifndef CLIPROXY_IR_EVENT_H
#define CLIPROXY_IR_EVENT_H

#include "ir/part.h"

enum ir_event_kind {
    IR_EV_START,      /* id, model, created; usage if known already */
    IR_EV_PART_BEGIN, /* choice, index, part: kind, id, item, name, space, call, redacted, seal,
                         media; its text comes as deltas. SEARCH, CODE, IMAGE and RAW are complete
                         here: everything is in part, text included */
    IR_EV_DELTA,      /* choice, index, text: more of the part's text; calls: of the arguments */
    IR_EV_SEAL,       /* choice, index, part->seal: the part's signature has come */
    IR_EV_CITATION,   /* choice, index, citation */
    IR_EV_LOGPROBS,   /* choice, index, json: of the last delta, as chat's content array */
    IR_EV_PART_END,   /* choice, index */
    IR_EV_FINISH,     /* choice, finish, native, stop */
    IR_EV_USAGE,      /* usage */
    IR_EV_END,
    IR_EV_ERROR /* error */
};

enum ir_finish {
    IR_FINISH_UNKNOWN, /* the provider named a reason nobody knows: native has it */
    IR_FINISH_STOP,
    IR_FINISH_SEQUENCE, /* a stop sequence: stop has it, if said */
    IR_FINISH_LENGTH,
    IR_FINISH_CALLS,
    IR_FINISH_REFUSED, /* the model declined */
    IR_FINISH_FILTERED,
    IR_FINISH_PAUSED, /* Anthropic's pause_turn: a hosted tool goes on in the next request */
    IR_FINISHES
};

/* Token counts; -1: not said. Input includes tokens read from and written to the cache, output
 * includes reasoning. */
struct usage {
    int64_t input, output, cached, cache_write, reasoning;
};

#define USAGE_NONE ((struct usage){-1, -1, -1, -1, -1})

/* Why an answer is an error. type and code are the reader's words; kind by status is what another
 * dialect goes by. */
struct ir_error {
    int status; /* HTTP; in-stream errors: what the type stands for, 502 if nothing is known */
    str type;   /* "overloaded_error", "invalid_request_error", "RESOURCE_EXHAUSTED" */
    str code;   /* "rate_limit_exceeded", ...; may be empty */
    str message;
    str param; /* may be empty */
};

struct ir_event {
    enum ir_event_kind kind;
    unsigned choice, index;
    str text;
    const struct ir_part *part;
    const struct ir_citation *citation;
    yyjson_val *json;
    /* START */
    str id, model, service_tier;
    int64_t created; /* unix seconds; 0: not said */
    /* FINISH */
    enum ir_finish finish;
    str native, stop;
    struct usage usage; /* START, USAGE; USAGE_NONE when nothing is said: zeros are counts */
    const struct ir_error *error;
    yyjson_val *src; /* START: the answer; FINISH: the choice; for the dialect's own writer */
};

typedef void ir_emit_fn(void *arg, const struct ir_event *e);

/* "stop", "length", ...: our words, for logs and prints. */
const char *ir_finish_name(enum ir_finish f);

/* What a later report says replaces what a has, except by zeros (placeholders in mid-stream). */
void usage_merge(struct usage *a, const struct usage *later);

#endif

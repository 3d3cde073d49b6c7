/*
 * ir/answer.h - a whole answer, collected from its events.
 */
#ifndef CLIPROXY_IR_ANSWER_H
#define CLIPROXY_IR_ANSWER_H

#include "base/buf.h"
#include "ir/event.h"

struct ir_reply { /* one choice */
    struct ir_reply *next;
    unsigned index;
    struct ir_parts parts; /* in the order in which they began */
    enum ir_finish finish;
    bool finished;
    str native, stop;
    yyjson_val *src;
};

struct ir_answer {
    struct arena *arena;
    enum dialect_id from;
    str id, model, service_tier;
    int64_t created;
    struct ir_reply *replies; /* by index */
    struct usage usage;
    bool complete;          /* END was seen */
    struct ir_error *error; /* or ERROR */
    yyjson_val *src;        /* of a whole answer: the tree; must outlive this */
    bool overflow;          /* max was passed: nothing more was kept, complete stays false */
    /* private */
    struct ir_open *open; /* parts that are not over */
    size_t bytes, max;
    bool stable;
};

/*
 * max bounds the bytes kept. stable: trees and strings of the events outlive the answer (a whole
 * answer that was read in one go) and are borrowed; else they are copied into the arena. Nothing is
 * outside the arena, so there is no _fini.
 */
void ir_answer_init(struct ir_answer *an, struct arena *a, enum dialect_id from, size_t max,
                    bool stable);

/* An ir_emit_fn. */
void ir_answer_take(void *answer, const struct ir_event *e);

/* Says the answer as events again: for writers that only know events, and for tests. */
void ir_answer_emit(const struct ir_answer *an, ir_emit_fn *emit, void *arg);

/* All text of a reply's TEXT parts joined without anything between; borrowed when there is one. */
str ir_reply_text(const struct ir_reply *r, struct arena *a);

#endif

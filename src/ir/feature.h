/*
 * ir/feature.h - what can be said, and what becomes of it where a dialect cannot say it.
 *
 * feature.def lists what requests and answers can say. Every dialect has a table with a row for
 * each: the wire spelling where it has the thing, else the loss. A reader marks what a request
 * says; before it is written in another dialect the tables decide, once and for all fields alike:
 * refuse, or drop and name it. doc/dialects.md is printed from the same tables.
 */
#ifndef CLIPROXY_IR_FEATURE_H
#define CLIPROXY_IR_FEATURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"

enum ir_feature {
#define FEATURE(name, side, what) CAN_##name,
#include "ir/feature.def"
#undef FEATURE
    CAN_COUNT
};

enum ir_fate {
    FATE_UNSET,    /* a row is missing; a unit test finds it */
    FATE_CARRIED,  /* the dialect has it */
    FATE_APPROX,   /* it has something near; the note says what */
    FATE_DROPPED,  /* left out; counted, and named in a header of the answer */
    FATE_REFUSED,  /* the request cannot be meant without it: 400 */
    FATE_IMPLICIT, /* the dialect never says it, and its absence means the same */
};

struct ir_fate_row {
    enum ir_fate fate;
    const char *wire; /* its spelling, for documentation and messages; "" where there is none */
    const char *note; /* how it is approximated, or why lost; may be "" */
};

/* For the dialects' tables: features.def rows. */
#define IR_FATE(name, fate_, wire_, note_) [CAN_##name] = {FATE_##fate_, wire_, note_},

struct ir_set {
    uint64_t bits[2];
};

static inline void ir_set_add(struct ir_set *s, enum ir_feature f)
{
    s->bits[(unsigned)f / 64] |= UINT64_C(1) << ((unsigned)f % 64);
}

static inline bool ir_set_has(const struct ir_set *s, enum ir_feature f)
{
    return s->bits[(unsigned)f / 64] >> ((unsigned)f % 64) & 1;
}

/* Takes the first feature out of the set; false when it is empty. */
static inline bool ir_set_take(struct ir_set *s, enum ir_feature *f)
{
    for (unsigned i = 0; i < 2; i++) {
        if (s->bits[i]) {
            *f = (enum ir_feature)(64 * i + (unsigned)__builtin_ctzll(s->bits[i]));
            s->bits[i] &= s->bits[i] - 1;
            return true;
        }
    }
    return false;
}

static inline void ir_set_remove(struct ir_set *s, enum ir_feature f)
{
    s->bits[(unsigned)f / 64] &= ~(UINT64_C(1) << ((unsigned)f % 64));
}

/* The feature's words, and whether it belongs to requests. */
const char *ir_feature_text(enum ir_feature f);
bool ir_feature_asks(enum ir_feature f);

/* How the dialect of the table spells it, for messages to its clients; the feature's own words
 * where it has none, or where rows is NULL. */
str ir_feature_name(enum ir_feature f, const struct ir_fate_row *rows);

/* Names of what was lost, in order of appearance, each once. Borrowed. */
enum { IR_LOSSES_MAX = 32 };
struct ir_losses {
    str names[IR_LOSSES_MAX];
    size_t n;
    bool more; /* there were others */
};
void ir_losses_add(struct ir_losses *l, str name);

/*
 * What of said cannot be written in a dialect whose table is to: dropped ones go to *out under
 * their spelling in from's table (the feature's words where that has none). ERR_BAD_REQUEST with
 * *f naming the first that is refused.
 */
enum err ir_losses_settle(const struct ir_set *said, const struct ir_fate_row *from,
                          const struct ir_fate_row *to, const char *to_name, struct ir_losses *out,
                          struct fail *f) must_check;

#endif

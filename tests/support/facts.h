/*
 * support/facts.h - what a request or an answer says, fact by fact, so that it can be seen what of
 * it is left after a trip through another dialect.
 *
 * A fact is a line of text and the feature that says it. White space in texts does not count, nor
 * does how a text is cut into parts; tool schemas count by the names of their properties.
 */
#ifndef TESTS_SUPPORT_FACTS_H
#define TESTS_SUPPORT_FACTS_H

#include "dialect/codec.h"

struct fact {
    enum ir_feature feature; /* CAN_COUNT: what every dialect can say */
    bool ordered;            /* it stands in the conversation: order counts */
    str line;
};

struct facts {
    struct arena *arena;
    struct fact *list;
    size_t n, cap;
};

/* Fits rq to both dialects first: what their names and turns require is no loss. */
void facts_of_request(struct facts *fs, struct arena *a, struct ir_request *rq,
                      const struct codec *one, const struct codec *other,
                      const struct ir_target *to);

/* Choice 0, or all of them. */
void facts_of_answer(struct facts *fs, struct arena *a, const struct ir_answer *an, bool all);

/* found[i]: the i-th fact of was is still among now's. Ordered ones count when they form a
 * subsequence of now's. */
void facts_kept(const struct facts *was, const struct facts *now, bool *found);

#endif

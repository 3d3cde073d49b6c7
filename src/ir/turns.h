/*
 * ir/turns.h - the conversation in the order a provider insists on.
 *
 * Clients are lax: results in another order than the calls, in separate messages, missing, or for
 * calls that are no longer there (SPEC 5.3, 5.5). Providers answer any of it with a 400. What is
 * in order already is left as it is.
 */
#ifndef CLIPROXY_IR_TURNS_H
#define CLIPROXY_IR_TURNS_H

#include "ir/request.h"

enum {
    TURNS_MERGE = 1,      /* neighbouring messages of one side become one (tool is the user's) */
    TURNS_USER_FIRST = 2, /* an empty user message goes before an assistant that begins */
    TURNS_NO_PREFILL = 4, /* trailing assistant messages go (their calls have no results) */
    TURNS_SYSTEM_AS_USER = 8, /* system messages after the first turn become user messages, wrapped
                                 as a reminder */
    TURNS_NO_EMPTY = 16       /* empty text parts, and messages left empty, go */
};

/*
 * Always: every call of an assistant message gets exactly one result, in the order of the calls,
 * in the message right behind it (a TOOL message is made where results are missing: an empty
 * result), before anything else of the user; the last of several results for one call wins;
 * results without a call are dropped. Results get the name of their call. Calls without an id get
 * one made from position, name and arguments; results without one are matched by name, then by
 * order.
 */
void ir_turns_fit(struct ir_request *rq, unsigned how);

/* The wrapping of TURNS_SYSTEM_AS_USER. */
str ir_reminder(str text, struct arena *a);

#endif

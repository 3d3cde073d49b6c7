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
    TURNS_MERGE = 1, /* neighbouring messages of one side become one; tool is the user's: results
                             and what the user says then are one USER message, results first */
    TURNS_USER_FIRST = 2,     /* a user message "." goes before an assistant that begins, and into a
                             conversation that is empty: nobody takes an empty text */
    TURNS_NO_PREFILL = 4,     /* trailing assistant messages go, calls without any result as well */
    TURNS_SYSTEM_AS_USER = 8, /* system messages after the first turn become user messages, wrapped
                                 as a reminder */
    TURNS_NO_EMPTY = 16       /* text parts that are empty or white space go, in results too, and
                                 messages left empty */
};

/*
 * A turn is a run of assistant messages. Always: every call of a turn gets exactly one result, in
 * the order of the calls, in one TOOL message right behind the turn; for a missing one an empty
 * result is made (no_text). Of several results for one call the last counts; a result for no call
 * that came before it is dropped, and a message that held nothing else with it. Results get id,
 * name, space and kind (call) of their call. Calls without an id, or with one that an earlier call
 * has, get one made from position, name and arguments; results without one are matched by name,
 * then by order, to calls of the latest turn.
 */
void ir_turns_fit(struct ir_request *rq, unsigned how);

/* The wrapping of TURNS_SYSTEM_AS_USER. */
str ir_reminder(str text, struct arena *a);

#endif

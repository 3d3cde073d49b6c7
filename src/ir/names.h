/*
 * ir/names.h - tool names and call ids in the alphabet and length the target takes, and the way
 * back (SPEC 5.5).
 *
 * A name that fits stays. Another is cut or spelt anew, made unique, and remembered: the answer's
 * calls carry the client's own names again. Ids are mapped by a pure function, so calls and results
 * still pair up, in this request and in the next, without anything remembered.
 */
#ifndef CLIPROXY_IR_NAMES_H
#define CLIPROXY_IR_NAMES_H

#include "ir/event.h"
#include "ir/request.h"

struct ir_alphabet {
    size_t name_max, id_max;      /* bytes; 0: no limit */
    const char *name_extra;       /* allowed besides A-Z a-z 0-9, e.g. "_-" */
    const char *id_extra;         /* NULL: anything goes */
    bool name_starts_with_letter; /* or underscore */
    bool has_custom;              /* custom tools exist there; else they become functions */
    bool has_space;               /* namespaces exist there; else they go into the name */
};

/* One tool whose calls must be said otherwise to the client. */
struct ir_renamed {
    struct ir_renamed *next;
    str wire; /* what the provider knows */
    str name, space;
    enum ir_call_kind call; /* what the client declared */
};

struct ir_names {
    struct ir_renamed *list; /* lives in the arena given to ir_names_fit */
};

/*
 * Fits the request's tools, choice, calls and results. Custom tools become functions with one
 * string parameter `input` where the target has none, their past calls {"input": text}; the
 * grammar, if any, goes into the description. An OWN tool that has a schema (local_shell: the
 * client runs it, only its spelling is the dialect's) becomes a function of its name, its past
 * calls (IR_CALL_OWN) calls of that function, and the answer's calls IR_CALL_OWN again. A tool that
 * is declared twice stays once. names, in arena a (it must outlive the answer), gets what has to be
 * undone; calls of tools that are not declared any more count as well, as models call them again.
 */
void ir_names_fit(struct ir_request *rq, const struct ir_alphabet *to, struct arena *a,
                  struct ir_names *names);

const struct ir_renamed *ir_names_find(const struct ir_names *names, str wire);

/*
 * Between a reader and a writer of an answer: gives calls their names back, and turns
 * {"input": "..."} of a custom tool into its text as it arrives. Arguments that are no such object
 * still reach the client: see ir/unname.c. One per answer; names must outlive it.
 */
struct ir_unname;
struct ir_unname *ir_unname_new(struct arena *a, const struct ir_names *names, ir_emit_fn *next,
                                void *arg);
void ir_unname_take(void *unname, const struct ir_event *e); /* an ir_emit_fn */
void ir_unname_free(struct ir_unname *u);                    /* what is not in the arena */

#endif

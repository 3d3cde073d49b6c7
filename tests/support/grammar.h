/*
 * support/grammar.h - whether a client's stream obeys its dialect's grammar (SPEC 5.11).
 *
 * Checked is what clients rely on: which event may follow which, what each must carry, that ids and
 * indices agree, that the last event repeats what came. Not the schema of every member.
 */
#ifndef TESTS_SUPPORT_GRAMMAR_H
#define TESTS_SUPPORT_GRAMMAR_H

#include "base/map.h"
#include "json/read.h"

enum grammar_kind {
    GRAMMAR_CHAT,
    GRAMMAR_COMPLETIONS,
    GRAMMAR_RESPONSES,
    GRAMMAR_ANTHROPIC,
    GRAMMAR_GEMINI
};

struct grammar {
    bool complete; /* its final event came */
    bool error;    /* or it ended with an error */
    size_t events;
    /* private */
    struct fail *why;
    struct arena arena; /* as long as the check */
    struct map state;   /* by what each dialect calls its parts */
    str id, model, created;
    bool started, tail;
    size_t next_index;
    int64_t sequence;
};

/* Checks all of text. False with *why when it is no stream of that kind. */
bool grammar_check(struct grammar *g, enum grammar_kind kind, str text, struct fail *why);

/* ---- for the dialects' files ---- */

/* Sets *why unless ok; returns ok. */
bool grammar_need(struct grammar *g, bool ok, const char *rule);
/* A place in the state, by "%c%ld.%ld". */
void **grammar_at(struct grammar *g, char what, int64_t a, int64_t b);

bool grammar_chat(struct grammar *g, str type, str data, yyjson_val *root);
bool grammar_completions(struct grammar *g, str type, str data, yyjson_val *root);
bool grammar_responses(struct grammar *g, str type, str data, yyjson_val *root);
bool grammar_anthropic(struct grammar *g, str type, str data, yyjson_val *root);
bool grammar_gemini(struct grammar *g, str type, str data, yyjson_val *root);

#endif

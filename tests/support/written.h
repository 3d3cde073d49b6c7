/*
 * support/written.h - requests built by hand, and what the Anthropic codec makes of them.
 */
#ifndef TESTS_SUPPORT_WRITTEN_H
#define TESTS_SUPPORT_WRITTEN_H

#include "dialect/codec.h"

struct world {
    struct arena arena;
    struct buf out;
    struct fail fail;
    struct ir_losses lost;
};

/* For cmocka_run_group_tests. */
int world_setup(void **state);
int world_teardown(void **state);

yyjson_val *json(struct world *w, const char *text);

/* A request that came in chat: one user message, "hi". */
void begin(struct world *w, struct ir_request *rq);
struct ir_message *say(struct ir_request *rq, enum ir_role role, const char *text);
struct ir_tool *add_tool(struct world *w, struct ir_request *rq, enum ir_tool_kind kind,
                         const char *name);
/* Tools f and g, and a choice of that kind, which names g. */
void choose(struct world *w, struct ir_request *rq, enum ir_choice_kind kind);
struct ir_part *add_media(struct world *w, struct ir_request *rq, enum ir_part_kind kind,
                          struct ir_media m);
/* An assistant's call of f, and a tool message with its result. */
struct ir_part *add_call(struct ir_request *rq);
struct ir_part *add_result(struct ir_request *rq);

/* A 1x1 GIF, and the beginning of a PDF. */
#define GIF S("R0lGODlhAQABAAAAACwAAAAAAQABAAA=")
#define PDF S("JVBERi0xLjQK")

/* Fits and writes it; into w->out, and what was left out into w->lost. */
enum err write_to(struct world *w, struct ir_request *rq, struct ir_target to);
yyjson_val *written_for(struct world *w, struct ir_request *rq, struct ir_target to);
yyjson_val *written(struct world *w, struct ir_request *rq);

/* w->out is this document; the member of root is, or is not there (NULL). */
void want(struct world *w, const char *text);
void want_member(struct world *w, yyjson_val *root, const char *member, const char *text);

/* Whether the feature is named among w->lost. */
bool lost_feature(const struct world *w, enum ir_feature f);

#endif

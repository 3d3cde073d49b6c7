/*
 * dialect/anthropic/priv.h - what the files of this folder share.
 *
 * Wire facts come from the Messages API reference, the schemas generated from the vendor's SDK
 * (`anthropic/` among the published specifications), and the recorded exchanges; a comment says
 * which where it surprises.
 */
#ifndef CLIPROXY_DIALECT_ANTHROPIC_PRIV_H
#define CLIPROXY_DIALECT_ANTHROPIC_PRIV_H

#include "dialect/codec.h"

#define SELF DIALECT_ANTHROPIC

/* ---- requests: hooks of the table in request.c ---- */

/* request_read.c */
enum err anthropic_read_system(struct ir_request *rq, yyjson_val *v, struct fail *f);
enum err anthropic_read_messages(struct ir_request *rq, yyjson_val *v, struct fail *f);

/* request_write.c */
void anthropic_write_system(const struct ir_request *rq, const struct ir_target *to,
                            struct json_writer *w);
void anthropic_write_messages(const struct ir_request *rq, const struct ir_target *to,
                              struct json_writer *w);
/* Media types as the API takes them; ERR_BAD_REQUEST for what it does not. */
enum err anthropic_fit_content(struct ir_request *rq, const struct ir_target *to,
                               struct fail *f) must_check;
/* Whether the assistant is to go on with its own words. */
bool anthropic_ends_with_prefill(const struct ir_request *rq, const struct ir_target *to);
/* The first message behind the leading system messages. */
const struct ir_message *anthropic_first_turn(const struct ir_request *rq);

/* request_own.c: for a request that came in this dialect */
void anthropic_write_own_messages(const struct ir_request *rq, const struct ir_target *to,
                                  struct json_writer *w);
/* Whether what is left out of it keeps the model from thinking. */
bool anthropic_misses_thinking(const struct ir_request *rq, const struct ir_target *to);
void anthropic_write_own_system(const struct ir_request *rq, const struct ir_target *to,
                                struct json_writer *w);

/* tools.c */
enum err anthropic_read_tools(struct ir_request *rq, yyjson_val *v, struct fail *f);
enum err anthropic_read_tool_choice(struct ir_request *rq, yyjson_val *v, struct fail *f);
void anthropic_settle_tool_choice(struct ir_request *rq); /* once all is read */
void anthropic_write_tools(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w);
void anthropic_write_tool_choice(const struct ir_request *rq, const struct ir_target *to,
                                 struct json_writer *w);
/* Fits tools to the model. ERR_BAD_REQUEST: the choice forces a tool that is not there. */
enum err anthropic_fit_tools(struct ir_request *rq, const struct ir_target *to,
                             struct fail *f) must_check;

/* reasoning.c */
enum err anthropic_read_thinking(struct ir_request *rq, yyjson_val *v, struct fail *f);
enum err anthropic_read_output_config(struct ir_request *rq, yyjson_val *v, struct fail *f);
enum err anthropic_read_output_format(struct ir_request *rq, yyjson_val *v, struct fail *f);
void anthropic_settle_reasoning(struct ir_request *rq);
void anthropic_write_thinking(const struct ir_request *rq, const struct ir_target *to,
                              struct json_writer *w);
void anthropic_write_output_config(const struct ir_request *rq, const struct ir_target *to,
                                   struct json_writer *w);
/* Fits reasoning, sampling and max_tokens to each other and to the model. */
void anthropic_fit_sampling(struct ir_request *rq, const struct ir_target *to);
/* Whether the assistant's turn goes on without the thinking that a budget wants at its start. */
bool anthropic_turn_lacks_thinking(const struct ir_request *rq);
/* Whether the target holds the model to schemas: output_config.format, strict tools. */
bool anthropic_takes_schemas(const struct ir_target *to);
/* What stands in for a format the model has no place for; empty when it has. */
str anthropic_format_prompt(const struct ir_request *rq, const struct ir_target *to);

/* request.c */
enum err anthropic_request_read(struct ir_request *rq, yyjson_val *root, struct fail *f);
enum err anthropic_request_leave(struct ir_request *rq, const struct codec *to, struct fail *f);
enum err anthropic_request_write(struct ir_request *rq, const struct ir_target *to, struct buf *out,
                                 struct fail *f);
str anthropic_request_beta(const struct ir_request *rq);
/* Says what this very model cannot take, in the client's spelling. */
void anthropic_lose(const struct ir_request *rq, const struct ir_target *to, enum ir_feature what);
/* Writes src's member under key when the request is of this dialect; whether it is. */
bool anthropic_write_own(const struct ir_request *rq, const char *key, struct json_writer *w);

/* ---- blocks that requests and answers have alike: block.c ---- */

/* Members of a content block, found in one pass; NULL where there is none, or null. */
struct anthropic_block {
    yyjson_val *src, *type, *text, *source, *title, *context, *citations, *cache, *id, *name,
        *input, *use_id, *content, *is_error, *thinking, *signature, *data;
    bool others; /* there are members not listed here */
};
void anthropic_block(yyjson_val *obj, struct anthropic_block *b);

/* web_search_tool_result and web_fetch_tool_result, code_execution_tool_result and
 * bash_code_execution_tool_result: what the part says of them. call: the server_tool_use it
 * answers, or NULL. False when the block is neither. */
bool anthropic_read_hosted(const struct anthropic_block *b, yyjson_val *call, struct ir_part *p,
                           struct arena *a);

/* The two blocks of a search or of executed code that another provider made: what the model asked,
 * and what it got. id is of the call. */
void anthropic_write_hosted_call(const struct ir_part *p, str id, bool whole,
                                 struct json_writer *w);
str anthropic_hosted_input(const struct ir_part *p, struct arena *a); /* its input as JSON text */
void anthropic_write_hosted_result(const struct ir_part *p, str id, struct arena *a,
                                   struct json_writer *w);

/* ---- answers ---- */

/* words.c */
enum ir_finish anthropic_finish(str reason, bool called);
str anthropic_stop_reason(enum ir_finish finish, bool called);
str anthropic_error_type(const struct ir_error *e);
int anthropic_error_status(str type);
/* "standard", "priority"; empty for what the API has no word for. */
str anthropic_tier(str tier);

/* answer_read.c */
enum { ANTHROPIC_READER_SIZE = 256, ANTHROPIC_WRITER_SIZE = 384 };
enum err anthropic_read_whole(struct answer_reader *r, yyjson_val *root, struct fail *f);
enum err anthropic_read_event(struct answer_reader *r, str type, yyjson_val *root, struct fail *f);
enum err anthropic_read_end(struct answer_reader *r, struct fail *f);
bool anthropic_read_error(yyjson_val *root, int status, struct ir_error *out);

/* answer_write.c */
/* A call's id in the API's alphabet; made up with head when there is none. */
str anthropic_id(str id, const char *head, unsigned *n, const struct answer_ask *ask);
str anthropic_hosted_id(str id, unsigned *n, const struct answer_ask *ask);
str anthropic_signature(const struct ir_seal *seal, const struct answer_ask *ask);
str anthropic_message_id(str id, const struct answer_ask *ask);
void anthropic_write_counts(const struct usage *u, struct json_writer *w); /* within usage */
void anthropic_write_searches(unsigned searches, struct json_writer *w);
void anthropic_write_citation(const struct ir_citation *c, struct json_writer *w);
void anthropic_write_event(void *state, const struct answer_ask *ask, const struct ir_event *e,
                           struct buf *out);
void anthropic_write_fini(void *state);
/* answer_whole.c */
void anthropic_write_whole(const struct answer_ask *ask, const struct ir_answer *an,
                           struct buf *out);

#endif

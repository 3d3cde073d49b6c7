/*
 * dialect/openai_chat/answers.h - what readers and writers of answers share.
 */
#ifndef CLIPROXY_DIALECT_OPENAI_CHAT_ANSWERS_H
#define CLIPROXY_DIALECT_OPENAI_CHAT_ANSWERS_H

#include "dialect/openai_chat/chat.h"

/* ---- finish.c ---- */

/* Why it ended, by the provider's word, whatever vendor's; case does not matter. */
enum ir_finish chat_finish_of(str word);

/* The API's word. refused: a refusal was said in the message's own member. */
str chat_finish_word(enum ir_finish f, bool refused);

/* ---- usage.c ---- */

/* Counts of a usage object, whatever vendor's; false when v is none. */
bool chat_usage_read(yyjson_val *v, struct usage *u);
void chat_usage_write(struct json_writer *w, const struct usage *u);

/* ---- errors.c ---- */

bool chat_read_error(yyjson_val *root, int status, struct ir_error *out);
void chat_error_write(struct json_writer *w, const struct ir_error *e);

/* ---- answer_read.c ---- */

enum err chat_read_whole(struct answer_reader *r, yyjson_val *root, struct fail *f) must_check;
enum err chat_read_event(struct answer_reader *r, str type, yyjson_val *root,
                         struct fail *f) must_check;
enum err chat_read_end(struct answer_reader *r, struct fail *f) must_check;

#endif

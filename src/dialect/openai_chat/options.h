/*
 * dialect/openai_chat/options.h - rows of a request's members, for the tables of both endpoints.
 *
 * Private to this folder. Rows without a writer are written by request_write.c, which knows the
 * target.
 */
#ifndef CLIPROXY_DIALECT_OPENAI_CHAT_OPTIONS_H
#define CLIPROXY_DIALECT_OPENAI_CHAT_OPTIONS_H

#include "dialect/openai_chat/chat.h"

extern const struct ir_field *const chat_rows;

enum err chat_read_model(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
enum err chat_read_stream(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
enum err chat_read_stream_options(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
enum err chat_read_limit(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
enum err chat_read_old_limit(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
enum err chat_read_stop(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
enum err chat_read_n(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;

/* What both endpoints have. */
#define CHAT_SHARED_ROWS                                                                       \
    FIELD_OF("model", COUNT, chat_read_model, NULL),                                           \
        FIELD_OF("stream", COUNT, chat_read_stream, NULL),                                     \
        FIELD_OF("stream_options", COUNT, chat_read_stream_options, NULL),                     \
        FIELD_OF("max_tokens", MAX_TOKENS, chat_read_old_limit, NULL),                         \
        FIELD_OF("stop", STOP, chat_read_stop, NULL), FIELD_OF("n", COUNT, chat_read_n, NULL), \
        FIELD_NUM("temperature", temperature, TEMPERATURE), FIELD_NUM("top_p", top_p, TOP_P),  \
        FIELD_NUM("top_k", top_k, TOP_K), FIELD_NUM("seed", seed, SEED),                       \
        FIELD_NUM("frequency_penalty", frequency_penalty, FREQUENCY_PENALTY),                  \
        FIELD_NUM("presence_penalty", presence_penalty, PRESENCE_PENALTY),                     \
        FIELD_JSON("logit_bias", logit_bias, LOGIT_BIAS)

#endif

/*
 * dialect/gemini/gemini.h - what the files of this folder share.
 *
 * Wire facts: content.proto and generative_service.proto of google/ai/generativelanguage/v1beta,
 * the discovery document of Vertex AI v1 (revision 20260815), and recorded exchanges. Members may
 * be spelt in camelCase or snake_case, as ProtoJSON parsers take both; ours are camelCase.
 */
#ifndef CLIPROXY_DIALECT_GEMINI_GEMINI_H
#define CLIPROXY_DIALECT_GEMINI_GEMINI_H

#include "dialect/codec.h"

/* ---- Members. ---- */

/* obj[name] in either spelling, the camelCase one first; NULL when absent or null. */
yyjson_val *gemini_get(yyjson_val *obj, const char *name);
str gemini_get_str(yyjson_val *obj, const char *name);

/* An array's elements, or the value itself as the only one: ProtoJSON takes both for a repeated
 * field, and Google's own examples use both. */
struct gemini_list {
    yyjson_arr_iter it;
    yyjson_val *one;
};

static inline struct gemini_list gemini_list(yyjson_val *v)
{
    struct gemini_list l = {.one = yyjson_is_arr(v) ? NULL : v};
    l.it = yyjson_arr_iter_with(v);
    return l;
}

/* NULL after the last. */
static inline yyjson_val *gemini_next(struct gemini_list *l)
{
    yyjson_val *v = l->one;
    l->one = NULL;
    return v ? v : yyjson_arr_iter_next(&l->it);
}

/* ---- Models. ---- */

/* What depends on the model, by the target's name of it. */
struct gemini_model {
    bool json_schema; /* parametersJsonSchema, responseJsonSchema, mode VALIDATED: from 2.5 on */
    bool third;       /* 3 or later: ids and signatures of calls; built-in tools and JSON beside
                         functions */
    bool penalties;   /* takes frequencyPenalty and presencePenalty */
    bool gemma;       /* has no system instruction */
};

struct gemini_model gemini_model_of(const struct ir_target *to);

/* ---- Requests. ---- */

enum err gemini_request_read(struct ir_request *rq, yyjson_val *root, struct fail *f) must_check;
enum err gemini_request_write(struct ir_request *rq, const struct ir_target *to, struct buf *out,
                              struct fail *f) must_check;

/* The request itself: countTokens may wrap it in generateContentRequest. */
yyjson_val *gemini_request_of(yyjson_val *root);

/* Rows of the request, and of generationConfig (options.c). */
extern const struct ir_field gemini_request_rows[], gemini_config_rows[];

enum err gemini_contents_read(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
enum err gemini_system_read(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
void gemini_contents_write(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w);
void gemini_system_write(const struct ir_request *rq, const struct ir_target *to,
                         struct json_writer *w);

enum err gemini_tools_read(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
enum err gemini_tool_config_read(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
void gemini_tools_write(const struct ir_request *rq, const struct ir_target *to,
                        struct json_writer *w);
void gemini_tool_config_write(const struct ir_request *rq, const struct ir_target *to,
                              struct json_writer *w);

/* generationConfig.thinkingConfig (thinking.c), .responseMimeType and schemas (format.c). */
enum err gemini_thinking_read(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
void gemini_thinking_write(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w);
enum err gemini_misplaced_read(struct ir_request *rq, yyjson_val *config,
                               struct fail *f) must_check;
enum err gemini_format_read(struct ir_request *rq, yyjson_val *config, struct fail *f) must_check;
void gemini_format_write(const struct ir_request *rq, const struct ir_target *to,
                         struct json_writer *w);

/* Whether the request has function tools, for what is refused beside them. */
bool gemini_has_functions(const struct ir_request *rq);

/* In the same dialect: the member as the client wrote it. False when rq is of another dialect or
 * obj has none. */
bool gemini_again(const struct ir_request *rq, yyjson_val *obj, const char *name,
                  struct json_writer *w);

/* Names what the target's model or provider cannot be told, in the client's spelling. */
void gemini_lose(const struct ir_request *rq, const struct ir_target *to, enum ir_feature f);

/* ---- Media, in requests and answers. ---- */

/* A part of the kind that the media type stands for; DOCUMENT for all that is no image, audio or
 * video. */
enum ir_part_kind gemini_media_kind(str mime);

/* inlineData or fileData; false when v is neither or lacks its data. The media lies in a. */
bool gemini_media_read(yyjson_val *inline_data, yyjson_val *file_data, struct arena *a,
                       struct ir_part *part);

/* {"inlineData":...} or {"fileData":...}, without the braces. */
void gemini_media_write(const struct ir_part *part, struct json_writer *w);

/* ---- Answers. ---- */

/* finishReason, or the number of it, to what it means; UNKNOWN for the rest. */
enum ir_finish gemini_finish_of(str reason);
str gemini_finish_by_number(uint64_t number);
/* The word for a finish; native when that is a word of Gemini's with the same meaning. */
str gemini_finish_word(enum ir_finish finish, str native);

/* google.rpc.Code for an HTTP status. */
const char *gemini_status_word(int status);

void gemini_usage_read(yyjson_val *v, struct usage *u);
void gemini_usage_write(const struct usage *u, str service_tier, struct json_writer *w);

/* logprobsResult as chat's content array and back; NULL for none. Trees live in a. */
yyjson_val *gemini_logprobs_read(yyjson_val *v, struct arena *a);
void gemini_logprobs_write(yyjson_val *list, struct json_writer *w);

enum err gemini_read_whole(struct answer_reader *r, yyjson_val *root, struct fail *f) must_check;
enum err gemini_read_event(struct answer_reader *r, str type, yyjson_val *root,
                           struct fail *f) must_check;
enum err gemini_read_end(struct answer_reader *r, struct fail *f) must_check;
bool gemini_read_error(yyjson_val *root, int status, struct ir_error *out);
void gemini_write_event(void *state, const struct answer_ask *ask, const struct ir_event *e,
                        struct buf *out);
void gemini_write_fini(void *state);
void gemini_write_whole(const struct answer_ask *ask, const struct ir_answer *an, struct buf *out);

#endif

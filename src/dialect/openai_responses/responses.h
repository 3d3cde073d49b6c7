/*
 * dialect/openai_responses/responses.h - what the files of this folder share.
 *
 * Wire facts here and in the .c files, where nothing else is named: OpenAI's OpenAPI document
 * (schemas CreateResponse, InputItem, OutputItem, Response, ResponseStreamEvent) and the Open
 * Responses document of 2026-04-24.
 */
#ifndef CLIPROXY_DIALECT_OPENAI_RESPONSES_RESPONSES_H
#define CLIPROXY_DIALECT_OPENAI_RESPONSES_RESPONSES_H

#include "dialect/codec.h"
#include "ir/seal.h"

extern const struct ir_fate_row responses_fates[CAN_COUNT];

/* SPEC 1.7: for errors that bring no code of their own (responses.c). */
const char *responses_error_code(int status);

/* ---- Items that requests and answers have in common (items.c). ---- */

/* web_search_call: what was searched, or the page that was opened. */
void responses_search(struct ir_part *p, yyjson_val *item, struct arena *a);

/* code_interpreter_call: code and output. */
void responses_code(struct ir_part *p, yyjson_val *item, struct arena *a);

/* image_generation_call: the finished image; false when there is none yet. */
bool responses_image(struct ir_part *p, yyjson_val *item, struct arena *a);

/* reasoning: the text (summary, else content) and the seal. */
void responses_reasoning(struct ir_part *p, yyjson_val *item, struct arena *a);

/* An annotation of output_text. */
void responses_citation(struct ir_citation *c, yyjson_val *annotation);

/* An image's or file's address: a data: URL in pieces, or a URL. */
void responses_media_url(struct ir_media *m, str url);

/*
 * Gemini signs calls and text, not only thoughts. Responses clients have one place for opaque
 * things, the reasoning item: a signature travels as one of its own, with an id in the seal that
 * says whose it is.
 */
#define SEAL_OF_NEXT  S("next") /* of the call or text that follows */
#define SEAL_OF_LAST  S("last") /* of the one before */
#define SEAL_REDACTED S("redacted")

/* ---- Tools the client runs and only the dialect spells in its own way (own.c). ---- */

struct own_tool {
    const char *tool;   /* type in tools: "local_shell"; also the name of the function */
    const char *call;   /* type of the call's item */
    const char *output; /* type of the result's item */
    const char *input;  /* member of the call's item that holds what the model says */
    const char *result; /* member of the result's item */
    const char *prefix; /* of the call's item id */
    void (*write)(yyjson_val *args, struct json_writer *w); /* input from a function's arguments */
    const char *tail;        /* further members of the call's item, each with a comma before it */
    const char *description; /* of the function it becomes elsewhere */
    const char *schema;      /* and its parameters */
};

const struct own_tool *own_tool_by_type(str type);
const struct own_tool *own_tool_by_call(str type);
const struct own_tool *own_tool_by_output(str type);

/* Whether the client runs what this tool or call asks for; shells and searches may be hosted. */
bool own_tool_is_clients(const struct own_tool *own, yyjson_val *tool_or_call);

/* What the model said, as JSON text: the arguments of the function call it becomes. */
str own_tool_arguments(const struct own_tool *own, yyjson_val *call, struct arena *a);

/* Members of the call's item besides type, id and status, from a function call's arguments
 * (any text: what is no such call becomes the nearest that is). */
void own_tool_write_call(const struct own_tool *own, str call_id, str arguments, struct arena *a,
                         struct json_writer *w);

/* ---- Requests. ---- */

/* request_input.c */
enum err responses_read_input(struct ir_request *rq, yyjson_val *v, struct fail *f);
void responses_write_input(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w);

/* request_tools.c */
enum err responses_read_tools(struct ir_request *rq, yyjson_val *v, struct fail *f);
enum err responses_read_choice(struct ir_request *rq, yyjson_val *v, struct fail *f);
void responses_write_tools(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w);
void responses_write_choice(const struct ir_request *rq, const struct ir_target *to,
                            struct json_writer *w);
/* Whether responses_write_tools writes any. */
bool responses_has_tools(const struct ir_request *rq);

/* options.c: all members, and those a counting endpoint takes */
extern const struct ir_field responses_rows[], responses_counting_rows[];

/* request.c, request_leave.c, echo.c */
enum err responses_request_read(struct ir_request *rq, yyjson_val *root, struct fail *f);
enum err responses_request_leave(struct ir_request *rq, const struct codec *to, struct fail *f);
enum err responses_request_write(struct ir_request *rq, const struct ir_target *to, struct buf *out,
                                 struct fail *f);
str responses_request_echo(const struct ir_request *rq, struct arena *a);

#endif

/*
 * dialect/openai_responses/responses.c - the Responses API. A stream's lifecycle events wrap in
 * `response` what a whole answer has at its top.
 */
#include "dialect/openai_responses/responses.h"
#include "dialect/tables.h"
#include "json/write.h"

#define BOTH(id, ...) ROW(id, __VA_ARGS__), ROW(id, "response", __VA_ARGS__)

static const struct watch_path paths[] = {
    {TAP_TYPE, {"type"}},
    {TAP_SEQUENCE, {"sequence_number"}},
    BOTH(TAP_MODEL, "model"),
    BOTH(TAP_STATUS, "status"),
    BOTH(TAP_FINISH, "incomplete_details", "reason"),
    BOTH(TAP_INPUT, "usage", "input_tokens"),
    BOTH(TAP_OUTPUT, "usage", "output_tokens"),
    BOTH(TAP_CACHED, "usage", "input_tokens_details", "cached_tokens"),
    BOTH(TAP_CACHE_WRITE, "usage", "input_tokens_details", "cache_write_tokens"),
    BOTH(TAP_REASONING, "usage", "output_tokens_details", "reasoning_tokens"),
    BOTH(TAP_ERROR, "error"),
    BOTH(TAP_MESSAGE, "error", "message"),
    {TAP_MESSAGE, {"message"}}, /* the error event is flat */
};

static const struct dialect_event events[] = {
    {"response.completed", EVENT_TERMINAL},
    {"response.incomplete", EVENT_TERMINAL},
    {"response.failed", EVENT_TERMINAL | EVENT_ERROR},
    {"error", EVENT_ERROR},
    {NULL, 0},
};

const char *responses_error_code(int status)
{
    switch (status) {
    case 401: return "invalid_api_key";
    case 403: return "insufficient_quota";
    case 404: return "model_not_found";
    case 408: return "request_timeout";
    case 429: return "rate_limit_exceeded";
    default: return status >= 500 ? "internal_server_error" : "invalid_request_error";
    }
}

/* Clients check that sequence numbers go on. */
static void error_frame(const struct tap *t, const struct dialect_error *e, struct buf *out)
{
    buf_lit(out, "event: error\ndata: ");
    struct json_writer w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "type", S("error"));
    jw_kstr(&w, "code", str_c(e->code ? e->code : responses_error_code(e->status)));
    jw_kstr(&w, "message", e->message);
    if (e->param)
        jw_kstr(&w, "param", str_c(e->param));
    else
        jw_knull(&w, "param");
    jw_ki64(&w, "sequence_number", t ? t->sequence + 1 : 0);
    jw_object_end(&w);
    buf_lit(out, "\n\n");
}

const struct dialect dialect_responses = {
    .id = DIALECT_RESPONSES,
    .name = "openai-responses",
    .error_body = openai_error_body,
    .error_frame = error_frame,
    TABLE(paths),
    .events = events,
};

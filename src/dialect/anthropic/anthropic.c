/*
 * dialect/anthropic/anthropic.c - the Messages API. message_start wraps in `message` what a whole
 * answer has at its top; message_delta brings the final counts.
 */
#include "dialect/tables.h"
#include "json/write.h"

#define BOTH(id, ...) ROW(id, __VA_ARGS__), ROW(id, "message", __VA_ARGS__)

static const struct watch_path paths[] = {
    {TAP_TYPE, {"type"}},
    BOTH(TAP_MODEL, "model"),
    BOTH(TAP_INPUT, "usage", "input_tokens"),
    BOTH(TAP_OUTPUT, "usage", "output_tokens"),
    BOTH(TAP_CACHED, "usage", "cache_read_input_tokens"),
    BOTH(TAP_CACHE_WRITE, "usage", "cache_creation_input_tokens"),
    BOTH(TAP_REASONING, "usage", "output_tokens_details", "thinking_tokens"),
    {TAP_INPUT, {"input_tokens"}}, /* an answer of count_tokens */
    {TAP_FINISH, {"stop_reason"}},
    {TAP_FINISH, {"delta", "stop_reason"}},
    {TAP_ERROR, {"error"}},
    {TAP_MESSAGE, {"error", "message"}},
};

static const struct dialect_event events[] = {
    {"message_stop", EVENT_TERMINAL},
    {"error", EVENT_ERROR},
    {"ping", EVENT_IDLE},
    {NULL, 0},
};

/* Keys on the paths, and the types with a meaning: an event without any only brings text. */
static const char *const words[] = {
    "usage", "stop_reason", "input_tokens", "error", "ping", "message_stop", NULL,
};

/* SPEC 1.10 */
static const char *error_type(const struct dialect_error *e)
{
    if (e->code && strcmp(e->code, "model_not_found") == 0)
        return "not_found_error";
    switch (e->status) {
    case 401: return "authentication_error";
    case 402: return "billing_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 504: return "timeout_error";
    case 529: return "overloaded_error";
    default: return e->status >= 500 ? "api_error" : "invalid_request_error";
    }
}

static void error_body(const struct dialect_error *e, struct buf *out)
{
    struct json_writer w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "type", S("error"));
    jw_key(&w, S("error"));
    jw_object(&w);
    jw_kstr(&w, "type", str_c(error_type(e)));
    jw_kstr(&w, "message", e->message);
    if (e->code && strcmp(e->code, "thread_unsupported_request") == 0)
        jw_kraw(&w, "details",
                S("{\"error_code\":\"thread_unsupported_request\",\"unsupported\":[\"thread\"]}"));
    jw_object_end(&w);
    if (e->request_id.n)
        jw_kstr(&w, "request_id", e->request_id);
    else
        jw_knull(&w, "request_id");
    jw_object_end(&w);
}

static void error_frame(const struct tap *t, const struct dialect_error *e, struct buf *out)
{
    (void)t;
    buf_lit(out, "event: error\ndata: ");
    error_body(e, out);
    buf_lit(out, "\n\n");
}

const struct dialect dialect_anthropic = {
    .id = DIALECT_ANTHROPIC,
    .name = "anthropic",
    .error_body = error_body,
    .error_frame = error_frame,
    TABLE(paths),
    .words = words,
    .events = events,
    .input_lacks_cached = true,
};

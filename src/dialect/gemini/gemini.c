/*
 * dialect/gemini/gemini.c - generateContent and streamGenerateContent. A stream without alt=sse is
 * one JSON array of the same objects; Code Assist wraps each in `response`; some proxies write
 * snake_case.
 */
#include "dialect/gemini/gemini.h"
#include "dialect/tables.h"
#include "json/write.h"

#define EACH(id, ...) \
    ROW(id, __VA_ARGS__), ROW(id, "*", __VA_ARGS__), ROW(id, "response", __VA_ARGS__)

static const struct watch_path paths[] = {
    EACH(TAP_MODEL, "modelVersion"),
    EACH(TAP_FINISH, "candidates", "*", "finishReason"),
    EACH(TAP_FINISH, "promptFeedback", "blockReason"),
    EACH(TAP_INPUT, "usageMetadata", "promptTokenCount"),
    EACH(TAP_OUTPUT, "usageMetadata", "candidatesTokenCount"),
    EACH(TAP_CACHED, "usageMetadata", "cachedContentTokenCount"),
    EACH(TAP_REASONING, "usageMetadata", "thoughtsTokenCount"),
    EACH(TAP_INPUT, "usage_metadata", "prompt_token_count"),
    EACH(TAP_OUTPUT, "usage_metadata", "candidates_token_count"),
    EACH(TAP_CACHED, "usage_metadata", "cached_content_token_count"),
    EACH(TAP_REASONING, "usage_metadata", "thoughts_token_count"),
    EACH(TAP_ERROR, "error"),
    EACH(TAP_MESSAGE, "error", "message"),
};

/* google.rpc.Code by HTTP status, as the API maps them. */
const char *gemini_status_word(int status)
{
    switch (status) {
    case 401: return "UNAUTHENTICATED";
    case 403: return "PERMISSION_DENIED";
    case 404: return "NOT_FOUND";
    case 429: return "RESOURCE_EXHAUSTED";
    case 499: return "CANCELLED";
    case 501: return "UNIMPLEMENTED";
    case 502:
    case 503: return "UNAVAILABLE";
    case 408:
    case 504: return "DEADLINE_EXCEEDED";
    default: return status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT";
    }
}

static const char *status_name(const struct dialect_error *e)
{
    bool no_model = e->code && strcmp(e->code, "model_not_found") == 0;
    return no_model ? "NOT_FOUND" : gemini_status_word(e->status);
}

static void error_body(const struct dialect_error *e, struct buf *out)
{
    struct json_writer w = json_writer(out);
    jw_object(&w);
    jw_key(&w, S("error"));
    jw_object(&w);
    jw_ki64(&w, "code", e->status);
    jw_kstr(&w, "message", e->message);
    jw_kstr(&w, "status", str_c(status_name(e)));
    jw_object_end(&w);
    jw_object_end(&w);
}

static void error_frame(const struct tap *t, const struct dialect_error *e, struct buf *out)
{
    (void)t;
    /* Without an event name, as Google sends it: @google/genai skips events that do not begin with
     * their data, and would take the cut stream for a whole one. */
    buf_lit(out, "data: ");
    error_body(e, out);
    buf_lit(out, "\n\n");
}

const struct dialect dialect_gemini = {
    .id = DIALECT_GEMINI,
    .name = "gemini",
    .error_body = error_body,
    .error_frame = error_frame,
    TABLE(paths),
    .finish_ends = true,
    .output_lacks_reasoning = true,
};

/*
 * dialect/openai_chat/chat.c - the Chat Completions API, and the legacy Completions API whose
 * answers differ only inside choices.
 */
#include "dialect/openai_chat/chat.h"

#include "dialect/tables.h"
#include "json/write.h"

static const struct watch_path paths[] = {
    {TAP_MODEL, {"model"}},
    {TAP_CHOICE, {"choices", "*"}},
    {TAP_FINISH, {"choices", "*", "finish_reason"}},
    {TAP_USAGE, {"usage"}},
    {TAP_INPUT, {"usage", "prompt_tokens"}},
    {TAP_OUTPUT, {"usage", "completion_tokens"}},
    {TAP_CACHED, {"usage", "prompt_tokens_details", "cached_tokens"}},
    {TAP_CACHE_WRITE, {"usage", "prompt_tokens_details", "cached_creation_tokens"}},
    {TAP_REASONING, {"usage", "completion_tokens_details", "reasoning_tokens"}},
    /* OpenRouter's name for it */
    {TAP_CACHE_WRITE, {"usage", "prompt_tokens_details", "cache_write_tokens"}},
    {TAP_CACHE_WRITE, {"usage", "cache_creation_input_tokens"}}, /* Anthropic's, by gateways */
    {TAP_CACHED, {"usage", "prompt_cache_hit_tokens"}},          /* DeepSeek */
    {TAP_CACHED, {"usage", "cached_tokens"}},                    /* Moonshot */
    {TAP_INPUT, {"choices", "*", "usage", "prompt_tokens"}},     /* Moonshot, streamed */
    {TAP_OUTPUT, {"choices", "*", "usage", "completion_tokens"}},
    {TAP_INPUT, {"x_groq", "usage", "prompt_tokens"}}, /* Groq, streamed */
    {TAP_OUTPUT, {"x_groq", "usage", "completion_tokens"}},
    {TAP_ERROR, {"error"}},
    {TAP_MESSAGE, {"error", "message"}},
};

/* The last keys of the paths above, but for the model and the choices: what tells them apart from
 * an event that only brings text. */
static const char *const words[] = {"usage", "error", "finish_reason", NULL};

/* Type by status, as the API's own errors have it. */
const char *openai_error_type(int status)
{
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 429: return "rate_limit_error";
    default: return status >= 500 ? "server_error" : "invalid_request_error";
    }
}

void openai_error_body(const struct dialect_error *e, struct buf *out)
{
    struct json_writer w = json_writer(out);
    jw_object(&w);
    jw_key(&w, S("error"));
    jw_object(&w);
    jw_kstr(&w, "message", e->message);
    jw_kstr(&w, "type", str_c(openai_error_type(e->status)));
    if (e->param)
        jw_kstr(&w, "param", str_c(e->param));
    else
        jw_knull(&w, "param");
    if (e->code)
        jw_kstr(&w, "code", str_c(e->code));
    else
        jw_knull(&w, "code");
    jw_object_end(&w);
    jw_object_end(&w);
}

/* No [DONE] follows: that would make it look complete. */
static void error_frame(const struct tap *t, const struct dialect_error *e, struct buf *out)
{
    (void)t;
    buf_lit(out, "data: ");
    openai_error_body(e, out);
    buf_lit(out, "\n\n");
}

const struct dialect dialect_chat = {
    .id = DIALECT_CHAT,
    .name = "openai-chat",
    .error_body = openai_error_body,
    .error_frame = error_frame,
    .missing_tail = "data: [DONE]\n\n",
    .stream_from_whole = chat_stream_from_whole,
    TABLE(paths),
    .words = words,
    .done = "[DONE]",
};

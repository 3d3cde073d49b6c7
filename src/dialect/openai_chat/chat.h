/*
 * dialect/openai_chat/chat.h - what the files of this folder share.
 *
 * Wire facts, where nothing else is said: the Chat Completions API as OpenAI publishes it
 * (CreateChatCompletionRequest, CreateChatCompletionResponse, CreateChatCompletionStreamResponse).
 */
#ifndef CLIPROXY_DIALECT_OPENAI_CHAT_CHAT_H
#define CLIPROXY_DIALECT_OPENAI_CHAT_CHAT_H

#include "base/buf.h"
#include "base/err.h"
#include "dialect/codec.h"

/* See dialect_stream_from_whole. */
enum err chat_stream_from_whole(str body, struct buf *out) must_check;

/* ---- model.c: what this provider's model takes of the dialect. ---- */

enum {
    TRAIT_OWN = 1,          /* OpenAI itself: takes its newer options; others refuse unknown ones */
    TRAIT_NEW_LIMIT = 2,    /* the limit is max_completion_tokens */
    TRAIT_FIXED = 4,        /* sampling cannot be chosen */
    TRAIT_FIXED_UNLESS = 8, /* nor here, unless the effort is none */
    TRAIT_ONE_BY_ONE = 16,  /* parallel_tool_calls is refused */
    TRAIT_CUSTOM = 32,      /* custom tools */
    TRAIT_VERBOSITY = 64,   /* verbosity */
    TRAIT_SEARCH = 128,     /* web_search_options */
    TRAIT_ECHO = 256,       /* wants its reasoning_content back, and demands it beside calls */
    TRAIT_SWITCH = 512,     /* thinking is switched off by thinking:{"type":"disabled"} */
    TRAIT_MARKS = 1024,     /* cache_control on content */
    TRAIT_BREAKPOINTS = 2048 /* prompt_cache_breakpoint on content */
};

unsigned chat_traits(const struct ir_target *to);

/* Whether a detail of reasoning in this format (OpenRouter's word) is something of that model's. */
bool chat_format_fits(str format, str model);

/* ---- pieces.c: small things. ---- */

/*
 * Members of obj by names: found[i] is the value of names[i], NULL when there is none or it is
 * null. Returns whether there were others (nulls aside).
 */
bool chat_members(yyjson_val *obj, const char *const *names, yyjson_val **found);

/* A tree of our own from JSON text. */
yyjson_val *chat_tree(str json, struct arena *a);

/* The request came in this dialect, and its document is at hand: it is written as it was. */
static inline bool chat_is_own(const struct ir_request *rq)
{
    return rq->from == DIALECT_CHAT && rq->src;
}

/* ---- content.c: content parts of messages. ---- */

/* Where something stands, for messages. */
struct chat_place {
    size_t message;
    const char *member; /* "content" */
};

/* content of a message: a string, an array, one part. Sets *bare for a string. */
enum err chat_read_content(struct ir_request *rq, yyjson_val *v, struct ir_parts *to,
                           struct chat_place at, bool *bare, struct fail *f) must_check;

/* ---- content_write.c ---- */

struct chat_writer {
    struct ir_request *rq;
    const struct ir_target *to;
    unsigned traits;
    bool own; /* chat_is_own */
    struct json_writer w;
    struct fail *f;
    enum err err;                   /* sticky */
    const struct ir_part *attached; /* private: results whose media are still to be said */
};

/* One part, as an element of a content array. */
void chat_write_part(struct chat_writer *cw, const struct ir_part *p);

/* The value of content for these parts (those that can be content), whatever its form. */
void chat_write_content(struct chat_writer *cw, const struct ir_part *first, bool bare);

/* Whether a part is said inside content. */
bool chat_is_content(const struct ir_part *p);

/* ---- messages.c, messages_write.c ---- */

enum err chat_read_messages(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
void chat_write_messages(struct chat_writer *cw);

/* ---- details.c: reasoning and its signatures in messages. ---- */

/* One element of reasoning_details (OpenRouter's form, which others took over). */
struct chat_detail {
    str text;   /* what can be shown; may be empty */
    str sealed; /* signature or encrypted data; may be empty */
    str format; /* "anthropic-claude-v1", "openai-responses-v1", ...; may be empty */
    str id;
    bool encrypted; /* data rather than a signature of the text */
    int64_t index;  /* -1: not said */
    yyjson_val *src;
};

bool chat_detail_read(yyjson_val *v, struct chat_detail *d);

/* The reasoning text of a message or delta under any of its names; p == NULL when there is none. */
str chat_reasoning_text(yyjson_val *message);

/* The seal of a detail. of_client: from a client's history, where the format tells who issued it;
 * else from a provider of this dialect, who must get all of it back. */
struct ir_seal chat_detail_seal(const struct chat_detail *d, bool of_client, struct arena *a);

/* Writes a detail for a part with a seal. */
void chat_detail_write(struct json_writer *w, const struct ir_part *p, str text, unsigned index,
                       struct arena *a);

/* The signature of a call: {"google":{"thought_signature":...}} and its variants. */
struct ir_seal chat_call_seal(yyjson_val *call, bool of_client, struct arena *a);
void chat_call_seal_write(struct json_writer *w, const struct ir_seal *seal, struct arena *a);

/* All of a message's reasoning as parts, from a client's history. */
void chat_read_reasoning(struct ir_request *rq, yyjson_val *message, struct ir_message *m);

/* ---- thinking.c: how hard to think, in all its spellings. ---- */

enum err chat_read_thinking(struct ir_request *rq, yyjson_val *root, struct fail *f) must_check;
void chat_write_thinking(const struct ir_request *rq, const struct ir_target *to, unsigned traits,
                         struct json_writer *w);

/* ---- tools.c, tools_write.c ---- */

enum err chat_read_tools(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
enum err chat_read_functions(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
void chat_read_search_options(struct ir_request *rq, yyjson_val *v);
enum err chat_read_choice(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;
enum err chat_read_function_call(struct ir_request *rq, yyjson_val *v, struct fail *f) must_check;

/* tools, tool_choice, parallel_tool_calls, web_search_options. */
void chat_write_tools(struct chat_writer *cw);

/* ---- fields.c ---- */

/* Rows of the members that both endpoints have. */

enum err chat_request_read(struct ir_request *rq, yyjson_val *root, struct fail *f) must_check;
enum err chat_request_write(struct ir_request *rq, const struct ir_target *to, struct buf *out,
                            struct fail *f) must_check;

#endif

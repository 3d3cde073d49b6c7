/*
 * ir/request.h - a request to a model, in no dialect.
 *
 * A reader fills it from a body; passes (ir/turns.h, ir/names.h) fit it to what the target can
 * take; a writer says it in the target's dialect. Everything lies in rq->arena or in the tree that
 * was read, and lives as long as they.
 */
#ifndef CLIPROXY_IR_REQUEST_H
#define CLIPROXY_IR_REQUEST_H

#include "ir/feature.h"
#include "ir/part.h"
#include "json/write.h"

enum ir_role { IR_SYSTEM, IR_DEVELOPER, IR_USER, IR_ASSISTANT, IR_TOOL };

enum ir_tri { IR_UNSAID, IR_NO, IR_YES };

struct ir_message {
    enum ir_role role;
    bool top;  /* SYSTEM, DEVELOPER: stood outside the conversation (system, instructions) */
    bool bare; /* content was a plain string */
    bool item; /* Responses: had "type":"message" */
    struct ir_message *next;
    struct ir_parts parts;
    str name;  /* author; may be empty */
    str id;    /* Responses: item id; may be empty */
    str phase; /* Responses: "commentary", "final_answer"; may be empty */
    yyjson_val *src;
};

/* What the neutral form knows of hosted tools; all others are OWN. */
enum ir_tool_kind {
    IR_TOOL_FUNCTION,
    IR_TOOL_CUSTOM,
    IR_TOOL_WEB_SEARCH,
    IR_TOOL_WEB_FETCH,
    IR_TOOL_CODE_EXECUTION,
    IR_TOOL_OWN /* src is all there is; with a schema: see ir/names.h */
};

struct ir_tool {
    enum ir_tool_kind kind;
    enum ir_tri strict;
    bool deferred; /* defer_loading */
    struct ir_tool *next;
    str name;  /* as the provider will see it, once ir_names_fit has run */
    str space; /* namespace; may be empty */
    str description;
    yyjson_val *schema;  /* FUNCTION, some OWN: JSON Schema of the arguments; NULL: none given */
    yyjson_val *grammar; /* CUSTOM: Responses' format object; NULL: plain text */
    yyjson_val *cache;
    /* WEB_SEARCH */
    str *allowed, *blocked; /* domains */
    size_t n_allowed, n_blocked;
    yyjson_val *location; /* {"city","region","country","timezone"} of the user */
    str context_size;     /* "low", "medium", "high"; may be empty */
    int64_t max_uses;     /* 0: not said */
    yyjson_val
        *google; /* WEB_SEARCH, WEB_FETCH, CODE_EXECUTION: Gemini's own object of options, when
                           said in its spelling by a client of whatever dialect ({"google_search":
                           {...}} in chat's tools; SPEC 9 R7) */
    yyjson_val *src;
};

enum ir_choice_kind {
    IR_CHOICE_UNSAID,
    IR_CHOICE_AUTO,
    IR_CHOICE_NONE,
    IR_CHOICE_REQUIRED, /* any tool */
    IR_CHOICE_ONE,      /* names[0] */
    IR_CHOICE_SOME,     /* one of names; `required` says whether there must be a call */
    IR_CHOICE_OWN       /* src: a hosted tool of the dialect */
};

struct ir_choice {
    enum ir_choice_kind kind;
    bool required;
    str *names;
    size_t n_names;
    enum ir_tool_kind tool; /* ONE: which kind of tool it names */
    yyjson_val *src;
};

enum ir_think { IR_THINK_UNSAID, IR_THINK_OFF, IR_THINK_AUTO, IR_THINK_LEVEL, IR_THINK_BUDGET };

struct ir_reasoning {
    enum ir_think kind;
    str level;         /* "minimal" .. "max" */
    int64_t budget;    /* tokens, > 0 */
    enum ir_tri shown; /* whether the client wants to read it */
    str summary;       /* Responses: "auto", "concise", "detailed"; may be empty */
};

enum ir_format_kind {
    IR_FORMAT_UNSAID,
    IR_FORMAT_TEXT,
    IR_FORMAT_OBJECT,
    IR_FORMAT_SCHEMA,
    IR_FORMAT_OWN
};

struct ir_format {
    enum ir_format_kind kind;
    str name, description;
    enum ir_tri strict;
    yyjson_val *schema; /* SCHEMA */
    yyjson_val *src;    /* the object that said it */
};

/*
 * Numbers travel as their source text ("0.7"); p == NULL: not said. A reader has checked that they
 * are numbers, not that they are in range: that is the provider's to say.
 */
struct ir_request {
    struct arena *arena;
    enum dialect_id from;
    yyjson_val *src;    /* the whole body */
    struct ir_set said; /* features the request uses */
    struct ir_losses
        unknown; /* members no table knows: lost unless the target is of this dialect */

    str model; /* as the client said it; the writer is told what to send */
    bool stream;
    struct ir_message *messages;
    struct ir_message **messages_end;
    struct ir_tool *tools;
    struct ir_tool **tools_end;
    struct ir_choice choice;
    enum ir_tri parallel; /* parallel tool calls */

    str max_tokens, temperature, top_p, top_k, seed, frequency_penalty, presence_penalty, n;
    str *stops;
    size_t n_stops;
    bool stop_bare; /* chat: a string rather than an array */
    yyjson_val *logit_bias;
    enum ir_tri logprobs;
    str top_logprobs;

    struct ir_reasoning reasoning;
    struct ir_format format;
    str verbosity;
    bool wants_audio, wants_image; /* output modalities beyond text */
    yyjson_val *audio_options;     /* chat: audio {voice, format} */
    yyjson_val *image_options;     /* chat: image_config; Gemini: imageConfig */

    str service_tier;
    str user;             /* the end user's id */
    yyjson_val *metadata; /* object of strings */
    str cache_key, cache_retention;
    enum ir_tri store;
    enum ir_tri include_usage; /* chat streams */
    enum ir_tri echo;          /* /v1/completions */
};

void ir_request_init(struct ir_request *rq, struct arena *a, enum dialect_id from);

/* Zeroed, at the end. */
struct ir_message *ir_message_add(struct ir_request *rq, enum ir_role role);
struct ir_tool *ir_tool_add(struct ir_request *rq, enum ir_tool_kind kind);

static inline struct ir_part *ir_part_add(struct ir_request *rq, struct ir_message *m,
                                          enum ir_part_kind kind)
{
    return ir_parts_add(&m->parts, rq->arena, kind);
}

static inline void ir_say(struct ir_request *rq, enum ir_feature f)
{
    ir_set_add(&rq->said, f);
}

/* Notes the members of obj that known (NULL-terminated) does not list, as path + name: they are
 * lost in another dialect. path ends with a dot or is empty, and is a literal. */
void ir_unknown(struct ir_request *rq, yyjson_val *obj, const char *const *known, const char *path);

/*
 * For writers of the dialect rq came from: the members of src that known does not list, so that
 * what nobody here knows still goes on. Does nothing for other dialects or src == NULL.
 */
void ir_write_rest(const struct ir_request *rq, enum dialect_id self, yyjson_val *src,
                   const char *const *known, struct json_writer *w);

/* A copy of the array's strings; false when v is no array of strings. */
bool ir_strings(struct arena *a, yyjson_val *v, str **out, size_t *n) must_check;

#endif

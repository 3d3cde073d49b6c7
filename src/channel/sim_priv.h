/*
 * channel/sim_priv.h - the simulator's parts, for its own files only.
 *
 * A request passes through three stages: sim_read* understands it (struct sim_ask) or refuses it
 * as the dialect's provider would; sim_plan decides what to answer, in blocks that belong to no
 * dialect (struct sim_plan); sim_speak* says the blocks as events of the neutral form to the
 * dialect's codec, one step at a time, so that a long answer is never held as bytes. sim.c
 * delivers.
 *
 * Everything lives in the call's arena. The parsed request (yyjson) is gone once the plan is made.
 */
#ifndef CLIPROXY_CHANNEL_SIM_PRIV_H
#define CLIPROXY_CHANNEL_SIM_PRIV_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "channel/sim.h"
#include "dialect/codec.h"
#include "json/write.h"

enum {
    SIM_WORDS_MAX = 100000, /* of one answer, all choices together */
    SIM_CHOICES_MAX = 128,  /* Chat Completions, n */
    SIM_CALLS_MAX = 8,      /* parallel tool calls */
    SIM_INPUTS_MAX = 2048,  /* Embeddings, input */
    SIM_DIMENSIONS_MAX = 4096,
    SIM_ECHO_BYTES = 240, /* how much of a user's text is repeated */
    SIM_BODY_MAX = 256 * 1024 * 1024,
    SIM_LATENCY_MAX_MS = 600000 /* a directive may not ask for more */
};

/* ---- What the request asks for ---- */

/* A refusal, in the words of the dialect's provider. */
struct sim_no {
    int status;        /* 0: not refused */
    const char *code;  /* OpenAI's error.code; NULL for none */
    const char *param; /* the field at fault, or NULL */
    str message;
    str details; /* Anthropic: error.details as JSON; empty for none */
};

/* What `[[sim: ...]]` in the last user text forces. */
struct sim_directives {
    int error;          /* status to fail with; 0: none */
    int64_t latency_ms; /* -1: not said */
    bool cut, reset, hang, stream_error;
    bool reasoning, refuse, filter, echo;
    size_t words; /* 0: not said */
    str tool;     /* empty: not said */
};

struct sim_tool {
    str name;
    str space;          /* Responses: the namespace it came in, or empty */
    yyjson_val *schema; /* of its arguments; NULL: none given */
    bool custom;        /* takes free text instead of arguments */
};

/* A tool's result that follows the last assistant turn. */
struct sim_result {
    str text;
};

enum { SIM_PENDING_MAX = 512 };

enum sim_tool_choice { SIM_TOOLS_AUTO, SIM_TOOLS_NONE, SIM_TOOLS_REQUIRED };
enum sim_format { SIM_FORMAT_TEXT, SIM_FORMAT_OBJECT, SIM_FORMAT_SCHEMA };

struct sim_ask {
    const struct sim_request *rq;
    struct arena *arena;
    yyjson_doc *doc;  /* owned by whoever called sim_read */
    yyjson_val *root; /* an object */
    struct sim_no no;

    str user;          /* the last text part of the last user turn, directives taken out */
    const str *inputs; /* completions, embeddings, moderations, rerank: the texts */
    size_t n_inputs;
    struct sim_result *results;
    size_t n_results, cap_results;

    struct sim_tool *tools;
    size_t n_tools, cap_tools;
    str *pending; /* calls of an assistant turn that have no result yet */
    size_t n_pending;

    enum sim_tool_choice tool_choice;
    const str *only; /* REQUIRED: one of these; none = any */
    size_t n_only;
    bool parallel;

    bool reasoning;        /* think first */
    bool reasoning_shown;  /* and let the client read it */
    bool reasoning_sealed; /* Responses: with encrypted_content */

    uint64_t max_tokens; /* 0: no limit */
    const str *stops;
    size_t n_stops;
    enum sim_format format;
    yyjson_val *schema;
    unsigned n; /* choices */
    bool include_usage;
    bool json_array; /* Gemini: a stream without alt=sse */

    uint64_t input_tokens;
    struct sim_directives say;
};

/* The text of a string; empty for anything else (yyjson_get_len of an array is its size). */
static inline str sim_str(yyjson_val *v)
{
    return yyjson_is_str(v) ? str_of(yyjson_get_str(v), yyjson_get_len(v)) : (str){NULL, 0};
}

/* obj[key], or obj[other] where the dialect has a second spelling; NULL if obj is no object. */
yyjson_val *sim_get(yyjson_val *obj, const char *key, const char *other);

/*
 * Reads rq's body. False when the request is refused; a->no says why. a->doc must be freed in
 * both cases (it may be NULL).
 */
bool sim_read(const struct sim_request *rq, struct arena *arena, struct sim_ask *a) must_check;

/* One reader per dialect and for the small operations; a->root is set. */
bool sim_read_chat(struct sim_ask *a) must_check;
bool sim_read_completions(struct sim_ask *a) must_check;
bool sim_read_responses(struct sim_ask *a) must_check;
bool sim_read_anthropic(struct sim_ask *a) must_check;
bool sim_read_gemini(struct sim_ask *a) must_check;
bool sim_read_small(struct sim_ask *a) must_check;

/* Refusals; all return false. path names the field as the dialect writes paths. */
bool sim_no_missing(struct sim_ask *a, const char *path);
bool sim_no_type(struct sim_ask *a, const char *path, const char *want, yyjson_val *got);
bool sim_no_value(struct sim_ask *a, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool sim_no_range(struct sim_ask *a, const char *path, double least, double most, double got);

/* A path into a list: messages[3].role, or messages.3.role for Anthropic. Any part may be NULL. */
const char *sim_path(struct sim_ask *a, const char *list, size_t i, const char *member);

/* Checks of optional members; absent and null leave *out alone. */
bool sim_want_int(struct sim_ask *a, yyjson_val *v, const char *path, int64_t least, int64_t most,
                  int64_t *out) must_check;
bool sim_want_num(struct sim_ask *a, yyjson_val *v, const char *path, double least,
                  double most) must_check;
bool sim_want_bool(struct sim_ask *a, yyjson_val *v, const char *path, bool *out) must_check;
bool sim_want_str(struct sim_ask *a, yyjson_val *v, const char *path, str *out) must_check;
/* A string, or an array of at most max strings. */
bool sim_want_strs(struct sim_ask *a, yyjson_val *v, const char *path, size_t max, const str **out,
                   size_t *n_out) must_check;
/* A required, non-empty array. */
bool sim_want_list(struct sim_ask *a, yyjson_val *v, const char *path) must_check;

/* A user text was seen: results so far belong to an earlier turn. */
void sim_saw_user(struct sim_ask *a, str text);
/* An assistant turn was seen. */
void sim_saw_assistant(struct sim_ask *a);
void sim_saw_result(struct sim_ask *a, yyjson_val *content);

/* Calls and results must pair up. add: false when refused (id missing, too long, too many); take:
 * false when no call of that id waits, which is the caller's to refuse. */
bool sim_pending_add(struct sim_ask *a, yyjson_val *id, const char *path, size_t max) must_check;
bool sim_pending_take(struct sim_ask *a, str id) must_check;

/* The tool named by a choice that forces one. */
void sim_force_tool(struct sim_ask *a, str name);

bool sim_saw_tool(struct sim_ask *a, struct sim_tool t, const char *path) must_check;

/* The texts in a content value (string, part, or array of parts), joined by a blank. */
str sim_text_of(struct sim_ask *a, yyjson_val *content);

/* Bytes of text in a value: all strings in it, except binary data, which counts flat. */
size_t sim_weigh(yyjson_val *v);
uint64_t sim_tokens(size_t bytes);

/* Takes the directives out of text and obeys them into *d. False: one is unknown (refused). */
bool sim_directives_read(struct sim_ask *a, str text, str *rest) must_check;

str sim_base64(struct arena *arena, str bytes);

/* Signatures and encrypted reasoning: opaque to clients, recognisable to us. */
str sim_seal(struct arena *arena, str text);
bool sim_seal_ok(str sealed);

/* ---- Values from schemas ---- */

/* Where made-up values come from: the numbers and names in the user's text. */
struct sim_muse {
    str text;
    size_t at;        /* numbers before it are used up */
    str name;         /* what strings become: the last capitalised word, or "example" */
    yyjson_val *root; /* for local $ref */
    unsigned budget;  /* values left to write */
};

struct sim_muse sim_muse(str text);

/* Writes a value that fits the schema (NULL: {}). Recursion and size are bounded. */
void sim_schema_value(struct sim_muse *m, yyjson_val *schema, struct json_writer *w);

/* ---- What to answer ---- */

enum sim_finish {
    SIM_FINISH_STOP,
    SIM_FINISH_SEQUENCE,
    SIM_FINISH_LENGTH,
    SIM_FINISH_CALLS,
    SIM_FINISH_REFUSED,
    SIM_FINISH_FILTERED,
    SIM_FINISHES
};

enum sim_block_kind { SIM_REASONING, SIM_TEXT, SIM_REFUSAL, SIM_CALL, SIM_CUSTOM_CALL };

struct sim_block {
    enum sim_block_kind kind;
    unsigned choice;
    unsigned index;  /* within its choice */
    unsigned call;   /* number of calls before it in its choice */
    bool unfinished; /* max_tokens cut it */
    str text;        /* a call: its arguments */
    str name, space; /* a call */
    str id;          /* a call: what the result will refer to */
    str item;        /* Responses: id of the output item */
    str seal;        /* signature of reasoning, or of the first call after hidden reasoning */
};

struct sim_choice {
    size_t first, count; /* blocks */
    enum sim_finish finish;
    str stop; /* the sequence that ended it */
};

struct sim_plan {
    struct arena *arena;
    enum sim_operation operation;
    str model;
    char nonce[33]; /* what ids are made of */
    str id;         /* of the answer */
    uint64_t created;
    struct sim_block *blocks;
    size_t n_blocks, cap_blocks;
    struct sim_choice *choices;
    size_t n_choices;
    uint64_t input_tokens, output_tokens, reasoning_tokens;
    size_t text_bytes; /* of all blocks */
    bool reasoning_shown, reasoning_sealed;

    const struct codec *codec;
    struct answer_ask ask;
    void *voice; /* the codec's state in a stream */
    bool pinged; /* Anthropic: the one ping was sent */
};

/* Decides. The result lives in a->arena and needs no part of the parsed request any more. */
struct sim_plan *sim_plan_make(struct sim_ask *a);

/* "prefix_<nonce><number>", the same for the same number. */
str sim_id(const struct sim_plan *p, const char *prefix, size_t number);

/* ---- Saying it, by way of the neutral form ---- */

void sim_speak_init(struct sim_plan *p, struct sim_ask *a);
void sim_speak_fini(struct sim_plan *p);

/* A stream: start; for every block open, text (pieces in order), close; finish after the blocks of
 * a choice; end. Each appends whole events. */
void sim_speak_start(struct sim_plan *p, struct buf *out);
void sim_speak_open(struct sim_plan *p, const struct sim_block *b, struct buf *out);
void sim_speak_text(struct sim_plan *p, const struct sim_block *b, str piece, struct buf *out);
void sim_speak_close(struct sim_plan *p, const struct sim_block *b, struct buf *out);
void sim_speak_finish(struct sim_plan *p, size_t choice, struct buf *out);
void sim_speak_end(struct sim_plan *p, struct buf *out);

/* The stream breaks off here with an error event. */
void sim_speak_failure(struct sim_plan *p, struct buf *out);

void sim_speak_whole(struct sim_plan *p, struct buf *out);

/* The answer of every operation but generate and completions, all of it at once. */
void sim_small_write(struct sim_ask *a, struct buf *out);

/* Where a stream stands. */
struct sim_stream {
    struct sim_plan *plan;
    enum { SIM_AT_START, SIM_AT_CHOICE, SIM_AT_BLOCK, SIM_AT_TEXT, SIM_AT_END } at;
    size_t choice, block, offset;
};

/* True when the next step writes a piece of text: what pacing counts. */
bool sim_stream_at_text(const struct sim_stream *s);

/* Writes the next step. Returns the bytes of text in it (0 for the steps around texts). Does
 * nothing at SIM_AT_END. */
size_t sim_stream_step(struct sim_stream *s, struct buf *out);

/* The length of the next piece of a text: a word with the blanks before it, cut when long. */
size_t sim_piece(str text);

#endif

/*
 * ir/part.h - the pieces that messages and answers are made of.
 *
 * Parts form singly linked lists in an arena. Strings are decoded text and borrow from the tree
 * they were read from (or from the arena); JSON that we do not look into stays a tree (yyjson_val).
 * src is the object a part was read from: a writer of the same dialect adds its members that the
 * neutral form has no place for; a writer of another dialect must not look at it.
 */
#ifndef CLIPROXY_IR_PART_H
#define CLIPROXY_IR_PART_H

#include <yyjson.h>

#include "base/arena.h"
#include "ir/dialect_id.h"

enum ir_part_kind {
    IR_PART_TEXT,
    IR_PART_REFUSAL,
    IR_PART_REASONING, /* text: what may be shown (thinking or summary) */
    IR_PART_IMAGE,
    IR_PART_AUDIO,
    IR_PART_VIDEO,
    IR_PART_DOCUMENT,
    IR_PART_CALL,   /* the model calls a tool of the client's */
    IR_PART_RESULT, /* and gets what it returned */
    IR_PART_SEARCH, /* hosted web search or fetch: the provider has done it */
    IR_PART_CODE,   /* hosted code execution: code and output */
    IR_PART_RAW,    /* only its own dialect knows it; src is all there is */
    IR_PART_KINDS
};

/* Where bytes are. Exactly one of data, url, file_id, text is set. */
struct ir_media {
    str mime;    /* "image/png"; empty if not said */
    str data;    /* base64 (RFC 4648 section 4), as the client sent it */
    str url;     /* http(s), gs: or the like; never data: */
    str file_id; /* id of a file the provider keeps */
    str text;    /* a document given as plain text */
    str name;    /* file name or title; may be empty */
    str context; /* Anthropic: a document's context */
    str detail;  /* images: "low", "high", "auto", ...; may be empty */
};

/*
 * Something opaque that only its issuer can read: a thinking signature, redacted thinking,
 * encrypted reasoning, a thought signature. ir/seal.h packs it for the trip through another
 * dialect's client.
 */
struct ir_seal {
    str value; /* empty: none */
    str id;    /* Responses: the reasoning item's id; may be empty */
    enum dialect_id issuer;
};

struct ir_citation {
    struct ir_citation *next;
    str url, title, file_id;
    str quote;          /* the cited text, of the source; may be empty */
    int64_t start, end; /* characters of the part's text that it backs; -1: not said */
    yyjson_val *src;
};

enum ir_call_kind {
    IR_CALL_FUNCTION, /* text is a JSON object, as a string */
    IR_CALL_CUSTOM,   /* text is free text */
    IR_CALL_OWN       /* local_shell_call and the like: src tells, text is JSON of its input */
};

struct ir_part {
    enum ir_part_kind kind;
    bool redacted; /* REASONING: nothing to show, only the seal */
    bool is_error; /* RESULT */
    bool bare;     /* TEXT: the whole content was a plain string; RESULT: its content was */
    bool no_text;  /* RESULT: content absent or null; CALL: arguments absent */
    struct ir_part *next;
    str text;  /* TEXT, REFUSAL, REASONING; CALL: arguments; SEARCH: query; CODE: the code */
    str id;    /* CALL, RESULT: the call's id. Others: the item's own id, if any */
    str item;  /* CALL: Responses' item id ("fc_..."); may be empty */
    str name;  /* CALL, RESULT: the tool; SEARCH: "web_search", "web_fetch"; CODE: language */
    str space; /* CALL: namespace of the tool (Responses); may be empty */
    enum ir_call_kind call;
    struct ir_media *media;        /* IMAGE, AUDIO, VIDEO, DOCUMENT */
    struct ir_part *content;       /* RESULT: what the tool returned. CODE: output as parts */
    struct ir_seal seal;           /* REASONING; also CALL and TEXT (Gemini's thoughtSignature) */
    struct ir_citation *citations; /* TEXT; SEARCH: the pages found */
    yyjson_val *args;              /* CALL: the arguments as a tree, when they came as one */
    yyjson_val *cache;             /* cache marker (Anthropic's cache_control object) */
    yyjson_val *logprobs;          /* TEXT of answers, in the reader's dialect */
    yyjson_val *src;
};

/* A list with its end, to append in one step. */
struct ir_parts {
    struct ir_part *first, **end;
};

static inline void ir_parts_init(struct ir_parts *l)
{
    l->first = NULL;
    l->end = &l->first;
}

/* A zeroed part at the end of the list. */
struct ir_part *ir_parts_add(struct ir_parts *l, struct arena *a, enum ir_part_kind kind);

/* Arguments as JSON text whatever they came as; "{}" when there are none. Custom calls: the text. */
str ir_call_text(const struct ir_part *call, struct arena *a);

/*
 * Arguments as a tree; NULL unless they are a JSON object (SPEC 5.5: Anthropic and Gemini take
 * nothing else; write {} then).
 */
yyjson_val *ir_call_tree(const struct ir_part *call, struct arena *a);

/* All text in a result's content, text parts joined by a blank line (SPEC 5.6); "" for none. */
str ir_result_text(const struct ir_part *result, struct arena *a);

/* Splits "data:image/png;base64,AAAA" into mime and data; false when url is no such thing. */
bool ir_data_url(str url, str *mime, str *data);

/* The reverse. */
str ir_data_url_of(const struct ir_media *m, struct arena *a);

/* The media type: as said (application/octet-stream says nothing); by what the first bytes of
 * base64 data show (png, jpeg, gif, webp, pdf, wav, mp3, ogg, flac, mp4, ...); by the extension of
 * name or url; else otherwise. */
str ir_media_type(const struct ir_media *m, str otherwise);

#endif

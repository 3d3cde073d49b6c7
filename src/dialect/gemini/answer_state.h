/*
 * dialect/gemini/answer_state.h - what the reader and the writer of answers keep from event to
 * event.
 */
#ifndef CLIPROXY_DIALECT_GEMINI_ANSWER_STATE_H
#define CLIPROXY_DIALECT_GEMINI_ANSWER_STATE_H

#include "base/map.h"
#include "dialect/codec.h"
#include "dialect/gemini/offsets.h"

struct candidate {
    struct candidate *next;
    unsigned choice;
    unsigned part; /* number of the open part, or of the next one */
    bool open, sealed;
    enum ir_part_kind open_kind;
    bool called;            /* a functionCall was seen */
    bool logged;            /* the log probabilities of a whole answer were emitted */
    struct ir_part *code;   /* ran; its result has not come yet */
    struct offsets offsets; /* of all text, thoughts left out */
    size_t text_base;       /* where in it the open part's text begins */
    bool finished;
    enum ir_finish finish;
    str native;
    struct map said; /* citations, queries and pages that have come, as text */
    struct ir_part *searches, **searches_end; /* due at the end */
    struct ir_citation *pages, **pages_end;   /* of the first search */
    yyjson_val *src;
};

struct reading {
    struct candidate *candidates;
    struct arena *arena; /* what is made for an event: lives as long as its tree */
    bool whole;          /* one document: parts are as it has them, and src members last */
    str id;              /* responseId */
    yyjson_val *part_src;
    struct usage usage;
};

void gemini_emit(struct answer_reader *r, struct candidate *c, struct ir_event e);

/* groundingMetadata as citations of the open TEXT part, which is part number n of the answer. */
void gemini_take_grounding(struct answer_reader *r, struct candidate *c, yyjson_val *v, size_t n);

/* Searches and fetches, to be emitted at the end. */
void gemini_take_searches(struct answer_reader *r, struct candidate *c, yyjson_val *grounding,
                          yyjson_val *fetched);

/* ---- the writer ---- */

/* A call whose arguments are still coming. */
struct pending_call {
    struct pending_call *next;
    unsigned index; /* of the part */
    str name, id, signature;
    struct buf args;
};

/* groundingMetadata as it grows. */
struct grounding {
    struct buf chunks, supports, queries, fetched; /* elements, with commas between */
    struct map sources;                            /* url: its number, plus one */
    size_t n;
};

struct reply {
    struct reply *next;
    unsigned choice;
    struct pending_call *calls;
    enum ir_part_kind open_kind; /* of the part that is no call */
    bool redacted;
    struct offsets offsets;
    size_t text_base;             /* of the open TEXT part */
    struct ir_citation *unplaced; /* of the open part, all of which they are about */
    struct grounding grounding;
    bool finished;
    enum ir_finish finish;
    str native;
};

struct gemini_writer {
    bool begun; /* a chunk was written */
    str id;
    struct usage usage;
    str service_tier;
    struct reply *replies;
};

/* One citation of text that lies at these bytes. */
void gemini_ground(struct grounding *g, struct arena *a, const struct ir_citation *c, size_t from,
                   size_t to);
/* A search or fetch. */
void gemini_ground_search(struct grounding *g, struct arena *a, const struct ir_part *p);
/* groundingMetadata and urlContextMetadata, if there is anything in them. */
void gemini_ground_write(const struct grounding *g, struct json_writer *w);
void gemini_ground_fini(struct grounding *g);

/* responseId: the provider's, unless another dialect's prefix shows on it. */
str gemini_response_id(const struct answer_ask *ask, str id);

/* A part that is complete: an image, a call, code with its output. */
void gemini_part_write(const struct ir_part *p, struct arena *a, struct json_writer *w);
/* A functionCall part; args that are no JSON object become {}. */
void gemini_call_write(str id, str name, str args, str signature, struct json_writer *w);

#endif

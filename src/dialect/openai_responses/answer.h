/*
 * dialect/openai_responses/answer.h - what the files that read and write answers share.
 */
#ifndef CLIPROXY_DIALECT_OPENAI_RESPONSES_ANSWER_H
#define CLIPROXY_DIALECT_OPENAI_RESPONSES_ANSWER_H

#include "dialect/openai_responses/responses.h"

/* ---- reading ---- */

/* An output item of the answer at hand. */
struct read_item {
    struct read_item *next; /* an earlier one: events are mostly about the latest */
    int64_t output_index;   /* -1: not said */
    str id;                 /* in the reader's life arena */
    bool begun;             /* reasoning, call: its part; message: some part */
    bool open;              /* a part of it is */
    bool done;              /* all of it was emitted */
    bool cut;               /* a call that had to be closed before it was over */
    enum ir_part_kind kind; /* of the open part */
    unsigned part;          /* and its number */
    int64_t content;        /* message: the open part's content_index; reasoning: summary_index */
    int64_t contents;       /* message: content parts begun so far */
    size_t bytes;           /* of the open part's text, emitted */
    size_t piece;           /* reasoning: of the summary part at hand */
    size_t citations;       /* of the open part */
    bool logprobs;          /* some were given for the open part */
    char thinks;            /* reasoning: 's'ummary or 't'ext, whichever came first */
};

/* Events are about the latest items. A bound, so that an answer of a million items is read in a
 * time that grows with its length only. */
enum { READ_ITEMS_LOOKED_AT = 4096 };

struct reader_state {
    struct read_item *items;
    struct read_item *open_text; /* whose open part is no call */
    unsigned parts;              /* begun so far */
    bool called;
    bool whole; /* trees and strings of the events must last */
};

static inline struct reader_state *reader_state(struct answer_reader *r)
{
    return r->state;
}

/* The record of an item; made when there is none, or in any case. */
struct read_item *read_item_of(struct answer_reader *r, int64_t output_index, str id);
struct read_item *read_item_new(struct answer_reader *r, int64_t output_index, str id);

void read_start(struct answer_reader *r, yyjson_val *response);
void read_begin(struct answer_reader *r, struct read_item *it, struct ir_part *p);
void read_delta(struct answer_reader *r, struct read_item *it, str text);
void read_close(struct answer_reader *r, struct read_item *it);
void read_citation(struct answer_reader *r, struct read_item *it, yyjson_val *annotation);
void read_logprobs(struct answer_reader *r, struct read_item *it, yyjson_val *list);
/* output_text or refusal: begins content part `at` of a message. */
void read_begin_text(struct answer_reader *r, struct read_item *it, int64_t at, bool refusal,
                     yyjson_val *src);
/* What of a content part has not been said, and its end. */
void read_finish_text(struct answer_reader *r, struct read_item *it, yyjson_val *part);
/* Begins the part of a call or of reasoning. */
void read_begin_item(struct answer_reader *r, struct read_item *it, yyjson_val *item);
/* What of an item has not been said. */
enum err read_finish_item(struct answer_reader *r, struct read_item *it, yyjson_val *item,
                          struct fail *f) must_check;
/* The end of the whole answer, by its status. */
void read_finish(struct answer_reader *r, yyjson_val *response);
void read_failure(struct answer_reader *r, yyjson_val *error);

enum err responses_read_whole(struct answer_reader *r, yyjson_val *root, struct fail *f);
enum err responses_read_event(struct answer_reader *r, str type, yyjson_val *root, struct fail *f);
enum err responses_read_end(struct answer_reader *r, struct fail *f);
bool responses_read_error(yyjson_val *root, int status, struct ir_error *out);

/* ---- writing ---- */

enum out_kind { OUT_MESSAGE, OUT_REASONING, OUT_FUNCTION, OUT_CUSTOM, OUT_OWN, OUT_WHOLE };

/* An item of the answer being written. */
struct out_item {
    struct out_item *next;
    enum out_kind kind;
    bool open;     /* not finished */
    bool speaking; /* a part of it is open */
    bool refusal;  /* that part is one */
    bool redacted; /* REASONING: nothing to show */
    unsigned at;   /* output_index */
    unsigned part; /* number of the open part */
    unsigned contents, citations;
    str id, call_id, name, space;
    const struct own_tool *own;
    struct ir_seal seal;
    struct buf head;    /* of a delta event, up to the delta */
    struct buf text;    /* of the open part */
    struct buf content; /* finished content parts, as JSON */
    struct buf annotations, logprobs;
    struct buf json; /* the finished item */
};

struct writer_state {
    bool started, over, quiet; /* quiet: for a whole answer, no frames */
    uint64_t sequence;
    unsigned n_items, n_ids;
    struct out_item *items, **end;
    struct out_item *last; /* the one events are about */
    str id, tier;
    int64_t created;
    struct usage usage;
    enum ir_finish finish;
};

/* An event's frame, begun with its type and ended with its sequence number. */
struct json_writer out_frame(struct writer_state *st, struct buf *out, const char *type);
void out_frame_end(struct writer_state *st, struct json_writer *w);

/* prefix + nonce + a number that is counted up; or id itself when it has the prefix. */
str out_id(struct writer_state *st, const struct answer_ask *ask, const char *prefix, str id);

struct out_item *out_item_new(struct writer_state *st, const struct answer_ask *ask,
                              enum out_kind kind);
void out_item_free_buffers(struct out_item *it);

/* output_item.added and .done. */
void out_added(struct writer_state *st, struct out_item *it, struct buf *out);
void out_done(struct writer_state *st, const struct answer_ask *ask, struct out_item *it,
              bool incomplete, struct buf *out);

/* SEARCH, CODE, IMAGE, RAW: with all their events. */
void out_whole_item(struct writer_state *st, const struct answer_ask *ask, const struct ir_part *p,
                    struct buf *out);

void responses_write_event(void *state, const struct answer_ask *ask, const struct ir_event *e,
                           struct buf *out);
void responses_write_fini(void *state);
void responses_write_whole(const struct answer_ask *ask, const struct ir_answer *an,
                           struct buf *out);

#endif

/*
 * dialect/openai_chat/writer.h - writing answers for clients, of both endpoints.
 */
#ifndef CLIPROXY_DIALECT_OPENAI_CHAT_WRITER_H
#define CLIPROXY_DIALECT_OPENAI_CHAT_WRITER_H

#include "dialect/openai_chat/answers.h"

/* A part that is open. */
struct chat_out_part {
    struct chat_out_part *next;
    unsigned index;
    enum ir_part_kind kind;
    unsigned call;  /* CALL: its number among the choice's calls */
    bool custom;    /* CALL */
    bool told;      /* CALL: some of its arguments are out */
    bool apart;     /* REASONING: other text came before it, and nothing of it yet */
    int64_t begins; /* TEXT: characters of content before it */
};

struct chat_out_choice {
    struct chat_out_choice *next;
    unsigned index;
    unsigned calls, details; /* so far */
    int64_t chars;           /* of content so far, in code points */
    bool reasoned, refused, finished;
    enum ir_finish finish; /* said when the answer is over: nothing may follow it */
    str native;
    bool echoed;        /* completions: the prompt is out */
    int64_t offset;     /* completions: of the next token's text */
    struct buf thought; /* text of the reasoning part that is open: its signature needs it */
    struct chat_out_part *parts; /* open ones, newest first */
};

struct chat_stream {
    struct buf head; /* what every chunk begins with */
    struct usage usage;
    struct chat_out_choice *choices;
    bool over;
};

/* ---- chunks.c: what both endpoints' streams are made of. ---- */

/* What every event begins with: the head is built, usage kept, an error said. False when there is
 * nothing more to say of it. */
bool chat_stream_goes_on(struct chat_stream *s, const struct answer_ask *ask,
                         const struct ir_event *e, struct buf *out);

struct chat_out_choice *chat_out_choice_of(struct chat_stream *s, const struct answer_ask *ask,
                                           unsigned index);
struct chat_out_part *chat_out_part_of(struct chat_out_choice *c, unsigned index);
void chat_out_part_over(struct chat_out_choice *c, unsigned index);

/* The stream's proper end; the choices have been finished. */
void chat_stream_end(struct chat_stream *s, const struct answer_ask *ask, struct buf *out);
void chat_write_fini(void *state);

/* id, object, created, model, service_tier: the members of a chunk or whole answer that come first.
 * prefix: of the ids this endpoint has. */
void chat_put_head(struct json_writer *w, const struct answer_ask *ask, str id, str object,
                   int64_t created);
str chat_answer_id(const struct answer_ask *ask, str id, const char *prefix);

/* ---- pieces of messages, for chunks and whole answers ---- */

/* The beginning of a call's object: id, type, and the member it is open in after its name. number:
 * of the call in its choice. What a provider left out is made up: clients fail on calls without. */
void chat_open_call(struct json_writer *w, const struct ir_part *p, const struct answer_ask *ask,
                    unsigned choice, unsigned number);

/* An element of annotations; begins, ends: of the part it is about, in characters of content. */
void chat_put_citation(struct json_writer *w, const struct ir_citation *c, int64_t begins,
                       int64_t ends);
bool chat_can_cite(const struct ir_citation *c);
void chat_put_image(struct json_writer *w, const struct ir_part *p, unsigned index);
void chat_put_audio(struct json_writer *w, const struct ir_part *p, str transcript,
                    const struct answer_ask *ask);
void chat_put_tier(struct json_writer *w, str tier);
void chat_put_native(struct json_writer *w, str native, str word);

/* ---- answer_write.c, answer_whole.c ---- */

void chat_write_event(void *state, const struct answer_ask *ask, const struct ir_event *e,
                      struct buf *out);
void chat_write_whole(const struct answer_ask *ask, const struct ir_answer *an, struct buf *out);

/* ---- completions.c, completions_write.c ---- */

enum err completions_request_read(struct ir_request *rq, yyjson_val *root,
                                  struct fail *f) must_check;
void completions_write_event(void *state, const struct answer_ask *ask, const struct ir_event *e,
                             struct buf *out);
void completions_write_whole(const struct answer_ask *ask, const struct ir_answer *an,
                             struct buf *out);

#endif

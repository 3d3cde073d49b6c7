/*
 * dialect/openai_chat/reader.h - the state of reading an answer, between answer_read.c, which
 * knows the wire, and reader_parts.c, which keeps the parts in order.
 */
#ifndef CLIPROXY_DIALECT_OPENAI_CHAT_READER_H
#define CLIPROXY_DIALECT_OPENAI_CHAT_READER_H

#include "dialect/openai_chat/answers.h"

enum { CHAT_CHOICES_MAX = 1024 }; /* the API's n goes to 128 */

struct chat_call {
    struct chat_call *next;
    int64_t wire; /* the index as sent */
    str id;       /* as sent; may be empty */
    unsigned index;
    bool named; /* PART_BEGIN is out */
};

/* What came while calls were open, to be said behind them: text, or (RAW) a detail of reasoning. */
struct chat_held {
    struct chat_held *next;
    enum ir_part_kind kind;
    str text;
};

struct chat_choice {
    struct chat_choice *next;
    unsigned index;
    unsigned parts; /* begun so far */
    bool said;      /* anything was */
    bool open;      /* a part that is no call is open: */
    bool sealed;    /* it has its seal */
    enum ir_part_kind kind;
    int64_t detail; /* reasoning: index of the detail it is made from; -1: none said */
    size_t plain;   /* reasoning: bytes of its text that came without details, */
    uint64_t hash;  /* and their hash (FNV-1a) */
    bool tagged;    /* Google's thoughts: their closing tag is still to come */
    bool called, refused;
    struct chat_call *calls; /* open ones, newest first */
    struct chat_held *held, **held_end;
    size_t held_bytes;
    struct chat_held *audio, **audio_end, *spoken, **spoken_end; /* base64, transcript */
    size_t audio_bytes;
    str audio_id;
    bool finished, told; /* the reason was said; FINISH is out */
    enum ir_finish finish;
    str native, stop;
    yyjson_val *src;
};

struct chat_reader {
    bool begun;
    uint64_t salt;               /* of ids made for calls that have none */
    struct chat_choice *choices; /* by first appearance */
    struct usage usage;
    bool due; /* usage has been learned and not emitted */
};

/* What the functions are called with. */
struct chat_reading {
    struct answer_reader *r;
    struct chat_reader *s;
    struct arena *mem; /* where what an event points to may lie */
    bool whole;
    struct chat_choice *choice; /* at hand */
};

/* A piece of a call as one delta has it. */
struct chat_call_piece {
    int64_t wire; /* -1: not said */
    int64_t at;   /* its place in this delta's list */
    str id, name, text;
    bool custom;
    struct ir_seal seal;
    yyjson_val *src;
};

struct chat_choice *chat_choice_of(struct chat_reading *rd, unsigned index);

/* More text of a part of this kind; opens one if none is. Nothing for an empty text. */
void chat_part_text(struct chat_reading *rd, enum ir_part_kind kind, str text);

/* A part that comes all at once. */
void chat_part_whole(struct chat_reading *rd, const struct ir_part *part);

void chat_part_detail(struct chat_reading *rd, const struct chat_detail *d);
void chat_part_call(struct chat_reading *rd, const struct chat_call_piece *piece);
void chat_part_cite(struct chat_reading *rd, const struct ir_citation *c);
void chat_part_logprobs(struct chat_reading *rd, yyjson_val *content);
void chat_part_audio(struct chat_reading *rd, yyjson_val *audio);

/* The signature beside a message's text, if there is one. */
void chat_part_seal_text(struct chat_reading *rd, yyjson_val *message);

/* Whatever of the choice at hand is open. */
void chat_parts_close(struct chat_reading *rd);

/* FINISH for all choices that have none yet. */
void chat_finish_all(struct chat_reading *rd);

/* There are choices and each has said why it ended; each has its FINISH. */
bool chat_all_finished(const struct chat_reader *s);
bool chat_all_told(const struct chat_reader *s);

#endif

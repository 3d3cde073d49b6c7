/*
 * dialect/openai_chat/reader_parts.c - the parts of a choice, in the order events demand: one open
 * at a time, but for calls.
 *
 * Deltas do not say which part they continue; their member does. Text that comes between pieces
 * of a call waits until the calls are over (nothing of a call may be lost, and a message says its
 * content and its calls in no order anyway). Audio waits as well, until its choice ends: its parts
 * come whole.
 */
#include "base/hash.h"
#include "dialect/openai_chat/reader.h"

enum {
    HELD_MAX = 4 * 1024 * 1024,
    AUDIO_MAX = 64 * 1024 * 1024,
    CALLS_MAX = 4096 /* open at once, of one choice */
};

struct chat_choice *chat_choice_of(struct chat_reading *rd, unsigned index)
{
    struct chat_choice **at = &rd->s->choices;
    while (*at && (*at)->index != index)
        at = &(*at)->next;
    if (*at)
        return *at;
    struct chat_choice *c = *at = arena_new(rd->r->life, struct chat_choice);
    c->index = index;
    c->detail = -1;
    c->held_end = &c->held;
    c->audio_end = &c->audio;
    c->spoken_end = &c->spoken;
    return c;
}

static struct ir_event event(const struct chat_reading *rd, enum ir_event_kind kind, unsigned index)
{
    return (struct ir_event){
        .kind = kind, .choice = rd->choice->index, .index = index, .usage = USAGE_NONE};
}

static void emit(struct chat_reading *rd, const struct ir_event *e)
{
    rd->choice->said = true;
    answer_emit(rd->r, e);
}

/* ---- the part that is open ---- */

static unsigned current(const struct chat_choice *c)
{
    return c->parts - 1;
}

static unsigned emit_begin(struct chat_reading *rd, const struct ir_part *part)
{
    struct ir_event e = event(rd, IR_EV_PART_BEGIN, rd->choice->parts++);
    e.part = part;
    emit(rd, &e);
    return e.index;
}

static void emit_over(struct chat_reading *rd, unsigned index)
{
    struct ir_event e = event(rd, IR_EV_PART_END, index);
    emit(rd, &e);
}

static void emit_text(struct chat_reading *rd, unsigned index, str text)
{
    struct ir_event e = event(rd, IR_EV_DELTA, index);
    e.text = text;
    if (text.n)
        emit(rd, &e);
}

static void close_part(struct chat_reading *rd)
{
    struct chat_choice *c = rd->choice;
    if (!c->open)
        return;
    c->open = false;
    emit_over(rd, current(c));
}

/* In the order in which they began. */
static void close_calls(struct chat_reading *rd)
{
    struct chat_choice *c = rd->choice;
    struct chat_call *list = NULL, *next;
    for (struct chat_call *call = c->calls; call; call = next) {
        next = call->next;
        call->next = list;
        list = call;
    }
    c->calls = NULL;
    for (; list; list = list->next) {
        if (list->named)
            emit_over(rd, list->index);
    }
}

static const uint64_t FNV_START = UINT64_C(0xcbf29ce484222325);

static uint64_t fnv(uint64_t hash, str s)
{
    for (size_t i = 0; i < s.n; i++)
        hash = (hash ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void open_part(struct chat_reading *rd, const struct ir_part *part)
{
    struct chat_choice *c = rd->choice;
    close_part(rd);
    emit_begin(rd, part);
    c->open = true;
    c->kind = part->kind;
    c->sealed = part->seal.value.n > 0;
    c->detail = -1;
    c->plain = 0;
    c->hash = FNV_START;
}

static void put_text(struct chat_reading *rd, enum ir_part_kind kind, str text)
{
    struct chat_choice *c = rd->choice;
    if (!c->open || c->kind != kind || c->sealed) {
        struct ir_part part = {.kind = kind, .seal = {.issuer = DIALECT_CHAT}};
        open_part(rd, &part);
    }
    c->refused |= kind == IR_PART_REFUSAL;
    if (kind == IR_PART_REASONING) {
        c->plain += text.n;
        c->hash = fnv(c->hash, text);
    }
    emit_text(rd, current(c), text);
}

/* ---- what waits ---- */

static void keep(struct chat_reading *rd, struct chat_held ***end, enum ir_part_kind kind, str text)
{
    struct chat_held *h = arena_new(rd->r->life, struct chat_held);
    h->kind = kind;
    h->text = rd->whole ? text : str_dup(rd->r->life, text);
    **end = h;
    *end = &h->next;
}

static void put_detail(struct chat_reading *rd, const struct chat_detail *d);

static void put_held(struct chat_reading *rd, const struct chat_held *h)
{
    struct chat_detail d;
    if (h->kind != IR_PART_RAW)
        put_text(rd, h->kind, h->text);
    else if (chat_detail_read(chat_tree(h->text, rd->mem), &d))
        put_detail(rd, &d);
}

/* Calls are over: what waited for that. */
static void release(struct chat_reading *rd)
{
    struct chat_choice *c = rd->choice;
    close_calls(rd);
    for (struct chat_held *h = c->held; h; h = h->next)
        put_held(rd, h);
    c->held = NULL;
    c->held_end = &c->held;
    c->held_bytes = 0;
}

/* Whether it has to wait. Too much of it does not: then the calls are over. */
static bool hold(struct chat_reading *rd, enum ir_part_kind kind, str text)
{
    struct chat_choice *c = rd->choice;
    if (!c->calls)
        return false;
    if (text.n > HELD_MAX - c->held_bytes) {
        release(rd);
        return false;
    }
    c->held_bytes += text.n;
    keep(rd, &c->held_end, kind, text);
    return true;
}

void chat_part_text(struct chat_reading *rd, enum ir_part_kind kind, str text)
{
    if (text.n && !hold(rd, kind, text))
        put_text(rd, kind, text);
}

void chat_part_whole(struct chat_reading *rd, const struct ir_part *part)
{
    release(rd);
    close_part(rd);
    emit_over(rd, emit_begin(rd, part));
}

/* ---- inside text ---- */

/* The text part that is open, or an empty one: what is said about the text comes behind it, and
 * sometimes behind what followed it. False while calls are open: they must not be torn for it. */
static bool want_text(struct chat_reading *rd)
{
    struct ir_part part = {.kind = IR_PART_TEXT, .seal = {.issuer = DIALECT_CHAT}};
    if (rd->choice->calls)
        return false;
    if (!rd->choice->open || rd->choice->kind != IR_PART_TEXT)
        open_part(rd, &part);
    return true;
}

void chat_part_cite(struct chat_reading *rd, const struct ir_citation *c)
{
    if (!want_text(rd))
        return;
    struct ir_event e = event(rd, IR_EV_CITATION, current(rd->choice));
    e.citation = c;
    emit(rd, &e);
}

void chat_part_logprobs(struct chat_reading *rd, yyjson_val *content)
{
    if (!rd->choice->open || rd->choice->kind != IR_PART_TEXT)
        return;
    struct ir_event e = event(rd, IR_EV_LOGPROBS, current(rd->choice));
    e.json = content;
    emit(rd, &e);
}

static void emit_seal(struct chat_reading *rd, const struct ir_seal *seal)
{
    struct ir_part part = {.kind = rd->choice->kind, .seal = *seal};
    struct ir_event e = event(rd, IR_EV_SEAL, current(rd->choice));
    e.part = &part;
    rd->choice->sealed = true;
    emit(rd, &e);
}

void chat_part_seal_text(struct chat_reading *rd, yyjson_val *message)
{
    struct ir_seal seal = chat_call_seal(message, false, rd->mem);
    if (seal.value.n && want_text(rd))
        emit_seal(rd, &seal);
}

/* ---- reasoning with signatures ---- */

/* Whether the detail goes on with the part that is open. */
static bool goes_on(const struct chat_choice *c, const struct chat_detail *d)
{
    if (!c->open || c->kind != IR_PART_REASONING || c->sealed)
        return false;
    bool same = d->index < 0 || c->detail < 0 || d->index == c->detail;
    return same || !d->text.n;
}

/* Whether the detail only says again, with its signature, what came as plain text before: so we
 * write it ourselves, for clients that keep the details and nothing else. */
static bool repeats(const struct chat_choice *c, const struct chat_detail *d)
{
    return d->text.n == c->plain && fnv(FNV_START, d->text) == c->hash;
}

static void put_detail(struct chat_reading *rd, const struct chat_detail *d)
{
    struct chat_choice *c = rd->choice;
    struct ir_seal seal = chat_detail_seal(d, false, rd->mem);
    struct ir_part part = {.kind = IR_PART_REASONING, .seal = {.issuer = DIALECT_CHAT}};
    if (!goes_on(c, d)) {
        part.redacted = !d->text.n;
        if (part.redacted)
            part.seal = seal;
        open_part(rd, &part);
        c->detail = d->index;
    }
    if (!repeats(c, d))
        emit_text(rd, current(c), d->text);
    if (seal.value.n && !part.redacted)
        emit_seal(rd, &seal);
}

void chat_part_detail(struct chat_reading *rd, const struct chat_detail *d)
{
    if (!rd->choice->calls || !hold(rd, IR_PART_RAW, json_text_of(d->src, rd->r->life)))
        put_detail(rd, d);
}

/* ---- calls ---- */

/* The open call a piece belongs to. Most number their calls; Google does not and sends each whole,
 * and some give all of them the number 0: then another id is another call. */
static struct chat_call *call_of(struct chat_choice *c, const struct chat_call_piece *p)
{
    struct chat_call *call = c->calls;
    if (p->wire >= 0) {
        while (call && call->wire != p->wire)
            call = call->next;
    } else if (p->at && p->name.n) {
        return NULL;
    }
    if (call && p->id.n && call->id.n && !str_eq(p->id, call->id))
        return NULL;
    if (call && p->wire < 0 && !p->id.n && p->name.n && call->named)
        return NULL;
    return call;
}

/* Calls without an id get one that no other call of this or another answer has. */
static str made_id(struct chat_reading *rd, const struct chat_call *call, str name)
{
    uint64_t where = (uint64_t)rd->choice->index << 32 | call->index;
    return arena_printf(rd->r->life, "call_%016llx",
                        (unsigned long long)hash_siphash(rd->s->salt, where, name));
}

static void begin_call(struct chat_reading *rd, struct chat_call *call,
                       const struct chat_call_piece *p)
{
    struct ir_part part = {.kind = IR_PART_CALL,
                           .call = p->custom ? IR_CALL_CUSTOM : IR_CALL_FUNCTION,
                           .name = p->name,
                           .seal = p->seal,
                           .src = p->src};
    call->index = rd->choice->parts;
    part.id = call->id.n ? call->id : made_id(rd, call, p->name);
    call->named = true;
    emit_begin(rd, &part);
}

static size_t calls_open(const struct chat_choice *c)
{
    size_t n = 0;
    for (const struct chat_call *call = c->calls; call; call = call->next)
        n++;
    return n;
}

static struct chat_call *add_call(struct chat_reading *rd, const struct chat_call_piece *p)
{
    struct chat_choice *c = rd->choice;
    if (calls_open(c) >= CALLS_MAX)
        close_calls(rd);
    struct chat_call *call = arena_new(rd->r->life, struct chat_call);
    call->wire = p->wire;
    call->next = c->calls;
    c->calls = call;
    c->called = true;
    return call;
}

void chat_part_call(struct chat_reading *rd, const struct chat_call_piece *p)
{
    struct chat_call *call = call_of(rd->choice, p);
    if (!call && !p->name.n && !p->id.n && !p->text.n)
        return;
    close_part(rd);
    if (!call)
        call = add_call(rd, p);
    if (p->id.n && !call->id.n)
        call->id = rd->whole ? p->id : str_dup(rd->r->life, p->id);
    if (!call->named && (p->name.n || p->text.n))
        begin_call(rd, call, p);
    if (call->named)
        emit_text(rd, call->index, p->text);
}

/* ---- audio ---- */

static str join(struct chat_reading *rd, const struct chat_held *list)
{
    size_t n = 0, at = 0;
    for (const struct chat_held *h = list; h; h = h->next)
        n += h->text.n;
    char *p = arena_alloc(rd->mem, n + 1);
    for (const struct chat_held *h = list; h; h = h->next) {
        memcpy(p + at, h->text.p, h->text.n);
        at += h->text.n;
    }
    return str_of(p, n);
}

void chat_part_audio(struct chat_reading *rd, yyjson_val *audio)
{
    struct chat_choice *c = rd->choice;
    str id = jv_get_str(audio, "id"), data = jv_get_str(audio, "data");
    str words = jv_get_str(audio, "transcript");
    if (id.n && !c->audio_id.n)
        c->audio_id = rd->whole ? id : str_dup(rd->r->life, id);
    if (data.n + words.n > AUDIO_MAX - c->audio_bytes)
        return;
    c->audio_bytes += data.n + words.n;
    if (data.n)
        keep(rd, &c->audio_end, IR_PART_AUDIO, data);
    if (words.n)
        keep(rd, &c->spoken_end, IR_PART_AUDIO, words);
}

/* Streams have raw samples: "pcm16 is the only format in streams". What has a header shows it. */
static void put_audio(struct chat_reading *rd)
{
    struct chat_choice *c = rd->choice;
    struct ir_media *m = arena_new(rd->mem, struct ir_media);
    struct ir_part part = {.kind = IR_PART_AUDIO, .id = c->audio_id, .media = m};
    m->data = join(rd, c->audio);
    m->mime = ir_media_type(m, S("audio/pcm"));
    unsigned index = emit_begin(rd, &part);
    emit_text(rd, index, join(rd, c->spoken));
    emit_over(rd, index);
    c->audio = c->spoken = NULL;
    c->audio_end = &c->audio;
    c->spoken_end = &c->spoken;
}

/* ---- ends ---- */

void chat_parts_close(struct chat_reading *rd)
{
    release(rd);
    close_part(rd);
    if (rd->choice->audio || rd->choice->spoken)
        put_audio(rd);
}

/* SPEC 5.8: a call makes it tool_calls, and none is no call; a refusal with an ordinary end is the
 * model's own. */
static enum ir_finish finish_of(const struct chat_choice *c)
{
    if (c->called && (c->finish == IR_FINISH_STOP || !c->finished))
        return IR_FINISH_CALLS;
    if (c->refused && (c->finish == IR_FINISH_STOP || !c->finished))
        return IR_FINISH_REFUSED;
    if (!c->finished || (c->finish == IR_FINISH_CALLS && !c->called))
        return IR_FINISH_STOP;
    return c->finish;
}

void chat_finish_all(struct chat_reading *rd)
{
    for (rd->choice = rd->s->choices; rd->choice; rd->choice = rd->choice->next)
        chat_parts_close(rd);
    for (struct chat_choice *c = rd->s->choices; c; c = c->next) {
        if (c->told)
            continue;
        rd->choice = c;
        struct ir_event e = event(rd, IR_EV_FINISH, 0);
        e.finish = finish_of(c);
        e.native = c->native;
        e.stop = c->stop;
        e.src = c->src;
        c->told = true;
        answer_emit(rd->r, &e);
    }
}

bool chat_all_finished(const struct chat_reader *s)
{
    for (const struct chat_choice *c = s->choices; c; c = c->next) {
        if (!c->finished)
            return false;
    }
    return s->choices != NULL;
}

bool chat_all_told(const struct chat_reader *s)
{
    for (const struct chat_choice *c = s->choices; c; c = c->next) {
        if (!c->told)
            return false;
    }
    return s->choices != NULL;
}

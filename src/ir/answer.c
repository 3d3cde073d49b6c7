/*
 * ir/answer.c - collects the events of an answer, and says them again.
 *
 * A part that is not over has an ir_open beside it, which gathers its text: borrowed while there
 * was only one piece and pieces last, else in an array in the arena that doubles. What is thrown
 * away on the way is never more than twice what is kept.
 */
#include "ir/answer.h"

#include "json/read.h"

/* A text that grows in an arena. */
struct text {
    char *p;
    size_t n, cap;
    str lent; /* the only piece so far, borrowed */
};

struct ir_open {
    struct ir_open *next;
    unsigned choice, index;
    struct ir_part *part;
    struct ir_citation **citations_end;
    struct text text;
    struct text logprobs; /* elements of the array, with commas between */
};

void ir_answer_init(struct ir_answer *an, struct arena *a, enum dialect_id from, size_t max,
                    bool stable)
{
    *an = (struct ir_answer){
        .arena = a, .from = from, .usage = USAGE_NONE, .max = max, .stable = stable};
}

/* Whether n more bytes may be kept. Once there was no room nothing is: an answer with a hole would
 * look like a whole one. */
static bool room(struct ir_answer *an, size_t n)
{
    an->overflow |= n > an->max - an->bytes;
    if (!an->overflow)
        an->bytes += n;
    return !an->overflow;
}

/* ---- keeping what lives for the event only ---- */

static str keep(struct ir_answer *an, str s)
{
    if (an->stable || !s.n)
        return s;
    return room(an, s.n) ? str_dup(an->arena, s) : S("");
}

static yyjson_val *keep_tree(struct ir_answer *an, yyjson_val *v)
{
    yyjson_val *copy;
    if (an->stable || !v)
        return v;
    str text = json_text_of(v, an->arena);
    if (!room(an, text.n) || json_read(text, an->arena, &copy, NULL) != OK)
        return NULL;
    return copy;
}

static struct ir_citation *keep_citation(struct ir_answer *an, const struct ir_citation *c)
{
    if (!room(an, sizeof *c))
        return NULL;
    struct ir_citation *copy = arena_new(an->arena, struct ir_citation);
    *copy = (struct ir_citation){.url = keep(an, c->url),
                                 .title = keep(an, c->title),
                                 .file_id = keep(an, c->file_id),
                                 .quote = keep(an, c->quote),
                                 .start = c->start,
                                 .end = c->end,
                                 .src = keep_tree(an, c->src)};
    return copy;
}

static struct ir_media *keep_media(struct ir_answer *an, const struct ir_media *m)
{
    if (!m || !room(an, sizeof *m))
        return NULL;
    struct ir_media *copy = arena_new(an->arena, struct ir_media);
    *copy = (struct ir_media){.mime = keep(an, m->mime),
                              .data = keep(an, m->data),
                              .url = keep(an, m->url),
                              .file_id = keep(an, m->file_id),
                              .text = keep(an, m->text),
                              .name = keep(an, m->name),
                              .context = keep(an, m->context),
                              .detail = keep(an, m->detail)};
    return copy;
}

static void keep_seal(struct ir_answer *an, struct ir_seal *to, const struct ir_seal *seal)
{
    to->issuer = seal->issuer;
    to->value = keep(an, seal->value);
    to->id = keep(an, seal->id);
}

static struct ir_part *keep_part(struct ir_answer *an, const struct ir_part *p);

static void keep_lists(struct ir_answer *an, struct ir_part *to, const struct ir_part *p)
{
    struct ir_part **parts_end = &to->content;
    struct ir_citation **citations_end = &to->citations;
    for (const struct ir_part *c = p->content; c; c = c->next) {
        if (!(*parts_end = keep_part(an, c)))
            break;
        parts_end = &(*parts_end)->next;
    }
    for (const struct ir_citation *c = p->citations; c; c = c->next) {
        if (!(*citations_end = keep_citation(an, c)))
            break;
        citations_end = &(*citations_end)->next;
    }
}

/* A copy of p alone; NULL without room. */
static struct ir_part *keep_part(struct ir_answer *an, const struct ir_part *p)
{
    if (!room(an, sizeof *p))
        return NULL;
    struct ir_part *to = arena_new(an->arena, struct ir_part);
    *to = *p;
    to->next = NULL;
    if (an->stable)
        return to;
    to->content = NULL;
    to->citations = NULL;
    to->text = keep(an, p->text);
    to->id = keep(an, p->id);
    to->item = keep(an, p->item);
    to->name = keep(an, p->name);
    to->space = keep(an, p->space);
    to->media = keep_media(an, p->media);
    keep_seal(an, &to->seal, &p->seal);
    to->args = keep_tree(an, p->args);
    to->cache = keep_tree(an, p->cache);
    to->logprobs = keep_tree(an, p->logprobs);
    to->src = keep_tree(an, p->src);
    keep_lists(an, to, p);
    return to;
}

/* ---- texts ---- */

static void text_grow(struct arena *a, struct text *t, size_t need)
{
    size_t cap = t->cap < 128 ? 128 : t->cap;
    while (cap < need)
        cap *= 2;
    char *p = arena_alloc(a, cap);
    if (t->n)
        memcpy(p, t->p, t->n);
    t->p = p;
    t->cap = cap;
}

static void text_put(struct arena *a, struct text *t, str s)
{
    if (s.n > t->cap - t->n)
        text_grow(a, t, t->n + s.n);
    memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
}

static void text_add(struct ir_answer *an, struct text *t, str s)
{
    if (!s.n || !room(an, s.n))
        return;
    if (an->stable && !t->n && !t->lent.n) {
        t->lent = s;
        return;
    }
    if (t->lent.n) {
        text_put(an->arena, t, t->lent);
        t->lent = S("");
    }
    text_put(an->arena, t, s);
}

static str text_of(const struct text *t)
{
    return t->lent.n ? t->lent : str_of(t->p, t->n);
}

/* ---- parts that are not over ---- */

/* The part's place, moved to the front: the next event is most likely about it as well. */
static struct ir_open **open_at(struct ir_answer *an, const struct ir_event *e)
{
    for (struct ir_open **at = &an->open; *at; at = &(*at)->next) {
        struct ir_open *o = *at;
        if (o->choice != e->choice || o->index != e->index)
            continue;
        *at = o->next;
        o->next = an->open;
        an->open = o;
        return &an->open;
    }
    return NULL;
}

static struct ir_open *open_of(struct ir_answer *an, const struct ir_event *e)
{
    struct ir_open **at = open_at(an, e);
    return at ? *at : NULL;
}

static struct ir_reply *reply_of(struct ir_answer *an, unsigned choice)
{
    struct ir_reply **at = &an->replies;
    while (*at && (*at)->index < choice)
        at = &(*at)->next;
    if (*at && (*at)->index == choice)
        return *at;
    if (!room(an, sizeof **at))
        return NULL;
    struct ir_reply *r = arena_new(an->arena, struct ir_reply);
    r->index = choice;
    r->next = *at;
    ir_parts_init(&r->parts);
    *at = r;
    return r;
}

/* The elements that LOGPROBS brought, as one array. */
static yyjson_val *logprobs_of(struct ir_answer *an, const struct text *t)
{
    yyjson_val *v = NULL;
    str all[] = {S("["), text_of(t), S("]")};
    if (all[1].n && json_read(str_join(an->arena, all, 3), an->arena, &v, NULL) != OK)
        return NULL;
    return v;
}

static void close_first(struct ir_answer *an)
{
    struct ir_open *o = an->open;
    an->open = o->next;
    if (text_of(&o->text).n)
        o->part->text = text_of(&o->text);
    if (text_of(&o->logprobs).n)
        o->part->logprobs = logprobs_of(an, &o->logprobs);
}

/* ---- events ---- */

static void on_start(struct ir_answer *an, const struct ir_event *e)
{
    if (e->id.n)
        an->id = keep(an, e->id);
    if (e->model.n)
        an->model = keep(an, e->model);
    if (e->service_tier.n)
        an->service_tier = keep(an, e->service_tier);
    if (e->created)
        an->created = e->created;
    if (an->stable)
        an->src = e->src;
    usage_merge(&an->usage, &e->usage);
}

static void on_part_begin(struct ir_answer *an, const struct ir_event *e)
{
    struct ir_reply *r = reply_of(an, e->choice);
    struct ir_part *p = r ? keep_part(an, e->part) : NULL;
    if (!p || !room(an, sizeof(struct ir_open)))
        return;
    struct ir_open *o = arena_new(an->arena, struct ir_open);
    *o = (struct ir_open){an->open, e->choice, e->index, p, &p->citations, {0}, {0}};
    while (*o->citations_end)
        o->citations_end = &(*o->citations_end)->next;
    an->open = o;
    *r->parts.end = p;
    r->parts.end = &p->next;
}

static void on_citation(struct ir_answer *an, const struct ir_event *e)
{
    struct ir_open *o = open_of(an, e);
    struct ir_citation *c = o ? keep_citation(an, e->citation) : NULL;
    if (!c)
        return;
    *o->citations_end = c;
    o->citations_end = &c->next;
}

static void on_logprobs(struct ir_answer *an, const struct ir_event *e)
{
    struct ir_open *o = open_of(an, e);
    yyjson_arr_iter it = yyjson_arr_iter_with(e->json);
    for (yyjson_val *v; o && (v = yyjson_arr_iter_next(&it));) {
        struct arena scratch;
        arena_init(&scratch);
        str text = json_text_of(v, &scratch);
        if (room(an, text.n + 1)) {
            if (o->logprobs.n)
                text_put(an->arena, &o->logprobs, S(","));
            text_put(an->arena, &o->logprobs, text);
        }
        arena_fini(&scratch);
    }
}

static void on_finish(struct ir_answer *an, const struct ir_event *e)
{
    struct ir_reply *r = reply_of(an, e->choice);
    if (!r)
        return;
    r->finished = true;
    r->finish = e->finish;
    r->native = keep(an, e->native);
    r->stop = keep(an, e->stop);
    if (an->stable)
        r->src = e->src;
}

static void on_error(struct ir_answer *an, const struct ir_error *error)
{
    struct ir_error *copy = arena_new(an->arena, struct ir_error);
    *copy = (struct ir_error){.status = error->status,
                              .type = keep(an, error->type),
                              .code = keep(an, error->code),
                              .message = keep(an, error->message),
                              .param = keep(an, error->param)};
    an->error = copy;
}

void ir_answer_take(void *answer, const struct ir_event *e)
{
    struct ir_answer *an = answer;
    struct ir_open *o;
    switch (e->kind) {
    case IR_EV_START: on_start(an, e); break;
    case IR_EV_PART_BEGIN: on_part_begin(an, e); break;
    case IR_EV_DELTA:
        if ((o = open_of(an, e)))
            text_add(an, &o->text, e->text);
        break;
    case IR_EV_SEAL:
        if ((o = open_of(an, e)))
            keep_seal(an, &o->part->seal, &e->part->seal);
        break;
    case IR_EV_CITATION: on_citation(an, e); break;
    case IR_EV_LOGPROBS: on_logprobs(an, e); break;
    case IR_EV_PART_END:
        if (open_at(an, e))
            close_first(an);
        break;
    case IR_EV_FINISH: on_finish(an, e); break;
    case IR_EV_USAGE: usage_merge(&an->usage, &e->usage); break;
    case IR_EV_ERROR: on_error(an, e->error); break;
    case IR_EV_END: an->complete = !an->overflow; break;
    }
    while ((e->kind == IR_EV_END || e->kind == IR_EV_ERROR) && an->open)
        close_first(an);
}

/* ---- the reverse ---- */

static bool comes_whole(enum ir_part_kind kind)
{
    return kind == IR_PART_SEARCH || kind == IR_PART_CODE || kind == IR_PART_IMAGE ||
           kind == IR_PART_RAW;
}

/* What a signature stands before: where there is no text, and where the provider says it with the
 * part's beginning. */
static bool sealed_first(const struct ir_part *p)
{
    return p->redacted || p->kind == IR_PART_CALL || comes_whole(p->kind);
}

static void emit_inside(const struct ir_answer *an, const struct ir_part *p, struct ir_event *e,
                        ir_emit_fn *emit, void *arg)
{
    e->kind = IR_EV_DELTA;
    e->text = p->kind == IR_PART_CALL && p->args ? ir_call_text(p, an->arena) : p->text;
    if (e->text.n)
        emit(arg, e);
    e->text = S("");
    e->kind = IR_EV_LOGPROBS;
    if ((e->json = p->logprobs))
        emit(arg, e);
    e->kind = IR_EV_CITATION;
    for (e->citation = p->citations; e->citation; e->citation = e->citation->next)
        emit(arg, e);
    e->kind = IR_EV_SEAL;
    e->part = p;
    if (p->seal.value.n && !sealed_first(p))
        emit(arg, e);
}

static void emit_part(const struct ir_answer *an, const struct ir_part *p, struct ir_event e,
                      ir_emit_fn *emit, void *arg)
{
    struct ir_part head = *p;
    bool whole = comes_whole(p->kind);
    head.next = NULL;
    if (!whole) {
        head.text = S("");
        head.args = NULL;
        head.citations = NULL;
        head.logprobs = NULL;
    }
    if (!sealed_first(p))
        head.seal = (struct ir_seal){.issuer = p->seal.issuer};
    e.kind = IR_EV_PART_BEGIN;
    e.part = &head;
    emit(arg, &e);
    if (!whole)
        emit_inside(an, p, &e, emit, arg);
    e.kind = IR_EV_PART_END;
    e.part = NULL;
    emit(arg, &e);
}

static void emit_reply(const struct ir_answer *an, const struct ir_reply *r, ir_emit_fn *emit,
                       void *arg)
{
    struct ir_event e = {.choice = r->index, .usage = USAGE_NONE};
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        emit_part(an, p, e, emit, arg);
        e.index++;
    }
    if (!r->finished)
        return;
    e = (struct ir_event){.kind = IR_EV_FINISH,
                          .choice = r->index,
                          .finish = r->finish,
                          .native = r->native,
                          .stop = r->stop,
                          .usage = USAGE_NONE,
                          .src = r->src};
    emit(arg, &e);
}

static bool any_usage(const struct usage *u)
{
    return u->input >= 0 || u->output >= 0 || u->cached >= 0 || u->cache_write >= 0 ||
           u->reasoning >= 0;
}

void ir_answer_emit(const struct ir_answer *an, ir_emit_fn *emit, void *arg)
{
    struct ir_event e = {.kind = IR_EV_START,
                         .id = an->id,
                         .model = an->model,
                         .service_tier = an->service_tier,
                         .created = an->created,
                         .usage = an->usage,
                         .src = an->src};
    emit(arg, &e);
    for (const struct ir_reply *r = an->replies; r; r = r->next)
        emit_reply(an, r, emit, arg);
    e = (struct ir_event){.kind = IR_EV_USAGE, .usage = an->usage};
    if (any_usage(&an->usage))
        emit(arg, &e);
    e = (struct ir_event){.kind = IR_EV_ERROR, .usage = USAGE_NONE, .error = an->error};
    if (!an->error)
        e.kind = IR_EV_END;
    if (an->error || an->complete)
        emit(arg, &e);
}

str ir_reply_text(const struct ir_reply *r, struct arena *a)
{
    const struct ir_part *p, *last = NULL;
    size_t n = 0, total = 0;
    for (p = r->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_TEXT && p->text.n) {
            last = p;
            n++;
            total += p->text.n;
        }
    }
    if (n < 2)
        return last ? last->text : S("");
    char *text = arena_alloc(a, total), *at = text;
    for (p = r->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_TEXT && p->text.n) {
            memcpy(at, p->text.p, p->text.n);
            at += p->text.n;
        }
    }
    return str_of(text, total);
}

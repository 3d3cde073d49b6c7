/*
 * ir/turns.c - pairs results with calls, then sets the messages in order.
 *
 * Everything is linear in the size of the conversation: calls are found through maps (by id, by
 * name) whose values are queues of the calls that may still take a result, and messages are moved
 * through an array from pass to pass.
 */
#include "ir/turns.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/map.h"

/* ---- calls and their results ---- */

enum { BY_ID, BY_NAME, WAYS };

struct call {
    struct ir_part *part, *result; /* the last result that came, or NULL */
    struct call *next[WAYS];       /* with the same id or name, in the same turn */
    size_t turn;
    bool own_id; /* the client gave one */
};

/* Calls of one id or name of the latest turn that had any. */
struct queue {
    struct call *first, *last; /* first: the one whose result is due */
};

struct pairing {
    struct ir_request *rq;
    struct map maps[WAYS];
    struct call *calls;
    size_t n;
    size_t turn;  /* runs of assistant messages so far */
    size_t first; /* the latest turn's first call */
    size_t due;   /* and its first that has no result yet, for results that name nothing */
    bool inside;  /* the message at hand is an assistant's */
    struct ir_message *made_up; /* of the last message of results: the client gave none of them */
};

static void enqueue(struct pairing *p, int way, str key, struct call *c)
{
    void **at = map_at(&p->maps[way], key);
    struct queue *q = *at;
    if (!q)
        *at = q = arena_new(p->rq->arena, struct queue);
    if (q->first && q->first->turn == c->turn)
        q->last->next[way] = c;
    else
        q->first = c;
    q->last = c;
}

/* The call whose turn it is; when all have a result the last, to be overwritten. */
static struct call *due_of(const struct pairing *p, int way, str key)
{
    struct queue *q = map_get(&p->maps[way], key);
    while (q && q->first->result && q->first->next[way])
        q->first = q->first->next[way];
    return q ? q->first : NULL;
}

/*
 * An id for a call that has none, or one that another call had before: the same for the same
 * conversation, so that the provider's prompt cache still fits. Any alphabet and length takes it.
 */
static str made_id(struct arena *a, const struct ir_part *call, size_t position)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", position);
    struct arena_mark mark = arena_mark(a);
    str parts[] = {str_c(number), S("\n"), call->name, S("\n"), ir_call_text(call, a)};
    str all = str_join(a, parts, 5);
    uint64_t one = hash_siphash(0x63616c6c, 1, all), two = hash_siphash(0x63616c6c, 2, all);
    arena_rewind(a, mark);
    return arena_printf(a, "call_%016llx%08llx", (unsigned long long)one,
                        (unsigned long long)(two >> 32));
}

static void add_call(struct pairing *p, struct ir_part *part)
{
    struct call *c = &p->calls[p->n];
    *c = (struct call){.part = part, .turn = p->turn, .own_id = part->id.n > 0};
    if (c->own_id)
        enqueue(p, BY_ID, part->id, c);
    enqueue(p, BY_NAME, part->name, c);
    p->n++;
}

/* Ids must be unique in all of the conversation (Anthropic: "`tool_use` ids must be unique"). Done
 * when all results have found their calls. */
static void settle_ids(struct pairing *p)
{
    struct map seen;
    map_init(&seen, p->rq->arena);
    for (size_t i = 0; i < p->n; i++) {
        struct ir_part *part = p->calls[i].part;
        void **at = part->id.n ? map_at(&seen, part->id) : NULL;
        if (!at || *at)
            part->id = made_id(p->rq->arena, part, i);
        else
            *at = part;
    }
}

/* A result that names no call we know: by the tool's name, else the first call without a result.
 * any: also calls with an id of their own. */
static struct call *guess(struct pairing *p, const struct ir_part *result, bool any)
{
    struct call *c = result->name.n ? due_of(p, BY_NAME, result->name) : NULL;
    if (c && !c->result && c >= p->calls + p->first && (any || !c->own_id))
        return c;
    while (p->due < p->n && p->calls[p->due].result)
        p->due++;
    if (p->due == p->n || (!any && p->calls[p->due].own_id))
        return NULL;
    return &p->calls[p->due];
}

static void add_result(struct pairing *p, struct ir_part *result)
{
    struct call *c = result->id.n ? due_of(p, BY_ID, result->id) : NULL;
    if (!c)
        c = guess(p, result, !result->id.n);
    if (c)
        c->result = result;
}

/* Whether m begins a run of assistant messages. */
static bool begins_turn(const struct ir_message *m, bool inside)
{
    return m->role == IR_ASSISTANT && !inside;
}

static void pair(struct pairing *p)
{
    for (struct ir_message *m = p->rq->messages; m; m = m->next) {
        if (begins_turn(m, p->inside))
            p->turn++;
        p->inside = m->role == IR_ASSISTANT;
        for (struct ir_part *part = m->parts.first; part; part = part->next) {
            if (part->kind == IR_PART_RESULT)
                add_result(p, part);
            if (part->kind != IR_PART_CALL || !p->inside)
                continue;
            if (p->n == 0 || p->calls[p->n - 1].turn != p->turn)
                p->first = p->due = p->n;
            add_call(p, part);
        }
    }
    settle_ids(p);
}

/* ---- messages in an array ---- */

struct list {
    struct ir_message **m;
    size_t n;
};

static void list_add(struct list *l, struct ir_message *m)
{
    l->m[l->n++] = m;
}

static struct ir_message *message_new(struct ir_request *rq, enum ir_role role)
{
    struct ir_message *m = arena_new(rq->arena, struct ir_message);
    m->role = role;
    ir_parts_init(&m->parts);
    return m;
}

static void part_append(struct ir_message *m, struct ir_part *p)
{
    p->next = NULL;
    *m->parts.end = p;
    m->parts.end = &p->next;
}

typedef bool drop_fn(struct ir_part *p);

/* Takes the parts out that drop says; true when there were some. */
static bool filter(struct ir_message *m, drop_fn *drop)
{
    struct ir_part *p = m->parts.first, *next;
    bool any = false;
    ir_parts_init(&m->parts);
    for (; p; p = next) {
        next = p->next;
        if (drop(p))
            any = true;
        else
            part_append(m, p);
    }
    *m->parts.end = NULL;
    return any;
}

static bool is_result(struct ir_part *p)
{
    return p->kind == IR_PART_RESULT;
}

/* The results of one turn's calls in their order; none for a call without one. */
static void add_results(struct pairing *p, size_t *next, size_t turn, struct list *to)
{
    struct ir_message *m = NULL;
    bool given = false;
    for (; *next < p->n && p->calls[*next].turn == turn; ++*next) {
        struct call *c = &p->calls[*next];
        given |= c->result != NULL;
        struct ir_part *r = c->result;
        if (!r) {
            r = arena_new(p->rq->arena, struct ir_part);
            r->kind = IR_PART_RESULT;
            r->no_text = true;
        }
        r->id = c->part->id;
        r->name = c->part->name;
        r->space = c->part->space;
        r->call = c->part->call;
        if (!m)
            list_add(to, m = message_new(p->rq, IR_TOOL));
        part_append(m, r);
    }
    if (m)
        p->made_up = given ? NULL : m;
}

/* Takes all results out of their messages. gone[i]: nothing else was in the i-th. */
static void take_results(struct ir_request *rq, bool *gone)
{
    for (struct ir_message *m = rq->messages; m; m = m->next)
        *gone++ = filter(m, is_result) && !m->parts.first;
}

/* Results stand behind their calls, and nowhere else. */
static void set_results(struct pairing *p, const bool *gone, struct list *to)
{
    size_t next = 0, turn = 0;
    bool inside = false;
    for (struct ir_message *m = p->rq->messages; m; m = m->next, gone++) {
        if (inside && m->role != IR_ASSISTANT)
            add_results(p, &next, turn, to);
        turn += begins_turn(m, inside);
        inside = m->role == IR_ASSISTANT;
        if (!*gone)
            list_add(to, m);
    }
    add_results(p, &next, turn, to);
}

/* ---- passes ---- */

str ir_reminder(str text, struct arena *a)
{
    str parts[] = {S("<system-reminder>\n"), text, S("\n</system-reminder>")};
    return str_join(a, parts, 3);
}

static bool is_system(const struct ir_message *m)
{
    return m->role == IR_SYSTEM || m->role == IR_DEVELOPER;
}

static void system_as_user(struct ir_request *rq)
{
    struct ir_message *m = rq->messages;
    while (m && is_system(m))
        m = m->next;
    for (; m; m = m->next) {
        if (!is_system(m) || m->top)
            continue;
        m->role = IR_USER;
        m->bare = false;
        for (struct ir_part *p = m->parts.first; p; p = p->next) {
            if (p->kind == IR_PART_TEXT && p->text.n)
                p->text = ir_reminder(p->text, rq->arena);
        }
    }
}

/* White space counts as nothing (Anthropic: "text content blocks must contain non-whitespace
 * text"). */
static bool is_empty(struct ir_part *p)
{
    if (p->kind == IR_PART_RESULT) {
        struct ir_part **at = &p->content;
        while (*at) {
            if ((*at)->kind == IR_PART_TEXT && !str_trim((*at)->text).n)
                *at = (*at)->next;
            else
                at = &(*at)->next;
        }
        return false;
    }
    return p->kind == IR_PART_TEXT && !str_trim(p->text).n;
}

static void drop_empty(struct list *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        filter(l->m[i], is_empty);
        if (l->m[i]->parts.first)
            l->m[n++] = l->m[i];
    }
    l->n = n;
}

static bool users(const struct ir_message *m)
{
    return m->role == IR_USER || m->role == IR_TOOL;
}

/* What follows the user's last message, but system messages. */
static void drop_prefill(struct list *l, const struct ir_message *made_up)
{
    size_t n = l->n, i;
    while (n && (!users(l->m[n - 1]) || l->m[n - 1] == made_up))
        n--;
    for (i = n; i < l->n; i++) {
        if (is_system(l->m[i]))
            l->m[n++] = l->m[i];
    }
    l->n = n;
}

static bool one_side(const struct ir_message *a, const struct ir_message *b)
{
    return (users(a) && users(b)) || (a->role == IR_ASSISTANT && b->role == IR_ASSISTANT);
}

static void join(struct ir_message *to, struct ir_message *m)
{
    to->bare = false;
    if (to->role == IR_TOOL)
        to->name = m->name;
    if (m->role == IR_USER)
        to->role = IR_USER;
    if (!str_eq(to->name, m->name))
        to->name = S("");
    if (!str_eq(to->phase, m->phase))
        to->phase = S("");
    if (!m->parts.first)
        return;
    *to->parts.end = m->parts.first;
    to->parts.end = m->parts.end;
}

static void merge(struct list *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (n && one_side(l->m[n - 1], l->m[i]))
            join(l->m[n - 1], l->m[i]);
        else
            l->m[n++] = l->m[i];
    }
    l->n = n;
}

/* The place for it is there: set_results left room. */
static void user_first(struct ir_request *rq, struct list *l)
{
    size_t at = 0;
    while (at < l->n && is_system(l->m[at]))
        at++;
    if (at < l->n && users(l->m[at]))
        return;
    struct ir_message *m = message_new(rq, IR_USER);
    ir_parts_add(&m->parts, rq->arena, IR_PART_TEXT)->text = S(".");
    memmove(l->m + at + 1, l->m + at, (l->n - at) * sizeof(struct ir_message *));
    l->m[at] = m;
    l->n++;
}

/* ---- all of it ---- */

static void count(const struct ir_request *rq, size_t *messages, size_t *calls)
{
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        ++*messages;
        for (const struct ir_part *p = m->parts.first; p; p = p->next)
            *calls += p->kind == IR_PART_CALL;
    }
}

static void relink(struct ir_request *rq, const struct list *l)
{
    rq->messages = NULL;
    rq->messages_end = &rq->messages;
    for (size_t i = 0; i < l->n; i++) {
        l->m[i]->next = NULL;
        *rq->messages_end = l->m[i];
        rq->messages_end = &l->m[i]->next;
    }
}

void ir_turns_fit(struct ir_request *rq, unsigned how)
{
    struct pairing p = {.rq = rq};
    size_t messages = 0, calls = 0;
    if (how & TURNS_SYSTEM_AS_USER)
        system_as_user(rq);
    count(rq, &messages, &calls);
    /* At most one message of results behind each, and one at the front. */
    struct list l = {arena_array(rq->arena, struct ir_message *, 2 * messages + 1), 0};
    p.calls = arena_array(rq->arena, struct call, calls);
    map_init(&p.maps[BY_ID], rq->arena);
    map_init(&p.maps[BY_NAME], rq->arena);
    bool *gone = arena_array(rq->arena, bool, messages);
    pair(&p);
    take_results(rq, gone);
    set_results(&p, gone, &l);
    if (how & TURNS_NO_EMPTY)
        drop_empty(&l);
    if (how & TURNS_NO_PREFILL)
        drop_prefill(&l, p.made_up);
    if (how & TURNS_MERGE)
        merge(&l);
    if (how & TURNS_USER_FIRST)
        user_first(rq, &l);
    relink(rq, &l);
}

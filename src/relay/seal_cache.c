#include "relay/seal_cache.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/mem.h"

enum { SHARDS = 16, BUCKETS = 1024, PIECES_MAX = 64 };

/* ---- Entries. One allocation each: the struct, then its bytes. ---- */

/* A piece of reasoning, or (call) the seal of the call itself. Lengths of what lies in bytes. */
struct piece {
    uint32_t text, value, id;
    uint8_t issuer;
    bool redacted, call;
};

struct entry {
    struct entry *next; /* in its bucket */
    struct entry *newer, *older;
    uint64_t hash, born_s;
    size_t size;
    uint32_t n_pieces, key_bytes;
    _Alignas(uint64_t) char bytes[]; /* pieces, key, texts */
};

struct shard {
    pthread_mutex_t lock;
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    size_t bytes;
};

static struct shard shards[SHARDS] = {[0 ... SHARDS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

static struct shard *shard_of(uint64_t hash)
{
    return &shards[hash >> 60 & (SHARDS - 1)];
}

static struct entry **bucket_of(struct shard *s, uint64_t hash)
{
    return &s->buckets[hash & (BUCKETS - 1)];
}

static const struct piece *pieces_of(const struct entry *e)
{
    return (const struct piece *)(const void *)e->bytes;
}

static str key_of(const struct entry *e)
{
    return str_of(e->bytes + e->n_pieces * sizeof(struct piece), e->key_bytes);
}

static void list_remove(struct shard *s, struct entry *e)
{
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
}

static void list_push(struct shard *s, struct entry *e)
{
    e->newer = NULL;
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

static void drop(struct shard *s, struct entry *e)
{
    struct entry **at = bucket_of(s, e->hash);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    list_remove(s, e);
    s->bytes -= e->size;
    mem_wipe_free(e, e->size);
}

static struct entry *find(struct shard *s, uint64_t hash, str key)
{
    struct entry *e = *bucket_of(s, hash);
    while (e && (e->hash != hash || !str_eq(key_of(e), key)))
        e = e->next;
    return e;
}

static void insert(struct entry *e, str key, uint64_t now_s)
{
    struct shard *s = shard_of(e->hash);
    pthread_mutex_lock(&s->lock);
    struct entry *old = find(s, e->hash, key);
    if (old)
        drop(s, old);
    while (s->oldest && (s->bytes + e->size > SEAL_CACHE_BYTES / SHARDS ||
                         s->oldest->born_s + SEAL_CACHE_SECONDS < now_s))
        drop(s, s->oldest);
    struct entry **bucket = bucket_of(s, e->hash);
    e->next = *bucket;
    *bucket = e;
    list_push(s, e);
    s->bytes += e->size;
    pthread_mutex_unlock(&s->lock);
}

void seal_cache_clear(void)
{
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&shards[i].lock);
        while (shards[i].oldest)
            drop(&shards[i], shards[i].oldest);
        pthread_mutex_unlock(&shards[i].lock);
    }
}

size_t seal_cache_bytes(void)
{
    size_t bytes = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&shards[i].lock);
        bytes += shards[i].bytes;
        pthread_mutex_unlock(&shards[i].lock);
    }
    return bytes;
}

/* ---- From an answer. ---- */

struct thought {
    struct thought *next;
    unsigned index;
    bool redacted;
    struct buf text;
    struct ir_seal seal; /* in the arena */
};

struct called {
    struct called *next;
    unsigned index;
    str id;
    struct ir_seal seal;
    struct thought *first; /* what was thought since the call before it */
};

struct seal_watch {
    struct arena *arena;
    str client_key;
    struct thought *thoughts, **end; /* since the last call */
    struct called *calls;
    size_t bytes; /* of thoughts; past SEAL_ENTRY_BYTES no more is gathered */
};

struct seal_watch *seal_watch_new(struct arena *a, str client_key)
{
    struct seal_watch *w = arena_new(a, struct seal_watch);
    w->arena = a;
    w->client_key = str_dup(a, client_key);
    w->end = &w->thoughts;
    return w;
}

static struct ir_seal seal_dup(struct arena *a, const struct ir_seal *s)
{
    return (struct ir_seal){
        .value = str_dup(a, s->value), .id = str_dup(a, s->id), .issuer = s->issuer};
}

static void on_begin(struct seal_watch *w, const struct ir_event *e)
{
    const struct ir_part *p = e->part;
    if (p->kind == IR_PART_REASONING) {
        struct thought *t = arena_new(w->arena, struct thought);
        t->index = e->index;
        t->redacted = p->redacted;
        buf_init(&t->text, SEAL_ENTRY_BYTES);
        buf_put(&t->text, p->text);
        t->seal = seal_dup(w->arena, &p->seal);
        *w->end = t;
        w->end = &t->next;
    } else if (p->kind == IR_PART_CALL && p->id.n) {
        struct called *c = arena_new(w->arena, struct called);
        c->index = e->index;
        c->id = str_dup(w->arena, p->id);
        c->seal = seal_dup(w->arena, &p->seal);
        c->first = w->thoughts;
        w->thoughts = NULL;
        w->end = &w->thoughts;
        c->next = w->calls;
        w->calls = c;
    }
}

/* Half a thought has no valid signature: one that is too long is not kept at all. */
static void gather(struct seal_watch *w, struct thought *t, str text)
{
    w->bytes += text.n;
    if (w->bytes > SEAL_ENTRY_BYTES)
        t->text.failed = true;
    buf_put(&t->text, text);
}

static struct thought *thought_at(struct seal_watch *w, unsigned index)
{
    struct thought *t = w->thoughts;
    while (t && t->index != index)
        t = t->next;
    return t;
}

static void on_seal(struct seal_watch *w, const struct ir_event *e)
{
    struct thought *t = thought_at(w, e->index);
    if (t)
        t->seal = seal_dup(w->arena, &e->part->seal);
    for (struct called *c = w->calls; c && !t; c = c->next)
        if (c->index == e->index)
            c->seal = seal_dup(w->arena, &e->part->seal);
}

/* The key under which a call's reasoning is found. */
static uint64_t hash_of(str client_key, str id, str *key, struct arena *a)
{
    str parts[] = {client_key, S("\n"), id};
    *key = str_join(a, parts, 3);
    return hash_str(*key);
}

static void put(char **at, str s)
{
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
}

static struct piece piece_of(str text, const struct ir_seal *s, bool redacted, bool call)
{
    return (struct piece){.text = (uint32_t)text.n,
                          .value = (uint32_t)s->value.n,
                          .id = (uint32_t)s->id.n,
                          .issuer = (uint8_t)s->issuer,
                          .redacted = redacted,
                          .call = call};
}

/* Fits: each text is below SEAL_ENTRY_BYTES, and an entry above it is not kept. */
static void store(struct seal_watch *w, const struct called *c, uint64_t now_s)
{
    struct piece pieces[PIECES_MAX];
    str texts[3 * PIECES_MAX];
    size_t n = 0, bytes = 0;
    str key;
    for (const struct thought *t = c->first; t && n < PIECES_MAX - 1; t = t->next) {
        if (t->text.failed || (!t->text.n && !t->seal.value.n))
            continue;
        texts[3 * n] = buf_str(&t->text);
        texts[3 * n + 1] = t->seal.value;
        texts[3 * n + 2] = t->seal.id;
        pieces[n++] = piece_of(buf_str(&t->text), &t->seal, t->redacted, false);
    }
    if (c->seal.value.n) {
        texts[3 * n] = S("");
        texts[3 * n + 1] = c->seal.value;
        texts[3 * n + 2] = c->seal.id;
        pieces[n++] = piece_of(S(""), &c->seal, false, true);
    }
    for (size_t i = 0; i < 3 * n; i++)
        bytes += texts[i].n;
    if (!n || bytes > SEAL_ENTRY_BYTES)
        return;
    uint64_t hash = hash_of(w->client_key, c->id, &key, w->arena);
    size_t size = sizeof(struct entry) + n * sizeof *pieces + key.n + bytes;
    struct entry *e = mem_zero(size);
    e->hash = hash;
    e->born_s = now_s;
    e->size = size;
    e->n_pieces = (uint32_t)n;
    e->key_bytes = (uint32_t)key.n;
    char *at = e->bytes;
    put(&at, str_of((const char *)pieces, n * sizeof *pieces));
    put(&at, key);
    for (size_t i = 0; i < 3 * n; i++)
        put(&at, texts[i]);
    insert(e, key, now_s);
}

void seal_watch_take(struct seal_watch *w, const struct ir_event *e)
{
    struct thought *t;
    if (e->choice)
        return; /* a conversation goes on from one answer; which one, nobody knows */
    switch (e->kind) {
    case IR_EV_PART_BEGIN: on_begin(w, e); break;
    case IR_EV_DELTA:
        if ((t = thought_at(w, e->index)))
            gather(w, t, e->text);
        break;
    case IR_EV_SEAL: on_seal(w, e); break;
    default: break;
    }
}

void seal_watch_keep(struct seal_watch *w, uint64_t now_s)
{
    for (const struct called *c = w->calls; c; c = c->next)
        store(w, c, now_s);
}

static void free_thoughts(struct thought *t)
{
    for (; t; t = t->next)
        buf_fini(&t->text);
}

void seal_watch_free(struct seal_watch *w)
{
    free_thoughts(w->thoughts);
    for (struct called *c = w->calls; c; c = c->next)
        free_thoughts(c->first);
}

/* ---- Into a request. ---- */

static str take_text(const char **at, size_t n, struct arena *a)
{
    str s = str_dup(a, str_of(*at, n));
    *at += n;
    return s;
}

/* The entry's pieces as parts, copied; the call's own seal goes to *call. */
static void unpack(const struct entry *e, struct arena *a, struct ir_parts *out,
                   struct ir_seal *call)
{
    const char *at = key_of(e).p + e->key_bytes;
    for (uint32_t i = 0; i < e->n_pieces; i++) {
        const struct piece *p = &pieces_of(e)[i];
        str text = take_text(&at, p->text, a);
        struct ir_seal seal = {.issuer = (enum dialect_id)p->issuer};
        seal.value = take_text(&at, p->value, a);
        seal.id = take_text(&at, p->id, a);
        if (p->call) {
            *call = seal;
            continue;
        }
        struct ir_part *part = ir_parts_add(out, a, IR_PART_REASONING);
        part->text = text;
        part->redacted = p->redacted;
        part->seal = seal;
    }
}

static bool get(str client_key, str id, struct arena *a, uint64_t now_s, struct ir_parts *out,
                struct ir_seal *call)
{
    str key;
    uint64_t hash = hash_of(client_key, id, &key, a);
    struct shard *s = shard_of(hash);
    pthread_mutex_lock(&s->lock);
    struct entry *e = find(s, hash, key);
    if (e && e->born_s + SEAL_CACHE_SECONDS < now_s) {
        drop(s, e);
        e = NULL;
    }
    if (e) {
        list_remove(s, e);
        list_push(s, e);
        unpack(e, a, out, call);
    }
    pthread_mutex_unlock(&s->lock);
    return e != NULL;
}

/* Reasoning that a client shows again as text, as chat clients do in reasoning_content: what the
 * provider wants back it is not. */
static bool is_unsealed(const struct ir_part *p)
{
    return p->kind == IR_PART_REASONING && !p->redacted && !p->seal.value.n;
}

static bool thinks(const struct ir_message *m)
{
    for (const struct ir_part *p = m->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_REASONING && !is_unsealed(p))
            return true;
    }
    return false;
}

/* Takes unsealed reasoning before call out of the message. Returns the link that leads to call. */
static struct ir_part **drop_unsealed(struct ir_message *m, const struct ir_part *call)
{
    struct ir_part **at = &m->parts.first;
    while (*at != call) {
        if (is_unsealed(*at))
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
    return at;
}

/* Before each call of the message goes what led to it. */
static unsigned restore_message(struct ir_request *rq, struct ir_message *m, bool thought,
                                str client_key, uint64_t now_s)
{
    unsigned restored = 0;
    bool dropped = false;
    for (struct ir_part **at = &m->parts.first; *at; at = &(*at)->next) {
        struct ir_part *call = *at;
        struct ir_parts found;
        struct ir_seal seal = {.issuer = rq->from};
        ir_parts_init(&found);
        if (call->kind != IR_PART_CALL || !call->id.n ||
            !get(client_key, call->id, rq->arena, now_s, &found, &seal))
            continue;
        restored++;
        if (!call->seal.value.n)
            call->seal = seal;
        if (found.first && !thought) {
            if (!dropped) /* once: what was put back since may be unsealed as well */
                at = drop_unsealed(m, call);
            dropped = true;
            *at = found.first;
            *found.end = call;
            at = found.end;
            ir_say(rq, CAN_REASONING_PAST);
        }
    }
    return restored;
}

unsigned seal_cache_restore(struct ir_request *rq, str client_key, uint64_t now_s)
{
    unsigned restored = 0;
    bool thought = false; /* by the assistant, since the user last said something */
    for (struct ir_message *m = rq->messages; m; m = m->next) {
        thought = m->role == IR_ASSISTANT && (thought || thinks(m));
        if (m->role == IR_ASSISTANT)
            restored += restore_message(rq, m, thought, client_key, now_s);
    }
    return restored;
}

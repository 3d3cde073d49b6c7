/*
 * json/watch.c - a tokenizer that can stop after any byte.
 *
 * Only containers that some path leads into are tokenized, so the stack is as deep as the longest
 * path; the rest is skipped by counting brackets outside strings. Grammar is checked no further
 * than needed not to lose our place: providers' answers are not ours to judge.
 */
#include "json/watch.h"

#include "base/mem.h"
#include "json/plain.h"

enum { NONE = -1 };

/* ---- the trie ---- */

struct node {
    const char *key; /* the step that leads here */
    size_t key_n;
    uint64_t lengths; /* bit n: some child's key has n bytes (63: or more) */
    int id;
    bool watched;
    int16_t child, next, any; /* first child, next sibling, node of "*" */
};

struct watch_set {
    size_t n;
    struct node nodes[];
};

static uint64_t length_bit(size_t n)
{
    return UINT64_C(1) << (n < 63 ? n : 63);
}

static int node_add(struct watch_set *s, const char *key)
{
    struct node *n = &s->nodes[s->n];
    *n = (struct node){.key = key, .key_n = strlen(key), .child = NONE, .next = NONE, .any = NONE};
    must(n->key_n < WATCH_VALUE_MAX / 6); /* so that any escaped spelling can be gathered */
    return (int)s->n++;
}

/* The node that step leads to from node at, made if it is new. */
static int node_step(struct watch_set *s, int at, const char *step)
{
    if (strcmp(step, "*") == 0) {
        if (s->nodes[at].any == NONE)
            s->nodes[at].any = (int16_t)node_add(s, step);
        return s->nodes[at].any;
    }
    int16_t *link = &s->nodes[at].child;
    while (*link != NONE) {
        if (strcmp(s->nodes[*link].key, step) == 0)
            return *link;
        link = &s->nodes[*link].next;
    }
    *link = (int16_t)node_add(s, step);
    s->nodes[at].lengths |= length_bit(strlen(step));
    return *link;
}

struct watch_set *watch_set_new(const struct watch_path *paths, size_t n)
{
    must(n < INT16_MAX / WATCH_STEPS_MAX);
    struct watch_set *s = mem_new(sizeof *s + (n * WATCH_STEPS_MAX + 1) * sizeof s->nodes[0]);
    s->n = 0;
    node_add(s, "");
    for (size_t i = 0; i < n; i++) {
        int at = 0;
        for (size_t k = 0; paths[i].steps[k]; k++) {
            must(k < WATCH_STEPS_MAX);
            at = node_step(s, at, paths[i].steps[k]);
        }
        must(!s->nodes[at].watched);
        s->nodes[at].watched = true;
        s->nodes[at].id = paths[i].id;
    }
    return s;
}

void watch_set_free(struct watch_set *s)
{
    mem_free(s);
}

/* ---- the watcher ---- */

enum state {
    /* Space is skipped before these. */
    AT_VALUE,
    AT_KEY,
    AT_COLON,
    AT_COMMA, /* or at a closing bracket */
    /* Inside something. */
    IN_STRING,
    IN_ESCAPE, /* after the backslash */
    IN_SCALAR,
    IN_SKIPPED, /* a container no path leads into */
    IN_SKIPPED_STRING,
    IN_SKIPPED_ESCAPE,
    OVER /* the document ended, or is none */
};

struct watch {
    const struct watch_set *set;
    watch_fn *fn;
    void *arg;
    const json_byte *piece; /* during a feed */
    size_t before;          /* bytes of the document in earlier pieces */
    size_t value_at;
    uint8_t state;
    uint8_t depth;
    bool is_key, escaped;
    enum json_kind kind;
    int16_t node;  /* of the value to come or being read; NONE: unwatched */
    uint16_t kept; /* bytes in text */
    size_t skipped_depth;
    struct {
        int16_t node;
        bool object;
    } open[WATCH_STEPS_MAX];
    char text[WATCH_VALUE_MAX + 2]; /* a key or value cut by the end of a piece, quotes included */
};

size_t watch_size(void)
{
    return sizeof(struct watch);
}

void watch_init(struct watch *w, const struct watch_set *set, watch_fn *fn, void *arg)
{
    w->set = set;
    w->fn = fn;
    w->arg = arg;
    watch_reset(w);
}

void watch_reset(struct watch *w)
{
    w->before = 0;
    w->state = AT_VALUE;
    w->depth = 0;
    w->node = 0;
    w->kept = 0;
}

static inline size_t offset(const struct watch *w, const json_byte *p)
{
    return w->before + (size_t)(p - w->piece);
}

static inline bool watched(const struct watch *w)
{
    return w->node != NONE && w->set->nodes[w->node].watched;
}

static void report(struct watch *w, str text, const json_byte *end)
{
    w->fn(w->arg, w->set->nodes[w->node].id, w->kind, str_head(text, WATCH_VALUE_MAX), w->value_at,
          offset(w, end) - w->value_at);
}

static inline void after_value(struct watch *w)
{
    w->state = w->depth ? AT_COMMA : OVER;
}

static const json_byte *give_up(struct watch *w, const json_byte *end)
{
    w->state = OVER;
    return end;
}

/* Keeps bytes of a key or value for when the rest comes. */
static void keep(struct watch *w, const json_byte *from, const json_byte *end)
{
    if (!w->is_key && !watched(w))
        return;
    size_t n = (size_t)(end - from), room = sizeof w->text - w->kept;
    n = n < room ? n : room;
    memcpy(w->text + w->kept, from, n);
    w->kept = (uint16_t)(w->kept + n);
}

/* The text from from to end, after what earlier pieces had of it. */
static inline str gathered(struct watch *w, const json_byte *from, const json_byte *end)
{
    if (!w->kept)
        return str_of((const char *)from, (size_t)(end - from));
    keep(w, from, end);
    return str_of(w->text, w->kept);
}

/* ---- keys and strings ---- */

/* The child of the innermost object whose key is lit, or NONE. */
static inline int16_t child(const struct watch *w, str lit)
{
    const struct node *nodes = w->set->nodes, *parent = &nodes[w->open[w->depth - 1].node];
    if (w->escaped) {
        int16_t at = parent->child;
        while (at != NONE && !json_string_is(lit, str_of(nodes[at].key, nodes[at].key_n)))
            at = nodes[at].next;
        return at;
    }
    size_t n = lit.n - 2;
    if (!(parent->lengths & length_bit(n)))
        return NONE;
    int16_t at = parent->child;
    while (at != NONE && (nodes[at].key_n != n || memcmp(nodes[at].key, lit.p + 1, n) != 0))
        at = nodes[at].next;
    return at;
}

static inline void string_over(struct watch *w, const json_byte *from, const json_byte *end)
{
    if (w->is_key) {
        str lit = gathered(w, from, end);
        /* A cut key has no closing quote, and is longer than any we watch. */
        w->node = lit.p == w->text && w->kept == sizeof w->text ? NONE : child(w, lit);
        w->state = AT_COLON;
        return;
    }
    if (watched(w)) {
        str lit = gathered(w, from, end);
        bool cut = lit.p == w->text && w->kept == sizeof w->text;
        report(w, str_of(lit.p + 1, lit.n - (cut ? 1 : 2)), end);
    }
    after_value(w);
}

/* Reads on in a string: from is its first byte in this piece, p where to look on. */
static inline const json_byte *string_go(struct watch *w, const json_byte *from, const json_byte *p,
                                         const json_byte *end)
{
    for (;;) {
        p = json_quote_or_escape(p, end);
        if (p == end)
            break;
        if (*p == '"') {
            string_over(w, from, p + 1);
            return p + 1;
        }
        w->escaped = true;
        if (end - p == 1) {
            w->state = IN_ESCAPE;
            keep(w, from, end);
            return end;
        }
        p += 2;
    }
    w->state = IN_STRING;
    keep(w, from, end);
    return end;
}

static inline const json_byte *string_begin(struct watch *w, bool is_key, const json_byte *p,
                                            const json_byte *end)
{
    w->is_key = is_key;
    w->escaped = false;
    w->kept = 0;
    w->kind = JSON_STRING;
    w->value_at = offset(w, p);
    return string_go(w, p, p + 1, end);
}

/* ---- other values ---- */

static inline bool ends_scalar(json_byte c)
{
    return c == ',' || c == '}' || c == ']' || c <= ' ';
}

static inline const json_byte *scalar_go(struct watch *w, const json_byte *p, const json_byte *end)
{
    const json_byte *from = p;
    while (p < end && !ends_scalar(*p))
        p++;
    if (p == end) {
        w->state = IN_SCALAR;
        keep(w, from, end);
        return end;
    }
    if (watched(w))
        report(w, gathered(w, from, p), p);
    after_value(w);
    return p;
}

static inline const json_byte *scalar_begin(struct watch *w, const json_byte *p,
                                            const json_byte *end)
{
    w->kind = *p == 't' ? JSON_TRUE : *p == 'f' ? JSON_FALSE : *p == 'n' ? JSON_NULL : JSON_NUMBER;
    w->is_key = false;
    w->kept = 0;
    w->value_at = offset(w, p);
    return scalar_go(w, p, end);
}

static inline const json_byte *container_open(struct watch *w, const json_byte *p)
{
    bool object = *p == '{';
    if (watched(w)) {
        w->kind = object ? JSON_OBJECT : JSON_ARRAY;
        w->value_at = offset(w, p);
        report(w, str_of((const char *)p, 0), p + 1);
    }
    const struct node *n = w->node == NONE ? NULL : &w->set->nodes[w->node];
    if (!n || (object ? n->child : n->any) == NONE) {
        w->state = IN_SKIPPED;
        w->skipped_depth = 1;
        return p + 1;
    }
    w->open[w->depth].node = w->node;
    w->open[w->depth].object = object;
    w->depth++;
    w->state = object ? AT_KEY : AT_VALUE;
    w->node = n->any; /* of no meaning in an object */
    return p + 1;
}

static const json_byte *container_close(struct watch *w, const json_byte *p, const json_byte *end)
{
    if (!w->depth || w->open[w->depth - 1].object != (*p == '}'))
        return give_up(w, end);
    w->depth--;
    after_value(w);
    return p + 1;
}

static inline const json_byte *comma(struct watch *w, const json_byte *p)
{
    bool object = w->open[w->depth - 1].object;
    w->state = object ? AT_KEY : AT_VALUE;
    if (!object)
        w->node = w->set->nodes[w->open[w->depth - 1].node].any;
    return p + 1;
}

static inline const json_byte *value_begin(struct watch *w, const json_byte *p,
                                           const json_byte *end)
{
    switch (*p) {
    case '"': return string_begin(w, false, p, end);
    case '{':
    case '[': return container_open(w, p);
    case ']': return container_close(w, p, end); /* an empty array */
    case '-':
    case '0' ... '9':
    case 't':
    case 'f':
    case 'n': return scalar_begin(w, p, end);
    default: return give_up(w, end);
    }
}

/* ---- what no path leads into ---- */

static inline const json_byte *skipped_string_go(struct watch *w, const json_byte *p,
                                                 const json_byte *end)
{
    for (;;) {
        p = json_quote_or_escape(p, end);
        if (p == end || *p == '"')
            break;
        if (end - p == 1) {
            w->state = IN_SKIPPED_ESCAPE;
            return end;
        }
        p += 2;
    }
    w->state = p == end ? IN_SKIPPED_STRING : IN_SKIPPED;
    return p == end ? end : p + 1;
}

static const json_byte *skipped_go(struct watch *w, const json_byte *p, const json_byte *end)
{
    while (p < end) {
        json_byte c = *p++;
        if (c == '"') {
            p = skipped_string_go(w, p, end);
        } else if ((c | 0x20) == '{') { /* [ and { differ in that bit, as do ] and } */
            w->skipped_depth++;
        } else if ((c | 0x20) == '}' && --w->skipped_depth == 0) {
            after_value(w);
            break;
        }
    }
    return p;
}

/* ---- feeding ---- */

static inline const json_byte *space_end(const json_byte *p, const json_byte *end)
{
    while (p < end && *p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

static inline const json_byte *step(struct watch *w, const json_byte *p, const json_byte *end)
{
    switch ((enum state)w->state) {
    case AT_VALUE: return value_begin(w, p, end);
    case AT_KEY:
        if (*p == '"')
            return string_begin(w, true, p, end);
        return container_close(w, p, end); /* an empty object */
    case AT_COLON:
        if (*p != ':')
            return give_up(w, end);
        w->state = AT_VALUE;
        return p + 1;
    case AT_COMMA: return *p == ',' ? comma(w, p) : container_close(w, p, end);
    case IN_STRING: return string_go(w, p, p, end);
    case IN_ESCAPE: return string_go(w, p, p + 1, end);
    case IN_SCALAR: return scalar_go(w, p, end);
    case IN_SKIPPED: return skipped_go(w, p, end);
    case IN_SKIPPED_STRING: return skipped_string_go(w, p, end);
    case IN_SKIPPED_ESCAPE: return skipped_string_go(w, p + 1, end);
    case OVER: break;
    }
    return end;
}

void watch_feed(struct watch *w, str piece)
{
    if (!piece.n)
        return;
    const json_byte *p = (const json_byte *)piece.p, *end = p + piece.n;
    w->piece = p;
    while (p < end) {
        if (w->state <= AT_COMMA) {
            p = space_end(p, end);
            if (p == end)
                break;
        }
        p = step(w, p, end);
    }
    w->before += piece.n;
    w->piece = NULL;
}

void watch_end(struct watch *w)
{
    if (w->state == IN_SCALAR && !w->depth && watched(w)) {
        w->fn(w->arg, w->set->nodes[w->node].id, w->kind,
              str_head(str_of(w->text, w->kept), WATCH_VALUE_MAX), w->value_at,
              w->before - w->value_at);
    }
    w->state = OVER;
}

/*
 * dialect/gemini/schema/tree.h - a JSON value that can be changed, for the passes over schemas.
 *
 * Everything lies in one arena; strings borrow from what was read. Members keep their order, since
 * models are asked for properties in the order of the schema.
 */
#ifndef CLIPROXY_DIALECT_GEMINI_SCHEMA_TREE_H
#define CLIPROXY_DIALECT_GEMINI_SCHEMA_TREE_H

#include "base/arena.h"
#include "base/map.h"
#include "json/read.h"
#include "json/scan.h"

struct tree {
    enum json_kind kind;
    struct tree *next; /* in the container */
    str key;           /* of a member */
    str text;          /* STRING: decoded; NUMBER: as written */
    struct tree *first;
    uint64_t keys;      /* tree_bit of each key that a member has, or had */
    struct tree *notes; /* of a schema: strings for its description, not yet said */
};

/* Most look-ups are for keywords that are not there: a bit says so. The factors keep the usual
 * keywords (type, description, enum, required) apart from the others. */
static inline uint64_t tree_bit(str key)
{
    if (key.n == 0)
        return 1;
    unsigned first = (unsigned char)key.p[0], last = (unsigned char)key.p[key.n - 1];
    return (uint64_t)1 << ((key.n + first * 9 + last * 60) & 63);
}

struct tree *tree_of(struct arena *a, yyjson_val *v) must_check;

/*
 * A deep copy that takes its nodes off *budget; NULL when there are not enough.
 */
struct tree *tree_copy(struct arena *a, const struct tree *t, size_t *budget) must_check;

struct tree *tree_new(struct arena *a, enum json_kind kind) must_check;
struct tree *tree_string(struct arena *a, str s) must_check;

/* str_eq that sees most differences in a first byte: keywords are compared by the thousand. */
static inline bool tree_same(str a, str b)
{
    return a.n == b.n && (a.n == 0 || (a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0));
}

/* The member; NULL when there is none or t is no object. */
struct tree *tree_find(const struct tree *object, str key);
static inline struct tree *tree_get(const struct tree *t, str key)
{
    return t && t->kind == JSON_OBJECT && t->keys & tree_bit(key) ? tree_find(t, key) : NULL;
}
static inline bool tree_has(const struct tree *t, str key)
{
    return tree_get(t, key) != NULL;
}

/* The text of a string member; p == NULL for anything else. */
str tree_get_str(const struct tree *t, str key);

/* Takes the member out; NULL when there is none. */
struct tree *tree_take_found(struct tree *object, str key);
static inline struct tree *tree_take(struct tree *t, str key)
{
    return t->kind == JSON_OBJECT && t->keys & tree_bit(key) ? tree_take_found(t, key) : NULL;
}
static inline void tree_drop(struct tree *t, str key)
{
    (void)tree_take(t, key);
}

/* Sets or adds the member. value must be in no container. */
void tree_put(struct tree *t, str key, struct tree *value);

/* At the end of an array, or of an object: then value->key is set. */
void tree_append(struct tree *t, struct tree *value);

/* Moves from's members whose keys are not in `into` to its end, and its notes; from keeps nothing.
 * */
void tree_merge(struct arena *a, struct tree *into, struct tree *from);

size_t tree_size(const struct tree *t);

void tree_write(struct json_writer *w, const struct tree *t);

/* Members by key (an array's strings by their text): for look-ups in what may be wide. */
void tree_index(struct map *m, struct arena *a, const struct tree *t);

/* As compact JSON. */
str tree_text(const struct tree *t, struct arena *a);

#endif

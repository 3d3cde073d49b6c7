#include "dialect/gemini/schema/tree.h"

struct tree *tree_new(struct arena *a, enum json_kind kind)
{
    struct tree *t = arena_new(a, struct tree);
    t->kind = kind;
    return t;
}

struct tree *tree_string(struct arena *a, str s)
{
    struct tree *t = tree_new(a, JSON_STRING);
    t->text = s;
    return t;
}

static struct tree *scalar_of(struct arena *a, yyjson_val *v)
{
    if (yyjson_is_str(v))
        return tree_string(a, jv_str(v));
    if (yyjson_is_raw(v)) {
        struct tree *t = tree_new(a, JSON_NUMBER);
        t->text = jv_num(v);
        return t;
    }
    if (yyjson_is_bool(v))
        return tree_new(a, yyjson_get_bool(v) ? JSON_TRUE : JSON_FALSE);
    return tree_new(a, JSON_NULL);
}

/* Recursion is bounded: v comes from json_read. */
struct tree *tree_of(struct arena *a, yyjson_val *v)
{
    struct tree **end;
    if (yyjson_is_obj(v)) {
        struct tree *t = tree_new(a, JSON_OBJECT);
        yyjson_obj_iter it = yyjson_obj_iter_with(v);
        end = &t->first;
        for (yyjson_val *k; (k = yyjson_obj_iter_next(&it)); end = &(*end)->next) {
            *end = tree_of(a, yyjson_obj_iter_get_val(k));
            (*end)->key = jv_str(k);
            t->keys |= tree_bit((*end)->key);
        }
        return t;
    }
    if (yyjson_is_arr(v)) {
        struct tree *t = tree_new(a, JSON_ARRAY);
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        end = &t->first;
        for (yyjson_val *e; (e = yyjson_arr_iter_next(&it)); end = &(*end)->next)
            *end = tree_of(a, e);
        return t;
    }
    return scalar_of(a, v);
}

struct tree *tree_copy(struct arena *a, const struct tree *t, size_t *budget)
{
    if (*budget == 0)
        return NULL;
    --*budget;
    struct tree *copy = arena_new(a, struct tree), **end = &copy->first;
    *copy = (struct tree){.kind = t->kind, .key = t->key, .text = t->text, .keys = t->keys};
    for (const struct tree *m = t->first; m; m = m->next) {
        if (!(*end = tree_copy(a, m, budget)))
            return NULL;
        end = &(*end)->next;
    }
    return copy;
}

static struct tree **place_of(const struct tree *t, str key)
{
    struct tree **at = (struct tree **)(uintptr_t)&t->first;
    while (*at && !tree_same((*at)->key, key))
        at = &(*at)->next;
    return at;
}

struct tree *tree_find(const struct tree *object, str key)
{
    return *place_of(object, key);
}

str tree_get_str(const struct tree *t, str key)
{
    const struct tree *m = tree_get(t, key);
    return m && m->kind == JSON_STRING ? m->text : (str){NULL, 0};
}

struct tree *tree_take_found(struct tree *object, str key)
{
    struct tree **at = place_of(object, key), *m = *at;
    if (m) {
        *at = m->next;
        m->next = NULL;
    }
    return m;
}

void tree_put(struct tree *t, str key, struct tree *value)
{
    struct tree **at = place_of(t, key);
    value->key = key;
    value->next = *at ? (*at)->next : NULL;
    *at = value;
    t->keys |= tree_bit(key);
}

void tree_append(struct tree *t, struct tree *value)
{
    struct tree **at = &t->first;
    while (*at)
        at = &(*at)->next;
    value->next = NULL;
    *at = value;
    t->keys |= tree_bit(value->key);
}

size_t tree_size(const struct tree *t)
{
    size_t n = 0;
    for (const struct tree *m = t ? t->first : NULL; m; m = m->next)
        n++;
    return n;
}

void tree_index(struct map *m, struct arena *a, const struct tree *t)
{
    map_init(m, a);
    for (struct tree *e = t ? t->first : NULL; e; e = e->next) {
        if (t->kind == JSON_OBJECT)
            *map_at(m, e->key) = e;
        else if (e->kind == JSON_STRING)
            *map_at(m, e->text) = e;
    }
}

/* Up to this many members a search is cheaper than a table. */
enum { NARROW = 16 };

void tree_merge(struct arena *a, struct tree *into, struct tree *from)
{
    struct tree **end = &into->first;
    struct map keys;
    bool wide = tree_size(into) > NARROW;
    if (wide)
        tree_index(&keys, a, into);
    while (*end)
        end = &(*end)->next;
    for (struct tree *m = from->first, *next; m; m = next) {
        next = m->next;
        if (wide ? map_get(&keys, m->key) != NULL : tree_has(into, m->key))
            continue;
        m->next = NULL;
        *end = m;
        end = &m->next;
    }
    from->first = NULL;
    into->keys |= from->keys;
    for (end = &into->notes; *end;)
        end = &(*end)->next;
    *end = from->notes;
    from->notes = NULL;
}

void tree_write(struct json_writer *w, const struct tree *t)
{
    switch (t->kind) {
    case JSON_STRING: jw_str(w, t->text); break;
    case JSON_NUMBER: jw_raw(w, t->text); break;
    case JSON_TRUE:
    case JSON_FALSE: jw_bool(w, t->kind == JSON_TRUE); break;
    case JSON_ARRAY:
        jw_array(w);
        for (const struct tree *m = t->first; m; m = m->next)
            tree_write(w, m);
        jw_array_end(w);
        break;
    case JSON_OBJECT:
        jw_object(w);
        for (const struct tree *m = t->first; m; m = m->next) {
            jw_key(w, m->key);
            tree_write(w, m);
        }
        jw_object_end(w);
        break;
    case JSON_NULL:
    case JSON_ABSENT: jw_null(w); break;
    }
}

str tree_text(const struct tree *t, struct arena *a)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    struct json_writer w = json_writer(&out);
    tree_write(&w, t);
    str text = str_dup(a, buf_str(&out));
    buf_fini(&out);
    return text;
}

#include "base/map.h"

#include "base/hash.h"

void map_init(struct map *m, struct arena *a)
{
    *m = (struct map){.arena = a};
}

static struct map_slot *slot_for(struct map_slot *slots, size_t mask, uint64_t hash, str key)
{
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *s = &slots[i];
        if (!s->key.p || (s->hash == hash && str_eq(s->key, key)))
            return s;
    }
}

static void grow(struct map *m)
{
    size_t n = m->slots ? (m->mask + 1) * 2 : 16;
    struct map_slot *slots = arena_array(m->arena, struct map_slot, n);
    for (size_t i = 0; m->slots && i <= m->mask; i++) {
        struct map_slot *old = &m->slots[i];
        if (old->key.p)
            *slot_for(slots, n - 1, old->hash, old->key) = *old;
    }
    m->slots = slots;
    m->mask = n - 1;
}

void **map_at(struct map *m, str key)
{
    if (!m->slots || (m->count + 1) * 2 > m->mask + 1)
        grow(m);
    uint64_t hash = hash_str(key);
    struct map_slot *s = slot_for(m->slots, m->mask, hash, key);
    if (!s->key.p) {
        *s = (struct map_slot){hash, {key.p ? key.p : "", key.n}, NULL};
        m->count++;
    }
    return &s->value;
}

void *map_get(const struct map *m, str key)
{
    if (!m->slots)
        return NULL;
    return slot_for(m->slots, m->mask, hash_str(key), key)->value;
}

bool map_next(const struct map *m, size_t *i, str *key, void **value)
{
    for (; m->slots && *i <= m->mask; ++*i) {
        if (m->slots[*i].key.p) {
            *key = m->slots[*i].key;
            *value = m->slots[*i].value;
            ++*i;
            return true;
        }
    }
    return false;
}

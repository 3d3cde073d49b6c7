/*
 * base/map.h - a hash table from str to pointer, living in an arena.
 *
 * Open addressing, power-of-two slots, load at most one half. Keys are borrowed: they must live
 * as long as the map. There is no removal: maps belong to snapshots and are built once; after
 * that any number of threads may read.
 */
#ifndef CLIPROXY_BASE_MAP_H
#define CLIPROXY_BASE_MAP_H

#include "base/arena.h"
#include "base/str.h"

struct map_slot {
    uint64_t hash;
    str key; /* key.p == NULL: free */
    void *value;
};

struct map {
    struct arena *arena;
    struct map_slot *slots;
    size_t mask; /* slots - 1, or 0 when none */
    size_t count;
};

void map_init(struct map *m, struct arena *a);

/* The value's place, created as NULL if the key is new. Valid until the next map_at. */
void **map_at(struct map *m, str key);

/* The value, or NULL. */
void *map_get(const struct map *m, str key);

/* Iteration in slot order (arbitrary): *i starts at 0; false when done. */
bool map_next(const struct map *m, size_t *i, str *key, void **value);

#endif

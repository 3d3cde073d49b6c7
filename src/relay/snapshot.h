/*
 * relay/snapshot.h - one loaded configuration with everything built from it.
 *
 * Immutable and counted. The gateway holds one reference to the newest; every lane (worker) holds
 * one through its lease, whose own count needs no atomics, so that an exchange takes and gives
 * back its snapshot without touching memory that other workers share.
 */
#ifndef CLIPROXY_RELAY_SNAPSHOT_H
#define CLIPROXY_RELAY_SNAPSHOT_H

#include <stdatomic.h>

#include "config/config.h"
#include "route/route.h"

struct model_lists;

struct snapshot {
    struct config *config;      /* owned */
    struct route_table *routes; /* in the config's arena */
    struct model_lists *lists;  /* answers of the model endpoints; in the config's arena */
    uint64_t generation;
    _Atomic unsigned refs;
};

/* Takes over c. ERR_CONFIG with *f when routes cannot be built (c is freed then). */
enum err snapshot_new(struct config *c, uint64_t generation, struct snapshot **out,
                      struct fail *f) must_check;
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);

/* A worker's hold on a snapshot. */
struct lease {
    struct snapshot *snapshot;
    unsigned users; /* exchanges of this worker, plus one while it is the newest */
};

struct lease *lease_new(struct snapshot *s); /* takes a reference; users == 1 */
void lease_drop(struct lease *l);

static inline struct lease *lease_take(struct lease *l)
{
    l->users++;
    return l;
}

#endif

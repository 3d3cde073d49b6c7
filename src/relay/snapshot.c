#include "relay/snapshot.h"

#include "base/mem.h"

enum err snapshot_new(struct config *c, uint64_t generation, struct snapshot **out, struct fail *f)
{
    struct route_table *routes;
    enum err e = route_build(c, &c->arena, &routes, f);
    if (e) {
        config_free(c);
        return e;
    }
    struct snapshot *s = mem_zero(sizeof *s);
    s->config = c;
    s->routes = routes;
    s->generation = generation;
    atomic_init(&s->refs, 1);
    *out = s;
    return OK;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void snapshot_unref(struct snapshot *s)
{
    if (s && atomic_fetch_sub(&s->refs, 1) == 1) {
        config_free(s->config);
        mem_free(s);
    }
}

struct lease *lease_new(struct snapshot *s)
{
    struct lease *l = mem_new(sizeof *l);
    *l = (struct lease){snapshot_ref(s), 1};
    return l;
}

void lease_drop(struct lease *l)
{
    if (--l->users == 0) {
        snapshot_unref(l->snapshot);
        mem_free(l);
    }
}

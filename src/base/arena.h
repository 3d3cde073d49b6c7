/*
 * base/arena.h - memory that is freed all at once.
 *
 * A chain of blocks; allocation moves a cursor. arena_mark/arena_rewind give back everything
 * allocated since the mark (for scratch work inside a longer life). An arena has no lock: it
 * belongs to one thread at a time.
 */
#ifndef CLIPROXY_BASE_ARENA_H
#define CLIPROXY_BASE_ARENA_H

#include <stddef.h>

#include "base/must.h"
#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *head; /* newest; private */
    char *at, *end;           /* free part of head; private */
    size_t total;             /* bytes in blocks, for accounting */
};

struct arena_mark {
    struct arena_block *head;
    char *at;
};

void arena_init(struct arena *a);
void arena_fini(struct arena *a);

/* As arena_fini, and overwrites the memory first: where secrets were. */
void arena_wipe(struct arena *a);

/* Makes room for n bytes in one block, so that what is allocated next comes from it. */
void arena_reserve(struct arena *a, size_t n);

/* Frees all but one small block, which is kept for the next user. */
void arena_reset(struct arena *a);

/* size bytes aligned for any type; uninitialised / zeroed. */
void *arena_alloc(struct arena *a, size_t size) must_check;
void *arena_zero(struct arena *a, size_t size) must_check;

#define arena_new(a, type)      ((type *)arena_zero((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_zero_array((a), sizeof(type), (n)))
void *arena_zero_array(struct arena *a, size_t size, size_t n) must_check;

/* A copy of the bytes, NUL behind it (not counted). */
str str_dup(struct arena *a, str s) must_check;

/* The parts one behind the other. */
str str_join(struct arena *a, const str *parts, size_t n) must_check;

/* printf into the arena. */
str arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);

#endif

#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

enum { BLOCK_MIN = 2048, ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* of the whole block, this header included */
    _Alignas(ALIGN) char bytes[];
};

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

static void drop_until(struct arena *a, const struct arena_block *keep)
{
    while (a->head != keep) {
        struct arena_block *b = a->head;
        a->head = b->next;
        a->total -= b->size;
        mem_free(b);
    }
}

void arena_fini(struct arena *a)
{
    drop_until(a, NULL);
    *a = (struct arena){0};
}

void arena_wipe(struct arena *a)
{
    while (a->head) {
        struct arena_block *b = a->head;
        a->head = b->next;
        mem_wipe_free(b, b->size);
    }
    *a = (struct arena){0};
}

void arena_reset(struct arena *a)
{
    struct arena_block *last = a->head;
    while (last && last->next)
        last = last->next;
    if (last && last->size <= 2 * BLOCK_MIN) {
        drop_until(a, last);
        a->at = last->bytes;
        a->end = (char *)last + last->size;
    } else {
        arena_fini(a);
    }
}

static void add_block(struct arena *a, size_t need)
{
    size_t size = a->head && a->head->size < 64 * 1024 ? a->head->size * 2 : BLOCK_MIN;
    if (need > SIZE_MAX - sizeof(struct arena_block))
        must_fail(__FILE__, __LINE__, "arena allocation overflows");
    if (size < need + sizeof(struct arena_block))
        size = need + sizeof(struct arena_block);
    struct arena_block *b = mem_new(size);
    b->next = a->head;
    b->size = size;
    a->head = b;
    a->at = b->bytes;
    a->end = (char *)b + size;
    a->total += size;
}

void arena_reserve(struct arena *a, size_t n)
{
    if (n > (size_t)(a->end - a->at) || !a->head)
        add_block(a, n);
}

void *arena_alloc(struct arena *a, size_t size)
{
    must(size <= SIZE_MAX - ALIGN);
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    /* Nothing of an empty arena is still a place: memset and memcpy must not be given NULL. */
    if (size > (size_t)(a->end - a->at) || !a->head)
        add_block(a, size);
    void *p = a->at;
    a->at += size;
    return p;
}

void *arena_zero(struct arena *a, size_t size)
{
    return memset(arena_alloc(a, size), 0, size);
}

void *arena_zero_array(struct arena *a, size_t size, size_t n)
{
    must(n == 0 || size <= SIZE_MAX / n);
    return arena_zero(a, size * n);
}

str str_dup(struct arena *a, str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return (str){p, s.n};
}

str str_join(struct arena *a, const str *parts, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    char *p = arena_alloc(a, total + 1), *at = p;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n)
            memcpy(at, parts[i].p, parts[i].n);
        at += parts[i].n;
    }
    *at = 0;
    return (str){p, total};
}

str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    must(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return (str){p, (size_t)n};
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->head, a->at};
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
    drop_until(a, m.head);
    a->at = m.at;
    a->end = a->head ? (char *)a->head + a->head->size : NULL;
}

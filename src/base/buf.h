/*
 * base/buf.h - a growing byte buffer with a cap and a sticky error.
 *
 * Invariants: n <= cap <= max (cap may be 0 with p == NULL). An append that would pass max
 * appends nothing and sets failed; every later append is a no-op, so a writer appends freely and
 * looks at failed once, at the end.
 */
#ifndef CLIPROXY_BASE_BUF_H
#define CLIPROXY_BASE_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/must.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n;
    size_t cap;
    size_t max;
    bool failed;
};

/* An empty buffer that may grow to max bytes. Nothing is allocated yet. */
void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);

/* Empties it and clears failed; keeps the memory. */
static inline void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

static inline str buf_str(const struct buf *b)
{
    return (str){b->p, b->n};
}

/* Room for n more bytes at b->p + b->n; false (and failed) past the cap. */
bool buf_reserve(struct buf *b, size_t n);

void buf_put_slow(struct buf *b, const char *p, size_t n);

static inline void buf_put(struct buf *b, str s)
{
    if (!b->failed && s.n <= b->cap - b->n && s.n) {
        memcpy(b->p + b->n, s.p, s.n);
        b->n += s.n;
    } else {
        buf_put_slow(b, s.p, s.n);
    }
}

static inline void buf_put_char(struct buf *b, char c)
{
    buf_put(b, (str){&c, 1});
}

#define buf_lit(b, lit) buf_put((b), S(lit))

void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_i64(struct buf *b, int64_t v);
void buf_put_hex(struct buf *b, uint64_t v); /* lower case, no leading zeros */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Drops the first n bytes; the rest moves to the front. */
void buf_consume(struct buf *b, size_t n);

/* Gives the memory back when empty: for buffers of connections that fell idle. */
void buf_release_if_empty(struct buf *b);

/* NUL-terminates without counting the NUL; returns b->p, or "" when failed. */
const char *buf_c(struct buf *b);

#endif

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
    mem_free(b->p);
    *b = (struct buf){.max = b->max};
}

bool buf_reserve(struct buf *b, size_t n)
{
    if (b->failed)
        return false;
    if (n <= b->cap - b->n)
        return true;
    if (n > b->max - b->n) {
        b->failed = true;
        return false;
    }
    size_t want = b->n + n;
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap < want)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    if (cap > b->max)
        cap = b->max;
    b->p = mem_grow(b->p, cap);
    b->cap = cap;
    return true;
}

void buf_put_slow(struct buf *b, const char *p, size_t n)
{
    if (n == 0 || !buf_reserve(b, n))
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    while (v >= 100) {
        unsigned pair = (unsigned)(v % 100);
        v /= 100;
        digits[--at] = (char)('0' + pair % 10);
        digits[--at] = (char)('0' + pair / 10);
    }
    if (v >= 10)
        digits[--at] = (char)('0' + v % 10);
    digits[--at] = (char)('0' + (v >= 10 ? v / 10 : v));
    buf_put(b, str_of(digits + at, sizeof digits - at));
}

void buf_put_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_put_char(b, '-');
    buf_put_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_put_hex(struct buf *b, uint64_t v)
{
    char digits[16];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v);
    buf_put(b, str_of(digits + at, sizeof digits - at));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !buf_reserve(b, (size_t)n + 1))
        return;
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
    must(n <= b->n);
    b->n -= n;
    if (b->n && n)
        memmove(b->p, b->p + n, b->n);
}

void buf_release_if_empty(struct buf *b)
{
    if (b->n == 0 && b->p) {
        mem_free(b->p);
        b->p = NULL;
        b->cap = 0;
    }
}

const char *buf_c(struct buf *b)
{
    if (!buf_reserve(b, 1))
        return "";
    b->p[b->n] = 0;
    return b->p;
}

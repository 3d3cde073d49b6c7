#include "json/mention.h"

#include "json/plain.h"

static const json_byte *space_end(const json_byte *p, const json_byte *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* p is behind a literal: is it a key with the value null? */
static bool is_null(const json_byte *p, const json_byte *end)
{
    p = space_end(p, end);
    if (p == end || *p != ':')
        return false;
    p = space_end(p + 1, end);
    return p < end && *p == 'n';
}

/* The literal whose first byte inside is at p. */
static bool spells(const json_byte *p, const json_byte *end, const char *const *words)
{
    for (; *words; words++) {
        size_t n = strlen(*words);
        if ((size_t)(end - p) > n && p[n] == '"' && memcmp(p, *words, n) == 0)
            return !is_null(p + n + 1, end);
    }
    return false;
}

static bool bytes_mention(const json_byte *p, const json_byte *end, const char *const *words)
{
    for (; end - p > 1; p++) {
        if (*p == '\\' && p[1] == 'u')
            return true;
        if (*p == '"' && spells(p + 1, end, words))
            return true;
    }
    return false;
}

#ifdef JSON_SSE2

enum { BLOCK = 64 };

struct block {
    __m128i a, b, c, d;
};

static inline struct block block_load(const json_byte *p)
{
    const __m128i *at = (const void *)p;
    return (struct block){_mm_loadu_si128(at), _mm_loadu_si128(at + 1), _mm_loadu_si128(at + 2),
                          _mm_loadu_si128(at + 3)};
}

static inline uint64_t block_bits(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(a) |
           (uint64_t)(unsigned)_mm_movemask_epi8(b) << 16 |
           (uint64_t)(unsigned)_mm_movemask_epi8(c) << 32 |
           (uint64_t)(unsigned)_mm_movemask_epi8(d) << 48;
}

static inline uint64_t block_equal(const struct block *v, char byte)
{
    __m128i w = _mm_set1_epi8(byte);
    return block_bits(_mm_cmpeq_epi8(v->a, w), _mm_cmpeq_epi8(v->b, w), _mm_cmpeq_epi8(v->c, w),
                      _mm_cmpeq_epi8(v->d, w));
}

/* Bytes that begin one of the words. */
static inline uint64_t beginnings(const json_byte *p, const char *const *words)
{
    struct block v = block_load(p);
    __m128i a = _mm_setzero_si128(), b = a, c = a, d = a;
    for (; *words; words++) {
        __m128i letter = _mm_set1_epi8((*words)[0]);
        a = _mm_or_si128(a, _mm_cmpeq_epi8(v.a, letter));
        b = _mm_or_si128(b, _mm_cmpeq_epi8(v.b, letter));
        c = _mm_or_si128(c, _mm_cmpeq_epi8(v.c, letter));
        d = _mm_or_si128(d, _mm_cmpeq_epi8(v.d, letter));
    }
    return block_bits(a, b, c, d);
}

/* Whether one of the 64 bytes at p begins such a literal or an escape; there is a byte more. */
static inline bool block_mentions(const json_byte *p, const json_byte *end,
                                  const char *const *words)
{
    struct block v = block_load(p);
    uint64_t at = block_equal(&v, '"') & beginnings(p + 1, words);
    for (; at; at &= at - 1) {
        if (spells(p + __builtin_ctzll(at) + 1, end, words))
            return true;
    }
    for (at = block_equal(&v, '\\'); at; at &= at - 1) {
        if (p[__builtin_ctzll(at) + 1] == 'u')
            return true;
    }
    return false;
}

bool json_mentions(str doc, const char *const *words)
{
    const json_byte *p = (const json_byte *)doc.p, *end = p + doc.n;
    if (doc.n <= BLOCK)
        return bytes_mention(p, end, words);
    for (; end - p > BLOCK; p += BLOCK) {
        if (block_mentions(p, end, words))
            return true;
    }
    /* Once more over what was left, from far enough back. */
    return block_mentions(end - BLOCK - 1, end, words);
}

#else

bool json_mentions(str doc, const char *const *words)
{
    const json_byte *p = (const json_byte *)doc.p;
    return bytes_mention(p, p + doc.n, words);
}

#endif

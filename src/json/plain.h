/*
 * json/plain.h - runs of bytes that need no second look; shared by this folder's files.
 *
 * Most bytes of a request or answer stand inside string literals and mean nothing to us. They are
 * passed 16 at a time with SSE2, else 8 at a time in a plain word. The SWAR tests are the classic
 * "has a zero byte / has a byte below n" of Bit Twiddling Hacks; they may only flag bytes at or
 * above the first true one, so the lowest flag is exact on little endian, and the tail loop looks
 * again anyway.
 */
#ifndef CLIPROXY_JSON_PLAIN_H
#define CLIPROXY_JSON_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(CLIPROXY_NO_SIMD)
#define JSON_SSE2 1
#include <emmintrin.h>
#endif

typedef unsigned char json_byte;

/* True for bytes that stand for themselves in a literal: ASCII from space on but " and \. */
static inline bool json_is_plain(json_byte c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static inline uint64_t json_word(const json_byte *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

#define JSON_EACH(c) (UINT64_C(0x0101010101010101) * (c))

/* Some byte of w is zero. */
static inline uint64_t json_has_zero(uint64_t w)
{
    return (w - JSON_EACH(0x01)) & ~w & JSON_EACH(0x80);
}

/* Some byte of w is not plain. */
static inline uint64_t json_odd8(uint64_t w)
{
    return (w | (w - JSON_EACH(0x20)) | json_has_zero(w ^ JSON_EACH('"')) |
            json_has_zero(w ^ JSON_EACH('\\'))) &
           JSON_EACH(0x80);
}

#ifdef JSON_SSE2
/* Bit i: p[i] is not plain. Reads 16 bytes. */
static inline uint64_t json_odd16(const json_byte *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    /* Signed: bytes from 0x80 on are negative, so one comparison finds them as well. */
    __m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
                               _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                            _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
    return (uint64_t)(unsigned)_mm_movemask_epi8(odd);
}

/* The same for 64 bytes. */
static inline uint64_t json_odd64(const json_byte *p)
{
    return json_odd16(p) | json_odd16(p + 16) << 16 | json_odd16(p + 32) << 32 |
           json_odd16(p + 48) << 48;
}
#endif

/* The first byte from p on that is not plain, or end. */
static inline const json_byte *json_plain_end(const json_byte *p, const json_byte *end)
{
#ifdef JSON_SSE2
    while (end - p >= 16) {
        uint64_t odd = json_odd16(p);
        if (odd)
            return p + __builtin_ctzll(odd);
        p += 16;
    }
#endif
    while (end - p >= 8 && !json_odd8(json_word(p)))
        p += 8;
    while (p < end && json_is_plain(*p))
        p++;
    return p;
}

/* The first " or \ from p on, or end: for text that is not checked. */
static inline const json_byte *json_quote_or_escape(const json_byte *p, const json_byte *end)
{
#ifdef JSON_SSE2
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                                  _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
        p += 16;
    }
#endif
    for (; end - p >= 8; p += 8) {
        uint64_t w = json_word(p);
        if (json_has_zero(w ^ JSON_EACH('"')) | json_has_zero(w ^ JSON_EACH('\\')))
            break;
    }
    while (p < end && *p != '"' && *p != '\\')
        p++;
    return p;
}

/*
 * Length of the UTF-8 sequence at p (RFC 3629 section 4: no surrogates, no overlong forms), or 0
 * if it is malformed or cut off by end. *p is 0x80 or above.
 */
static inline size_t json_utf8_len(const json_byte *p, const json_byte *end)
{
    size_t n = (size_t)(end - p);
    json_byte lead = p[0];
    if (lead < 0xe0)
        return lead >= 0xc2 && n >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    /* The second byte's range depends on the first. */
    if (lead < 0xf0) {
        if (n < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
            return 0;
        return (lead == 0xe0 && p[1] < 0xa0) || (lead == 0xed && p[1] > 0x9f) ? 0 : 3;
    }
    if (lead > 0xf4 || n < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
        (p[3] & 0xc0) != 0x80)
        return 0;
    return (lead == 0xf0 && p[1] < 0x90) || (lead == 0xf4 && p[1] > 0x8f) ? 0 : 4;
}

#endif

#include "dialect/gemini/offsets.h"

static bool grow(struct offsets *o, struct arena *a, size_t bytes)
{
    size_t need = bytes / 64 + 1, words = o->words ? o->words : 16;
    if (bytes > OFFSETS_MAX)
        return false;
    if (need <= o->words)
        return true;
    while (words < need)
        words *= 2;
    uint64_t *bits = arena_zero(a, words * sizeof *bits);
    if (o->words)
        memcpy(bits, o->bits, o->words * sizeof *bits);
    o->bits = bits;
    o->words = words;
    return true;
}

void offsets_add(struct offsets *o, struct arena *a, str text)
{
    if (text.n > OFFSETS_MAX || !grow(o, a, o->n + text.n))
        return;
    for (size_t i = 0; i < text.n;) {
        uint64_t eight;
        if (text.n - i >= sizeof eight) {
            memcpy(&eight, text.p + i, sizeof eight);
            if (!(eight & UINT64_C(0x8080808080808080))) { /* plain ASCII */
                i += sizeof eight;
                continue;
            }
        }
        if (((unsigned char)text.p[i] & 0xc0) == 0x80)
            o->bits[(o->n + i) / 64] |= UINT64_C(1) << ((o->n + i) % 64);
        i++;
    }
    o->n += text.n;
}

size_t offsets_chars(const struct offsets *o, size_t at)
{
    size_t continued = 0;
    if (at > o->n)
        at = o->n;
    for (size_t w = 0; w < at / 64; w++)
        continued += (size_t)__builtin_popcountll(o->bits[w]);
    if (at % 64)
        continued +=
            (size_t)__builtin_popcountll(o->bits[at / 64] & ((UINT64_C(1) << (at % 64)) - 1));
    return at - continued;
}

size_t offsets_byte(const struct offsets *o, size_t i)
{
    size_t at = 0, chars = 0;
    /* Whole words first: 64 less those that continue. */
    while (o->n - at >= 64) {
        size_t here = 64 - (size_t)__builtin_popcountll(o->bits[at / 64]);
        if (chars + here > i)
            break;
        chars += here;
        at += 64;
    }
    for (; at < o->n; at++) {
        bool continues = o->bits[at / 64] >> (at % 64) & 1;
        if (!continues && chars++ == i)
            return at;
    }
    return o->n;
}

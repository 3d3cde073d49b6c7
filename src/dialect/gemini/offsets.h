/*
 * dialect/gemini/offsets.h - between bytes and characters of a text that is not kept.
 *
 * Gemini counts segments in bytes of UTF-8 (citation.proto: "measured in bytes"), the neutral form
 * in characters. Of a text that streams by, one bit a byte is kept: whether the byte continues a
 * character.
 */
#ifndef CLIPROXY_DIALECT_GEMINI_OFFSETS_H
#define CLIPROXY_DIALECT_GEMINI_OFFSETS_H

#include "base/arena.h"

enum { OFFSETS_MAX = 32 * 1024 * 1024 }; /* bytes of text; what follows is not tracked */

/* Zeroed: no text yet. */
struct offsets {
    uint64_t *bits; /* in the arena */
    size_t words;
    size_t n; /* bytes of text */
};

void offsets_add(struct offsets *o, struct arena *a, str text);

/* Characters that begin before byte at; at past the end counts as the end. */
size_t offsets_chars(const struct offsets *o, size_t at);

/* The byte where character i begins; past the last one the end. */
size_t offsets_byte(const struct offsets *o, size_t i);

#endif

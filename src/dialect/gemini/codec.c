/*
 * dialect/gemini/codec.c - the codec's parts, together.
 */
#include "dialect/codec.h"

const struct codec codec_gemini = {
    .dialect = DIALECT_GEMINI,
    .alphabet = {.name_max = 64, .name_extra = "_.:-", .name_starts_with_letter = true},
};

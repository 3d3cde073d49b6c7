/*
 * dialect/anthropic/codec.c - the codec's parts, together.
 */
#include "dialect/codec.h"

const struct codec codec_anthropic = {
    .dialect = DIALECT_ANTHROPIC,
    .alphabet = {.name_max = 128, .id_max = 0, .name_extra = "_-", .id_extra = "_-"},
};

/*
 * dialect/openai_responses/codec.c - the codec's parts, together.
 */
#include "dialect/codec.h"

const struct codec codec_responses = {
    .dialect = DIALECT_RESPONSES,
    .alphabet =
        {.name_max = 64, .id_max = 64, .name_extra = "_-", .has_custom = true, .has_space = true},
};

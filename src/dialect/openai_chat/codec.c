/*
 * dialect/openai_chat/codec.c - the codec's parts, together.
 */
#include "dialect/codec.h"

const struct codec codec_chat = {
    .dialect = DIALECT_CHAT,
    .alphabet = {.name_max = 64, .id_max = 40, .name_extra = "_-", .has_custom = true},
};

const struct codec codec_completions = {
    .dialect = DIALECT_CHAT,
};

/*
 * dialect/openai_chat/codec.c - the codecs' parts, together.
 */
#include "dialect/openai_chat/reader.h"
#include "dialect/openai_chat/writer.h"
#include "ir/turns.h"

static const struct ir_fate_row fates[CAN_COUNT] = {
#include "dialect/openai_chat/features.def"
};

/* Names: "a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64" (API
 * reference); ids of calls: 40 (SPEC 12.8). */
static void alphabet_for(const struct ir_target *to, struct ir_alphabet *a)
{
    a->has_custom = chat_traits(to) & TRAIT_CUSTOM;
}

const struct codec codec_chat = {
    .dialect = DIALECT_CHAT,
    .fates = fates,
    .alphabet = {.name_max = 64, .id_max = 40, .name_extra = "_-", .has_custom = true},
    .alphabet_for = alphabet_for,
    .turns = TURNS_MERGE,
    .request_read = chat_request_read,
    .request_write = chat_request_write,
    .reader_size = sizeof(struct chat_reader),
    .read_whole = chat_read_whole,
    .read_event = chat_read_event,
    .read_end = chat_read_end,
    .read_error = chat_read_error,
    .writer_size = sizeof(struct chat_stream),
    .write_event = chat_write_event,
    .write_fini = chat_write_fini,
    .write_whole = chat_write_whole,
};

const struct codec codec_completions = {
    .dialect = DIALECT_CHAT,
    .fates = fates,
    .request_read = completions_request_read,
    .writer_size = sizeof(struct chat_stream),
    .write_event = completions_write_event,
    .write_fini = chat_write_fini,
    .write_whole = completions_write_whole,
};

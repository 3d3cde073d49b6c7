/*
 * dialect/anthropic/codec.c - the codec's parts, together.
 */
#include "dialect/anthropic/priv.h"
#include "ir/turns.h"

static const struct ir_fate_row fates[CAN_COUNT] = {
#include "dialect/anthropic/features.def"
};

/* {"input_tokens": N} (token counting). */
static void write_count(uint64_t tokens, struct buf *out)
{
    struct json_writer w = json_writer(out);
    jw_object(&w);
    jw_ku64(&w, "input_tokens", tokens);
    jw_object_end(&w);
}

static bool read_count(yyjson_val *root, uint64_t *tokens)
{
    return str_u64(jv_num(yyjson_obj_get(root, "input_tokens")), tokens);
}

const struct codec codec_anthropic = {
    .dialect = DIALECT_ANTHROPIC,
    .fates = fates,
    /* Tool names and ids: ^[a-zA-Z0-9_-]{1,128}$ and ^[a-zA-Z0-9_-]+$ */
    .alphabet = {.name_max = 128, .id_max = 0, .name_extra = "_-", .id_extra = "_-"},
    .turns = TURNS_MERGE | TURNS_USER_FIRST | TURNS_SYSTEM_AS_USER | TURNS_NO_EMPTY,
    .request_read = anthropic_request_read,
    .request_leave = anthropic_request_leave,
    .request_write = anthropic_request_write,
    .request_beta = anthropic_request_beta,
    .reader_size = ANTHROPIC_READER_SIZE,
    .read_whole = anthropic_read_whole,
    .read_event = anthropic_read_event,
    .read_end = anthropic_read_end,
    .read_error = anthropic_read_error,
    .writer_size = ANTHROPIC_WRITER_SIZE,
    .write_event = anthropic_write_event,
    .write_fini = anthropic_write_fini,
    .write_whole = anthropic_write_whole,
    .write_count = write_count,
    .read_count = read_count,
};

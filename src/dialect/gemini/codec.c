/*
 * dialect/gemini/codec.c - the codec's parts, together.
 */
#include "dialect/gemini/answer_state.h"
#include "dialect/gemini/gemini.h"
#include "ir/turns.h"

static const struct ir_fate_row fates[CAN_COUNT] = {
#include "dialect/gemini/features.def"
};

static void write_count(uint64_t tokens, struct buf *out)
{
    struct json_writer w = json_writer(out);
    jw_object(&w);
    jw_ku64(&w, "totalTokens", tokens);
    jw_object_end(&w);
}

static bool read_count(yyjson_val *root, uint64_t *tokens)
{
    int64_t n;
    if (!jv_i64(gemini_get(root, "totalTokens"), &n) || n < 0)
        return false;
    *tokens = (uint64_t)n;
    return true;
}

const struct codec codec_gemini = {
    .dialect = DIALECT_GEMINI,
    .fates = fates,
    /* "Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores
     * (_), dots (.), colons (:), or dashes (-), with a maximum length of 64." */
    .alphabet = {.name_max = 64, .name_extra = "_.:-", .name_starts_with_letter = true},
    .turns =
        TURNS_MERGE | TURNS_USER_FIRST | TURNS_NO_PREFILL | TURNS_SYSTEM_AS_USER | TURNS_NO_EMPTY,
    .request_read = gemini_request_read,
    .request_write = gemini_request_write,
    .reader_size = sizeof(struct reading),
    .read_whole = gemini_read_whole,
    .read_event = gemini_read_event,
    .read_end = gemini_read_end,
    .read_error = gemini_read_error,
    .writer_size = sizeof(struct gemini_writer),
    .write_event = gemini_write_event,
    .write_fini = gemini_write_fini,
    .write_whole = gemini_write_whole,
    .write_count = write_count,
    .read_count = read_count,
};

/*
 * dialect/openai_responses/codec.c - the codec's parts, together.
 */
#include "dialect/codec.h"

#include "dialect/openai_responses/answer.h"

const struct ir_fate_row responses_fates[CAN_COUNT] = {
#include "dialect/openai_responses/features.def"
};

static void write_count(uint64_t tokens, struct buf *out)
{
    struct json_writer w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "object", S("response.input_tokens"));
    jw_ku64(&w, "input_tokens", tokens);
    jw_object_end(&w);
}

static bool read_count(yyjson_val *root, uint64_t *tokens)
{
    return str_u64(jv_num(jv_get(root, "input_tokens")), tokens);
}

const struct codec codec_responses = {
    .dialect = DIALECT_RESPONSES,
    .fates = responses_fates,
    .alphabet =
        {.name_max = 64, .id_max = 64, .name_extra = "_-", .has_custom = true, .has_space = true},
    .request_read = responses_request_read,
    .request_leave = responses_request_leave,
    .request_write = responses_request_write,
    .request_echo = responses_request_echo,
    .reader_size = sizeof(struct reader_state),
    .read_whole = responses_read_whole,
    .read_event = responses_read_event,
    .read_end = responses_read_end,
    .read_error = responses_read_error,
    .writer_size = sizeof(struct writer_state),
    .write_event = responses_write_event,
    .write_fini = responses_write_fini,
    .write_whole = responses_write_whole,
    .write_count = write_count,
    .read_count = read_count,
};

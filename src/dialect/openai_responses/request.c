/*
 * dialect/openai_responses/request.c - a request, read and written.
 */
#include "dialect/openai_responses/responses.h"

/* The system prompt, outside the conversation: first whatever the order of members. */
static enum err read_instructions(struct ir_request *rq, yyjson_val *root, struct fail *f)
{
    yyjson_val *v = jv_get(root, "instructions");
    if (!v)
        return OK;
    if (!yyjson_is_str(v))
        return fail_set(f, ERR_BAD_REQUEST, "\"instructions\" must be a string, it is %s",
                        jv_kind(v));
    if (!yyjson_get_len(v))
        return OK; /* Codex: SPEC 5.7 */
    struct ir_message *m = ir_message_add(rq, IR_SYSTEM);
    struct ir_part *p = ir_part_add(rq, m, IR_PART_TEXT);
    m->top = true;
    p->text = jv_str(v);
    p->bare = m->bare = true;
    ir_say(rq, CAN_SYSTEM);
    return OK;
}

enum err responses_request_read(struct ir_request *rq, yyjson_val *root, struct fail *f)
{
    enum err e = read_instructions(rq, root, f);
    return e ? e : ir_fields_read(responses_rows, rq, root, "", f);
}

enum err responses_request_write(struct ir_request *rq, const struct ir_target *to, struct buf *out,
                                 struct fail *f)
{
    struct json_writer w = json_writer(out);
    bool own = rq->from == DIALECT_RESPONSES;
    (void)f;
    jw_object(&w);
    ir_fields_write(to->counting && !own ? responses_counting_rows : responses_rows, rq,
                    DIALECT_RESPONSES, own ? rq->src : NULL, to, &w);
    jw_object_end(&w);
    return OK;
}

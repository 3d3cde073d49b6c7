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

/*
 * Whether the model refuses temperature and top_p in this request: "Unsupported parameter:
 * 'temperature' is not supported with this model". Models before gpt-5.1 always do; from it on they
 * do while they reason, and without an effort they do not (guide "Using GPT-5.2", parameter
 * compatibility). The first pattern that matches decides.
 */
static bool refuses_sampling(const struct ir_request *rq, const struct ir_target *to)
{
    enum { NEVER, WHILE_REASONING, ALWAYS };
    static const struct {
        const char *pattern;
        int when;
    } models[] = {
        {"gpt-5*-chat*", NEVER},
        {"gpt-5.*", WHILE_REASONING},
        {"gpt-6*", WHILE_REASONING},
        {"gpt-5*", ALWAYS},
        {"o1*", ALWAYS},
        {"o3*", ALWAYS},
        {"o4*", ALWAYS},
    };
    bool reasons = rq->reasoning.kind != IR_THINK_UNSAID && rq->reasoning.kind != IR_THINK_OFF;
    size_t slash = str_find_last(to->model, '/');
    str name = slash < to->model.n ? str_from(to->model, slash + 1) : to->model;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (str_glob(str_c(models[i].pattern), name))
            return models[i].when == ALWAYS || (models[i].when == WHILE_REASONING && reasons);
    }
    return false;
}

/* Takes out what the model would refuse; 1 is what happens anyway. */
static void fit_sampling(struct ir_request *rq, const struct ir_target *to)
{
    struct {
        str *value;
        const char *name;
    } members[] = {{&rq->temperature, "temperature"}, {&rq->top_p, "top_p"}};
    if (!refuses_sampling(rq, to))
        return;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        str v = *members[i].value;
        if (v.p && !str_eq(v, S("1")) && !str_eq(v, S("1.0")))
            ir_target_lose(to, str_c(members[i].name));
        *members[i].value = (str){NULL, 0};
    }
}

enum err responses_request_write(struct ir_request *rq, const struct ir_target *to, struct buf *out,
                                 struct fail *f)
{
    struct json_writer w = json_writer(out);
    bool own = rq->from == DIALECT_RESPONSES;
    (void)f;
    if (!own)
        fit_sampling(rq, to);
    jw_object(&w);
    ir_fields_write(to->counting && !own ? responses_counting_rows : responses_rows, rq,
                    DIALECT_RESPONSES, own ? rq->src : NULL, to, &w);
    jw_object_end(&w);
    return OK;
}

/*
 * dialect/openai_responses/request_input.c - the conversation: `input` as messages of parts.
 *
 * Every item becomes a message of its own, in order. Items that only this API knows stay whole, as
 * RAW parts.
 */
#include "dialect/openai_responses/responses.h"

/* The item at hand, for messages. */
struct place {
    struct ir_request *rq;
    size_t item;
    struct fail *f;
    bool result; /* inside what a tool returned */
};

static enum err bad(struct place *at, const char *member, const char *must, yyjson_val *v)
{
    return fail_set(at->f, ERR_BAD_REQUEST, "input[%zu]%s must be %s, it is %s", at->item, member,
                    must, jv_kind(v));
}

static void unknown(struct place *at, yyjson_val *obj, const char *const *known)
{
    ir_unknown(at->rq, obj, known, "input[].");
}

/* ---- content parts ---- */

static enum err read_text(struct place *at, struct ir_parts *l, yyjson_val *v)
{
    struct ir_part *p = ir_parts_add(l, at->rq->arena, IR_PART_TEXT);
    yyjson_val *text = jv_get(v, "text");
    if (text && !yyjson_is_str(text))
        return bad(at, ".content[].text", "a string", text);
    p->text = jv_str(text);
    p->src = v;
    return OK;
}

static enum err read_refusal(struct place *at, struct ir_parts *l, yyjson_val *v)
{
    struct ir_part *p = ir_parts_add(l, at->rq->arena, IR_PART_REFUSAL);
    p->text = jv_get_str(v, "refusal");
    p->src = v;
    return OK;
}

static struct ir_media *add_media(struct place *at, struct ir_parts *l, enum ir_part_kind kind,
                                  yyjson_val *v)
{
    struct ir_part *p = ir_parts_add(l, at->rq->arena, kind);
    p->src = v;
    return p->media = arena_new(at->rq->arena, struct ir_media);
}

/* An address that is one: data: URLs are base64 of something, others are not empty. */
static enum err read_url(struct place *at, struct ir_media *m, str url, const char *member)
{
    responses_media_url(m, url);
    if (m->data.n || (m->url.n && !str_starts_nocase(m->url, S("data:"))))
        return OK;
    return fail_set(at->f, ERR_BAD_REQUEST,
                    "input[%zu].content[].%s must be a URL, or data as data:TYPE;base64,DATA",
                    at->item, member);
}

static enum err read_image(struct place *at, struct ir_parts *l, yyjson_val *v)
{
    struct ir_media *m = add_media(at, l, IR_PART_IMAGE, v);
    yyjson_val *url = jv_get(v, "image_url");
    if (yyjson_is_obj(url)) /* as chat has it: clients mix them up */
        url = jv_get(url, "url");
    m->file_id = jv_get_str(v, "file_id");
    if (!m->file_id.n && !yyjson_is_str(url))
        return bad(at, ".content[].image_url", "a string", url);
    enum err e = m->file_id.n ? OK : read_url(at, m, jv_str(url), "image_url");
    m->detail = jv_get_str(v, "detail");
    if (at->result)
        ir_say(at->rq, CAN_RESULT_IMAGE);
    ir_say(at->rq, m->file_id.n ? CAN_FILE_ID : m->data.n ? CAN_IMAGE_DATA : CAN_IMAGE_URL);
    if (m->detail.n && !str_eq(m->detail, S("auto")))
        ir_say(at->rq, CAN_IMAGE_DETAIL);
    return e;
}

static enum err read_file(struct place *at, struct ir_parts *l, yyjson_val *v)
{
    struct ir_media *m = add_media(at, l, IR_PART_DOCUMENT, v);
    str data = jv_get_str(v, "file_data"), url = jv_get_str(v, "file_url");
    m->name = jv_get_str(v, "filename");
    m->file_id = jv_get_str(v, "file_id");
    if (at->result)
        ir_say(at->rq, CAN_RESULT_DOCUMENT);
    if (data.n) {
        m->file_id = S("");
        if (!str_starts_nocase(data, S("data:")))
            m->data = data;
        else if (read_url(at, m, data, "file_data"))
            return ERR_BAD_REQUEST;
        m->mime = ir_media_type(m, S("application/pdf"));
        ir_say(at->rq, CAN_DOCUMENT_DATA);
    } else if (url.n) {
        m->file_id = S("");
        if (read_url(at, m, url, "file_url"))
            return ERR_BAD_REQUEST;
        ir_say(at->rq, m->data.n ? CAN_DOCUMENT_DATA : CAN_DOCUMENT_URL);
    } else if (m->file_id.n) {
        ir_say(at->rq, CAN_FILE_ID);
    } else {
        return fail_set(at->f, ERR_BAD_REQUEST,
                        "input[%zu].content[]: an input_file needs file_data, file_url or file_id",
                        at->item);
    }
    return OK;
}

/* Not in the published schema any more; earlier ones had it, and compatible servers take it. */
static enum err read_audio(struct place *at, struct ir_parts *l, yyjson_val *v)
{
    struct ir_media *m = add_media(at, l, IR_PART_AUDIO, v);
    yyjson_val *audio = jv_get(v, "input_audio");
    str format = jv_get_str(audio, "format");
    m->data = jv_get_str(audio, "data");
    if (!m->data.n)
        return bad(at, ".content[].input_audio.data", "a string", jv_get(audio, "data"));
    if (str_eq(format, S("mp3")))
        m->mime = S("audio/mpeg");
    else if (format.n)
        m->mime = str_join(at->rq->arena, (str[]){S("audio/"), format}, 2);
    ir_say(at->rq, CAN_AUDIO_DATA);
    return OK;
}

/* Open Responses. */
static enum err read_video(struct place *at, struct ir_parts *l, yyjson_val *v)
{
    struct ir_media *m = add_media(at, l, IR_PART_VIDEO, v);
    yyjson_val *url = jv_get(v, "video_url");
    if (!yyjson_is_str(url))
        return bad(at, ".content[].video_url", "a string", url);
    ir_say(at->rq, CAN_VIDEO);
    return read_url(at, m, jv_str(url), "video_url");
}

static const struct part_reader {
    const char *type;
    enum err (*read)(struct place *at, struct ir_parts *l, yyjson_val *v);
    const char *const known[8];
} part_readers[] = {
    {"input_text", read_text, {"type", "text", "prompt_cache_breakpoint"}},
    {"output_text", read_text, {"type", "text", "annotations", "logprobs"}},
    {"input_image",
     read_image,
     {"type", "image_url", "file_id", "detail", "prompt_cache_breakpoint"}},
    {"input_file",
     read_file,
     {"type", "file_data", "file_url", "file_id", "filename", "detail", "prompt_cache_breakpoint"}},
    {"refusal", read_refusal, {"type", "refusal"}},
    {"input_audio", read_audio, {"type", "input_audio"}},
    {"input_video", read_video, {"type", "video_url"}},
    {"text", read_text, {"type", "text"}},
    {"summary_text", read_text, {"type", "text"}},
    {"reasoning_text", read_text, {"type", "text"}},
};

/* A breakpoint is what Anthropic's marker is: the end of a prefix to be kept. */
static void read_breakpoint(struct place *at, struct ir_part *p, yyjson_val *v)
{
    yyjson_val *mark;
    if (!jv_get(v, "prompt_cache_breakpoint") ||
        json_read(S("{\"type\":\"ephemeral\"}"), at->rq->arena, &mark, NULL))
        return;
    p->cache = mark;
    ir_say(at->rq, CAN_CACHE_MARK);
}

static enum err read_part(struct place *at, struct ir_parts *l, yyjson_val *v)
{
    str type = jv_get_str(v, "type");
    if (!yyjson_is_obj(v) || !type.n)
        return bad(at, ".content[]", "an object with a type", v);
    for (size_t i = 0; i < sizeof part_readers / sizeof part_readers[0]; i++) {
        const struct part_reader *row = &part_readers[i];
        if (!str_eq(type, str_c(row->type)))
            continue;
        struct ir_part **added = l->end;
        enum err e = row->read(at, l, v);
        if (e)
            return e;
        read_breakpoint(at, *added, v);
        unknown(at, v, row->known);
        return OK;
    }
    ir_parts_add(l, at->rq->arena, IR_PART_RAW)->src = v;
    ir_losses_add(&at->rq->unknown, type);
    return OK;
}

/* A string or an array of parts; bare tells which. */
static enum err read_content(struct place *at, struct ir_parts *l, yyjson_val *v, bool *bare,
                             const char *member)
{
    if (yyjson_is_str(v)) {
        struct ir_part *p = ir_parts_add(l, at->rq->arena, IR_PART_TEXT);
        p->text = jv_str(v);
        p->bare = *bare = true;
        return OK;
    }
    if (!yyjson_is_arr(v))
        return bad(at, member, "a string or an array", v);
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *part; (part = yyjson_arr_iter_next(&it));) {
        enum err e = read_part(at, l, part);
        if (e)
            return e;
    }
    return OK;
}

/* ---- messages ---- */

static bool role_of(str name, enum ir_role *role)
{
    static const struct {
        const char *name;
        enum ir_role role;
    } roles[] = {{"user", IR_USER},
                 {"assistant", IR_ASSISTANT},
                 {"system", IR_SYSTEM},
                 {"developer", IR_DEVELOPER}};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (str_eq(name, str_c(roles[i].name))) {
            *role = roles[i].role;
            return true;
        }
    }
    return false;
}

static void say_role(struct ir_request *rq, enum ir_role role)
{
    if (role != IR_SYSTEM && role != IR_DEVELOPER)
        return;
    ir_say(rq, role == IR_SYSTEM ? CAN_SYSTEM : CAN_DEVELOPER);
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        if (m->role != IR_SYSTEM && m->role != IR_DEVELOPER) {
            ir_say(rq, CAN_SYSTEM_LATER);
            return;
        }
    }
}

static enum err read_message(struct place *at, yyjson_val *v)
{
    static const char *const known[] = {"type", "role", "content", "id", "phase", "status", NULL};
    enum ir_role role;
    yyjson_val *content = jv_get(v, "content");
    if (!role_of(jv_get_str(v, "role"), &role))
        return bad(at, ".role", "user, assistant, system or developer", jv_get(v, "role"));
    say_role(at->rq, role);
    struct ir_message *m = ir_message_add(at->rq, role);
    m->item = jv_get(v, "type") != NULL;
    m->id = jv_get_str(v, "id");
    m->phase = jv_get_str(v, "phase");
    m->src = v;
    unknown(at, v, known);
    return read_content(at, &m->parts, content, &m->bare, ".content");
}

/* ---- calls and their results ---- */

static struct ir_part *add_item(struct place *at, enum ir_role role, enum ir_part_kind kind,
                                yyjson_val *v)
{
    struct ir_message *m = ir_message_add(at->rq, role);
    struct ir_part *p = ir_part_add(at->rq, m, kind);
    m->src = p->src = v;
    return p;
}

static enum err read_call(struct place *at, yyjson_val *v, enum ir_call_kind kind,
                          const char *input)
{
    static const char *const known[] = {"type",      "id",         "call_id",   "name",
                                        "arguments", "status",     "namespace", "input",
                                        "caller",    "created_by", NULL};
    yyjson_val *name = jv_get(v, "name"), *args = jv_get(v, input);
    struct ir_part *p = add_item(at, IR_ASSISTANT, IR_PART_CALL, v);
    if (!yyjson_is_str(name))
        return bad(at, ".name", "a string", name);
    p->call = kind;
    p->id = jv_get_str(v, "call_id");
    p->item = jv_get_str(v, "id");
    p->name = jv_str(name);
    p->space = jv_get_str(v, "namespace");
    /* A function that was found by a tool search has its own name for a namespace. */
    if (str_eq(p->space, p->name))
        p->space = S("");
    unknown(at, v, known);
    if (yyjson_is_obj(args) && kind == IR_CALL_FUNCTION)
        p->args = args;
    else if (args && !yyjson_is_str(args))
        return bad(at, kind == IR_CALL_CUSTOM ? ".input" : ".arguments", "a string", args);
    p->text = jv_str(args);
    p->no_text = !args;
    return OK;
}

static enum err read_function_call(struct place *at, yyjson_val *v)
{
    return read_call(at, v, IR_CALL_FUNCTION, "arguments");
}

static enum err read_custom_call(struct place *at, yyjson_val *v)
{
    return read_call(at, v, IR_CALL_CUSTOM, "input");
}

static enum err read_result(struct place *at, yyjson_val *v, enum ir_call_kind kind)
{
    static const char *const known[] = {"type", "id",        "call_id", "output",     "status",
                                        "name", "namespace", "caller",  "created_by", NULL};
    yyjson_val *output = jv_get(v, "output");
    struct ir_part *p = add_item(at, IR_TOOL, IR_PART_RESULT, v);
    struct ir_parts content;
    ir_parts_init(&content);
    p->call = kind;
    p->id = jv_get_str(v, "call_id");
    p->name = jv_get_str(v, "name");
    p->no_text = !output;
    unknown(at, v, known);
    at->result = true;
    enum err e = output ? read_content(at, &content, output, &p->bare, ".output") : OK;
    at->result = false;
    p->content = content.first;
    return e;
}

static enum err read_function_result(struct place *at, yyjson_val *v)
{
    return read_result(at, v, IR_CALL_FUNCTION);
}

static enum err read_custom_result(struct place *at, yyjson_val *v)
{
    return read_result(at, v, IR_CALL_CUSTOM);
}

/* ---- what the provider did, and reasoning ---- */

/* Named by its type: "content only the dialect knows" would help nobody. */
static enum err read_raw(struct place *at, yyjson_val *v)
{
    add_item(at, IR_ASSISTANT, IR_PART_RAW, v);
    ir_losses_add(&at->rq->unknown, jv_get_str(v, "type"));
    return OK;
}

/* Tools, not words: they are declared when the request leaves for another dialect. */
static enum err read_quiet_raw(struct place *at, yyjson_val *v)
{
    add_item(at, IR_ASSISTANT, IR_PART_RAW, v);
    return OK;
}

static enum err read_search(struct place *at, yyjson_val *v)
{
    responses_search(add_item(at, IR_ASSISTANT, IR_PART_SEARCH, v), v, at->rq->arena);
    return OK;
}

static enum err read_code(struct place *at, yyjson_val *v)
{
    responses_code(add_item(at, IR_ASSISTANT, IR_PART_CODE, v), v, at->rq->arena);
    return OK;
}

static enum err read_reasoning(struct place *at, yyjson_val *v)
{
    static const char *const known[] = {"type",   "id", "summary", "content", "encrypted_content",
                                        "status", NULL};
    responses_reasoning(add_item(at, IR_ASSISTANT, IR_PART_REASONING, v), v, at->rq->arena);
    ir_say(at->rq, CAN_REASONING_PAST);
    unknown(at, v, known);
    return OK;
}

static enum err read_reference(struct place *at, yyjson_val *v)
{
    add_item(at, IR_ASSISTANT, IR_PART_RAW, v);
    ir_say(at->rq, CAN_STATE);
    return OK;
}

/* ---- calls of the client's own tools ---- */

static enum err read_own_call(struct place *at, yyjson_val *v, const struct own_tool *own)
{
    struct ir_part *p = add_item(at, IR_ASSISTANT, IR_PART_CALL, v);
    p->call = IR_CALL_OWN;
    p->name = str_c(own->tool);
    p->item = jv_get_str(v, "id");
    p->id = jv_get_str(v, "call_id");
    if (!p->id.n)
        p->id = p->item;
    p->text = own_tool_arguments(own, v, at->rq->arena);
    return OK;
}

/* local_shell_call_output has had the call's id in `id` or in `call_id`. */
static enum err read_own_result(struct place *at, yyjson_val *v, const struct own_tool *own)
{
    yyjson_val *result = jv_get(v, own->result);
    struct ir_part *p = add_item(at, IR_TOOL, IR_PART_RESULT, v);
    struct ir_parts content;
    ir_parts_init(&content);
    p->call = IR_CALL_OWN;
    p->name = str_c(own->tool);
    p->id = jv_get_str(v, "call_id");
    if (!p->id.n)
        p->id = jv_get_str(v, "id");
    p->no_text = !result;
    p->is_error = jv_is(jv_get(v, "status"), "failed");
    if (p->is_error)
        ir_say(at->rq, CAN_RESULT_ERROR);
    if (result) {
        struct ir_part *text = ir_parts_add(&content, at->rq->arena, IR_PART_TEXT);
        text->bare = p->bare = true;
        text->text = yyjson_is_str(result) ? jv_str(result) : json_text_of(result, at->rq->arena);
    }
    p->content = content.first;
    return OK;
}

/* ---- items ---- */

static const struct item_reader {
    const char *type;
    enum err (*read)(struct place *at, yyjson_val *v);
} item_readers[] = {
    {"message", read_message},
    {"function_call", read_function_call},
    {"function_call_output", read_function_result},
    {"reasoning", read_reasoning},
    {"custom_tool_call", read_custom_call},
    {"custom_tool_call_output", read_custom_result},
    {"web_search_call", read_search},
    {"code_interpreter_call", read_code},
    {"item_reference", read_reference},
    {"additional_tools", read_quiet_raw},
    {"tool_search_call", read_quiet_raw},
    {"tool_search_output", read_quiet_raw},
};

static enum err read_own_item(struct place *at, yyjson_val *v, str type, bool *taken)
{
    const struct own_tool *own = own_tool_by_call(type);
    *taken = true;
    if (own && own_tool_is_clients(own, v))
        return read_own_call(at, v, own);
    own = own_tool_by_output(type);
    /* Outputs do not say where they come from: a hosted shell's has no call of ours before it, and
     * goes as all results without a call. */
    if (own && (own_tool_is_clients(own, v) || !jv_get(v, "execution")))
        return read_own_result(at, v, own);
    *taken = false;
    return OK;
}

static enum err read_item(struct place *at, yyjson_val *v)
{
    str type = jv_get_str(v, "type");
    bool taken;
    if (!yyjson_is_obj(v))
        return bad(at, "", "an object", v);
    if (!type.n && jv_get(v, "role"))
        return read_message(at, v);
    if (!type.n && jv_get(v, "id"))
        return read_reference(at, v);
    if (!type.n)
        return bad(at, ".type", "a string", jv_get(v, "type"));
    enum err e = read_own_item(at, v, type, &taken);
    if (taken)
        return e;
    for (size_t i = 0; i < sizeof item_readers / sizeof item_readers[0]; i++) {
        if (str_eq(type, str_c(item_readers[i].type)))
            return item_readers[i].read(at, v);
    }
    return read_raw(at, v);
}

enum err responses_read_input(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct place at = {.rq = rq, .f = f};
    if (yyjson_is_str(v)) {
        struct ir_message *m = ir_message_add(rq, IR_USER);
        struct ir_part *p = ir_part_add(rq, m, IR_PART_TEXT);
        p->text = jv_str(v);
        p->bare = m->bare = true;
        return OK;
    }
    if (!yyjson_is_arr(v))
        return fail_set(f, ERR_BAD_REQUEST, "\"input\" must be a string or an array, it is %s",
                        jv_kind(v));
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *item; (item = yyjson_arr_iter_next(&it)); at.item++) {
        enum err e = read_item(&at, item);
        if (e)
            return e;
    }
    return OK;
}

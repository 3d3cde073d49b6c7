/*
 * dialect/gemini/request_read.c - a request of generateContent and its kin.
 */
#include "dialect/gemini/gemini.h"
#include "ir/seal.h"

yyjson_val *gemini_request_of(yyjson_val *root)
{
    yyjson_val *inner = gemini_get(root, "generateContentRequest");
    return yyjson_is_obj(inner) ? inner : root;
}

/* Where a part stands, for messages. */
struct place {
    struct ir_request *rq;
    const char *list; /* "contents" or "systemInstruction" */
    size_t content, part;
    struct fail *f;
};

static enum err bad(const struct place *at, const char *member, const char *must, yyjson_val *v)
{
    return fail_set(at->f, ERR_BAD_REQUEST, "\"%s[%zu].parts[%zu]%s\" must be %s, it is %s",
                    at->list, at->content, at->part, member, must, jv_kind(v));
}

/* ---- parts ---- */

/* The members of a part, each found once. */
enum member {
    M_TEXT,
    M_INLINE,
    M_FILE,
    M_CALL,
    M_RESPONSE,
    M_CODE,
    M_CODE_RESULT,
    M_TOOL_CALL,
    M_TOOL_RESPONSE,
    M_TRANSCRIPTION,
    M_DATA, /* those above are the part's data: one of them is there */
    M_THOUGHT = M_DATA,
    M_SIGNATURE,
    M_VIDEO,
    M_RESOLUTION,
    M_METADATA,
    MEMBERS
};

static const char *const members[MEMBERS + 1] = {
    [M_TEXT] = "text",
    [M_INLINE] = "inlineData",
    [M_FILE] = "fileData",
    [M_CALL] = "functionCall",
    [M_RESPONSE] = "functionResponse",
    [M_CODE] = "executableCode",
    [M_CODE_RESULT] = "codeExecutionResult",
    [M_TOOL_CALL] = "toolCall",
    [M_TOOL_RESPONSE] = "toolResponse",
    [M_TRANSCRIPTION] = "audioTranscription",
    [M_THOUGHT] = "thought",
    [M_SIGNATURE] = "thoughtSignature",
    [M_VIDEO] = "videoMetadata",
    [M_RESOLUTION] = "mediaResolution",
    [M_METADATA] = "partMetadata",
};

static const char *const plain_members[] = {"text",
                                            "inlineData",
                                            "fileData",
                                            "functionCall",
                                            "thought",
                                            "functionResponse",
                                            "toolCall",
                                            "executableCode",
                                            "toolResponse",
                                            "codeExecutionResult",
                                            "audioTranscription",
                                            "thoughtSignature",
                                            NULL};

static void find_members(yyjson_val *part, yyjson_val *found[MEMBERS])
{
    yyjson_obj_iter it = yyjson_obj_iter_with(part);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        for (size_t i = 0; i < MEMBERS && !yyjson_is_null(v); i++) {
            if (!ir_key_is(jv_str(k), members[i]))
                continue;
            if (!found[i] || str_eq(jv_str(k), str_c(members[i])))
                found[i] = v;
            break;
        }
    }
}

static const enum ir_feature media_features[IR_PART_KINDS][2] = {
    /* data, URL */
    [IR_PART_IMAGE] = {CAN_IMAGE_DATA, CAN_IMAGE_URL},
    [IR_PART_AUDIO] = {CAN_AUDIO_DATA, CAN_AUDIO_DATA},
    [IR_PART_VIDEO] = {CAN_VIDEO, CAN_VIDEO},
    [IR_PART_DOCUMENT] = {CAN_DOCUMENT_DATA, CAN_DOCUMENT_URL},
};

static enum err read_media(struct place *at, yyjson_val *found[MEMBERS], struct ir_part *part)
{
    struct ir_request *rq = at->rq;
    yyjson_val *v = found[M_INLINE] ? found[M_INLINE] : found[M_FILE];
    if (!gemini_media_read(found[M_INLINE], found[M_FILE], rq->arena, part))
        return bad(at, found[M_INLINE] ? ".inlineData" : ".fileData",
                   found[M_INLINE] ? "an object with mimeType and data" : "an object with fileUri",
                   v);
    if (part->media->file_id.n)
        ir_say(rq, CAN_FILE_ID);
    else
        ir_say(rq, media_features[part->kind][part->media->url.n > 0]);
    return OK;
}

static enum err read_call(struct place *at, yyjson_val *v, struct ir_part *part)
{
    yyjson_val *args = gemini_get(v, "args");
    part->name = gemini_get_str(v, "name");
    if (!part->name.n)
        return bad(at, ".functionCall", "an object with a name", v);
    if (args && !yyjson_is_obj(args))
        return bad(at, ".functionCall.args", "an object", args);
    part->id = gemini_get_str(v, "id");
    part->args = args;
    part->no_text = !args;
    return OK;
}

/* ---- results ---- */

static void add_text(struct ir_parts *to, struct arena *a, yyjson_val *v)
{
    struct ir_part *text = ir_parts_add(to, a, IR_PART_TEXT);
    text->text = yyjson_is_str(v) ? jv_str(v) : json_text_of(v, a);
}

/*
 * What a response object means: `output` (the guides' word), `result` (Google's SDKs) or `error` as
 * its only member, {"name":...,"content":...} of the AI SDK (SPEC 12.6), else the object itself.
 */
static yyjson_val *unwrap(yyjson_val *response, struct ir_part *result)
{
    static const char *const words[] = {"result", "output", "error"};
    yyjson_val *content = jv_get(response, "content");
    if (yyjson_obj_size(response) == 2 && content &&
        str_eq(jv_get_str(response, "name"), result->name))
        return content;
    for (size_t i = 0; i < 3 && yyjson_obj_size(response) == 1; i++) {
        yyjson_val *v = jv_get(response, words[i]);
        if (v) {
            result->is_error = i == 2;
            return v;
        }
    }
    return response;
}

/* An array whose elements all are texts or {"text":...} is so many texts. */
static bool all_texts(yyjson_val *v)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    if (yyjson_arr_size(v) == 0)
        return false;
    for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));) {
        if (!yyjson_is_str(e) && !jv_get_str(e, "text").p)
            return false;
    }
    return true;
}

static void read_response(yyjson_val *response, struct ir_part *result, struct ir_parts *to,
                          struct arena *a)
{
    yyjson_val *v = unwrap(response, result);
    if (yyjson_is_obj(v) && yyjson_obj_size(v) == 0) {
        result->no_text = true;
        return;
    }
    if (!all_texts(v)) {
        add_text(to, a, v);
        return;
    }
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));)
        add_text(to, a, yyjson_is_str(e) ? e : jv_get(e, "text"));
}

static enum err read_result_media(struct place *at, yyjson_val *list, struct ir_parts *to)
{
    struct gemini_list l = gemini_list(list);
    for (yyjson_val *v; (v = gemini_next(&l));) {
        struct ir_part *part = ir_parts_add(to, at->rq->arena, IR_PART_DOCUMENT);
        if (!gemini_media_read(gemini_get(v, "inlineData"), gemini_get(v, "fileData"),
                               at->rq->arena, part))
            return bad(at, ".functionResponse.parts", "inlineData or fileData", v);
        part->src = v;
        ir_say(at->rq, part->kind == IR_PART_IMAGE ? CAN_RESULT_IMAGE : CAN_RESULT_DOCUMENT);
        if (part->media->file_id.n)
            ir_say(at->rq, CAN_FILE_ID);
    }
    return OK;
}

static const char *const response_members[] = {"id", "name", "response", "parts", NULL};

static enum err read_result(struct place *at, yyjson_val *v, struct ir_part *part)
{
    yyjson_val *response = gemini_get(v, "response");
    struct ir_parts content;
    ir_parts_init(&content);
    part->name = gemini_get_str(v, "name");
    part->id = gemini_get_str(v, "id");
    if (!yyjson_is_obj(v) || (!part->name.n && !part->id.n))
        return bad(at, ".functionResponse", "an object with a name", v);
    if (response)
        read_response(response, part, &content, at->rq->arena);
    else
        part->no_text = true;
    if (part->is_error)
        ir_say(at->rq, CAN_RESULT_ERROR);
    ir_unknown(at->rq, v, response_members, "contents.parts.functionResponse.");
    enum err e = read_result_media(at, gemini_get(v, "parts"), &content);
    part->content = content.first;
    return e;
}

/* ---- code ---- */

static void read_code(yyjson_val *v, struct ir_part *part)
{
    part->name = gemini_get_str(v, "language");
    part->text = gemini_get_str(v, "code");
    part->id = gemini_get_str(v, "id");
}

/* The result belongs to the code before it, if that has none yet. */
static bool read_code_result(struct place *at, struct ir_parts *parts, yyjson_val *src,
                             yyjson_val *v)
{
    struct ir_parts output;
    struct ir_part *last = NULL;
    if (parts->first) /* end is the last part's next */
        last = (struct ir_part *)((char *)parts->end - offsetof(struct ir_part, next));
    if (!last || last->kind != IR_PART_CODE || last->content)
        return false;
    ir_parts_init(&output);
    last->content = ir_parts_add(&output, at->rq->arena, IR_PART_TEXT);
    last->content->text = gemini_get_str(v, "output");
    last->content->src = src;
    last->is_error = !str_eq(gemini_get_str(v, "outcome"), S("OUTCOME_OK"));
    return true;
}

/* ---- one part ---- */

static enum err read_text(struct place *at, yyjson_val *found[MEMBERS], struct ir_part *part)
{
    if (!yyjson_is_str(found[M_TEXT]))
        return bad(at, ".text", "a string", found[M_TEXT]);
    part->text = jv_str(found[M_TEXT]);
    part->kind = jv_true(found[M_THOUGHT]) ? IR_PART_REASONING : IR_PART_TEXT;
    if (part->kind == IR_PART_REASONING)
        ir_say(at->rq, CAN_REASONING_PAST);
    return OK;
}

static enum err read_data(struct place *at, yyjson_val *found[MEMBERS], struct ir_part *part)
{
    if (found[M_TEXT])
        return read_text(at, found, part);
    if (found[M_INLINE] || found[M_FILE])
        return read_media(at, found, part);
    if (found[M_CALL]) {
        part->kind = IR_PART_CALL;
        return read_call(at, found[M_CALL], part);
    }
    if (found[M_RESPONSE]) {
        part->kind = IR_PART_RESULT;
        return read_result(at, found[M_RESPONSE], part);
    }
    if (found[M_CODE]) {
        part->kind = IR_PART_CODE;
        read_code(found[M_CODE], part);
        return OK;
    }
    /* A signature may come without anything to sign. */
    part->kind = found[M_SIGNATURE] && !found[M_TOOL_CALL] && !found[M_TOOL_RESPONSE] &&
                         !found[M_CODE_RESULT] && !found[M_TRANSCRIPTION]
                     ? IR_PART_TEXT
                     : IR_PART_RAW;
    part->no_text = part->kind == IR_PART_TEXT;
    if (part->kind == IR_PART_RAW)
        ir_say(at->rq, CAN_OWN_CONTENT);
    return OK;
}

static enum err read_part(struct place *at, struct ir_message *m, yyjson_val *v)
{
    yyjson_val *found[MEMBERS] = {NULL};
    struct ir_request *rq = at->rq;
    if (yyjson_is_str(v)) {
        struct ir_part *part = ir_part_add(rq, m, IR_PART_TEXT);
        part->text = jv_str(v);
        part->bare = true;
        return OK;
    }
    if (!yyjson_is_obj(v))
        return bad(at, "", "an object", v);
    find_members(v, found);
    if (found[M_CODE_RESULT] && read_code_result(at, &m->parts, v, found[M_CODE_RESULT]))
        return OK;
    struct ir_part *part = ir_part_add(rq, m, IR_PART_RAW);
    part->src = v;
    if (found[M_SIGNATURE])
        part->seal = ir_seal_unpack(jv_str(found[M_SIGNATURE]), DIALECT_GEMINI, rq->arena);
    ir_unknown(rq, v, plain_members, "contents.parts.");
    return read_data(at, found, part);
}

static enum err read_parts(struct place *at, struct ir_message *m, yyjson_val *parts)
{
    struct gemini_list list = gemini_list(parts);
    for (yyjson_val *v; (v = gemini_next(&list)); at->part++) {
        enum err e = read_part(at, m, v);
        if (e)
            return e;
    }
    return OK;
}

/* ---- messages ---- */

static const struct {
    str word;
    enum ir_role role;
} roles[] = {
    {S("user"), IR_USER},           {S("model"), IR_ASSISTANT},     {S("function"), IR_USER},
    {S("tool"), IR_USER},           {S("assistant"), IR_ASSISTANT}, {S("system"), IR_SYSTEM},
    {S("developer"), IR_DEVELOPER},
};

static const char *const content_members[] = {"role", "parts", NULL};

static enum err read_role(struct place *at, yyjson_val *v, enum ir_role *role)
{
    yyjson_val *said = gemini_get(v, "role");
    *role = IR_USER;
    for (size_t i = 0; said && i < sizeof roles / sizeof roles[0]; i++) {
        if (str_eq(jv_str(said), roles[i].word)) {
            *role = roles[i].role;
            return OK;
        }
    }
    if (!said || (yyjson_is_str(said) && yyjson_get_len(said) == 0))
        return OK;
    return fail_set(at->f, ERR_BAD_REQUEST, "\"contents[%zu].role\" must be user or model",
                    at->content);
}

static enum err read_content(struct place *at, yyjson_val *v)
{
    struct ir_request *rq = at->rq;
    enum ir_role role = IR_USER;
    if (yyjson_is_str(v)) {
        struct ir_message *m = ir_message_add(rq, IR_USER);
        m->bare = true;
        ir_part_add(rq, m, IR_PART_TEXT)->text = jv_str(v);
        return OK;
    }
    if (!yyjson_is_obj(v))
        return fail_set(at->f, ERR_BAD_REQUEST, "\"contents[%zu]\" must be an object, it is %s",
                        at->content, jv_kind(v));
    enum err e = read_role(at, v, &role);
    if (e)
        return e;
    if (role == IR_SYSTEM || role == IR_DEVELOPER)
        ir_say(rq, at->content ? CAN_SYSTEM_LATER : CAN_SYSTEM);
    struct ir_message *m = ir_message_add(rq, role);
    m->src = v;
    ir_unknown(rq, v, content_members, "contents.");
    return read_parts(at, m, gemini_get(v, "parts"));
}

static void say_prefill(struct ir_request *rq)
{
    const struct ir_message *m = rq->messages;
    while (m && m->next)
        m = m->next;
    if (m && m->role == IR_ASSISTANT)
        ir_say(rq, CAN_PREFILL);
}

enum err gemini_contents_read(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct gemini_list list = gemini_list(v);
    struct place at = {.rq = rq, .list = "contents", .f = f};
    for (yyjson_val *c; (c = gemini_next(&list)); at.content++) {
        enum err e = read_content(&at, c);
        if (e)
            return e;
        at.part = 0;
    }
    if (at.content == 0)
        return fail_set(f, ERR_BAD_REQUEST, "\"contents\" must not be empty");
    say_prefill(rq);
    return OK;
}

/* An object with parts; also a text, or the parts alone. */
enum err gemini_system_read(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    struct place at = {.rq = rq, .list = "systemInstruction", .f = f};
    yyjson_val *parts = yyjson_is_obj(v) ? gemini_get(v, "parts") : v;
    if (yyjson_is_obj(v) && !parts && gemini_get(v, "text"))
        parts = v;
    if (!yyjson_is_obj(v) && !yyjson_is_str(v) && !yyjson_is_arr(v))
        return ir_want_object(v, "systemInstruction", f);
    ir_say(rq, CAN_SYSTEM);
    struct ir_message *m = ir_message_add(rq, IR_SYSTEM);
    m->top = true;
    m->src = v;
    m->bare = yyjson_is_str(v);
    return read_parts(&at, m, parts);
}

enum err gemini_request_read(struct ir_request *rq, yyjson_val *root, struct fail *f)
{
    yyjson_val *body = gemini_request_of(root), *contents = gemini_get(body, "contents");
    yyjson_val *system = gemini_get(body, "systemInstruction"), *tools = gemini_get(body, "tools");
    yyjson_val *config = gemini_get(body, "toolConfig");
    if (!contents)
        return fail_set(f, ERR_BAD_REQUEST, "\"contents\" is missing");
    enum err e = ir_fields_read(gemini_request_rows, rq, body, "", f);
    if (!e && system)
        e = gemini_system_read(rq, system, f);
    if (!e)
        e = gemini_contents_read(rq, contents, f);
    if (!e && tools)
        e = gemini_tools_read(rq, tools, f);
    if (!e && config)
        e = gemini_tool_config_read(rq, config, f);
    return e;
}

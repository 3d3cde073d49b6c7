/*
 * dialect/openai_chat/content.c - reads the content of messages: a string, or parts.
 *
 * Besides the API's own parts (text, refusal, image_url, input_audio, file) there are video_url and
 * audio_url (vLLM and others), document_url, thinking and image_url as a plain string (Mistral),
 * and the Responses API's names, which clients mix in.
 */
#include "dialect/openai_chat/chat.h"

struct reading {
    struct ir_request *rq;
    struct ir_parts *to;
    struct chat_place at;
    struct fail *f;
    struct ir_part *last; /* made */
};

static enum err bad(const struct reading *r, const char *what)
{
    return fail_set(r->f, ERR_BAD_REQUEST, "\"messages[%zu].%s\": %s", r->at.message, r->at.member,
                    what);
}

static struct ir_part *add(struct reading *r, enum ir_part_kind kind, yyjson_val *src)
{
    r->last = ir_parts_add(r->to, r->rq->arena, kind);
    r->last->src = src;
    return r->last;
}

static struct ir_part *add_media(struct reading *r, enum ir_part_kind kind, yyjson_val *src)
{
    struct ir_part *p = add(r, kind, src);
    p->media = arena_new(r->rq->arena, struct ir_media);
    return p;
}

static enum err read_text(struct reading *r, yyjson_val *part, yyjson_val *v)
{
    if (!yyjson_is_str(v))
        return bad(r, "a text part has no text");
    add(r, IR_PART_TEXT, part)->text = jv_str(v);
    return OK;
}

static enum err read_refusal(struct reading *r, yyjson_val *part, yyjson_val *v)
{
    if (!yyjson_is_str(v))
        return bad(r, "a refusal part has no refusal");
    add(r, IR_PART_REFUSAL, part)->text = jv_str(v);
    return OK;
}

/* data: URLs become data, all else stays a URL. */
static void set_url(struct ir_media *m, str url)
{
    if (!ir_data_url(url, &m->mime, &m->data))
        m->url = url;
}

/* The URL of {"url": "..."} or of a plain string. */
static bool url_of(yyjson_val *v, str *url)
{
    *url = yyjson_is_str(v) ? jv_str(v) : jv_get_str(v, "url");
    return url->p != NULL;
}

static enum err read_image(struct reading *r, yyjson_val *part, yyjson_val *v)
{
    static const char *const known[] = {"url", "detail", NULL};
    str url;
    if (!url_of(v, &url))
        return bad(r, "an image_url part has no url");
    struct ir_media *m = add_media(r, IR_PART_IMAGE, part)->media;
    set_url(m, url);
    m->detail = jv_get_str(yyjson_is_obj(v) ? v : part, "detail");
    ir_say(r->rq, m->data.p ? CAN_IMAGE_DATA : CAN_IMAGE_URL);
    if (m->detail.n && !str_eq(m->detail, S("auto")))
        ir_say(r->rq, CAN_IMAGE_DETAIL);
    ir_unknown(r->rq, v, known, "image_url.");
    return OK;
}

static enum err read_video(struct reading *r, yyjson_val *part, yyjson_val *v)
{
    str url;
    if (!url_of(v, &url))
        return bad(r, "a video_url part has no url");
    set_url(add_media(r, IR_PART_VIDEO, part)->media, url);
    ir_say(r->rq, CAN_VIDEO);
    return OK;
}

static enum err read_audio_url(struct reading *r, yyjson_val *part, yyjson_val *v)
{
    str url;
    if (!url_of(v, &url))
        return bad(r, "an audio_url part has no url");
    set_url(add_media(r, IR_PART_AUDIO, part)->media, url);
    ir_say(r->rq, CAN_AUDIO_DATA);
    return OK;
}

/* {"data": base64, "format": "wav" | "mp3" | ...}; Mistral: the base64 itself, or a URL. */
static enum err read_audio(struct reading *r, yyjson_val *part, yyjson_val *v)
{
    static const struct {
        const char *format, *mime;
    } formats[] = {{"wav", "audio/wav"},   {"mp3", "audio/mpeg"},  {"ogg", "audio/ogg"},
                   {"flac", "audio/flac"}, {"aac", "audio/aac"},   {"webm", "audio/webm"},
                   {"opus", "audio/opus"}, {"pcm16", "audio/pcm"}, {"pcm", "audio/pcm"},
                   {"m4a", "audio/mp4"}};
    str data = yyjson_is_str(v) ? jv_str(v) : jv_get_str(v, "data");
    str format = jv_get_str(v, "format");
    if (!data.p)
        return bad(r, "an input_audio part has no data");
    struct ir_media *m = add_media(r, IR_PART_AUDIO, part)->media;
    if (str_starts(data, S("http://")) || str_starts(data, S("https://")))
        m->url = data;
    else if (!ir_data_url(data, &m->mime, &m->data))
        m->data = data;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (str_eq(format, str_c(formats[i].format)))
            m->mime = str_c(formats[i].mime);
    }
    ir_say(r->rq, CAN_AUDIO_DATA);
    return OK;
}

/* What a file is decides what it is called elsewhere. */
static enum ir_part_kind kind_of(str mime)
{
    return str_starts(mime, S("image/"))   ? IR_PART_IMAGE
           : str_starts(mime, S("audio/")) ? IR_PART_AUDIO
           : str_starts(mime, S("video/")) ? IR_PART_VIDEO
                                           : IR_PART_DOCUMENT;
}

static enum ir_feature feature_of(enum ir_part_kind kind, const struct ir_media *m)
{
    switch (kind) {
    case IR_PART_IMAGE: return m->data.p ? CAN_IMAGE_DATA : CAN_IMAGE_URL;
    case IR_PART_AUDIO: return CAN_AUDIO_DATA;
    case IR_PART_VIDEO: return CAN_VIDEO;
    default: return m->data.p ? CAN_DOCUMENT_DATA : CAN_DOCUMENT_URL;
    }
}

/* file_data is a data: URL (the API), bare base64 (its clients), or a URL (OpenRouter). */
static enum err read_file(struct reading *r, yyjson_val *part, yyjson_val *v)
{
    static const char *const known[] = {"file_data", "file_id", "filename", "format", NULL};
    yyjson_val *found[4];
    bool others = chat_members(v, known, found);
    str data = jv_str(found[0]), id = jv_str(found[1]);
    if (!data.p && !id.p)
        return bad(r, "a file part has neither file_data nor file_id");
    struct ir_part *p = add_media(r, IR_PART_DOCUMENT, part);
    struct ir_media *m = p->media;
    m->name = jv_str(found[2]);
    if (others)
        ir_unknown(r->rq, v, known, "file.");
    if (!data.p) {
        m->file_id = id;
        ir_say(r->rq, CAN_FILE_ID);
        return OK;
    }
    if (str_starts(data, S("http://")) || str_starts(data, S("https://")))
        m->url = data;
    else if (!ir_data_url(data, &m->mime, &m->data))
        m->data = data;
    if (m->data.p)
        m->mime = ir_media_type(m, S("application/pdf"));
    p->kind = kind_of(m->mime);
    ir_say(r->rq, feature_of(p->kind, m));
    return OK;
}

static enum err read_document_url(struct reading *r, yyjson_val *part, yyjson_val *v)
{
    str url;
    if (!url_of(v, &url))
        return bad(r, "a document_url part has no url");
    struct ir_media *m = add_media(r, IR_PART_DOCUMENT, part)->media;
    set_url(m, url);
    m->name = jv_get_str(part, "document_name");
    ir_say(r->rq, m->data.p ? CAN_DOCUMENT_DATA : CAN_DOCUMENT_URL);
    return OK;
}

/* Mistral: "thinking": [{"type":"text","text":...}]; Anthropic's word is a string. */
static enum err read_thinking(struct reading *r, yyjson_val *part, yyjson_val *v)
{
    struct ir_part *p = add(r, IR_PART_REASONING, part);
    p->text = jv_str(v);
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));) {
        str both[] = {p->text, jv_get_str(e, "text")};
        p->text = both[0].n ? str_join(r->rq->arena, both, 2) : both[1];
    }
    ir_say(r->rq, CAN_REASONING_PAST);
    return OK;
}

static const struct kind {
    const char *type, *member;
    enum err (*read)(struct reading *r, yyjson_val *part, yyjson_val *v);
} kinds[] = {
    {"text", "text", read_text},
    {"image_url", "image_url", read_image},
    {"file", "file", read_file},
    {"input_audio", "input_audio", read_audio},
    {"refusal", "refusal", read_refusal},
    {"video_url", "video_url", read_video},
    {"audio_url", "audio_url", read_audio_url},
    {"document_url", "document_url", read_document_url},
    {"thinking", "thinking", read_thinking},
    {"input_text", "text", read_text},
    {"output_text", "text", read_text},
    {"input_image", "image_url", read_image},
};

/* Marks for the prompt cache: Anthropic's object, or the API's own, which stands for it. */
static void read_marks(struct reading *r, yyjson_val *cache, yyjson_val *breakpoint)
{
    struct ir_part *p = r->last;
    if (cache)
        p->cache = cache;
    else if (breakpoint)
        p->cache = chat_tree(S("{\"type\":\"ephemeral\"}"), r->rq->arena);
    if (p->cache)
        ir_say(r->rq, CAN_CACHE_MARK);
}

static enum err read_kind(struct reading *r, const struct kind *k, yyjson_val *part)
{
    const char *known[] = {"type",    "cache_control", "prompt_cache_breakpoint",
                           k->member, "detail",        "document_name",
                           NULL};
    yyjson_val *found[6];
    bool others = chat_members(part, known, found);
    enum err e = k->read(r, part, found[3]);
    if (e)
        return e;
    read_marks(r, found[1], found[2]);
    if (others)
        ir_unknown(r->rq, part, known, "content.");
    return OK;
}

static enum err read_part(struct reading *r, yyjson_val *part)
{
    str type = jv_get_str(part, "type");
    if (yyjson_is_str(part)) {
        add(r, IR_PART_TEXT, part)->text = jv_str(part);
        return OK;
    }
    if (!yyjson_is_obj(part))
        return bad(r, "a content part must be an object");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (str_eq(type, str_c(kinds[i].type)))
            return read_kind(r, &kinds[i], part);
    }
    if (!type.p)
        return bad(r, "a content part has no type");
    add(r, IR_PART_RAW, part);
    ir_say(r->rq, CAN_OWN_CONTENT);
    return OK;
}

enum err chat_read_content(struct ir_request *rq, yyjson_val *v, struct ir_parts *to,
                           struct chat_place at, bool *bare, struct fail *f)
{
    struct reading r = {rq, to, at, f, NULL};
    *bare = yyjson_is_str(v);
    if (*bare) {
        ir_parts_add(to, rq->arena, IR_PART_TEXT)->text = jv_str(v);
        return OK;
    }
    if (yyjson_is_obj(v))
        return read_part(&r, v);
    if (!yyjson_is_arr(v))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"messages[%zu].%s\" must be a string or an array, it is %s", at.message,
                        at.member, jv_kind(v));
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    enum err e = OK;
    for (yyjson_val *part; !e && (part = yyjson_arr_iter_next(&it));)
        e = read_part(&r, part);
    return e;
}

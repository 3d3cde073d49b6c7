/*
 * dialect/openai_chat/content_write.c - writes content parts.
 *
 * For a client of this dialect a part that is more than text is written as it was read. For others
 * it is said anew: OpenAI takes images by URL or data, audio as wav or mp3, and PDF as file data;
 * what it cannot take at all is refused here, because the answer would be about something else.
 * Its copies take more (video_url, files by URL) and are left to refuse themselves.
 */
#include "base/base64.h"
#include "dialect/openai_chat/chat.h"

static void refuse(struct chat_writer *cw, const char *what)
{
    if (!cw->err)
        cw->err =
            fail_set(cw->f, ERR_BAD_REQUEST,
                     "%s cannot be said to this model's provider, which speaks openai-chat", what);
}

static bool ours(const struct chat_writer *cw)
{
    return cw->traits & TRAIT_OWN;
}

bool chat_is_content(const struct ir_part *p)
{
    return p->kind == IR_PART_TEXT || p->kind == IR_PART_IMAGE || p->kind == IR_PART_AUDIO ||
           p->kind == IR_PART_VIDEO || p->kind == IR_PART_DOCUMENT;
}

/* A part's beginning, open for the member that is its business. */
static void open_part(struct chat_writer *cw, str type)
{
    jw_object(&cw->w);
    jw_kstr(&cw->w, "type", type);
    jw_key(&cw->w, type);
}

static void close_part(struct chat_writer *cw, const struct ir_part *p)
{
    if (p->cache && cw->traits & TRAIT_MARKS)
        jw_kvalue(&cw->w, "cache_control", p->cache);
    if (p->cache && cw->traits & TRAIT_BREAKPOINTS)
        jw_kraw(&cw->w, "prompt_cache_breakpoint", S("{\"mode\":\"explicit\"}"));
    jw_object_end(&cw->w);
}

static void put_text(struct chat_writer *cw, const struct ir_part *p, str text)
{
    open_part(cw, S("text"));
    jw_str(&cw->w, text);
    close_part(cw, p);
}

static str url_of(struct chat_writer *cw, const struct ir_media *m)
{
    return m->data.p ? ir_data_url_of(m, cw->rq->arena) : m->url;
}

/* OpenAI knows auto, low, high, original; others say "medium" and the like. */
static bool knows_detail(str detail)
{
    return str_eq(detail, S("auto")) || str_eq(detail, S("low")) || str_eq(detail, S("high"));
}

static void put_image(struct chat_writer *cw, const struct ir_part *p)
{
    if (p->media->file_id.n) {
        refuse(cw, "an image by the id of a file");
        return;
    }
    open_part(cw, S("image_url"));
    jw_object(&cw->w);
    jw_kstr(&cw->w, "url", url_of(cw, p->media));
    if (knows_detail(p->media->detail))
        jw_kstr(&cw->w, "detail", p->media->detail);
    jw_object_end(&cw->w);
    close_part(cw, p);
}

static void put_video(struct chat_writer *cw, const struct ir_part *p)
{
    if (ours(cw) || p->media->file_id.n) {
        refuse(cw, "a video");
        return;
    }
    open_part(cw, S("video_url"));
    jw_object(&cw->w);
    jw_kstr(&cw->w, "url", url_of(cw, p->media));
    jw_object_end(&cw->w);
    close_part(cw, p);
}

/* "audio/x-wav" is wav, "audio/mpeg" mp3; other subtypes go by their name. */
static str audio_format(str mime)
{
    static const struct {
        const char *mime, *format;
    } formats[] = {{"audio/mpeg", "mp3"}, {"audio/mp3", "mp3"}, {"audio/x-wav", "wav"},
                   {"audio/wave", "wav"}, {"audio/mp4", "m4a"}, {"audio/pcm", "pcm16"},
                   {"audio/L16", "pcm16"}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (str_eq_nocase(mime, str_c(formats[i].mime)))
            return str_c(formats[i].format);
    }
    return str_from(mime, str_find_char(mime, '/') + 1);
}

static void put_audio(struct chat_writer *cw, const struct ir_part *p)
{
    const struct ir_media *m = p->media;
    if (!m->data.p && (ours(cw) || !m->url.n)) {
        refuse(cw, "audio that is not in the request itself");
        return;
    }
    if (!m->data.p) {
        open_part(cw, S("audio_url"));
        jw_object(&cw->w);
        jw_kstr(&cw->w, "url", m->url);
    } else {
        open_part(cw, S("input_audio"));
        jw_object(&cw->w);
        jw_kstr(&cw->w, "data", m->data);
        jw_kstr(&cw->w, "format", audio_format(ir_media_type(m, S("audio/wav"))));
    }
    jw_object_end(&cw->w);
    close_part(cw, p);
}

/* ---- documents ---- */

/* A text file's text, under its name. */
static void put_plain(struct chat_writer *cw, const struct ir_part *p, str text)
{
    str named[] = {p->media->name, S("\n\n"), text};
    put_text(cw, p, p->media->name.n ? str_join(cw->rq->arena, named, 3) : text);
}

static bool is_plain(str mime)
{
    return str_starts_nocase(mime, S("text/")) || str_eq_nocase(mime, S("application/json")) ||
           str_eq_nocase(mime, S("application/xml"));
}

/* The API's files are PDF; what is text can be said as such. False when data is no UTF-8. */
static bool put_decoded(struct chat_writer *cw, const struct ir_part *p)
{
    size_t n;
    char *bytes = arena_alloc(cw->rq->arena, p->media->data.n / 4 * 3 + 3);
    if (!base64_decode(p->media->data, bytes, &n) || !str_utf8(str_of(bytes, n)))
        return false;
    put_plain(cw, p, str_of(bytes, n));
    return true;
}

static void put_file(struct chat_writer *cw, const struct ir_part *p, str data, str file_id)
{
    open_part(cw, S("file"));
    jw_object(&cw->w);
    if (file_id.n) {
        jw_kstr(&cw->w, "file_id", file_id);
    } else {
        jw_kstr(&cw->w, "filename", p->media->name.n ? p->media->name : S("document.pdf"));
        jw_kstr(&cw->w, "file_data", data);
    }
    jw_object_end(&cw->w);
    close_part(cw, p);
}

static void put_document(struct chat_writer *cw, const struct ir_part *p)
{
    const struct ir_media *m = p->media;
    if (m->text.p) {
        put_plain(cw, p, m->text);
    } else if (m->data.p) {
        if (!is_plain(ir_media_type(m, S("application/pdf"))) || !put_decoded(cw, p))
            put_file(cw, p, ir_data_url_of(m, cw->rq->arena), S(""));
    } else if (m->file_id.n && ours(cw) && cw->rq->from == DIALECT_RESPONSES) {
        /* Both of OpenAI's APIs share its files. */
        put_file(cw, p, S(""), m->file_id);
    } else if (m->url.n && !ours(cw)) {
        put_file(cw, p, m->url, S(""));
    } else {
        refuse(cw, m->url.n ? "a document by URL" : "a file by its id");
    }
}

/* ---- all ---- */

/* As it was; text from the neutral form, which has it. */
static void put_own(struct chat_writer *cw, const struct ir_part *p)
{
    static const char *const known[] = {"type", "text", NULL};
    if (p->kind != IR_PART_TEXT || !yyjson_is_obj(p->src)) {
        jw_value(&cw->w, p->src);
        return;
    }
    jw_object(&cw->w);
    jw_kstr(&cw->w, "type", jv_get_str(p->src, "type"));
    jw_kstr(&cw->w, "text", p->text);
    ir_write_rest(cw->rq, DIALECT_CHAT, p->src, known, &cw->w);
    jw_object_end(&cw->w);
}

void chat_write_part(struct chat_writer *cw, const struct ir_part *p)
{
    if (cw->own) {
        put_own(cw, p);
        return;
    }
    switch (p->kind) {
    case IR_PART_TEXT: put_text(cw, p, p->text); break;
    case IR_PART_IMAGE: put_image(cw, p); break;
    case IR_PART_AUDIO: put_audio(cw, p); break;
    case IR_PART_VIDEO: put_video(cw, p); break;
    case IR_PART_DOCUMENT: put_document(cw, p); break;
    default: break;
    }
}

/* Texts as one, with blank lines between. */
static str joined(struct chat_writer *cw, const struct ir_part *first)
{
    struct ir_part result = {.kind = IR_PART_RESULT, .content = (struct ir_part *)(uintptr_t)first};
    return ir_result_text(&result, cw->rq->arena);
}

void chat_write_content(struct chat_writer *cw, const struct ir_part *first, bool bare)
{
    size_t n = 0, texts = 0, marks = 0;
    for (const struct ir_part *p = first; p; p = p->next) {
        n += chat_is_content(p);
        texts += p->kind == IR_PART_TEXT;
        marks += p->cache && cw->traits & (TRAIT_MARKS | TRAIT_BREAKPOINTS);
    }
    /* Several texts: as parts to OpenAI, as one to its copies, some of which (DeepSeek, Cerebras)
     * take arrays only where there is more than text. */
    bool string = texts == n && !marks && (n < 2 || !ours(cw));
    if (cw->own ? bare : string) {
        jw_str(&cw->w, joined(cw, first));
        return;
    }
    jw_array(&cw->w);
    for (const struct ir_part *p = first; p; p = p->next) {
        if (cw->own ? p->src != NULL : chat_is_content(p))
            chat_write_part(cw, p);
    }
    jw_array_end(&cw->w);
}

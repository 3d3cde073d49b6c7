/*
 * dialect/gemini/media.c - inlineData and fileData.
 *
 * fileUri is an upload to the Files API, a gs: object, a YouTube video, or since January 2026 any
 * public or signed https URL (blog.google, "Increased file size limits and expanded inputs support
 * in Gemini API"). The first two only Google can read.
 */
#include "dialect/gemini/gemini.h"

enum ir_part_kind gemini_media_kind(str mime)
{
    if (str_starts_nocase(mime, S("image/")))
        return IR_PART_IMAGE;
    if (str_starts_nocase(mime, S("audio/")))
        return IR_PART_AUDIO;
    return str_starts_nocase(mime, S("video/")) ? IR_PART_VIDEO : IR_PART_DOCUMENT;
}

/* The Python SDK writes the alphabet for URLs (RFC 4648 section 5); others take only the usual
 * one. */
static str usual_base64(str data, struct arena *a)
{
    if (str_find_char(data, '-') == data.n && str_find_char(data, '_') == data.n)
        return data;
    char *p = arena_alloc(a, data.n);
    for (size_t i = 0; i < data.n; i++)
        p[i] = data.p[i] == '-' ? '+' : data.p[i] == '_' ? '/' : data.p[i];
    return str_of(p, data.n);
}

static bool is_youtube(str uri)
{
    str rest = str_from(uri, str_find(uri, S("://")) + 3);
    str host = str_head(rest, str_find_char(rest, '/'));
    return str_ends(host, S("youtube.com")) || str_eq(host, S("youtu.be"));
}

/* What only Google can read. */
static bool is_stored(str uri)
{
    return !str_starts_nocase(uri, S("http")) ||
           str_starts_nocase(uri, S("https://generativelanguage.googleapis.com/"));
}

bool gemini_media_read(yyjson_val *inline_data, yyjson_val *file_data, struct arena *a,
                       struct ir_part *part)
{
    yyjson_val *from = inline_data ? inline_data : file_data;
    str text = gemini_get_str(from, inline_data ? "data" : "fileUri");
    if (!text.p)
        return false;
    struct ir_media *m = arena_new(a, struct ir_media);
    m->mime = gemini_get_str(from, "mimeType");
    m->name = gemini_get_str(from, "displayName");
    if (inline_data)
        m->data = usual_base64(text, a);
    else if (is_stored(text))
        m->file_id = text;
    else
        m->url = text;
    part->media = m;
    part->kind = gemini_media_kind(m->mime.n ? m->mime : ir_media_type(m, S("")));
    if (!m->mime.n && m->url.n && is_youtube(m->url))
        part->kind = IR_PART_VIDEO;
    return true;
}

/* "Unsupported MIME type: application/octet-stream": something it takes has to be said, and what
 * decodes the data looks at it itself. */
static str usual_type(enum ir_part_kind kind)
{
    switch (kind) {
    case IR_PART_IMAGE: return S("image/jpeg");
    case IR_PART_AUDIO: return S("audio/wav");
    case IR_PART_VIDEO: return S("video/mp4");
    default: return S("application/pdf");
    }
}

static str type_of(const struct ir_part *part)
{
    str type = ir_media_type(part->media, S(""));
    if (!type.n || str_eq_nocase(type, S("application/octet-stream")))
        return usual_type(part->kind);
    /* What chat calls "format" may have become a subtype nobody registered. */
    if (str_eq_nocase(type, S("audio/mp3")))
        return S("audio/mpeg");
    return str_eq_nocase(type, S("image/jpg")) ? S("image/jpeg") : type;
}

static void write_inline(const struct ir_part *part, struct json_writer *w)
{
    jw_key(w, S("inlineData"));
    jw_object(w);
    jw_kstr(w, "mimeType", type_of(part));
    jw_kstr(w, "data", part->media->data);
    jw_object_end(w);
}

void gemini_media_write(const struct ir_part *part, struct json_writer *w)
{
    const struct ir_media *m = part->media;
    if (m->data.n || !(m->url.n || m->file_id.n)) {
        write_inline(part, w);
        return;
    }
    jw_key(w, S("fileData"));
    jw_object(w);
    /* A video of YouTube has no type of its own. */
    if (m->mime.n || !is_youtube(m->url))
        jw_kstr(w, "mimeType", type_of(part));
    jw_kstr(w, "fileUri", m->url.n ? m->url : m->file_id);
    jw_object_end(w);
}

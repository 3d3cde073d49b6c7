#include "ir/part.h"

#include "base/base64.h"
#include "json/read.h"

struct ir_part *ir_parts_add(struct ir_parts *l, struct arena *a, enum ir_part_kind kind)
{
    struct ir_part *p = arena_new(a, struct ir_part);
    p->kind = kind;
    *l->end = p;
    l->end = &p->next;
    return p;
}

/* ---- calls and results ---- */

str ir_call_text(const struct ir_part *call, struct arena *a)
{
    if (call->args)
        return json_text_of(call->args, a);
    if (call->call == IR_CALL_CUSTOM || str_trim(call->text).n)
        return call->text;
    return S("{}");
}

yyjson_val *ir_call_tree(const struct ir_part *call, struct arena *a)
{
    yyjson_val *root = call->args;
    if (!root && call->call != IR_CALL_CUSTOM && str_trim(call->text).n &&
        json_read(call->text, a, &root, NULL) != OK)
        return NULL;
    return yyjson_is_obj(root) ? root : NULL;
}

static const struct ir_part *next_text(const struct ir_part *p)
{
    while (p && (p->kind != IR_PART_TEXT || p->text.n == 0))
        p = p->next;
    return p;
}

str ir_result_text(const struct ir_part *result, struct arena *a)
{
    const struct ir_part *first = next_text(result->content), *p;
    size_t total = 0;
    if (!first)
        return S("");
    if (!next_text(first->next))
        return first->text;
    for (p = first; p; p = next_text(p->next))
        total += p->text.n + 2;
    char *text = arena_alloc(a, total), *at = text;
    for (p = first; p; p = next_text(p->next)) {
        if (p != first) {
            memcpy(at, "\n\n", 2);
            at += 2;
        }
        memcpy(at, p->text.p, p->text.n);
        at += p->text.n;
    }
    return str_of(text, (size_t)(at - text));
}

/* ---- media ---- */

/* RFC 2397: data:[<mediatype>][;base64],<data>. Parameters of the type (charset) are left out. */
bool ir_data_url(str url, str *mime, str *data)
{
    if (!str_starts_nocase(url, S("data:")))
        return false;
    str rest = str_from(url, 5), head = str_split(&rest, ',');
    size_t mark = str_find_last(head, ';');
    if (!rest.p || !str_eq_nocase(str_trim(str_from(head, mark)), S(";base64")))
        return false;
    *mime = str_trim(str_head(head, str_find_char(head, ';')));
    *data = rest;
    return true;
}

/* Whether a media type, with parameters perhaps, can stand in a URL (RFC 2045 section 5.1 without
 * quoted values): a comma would end it there. */
static bool is_type(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') && !(c >= '0' && c <= '9') &&
            (!c || !strchr("!#$&^_.+-/;=", c)))
            return false;
    }
    return s.n > 0;
}

str ir_data_url_of(const struct ir_media *m, struct arena *a)
{
    static const str otherwise = {"application/octet-stream", 24};
    struct ir_media unsaid = *m;
    str type = ir_media_type(m, otherwise);
    unsaid.mime = S("");
    if (!is_type(type))
        type = ir_media_type(&unsaid, otherwise);
    str parts[] = {S("data:"), type, S(";base64,"), m->data};
    return str_join(a, parts, 4);
}

/* What files begin with. A row matches when its bytes stand at `at`; `more`, if any, at 8. */
static const struct magic {
    size_t at;
    str bytes, more, mime;
} magics[] = {
    {0, S("\x89PNG\r\n\x1a\n"), S(""), S("image/png")},
    {0, S("\xff\xd8\xff"), S(""), S("image/jpeg")},
    {0, S("GIF8"), S(""), S("image/gif")},
    {0, S("RIFF"), S("WEBP"), S("image/webp")},
    {4, S("ftyp"), S("heic"), S("image/heic")},
    {4, S("ftyp"), S("mif1"), S("image/heif")},
    {4, S("ftyp"), S("avif"), S("image/avif")},
    {0, S("%PDF-"), S(""), S("application/pdf")},
    {0, S("RIFF"), S("WAVE"), S("audio/wav")},
    {0, S("ID3"), S(""), S("audio/mpeg")},
    {0, S("\xff\xfb"), S(""), S("audio/mpeg")},
    {0, S("\xff\xf3"), S(""), S("audio/mpeg")},
    {0, S("\xff\xf2"), S(""), S("audio/mpeg")},
    {0, S("\xff\xf1"), S(""), S("audio/aac")},
    {0, S("\xff\xf9"), S(""), S("audio/aac")},
    {0, S("OggS"), S(""), S("audio/ogg")},
    {0, S("fLaC"), S(""), S("audio/flac")},
    {4, S("ftyp"), S("M4A"), S("audio/mp4")},
    {4, S("ftyp"), S("qt  "), S("video/quicktime")},
    {4, S("ftyp"), S(""), S("video/mp4")},
    {0, S("\x1a\x45\xdf\xa3"), S(""), S("video/webm")},
};

static const struct extension {
    const char *end, *mime;
} extensions[] = {
    {".png", "image/png"},    {".jpg", "image/jpeg"},      {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},    {".webp", "image/webp"},     {".heic", "image/heic"},
    {".heif", "image/heif"},  {".pdf", "application/pdf"}, {".txt", "text/plain"},
    {".md", "text/markdown"}, {".csv", "text/csv"},        {".html", "text/html"},
    {".htm", "text/html"},    {".xml", "text/xml"},        {".json", "application/json"},
    {".wav", "audio/wav"},    {".mp3", "audio/mpeg"},      {".ogg", "audio/ogg"},
    {".flac", "audio/flac"},  {".aac", "audio/aac"},       {".m4a", "audio/mp4"},
    {".mp4", "video/mp4"},    {".webm", "video/webm"},     {".mov", "video/quicktime"},
    {".mpeg", "video/mpeg"},  {".mpg", "video/mpeg"},
};

static str by_bytes(str base64)
{
    char room[24];
    size_t n;
    base64_decode(str_head(base64, 16), room, &n);
    str bytes = str_of(room, n);
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        const struct magic *m = &magics[i];
        if (str_starts(str_from(bytes, m->at), m->bytes) && str_starts(str_from(bytes, 8), m->more))
            return m->mime;
    }
    return (str){NULL, 0};
}

static str by_name(str name)
{
    str end = str_from(name, str_find_last(name, '.'));
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        if (str_eq_nocase(end, str_c(extensions[i].end)))
            return str_c(extensions[i].mime);
    }
    return (str){NULL, 0};
}

str ir_media_type(const struct ir_media *m, str otherwise)
{
    if (m->mime.n && !str_eq_nocase(m->mime, S("application/octet-stream")))
        return m->mime;
    str seen = by_bytes(m->data);
    if (!seen.n)
        seen = by_name(m->name.n ? m->name : str_head(m->url, str_find_char(m->url, '?')));
    return seen.n ? seen : m->mime.n ? m->mime : otherwise;
}

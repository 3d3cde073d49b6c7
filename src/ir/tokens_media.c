/*
 * ir/tokens.h: images, PDF, audio and video.
 *
 * The rules are the vendors' (OpenAI: "Images and vision", calculating costs; Anthropic: "Vision"
 * and "PDF support"; Google: "Understand and count tokens"), as of 2026. Where they ask for what we
 * do not know (pages, seconds), it is guessed from the size.
 */
#include "ir/tokens.h"

typedef unsigned char byte;

/* ---- sizes of images ------------------------------------------------------------------------- */

static uint32_t big(const byte *p, unsigned n)
{
    uint32_t v = 0;
    while (n--)
        v = v << 8 | *p++;
    return v;
}

static uint32_t little(const byte *p, unsigned n)
{
    uint32_t v = 0;
    while (n--)
        v = v << 8 | p[n];
    return v;
}

/* PNG (RFC 2083 section 4.1.1): IHDR comes first. */
static bool png_size(const byte *p, size_t n, uint32_t *w, uint32_t *h)
{
    if (n < 24 || memcmp(p, "\x89PNG\r\n\x1a\n", 8) != 0 || memcmp(p + 12, "IHDR", 4) != 0)
        return false;
    *w = big(p + 16, 4);
    *h = big(p + 20, 4);
    return true;
}

/* GIF89a, section 18: the logical screen descriptor. */
static bool gif_size(const byte *p, size_t n, uint32_t *w, uint32_t *h)
{
    if (n < 10 || memcmp(p, "GIF8", 4) != 0)
        return false;
    *w = little(p + 6, 2);
    *h = little(p + 8, 2);
    return true;
}

/* WebP (RFC 9649): VP8X has the canvas less one, VP8 and VP8L their own headers. */
static bool webp_size(const byte *p, size_t n, uint32_t *w, uint32_t *h)
{
    if (n < 30 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WEBP", 4) != 0)
        return false;
    if (memcmp(p + 12, "VP8X", 4) == 0) {
        *w = little(p + 24, 3) + 1;
        *h = little(p + 27, 3) + 1;
    } else if (memcmp(p + 12, "VP8L", 4) == 0) {
        uint32_t bits = little(p + 21, 4);
        *w = (bits & 0x3fff) + 1;
        *h = (bits >> 14 & 0x3fff) + 1;
    } else if (memcmp(p + 12, "VP8 ", 4) == 0) {
        *w = little(p + 26, 2) & 0x3fff;
        *h = little(p + 28, 2) & 0x3fff;
    } else {
        return false;
    }
    return true;
}

/* Start of frame, in any of its kinds; C4, C8 and CC are tables and such (T.81 table B.1). */
static bool is_frame(byte marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* JPEG (T.81 annex B): segments with their length until the frame header. */
static bool jpeg_size(const byte *p, size_t n, uint32_t *w, uint32_t *h)
{
    if (n < 4 || p[0] != 0xff || p[1] != 0xd8)
        return false;
    for (size_t at = 2; n - at >= 9;) {
        if (p[at] != 0xff)
            return false;
        if (is_frame(p[at + 1])) {
            *h = big(p + at + 5, 2);
            *w = big(p + at + 7, 2);
            return true;
        }
        size_t length = p[at + 1] == 0xff ? 1 : 2u + big(p + at + 2, 2); /* fill byte, or segment */
        if (length > n - at)
            return false;
        at += length;
    }
    return false;
}

bool image_size(str head, uint32_t *width, uint32_t *height)
{
    static bool (*const readers[])(const byte *, size_t, uint32_t *,
                                   uint32_t *) = {png_size, gif_size, webp_size, jpeg_size};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        uint32_t w = 0, h = 0;
        if (readers[i]((const byte *)head.p, head.n, &w, &h) && w && h) {
            *width = w;
            *height = h;
            return true;
        }
    }
    return false;
}

/* ---- prices of images ------------------------------------------------------------------------ */

struct box {
    double w, h;
};

/* Scaled down, if need be, to lie within w times h. */
static struct box fit_within(struct box b, double w, double h)
{
    double by = b.w / w > b.h / h ? b.w / w : b.h / h;
    if (by > 1) {
        b.w /= by;
        b.h /= by;
    }
    return b;
}

/* How many tiles of that size cover it; sizes come from 32 bits, so tiles are few. */
static uint64_t tiles(struct box b, double size)
{
    uint64_t across = (uint64_t)((b.w + size - 1) / size),
             down = (uint64_t)((b.h + size - 1) / size);
    return (across ? across : 1) * (down ? down : 1);
}

/* Within 2048 x 2048, then the shorter side to 768; 170 a tile of 512, and 85. */
static uint64_t openai_image(struct box b, bool low)
{
    if (low)
        return 85;
    b = fit_within(b, 2048, 2048);
    double shorter = b.w < b.h ? b.w : b.h;
    if (shorter > 768) {
        b.w *= 768 / shorter;
        b.h *= 768 / shorter;
    }
    return 85 + 170 * tiles(b, 512);
}

/* A token for 750 pixels, after scaling down to the longest side and the most tokens there are. */
static uint64_t claude_image(struct box b, double side, double most)
{
    b = fit_within(b, side, side);
    double tokens = b.w * b.h / 750;
    return tokens > most ? (uint64_t)most : tokens < 1 ? 1 : (uint64_t)(tokens + .5);
}

/* 258 for what fits 384 x 384, else 258 a tile of 768. */
static uint64_t gemini_image(struct box b)
{
    b = fit_within(b, 3072, 3072);
    return 258 * (b.w <= 384 && b.h <= 384 ? 1 : tiles(b, 768));
}

uint64_t tokens_of_image(enum token_family family, uint32_t width, uint32_t height, bool low)
{
    struct box b = {width, height};
    if (width == 0 || height == 0)
        b = (struct box){1024, 768};
    switch (family) {
    case TOKENS_CLAUDE: return claude_image(b, 1568, 1600);
    case TOKENS_CLAUDE_47: return claude_image(b, 2576, 5000);
    case TOKENS_GEMINI: return gemini_image(b);
    default: return openai_image(b, low);
    }
}

/* ---- documents, audio, video ----------------------------------------------------------------- */

/*
 * What a unit costs. PDF: Anthropic says 1,500 to 3,000 tokens of text a page and an image of it,
 * one recorded page was 2,666; Google 258 a page; OpenAI text and image, one recorded page 220.
 * Audio a second: Google 32, recorded 25; OpenAI recorded 10; Claude takes none. Video a second:
 * Google 263; the others take none, and would have to be sent pictures.
 */
static const struct {
    uint16_t pdf_page, audio_second, video_second;
} media[TOKEN_FAMILIES] = {
    [TOKENS_O200K] = {500, 10, 85},    [TOKENS_CL100K] = {500, 10, 85},
    [TOKENS_CLAUDE] = {2600, 10, 258}, [TOKENS_CLAUDE_47] = {3000, 10, 258},
    [TOKENS_GEMINI] = {258, 32, 263},
};

/* A page of text with fonts; scanned pages are larger and cost the same. */
enum { PDF_PAGE_BYTES = 50000, AUDIO_SECOND_BYTES = 16000, VIDEO_SECOND_BYTES = 125000 };

static uint64_t units(uint64_t bytes, uint64_t each)
{
    return bytes / each + (bytes % each != 0);
}

uint64_t tokens_of_pdf(enum token_family family, uint64_t bytes)
{
    return units(bytes, PDF_PAGE_BYTES) * media[family].pdf_page;
}

uint64_t tokens_of_audio(enum token_family family, uint64_t bytes, str head)
{
    uint64_t rate = AUDIO_SECOND_BYTES;
    /* RIFF WAVE: bytes a second stand at 28, in the fmt chunk that begins at 12. */
    if (head.n >= 32 && memcmp(head.p, "RIFF", 4) == 0 && memcmp(head.p + 8, "WAVEfmt ", 8) == 0 &&
        little((const byte *)head.p + 28, 4) != 0)
        rate = little((const byte *)head.p + 28, 4);
    return units(bytes, rate) * media[family].audio_second;
}

uint64_t tokens_of_video(enum token_family family, uint64_t bytes)
{
    return units(bytes, VIDEO_SECOND_BYTES) * media[family].video_second;
}

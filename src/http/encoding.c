#include "http/encoding.h"

#include <brotli/decode.h>
#include <limits.h>
#include <zlib.h>
#include <zstd.h>

/*
 * STAGES_MAX: chains are legal and nobody sends long ones. WINDOW_LOG_MAX: RFC 9659 section 3
 * bounds the window of zstd as a content coding to 8 MiB; without it a tiny frame could ask for
 * gigabytes of memory.
 */
enum { STAGES_MAX = 4, ROOM_MIN = 16 * 1024, WINDOW_LOG_MAX = 23 };

/*
 * Where a decoder writes: the free part of out, or one byte of scratch once out is at its cap. A
 * byte that lands in scratch is the proof that the text is too large; a text of exactly the cap
 * leaves scratch alone and is fine.
 */
struct room {
    struct buf *out;
    char *at;
    size_t n;
    char scratch;
};

static void room_begin(struct room *r, struct buf *out)
{
    r->out = out;
    size_t left = out->max - out->n;
    if (left && buf_reserve(out, left < ROOM_MIN ? left : ROOM_MIN)) {
        r->at = out->p + out->n;
        r->n = out->cap - out->n;
    } else {
        r->at = &r->scratch;
        r->n = 1;
    }
}

/* Accounts for what was written; left is what is still free. False: past the cap. */
static bool room_end(struct room *r, size_t left)
{
    if (r->at == &r->scratch)
        return left == 1;
    r->out->n += r->n - left;
    return true;
}

static enum err corrupt(struct fail *f, const char *coding, size_t at)
{
    return fail_set(f, ERR_BAD_ENCODING, "corrupt %s data near byte %zu", coding, at);
}

static enum err truncated(struct fail *f, const char *coding, size_t at)
{
    return fail_set(f, ERR_BAD_ENCODING, "%s data ends early, after %zu bytes", coding, at);
}

static enum err too_large(struct fail *f, const struct buf *out)
{
    return fail_set(f, ERR_TOO_LARGE, "the decoded body is larger than %zu bytes", out->max);
}

/* ---- zlib ---- */

/* One call of inflate on what is left of in from *at on. */
static int inflate_step(z_stream *z, str in, size_t *at, struct room *room)
{
    uInt given = in.n - *at < UINT_MAX ? (uInt)(in.n - *at) : UINT_MAX;
    z->next_in = (Bytef *)(uintptr_t)(in.p + *at);
    z->avail_in = given;
    z->next_out = (Bytef *)room->at;
    uInt free_bytes = room->n < UINT_MAX ? (uInt)room->n : UINT_MAX;
    z->avail_out = free_bytes;
    int ret = inflate(z, Z_NO_FLUSH);
    *at += given - z->avail_in;
    return ret;
}

/* bits as inflateInit2 takes them; members: several streams may follow each other (RFC 1952 2.2) */
static enum err inflate_all(str in, struct buf *out, int bits, bool members, const char *coding,
                            struct fail *f)
{
    z_stream z = {0};
    size_t at = 0;
    enum err err = OK;
    if (inflateInit2(&z, bits) != Z_OK)
        return fail_set(f, ERR_INTERNAL, "zlib did not start");
    for (;;) {
        struct room room;
        room_begin(&room, out);
        size_t before = at;
        int ret = inflate_step(&z, in, &at, &room);
        size_t wrote = (size_t)((char *)z.next_out - room.at);
        if (!room_end(&room, room.n - wrote)) {
            err = too_large(f, out);
        } else if (ret == Z_STREAM_END && at < in.n && members) {
            inflateReset(&z);
            continue;
        } else if (ret == Z_STREAM_END) {
            err = at < in.n ? corrupt(f, coding, at) : OK;
        } else if (ret != Z_OK && ret != Z_BUF_ERROR) {
            err = corrupt(f, coding, at);
        } else if (at > before || wrote) {
            continue;
        } else {
            err = truncated(f, coding, at);
        }
        break;
    }
    inflateEnd(&z);
    return err;
}

static enum err gzip_decode(str in, struct buf *out, struct fail *f)
{
    return inflate_all(in, out, 15 + 16, true, "gzip", f);
}

/* RFC 9110 8.4.1.2: the zlib format; some senders leave out its two-byte header. */
static enum err deflate_decode(str in, struct buf *out, struct fail *f)
{
    const unsigned char *p = (const unsigned char *)in.p;
    bool zlib = in.n >= 2 && (p[0] & 0x0f) == 8 && (p[0] << 8 | p[1]) % 31 == 0;
    size_t start = out->n;
    enum err err = zlib ? inflate_all(in, out, 15, false, "deflate", f) : ERR_BAD_ENCODING;
    if (err != ERR_BAD_ENCODING)
        return err;
    /* One raw stream in a thousand happens to look as if it had a header. */
    struct fail raw = {0};
    out->n = start;
    err = inflate_all(in, out, -15, false, "deflate", &raw);
    if (f && (err == OK || err == ERR_TOO_LARGE || !zlib))
        *f = raw;
    return err;
}

/* ---- zstd ---- */

static enum err zstd_decode(str in, struct buf *out, struct fail *f)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    if (!z)
        return fail_set(f, ERR_INTERNAL, "zstd did not start");
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    ZSTD_inBuffer src = {in.p, in.n, 0};
    enum err err = OK;
    size_t ret = 1; /* what the frame still wants; 0 after its end */
    for (;;) {
        struct room room;
        room_begin(&room, out);
        ZSTD_outBuffer dst = {room.at, room.n, 0};
        size_t before = src.pos;
        if (src.pos == src.size && ret == 0)
            break;
        ret = ZSTD_decompressStream(z, &dst, &src);
        if (!room_end(&room, room.n - dst.pos))
            err = too_large(f, out);
        else if (ZSTD_isError(ret))
            err = corrupt(f, "zstd", src.pos);
        else if (src.pos > before || dst.pos)
            continue;
        else
            err = truncated(f, "zstd", src.pos);
        break;
    }
    ZSTD_freeDCtx(z);
    return err;
}

/* ---- brotli ---- */

static enum err brotli_decode(str in, struct buf *out, struct fail *f)
{
    BrotliDecoderState *z = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    if (!z)
        return fail_set(f, ERR_INTERNAL, "brotli did not start");
    const uint8_t *next = (const uint8_t *)in.p;
    size_t left = in.n;
    enum err err = OK;
    BrotliDecoderResult ret;
    do {
        struct room room;
        room_begin(&room, out);
        uint8_t *to = (uint8_t *)room.at;
        size_t free_bytes = room.n;
        ret = BrotliDecoderDecompressStream(z, &left, &next, &free_bytes, &to, NULL);
        if (!room_end(&room, free_bytes))
            err = too_large(f, out);
    } while (err == OK && ret == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
    if (err == OK && ret == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT)
        err = truncated(f, "br", in.n - left);
    else if (err == OK && (ret == BROTLI_DECODER_RESULT_ERROR || left))
        err = corrupt(f, "br", in.n - left);
    BrotliDecoderDestroyInstance(z);
    return err;
}

/* ---- chains ---- */

typedef enum err decode_fn(str in, struct buf *out, struct fail *f);

static const struct coding {
    const char *name;
    decode_fn *decode;
} codings[] = {
    {"gzip", gzip_decode}, {"x-gzip", gzip_decode}, {"deflate", deflate_decode},
    {"br", brotli_decode}, {"zstd", zstd_decode},
};

static const struct coding *coding_find(str name)
{
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        if (str_eq_nocase(name, str_c(codings[i].name)))
            return &codings[i];
    }
    return NULL;
}

/* Takes the next coding that is not identity off *rest; empty at the end. */
static str next_name(str *rest)
{
    while (rest->p) {
        str name = str_trim(str_split(rest, ','));
        if (name.n && !str_eq_nocase(name, S("identity")))
            return name;
    }
    return (str){NULL, 0};
}

bool encoding_needed(str header_value)
{
    return next_name(&header_value).n > 0;
}

/* The chain as sent, first applied first. */
static enum err chain_read(str header_value, decode_fn *chain[STAGES_MAX], size_t *n,
                           struct fail *f)
{
    *n = 0;
    for (str name; (name = next_name(&header_value)).n;) {
        const struct coding *c = coding_find(name);
        if (!c)
            return fail_set(f, ERR_BAD_ENCODING, "unsupported request content encoding: %.*s",
                            STR_FMT(name));
        if (*n == STAGES_MAX)
            return fail_set(f, ERR_BAD_ENCODING, "more than %d content encodings", STAGES_MAX);
        chain[(*n)++] = c->decode;
    }
    return OK;
}

enum err encoding_decode(str header_value, str body, struct buf *out, struct fail *f)
{
    decode_fn *chain[STAGES_MAX];
    size_t n;
    if (!body.n)
        body = S(""); /* decoders reckon from the pointer */
    enum err err = chain_read(header_value, chain, &n, f);
    if (err != OK)
        return err;
    if (n == 0) {
        buf_put(out, body);
        return out->failed ? too_large(f, out) : OK;
    }
    struct buf stages[2];
    buf_init(&stages[0], out->max);
    buf_init(&stages[1], out->max);
    while (n-- && err == OK) {
        struct buf *to = n ? &stages[n & 1] : out;
        buf_clear(to);
        err = chain[n](body, to, f);
        body = buf_str(to);
    }
    buf_fini(&stages[0]);
    buf_fini(&stages[1]);
    return err;
}

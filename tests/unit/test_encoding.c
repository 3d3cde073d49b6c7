/* http/encoding.h: every coding, chains, caps, and input that is cut or broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "http/encoding.h"

enum { GZIP = 15 + 16, ZLIB = 15, RAW = -15 };

/* "hello hello hello hello brotli\n", made with the brotli command. */
static const unsigned char brotli_text[] = {0x1b, 0x1e, 0x00, 0x00, 0xc4, 0x63, 0xec, 0x3b, 0xcb,
                                            0xde, 0x9e, 0x52, 0x4a, 0x72, 0x10, 0x59, 0x96, 0xa9,
                                            0xc3, 0x73, 0x7a, 0xa8, 0x5a, 0x1f, 0x03};

static str zlib_made(str in, int bits)
{
    z_stream z = {0};
    size_t cap = in.n + 1000;
    char *p = malloc(cap);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.n;
    z.next_out = (Bytef *)p;
    z.avail_out = (uInt)cap;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return str_of(p, z.total_out);
}

static str zstd_made(str in)
{
    size_t cap = ZSTD_compressBound(in.n);
    char *p = malloc(cap);
    return str_of(p, ZSTD_compress(p, cap, in.p, in.n, 3));
}

static void drop(str s)
{
    free((char *)(uintptr_t)s.p);
}

/* Decodes a copy of exactly the input's size. */
static enum err decode(const char *header, str in, struct buf *out, struct fail *f)
{
    char *copy = malloc(in.n ? in.n : 1);
    if (in.n)
        memcpy(copy, in.p, in.n);
    enum err err = encoding_decode(str_c(header), str_of(copy, in.n), out, f);
    free(copy);
    return err;
}

static void decodes(const char *header, str in, str want)
{
    struct buf out;
    struct fail f = {0};
    buf_init(&out, want.n); /* exactly the cap is fine */
    if (decode(header, in, &out, &f) != OK)
        fail_msg("%s: %s", header, f.text);
    assert_true(str_eq(buf_str(&out), want));
    buf_fini(&out);
    if (want.n) {
        buf_init(&out, want.n - 1);
        assert_int_equal(decode(header, in, &out, &f), ERR_TOO_LARGE);
        assert_true(out.n < want.n);
        buf_fini(&out);
    }
}

static void refuses(const char *header, str in)
{
    struct buf out;
    struct fail f = {0};
    buf_init(&out, 1 << 20);
    assert_int_equal(decode(header, in, &out, &f), ERR_BAD_ENCODING);
    assert_true(f.text[0]);
    buf_fini(&out);
}

static void refuses_all_cuts(const char *header, str in)
{
    for (size_t n = 0; n < in.n; n++)
        refuses(header, str_head(in, n));
    char *longer = malloc(in.n + 1);
    memcpy(longer, in.p, in.n);
    longer[in.n] = 'x';
    refuses(header, str_of(longer, in.n + 1));
    free(longer);
}

static const str text = {"{\"model\":\"x\",\"y\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
                         59};

static void test_each_coding(void **state)
{
    (void)state;
    str gz = zlib_made(text, GZIP), zl = zlib_made(text, ZLIB), raw = zlib_made(text, RAW);
    str zs = zstd_made(text), br = str_of((const char *)brotli_text, sizeof brotli_text);
    decodes("gzip", gz, text);
    decodes("X-GZip", gz, text);
    decodes("deflate", zl, text);
    decodes("deflate", raw, text);
    decodes("zstd", zs, text);
    decodes(" identity , br ,", br, S("hello hello hello hello brotli\n"));
    refuses_all_cuts("gzip", gz);
    refuses_all_cuts("deflate", zl);
    refuses_all_cuts("deflate", raw);
    refuses_all_cuts("zstd", zs);
    refuses_all_cuts("br", br);
    refuses("zstd", gz);
    refuses("gzip", zs);
    refuses("br", gz);
    drop(gz);
    drop(zl);
    drop(raw);
    drop(zs);
}

static void test_flipped_bits(void **state)
{
    (void)state;
    str gz = zlib_made(text, GZIP);
    char *p = (char *)(uintptr_t)gz.p;
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 10 * 8; i < gz.n * 8; i++) { /* the header has bits without meaning */
        p[i / 8] = (char)(p[i / 8] ^ 1 << i % 8);
        buf_clear(&out);
        /* Padding before the checksum means nothing either. */
        if (decode("gzip", gz, &out, NULL) == OK)
            assert_true(str_eq(buf_str(&out), text));
        p[i / 8] = (char)(p[i / 8] ^ 1 << i % 8);
    }
    buf_fini(&out);
    drop(gz);
}

static void test_identity(void **state)
{
    (void)state;
    decodes("", text, text);
    decodes("identity", text, text);
    decodes(" , Identity,", text, text);
    assert_false(encoding_needed(S("")));
    assert_false(encoding_needed(S(" identity, ,IDENTITY")));
    assert_true(encoding_needed(S("identity, gzip")));
    assert_true(encoding_needed(S("foo")));
    assert_false(encoding_needed(str_of(NULL, 0)));
}

static void test_chains(void **state)
{
    (void)state;
    str a = zlib_made(text, GZIP), b = zstd_made(a), c = zlib_made(b, ZLIB), d = zlib_made(c, GZIP);
    struct buf out;
    struct fail f = {0};
    buf_init(&out, 1000);
    assert_int_equal(decode("gzip, zstd, deflate, gzip", d, &out, &f), OK);
    assert_true(str_eq(buf_str(&out), text));
    buf_fini(&out);
    refuses("zstd, gzip", b);
    refuses("gzip, gzip, gzip, gzip, gzip", d);
    drop(a);
    drop(b);
    drop(c);
    drop(d);
}

static void test_unknown(void **state)
{
    (void)state;
    struct fail f = {0};
    struct buf out;
    buf_init(&out, 1000);
    assert_int_equal(encoding_decode(S("gzip, snappy"), text, &out, &f), ERR_BAD_ENCODING);
    assert_non_null(strstr(f.text, "snappy"));
    assert_int_equal(out.n, 0);
    buf_fini(&out);
}

/* Members one after another are one text (RFC 1952 2.2, RFC 8878 3.1). */
static void test_members(void **state)
{
    (void)state;
    str gz = zlib_made(S("ab"), GZIP), zs = zstd_made(S("ab"));
    char twice[200];
    memcpy(twice, gz.p, gz.n);
    memcpy(twice + gz.n, gz.p, gz.n);
    decodes("gzip", str_of(twice, 2 * gz.n), S("abab"));
    refuses("gzip", str_of(twice, 2 * gz.n - 1));
    memcpy(twice, zs.p, zs.n);
    memcpy(twice + zs.n, zs.p, zs.n);
    decodes("zstd", str_of(twice, 2 * zs.n), S("abab"));
    refuses("zstd", str_of(twice, 2 * zs.n - 1));
    drop(gz);
    drop(zs);
    str none = zlib_made(S(""), GZIP);
    decodes("gzip", none, S(""));
    drop(none);
}

/* 64 MB of zeros from 64 KB: the cap bounds what is decoded, in the middle of a chain as well. */
static void test_bombs(void **state)
{
    (void)state;
    enum { BIG = 64 << 20, CAP = 100000 };
    char *zeros = calloc(1, BIG);
    str gz = zlib_made(str_of(zeros, BIG), GZIP), zs = zstd_made(str_of(zeros, BIG));
    str gzgz = zlib_made(gz, GZIP);
    struct {
        const char *header;
        str in;
    } cases[] = {{"gzip", gz}, {"zstd", zs}, {"gzip, gzip", gzgz}, {"zstd, gzip", gz}};
    for (size_t i = 0; i < 4; i++) {
        struct buf out;
        buf_init(&out, CAP);
        assert_int_equal(encoding_decode(str_c(cases[i].header), cases[i].in, &out, NULL),
                         ERR_TOO_LARGE);
        assert_true(out.cap <= CAP);
        buf_fini(&out);
    }
    drop(gz);
    drop(zs);
    drop(gzgz);
    free(zeros);
}

/* A frame that asks for a window above 8 MiB is refused before memory is taken (RFC 9659). */
static void test_zstd_window(void **state)
{
    (void)state;
    static const unsigned char frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00};
    refuses("zstd", str_of((const char *)frame, sizeof frame));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_coding), cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_identity),    cmocka_unit_test(test_chains),
        cmocka_unit_test(test_unknown),     cmocka_unit_test(test_members),
        cmocka_unit_test(test_bombs),       cmocka_unit_test(test_zstd_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* json/write.h: what is written parses to what was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <yyjson.h>

#include "json/write.h"

static void literal_is(str in, str want)
{
    struct buf b;
    buf_init(&b, 4096);
    json_put_string(&b, in);
    if (!str_eq(buf_str(&b), want))
        fail_msg("wrote %.*s, wanted %.*s", (int)b.n, b.p, STR_FMT(want));
    buf_fini(&b);
}

static void test_strings(void **state)
{
    (void)state;
    literal_is(S(""), S("\"\""));
    literal_is(str_of(NULL, 0), S("\"\""));
    literal_is(S("plain"), S("\"plain\""));
    literal_is(S("a\"b\\c/d"), S("\"a\\\"b\\\\c/d\""));
    literal_is(S("\b\f\n\r\t"), S("\"\\b\\f\\n\\r\\t\""));
    literal_is(S("\0\x01\x1f\x7f"), S("\"\\u0000\\u0001\\u001f\x7f\""));
    literal_is(S("caf\xc3\xa9 \xf0\x9f\x98\x80"), S("\"caf\xc3\xa9 \xf0\x9f\x98\x80\""));
    literal_is(S("\xe2\x80\xa8|\xe2\x80\xa9|\xe2\x80\xaa"), S("\"\\u2028|\\u2029|\xe2\x80\xaa\""));
    literal_is(S("\xff"
                 "a\xc3"),
               S("\"\xef\xbf\xbd"
                 "a\xef\xbf\xbd\""));
    literal_is(S("\xed\xa0\x80"), S("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""));
}

/* Whatever goes in, a strict reader takes what comes out; sound text comes out the same. */
static void test_any_two_bytes(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    for (unsigned i = 0; i < 65536; i++) {
        char in[20];
        memset(in, 'x', sizeof in);
        in[i % 18] = (char)(i >> 8);
        in[i % 18 + 1] = (char)i;
        buf_clear(&b);
        json_put_string(&b, str_of(in, sizeof in));
        yyjson_doc *doc = yyjson_read(b.p, b.n, 0);
        assert_non_null(doc);
        yyjson_val *v = yyjson_doc_get_root(doc);
        str got = str_of(yyjson_get_str(v), yyjson_get_len(v));
        if (str_utf8(str_of(in, sizeof in)))
            assert_true(str_eq(got, str_of(in, sizeof in)));
        yyjson_doc_free(doc);
    }
    buf_fini(&b);
}

/* A buffer that is nearly full takes what fits, and knows when something did not. */
static void test_up_to_the_cap(void **state)
{
    (void)state;
    char in[100], want[700];
    size_t n = 0;
    want[n++] = '"';
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = i % 7 == 3 ? '\x01' : i % 5 ? 'a' : '"';
        n += (size_t)snprintf(want + n, sizeof want - n, "%s",
                              in[i] == 'a'   ? "a"
                              : in[i] == '"' ? "\\\""
                                             : "\\u0001");
    }
    want[n++] = '"';
    for (size_t max = 0; max < n + 80; max++) {
        struct buf b;
        buf_init(&b, max);
        json_put_string(&b, str_of(in, sizeof in));
        assert_true(b.n <= max);
        assert_int_equal(b.failed, max < n);
        if (!b.failed)
            assert_true(str_eq(buf_str(&b), str_of(want, n)));
        buf_fini(&b);
    }
}

static void test_commas(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    struct json_writer w = json_writer(&b);
    jw_object(&w);
    jw_kstr(&w, "s", S("x"));
    jw_ku64(&w, "u", UINT64_MAX);
    jw_ki64(&w, "i", INT64_MIN);
    jw_kbool(&w, "t", true);
    jw_kbool(&w, "f", false);
    jw_knull(&w, "n");
    jw_kraw(&w, "r", S("{\"a\": 1}"));
    jw_key(&w, S("a"));
    jw_array(&w);
    jw_u64(&w, 1);
    jw_object(&w);
    jw_object_end(&w);
    jw_array(&w);
    jw_array_end(&w);
    jw_str(&w, S("z"));
    jw_array_end(&w);
    jw_key_any(&w, S("k\"ey"));
    jw_object(&w);
    jw_object_end(&w);
    jw_object_end(&w);
    assert_false(b.failed);
    str want = S("{\"s\":\"x\",\"u\":18446744073709551615,\"i\":-9223372036854775808,\"t\":true,"
                 "\"f\":false,\"n\":null,\"r\":{\"a\": 1},\"a\":[1,{},[],\"z\"],\"k\\\"ey\":{}}");
    assert_true(str_eq(buf_str(&b), want));
    buf_fini(&b);
}

static void test_cap_is_sticky(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    struct json_writer w = json_writer(&b);
    jw_array(&w);
    jw_str(&w, S("far too long for it"));
    jw_array_end(&w);
    assert_true(b.failed);
    assert_true(b.n <= 8);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),       cmocka_unit_test(test_any_two_bytes),
        cmocka_unit_test(test_up_to_the_cap), cmocka_unit_test(test_commas),
        cmocka_unit_test(test_cap_is_sticky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

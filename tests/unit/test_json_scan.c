/* json/scan.h: what is accepted, what is found, where errors point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <yyjson.h>

#include "json/scan.h"

/* A copy of exactly the text's size, so that the address sanitizer sees one byte too many. */
static char *exact(str s)
{
    char *p = malloc(s.n ? s.n : 1);
    memcpy(p, s.p, s.n);
    return p;
}

static bool yyjson_accepts(str s, bool object_only)
{
    yyjson_doc *doc = yyjson_read(s.p, s.n, YYJSON_READ_NOFLAG);
    bool ok = doc && (!object_only || yyjson_is_obj(yyjson_doc_get_root(doc)));
    yyjson_doc_free(doc);
    return ok;
}

static void agrees(str s)
{
    char *p = exact(s);
    str doc = str_of(p, s.n);
    struct fail f = {0};
    bool ours = json_validate(doc, 1024, NULL, &f) == OK;
    bool objects = json_scan_object(doc, NULL, NULL, 0, 1024, &f) == OK;
    if (ours != yyjson_accepts(doc, false) || objects != yyjson_accepts(doc, true))
        fail_msg("disagreement with yyjson about: %.*s (we: %d)", STR_FMT(s), ours);
    free(p);
}

static const char *const texts[] = {
    "",
    " ",
    "null",
    "nul",
    "nulll",
    "true",
    "false",
    "tru",
    "True",
    "0",
    "-0",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "1.0",
    "1.0e",
    "1e5",
    "1E+5",
    "1e-5",
    "1e",
    "1e+",
    "1.e5",
    "0e1",
    "1e308",
    "1e309",
    "-1e309",
    "1e99999999999999999999",
    "0e99999999999999999999",
    "1e-99999999999999999999",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "1.79769313486231580e308",
    "17976931348623159e292",
    "0.0000017976931348623159e314",
    "0.0000017976931348623157e314",
    "0.0e400",
    "NaN",
    "Infinity",
    "\"\"",
    "\"a\"",
    "\"a",
    "\"\\\"",
    "\"\\n\\t\\r\\b\\f\\/\\\\\\\"\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u1234\"",
    "\"\\uD83D\\uDE00\"",
    "\"\\ud83d\"",
    "\"\\ude00\"",
    "\"\\ud83d\\u0041\"",
    "\"\\ud83dx\"",
    "\"\\ud83d\\ud83d\"",
    "\"\\u00\"",
    "\"\\u000g\"",
    "\"\\u\"",
    "\"\\",
    "\"\t\"",
    "\"\n\"",
    "\"\x1f\"",
    "\"\x7f\"",
    "\"caf\xc3\xa9\"",
    "\"\xc3\"",
    "\"\xc3(\"",
    "\"\xe2\x82\xac\"",
    "\"\xe2\x82\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"\xf0\x9f\x98\"",
    "\"\xc0\xaf\"",
    "\"\xe0\x80\xaf\"",
    "\"\xed\xa0\x80\"",
    "\"\xf0\x80\x80\x80\"",
    "\"\xf4\x8f\xbf\xbf\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\x80\"",
    "\"\xff\"",
    "\"\xef\xbf\xbf\"",
    "\xef\xbb\xbf{}",
    "{}",
    "{ }",
    "[]",
    "[ ]",
    "{",
    "}",
    "[",
    "]",
    "[}",
    "{]",
    "[[]]",
    "[[]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,2]",
    "[1,,2]",
    "{\"a\":1}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\" 1}",
    "{\"a\"}",
    "{\"a\":}",
    "{a:1}",
    "{'a':1}",
    "{\"a\":1 \"b\":2}",
    "{1:2}",
    "{\"a\":1,\"b\":[1,{\"c\":null}]}",
    " { \"a\" : [ 1 , 2 ] , \"b\" : { } } \n",
    "{} {}",
    "{}x",
    "// c\n{}",
    "{/* c */}",
    "\v{}",
    "\f{}",
    "{}\0",
    "[\"a\",tru]",
    "{\"a\":1}}",
    "[1]]",
    "123456789012345678901234567890",
    "-9223372036854775809",
    "18446744073709551616",
    "0.1234567890123456789012345678901234567890",
    "[-]",
    "[1-2]",
    "[0x1]",
    "[1e1.5]",
};

static void test_agrees_with_yyjson(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        agrees(str_c(texts[i]));
    agrees(S("{}\0"));
    agrees(S("{\"a\0b\":1}"));
    agrees(S("\0"));
}

/* Integers without an exponent reach infinity too, at exactly 2^1024 - 2^970. */
static void test_long_integers(void **state)
{
    (void)state;
    static const char limit[] =
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649"
        "017977587207096330286416692887910946555547851940402630657488671505820681908902000708383"
        "676273854845817711531764475730270069855571366959622842914819860834936475292719074168444"
        "365510704342711559699508093042880177904174497792";
    char text[400];
    snprintf(text, sizeof text, "%s", limit);
    assert_int_equal(json_validate(str_c(text), 4, NULL, NULL), ERR_BAD_JSON);
    agrees(str_c(text));
    text[308] = '1';
    assert_int_equal(json_validate(str_c(text), 4, NULL, NULL), OK);
    agrees(str_c(text));
    for (size_t n = 300; n < 320; n++) {
        memset(text, '9', n);
        text[n] = 0;
        agrees(str_c(text));
        memset(text, '1', n);
        agrees(str_c(text));
        snprintf(text + n, sizeof text - n, "e-10");
        agrees(str_c(text));
    }
}

/* Special bytes at every offset around the widths at which strings are skipped. */
static void test_every_alignment(void **state)
{
    (void)state;
    static const char *const odd[] = {"\"",      "\\",       "\\n",  "\x1f",    "\x01",
                                      "\x80",    "\xc3\xa9", "\x7f", "\\u00e9", "\xf0\x9f\x98\x80",
                                      "\xe2\x82"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        for (size_t before = 0; before < 40; before++) {
            for (size_t after = 0; after < 20; after++) {
                char text[128] = "\"";
                memset(text + 1, 'x', before);
                size_t n = 1 + before;
                n += (size_t)sprintf(text + n, "%s", odd[i]);
                memset(text + n, 'y', after);
                n += after;
                text[n++] = '"';
                agrees(str_of(text, n));
                agrees(str_of(text, n - 1));
            }
        }
    }
}

static void test_finds_members(void **state)
{
    (void)state;
    str doc = S(" {\"model\" : \"gpt\\u002d4\",\"stream\":true, \"x\":{\"model\":1},\"n\":-1.5 ,"
                "\"messages\":[{\"a\":[]}],\"nothing\":null}");
    const str keys[] = {S("model"), S("stream"), S("n"), S("messages"), S("nothing"), S("absent")};
    struct json_span got[6];
    struct fail f = {0};
    assert_int_equal(json_scan_object(doc, keys, got, 6, 16, &f), OK);
    assert_int_equal(got[0].kind, JSON_STRING);
    assert_true(got[0].escaped);
    assert_true(str_eq(json_text(doc, got[0]), S("\"gpt\\u002d4\"")));
    assert_int_equal(got[0].key_at, 2);
    assert_int_equal(got[1].kind, JSON_TRUE);
    assert_false(got[1].escaped);
    assert_true(str_eq(json_text(doc, got[1]), S("true")));
    assert_int_equal(got[2].kind, JSON_NUMBER);
    assert_true(str_eq(json_text(doc, got[2]), S("-1.5")));
    assert_int_equal(got[3].kind, JSON_ARRAY);
    assert_true(str_eq(json_text(doc, got[3]), S("[{\"a\":[]}]")));
    assert_int_equal(got[4].kind, JSON_NULL);
    assert_int_equal(got[5].kind, JSON_ABSENT);
    assert_null(json_text(doc, got[5]).p);

    struct json_span inner[1];
    const str a[] = {S("model")};
    const str x[] = {S("x")};
    struct json_span outer[1];
    assert_int_equal(json_scan_object(doc, x, outer, 1, 16, &f), OK);
    assert_int_equal(json_scan_members(doc, outer[0], a, inner, 1, &f), OK);
    assert_true(str_eq(json_text(doc, inner[0]), S("1")));
    assert_int_equal(doc.p[inner[0].key_at], '"');
}

static void test_duplicate_keys(void **state)
{
    (void)state;
    static const char *const twice[] = {
        "{\"model\":\"a\",\"model\":\"b\"}",
        "{\"model\":\"a\",\"mod\\u0065l\":\"b\"}",
        "{\"\\u006dodel\":\"a\",\"x\":1,\"model\":\"b\"}",
        "{\"model\":{\"model\":1},\"model\":\"b\"}",
    };
    const str keys[] = {S("model")};
    struct json_span got[1];
    struct fail f = {0};
    for (size_t i = 0; i < sizeof twice / sizeof twice[0]; i++) {
        assert_int_equal(json_scan_object(str_c(twice[i]), keys, got, 1, 16, &f),
                         ERR_DUPLICATE_KEY);
        assert_non_null(strstr(f.text, "model"));
    }
    assert_int_equal(json_scan_object(S("{\"mod\\u0065l\":1}"), keys, got, 1, 16, &f), OK);
    assert_int_equal(got[0].kind, JSON_NUMBER);
    /* Keys we do not act on are the provider's business. */
    assert_int_equal(json_scan_object(S("{\"x\":1,\"x\":2}"), keys, got, 1, 16, &f), OK);
}

static void test_depth(void **state)
{
    (void)state;
    char text[4200];
    struct fail f = {0};
    for (unsigned depth = 1; depth <= 1026; depth++) {
        size_t n = 0;
        for (unsigned i = 0; i < depth; i++)
            n += (size_t)sprintf(text + n, i % 3 ? "[" : "{\"a\":");
        text[n++] = '1';
        for (unsigned i = depth; i-- > 0;)
            text[n++] = i % 3 ? ']' : '}';
        str doc = str_of(text, n);
        enum err want = depth > 1024 ? ERR_TOO_DEEP : OK;
        assert_int_equal(json_validate(doc, 1024, NULL, &f), want);
        assert_int_equal(json_validate(doc, depth, NULL, &f), want);
        assert_int_equal(json_validate(doc, depth - 1, NULL, &f), ERR_TOO_DEEP);
    }
    assert_int_equal(json_validate(S("{}"), 0, NULL, &f), ERR_TOO_DEEP);
    assert_int_equal(json_validate(S("1"), 0, NULL, &f), OK);
}

static void test_error_offsets(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{\"a\":1,}", "byte 7:"},
        {"{\"a\":tru}", "byte 5:"},
        {"{\"a\":1}x", "byte 7:"},
        {"{\"a\":\"\x01\"}", "byte 6:"},
        {"{\"a\":\"x", "byte 7: unexpected end"},
        {"[1]", "byte 0: an object"},
        {"", "byte 0: unexpected end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fail f = {0};
        assert_int_equal(json_scan_object(str_c(cases[i].text), NULL, NULL, 0, 16, &f),
                         ERR_BAD_JSON);
        if (!strstr(f.text, cases[i].says))
            fail_msg("%s: %s", cases[i].text, f.text);
    }
    /* The offset is the document's inside a member too. */
    struct fail f = {0};
    enum json_kind kind = JSON_NULL;
    assert_int_equal(json_validate(S(" [1]"), 4, &kind, &f), OK);
    assert_int_equal(kind, JSON_ARRAY);
    assert_int_equal(json_validate(S(""), 4, &kind, NULL), ERR_BAD_JSON);
    assert_int_equal(kind, JSON_ABSENT);
}

static void unescapes_to(const char *lit, str want)
{
    char *in = exact(str_c(lit)), *out = malloc(strlen(lit));
    size_t n = json_unescape(str_of(in, strlen(lit)), out);
    if (!str_eq(str_of(out, n), want))
        fail_msg("%s -> %.*s", lit, (int)n, out);
    assert_true(json_string_is(str_of(in, strlen(lit)), want));
    assert_false(json_string_is(str_of(in, strlen(lit)), S("something else")));
    assert_false(json_string_is(str_of(in, strlen(lit)), str_head(want, want.n ? want.n - 1 : 9)) &&
                 want.n);
    free(in);
    free(out);
}

static void test_unescape(void **state)
{
    (void)state;
    unescapes_to("\"\"", S(""));
    unescapes_to("\"plain\"", S("plain"));
    unescapes_to("\"a\\n\\t\\\"\\\\\\/\\b\\f\\rz\"", S("a\n\t\"\\/\b\f\rz"));
    unescapes_to("\"\\u0041\\u00e9\\u20ac\"", S("A\xc3\xa9\xe2\x82\xac"));
    unescapes_to("\"\\ud83d\\ude00!\"", S("\xf0\x9f\x98\x80!"));
    unescapes_to("\"\\ud83d\"", S("\xef\xbf\xbd"));
    unescapes_to("\"\\ude00x\"", S("\xef\xbf\xbdx"));
    unescapes_to("\"\\ud83d\\u0041\"", S("\xef\xbf\xbd"
                                         "A"));
    unescapes_to("\"\\u0000\"", S("\0"));
    /* Not literals a scan would find; still nothing is read or written out of bounds. */
    unescapes_to("\"\\\"", S("\\"));
    unescapes_to("\"\\u12\"", S("\\u12"));
    unescapes_to("\"\\ud83d\\u12\"", S("\xef\xbf\xbd\\u12"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_yyjson), cmocka_unit_test(test_long_integers),
        cmocka_unit_test(test_every_alignment),    cmocka_unit_test(test_finds_members),
        cmocka_unit_test(test_duplicate_keys),     cmocka_unit_test(test_depth),
        cmocka_unit_test(test_error_offsets),      cmocka_unit_test(test_unescape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

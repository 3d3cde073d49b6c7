/* base/str.h: slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/str.h"

static const str none = {NULL, 0};

static void test_equality(void **state)
{
    (void)state;
    assert_true(str_eq(none, S("")));
    assert_true(str_eq(S("ab"), S("ab")));
    assert_false(str_eq(S("ab"), S("aB")));
    assert_false(str_eq(S("ab"), S("abc")));
    assert_true(str_eq(str_c(NULL), none));
    assert_int_equal(str_c("abc").n, 3);
    assert_true(str_eq_nocase(S("Content-Type"), S("cONTENT-tYPE")));
    assert_true(str_eq_nocase(none, S("")));
    /* Only letters have two cases: '@' and '`', '[' and '{' differ in the same bit. */
    assert_false(str_eq_nocase(S("@["), S("`{")));
    assert_false(str_eq_nocase(S("\xc4"), S("\xe4")));
    assert_false(str_eq_nocase(S("a"), S("ab")));
}

static void test_ends(void **state)
{
    (void)state;
    assert_true(str_starts(S("abc"), S("ab")));
    assert_true(str_starts(S("abc"), none));
    assert_true(str_starts(none, none));
    assert_false(str_starts(S("ab"), S("abc")));
    assert_false(str_starts(none, S("a")));
    assert_true(str_ends(S("abc"), S("bc")));
    assert_true(str_ends(S("abc"), none));
    assert_true(str_ends(none, none));
    assert_false(str_ends(S("bc"), S("abc")));
    assert_false(str_ends(S("abc"), S("ab")));
    assert_true(str_starts_nocase(S("Bearer x"), S("bearer ")));
    assert_false(str_starts_nocase(S("Beare"), S("bearer")));
}

static void test_parts(void **state)
{
    (void)state;
    str s = S("hello");
    assert_true(str_eq(str_from(s, 2), S("llo")));
    assert_true(str_eq(str_from(s, 0), s));
    assert_ptr_equal(str_from(s, 5).p, s.p + 5);
    assert_int_equal(str_from(s, 5).n, 0);
    assert_ptr_equal(str_from(s, 99).p, s.p + 5); /* never past the end */
    assert_int_equal(str_from(s, SIZE_MAX).n, 0);
    assert_null(str_from(none, 3).p);
    assert_true(str_eq(str_head(s, 2), S("he")));
    assert_true(str_eq(str_head(s, 99), s));
    assert_int_equal(str_head(none, 2).n, 0);
}

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(str_find_char(S("a:b:c"), ':'), 1);
    assert_int_equal(str_find_char(S("abc"), ':'), 3);
    assert_int_equal(str_find_char(none, ':'), 0);
    assert_int_equal(str_find_last(S("a:b:c"), ':'), 3);
    assert_int_equal(str_find_last(S(":bc"), ':'), 0);
    assert_int_equal(str_find_last(S("abc"), ':'), 3);
    assert_int_equal(str_find_last(none, ':'), 0);
    assert_int_equal(str_find(S("a://b://"), S("://")), 1);
    assert_int_equal(str_find(S("ab"), S("abc")), 2);
    assert_int_equal(str_find(S("aab"), S("ab")), 1);
    assert_int_equal(str_find(S("abc"), none), 0);
    assert_int_equal(str_find(none, none), 0);
    assert_int_equal(str_find(none, S("a")), 0);
    assert_int_equal(str_find(S("a\0b"), S("\0b")), 1);
}

static int sign(int v)
{
    return v < 0 ? -1 : v > 0;
}

static void test_order(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int want;
    } rows[] = {{"", "", 0},       {"", "a", -1},        {"a", "", 1},     {"a", "b", -1},
                {"b", "a", 1},     {"ab", "abc", -1},    {"abc", "ab", 1}, {"b", "abc", 1},
                {"abc", "abc", 0}, {"\x7f", "\x80", -1}, {"B", "a", -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(sign(str_cmp(str_c(rows[i].a), str_c(rows[i].b))), rows[i].want);
    assert_int_equal(str_cmp(none, S("")), 0);
}

static void test_trim(void **state)
{
    (void)state;
    assert_true(str_eq(str_trim(S(" \t a b\r\n")), S("a b")));
    assert_true(str_eq(str_trim(S("ab")), S("ab")));
    assert_int_equal(str_trim(S(" \t\r\n ")).n, 0);
    assert_int_equal(str_trim(none).n, 0);
    /* Other blanks are bytes like any: a form feed in a key is part of the key. */
    assert_true(str_eq(str_trim(S("\fa\v")), S("\fa\v")));
    assert_true(str_eq(str_trim(S("\xc2\xa0")), S("\xc2\xa0")));
}

static void splits(const char *text, const char *joined)
{
    char got[64];
    size_t n = 0;
    str rest = str_c(text);
    while (rest.p) {
        str part = str_split(&rest, ',');
        got[n++] = '<';
        memcpy(got + n, part.p, part.n);
        n += part.n;
        got[n++] = '>';
    }
    assert_true(str_eq(str_of(got, n), str_c(joined)));
}

static void test_split(void **state)
{
    (void)state;
    splits("a,b,c", "<a><b><c>");
    splits("a", "<a>");
    splits("", "<>");
    splits(",", "<><>");
    splits("a,", "<a><>");
    splits(",,a", "<><><a>");
    str rest = none;
    assert_int_equal(str_split(&rest, ',').n, 0);
    assert_null(rest.p);
}

static void test_u64(void **state)
{
    (void)state;
    uint64_t v = 7;
    static const char *const bad[] = {
        "",
        " 1",
        "1 ",
        "+1",
        "-1",
        "0x1",
        "1.0",
        "a",
        "1_",
        "\t",
        "18446744073709551616",
        "18446744073709551620",
        "99999999999999999999",
        "184467440737095516150",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (str_u64(str_c(bad[i]), &v))
            fail_msg("%s is no number", bad[i]);
    }
    assert_int_equal(v, 7); /* untouched */
    assert_true(str_u64(S("0"), &v) && v == 0);
    assert_true(str_u64(S("18446744073709551615"), &v) && v == UINT64_MAX);
    assert_true(str_u64(S("0000000000000000000000042"), &v) && v == 42);
}

static void distance(const char *a, const char *b, size_t max, size_t want)
{
    assert_int_equal(str_distance(str_c(a), str_c(b), max), want);
    assert_int_equal(str_distance(str_c(b), str_c(a), max), want);
}

static void test_distance(void **state)
{
    (void)state;
    distance("", "", 3, 0);
    distance("", "abc", 3, 3);
    distance("", "abcd", 3, 4);
    distance("kitten", "sitting", 5, 3);
    distance("kitten", "sitting", 2, 3); /* max + 1: too far */
    distance("GPT-5", "gpt-5", 3, 0);
    distance("claude-opus-4-6", "claude-opus-4.6", 3, 1);
    distance("ab", "ba", 3, 2);
    char longest[130];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(str_distance(str_of(longest, 128), str_of(longest, 127), 2), 1);
    assert_int_equal(str_distance(str_of(longest, 129), str_of(longest, 129), 2), 3);
}

static void test_glob(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *s;
        bool want;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"**", "", true},
        {"a", "", false},
        {"gpt-*", "GPT-5", true},
        {"gpt-*", "gpt-", true},
        {"gpt-*", "gpt", false},
        {"*mini", "o3-mini", true},
        {"*mini", "o3-minis", false},
        {"*-4-*", "claude-4-6", true},
        {"a*b*c", "aXbXc", true},
        {"a*b*c", "abcb", false},
        {"a*bc", "abcbc", true},
        {"a*bc", "abcbd", false},
        {"*a*", "bbb", false},
        {"?", "a", false},
        {"[a]", "a", false},
        {"a*", "ba", false},
        {"*ab*ab", "ababab", true},
        {"*ab*ab", "ab", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (str_glob(str_c(rows[i].pattern), str_c(rows[i].s)) != rows[i].want)
            fail_msg("%s on %s", rows[i].pattern, rows[i].s);
    }
    assert_true(str_glob(S("a*"), S("a\0b")));
    /* What makes backtracking matchers exponential. */
    char as[2000];
    memset(as, 'a', sizeof as);
    assert_false(str_glob(S("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), str_of(as, sizeof as)));
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "plain",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "a\xc3\xa4z\xf0\x9f\x98\x80",
    };
    /* Lone continuations, overlong forms, surrogates, past U+10FFFF, cut short, bytes that never
     * occur: the classes of Kuhn's stress test. */
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xfe",
        "\xff",
        "\xc2",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xc2z",
        "\xe2\x82z",
        "\xf0\x9f\x98z",
        "\xe2z\x82",
        "ok\xc3",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(str_utf8(str_c(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        /* Of exactly its size, so that one byte read too far is seen. */
        str s = str_c(bad[i]);
        char *copy = malloc(s.n);
        memcpy(copy, s.p, s.n);
        assert_false(str_utf8(str_of(copy, s.n)));
        free(copy);
    }
    assert_true(str_utf8(none));
    assert_true(str_utf8(S("a\0b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality), cmocka_unit_test(test_ends),
        cmocka_unit_test(test_parts),    cmocka_unit_test(test_find),
        cmocka_unit_test(test_order),    cmocka_unit_test(test_trim),
        cmocka_unit_test(test_split),    cmocka_unit_test(test_u64),
        cmocka_unit_test(test_distance), cmocka_unit_test(test_glob),
        cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

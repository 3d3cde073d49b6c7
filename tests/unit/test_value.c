/*
 * The texts of scalars: booleans, integers, durations, sizes; and what an excerpt hides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/value.h"
#include "config/yaml.h"

static void test_bool(void **state)
{
    static const struct {
        const char *text;
        int want; /* -1: refused */
    } cases[] = {
        {"true", 1}, {"True", 1}, {"TRUE", 1}, {"yes", 1}, {"on", 1},     {"y", 1},  {"false", 0},
        {"no", 0},   {"Off", 0},  {"n", 0},    {"", -1},   {"maybe", -1}, {"1", -1}, {"truee", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool v = !cases[i].want;
        assert_int_equal(value_bool(str_c(cases[i].text), &v), cases[i].want >= 0);
        if (cases[i].want >= 0)
            assert_int_equal(v, cases[i].want);
    }
}

static void test_int(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
    } good[] = {
        {"0", 0},        {"-12", -12}, {"+7", 7},
        {"0x1F", 31},    {"0o17", 15}, {"0b101", 5},
        {"1_000", 1000}, {"007", 7},   {"9223372036854775807", INT64_MAX},
    };
    static const char *const bad[] = {
        "", "-", "1.5", "1e3", "abc", "0x", "1__0", "_1", "1_", "9223372036854775808", "1 ", "--1",
    };
    int64_t v;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(value_int(str_c(good[i].text), &v));
        assert_int_equal(v, good[i].want);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(value_int(str_c(bad[i]), &v));
}

static void test_double(void **state)
{
    double v;
    (void)state;
    assert_true(value_double(S("0.25"), &v));
    assert_true(v == 0.25);
    assert_true(value_double(S("1e3"), &v));
    assert_true(v == 1000);
    assert_false(value_double(S("inf"), &v));
    assert_false(value_double(S("nan"), &v));
    assert_false(value_double(S("0x10"), &v));
    assert_false(value_double(S("1e999"), &v));
    assert_false(value_double(S("1."
                                "0000000000000000000000000000000000000000000000"),
                              &v));
    assert_false(value_double(S(""), &v));
}

static void test_ms(void **state)
{
    static const struct {
        const char *text;
        uint64_t want;
    } good[] = {
        {"0", 0},           {"30", 30000},     {"1.5", 1500},     {"250ms", 250},
        {"1s", 1000},       {"1.5s", 1500},    {"5m", 300000},    {"1h", 3600000},
        {"1h30m", 5400000}, {"2d", 172800000}, {"1m0.5s", 60500}, {"5M", 300000},
    };
    static const char *const bad[] = {
        "", "s", "5x", "-1s", "1 s", "1s ", "soon", "1hm", "18446744073709551615", "1..5s",
    };
    uint64_t v;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(value_ms(str_c(good[i].text), &v));
        assert_int_equal(v, good[i].want);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(value_ms(str_c(bad[i]), &v));
}

static void test_bytes(void **state)
{
    static const struct {
        const char *text;
        uint64_t want;
    } good[] = {
        {"0", 0},          {"4096", 4096},   {"64KiB", 65536}, {"64 MiB", 64 << 20},
        {"1GiB", 1 << 30}, {"1kB", 1000},    {"2MB", 2000000}, {"64k", 65536},
        {"64M", 64 << 20}, {"1.5KiB", 1536}, {"12B", 12},
    };
    static const char *const bad[] = {"", "MiB", "1.5", "-1", "lots", "1TiBx", "99999999999GiB"};
    uint64_t v;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(value_bytes(str_c(good[i].text), &v));
        assert_int_equal(v, good[i].want);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(value_bytes(str_c(bad[i]), &v));
}

static void test_put_reads_back(void **state)
{
    static const uint64_t values[] = {0,     1,      250,     1000,  1500,
                                      60000, 300000, 3600000, 90000, 7777777};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct buf b;
        uint64_t v = 1;
        buf_init(&b, 64);
        value_put_ms(&b, values[i]);
        assert_true(value_ms(buf_str(&b), &v));
        assert_int_equal(v, values[i]);
        buf_clear(&b);
        value_put_bytes(&b, values[i]);
        assert_true(value_bytes(buf_str(&b), &v));
        assert_int_equal(v, values[i]);
        buf_fini(&b);
    }
}

static void test_excerpt(void **state)
{
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"port: 83 17: x", "port: 83 17: x"},
        {"hush", ""}, /* may be the rest of a key that began above */
        {"  host: 127.0.0.1  ", "host: 127.0.0.1"},
        {"tls: {enable: [true", "tls: {enable: [true"},
        {"- api-key: sk-1", "- api-key: ***"},
        {"- {name: a, api-key: sk-1, weight: 2}", "- {name: a, api-key: ***"},
        {"api-key sk-abc", ""},
        {"\"secret-key\": hunter2", "'secret-key': ***"},
        {"password: x", "password: ***"},
        {"auth-token: x", "auth-token: ***"},
        {"proxy-url: http://u:p@h", "proxy-url: ***"},
        {"- sk-abc", "- ***"},
        {"- \"whatever", "- ***"},
        {"- name: x", "- name: x"},
        {"x: sk-abc", "x: ***"},
        {"x: abcdefghij0123456789", "x: ***"},
        {"x: http://joe:pw@host/", "x: http://***@host/"},
        {"", ""},
    };
    char out[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        yaml_excerpt(str_c(cases[i].line), out, sizeof out);
        assert_string_equal(out, cases[i].want);
    }
    yaml_shown(S("abc"), out, sizeof out);
    assert_string_equal(out, "abc");
    yaml_shown(S("sk-abc 0123456789abcdef"), out, sizeof out);
    assert_string_equal(out, "*** ***");
    yaml_excerpt(S("x: \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"), out, 7);
    assert_string_equal(out, "x: \xc3\xa9"); /* never half a character */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bool),    cmocka_unit_test(test_int),
        cmocka_unit_test(test_double),  cmocka_unit_test(test_ms),
        cmocka_unit_test(test_bytes),   cmocka_unit_test(test_put_reads_back),
        cmocka_unit_test(test_excerpt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

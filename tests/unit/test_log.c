/* base/log.h: the line's form to the byte, masks, and the bounded queue. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/log.h"

static struct buf out;

static int setup(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    buf_init(&out, 8 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

/* 2026-11-22 20:14:04.123 UTC */
static const uint64_t when = 1795378444123;

#define formats(level, id, want, message, ...)                                               \
    do {                                                                                     \
        buf_clear(&out);                                                                     \
        log_format(&out, when, (level), (id), (message),                                     \
                   (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.kind = LOG_END}}); \
        if (!str_eq(buf_str(&out), str_c(want)))                                             \
            fail_msg("%.*s", STR_FMT(buf_str(&out)));                                        \
    } while (0)

static void test_lines(void **state)
{
    (void)state;
    formats(LOG_INFO, 0xa1b2c3d4,
            "[2026-11-22 20:14:04.123] [a1b2c3d4] [info ] request {\"path\":\"/v1\",\"n\":-3}\n",
            "request", log_str("path", S("/v1")), log_int("n", -3));
    formats(LOG_DEBUG, 0, "[2026-11-22 20:14:04.123] [--------] [debug] no fields\n", "no fields");
    formats(LOG_WARN, 1,
            "[2026-11-22 20:14:04.123] [00000001] [warn ] m {\"b\":true,\"c\":false}\n", "m",
            log_bool("b", true), log_bool("c", false));
    formats(LOG_ERROR, UINT32_MAX,
            "[2026-11-22 20:14:04.123] [ffffffff] [error] m {\"u\":18446744073709551615}\n", "m",
            log_uint("u", UINT64_MAX));
}

static void test_milliseconds_are_padded(void **state)
{
    (void)state;
    static const struct log_field end[] = {{.kind = LOG_END}};
    buf_clear(&out);
    log_format(&out, 7, LOG_INFO, 0, "m", end);
    log_format(&out, 86400000 + 70, LOG_INFO, 0, "m", end); /* the second's text is cached */
    log_format(&out, 8, LOG_INFO, 0, "m", end);
    assert_true(str_eq(buf_str(&out), S("[1970-01-01 00:00:00.007] [--------] [info ] m\n"
                                        "[1970-01-02 00:00:00.070] [--------] [info ] m\n"
                                        "[1970-01-01 00:00:00.008] [--------] [info ] m\n")));
}

#define HEAD "[2026-11-22 20:14:04.123] [--------] [info ] m"

static void test_left_out(void **state)
{
    (void)state;
    formats(LOG_INFO, 0, HEAD " {\"b\":1,\"d\":2}\n", "m", log_str(NULL, S("x")), log_int("b", 1),
            log_str(NULL, S("x")), log_int("d", 2), log_str(NULL, S("x")));
    formats(LOG_INFO, 0, HEAD "\n", "m", log_str(NULL, S("x")));
}

static void test_durations(void **state)
{
    (void)state;
    formats(LOG_INFO, 0,
            HEAD " {\"a\":0.0,\"b\":0.0,\"c\":0.1,\"d\":1.0,\"e\":12345.7,\"f\":0.0}\n", "m",
            log_ms("a", 0), log_ms("b", 49999), log_ms("c", 50000), log_ms("d", 999999),
            log_ms("e", 12345678901), log_ms("f", -5));
}

/* One line stays one line, and stays JSON, whatever a client puts into a path or a model. */
static void test_escapes(void **state)
{
    (void)state;
    formats(LOG_INFO, 0, HEAD " {\"s\":\"a\\\"b\\\\c\\nd?e?f?g\"}\n", "m",
            log_str("s", S("a\"b\\c\nd\re\0f\x7fg")));
    formats(LOG_INFO, 0, HEAD " {\"s\":\"\"}\n", "m", log_str("s", ((str){NULL, 0})));
    formats(LOG_INFO, 0, HEAD " {\"s\":\"\xc3\xa4\xe2\x82\xac\"}\n", "m",
            log_str("s", S("\xc3\xa4\xe2\x82\xac")));
    formats(LOG_INFO, 0, HEAD " {\"s\":\"a??b?\"}\n", "m",
            log_str("s", S("a\xc3\xa4"
                           "b\xff")));
    formats(LOG_INFO, 0, HEAD " {\"s\":\"\\\"\\\"\"}\n", "m", log_str("s", S("\"\"")));
}

/* The value of field s after a log line of it, without its quotes. */
static str value_of(str s)
{
    buf_clear(&out);
    log_format(&out, when, LOG_INFO, 0, "m",
               (const struct log_field[]){log_str("s", s), {.kind = LOG_END}});
    str line = str_from(buf_str(&out), sizeof HEAD " {\"s\":\"" - 1);
    return str_head(line, line.n - 3);
}

/* A long value is cut between two characters and stays readable. */
static void test_long_values(void **state)
{
    (void)state;
    static const char *const chars[] = {"x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char text[5000];
    for (size_t c = 0; c < 4; c++) {
        size_t size = strlen(chars[c]);
        for (size_t shift = 0; shift < 8; shift++) {
            size_t n = shift;
            memset(text, '.', shift);
            for (; n + size <= sizeof text; n += size)
                memcpy(text + n, chars[c], size);
            str v = value_of(str_of(text, n));
            assert_in_range(v.n, 2048 - 3, 2048);
            assert_true(str_utf8(v));
            assert_memory_equal(v.p, text, v.n); /* no '?' */
        }
    }
    memset(text, 0x80, sizeof text); /* no characters at all */
    str v = value_of(str_of(text, sizeof text));
    assert_in_range(v.n, 2040, 2048);
    for (size_t i = 0; i < v.n; i++)
        assert_int_equal(v.p[i], '?');
}

static void masks(const char *secret, const char *want)
{
    struct log_field f = log_secret("k", str_c(secret));
    assert_int_equal(f.kind, LOG_STR);
    assert_string_equal(f.key, "k");
    assert_true(str_eq(f.s, str_c(want)));
}

static void test_masks(void **state)
{
    (void)state;
    masks("", "...");
    masks("short", "...");
    masks("12345678901", "...");
    masks("123456789012", "...9012");
    masks("sk-a-very-long-key-abcd", "...abcd");
    /* Several in one line do not overwrite each other. */
    formats(LOG_INFO, 0, HEAD " {\"a\":\"...aaaa\",\"b\":\"...bbbb\"}\n", "m",
            log_secret("a", S("key-aaaaaaaaaaaa")), log_secret("b", S("key-bbbbbbbbbbbb")));
}

/* ---- The queue. ---- */

static unsigned wakes;

static void on_wake(void *arg)
{
    assert_ptr_equal(arg, &wakes);
    __atomic_add_fetch(&wakes, 1, __ATOMIC_RELAXED);
}

static size_t lines_in(str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

static void test_levels(void **state)
{
    (void)state;
    assert_true(log_on(LOG_INFO) && !log_on(LOG_DEBUG));
    log_set_level(LOG_WARN);
    assert_false(log_on(LOG_INFO));
    assert_true(log_on(LOG_WARN) && log_on(LOG_ERROR));
    log_set_level(LOG_DEBUG);
    assert_true(log_on(LOG_DEBUG));
    log_set_level(LOG_INFO);
}

static void test_queue(void **state)
{
    (void)state;
    wakes = 0;
    buf_clear(&out);
    log_start(on_wake, &wakes);
    log_debug(0, "not on");
    assert_int_equal(wakes, 0);
    log_info(1, "one");
    assert_int_equal(wakes, 1); /* the writer slept */
    log_info(2, "two");
    assert_int_equal(wakes, 1); /* it knows */
    assert_int_equal(log_take(&out), 0);
    assert_int_equal(lines_in(buf_str(&out)), 2);
    size_t one = str_find(buf_str(&out), S("[00000001] [info ] one\n"));
    assert_true(one < str_find(buf_str(&out), S("[00000002] [info ] two\n")));
    log_info(3, "three");
    assert_int_equal(wakes, 2);
    assert_int_equal(log_take(&out), 0);
    assert_int_equal(lines_in(buf_str(&out)), 3); /* appended */
    assert_int_equal(log_take(&out), 0);
    assert_int_equal(lines_in(buf_str(&out)), 3);
    log_stop();
}

/* A flood keeps its first MiB in whole lines; what it loses is counted, once. */
static void test_flood(void **state)
{
    (void)state;
    enum { LINES = 3000 };
    char text[1000];
    memset(text, 'x', sizeof text);
    buf_clear(&out);
    log_start(on_wake, &wakes);
    for (int i = 0; i < LINES; i++)
        log_info(0, "flood", log_int("i", i), log_str("text", str_of(text, sizeof text)));
    uint64_t dropped = log_take(&out);
    assert_true(dropped > 0);
    assert_true(out.n <= 1024 * 1024);
    assert_int_equal(lines_in(buf_str(&out)) + dropped, LINES);
    assert_int_equal(out.p[out.n - 1], '\n');
    assert_int_equal(log_take(&out), 0);
    buf_clear(&out);
    log_info(0, "after");
    assert_int_equal(log_take(&out), 0);
    assert_int_equal(lines_in(buf_str(&out)), 1);
    log_stop();
}

enum { EACH = 2000 };

static void *logs_many(void *arg)
{
    for (int i = 0; i < EACH; i++)
        log_info((uint32_t)(uintptr_t)arg, "line", log_int("i", i));
    return NULL;
}

/* Lines of several threads are whole, and those of one thread are in order. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[3];
    int next[4] = {0};
    uint64_t dropped = 0;
    buf_clear(&out);
    log_start(on_wake, &wakes);
    for (uintptr_t t = 0; t < 3; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, logs_many, (void *)(t + 1)), 0);
    for (int i = 0; i < 50; i++)
        dropped += log_take(&out);
    for (int t = 0; t < 3; t++)
        pthread_join(threads[t], NULL);
    dropped += log_take(&out);
    log_stop();
    assert_int_equal(lines_in(buf_str(&out)) + dropped, 3 * EACH);
    str rest = buf_str(&out);
    while (rest.n) {
        unsigned id;
        int i;
        str line = str_split(&rest, '\n');
        char copy[200];
        assert_true(line.n < sizeof copy);
        memcpy(copy, line.p, line.n);
        copy[line.n] = 0;
        assert_int_equal(sscanf(copy + 26, "[%x] [info ] line {\"i\":%d}", &id, &i), 2);
        assert_in_range(id, 1, 3);
        assert_true(i >= next[id]);
        next[id] = i + 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),    cmocka_unit_test(test_milliseconds_are_padded),
        cmocka_unit_test(test_left_out), cmocka_unit_test(test_durations),
        cmocka_unit_test(test_escapes),  cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_masks),    cmocka_unit_test(test_levels),
        cmocka_unit_test(test_queue),    cmocka_unit_test(test_flood),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

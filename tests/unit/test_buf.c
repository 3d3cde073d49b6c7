/* base/buf.h: the cap is never passed, an append that would pass it appends nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

static void is(const struct buf *b, const char *text)
{
    if (!str_eq(buf_str(b), str_c(text)))
        fail_msg("%.*s, not %s", STR_FMT(buf_str(b)), text);
    assert_true(b->n <= b->cap && b->cap <= b->max);
}

static void test_puts(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_null(b.p);
    buf_put(&b, (str){NULL, 0});
    buf_put(&b, S(""));
    assert_null(b.p); /* nothing put, nothing allocated */
    buf_lit(&b, "a=");
    buf_put_u64(&b, 0);
    buf_put_char(&b, ',');
    buf_put_u64(&b, UINT64_MAX);
    buf_put_char(&b, ',');
    buf_put_i64(&b, INT64_MIN);
    buf_put_char(&b, ',');
    buf_put_i64(&b, -1);
    buf_put_char(&b, ',');
    buf_put_i64(&b, INT64_MAX);
    is(&b, "a=0,18446744073709551615,-9223372036854775808,-1,9223372036854775807");
    buf_clear(&b);
    assert_non_null(b.p);
    buf_put_hex(&b, 0);
    buf_put_char(&b, ' ');
    buf_put_hex(&b, 0xdeadbeef);
    buf_put_char(&b, ' ');
    buf_put_hex(&b, UINT64_MAX);
    buf_printf(&b, " %s-%d", "x", 7);
    is(&b, "0 deadbeef ffffffffffffffff x-7");
    buf_fini(&b);
    assert_null(b.p);
    assert_int_equal(b.max, 1000); /* may be used again */
    buf_lit(&b, "again");
    is(&b, "again");
    buf_fini(&b);
}

static void test_cap_and_sticky_error(void **state)
{
    (void)state;
    for (size_t max = 0; max < 200; max += 7) {
        struct buf b;
        buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            buf_put_char(&b, 'x');
        assert_false(b.failed);
        assert_int_equal(b.n, max);
        buf_put(&b, S("")); /* fits still */
        assert_false(b.failed);
        buf_put_char(&b, 'y');
        assert_true(b.failed);
        assert_int_equal(b.n, max);
        buf_clear(&b);
        assert_false(b.failed);
        buf_fini(&b);
    }
}

static void test_too_much_appends_nothing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_lit(&b, "12345");
    buf_lit(&b, "678901");
    assert_true(b.failed);
    is(&b, "12345");
    buf_lit(&b, "6"); /* would fit, but something is missing before it */
    buf_put_u64(&b, 6);
    buf_printf(&b, "%d", 6);
    is(&b, "12345");
    assert_false(buf_reserve(&b, 1));
    assert_string_equal(buf_c(&b), "");
    buf_clear(&b);
    /* printf needs room for its NUL. */
    buf_printf(&b, "%s", "123456789");
    is(&b, "123456789");
    buf_printf(&b, "%s", "0");
    assert_true(b.failed);
    buf_fini(&b);
}

static void test_reserve(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX);
    assert_true(buf_reserve(&b, 1));
    assert_true(b.cap >= 1);
    assert_int_equal(b.n, 0);
    buf_lit(&b, "abc");
    assert_false(buf_reserve(&b, SIZE_MAX - 2)); /* n + 3 would wrap */
    assert_true(b.failed);
    buf_fini(&b);
    buf_init(&b, 100);
    assert_true(buf_reserve(&b, 100));
    assert_int_equal(b.cap, 100);
    assert_false(buf_reserve(&b, 101));
    buf_fini(&b);
}

static void test_grows_in_steps(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    size_t moves = 0, cap = 0;
    for (size_t i = 0; i < 1 << 20; i++) {
        buf_put_char(&b, (char)i);
        moves += b.cap != cap;
        cap = b.cap;
    }
    assert_true(moves < 20); /* doubled, so that appending is linear */
    for (size_t i = 0; i < 1 << 20; i++)
        assert_int_equal((unsigned char)b.p[i], i & 255);
    buf_fini(&b);
}

static void test_consume_and_release(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_consume(&b, 0);
    buf_lit(&b, "hello world");
    buf_consume(&b, 0);
    is(&b, "hello world");
    buf_consume(&b, 6);
    is(&b, "world");
    buf_release_if_empty(&b);
    is(&b, "world");
    buf_consume(&b, 5);
    assert_int_equal(b.n, 0);
    assert_non_null(b.p);
    buf_release_if_empty(&b);
    assert_null(b.p);
    assert_int_equal(b.cap, 0);
    buf_release_if_empty(&b);
    buf_lit(&b, "x");
    is(&b, "x");
    buf_fini(&b);
}

static void test_c_string(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    assert_string_equal(buf_c(&b), "");
    buf_lit(&b, "abc");
    assert_string_equal(buf_c(&b), "abc");
    assert_int_equal(b.n, 3);
    buf_lit(&b, "d");
    assert_string_equal(buf_c(&b), ""); /* no room for the NUL */
    assert_true(b.failed);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_puts),
        cmocka_unit_test(test_cap_and_sticky_error),
        cmocka_unit_test(test_too_much_appends_nothing),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_grows_in_steps),
        cmocka_unit_test(test_consume_and_release),
        cmocka_unit_test(test_c_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

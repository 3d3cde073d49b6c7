/* json/read.h: trees of texts, as deep as may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "json/read.h"

static enum err read_text(str text, struct arena *a, struct fail *f)
{
    yyjson_val *root;
    enum err e = json_read(text, a, &root, f);
    assert_true(e ? !root : root != NULL);
    return e;
}

/* n arrays or objects within each other, and behind them as many values at the same depth. */
static str nested(struct arena *a, size_t n, bool objects)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < n; i++)
        buf_put(&out, objects ? S("{\"k\":") : S("[[],"));
    buf_lit(&out, "1");
    for (size_t i = 0; i < n; i++)
        buf_put(&out, objects ? S("}") : S(",{}]"));
    str text = str_dup(a, buf_str(&out));
    buf_fini(&out);
    return text;
}

static void test_depth(void **state)
{
    (void)state;
    struct arena a;
    struct fail f = {.code = OK};
    arena_init(&a);
    assert_int_equal(read_text(nested(&a, JSON_DEPTH_MAX, true), &a, &f), OK);
    assert_int_equal(read_text(nested(&a, JSON_DEPTH_MAX + 1, true), &a, &f), ERR_TOO_DEEP);
    /* The innermost array has arrays of its own. */
    assert_int_equal(read_text(nested(&a, JSON_DEPTH_MAX - 1, false), &a, &f), OK);
    assert_int_equal(read_text(nested(&a, JSON_DEPTH_MAX, false), &a, &f), ERR_TOO_DEEP);
    assert_int_equal(read_text(nested(&a, 100000, true), &a, &f), ERR_TOO_DEEP);
    assert_int_equal(read_text(S("{\"a\":\"[[[[\"}"), &a, &f), OK);
    arena_fini(&a);
}

/* Many containers beside each other are not deep. */
static void test_breadth(void **state)
{
    (void)state;
    struct arena a;
    struct buf text;
    struct fail f = {.code = OK};
    arena_init(&a);
    buf_init(&text, 1 << 20);
    buf_lit(&text, "[0");
    for (int i = 0; i < 5000; i++)
        buf_lit(&text, ",[{\"a\":[]},[],{}]");
    buf_lit(&text, "]");
    assert_int_equal(read_text(buf_str(&text), &a, &f), OK);
    buf_fini(&text);
    arena_fini(&a);
}

static void test_numbers_keep_their_text(void **state)
{
    (void)state;
    struct arena a;
    yyjson_val *root;
    int64_t n;
    arena_init(&a);
    assert_int_equal(json_read(S("[0.70,1e3,-5,123456789012345678901234567890]"), &a, &root, NULL),
                     OK);
    assert_true(str_eq(json_text_of(root, &a), S("[0.70,1e3,-5,123456789012345678901234567890]")));
    assert_true(jv_i64(yyjson_arr_get(root, 2), &n) && n == -5);
    assert_false(jv_i64(yyjson_arr_get(root, 1), &n));
    assert_false(jv_i64(yyjson_arr_get(root, 3), &n));
    arena_fini(&a);
}

static void test_no_json(void **state)
{
    (void)state;
    static const char *const texts[] = {"", " ", "{", "[1,]", "{\"a\"}", "nul", "1 2", "\"\xff\""};
    struct arena a;
    struct fail f = {.code = OK};
    arena_init(&a);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(read_text(str_c(texts[i]), &a, &f), ERR_BAD_JSON);
    assert_int_equal(read_text(str_of(NULL, 0), &a, &f), ERR_BAD_JSON);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_breadth),
        cmocka_unit_test(test_numbers_keep_their_text),
        cmocka_unit_test(test_no_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

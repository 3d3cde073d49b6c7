/* base/err.h: the table of errors is complete and says what it must. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void test_rows(void **state)
{
    (void)state;
    for (enum err e = OK; e < ERR_COUNT; e++) {
        const struct err_info *i = err_info(e);
        assert_non_null(i);
        assert_true(i->name && i->name[0] && i->code && i->code[0] && i->text && i->text[0]);
        for (const char *p = i->name; *p; p++)
            assert_true(isupper((unsigned char)*p) || *p == '_');
        for (const char *p = i->code; *p; p++)
            assert_true(islower((unsigned char)*p) || *p == '_');
        assert_true(i->text[strlen(i->text) - 1] != '.'); /* others write on behind it */
        for (enum err k = OK; k < e; k++)
            assert_string_not_equal(i->name, err_info(k)->name);
    }
}

static void test_statuses(void **state)
{
    (void)state;
    assert_int_equal(err_info(OK)->status, 200);
    assert_string_equal(err_info(OK)->name, "OK");
    for (enum err e = OK + 1; e < ERR_COUNT; e++) {
        const struct err_info *i = err_info(e);
        assert_in_range(i->status, 400, 599);
        /* The provider's failings are never the client's fault, and ours never a gateway error. */
        bool up = strncmp(i->name, "UP_", 3) == 0;
        assert_int_equal(up, i->status == 502 || i->status == 504);
        assert_int_equal(up, strncmp(i->code, "upstream_", 9) == 0);
    }
    assert_int_equal(err_info(ERR_NO_KEY)->status, 401);
    assert_int_equal(err_info(ERR_BAD_KEY)->status, 401);
    assert_int_equal(err_info(ERR_TOO_LARGE)->status, 413);
    assert_int_equal(err_info(ERR_HEAD_TOO_LARGE)->status, 431);
    assert_int_equal(err_info(ERR_UP_FIRST)->status, 504);
    assert_string_equal(err_info(ERR_UP_CONNECT)->code, "upstream_timeout");
}

static void test_fail_set(void **state)
{
    (void)state;
    struct fail f = {0};
    assert_int_equal(fail_set(&f, ERR_BAD_JSON, "at byte %d", 7), ERR_BAD_JSON);
    assert_int_equal(f.code, ERR_BAD_JSON);
    assert_string_equal(f.text, "at byte 7");
    assert_string_equal(fail_text(&f), "at byte 7");
    assert_int_equal(fail_set(NULL, ERR_CONFIG, "nobody asks"), ERR_CONFIG);
    fail_set(&f, ERR_NO_PATH, "%s", "");
    assert_string_equal(fail_text(&f), err_info(ERR_NO_PATH)->text);
}

/* A text that came from outside must not begin a line of its own in a log. */
static void test_control_bytes(void **state)
{
    (void)state;
    struct fail f;
    char all[32] = {0};
    for (int c = 1; c < 32; c++)
        all[c - 1] = (char)c;
    fail_set(&f, ERR_BAD_REQUEST, "a%sb\x7f\n", all);
    assert_int_equal(strlen(f.text), 35);
    for (size_t i = 1; i < 32; i++)
        assert_int_equal(f.text[i], '?');
    assert_string_equal(f.text + 32, "b??");
    fail_set(&f, ERR_BAD_REQUEST, "%s", "\xc3\xa4 stays");
    assert_string_equal(f.text, "\xc3\xa4 stays");
}

static void test_long_text_is_cut(void **state)
{
    (void)state;
    struct fail f;
    fail_set(&f, ERR_BAD_REQUEST, "%2000d", 1);
    assert_int_equal(strlen(f.text), FAIL_TEXT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_fail_set),
        cmocka_unit_test(test_control_bytes),
        cmocka_unit_test(test_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

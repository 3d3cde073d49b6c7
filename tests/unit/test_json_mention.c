/* json/mention.h: never says no where a reader would find something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json/mention.h"

static const char *const words[] = {"usage", "error", "finish_reason", NULL};

static void expect(const char *doc, bool yes)
{
    /* At every distance from the borders of the blocks, in a buffer of exactly the size. */
    for (size_t pad = 0; pad < 200; pad++) {
        size_t n = strlen(doc);
        char *text = malloc(n + pad + 1);
        memset(text, ' ', pad);
        memcpy(text + pad, doc, n);
        bool before = json_mentions(str_of(text, n + pad), words);
        memcpy(text, doc, n);
        memset(text + n, ' ', pad);
        bool behind = json_mentions(str_of(text, n + pad), words);
        free(text);
        if (before != yes || behind != yes)
            print_message("%s, %zu\n", doc, pad);
        assert_int_equal(before, yes);
        assert_int_equal(behind, yes);
    }
}

static void test_keys_and_values(void **state)
{
    (void)state;
    expect("{\"usage\":{}}", true);
    expect("{\"a\":{\"error\" : \"x\"}}", true);
    expect("{\"type\":\"error\"}", true);
    expect("{\"finish_reason\":\"stop\"}", true);
    expect("[\"usage\"]", true);
    expect("{\"usages\":1,\"user\":2,\"an error\":3,\"USAGE\":4}", false);
    expect("{\"content\":\"usage and error\"}", false);
    expect("{\"content\":\"the \\\"usage\\\" of\"}", false);
    expect("{}", false);
    expect("", false);
    expect("\"", false);
    expect("\"usage", false);
}

static void test_null_is_nothing(void **state)
{
    (void)state;
    expect("{\"usage\":null,\"finish_reason\" : null,\"error\":\n\tnull}", false);
    expect("{\"usage\":null,\"x\":{\"usage\":0}}", true);
}

static void test_escapes_may_hide_words(void **state)
{
    (void)state;
    expect("{\"us\\u0061ge\":1}", true);
    expect("{\"content\":\"\\u00e9\"}", true);
    expect("{\"content\":\"a\\nb\\\\c\\/\"}", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_and_values),
        cmocka_unit_test(test_null_is_nothing),
        cmocka_unit_test(test_escapes_may_hide_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

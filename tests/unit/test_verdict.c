/* relay/verdict.h: what allows another attempt, said once more and by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relay/verdict.h"

/* Nothing of the request can have been acted on. All others are not in the list: the provider may
 * have worked on it and billed it (UP_FIRST, UP_RESET...), or no provider will like it better. */
static const char *const again[] = {"UP_DNS", "UP_REFUSED", "UP_CONNECT", "UP_TLS", "UP_PROXY"};

static void test_errors(void **state)
{
    (void)state;
    unsigned found = 0;
    for (enum err e = OK; e < ERR_COUNT; e++) {
        bool want = false;
        for (size_t i = 0; i < sizeof again / sizeof *again; i++)
            want |= strcmp(err_info(e)->name, again[i]) == 0;
        if (verdict_next_on_error(e) != want)
            fail_msg("%s", err_info(e)->name);
        found += want;
    }
    assert_int_equal(found, sizeof again / sizeof *again);
}

static void test_statuses(void **state)
{
    (void)state;
    for (int status = -1; status < 1000; status++) {
        bool want = false;
        switch (status) {
        case 401: /* this key */
        case 402: /* this account */
        case 403:
        case 404: /* this model there */
        case 408:
        case 429: want = true; break;
        default: want = status >= 500 && status < 600; break;
        }
        if (verdict_next_on_status(status) != want)
            fail_msg("%d", status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

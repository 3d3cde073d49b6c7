/* net/deadline.h: moved later and sooner, unset, and it fires once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/deadline.h"

/* Times in this test are a few milliseconds: a timer of libuv knows no other clock. */
struct probe {
    struct deadline d;
    unsigned fired, closed;
    uint64_t at; /* loop time of the last firing */
    uint64_t again;
};

static uv_loop_t loop;

static void on_fire(struct deadline *d)
{
    struct probe *p = (struct probe *)(void *)d;
    p->fired++;
    p->at = uv_now(&loop);
    if (p->again) {
        uint64_t ms = p->again;
        p->again = 0;
        deadline_set(d, ms);
    }
}

static void on_closed(uv_handle_t *h)
{
    struct deadline *d = h->data;
    ((struct probe *)(void *)d)->closed++;
}

static void begin(struct probe *p)
{
    *p = (struct probe){0};
    assert_int_equal(uv_loop_init(&loop), 0);
    deadline_init(&p->d, &loop, on_fire);
    uv_update_time(&loop);
}

static void end(struct probe *p)
{
    deadline_close(&p->d, on_closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(p->closed, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_fires_once(void **state)
{
    (void)state;
    struct probe p;
    begin(&p);
    uint64_t from = uv_now(&loop);
    deadline_set(&p.d, 5);
    uv_run(&loop, UV_RUN_DEFAULT); /* ends when no timer is left */
    assert_int_equal(p.fired, 1);
    assert_true(p.at >= from + 5);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 1);
    end(&p);
    assert_int_equal(p.fired, 1);
}

static void test_later(void **state)
{
    (void)state;
    struct probe p;
    begin(&p);
    uint64_t from = uv_now(&loop);
    deadline_set(&p.d, 2);
    for (uint64_t ms = 3; ms < 15; ms++)
        deadline_set(&p.d, ms);
    /* Only the number moved: the timer underneath still stands at the first time. */
    assert_int_equal(uv_timer_get_due_in(&p.d.timer), 2);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 1);
    assert_true(p.at >= from + 14);
    end(&p);
}

static void test_sooner(void **state)
{
    (void)state;
    struct probe p;
    begin(&p);
    deadline_set(&p.d, 60000);
    deadline_set(&p.d, 3);
    assert_true(uv_timer_get_due_in(&p.d.timer) <= 3);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 1);
    end(&p);
}

static void test_unset(void **state)
{
    (void)state;
    struct probe p;
    begin(&p);
    deadline_set(&p.d, 2);
    deadline_set(&p.d, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 0);
    deadline_set(&p.d, 2);
    deadline_clear(&p.d);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 0);
    /* Unset and set again while the old timer still runs. */
    deadline_set(&p.d, 1);
    deadline_clear(&p.d);
    deadline_set(&p.d, 4);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 1);
    end(&p);
}

static void test_set_from_the_callback(void **state)
{
    (void)state;
    struct probe p;
    begin(&p);
    p.again = 2;
    deadline_set(&p.d, 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 2);
    end(&p);
}

static void test_never(void **state)
{
    (void)state;
    struct probe p;
    begin(&p);
    deadline_set(&p.d, UINT64_MAX);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(p.fired, 0);
    deadline_set(&p.d, 2);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(p.fired, 1);
    end(&p);
}

static void test_close_while_set(void **state)
{
    (void)state;
    struct probe p;
    begin(&p);
    deadline_set(&p.d, 1);
    end(&p);
    assert_int_equal(p.fired, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fires_once),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_sooner),
        cmocka_unit_test(test_unset),
        cmocka_unit_test(test_set_from_the_callback),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_close_while_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

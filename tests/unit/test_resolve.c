/* Names to addresses. Asks only for what /etc/hosts knows, or what is refused before anyone is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/resolve.h"

struct env {
    struct worker worker;
    struct resolver *resolver;
};

struct asked {
    struct resolve_wait wait; /* first */
    unsigned times;
    enum resolve_state state;
    struct asked *cancels;
};

static int setup(void **state)
{
    struct env *e = mem_zero(sizeof *e);
    worker_init(&e->worker, 0);
    e->resolver = resolver_new(&e->worker);
    *state = e;
    return 0;
}

static int teardown(void **state)
{
    struct env *e = *state;
    resolver_close(e->resolver);
    worker_run(&e->worker);
    resolver_free(e->resolver);
    worker_fini(&e->worker);
    mem_free(e);
    return 0;
}

static void on_done(struct resolve_wait *w, enum resolve_state state)
{
    struct asked *a = (struct asked *)w;
    a->times++;
    a->state = state;
    if (a->cancels)
        resolve_wait_cancel(&a->cancels->wait);
}

static enum resolve_state ask(struct env *e, struct asked *a, const char *host)
{
    *a = (struct asked){.wait = {.done = on_done}};
    return resolver_ask(e->resolver, str_c(host), &a->wait);
}

static void test_literals(void **state)
{
    struct env *e = *state;
    struct asked a;
    assert_int_equal(ask(e, &a, "127.0.0.1"), RESOLVE_OK);
    assert_int_equal(a.wait.addrs->n, 1);
    assert_int_equal(a.wait.addrs->addr[0].v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    resolve_addrs_unref(a.wait.addrs);
    assert_int_equal(ask(e, &a, "::1"), RESOLVE_OK);
    assert_int_equal(a.wait.addrs->addr[0].any.sa_family, AF_INET6);
    resolve_addrs_unref(a.wait.addrs);
    assert_int_equal(a.times, 0);
}

/* Two who ask at the same time get one answer, who asks later gets it at once, and one that was
 * cancelled (here by the first that was told) gets none. */
static void test_joined(void **state)
{
    struct env *e = *state;
    struct asked a, b, c, d;
    assert_int_equal(ask(e, &a, "localhost"), RESOLVE_WAITING);
    assert_int_equal(ask(e, &b, "LOCALHOST"), RESOLVE_WAITING);
    assert_int_equal(ask(e, &c, "localhost"), RESOLVE_WAITING);
    a.cancels = b.cancels = c.cancels = &b;
    resolve_wait_cancel(&c.wait);
    resolve_wait_cancel(&c.wait);
    uv_run(&e->worker.loop, UV_RUN_DEFAULT);
    assert_int_equal(a.times + b.times + c.times, b.times ? 2 : 1);
    assert_int_equal(c.times, 0);
    assert_int_equal(a.times, 1);
    assert_int_equal(a.state, RESOLVE_OK);
    assert_true(a.wait.addrs->n >= 1);
    if (b.times)
        resolve_addrs_unref(b.wait.addrs);
    assert_int_equal(ask(e, &d, "localhost"), RESOLVE_OK);
    assert_ptr_equal(d.wait.addrs, a.wait.addrs);
    resolve_addrs_unref(a.wait.addrs);
    resolve_addrs_unref(d.wait.addrs);
    assert_int_equal(d.times, 0);
}

static void test_bad_names(void **state)
{
    struct env *e = *state;
    struct asked a;
    char longest[300];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(ask(e, &a, ""), RESOLVE_FAILED);
    assert_int_equal(ask(e, &a, longest), RESOLVE_FAILED);
    assert_true(a.wait.why && *a.wait.why);
    /* A label above 63 bytes. */
    longest[70] = 0;
    enum resolve_state s = ask(e, &a, longest);
    uv_run(&e->worker.loop, UV_RUN_DEFAULT);
    assert_int_equal(s == RESOLVE_WAITING ? a.state : s, RESOLVE_FAILED);
}

/* Many names at once: the cache is bounded, and nobody gets lost. */
static void test_bounded(void **state)
{
    struct env *e = *state;
    struct asked a[300];
    unsigned refused = 0, waiting = 0;
    for (unsigned i = 0; i < 300; i++) {
        /* Old notations of an address: no literals to us, and no question to a name server. */
        char host[32];
        snprintf(host, sizeof host, "127.0.%u", i);
        enum resolve_state s = ask(e, &a[i], host);
        refused += s == RESOLVE_FAILED;
        waiting += s == RESOLVE_WAITING;
    }
    assert_int_equal(waiting + refused, 300);
    assert_true(refused >= 300 - 256);
    for (unsigned i = 0; i < 300; i++)
        resolve_wait_cancel(&a[i].wait);
    resolver_close(e->resolver);
    uv_run(&e->worker.loop, UV_RUN_DEFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_literals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* base/arena.h: alignment, marks, what a reset keeps. The address sanitizer watches the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"

static void fill(struct arena *a, size_t n)
{
    memset(arena_alloc(a, n), 0xff, n);
}

static void test_alloc(void **state)
{
    (void)state;
    struct arena a;
    char *all[300];
    arena_init(&a);
    assert_int_equal(a.total, 0);
    for (size_t i = 0; i < 300; i++) {
        all[i] = arena_alloc(&a, i * 7);
        assert_int_equal((uintptr_t)all[i] % _Alignof(max_align_t), 0);
        memset(all[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal((unsigned char)all[i][k], i & 255);
    }
    assert_true(a.total >= 300 * 299 / 2 * 7);
    assert_non_null(arena_alloc(&a, 1 << 20)); /* larger than any block */
    arena_fini(&a);
    assert_int_equal(a.total, 0);
    assert_null(a.head);
    assert_non_null(arena_alloc(&a, 1)); /* as new */
    arena_fini(&a);
}

static void test_zeroed(void **state)
{
    (void)state;
    struct thing {
        void *p;
        uint64_t v[9];
    };
    static const struct thing zero = {0};
    struct arena a;
    arena_init(&a);
    memset(arena_alloc(&a, 1500), 0xff, 1500);
    arena_reset(&a); /* the next one lies where those bytes were */
    struct thing *one = arena_new(&a, struct thing);
    assert_memory_equal(one, &zero, sizeof zero);
    struct thing *many = arena_array(&a, struct thing, 17);
    for (size_t i = 0; i < 17; i++)
        assert_memory_equal(&many[i], &zero, sizeof zero);
    assert_non_null(arena_array(&a, struct thing, 0));
    arena_fini(&a);
}

static void test_strings(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    str none = str_dup(&a, (str){NULL, 0});
    assert_int_equal(none.n, 0);
    assert_string_equal(none.p, "");
    str dup = str_dup(&a, S("a\0b"));
    assert_true(str_eq(dup, S("a\0b")));
    assert_int_equal(dup.p[3], 0);
    str text = arena_printf(&a, "%.*s/%d", STR_FMT(S("x")), 42);
    assert_string_equal(text.p, "x/42");
    assert_int_equal(text.n, 4);
    str big = arena_printf(&a, "%5000d", 1);
    assert_int_equal(big.n, 5000);
    assert_int_equal(arena_printf(&a, "%s", "").n, 0);
    arena_fini(&a);
}

static void test_marks(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct arena_mark empty = arena_mark(&a);
    fill(&a, 10000);
    arena_rewind(&a, empty);
    assert_int_equal(a.total, 0);
    str kept = str_dup(&a, S("kept"));
    struct arena_mark m = arena_mark(&a);
    size_t total = a.total;
    char *first = arena_alloc(&a, 100);
    for (int i = 0; i < 100; i++)
        fill(&a, 1000);
    arena_rewind(&a, m);
    assert_int_equal(a.total, total);
    assert_true(str_eq(kept, S("kept")));
    char *again = arena_alloc(&a, 100);
    assert_ptr_equal(again, first); /* the same place */
    memset(again, 1, 100);
    assert_true(str_eq(kept, S("kept")));
    arena_rewind(&a, m);
    fill(&a, 3000); /* a block of its own, of the whole size */
    arena_fini(&a);
}

static void test_reset(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    arena_reset(&a); /* nothing to keep */
    assert_int_equal(a.total, 0);
    fill(&a, 100);
    size_t small = a.total;
    for (int i = 0; i < 50; i++)
        fill(&a, 1000);
    arena_reset(&a);
    assert_int_equal(a.total, small);
    void *p = arena_alloc(&a, small / 2);
    memset(p, 1, small / 2);
    assert_int_equal(a.total, small); /* no new block */
    arena_fini(&a);
    fill(&a, 100000);
    arena_reset(&a); /* a large first block is not kept by an idle connection */
    assert_int_equal(a.total, 0);
    arena_fini(&a);
}

static void test_wipe(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < 10; i++)
        assert_string_equal(str_dup(&a, S("a secret")).p, "a secret");
    fill(&a, 5000);
    arena_wipe(&a);
    assert_null(a.head);
    assert_int_equal(a.total, 0);
    arena_wipe(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc), cmocka_unit_test(test_zeroed), cmocka_unit_test(test_strings),
        cmocka_unit_test(test_marks), cmocka_unit_test(test_reset),  cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

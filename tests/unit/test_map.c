/* base/map.h: look-up, growth, iteration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/map.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    hash_init();
    arena_init(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void test_empty(void **state)
{
    (void)state;
    struct map m;
    str key;
    void *value;
    size_t i = 0;
    map_init(&m, &arena);
    assert_null(map_get(&m, S("a")));
    assert_null(map_get(&m, (str){NULL, 0}));
    assert_false(map_next(&m, &i, &key, &value));
    assert_int_equal(m.count, 0);
}

static void test_few(void **state)
{
    (void)state;
    struct map m;
    int a = 1, b = 2, c = 3;
    map_init(&m, &arena);
    assert_null(*map_at(&m, S("a"))); /* new: NULL */
    *map_at(&m, S("a")) = &a;
    *map_at(&m, S("b")) = &b;
    *map_at(&m, (str){NULL, 0}) = &c; /* the empty key is a key */
    assert_int_equal(m.count, 3);
    assert_ptr_equal(map_get(&m, S("a")), &a);
    assert_ptr_equal(map_get(&m, S("b")), &b);
    assert_ptr_equal(map_get(&m, S("")), &c);
    assert_ptr_equal(map_get(&m, (str){NULL, 0}), &c);
    assert_null(map_get(&m, S("A"))); /* case counts */
    assert_null(map_get(&m, S("a\0")));
    *map_at(&m, S("a")) = &b; /* replaced, not added */
    assert_ptr_equal(map_get(&m, S("a")), &b);
    assert_int_equal(m.count, 3);
}

enum { MANY = 5000 };

static void test_many(void **state)
{
    (void)state;
    static char seen[MANY];
    struct map m;
    map_init(&m, &arena);
    for (uintptr_t i = 0; i < MANY; i++)
        *map_at(&m, arena_printf(&arena, "key-%zu", (size_t)i)) = &seen[i];
    assert_int_equal(m.count, MANY);
    assert_true(m.count * 2 <= m.mask + 1); /* load at most one half: a look-up always ends */
    for (uintptr_t i = 0; i < MANY; i++) {
        str key = arena_printf(&arena, "key-%zu", (size_t)i);
        assert_ptr_equal(map_get(&m, key), &seen[i]);
        assert_null(map_get(&m, arena_printf(&arena, "Key-%zu", (size_t)i)));
    }
    str key;
    void *value;
    size_t n = 0;
    for (size_t i = 0; map_next(&m, &i, &key, &value); n++) {
        assert_ptr_equal(map_get(&m, key), value);
        assert_int_equal((*(char *)value)++, 0);
    }
    assert_int_equal(n, MANY);
}

static void test_same_bytes_elsewhere(void **state)
{
    (void)state;
    struct map m;
    char one[] = "name", two[] = "name";
    int v;
    map_init(&m, &arena);
    *map_at(&m, str_c(one)) = &v;
    assert_ptr_equal(map_get(&m, str_c(two)), &v);
    assert_ptr_equal(*map_at(&m, str_c(two)), &v);
    assert_int_equal(m.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_same_bytes_elsewhere),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

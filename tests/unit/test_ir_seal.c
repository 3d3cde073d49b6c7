/* ir/seal.h: a signature comes back as it was, and says whose it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/mem.h"
#include "ir/seal.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void same(const struct ir_seal *a, const struct ir_seal *b)
{
    assert_int_equal(a->issuer, b->issuer);
    assert_true(str_eq(a->value, b->value));
    assert_true(str_eq(a->id, b->id));
}

static void test_own_stays(void **state)
{
    struct ir_seal s = {.value = S("EqQBCkgIARAB"), .issuer = DIALECT_ANTHROPIC};
    (void)state;
    assert_ptr_equal(ir_seal_pack(&s, DIALECT_ANTHROPIC, &arena).p, s.value.p);
    struct ir_seal back = ir_seal_unpack(s.value, DIALECT_ANTHROPIC, &arena);
    same(&back, &s);
}

/* Through a client of any other dialect, with and without an id, any bytes, any length. */
static void test_round_trip(void **state)
{
    char bytes[300];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    for (unsigned from = 0; from < DIALECT_COUNT; from++) {
        for (size_t n = 1; n < sizeof bytes; n++) {
            struct ir_seal s = {str_of(bytes, n), str_of(bytes, n % 256), (enum dialect_id)from};
            enum dialect_id to = (enum dialect_id)((from + 1 + n % 3) % DIALECT_COUNT);
            str packed = ir_seal_pack(&s, to, &arena);
            assert_true(packed.n > n);
            struct ir_seal back = ir_seal_unpack(packed, to, &arena);
            same(&back, &s);
        }
    }
}

/* A client that decodes the field may write it in the other alphabet, without padding. */
static void test_other_alphabet(void **state)
{
    struct ir_seal s = {S("\xff\xfe\xfd\xfb\xff\xbf?>?>"), S("rs_1"), DIALECT_RESPONSES};
    (void)state;
    str packed = ir_seal_pack(&s, DIALECT_GEMINI, &arena);
    char *p = (char *)(uintptr_t)packed.p;
    while (packed.n && p[packed.n - 1] == '=')
        packed.n--;
    for (size_t i = 0; i < packed.n; i++)
        p[i] = (char)(p[i] == '+' ? '-' : p[i] == '/' ? '_' : p[i]);
    struct ir_seal back = ir_seal_unpack(packed, DIALECT_GEMINI, &arena);
    same(&back, &s);
}

static void test_nothing(void **state)
{
    struct ir_seal s = {.issuer = DIALECT_GEMINI};
    (void)state;
    assert_int_equal(ir_seal_pack(&s, DIALECT_CHAT, &arena).n, 0);
    struct ir_seal back = ir_seal_unpack(S(""), DIALECT_CHAT, &arena);
    assert_int_equal(back.value.n, 0);
    assert_int_equal(back.issuer, DIALECT_CHAT);
    back = ir_seal_unpack(S(IR_SEAL_MARK), DIALECT_CHAT, &arena);
    assert_int_equal(back.value.n, 0);
}

static void test_the_mark(void **state)
{
    struct ir_seal s = {S("value"), S("id"), DIALECT_RESPONSES};
    str packed[] = {S("..."), ir_seal_pack(&s, DIALECT_CHAT, &arena), S("...")};
    (void)state;
    assert_true(ir_seal_mentioned(str_join(&arena, packed, 3)));
    assert_true(ir_seal_mentioned(S(IR_SEAL_MARK)));
    assert_false(ir_seal_mentioned(str_head(S(IR_SEAL_MARK), sizeof IR_SEAL_MARK - 2)));
    assert_false(ir_seal_mentioned(S("")));
}

/* What has the tag and is broken at any place is no signature of anybody. */
static void test_broken(void **state)
{
    struct ir_seal s = {S("value"), S("id"), DIALECT_RESPONSES};
    (void)state;
    str packed = ir_seal_pack(&s, DIALECT_CHAT, &arena);
    for (size_t n = 12; n < 20; n++)
        assert_int_equal(ir_seal_unpack(str_head(packed, n), DIALECT_CHAT, &arena).value.n, 0);
    static const char *const bad[] = {"cliproxy19"
                                      "00value",
                                      "cliproxy1"
                                      "1zzvalue",
                                      "cliproxy1"
                                      "1ffshort",
                                      "cliproxy1"
                                      "/00value"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ir_seal back =
            ir_seal_unpack(base64_encode(str_c(bad[i]), &arena), DIALECT_CHAT, &arena);
        assert_int_equal(back.value.n, 0);
        assert_int_equal(back.issuer, DIALECT_CHAT);
    }
    str garbled[] = {packed, S("!!!!")};
    assert_int_equal(ir_seal_unpack(str_join(&arena, garbled, 2), DIALECT_CHAT, &arena).value.n, 0);
}

static void test_limits(void **state)
{
    size_t n = IR_SEAL_MAX + 1;
    char *big = mem_new(n);
    (void)state;
    memset(big, 'x', n);
    struct ir_seal s = {str_of(big, n), S(""), DIALECT_RESPONSES};
    assert_int_equal(ir_seal_pack(&s, DIALECT_CHAT, &arena).n, 0);
    s.value.n = IR_SEAL_MAX;
    str packed = ir_seal_pack(&s, DIALECT_CHAT, &arena);
    struct ir_seal back = ir_seal_unpack(packed, DIALECT_CHAT, &arena);
    assert_int_equal(back.value.n, IR_SEAL_MAX);
    str longer[] = {packed, packed};
    assert_int_equal(ir_seal_unpack(str_join(&arena, longer, 2), DIALECT_CHAT, &arena).value.n, 0);
    /* An id out of all proportion is left out, not the signature with it. */
    s = (struct ir_seal){S("v"), str_of(big, 256), DIALECT_RESPONSES};
    back = ir_seal_unpack(ir_seal_pack(&s, DIALECT_CHAT, &arena), DIALECT_CHAT, &arena);
    assert_true(str_eq(back.value, S("v")) && back.id.n == 0);
    mem_free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_own_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_alphabet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_mark, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* base/hash.h: SipHash against the vectors its authors published, comparison of secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"

/* SipHash-2-4, key 00..0f, input 00..(n-1) for n = 0..63 (Aumasson and Bernstein, vectors of the
 * reference implementation), read as little-endian words. */
static const uint64_t vectors[64] = {
    0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
    0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
    0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
    0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
    0x3f2acc7f57c29bdb, 0x699ae9f52cbe4794, 0x4bc1b3f0968dd39c, 0xbb6dc91da77961bd,
    0xbed65cf21aa2ee98, 0xd0f2cbb02e3b67c7, 0x93536795e3a33e88, 0xa80c038ccd5ccec8,
    0xb8ad50c6f649af94, 0xbce192de8a85b8ea, 0x17d835b85bbb15f3, 0x2f2e6163076bcfad,
    0xde4daaaca71dc9a5, 0xa6a2506687956571, 0xad87a3535c49ef28, 0x32d892fad841c342,
    0x7127512f72f27cce, 0xa7f32346f95978e3, 0x12e0b01abb051238, 0x15e034d40fa197ae,
    0x314dffbe0815a3b4, 0x027990f029623981, 0xcadcd4e59ef40c4d, 0x9abfd8766a33735c,
    0x0e3ea96b5304a7d0, 0xad0c42d6fc585992, 0x187306c89bc215a9, 0xd4a60abcf3792b95,
    0xf935451de4f21df2, 0xa9538f0419755787, 0xdb9acddff56ca510, 0xd06c98cd5c0975eb,
    0xe612a3cb9ecba951, 0xc766e62cfcadaf96, 0xee64435a9752fe72, 0xa192d576b245165a,
    0x0a8787bf8ecb74b2, 0x81b3e73d20b49b6f, 0x7fa8220ba3b2ecea, 0x245731c13ca42499,
    0xb78dbfaf3a8d83bd, 0xea1ad565322a1a0b, 0x60e61c23a3795013, 0x6606d7e446282b93,
    0x6ca4ecb15c5f91e1, 0x9f626da15c9625f3, 0xe51b38608ef25f57, 0x958a324ceb064572,
};

static void test_published_vectors(void **state)
{
    (void)state;
    char in[64];
    for (size_t n = 0; n < 64; n++) {
        in[n] = (char)n;
        assert_true(hash_siphash(0x0706050403020100, 0x0f0e0d0c0b0a0908, str_of(in, n)) ==
                    vectors[n]);
    }
}

static void test_unaligned(void **state)
{
    (void)state;
    char room[80];
    for (size_t shift = 0; shift < 8; shift++) {
        for (size_t n = 0; n < 64; n++)
            room[shift + n] = (char)n;
        assert_true(hash_siphash(0x0706050403020100, 0x0f0e0d0c0b0a0908,
                                 str_of(room + shift, 63)) == vectors[63]);
    }
}

static void test_keyed(void **state)
{
    (void)state;
    hash_init();
    uint64_t a = hash_str(S("name"));
    assert_true(hash_str(S("name")) == a);
    assert_true(hash_str(S("eman")) != a);
    assert_true(hash_str((str){NULL, 0}) == hash_str(S("")));
    hash_init();
    assert_true(hash_str(S("name")) != a); /* another process would not agree either */
}

static void test_random(void **state)
{
    (void)state;
    static unsigned char a[1000], b[1000];
    unsigned seen[256] = {0}, different = 0;
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof a; i++)
        different += seen[a[i]]++ == 0;
    assert_true(different > 200); /* of 256; 251 on average */
    random_bytes(a, 0);
}

static void test_secret_eq(void **state)
{
    (void)state;
    static const str none = {NULL, 0};
    assert_true(secret_eq(S("secret"), S("secret")));
    assert_true(secret_eq(none, none));
    assert_true(secret_eq(none, S("")));
    assert_false(secret_eq(S("secret"), none));
    assert_false(secret_eq(none, S("secret")));
    /* b is read in a circle: neither a repetition nor a prefix may pass for it. */
    assert_false(secret_eq(S("abab"), S("ab")));
    assert_false(secret_eq(S("ab"), S("abab")));
    assert_false(secret_eq(S("secret"), S("secrets")));
    for (size_t i = 0; i < 6; i++) {
        for (int bit = 0; bit < 8; bit++) {
            char other[] = "secret";
            other[i] = (char)(other[i] ^ (1 << bit));
            assert_false(secret_eq(S("secret"), str_of(other, 6)));
            assert_false(secret_eq(str_of(other, 6), S("secret")));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_unaligned),
        cmocka_unit_test(test_keyed),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_secret_eq),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

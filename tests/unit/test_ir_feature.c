/* ir/feature.h: every dialect has a row for every feature, and the rows can be printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dialect/codec.h"
#include "dialect/reference.h"

static const char *const names[CAN_COUNT] = {
#define FEATURE(name, side, what) #name,
#include "ir/feature.def"
#undef FEATURE
};

static void each_row(void (*check)(const char *where, enum ir_feature f,
                                   const struct ir_fate_row *row))
{
    char where[100];
    for (unsigned d = 0; d < DIALECT_COUNT; d++) {
        const struct codec *c = codec_get((enum dialect_id)d);
        assert_non_null(c->fates);
        for (unsigned f = 0; f < CAN_COUNT; f++) {
            snprintf(where, sizeof where, "%s, %s", dialect_get(c->dialect)->name, names[f]);
            check(where, (enum ir_feature)f, &c->fates[f]);
        }
    }
}

static void is_there(const char *where, enum ir_feature f, const struct ir_fate_row *row)
{
    (void)f;
    if (row->fate == FATE_UNSET || !row->wire || !row->note)
        fail_msg("%s: no row", where);
}

/* Why and how are for people: an approximation says what it is, a refusal why. Answers are never
 * refused. */
static void says_why(const char *where, enum ir_feature f, const struct ir_fate_row *row)
{
    if ((row->fate == FATE_APPROX || row->fate == FATE_REFUSED) && !row->note[0])
        fail_msg("%s: no note", where);
    if (row->fate == FATE_REFUSED && !ir_feature_asks(f))
        fail_msg("%s: an answer cannot be refused", where);
}

/* In a Markdown table, in back quotes, in the middle of a sentence. */
static void is_printable(const char *where, enum ir_feature f, const struct ir_fate_row *row)
{
    (void)f;
    size_t n = strlen(row->note);
    if (strpbrk(row->wire, "`|\n") || strpbrk(row->note, "|\n"))
        fail_msg("%s: cannot be printed", where);
    if (n && row->note[n - 1] == '.')
        fail_msg("%s: the note ends like a sentence", where);
}

static void test_rows(void **state)
{
    (void)state;
    each_row(is_there);
    each_row(says_why);
    each_row(is_printable);
}

/* Settling goes by the rows, in the client's own words. */
static void test_settle(void **state)
{
    static struct ir_fate_row from[CAN_COUNT], to[CAN_COUNT];
    struct ir_set said = {{0, 0}};
    struct ir_losses lost = {0};
    struct fail f = {0};
    (void)state;
    for (unsigned i = 0; i < CAN_COUNT; i++)
        from[i] = to[i] = (struct ir_fate_row){FATE_CARRIED, "", ""};
    from[CAN_SEED].wire = "seed";
    to[CAN_SEED].fate = to[CAN_STOP].fate = FATE_DROPPED;
    to[CAN_TOP_K].fate = FATE_APPROX;
    ir_set_add(&said, CAN_SEED);
    ir_set_add(&said, CAN_STOP);
    ir_set_add(&said, CAN_TOP_K);
    ir_set_add(&said, CAN_TEMPERATURE);
    assert_int_equal(ir_losses_settle(&said, from, to, "x", &lost, &f), OK);
    assert_int_equal(lost.n, 2);
    assert_true(str_eq(lost.names[0], S("stop sequences")) || str_eq(lost.names[0], S("seed")));
    to[CAN_SEED] = (struct ir_fate_row){FATE_REFUSED, "", "it rolls no dice"};
    assert_int_equal(ir_losses_settle(&said, from, to, "x", &lost, &f), ERR_BAD_REQUEST);
    assert_non_null(strstr(f.text, "\"seed\""));
    assert_non_null(strstr(f.text, "it rolls no dice"));
    ir_set_remove(&said, CAN_SEED);
    assert_int_equal(ir_losses_settle(&said, from, to, "x", &lost, &f), OK);
}

static void test_losses(void **state)
{
    struct ir_losses l = {0};
    char room[IR_LOSSES_MAX + 5][8];
    (void)state;
    ir_losses_add(&l, S("a"));
    ir_losses_add(&l, S("a"));
    assert_int_equal(l.n, 1);
    assert_false(l.more);
    for (unsigned i = 0; i < IR_LOSSES_MAX + 5; i++) {
        snprintf(room[i], sizeof room[i], "n%u", i);
        ir_losses_add(&l, str_c(room[i]));
    }
    assert_int_equal(l.n, IR_LOSSES_MAX);
    assert_true(l.more);
}

/* The page has all twelve pairs, and every feature somewhere. */
static void test_reference(void **state)
{
    char *text = NULL, title[100];
    size_t n = 0;
    (void)state;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    dialect_print_reference(out);
    fclose(out);
    for (unsigned c = 0; c < DIALECT_COUNT; c++) {
        for (unsigned p = 0; p < DIALECT_COUNT; p++) {
            snprintf(title, sizeof title, "### %s client, %s provider\n",
                     dialect_get((enum dialect_id)c)->name, dialect_get((enum dialect_id)p)->name);
            assert_int_equal(strstr(text, title) != NULL, c != p);
        }
    }
    for (unsigned f = 0; f < CAN_COUNT; f++)
        assert_non_null(strstr(text, ir_feature_text((enum ir_feature)f)));
    assert_null(strstr(text, "| ? |"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_settle),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

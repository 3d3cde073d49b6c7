/*
 * ir/turns.h: conversations written as short lines, before and after.
 *
 * A line is a message: its role (s, d, u, a, t), then parts: "text" in quotes, ?id:name a call,
 * !id:name=text a result (=: without text there is none), ~ reasoning. Ids that were made print
 * as *.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ir/print.h"
#include "ir/turns.h"

static struct arena arena;
static struct buf out;

static int setup(void **state)
{
    (void)state;
    hash_init();
    arena_init(&arena);
    buf_init(&out, 1 << 24);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    buf_fini(&out);
    return 0;
}

/* ---- the short form ---- */

static const char roles[] = "sduat";

static void read_tool_part(struct ir_request *rq, struct ir_message *m, str word)
{
    bool is_call = word.p[0] == '?';
    struct ir_part *p = ir_part_add(rq, m, is_call ? IR_PART_CALL : IR_PART_RESULT);
    str rest = str_from(word, 1);
    p->id = str_split(&rest, ':');
    p->name = str_split(&rest, '=');
    if (is_call || !rest.n)
        return;
    p->content = arena_new(rq->arena, struct ir_part);
    p->content->text = rest;
}

static void read_message(struct ir_request *rq, str line)
{
    struct ir_message *m = ir_message_add(rq, (enum ir_role)(strchr(roles, line.p[0]) - roles));
    for (line = str_trim(str_from(line, 1)); line.n;) {
        if (line.p[0] == '"') {
            line = str_from(line, 1);
            ir_part_add(rq, m, IR_PART_TEXT)->text = str_split(&line, '"');
        } else {
            str word = str_split(&line, ' ');
            if (word.p[0] == '~')
                ir_part_add(rq, m, IR_PART_REASONING);
            else
                read_tool_part(rq, m, word);
        }
        line = str_trim(line);
    }
}

static void read_all(struct ir_request *rq, const char *text)
{
    str rest = str_c(text);
    ir_request_init(rq, &arena, DIALECT_CHAT);
    while (rest.p && rest.n)
        read_message(rq, str_split(&rest, '\n'));
}

static void write_part(const struct ir_part *p)
{
    if (p->kind == IR_PART_TEXT)
        buf_printf(&out, " \"%.*s\"", STR_FMT(p->text));
    if (p->kind == IR_PART_REASONING)
        buf_lit(&out, " ~");
    if (p->kind != IR_PART_CALL && p->kind != IR_PART_RESULT)
        return;
    buf_lit(&out, " ");
    buf_put_char(&out, p->kind == IR_PART_CALL ? '?' : '!');
    buf_put(&out, str_starts(p->id, S("call_")) ? S("*") : p->id);
    buf_printf(&out, ":%.*s", STR_FMT(p->name));
    if (p->content)
        buf_printf(&out, "=%.*s", STR_FMT(p->content->text));
}

static void write_all(const struct ir_request *rq)
{
    buf_clear(&out);
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        buf_put_char(&out, roles[m->role]);
        for (const struct ir_part *p = m->parts.first; p; p = p->next)
            write_part(p);
        buf_put_char(&out, '\n');
    }
}

static void fits(unsigned how, const char *before, const char *after)
{
    struct ir_request rq;
    read_all(&rq, before);
    ir_turns_fit(&rq, how);
    write_all(&rq);
    if (!str_eq(buf_str(&out), str_c(after)))
        fail_msg("\n%sbecame\n%.*swanted\n%s", before, (int)out.n, out.p, after);
    /* Once fitted, always fitted. */
    ir_turns_fit(&rq, how);
    write_all(&rq);
    if (!str_eq(buf_str(&out), str_c(after)))
        fail_msg("\n%sbecame, the second time\n%.*s", after, (int)out.n, out.p);
}

/* ---- calls and results (SPEC 5.5) ---- */

static void test_in_order_stays(void **state)
{
    (void)state;
    fits(0, "", "");
    fits(0, "s \"be brief\"\nu \"hi\"\na \"yes\"\nu \"go on\"\n",
         "s \"be brief\"\nu \"hi\"\na \"yes\"\nu \"go on\"\n");
    fits(0, "u \"hi\"\na ?1:f ?2:g\nt !1:f=x !2:g=y\na \"done\"\n",
         "u \"hi\"\na ?1:f ?2:g\nt !1:f=x !2:g=y\na \"done\"\n");
}

static void test_results_are_gathered(void **state)
{
    (void)state;
    /* chat, Responses: a message each, in any order */
    fits(0, "u \"hi\"\na ?1:f ?2:g\nt !2:=y\nt !1:=x\nu \"so?\"\n",
         "u \"hi\"\na ?1:f ?2:g\nt !1:f=x !2:g=y\nu \"so?\"\n");
    /* Anthropic, Gemini: among the user's parts, before or behind */
    fits(0, "a ?1:f ?2:g\nu \"a\" !2:=y \"b\" !1:=x\n",
         "a ?1:f ?2:g\nt !1:f=x !2:g=y\nu \"a\" \"b\"\n");
    /* a user's word in between */
    fits(0, "a ?1:f\nu \"wait\"\nt !1:=x\n", "a ?1:f\nt !1:f=x\nu \"wait\"\n");
    /* calls of one turn in several messages */
    fits(0, "a ~\na ?1:f\na ?2:g\nt !1:=x\nt !2:=y\n", "a ~\na ?1:f\na ?2:g\nt !1:f=x !2:g=y\n");
    /* and each with its result behind it */
    fits(0, "a ?1:f\nt !1:=x\na ?2:g\nt !2:=y\n", "a ?1:f\nt !1:f=x\na ?2:g\nt !2:g=y\n");
    /* even a turn later */
    fits(0, "a ?1:f\nu \"no\"\na \"well\"\nt !1:=x\nu \"hm\"\n",
         "a ?1:f\nt !1:f=x\nu \"no\"\na \"well\"\nu \"hm\"\n");
}

static void test_missing_and_superfluous(void **state)
{
    (void)state;
    fits(0, "a ?1:f ?2:g\nt !2:=y\nu \"x\"\n", "a ?1:f ?2:g\nt !1:f !2:g=y\nu \"x\"\n");
    fits(0, "a ?1:f\nu \"never mind\"\n", "a ?1:f\nt !1:f\nu \"never mind\"\n");
    fits(0, "a ?1:f\n", "a ?1:f\nt !1:f\n");
    /* the last of several counts */
    fits(0, "a ?1:f\nt !1:=x\nt !1:=y\nu !1:=z \"a\"\n", "a ?1:f\nt !1:f=z\nu \"a\"\n");
    /* for nobody, or before its call */
    fits(0, "u \"a\"\nt !9:=x\na \"b\"\nu !8:f=y \"c\"\n", "u \"a\"\na \"b\"\nu \"c\"\n");
    fits(0, "t !1:=x\na ?1:f\nu \"c\"\n", "a ?1:f\nt !1:f\nu \"c\"\n");
    /* no stranger takes the place of a call that has an id */
    fits(0, "a ?1:f\nt !7:f=x\n", "a ?1:f\nt !1:f\n");
}

static void test_ids(void **state)
{
    (void)state;
    /* Gemini: no ids; by name, then by order */
    fits(0, "a ?:f ?:g\nu !:g=y !:f=x\n", "a ?*:f ?*:g\nt !*:f=x !*:g=y\n");
    fits(0, "a ?:f ?:f\nu !:f=1 !:f=2\n", "a ?*:f ?*:f\nt !*:f=1 !*:f=2\n");
    fits(0, "a ?:f ?:g\nu !:=x !:=y\n", "a ?*:f ?*:g\nt !*:f=x !*:g=y\n");
    fits(0, "a ?:f ?:g\nu !:g=y !:other=x\n", "a ?*:f ?*:g\nt !*:f=x !*:g=y\n");
    /* ids only on one side */
    fits(0, "a ?1:f ?2:g\nu !:g=y !:f=x\n", "a ?1:f ?2:g\nt !1:f=x !2:g=y\n");
    fits(0, "a ?:f ?:g\nu !b:g=y !a:f=x\n", "a ?*:f ?*:g\nt !*:f=x !*:g=y\n");
    /* the same id again: the earlier keeps it */
    fits(0, "a ?1:f\nt !1:=x\na ?1:f\nt !1:=y\n", "a ?1:f\nt !1:f=x\na ?*:f\nt !*:f=y\n");
    fits(0, "a ?1:f ?1:g\nt !1:=x\nt !1:=y\n", "a ?1:f ?*:g\nt !1:f=x !*:g=y\n");
    /* only the latest turn's */
    fits(0, "a ?:f\nu \"a\"\na ?:g\nu !:f=x !:f=y\n",
         "a ?*:f\nt !*:f\nu \"a\"\na ?*:g\nt !*:g=x\n");
}

/* Made ids differ by position, name and arguments, are the same the next time, and fit anywhere. */
static void test_made_ids(void **state)
{
    struct ir_request a, b;
    (void)state;
    read_all(&a, "a ?:f ?:f ?:g\n");
    ir_turns_fit(&a, 0);
    read_all(&b, "a ?:f ?:f ?:g\nu \"more\"\na ?:f\n");
    ir_turns_fit(&b, 0);
    struct ir_part *p = a.messages->parts.first, *q = b.messages->parts.first;
    assert_false(str_eq(p->id, p->next->id));
    for (; p; p = p->next, q = q->next) {
        assert_true(str_eq(p->id, q->id));
        assert_true(p->id.n <= 40);
        for (size_t i = 0; i < p->id.n; i++)
            assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789_", p->id.p[i]));
    }
}

static void test_kind_of_result(void **state)
{
    struct ir_request rq;
    (void)state;
    read_all(&rq, "a ?1:f ?2:g\nt !2:=y\n");
    struct ir_part *call = rq.messages->parts.first;
    call->call = IR_CALL_CUSTOM;
    call->space = S("s");
    ir_turns_fit(&rq, 0);
    struct ir_part *r = rq.messages->next->parts.first;
    assert_int_equal(r->call, IR_CALL_CUSTOM);
    assert_true(str_eq(r->space, S("s")));
    assert_true(r->no_text);
    assert_int_equal(r->next->call, IR_CALL_FUNCTION);
    assert_false(r->next->no_text);
}

/* ---- the passes (SPEC 5.3) ---- */

static void test_merge(void **state)
{
    (void)state;
    fits(TURNS_MERGE,
         "u \"a\"\nu \"b\"\na ~\na \"c\"\na ?1:f\nt !1:=x\nu \"d\"\nu \"e\"\na \"f\"\n",
         "u \"a\" \"b\"\na ~ \"c\" ?1:f\nu !1:f=x \"d\" \"e\"\na \"f\"\n");
    fits(TURNS_MERGE, "s \"a\"\ns \"b\"\nu \"c\"\na ?1:f\nt !1:=x\na \"d\"\n",
         "s \"a\"\ns \"b\"\nu \"c\"\na ?1:f\nt !1:f=x\na \"d\"\n");
    /* an orphan between two turns makes them one */
    fits(TURNS_MERGE, "a \"a\"\nt !9:=x\na \"b\"\n", "a \"a\" \"b\"\n");
}

static void test_names_of_merged(void **state)
{
    struct ir_request rq;
    (void)state;
    read_all(&rq, "u \"a\"\nu \"b\"\na \"c\"\nu \"d\"\nu \"e\"\n");
    rq.messages->name = rq.messages->next->name = S("ann");
    rq.messages->bare = true;
    rq.messages->next->next->next->name = S("bob");
    ir_turns_fit(&rq, TURNS_MERGE);
    assert_true(str_eq(rq.messages->name, S("ann")));
    assert_false(rq.messages->bare);
    assert_int_equal(rq.messages->next->next->name.n, 0);
}

static void test_user_first(void **state)
{
    (void)state;
    fits(TURNS_USER_FIRST, "", "u \".\"\n");
    fits(TURNS_USER_FIRST, "s \"a\"\n", "s \"a\"\nu \".\"\n");
    fits(TURNS_USER_FIRST, "s \"a\"\na \"b\"\nu \"c\"\n", "s \"a\"\nu \".\"\na \"b\"\nu \"c\"\n");
    fits(TURNS_USER_FIRST, "u \"c\"\n", "u \"c\"\n");
}

static void test_no_prefill(void **state)
{
    (void)state;
    fits(TURNS_NO_PREFILL, "u \"a\"\na \"b\"\na \"c\"\n", "u \"a\"\n");
    fits(TURNS_NO_PREFILL, "u \"a\"\na \"b\" ?1:f\n", "u \"a\"\n");
    fits(TURNS_NO_PREFILL, "u \"a\"\na \"b\" ?1:f ?2:g\nt !2:=y\n",
         "u \"a\"\na \"b\" ?1:f ?2:g\nt !1:f !2:g=y\n");
    fits(TURNS_NO_PREFILL, "u \"a\"\na \"b\"\ns \"c\"\n", "u \"a\"\ns \"c\"\n");
    /* a result without content is a result */
    fits(TURNS_NO_PREFILL, "u \"a\"\na ?1:f\nt !1:\n", "u \"a\"\na ?1:f\nt !1:f\n");
    fits(TURNS_NO_PREFILL | TURNS_USER_FIRST, "a \"b\"\n", "u \".\"\n");
}

static void test_system_later(void **state)
{
    (void)state;
    fits(TURNS_SYSTEM_AS_USER, "s \"a\"\nd \"b\"\nu \"c\"\n", "s \"a\"\nd \"b\"\nu \"c\"\n");
    fits(TURNS_SYSTEM_AS_USER | TURNS_MERGE, "u \"c\"\na ?1:f\ns \"d\"\nt !1:=x\nd \"e\"\n",
         "u \"c\"\na ?1:f\n"
         "u !1:f=x \"<system-reminder>\nd\n</system-reminder>\""
         " \"<system-reminder>\ne\n</system-reminder>\"\n");
    fits(0, "u \"c\"\ns \"d\"\n", "u \"c\"\ns \"d\"\n");
}

static void test_no_empty(void **state)
{
    (void)state;
    fits(TURNS_NO_EMPTY | TURNS_MERGE, "u \"a\" \"\" \"b\"\na \" \n\"\nu \"c\"\n",
         "u \"a\" \"b\" \"c\"\n");
    fits(TURNS_NO_EMPTY, "u\na\n", "");
    fits(TURNS_NO_EMPTY | TURNS_USER_FIRST, "u \"\"\na ~\n", "u \".\"\na ~\n");
    fits(0, "u \"\"\na\n", "u \"\"\na\n");
    fits(TURNS_NO_EMPTY, "a ?1:f\nt !1:= \n", "a ?1:f\nt !1:f\n");
}

/* ---- size ---- */

/* 50,000 turns, everything in the worst order, in a moment. */
static void test_linear(void **state)
{
    enum { TURNS = 50000 };
    struct ir_request rq;
    char id[24];
    (void)state;
    ir_request_init(&rq, &arena, DIALECT_CHAT);
    struct ir_message *m = ir_message_add(&rq, IR_ASSISTANT);
    for (int i = 0; i < 2 * TURNS; i++) {
        if (i >= TURNS)
            m = ir_message_add(&rq, IR_ASSISTANT);
        struct ir_part *p = ir_part_add(&rq, m, IR_PART_CALL);
        snprintf(id, sizeof id, "%d", i % (TURNS / 2));
        p->id = i % 3 ? str_dup(&arena, str_c(id)) : S("");
        p->name = S("f");
        if (i >= TURNS)
            ir_part_add(&rq, ir_message_add(&rq, IR_USER), IR_PART_TEXT)->text = S("x");
    }
    for (int i = TURNS; i > 0; i--) {
        m = ir_message_add(&rq, IR_TOOL);
        struct ir_part *p = ir_part_add(&rq, m, IR_PART_RESULT);
        snprintf(id, sizeof id, "%d", i % (TURNS / 2));
        p->id = i % 5 ? str_dup(&arena, str_c(id)) : S("");
        p->name = S("f");
    }
    uint64_t before = clock_ns();
    ir_turns_fit(&rq, TURNS_MERGE | TURNS_NO_EMPTY | TURNS_NO_PREFILL | TURNS_USER_FIRST);
    uint64_t took = clock_ns() - before;
    assert_true(took < UINT64_C(5000000000));
    size_t calls = 0, results = 0;
    for (m = rq.messages; m; m = m->next) {
        for (struct ir_part *p = m->parts.first; p; p = p->next) {
            calls += p->kind == IR_PART_CALL;
            results += p->kind == IR_PART_RESULT;
        }
    }
    assert_int_equal(calls, 2 * TURNS);
    assert_int_equal(results, calls);
}

/* Any conversation: afterwards every call has one result in the right place, ids are unique, and
 * fitting again changes nothing. */
static void test_any(void **state)
{
    uint64_t seed = 88172645463325252u;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct buf text;
        buf_init(&text, 4096);
        for (int i = 0; i < 12; i++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            unsigned r = (unsigned)(seed >> 20);
            if (r % 3 == 0 || i == 0)
                buf_printf(&text, "%s%c", i ? "\n" : "", "suattuaa"[r / 3 % 8]);
            static const char *const parts[] = {" \"x\"",  " \"\"",     " ~",        " ?%s:%s",
                                                " ?%s:%s", " !%s:%s=r", " !%s:%s=r", " !%s:%s"};
            static const char *const ids[] = {"", "1", "2", "3"}, *const names[] = {"f", "g", ""};
            buf_printf(&text, parts[r / 24 % 8], ids[r / 192 % 4], names[r / 768 % 3]);
        }
        buf_put_char(&text, '\n');
        unsigned how = (unsigned)(seed >> 40) % 32;
        struct ir_request rq;
        read_all(&rq, buf_c(&text));
        ir_turns_fit(&rq, how);
        for (const struct ir_message *m = rq.messages; m; m = m->next) {
            const struct ir_message *n = m->next;
            size_t calls = 0, results = 0;
            for (const struct ir_part *p = m->parts.first; p; p = p->next) {
                calls += p->kind == IR_PART_CALL && m->role == IR_ASSISTANT;
                assert_true(p->kind != IR_PART_RESULT || m->role != IR_ASSISTANT);
            }
            if (!calls || (n && n->role == IR_ASSISTANT))
                continue;
            assert_non_null(n);
            for (const struct ir_part *p = n->parts.first; p && p->kind == IR_PART_RESULT;
                 p = p->next)
                results++;
            assert_true(results >= calls);
        }
        write_all(&rq);
        str once = str_dup(&arena, buf_str(&out));
        ir_turns_fit(&rq, how);
        write_all(&rq);
        if (!str_eq(once, buf_str(&out)))
            fail_msg("how %u\n%sonce\n%.*stwice\n%.*s", how, buf_c(&text), STR_FMT(once),
                     (int)out.n, out.p);
        buf_fini(&text);
        arena_reset(&arena);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_in_order_stays),
        T(test_results_are_gathered),
        T(test_missing_and_superfluous),
        T(test_ids),
        T(test_made_ids),
        T(test_kind_of_result),
        T(test_merge),
        T(test_names_of_merged),
        T(test_user_first),
        T(test_no_prefill),
        T(test_system_later),
        T(test_no_empty),
        T(test_linear),
        T(test_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* relay/seal_cache: what was thought before a call comes back with it, to its owner, for a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "relay/seal_cache.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    hash_init();
    arena_init(&arena);
    seal_cache_clear();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    seal_cache_clear();
    return 0;
}

static void part(struct seal_watch *w, unsigned index, struct ir_part p, str delta)
{
    seal_watch_take(w, &(struct ir_event){.kind = IR_EV_PART_BEGIN, .index = index, .part = &p});
    seal_watch_take(w, &(struct ir_event){.kind = IR_EV_DELTA, .index = index, .text = delta});
    seal_watch_take(w, &(struct ir_event){.kind = IR_EV_PART_END, .index = index});
}

static void think(struct seal_watch *w, unsigned index, str text, str signature)
{
    struct ir_part sealed = {.kind = IR_PART_REASONING,
                             .seal = {.value = signature, .issuer = DIALECT_ANTHROPIC}};
    part(w, index, (struct ir_part){.kind = IR_PART_REASONING}, text);
    seal_watch_take(w, &(struct ir_event){.kind = IR_EV_SEAL, .index = index, .part = &sealed});
}

static void call(struct seal_watch *w, unsigned index, str id)
{
    part(w, index, (struct ir_part){.kind = IR_PART_CALL, .id = id, .name = S("f")}, S("{}"));
}

static void end(struct seal_watch *w, uint64_t now)
{
    seal_watch_keep(w, now);
    seal_watch_free(w);
}

/* An answer that thinks text and calls id. */
static void answer(str owner, str id, str text, uint64_t now)
{
    struct seal_watch *w = seal_watch_new(&arena, owner);
    think(w, 0, text, S("sig"));
    call(w, 1, id);
    end(w, now);
}

/* A request whose assistant said a word and called ids. */
static struct ir_message *request(struct ir_request *rq, const str *ids, size_t n)
{
    ir_request_init(rq, &arena, DIALECT_CHAT);
    struct ir_message *m = ir_message_add(rq, IR_ASSISTANT);
    ir_part_add(rq, m, IR_PART_TEXT)->text = S("word");
    for (size_t i = 0; i < n; i++)
        ir_part_add(rq, m, IR_PART_CALL)->id = ids[i];
    return m;
}

static void test_comes_back(void **state)
{
    (void)state;
    struct ir_request rq;
    answer(S("me"), S("c1"), S("let me see"), 10);
    struct ir_message *m = request(&rq, &S("c1"), 1);
    assert_int_equal(seal_cache_restore(&rq, S("me"), 11), 1);
    const struct ir_part *p = m->parts.first->next;
    assert_int_equal(p->kind, IR_PART_REASONING);
    assert_true(str_eq(p->text, S("let me see")));
    assert_true(str_eq(p->seal.value, S("sig")));
    assert_int_equal(p->seal.issuer, DIALECT_ANTHROPIC);
    assert_int_equal(p->next->kind, IR_PART_CALL);
    assert_null(p->next->next);
    assert_true(ir_set_has(&rq.said, CAN_REASONING_PAST));
}

static void test_not_for_others(void **state)
{
    (void)state;
    struct ir_request rq;
    answer(S("me"), S("c1"), S("secret"), 10);
    request(&rq, &S("c1"), 1);
    assert_int_equal(seal_cache_restore(&rq, S("you"), 11), 0);
    request(&rq, &S("c2"), 1);
    assert_int_equal(seal_cache_restore(&rq, S("me"), 11), 0);
}

static void test_not_twice(void **state)
{
    (void)state;
    struct ir_request rq;
    answer(S("me"), S("c1"), S("mine"), 10);
    ir_request_init(&rq, &arena, DIALECT_ANTHROPIC);
    /* The client brought its own, in the message before (Responses has one for each item). */
    struct ir_part *own = ir_part_add(&rq, ir_message_add(&rq, IR_ASSISTANT), IR_PART_REASONING);
    own->text = S("brought");
    own->seal.value = S("its own");
    struct ir_message *m = ir_message_add(&rq, IR_ASSISTANT);
    ir_part_add(&rq, m, IR_PART_CALL)->id = S("c1");
    seal_cache_restore(&rq, S("me"), 11);
    assert_int_equal(m->parts.first->kind, IR_PART_CALL);
    /* After the user has spoken a new turn begins. */
    ir_message_add(&rq, IR_USER);
    m = ir_message_add(&rq, IR_ASSISTANT);
    ir_part_add(&rq, m, IR_PART_CALL)->id = S("c1");
    seal_cache_restore(&rq, S("me"), 11);
    assert_int_equal(m->parts.first->kind, IR_PART_REASONING);
}

/* Chat clients repeat the text of a thought in reasoning_content, which is not what was signed. */
static void test_thought_shown_again(void **state)
{
    (void)state;
    struct ir_request rq;
    answer(S("me"), S("c1"), S("let me see"), 10);
    ir_request_init(&rq, &arena, DIALECT_CHAT);
    struct ir_message *m = ir_message_add(&rq, IR_ASSISTANT);
    ir_part_add(&rq, m, IR_PART_REASONING)->text = S("let me");
    ir_part_add(&rq, m, IR_PART_TEXT)->text = S("word");
    ir_part_add(&rq, m, IR_PART_CALL)->id = S("c1");
    assert_int_equal(seal_cache_restore(&rq, S("me"), 11), 1);
    const struct ir_part *p = m->parts.first;
    assert_true(str_eq(p->text, S("word")));
    assert_int_equal(p->next->kind, IR_PART_REASONING);
    assert_true(str_eq(p->next->text, S("let me see")));
    assert_true(str_eq(p->next->seal.value, S("sig")));
    assert_int_equal(p->next->next->kind, IR_PART_CALL);
    assert_null(p->next->next->next);

    /* Where nothing is kept, it stays; and a seal the client brought is left alone. */
    ir_request_init(&rq, &arena, DIALECT_CHAT);
    m = ir_message_add(&rq, IR_ASSISTANT);
    ir_part_add(&rq, m, IR_PART_REASONING)->text = S("let me");
    ir_part_add(&rq, m, IR_PART_CALL)->id = S("unknown");
    assert_int_equal(seal_cache_restore(&rq, S("me"), 11), 0);
    assert_true(str_eq(m->parts.first->text, S("let me")));
    ir_request_init(&rq, &arena, DIALECT_CHAT);
    m = ir_message_add(&rq, IR_ASSISTANT);
    ir_part_add(&rq, m, IR_PART_REASONING)->seal.value = S("mine");
    ir_part_add(&rq, m, IR_PART_CALL)->id = S("c1");
    seal_cache_restore(&rq, S("me"), 11);
    assert_true(str_eq(m->parts.first->seal.value, S("mine")));
    assert_int_equal(m->parts.first->next->kind, IR_PART_CALL);
}

static void test_interleaved(void **state)
{
    (void)state;
    struct ir_request rq;
    struct seal_watch *w = seal_watch_new(&arena, S("me"));
    think(w, 0, S("one"), S("s1"));
    think(w, 1, S("two"), S("s2"));
    call(w, 2, S("a"));
    call(w, 3, S("b"));
    think(w, 4, S("three"), S("s3"));
    call(w, 5, S("c"));
    end(w, 5);
    const str ids[] = {S("a"), S("b"), S("c")};
    struct ir_message *m = request(&rq, ids, 3);
    assert_int_equal(seal_cache_restore(&rq, S("me"), 6), 2);
    static const char *const want[] = {"word", "one", "two", "", "", "three", ""};
    size_t i = 0;
    for (const struct ir_part *p = m->parts.first; p; p = p->next, i++)
        assert_true(str_eq(p->text, str_c(want[i])));
    assert_int_equal(i, 7);
}

static void test_seal_of_a_call(void **state)
{
    (void)state;
    struct ir_request rq;
    struct seal_watch *w = seal_watch_new(&arena, S("me"));
    struct ir_part sealed = {.kind = IR_PART_CALL,
                             .id = S("g"),
                             .seal = {.value = S("thought"), .issuer = DIALECT_GEMINI}};
    part(w, 0, sealed, S("{}"));
    end(w, 1);
    struct ir_message *m = request(&rq, &S("g"), 1);
    assert_int_equal(seal_cache_restore(&rq, S("me"), 2), 1);
    assert_true(str_eq(m->parts.first->next->seal.value, S("thought")));
    assert_int_equal(m->parts.first->next->seal.issuer, DIALECT_GEMINI);
    /* What the client brought itself counts. */
    m = request(&rq, &S("g"), 1);
    m->parts.first->next->seal.value = S("own");
    seal_cache_restore(&rq, S("me"), 2);
    assert_true(str_eq(m->parts.first->next->seal.value, S("own")));
}

static void test_cut_answers_leave_nothing(void **state)
{
    (void)state;
    struct seal_watch *w = seal_watch_new(&arena, S("me"));
    think(w, 0, S("half"), S("sig"));
    call(w, 1, S("c1"));
    seal_watch_free(w);
    assert_int_equal(seal_cache_bytes(), 0);
}

static void test_grows_old(void **state)
{
    (void)state;
    struct ir_request rq;
    answer(S("me"), S("c1"), S("old"), 100);
    request(&rq, &S("c1"), 1);
    assert_int_equal(seal_cache_restore(&rq, S("me"), 100 + SEAL_CACHE_SECONDS), 1);
    request(&rq, &S("c1"), 1);
    assert_int_equal(seal_cache_restore(&rq, S("me"), 101 + SEAL_CACHE_SECONDS), 0);
    assert_int_equal(seal_cache_bytes(), 0);
}

static void test_is_bounded(void **state)
{
    (void)state;
    enum { TEXT = 300 * 1024 };
    char *text = arena_alloc(&arena, TEXT);
    memset(text, 'x', TEXT);
    struct ir_request rq;
    for (int i = 0; i < 300; i++) {
        answer(S("me"), arena_printf(&arena, "c%d", i), str_of(text, TEXT), 1);
        assert_true(seal_cache_bytes() <= SEAL_CACHE_BYTES);
    }
    assert_true(seal_cache_bytes() > SEAL_CACHE_BYTES / 2);
    request(&rq, &S("c299"), 1);
    assert_int_equal(seal_cache_restore(&rq, S("me"), 1), 1);
    request(&rq, &S("c0"), 1);
    assert_int_equal(seal_cache_restore(&rq, S("me"), 1), 0);
}

static void test_too_long_a_thought_is_left_out(void **state)
{
    (void)state;
    size_t n = SEAL_ENTRY_BYTES + 1;
    char *text = arena_alloc(&arena, n);
    memset(text, 'x', n);
    answer(S("me"), S("c1"), str_of(text, n), 1);
    assert_int_equal(seal_cache_bytes(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_for_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thought_shown_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interleaved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seal_of_a_call, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_answers_leave_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grows_old, setup, teardown),
        cmocka_unit_test_setup_teardown(test_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_long_a_thought_is_left_out, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

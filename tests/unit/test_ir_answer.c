/* ir/answer.h: events collected, in any order that their grammar allows, and said again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ir/print.h"
#include "json/read.h"

static struct arena arena;
static struct ir_answer an;
static struct buf out;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    buf_init(&out, 1 << 24);
    ir_answer_init(&an, &arena, DIALECT_CHAT, 1 << 20, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    buf_fini(&out);
    return 0;
}

/* ---- events that live for the call only: their bytes are overwritten after it ---- */

static void take(struct ir_event e)
{
    char text[64];
    must(e.text.n <= sizeof text);
    if (e.text.n)
        memcpy(text, e.text.p, e.text.n);
    if (e.text.n)
        e.text.p = text;
    ir_answer_take(&an, &e);
    memset(text, '#', sizeof text);
}

static void start(void)
{
    take((struct ir_event){.kind = IR_EV_START,
                           .id = S("id1"),
                           .model = S("m"),
                           .created = 7,
                           .usage = {5, -1, -1, -1, -1}});
}

static void begin(unsigned choice, unsigned index, enum ir_part_kind kind, str id, str name)
{
    struct ir_part p = {.kind = kind, .id = id, .name = name};
    take((struct ir_event){.kind = IR_EV_PART_BEGIN, .choice = choice, .index = index, .part = &p});
}

static void delta(unsigned choice, unsigned index, str text)
{
    take((struct ir_event){.kind = IR_EV_DELTA, .choice = choice, .index = index, .text = text});
}

static void over(unsigned choice, unsigned index)
{
    take((struct ir_event){.kind = IR_EV_PART_END, .choice = choice, .index = index});
}

static void finish(unsigned choice, enum ir_finish f, str native)
{
    take((struct ir_event){.kind = IR_EV_FINISH, .choice = choice, .finish = f, .native = native});
}

static void end(void)
{
    take((struct ir_event){.kind = IR_EV_END});
}

static void prints(const char *want)
{
    buf_clear(&out);
    ir_print_answer(&an, &out);
    if (!str_eq(buf_str(&out), str_c(want)))
        fail_msg("got:\n%.*s\nwanted:\n%s", (int)out.n, out.p, want);
}

/* Saying it again and collecting that gives the same. */
static void again_the_same(void)
{
    struct ir_answer other;
    struct buf copy;
    buf_init(&copy, 1 << 24);
    for (int stable = 0; stable < 2; stable++) {
        ir_answer_init(&other, &arena, an.from, 1 << 20, stable);
        ir_answer_emit(&an, ir_answer_take, &other);
        buf_clear(&out);
        buf_clear(&copy);
        ir_print_answer(&an, &out);
        ir_print_answer(&other, &copy);
        assert_true(str_eq(buf_str(&out), buf_str(&copy)));
    }
    buf_fini(&copy);
}

/* ---- tests ---- */

static void test_text(void **state)
{
    (void)state;
    start();
    begin(0, 0, IR_PART_TEXT, S(""), S(""));
    delta(0, 0, S(""));
    delta(0, 0, S("Hel"));
    delta(0, 0, S("lo"));
    over(0, 0);
    finish(0, IR_FINISH_STOP, S("stop"));
    take((struct ir_event){.kind = IR_EV_USAGE, .usage = {0, 2, -1, -1, 1}});
    end();
    assert_true(an.complete);
    prints("answer id=\"id1\" model=\"m\" created=7\n"
           "choice 0 stop native=\"stop\"\n"
           "  text \"Hello\"\n"
           "usage input=5 output=2 reasoning=1\n"
           "complete\n");
    again_the_same();
}

/* Calls side by side, choices out of order, text between. */
static void test_overlap(void **state)
{
    (void)state;
    start();
    begin(1, 0, IR_PART_TEXT, S(""), S(""));
    begin(0, 0, IR_PART_CALL, S("c1"), S("f"));
    begin(0, 1, IR_PART_CALL, S("c2"), S("g"));
    delta(0, 1, S("{\"b\""));
    delta(0, 0, S("{\"a\""));
    delta(1, 0, S("x"));
    delta(0, 0, S(":1}"));
    delta(0, 1, S(":2}"));
    over(0, 1);
    delta(0, 1, S("late"));
    over(0, 0);
    delta(5, 5, S("nobody's"));
    over(1, 0);
    finish(1, IR_FINISH_LENGTH, S("length"));
    finish(0, IR_FINISH_CALLS, S("tool_calls"));
    end();
    prints("answer id=\"id1\" model=\"m\" created=7\n"
           "choice 0 calls native=\"tool_calls\"\n"
           "  call id=\"c1\" name=\"f\" \"{\\\"a\\\":1}\"\n"
           "  call id=\"c2\" name=\"g\" \"{\\\"b\\\":2}\"\n"
           "choice 1 length native=\"length\"\n"
           "  text \"x\"\n"
           "usage input=5\n"
           "complete\n");
    again_the_same();
}

static yyjson_val *tree(struct arena *a, const char *text)
{
    yyjson_val *v;
    assert_int_equal(json_read(str_c(text), a, &v, NULL), OK);
    return v;
}

static void test_inner_events(void **state)
{
    struct arena scratch;
    struct ir_citation c = {.url = S("u"), .title = S("t"), .start = 1, .end = 4};
    struct ir_part seal = {.seal = {S("sig"), S("rs"), DIALECT_RESPONSES}};
    (void)state;
    start();
    begin(0, 0, IR_PART_REASONING, S(""), S(""));
    delta(0, 0, S("hm"));
    take((struct ir_event){.kind = IR_EV_SEAL, .part = &seal});
    over(0, 0);
    begin(0, 1, IR_PART_TEXT, S(""), S(""));
    delta(0, 1, S("a"));
    arena_init(&scratch);
    take((struct ir_event){
        .kind = IR_EV_LOGPROBS, .index = 1, .json = tree(&scratch, "[{\"token\":\"a\"}]")});
    delta(0, 1, S("b"));
    take((struct ir_event){.kind = IR_EV_LOGPROBS,
                           .index = 1,
                           .json = tree(&scratch, "[{\"token\":\"b\"},{\"token\":\"\"}]")});
    take((struct ir_event){.kind = IR_EV_CITATION, .index = 1, .citation = &c});
    c.title = S("second");
    take((struct ir_event){.kind = IR_EV_CITATION, .index = 1, .citation = &c});
    arena_fini(&scratch);
    over(0, 1);
    end();
    prints("answer id=\"id1\" model=\"m\" created=7\n"
           "choice 0\n"
           "  reasoning seal=responses value=\"sig\" seal-id=\"rs\" \"hm\"\n"
           "  text logprobs=[{\"token\":\"a\"},{\"token\":\"b\"},{\"token\":\"\"}] \"ab\"\n"
           "    cites url=\"u\" title=\"t\" from=1 to=4\n"
           "    cites url=\"u\" title=\"second\" from=1 to=4\n"
           "usage input=5\n"
           "complete\n");
    again_the_same();
}

/* Parts that come complete are copied with all they hold. */
static void test_whole_parts(void **state)
{
    struct arena scratch;
    (void)state;
    arena_init(&scratch);
    struct ir_citation page = {.url = str_dup(&scratch, S("u1")), .start = -1, .end = -1};
    struct ir_part output = {.kind = IR_PART_TEXT, .text = str_dup(&scratch, S("42"))};
    struct ir_media media = {.mime = S("image/png"), .data = str_dup(&scratch, S("AAAA"))};
    struct ir_part parts[] = {
        {.kind = IR_PART_SEARCH, .text = str_dup(&scratch, S("q")), .citations = &page},
        {.kind = IR_PART_CODE, .text = S("6*7"), .name = S("python"), .content = &output},
        {.kind = IR_PART_IMAGE, .media = &media},
        {.kind = IR_PART_RAW, .src = tree(&scratch, "{\"z\":1,\"a\":[2.0]}")},
        {.kind = IR_PART_REASONING,
         .redacted = true,
         .seal = {str_dup(&scratch, S("data")), S(""), DIALECT_ANTHROPIC}},
        {.kind = IR_PART_CALL, .name = S("f"), .args = tree(&scratch, "{\"x\":1}")},
    };
    start();
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        take((struct ir_event){.kind = IR_EV_PART_BEGIN, .index = i, .part = &parts[i]});
        over(0, i);
    }
    end();
    arena_wipe(&scratch);
    static const char want[] = "answer id=\"id1\" model=\"m\" created=7\n"
                               "choice 0\n"
                               "  search \"q\"\n"
                               "    cites url=\"u1\"\n"
                               "  code name=\"python\" \"6*7\"\n"
                               "    text \"42\"\n"
                               "  image mime=\"image/png\" data=\"AAAA\"\n"
                               "  raw src={\"a\":[2.0],\"z\":1}\n"
                               "  reasoning redacted seal=anthropic value=\"data\"\n"
                               "  call name=\"f\" args={\"x\":1}\n"
                               "usage input=5\n"
                               "complete\n";
    prints(want);
    struct ir_answer other;
    ir_answer_init(&other, &arena, an.from, 1 << 20, false);
    ir_answer_emit(&an, ir_answer_take, &other);
    buf_clear(&out);
    ir_print_answer(&other, &out);
    /* Only that arguments travel as text. */
    assert_int_not_equal(str_find(buf_str(&out), S("name=\"f\" \"{\\\"x\\\":1}\"")), out.n);
}

static void test_error(void **state)
{
    struct ir_error error = {429, S("rate_limit_error"), S("slow"), S("wait"), S("")};
    (void)state;
    start();
    begin(0, 0, IR_PART_TEXT, S(""), S(""));
    delta(0, 0, S("so far"));
    take((struct ir_event){.kind = IR_EV_ERROR, .error = &error});
    assert_false(an.complete);
    prints("answer id=\"id1\" model=\"m\" created=7\n"
           "choice 0\n"
           "  text \"so far\"\n"
           "usage input=5\n"
           "error status=429 type=\"rate_limit_error\" code=\"slow\" \"wait\"\n");
    again_the_same();
}

/* A million pieces cost what their sum costs, and nobody gets past the limit. */
static void test_bounds(void **state)
{
    (void)state;
    start();
    begin(0, 0, IR_PART_TEXT, S(""), S(""));
    for (unsigned i = 0; i < 900000; i++)
        delta(0, 0, S("x"));
    assert_false(an.overflow);
    assert_true(arena.total < 4 << 20);
    for (unsigned i = 0; i < 200000; i++)
        delta(0, 0, S("y"));
    assert_true(an.overflow);
    for (unsigned i = 0; i < 200000; i++)
        begin(i, 1, IR_PART_CALL, S("some id"), S("some name"));
    finish(0, IR_FINISH_STOP, S("stop"));
    end();
    assert_false(an.complete);
    assert_true(arena.total < 5 << 20);
}

static void test_reply_text(void **state)
{
    (void)state;
    start();
    begin(0, 0, IR_PART_REASONING, S(""), S(""));
    delta(0, 0, S("hm"));
    over(0, 0);
    begin(0, 1, IR_PART_TEXT, S(""), S(""));
    over(0, 1);
    assert_true(str_eq(ir_reply_text(an.replies, &arena), S("")));
    begin(0, 2, IR_PART_TEXT, S(""), S(""));
    delta(0, 2, S("one "));
    over(0, 2);
    assert_true(str_eq(ir_reply_text(an.replies, &arena), S("one ")));
    begin(0, 3, IR_PART_TEXT, S(""), S(""));
    delta(0, 3, S("two"));
    over(0, 3);
    assert_true(str_eq(ir_reply_text(an.replies, &arena), S("one two")));
}

/* Events of an answer that was read in one go are not copied. */
static void test_stable(void **state)
{
    static const str text = {"kept where it is", 16};
    struct ir_part p = {.kind = IR_PART_TEXT};
    (void)state;
    ir_answer_init(&an, &arena, DIALECT_CHAT, 1 << 20, true);
    struct ir_event e = {.kind = IR_EV_PART_BEGIN, .part = &p};
    ir_answer_take(&an, &e);
    e = (struct ir_event){.kind = IR_EV_DELTA, .text = text};
    ir_answer_take(&an, &e);
    e = (struct ir_event){.kind = IR_EV_END};
    ir_answer_take(&an, &e);
    assert_ptr_equal(an.replies->parts.first->text.p, text.p);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_text),  T(test_overlap), T(test_inner_events), T(test_whole_parts),
        T(test_error), T(test_bounds),  T(test_reply_text),   T(test_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ir/names.h: every name fits, no two are one, and the answer has the client's own again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ir/answer.h"
#include "ir/names.h"
#include "ir/print.h"
#include "json/read.h"

static struct arena arena;
static struct ir_request rq;
static struct ir_names names;
static struct buf out;

static const struct ir_alphabet narrow = {.name_max = 16,
                                          .id_max = 40,
                                          .name_extra = "_-",
                                          .id_extra = "_-",
                                          .name_starts_with_letter = true};
static const struct ir_alphabet wide = {
    .name_max = 64, .name_extra = "_-.:", .has_custom = true, .has_space = true};

static int setup(void **state)
{
    (void)state;
    hash_init();
    arena_init(&arena);
    buf_init(&out, 1 << 24);
    ir_request_init(&rq, &arena, DIALECT_RESPONSES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    buf_fini(&out);
    return 0;
}

static struct ir_tool *tool(const char *space, const char *name)
{
    struct ir_tool *t = ir_tool_add(&rq, IR_TOOL_FUNCTION);
    t->space = str_c(space);
    t->name = str_c(name);
    return t;
}

static struct ir_part *part(enum ir_part_kind kind, const char *id, const char *name)
{
    if (!rq.messages)
        ir_message_add(&rq, IR_ASSISTANT);
    struct ir_part *p = ir_part_add(&rq, rq.messages, kind);
    p->id = str_c(id);
    p->name = str_c(name);
    return p;
}

static void fit(const struct ir_alphabet *to)
{
    ir_names_fit(&rq, to, &arena, &names);
}

static void is(str got, const char *want)
{
    if (!str_eq(got, str_c(want)))
        fail_msg("got \"%.*s\", wanted \"%s\"", STR_FMT(got), want);
}

static void back(const char *wire, const char *space, const char *name)
{
    const struct ir_renamed *r = ir_names_find(&names, str_c(wire));
    if (!r)
        fail_msg("%s is not remembered", wire);
    is(r->name, name);
    is(r->space, space);
}

/* ---- names (SPEC 5.5) ---- */

static void test_fitting_names_stay(void **state)
{
    (void)state;
    tool("", "get_weather-1");
    part(IR_PART_CALL, "call_1", "get_weather-1");
    fit(&narrow);
    is(rq.tools->name, "get_weather-1");
    is(rq.messages->parts.first->name, "get_weather-1");
    assert_null(names.list);
}

static void test_spelling(void **state)
{
    static const struct {
        const char *name, *wire;
    } rows[] = {{"a.b/c", "a_b_c"},
                {"7zip", "_7zip"},
                {"na\xc3\xafve", "na_ve"},
                {"", "tool"},
                {"abcdefghijklmnopqrstuv", "abcdefghijklmnop"},
                {"mcp__server__look", "mcp__look"},
                {"mcp__a__b__find it", "mcp__find_it"},
                {"mcp__server__muchtoolongforthis", "mcp__server__muc"},
                {"mcp__x", "mcp__x"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        tool("", rows[i].name);
    fit(&narrow);
    const struct ir_tool *t = rq.tools;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++, t = t->next) {
        is(t->name, rows[i].wire);
        if (strcmp(rows[i].name, rows[i].wire) != 0)
            back(rows[i].wire, "", rows[i].name);
    }
}

/* Names that fit are nobody else's, wherever they stand. */
static void test_collisions(void **state)
{
    static const char *const in[] = {
        "a.b", "a_b", "a/b", "a_b_1", "abcdefghijklmnopX", "abcdefghijklmnopY", "abcdefghijklmnop"};
    static const char *const want[] = {
        "a_b_2",           "a_b", "a_b_3", "a_b_1", "abcdefghijklmn_1", "abcdefghijklmn_2",
        "abcdefghijklmnop"};
    (void)state;
    for (size_t i = 0; i < 7; i++)
        tool("", in[i]);
    fit(&narrow);
    const struct ir_tool *t = rq.tools;
    for (size_t i = 0; i < 7; i++, t = t->next)
        is(t->name, want[i]);
    back("a_b_2", "", "a.b");
    back("a_b_3", "", "a/b");
    assert_null(ir_names_find(&names, S("a_b")));
}

static void test_declared_twice(void **state)
{
    (void)state;
    tool("", "f")->description = S("first");
    tool("", "g");
    tool("", "f")->description = S("second");
    tool("s", "f");
    ir_tool_add(&rq, IR_TOOL_WEB_SEARCH);
    ir_tool_add(&rq, IR_TOOL_WEB_SEARCH);
    fit(&narrow);
    struct ir_tool *t = rq.tools;
    is(t->description, "first");
    is(t->next->name, "g");
    is(t->next->next->name, "s__f");
    assert_int_equal(t->next->next->next->kind, IR_TOOL_WEB_SEARCH);
    assert_non_null(t->next->next->next->next);
    /* The list can still grow. */
    tool("", "h");
    is(t->next->next->next->next->next->name, "h");
}

static void test_spaces(void **state)
{
    (void)state;
    tool("fs", "read");
    tool("a_long_namespace", "read");
    tool("mcp__srv", "list_directory");
    tool("fs__read", "x");
    tool("fs", "read__x");
    part(IR_PART_CALL, "1", "read")->space = S("fs");
    part(IR_PART_RESULT, "1", "read")->space = S("fs");
    fit(&narrow);
    static const char *const want[] = {"fs__read", "read", "mcp__srv__list_d", "fs__read__x",
                                       "fs__read__x_1"};
    const struct ir_tool *t = rq.tools;
    for (size_t i = 0; i < 5; i++, t = t->next) {
        is(t->name, want[i]);
        assert_int_equal(t->space.n, 0);
    }
    back("fs__read", "fs", "read");
    back("read", "a_long_namespace", "read");
    back("fs__read__x", "fs__read", "x");
    back("fs__read__x_1", "fs", "read__x");
    is(rq.messages->parts.first->name, "fs__read");
    is(rq.messages->parts.first->next->name, "fs__read");
    is(rq.messages->parts.first->space, "");
}

static void test_spaces_stay_where_they_exist(void **state)
{
    (void)state;
    tool("fs", "read");
    part(IR_PART_CALL, "1", "read")->space = S("fs");
    fit(&wide);
    is(rq.tools->name, "read");
    is(rq.tools->space, "fs");
    is(rq.messages->parts.first->space, "fs");
    assert_null(names.list);
}

static void test_choice_follows(void **state)
{
    static str listed[] = {{"a.b", 3}, {"read", 4}, {"other", 5}};
    (void)state;
    tool("", "a.b");
    tool("fs", "read");
    rq.choice = (struct ir_choice){.kind = IR_CHOICE_SOME, .names = listed, .n_names = 3};
    fit(&narrow);
    is(rq.choice.names[0], "a_b");
    is(rq.choice.names[1], "fs__read");
    is(rq.choice.names[2], "other");
    is(listed[0], "a.b");
}

/* History keeps calls of tools that are gone. */
static void test_undeclared(void **state)
{
    (void)state;
    tool("", "a_b");
    part(IR_PART_CALL, "1", "a.b");
    part(IR_PART_CALL, "2", "a.b");
    part(IR_PART_CALL, "3", "plain");
    fit(&narrow);
    struct ir_part *p = rq.messages->parts.first;
    is(p->name, "a_b_1");
    is(p->next->name, "a_b_1");
    is(p->next->next->name, "plain");
    back("a_b_1", "", "a.b");
}

static void test_many_collisions(void **state)
{
    char name[32];
    (void)state;
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "abcdefghijklmnop%d", i);
        ir_tool_add(&rq, IR_TOOL_FUNCTION)->name = str_dup(&arena, str_c(name));
    }
    uint64_t before = clock_ns();
    fit(&narrow);
    assert_true(clock_ns() - before < UINT64_C(5000000000));
    for (const struct ir_tool *t = rq.tools; t; t = t->next)
        assert_true(t->name.n <= 16);
}

/* ---- ids ---- */

static void test_ids(void **state)
{
    static const char *const in[] = {"call_abc-1",
                                     "call.1",
                                     "call:1",
                                     "fc_0123456789012345678901234567890123456789",
                                     "fc_0123456789012345678901234567890123456780",
                                     "",
                                     "\xc3\xa9"};
    struct ir_alphabet any = {.name_max = 64, .name_extra = "_-"};
    char seen[7][64];
    (void)state;
    for (size_t i = 0; i < 7; i++) {
        part(IR_PART_CALL, in[i], "f");
        part(IR_PART_RESULT, in[i], "");
    }
    fit(&narrow);
    const struct ir_part *p = rq.messages->parts.first;
    for (size_t i = 0; i < 7; i++, p = p->next->next) {
        assert_true(str_eq(p->id, p->next->id));
        assert_true(p->id.n <= 40);
        for (size_t k = 0; k < p->id.n; k++)
            assert_true(strchr("_-", p->id.p[k]) || (p->id.p[k] >= '0' && p->id.p[k] <= 'z'));
        snprintf(seen[i], sizeof seen[i], "%.*s", STR_FMT(p->id));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(seen[i], seen[k]);
    }
    assert_string_equal(seen[0], in[0]);
    assert_string_equal(seen[5], "");
    assert_memory_equal(seen[1], "call_1_", 7);
    /* Once fitted they fit, and without an alphabet all do. */
    fit(&narrow);
    is(rq.messages->parts.first->next->next->id, seen[1]);
    ir_request_init(&rq, &arena, DIALECT_CHAT);
    part(IR_PART_CALL, "any: thing \xc3\xa9", "f");
    fit(&any);
    is(rq.messages->parts.first->id, "any: thing \xc3\xa9");
}

/* ---- custom tools ---- */

static yyjson_val *tree(const char *text)
{
    yyjson_val *v;
    assert_int_equal(json_read(str_c(text), &arena, &v, NULL), OK);
    return v;
}

static void custom_request(void)
{
    struct ir_tool *t = ir_tool_add(&rq, IR_TOOL_CUSTOM);
    t->name = S("apply_patch");
    t->description = S("Edits files.");
    t->grammar = tree("{\"type\":\"grammar\",\"syntax\":\"lark\",\"definition\":\"start: /x+/\"}");
    struct ir_part *p = part(IR_PART_CALL, "1", "apply_patch");
    p->call = IR_CALL_CUSTOM;
    p->text = S("*** \"Begin\"\n");
    p = part(IR_PART_RESULT, "1", "");
    p->call = IR_CALL_CUSTOM;
    rq.choice.kind = IR_CHOICE_ONE;
    rq.choice.tool = IR_TOOL_CUSTOM;
}

static void test_custom_becomes_function(void **state)
{
    (void)state;
    custom_request();
    fit(&narrow);
    const struct ir_tool *t = rq.tools;
    assert_int_equal(t->kind, IR_TOOL_FUNCTION);
    assert_true(str_starts(t->description, S("Edits files.\n\n")));
    assert_true(str_ends(t->description, S("(lark):\nstart: /x+/")));
    is(jv_get_str(jv_get(jv_get(t->schema, "properties"), "input"), "type"), "string");
    assert_null(t->grammar);
    assert_int_equal(rq.choice.tool, IR_TOOL_FUNCTION);
    const struct ir_part *p = rq.messages->parts.first;
    assert_int_equal(p->call, IR_CALL_FUNCTION);
    is(p->text, "{\"input\":\"*** \\\"Begin\\\"\\n\"}");
    assert_int_equal(p->next->call, IR_CALL_FUNCTION);
    back("apply_patch", "", "apply_patch");
    assert_int_equal(ir_names_find(&names, S("apply_patch"))->call, IR_CALL_CUSTOM);
}

static void test_custom_stays_where_it_exists(void **state)
{
    (void)state;
    custom_request();
    fit(&wide);
    assert_int_equal(rq.tools->kind, IR_TOOL_CUSTOM);
    assert_non_null(rq.tools->grammar);
    is(rq.tools->description, "Edits files.");
    is(rq.messages->parts.first->text, "*** \"Begin\"\n");
    assert_int_equal(rq.messages->parts.first->call, IR_CALL_CUSTOM);
    assert_null(names.list);
}

static void test_own_tool_with_schema(void **state)
{
    (void)state;
    struct ir_tool *t = ir_tool_add(&rq, IR_TOOL_OWN);
    t->name = S("local_shell");
    t->schema = tree("{\"type\":\"object\"}");
    t = ir_tool_add(&rq, IR_TOOL_OWN);
    t->name = S("mcp");
    struct ir_part *p = part(IR_PART_CALL, "1", "local_shell");
    p->call = IR_CALL_OWN;
    p->text = S("{\"command\":[\"ls\"]}");
    fit(&wide);
    assert_int_equal(rq.tools->kind, IR_TOOL_FUNCTION);
    assert_int_equal(rq.tools->next->kind, IR_TOOL_OWN);
    assert_int_equal(rq.messages->parts.first->call, IR_CALL_FUNCTION);
    is(rq.messages->parts.first->text, "{\"command\":[\"ls\"]}");
    assert_int_equal(ir_names_find(&names, S("local_shell"))->call, IR_CALL_OWN);
    assert_null(ir_names_find(&names, S("mcp")));
}

/* ---- answers ---- */

static void say(struct ir_unname *u, enum ir_event_kind kind, unsigned index, str text,
                const struct ir_part *p)
{
    struct ir_event e = {.kind = kind, .index = index, .text = text, .part = p};
    ir_unname_take(u, &e);
}

static void test_names_come_back(void **state)
{
    struct ir_printer printer;
    struct ir_part f = {.kind = IR_PART_CALL, .id = S("1"), .name = S("fs__read")};
    struct ir_part g = {.kind = IR_PART_CALL, .id = S("2"), .name = S("other")};
    struct ir_part sh = {.kind = IR_PART_CALL, .id = S("3"), .name = S("shell")};
    struct ir_part text = {.kind = IR_PART_TEXT, .name = S("fs__read")};
    (void)state;
    tool("fs", "read");
    struct ir_tool *t = ir_tool_add(&rq, IR_TOOL_OWN);
    t->name = S("shell");
    t->schema = tree("{}");
    fit(&narrow);
    ir_printer_init(&printer, &out);
    struct ir_unname *u = ir_unname_new(&arena, &names, ir_printer_take, &printer);
    say(u, IR_EV_PART_BEGIN, 0, S(""), &f);
    say(u, IR_EV_DELTA, 0, S("{}"), NULL);
    say(u, IR_EV_PART_END, 0, S(""), NULL);
    say(u, IR_EV_PART_BEGIN, 1, S(""), &g);
    say(u, IR_EV_PART_BEGIN, 2, S(""), &text);
    say(u, IR_EV_PART_BEGIN, 3, S(""), &sh);
    say(u, IR_EV_DELTA, 3, S("{\"input\":1}"), NULL);
    say(u, IR_EV_END, 0, S(""), NULL);
    ir_printer_fini(&printer);
    ir_unname_free(u);
    is(buf_str(&out), "part 0.0 call id=\"1\" space=\"fs\" name=\"read\"\n"
                      "delta 0.0 \"{}\"\n"
                      "over 0.0\n"
                      "part 0.1 call id=\"2\" name=\"other\"\n"
                      "part 0.2 text name=\"fs__read\"\n"
                      "part 0.3 call own id=\"3\" name=\"shell\"\n"
                      "delta 0.3 \"{\\\"input\\\":1}\"\n"
                      "end\n");
}

struct collected {
    struct buf text;
    size_t deltas;
};

static void collect(void *arg, const struct ir_event *e)
{
    struct collected *c = arg;
    if (e->kind != IR_EV_DELTA)
        return;
    assert_true(e->text.n > 0);
    buf_put(&c->text, e->text);
    c->deltas++;
}

static struct ir_unname *unname;
static struct collected got;

static void decode_in_steps(str args, size_t first, size_t step, str want)
{
    struct ir_part p = {.kind = IR_PART_CALL, .name = S("x")};
    buf_clear(&got.text);
    say(unname, IR_EV_PART_BEGIN, 0, S(""), &p);
    say(unname, IR_EV_DELTA, 0, str_head(args, first), NULL);
    for (size_t at = first; at < args.n; at += step)
        say(unname, IR_EV_DELTA, 0, str_head(str_from(args, at), step), NULL);
    say(unname, IR_EV_PART_END, 0, S(""), NULL);
    if (!str_eq(buf_str(&got.text), want))
        fail_msg("%.*s, first %zu, then %zu: got \"%.*s\", wanted \"%.*s\"", STR_FMT(args), first,
                 step, (int)got.text.n, got.text.p, STR_FMT(want));
}

/* Whole, byte by byte, and at every split. */
static void decodes(const char *args, const char *want)
{
    decode_in_steps(str_c(args), strlen(args), 1, str_c(want));
    decode_in_steps(str_c(args), 0, 1, str_c(want));
    for (size_t at = 0; at < strlen(args); at++)
        decode_in_steps(str_c(args), at, SIZE_MAX / 2, str_c(want));
}

static void decoder(void)
{
    ir_tool_add(&rq, IR_TOOL_CUSTOM)->name = S("x");
    fit(&narrow);
    buf_init(&got.text, 1 << 24);
    got.deltas = 0;
    unname = ir_unname_new(&arena, &names, collect, &got);
}

static void decoder_over(void)
{
    ir_unname_free(unname);
    buf_fini(&got.text);
}

static void test_input_decoded(void **state)
{
    (void)state;
    decoder();
    decodes("{\"input\":\"plain\"}", "plain");
    decodes(" \n{ \"input\" : \"a b\" } ", "a b");
    decodes("{\"input\":\"\"}", "");
    decodes("{\"input\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\"\\/\b\f\n\r\t");
    decodes("{\"input\":\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00z\"}",
            "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
    decodes("{\"input\":\"caf\xc3\xa9 \xf0\x9f\x98\x80\"}", "caf\xc3\xa9 \xf0\x9f\x98\x80");
    /* halves of pairs */
    decodes("{\"input\":\"\\ud83dx\"}", "\xef\xbf\xbdx");
    decodes("{\"input\":\"\\ud83d\"}", "\xef\xbf\xbd");
    decodes("{\"input\":\"\\ud83d\\n\"}", "\xef\xbf\xbd\n");
    decodes("{\"input\":\"\\ud83d\\u0041\"}", "\xef\xbf\xbd"
                                              "A");
    decodes("{\"input\":\"\\ude00\"}", "\xef\xbf\xbd");
    decodes("{\"input\":\"\\ud83d\\ud83d\\ude00\"}", "\xef\xbf\xbd\xf0\x9f\x98\x80");
    decoder_over();
}

static void test_extra_members(void **state)
{
    (void)state;
    decoder();
    decodes("{\"why\":\"so \\\"quoted\\\" }\",\"input\":\"x\"}", "x");
    decodes("{\"a\":{\"input\":\"no\",\"b\":[1,{}]},\"c\":[],\"d\":1.5e3,\"e\":null,"
            "\"input\":\"yes\",\"z\":\"behind\"}",
            "yes");
    decodes("{\"input\":\"one\",\"input\":\"two\"}", "one");
    decodes("{\"input\":\"x\"} and more", "x");
    decodes("{\"inputs\":1,\"input\":\"x\"}", "x");
    decodes("{\"inpu\":1,\"input\":\"x\"}", "x");
    decodes("{\"\":1,\"input\":\"x\"}", "x");
    decodes("{\"inp\\u0075t\":\"x\"}", "x");
    decoder_over();
}

/* Whatever the model writes, the client gets what there is. */
static void test_no_input(void **state)
{
    static const char *const raw[] = {
        "*** Begin Patch\n+x",   "\"just a string\"", "[1,2]", "  text",
        "{input: \"x\"}",        "{\"a\" 1}",         "{,}",   "{\"a\":}",
        "{\"a\":1,\"b\":\"2\"}", "{\"a\":1",          "{",     "nul",
        "{\"a\":1} tail"};
    (void)state;
    decoder();
    for (size_t i = 0; i < sizeof raw / sizeof raw[0]; i++)
        decodes(raw[i], raw[i]);
    decodes("", "");
    decodes("{}", "");
    decodes("{\"patch\":\"a\\nb\"}", "a\nb");
    decodes("{\"input\":{\"a\": [1]}}", "{\"a\":[1]}");
    decodes("{\"input\":7,\"b\":\"c\"}", "7");
    /* cut off in the middle */
    decodes("{\"input\":\"abc", "abc");
    decodes("{\"input\":\"abc\\", "abc");
    decodes("{\"input\":\"abc\\u00", "abc");
    decodes("{\"input\":\"a\\u00g1\\q\"}", "a\xef\xbf\xbdg1q");
    decoder_over();
}

static void test_memory_is_bounded(void **state)
{
    struct ir_part p = {.kind = IR_PART_CALL, .name = S("x")};
    char junk[1000];
    (void)state;
    decoder();
    memset(junk, 'j', sizeof junk);
    /* what comes before `input` goes on as it is when it is too much */
    say(unname, IR_EV_PART_BEGIN, 0, S(""), &p);
    say(unname, IR_EV_DELTA, 0, S("{\"a\":\""), NULL);
    for (int i = 0; i < 1000; i++)
        say(unname, IR_EV_DELTA, 0, str_of(junk, sizeof junk), NULL);
    say(unname, IR_EV_DELTA, 0, S("\"}"), NULL);
    say(unname, IR_EV_PART_END, 0, S(""), NULL);
    assert_int_equal(got.text.n, 1000000 + 8);
    /* any number of calls open at once */
    for (unsigned i = 0; i < 10000; i++)
        say(unname, IR_EV_PART_BEGIN, i, S(""), &p);
    assert_true(arena.total < 100000);
    buf_clear(&got.text);
    say(unname, IR_EV_DELTA, 63, S("{\"input\":\"x\"}"), NULL);
    say(unname, IR_EV_DELTA, 64, S("{\"input\":\"x\"}"), NULL);
    is(buf_str(&got.text), "x{\"input\":\"x\"}");
    decoder_over();
}

/* Parallel calls do not disturb each other. */
static void test_side_by_side(void **state)
{
    struct ir_part p = {.kind = IR_PART_CALL, .name = S("x")};
    struct ir_answer an;
    (void)state;
    ir_tool_add(&rq, IR_TOOL_CUSTOM)->name = S("x");
    fit(&narrow);
    ir_answer_init(&an, &arena, DIALECT_CHAT, 1 << 20, false);
    struct ir_unname *u = ir_unname_new(&arena, &names, ir_answer_take, &an);
    say(u, IR_EV_PART_BEGIN, 0, S(""), &p);
    say(u, IR_EV_PART_BEGIN, 1, S(""), &p);
    say(u, IR_EV_DELTA, 1, S("{\"inp"), NULL);
    say(u, IR_EV_DELTA, 0, S("{\"input\":\"a\\"), NULL);
    say(u, IR_EV_DELTA, 1, S("ut\":\"b"), NULL);
    say(u, IR_EV_DELTA, 0, S("n\"}"), NULL);
    say(u, IR_EV_PART_END, 0, S(""), NULL);
    say(u, IR_EV_PART_BEGIN, 2, S(""), &p);
    say(u, IR_EV_DELTA, 2, S("{\"input\":\"c\"}"), NULL);
    say(u, IR_EV_DELTA, 1, S("\"}"), NULL);
    say(u, IR_EV_PART_END, 2, S(""), NULL);
    say(u, IR_EV_PART_END, 1, S(""), NULL);
    ir_unname_free(u);
    ir_print_answer(&an, &out);
    is(buf_str(&out), "answer\nchoice 0\n"
                      "  call custom name=\"x\" \"a\\n\"\n"
                      "  call custom name=\"x\" \"b\"\n"
                      "  call custom name=\"x\" \"c\"\n"
                      "incomplete\n");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_fitting_names_stay),
        T(test_spelling),
        T(test_collisions),
        T(test_declared_twice),
        T(test_spaces),
        T(test_spaces_stay_where_they_exist),
        T(test_choice_follows),
        T(test_undeclared),
        T(test_many_collisions),
        T(test_ids),
        T(test_custom_becomes_function),
        T(test_custom_stays_where_it_exists),
        T(test_own_tool_with_schema),
        T(test_names_come_back),
        T(test_input_decoded),
        T(test_extra_members),
        T(test_no_input),
        T(test_memory_is_bounded),
        T(test_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

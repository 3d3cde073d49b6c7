/* json/watch.h: what is reported, at which offsets, at any cut of the input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "json/watch.h"

enum { MODEL = 1, REASON, TOKENS, USAGE, DEEP, LISTED };

static const struct watch_path paths[] = {
    {MODEL, {"model"}},
    {REASON, {"choices", "*", "finish_reason"}},
    {TOKENS, {"usage", "prompt_tokens"}},
    {USAGE, {"usage"}},
    {LISTED, {"*", "error"}},
    {DEEP, {"a", "*", "*", "b", "c"}},
};

static const struct watch_set *set;

static str doc; /* what is being watched */

/* Each report becomes a line: id, kind, text, and what stands at the given place. */
static void note(void *arg, int id, enum json_kind kind, str text, size_t at, size_t n)
{
    static const char *const kinds[] = {"-",      "null",   "false", "true",
                                        "number", "string", "array", "object"};
    if (at > doc.n || n > doc.n - at)
        fail_msg("%zu+%zu is outside of the text", at, n);
    buf_printf(arg, "%d %s <%.*s> %.*s\n", id, kinds[kind], STR_FMT(text), (int)n, doc.p + at);
}

static void watch(str text, size_t first, size_t step, struct buf *out)
{
    struct watch *w = malloc(watch_size());
    watch_init(w, set, note, out);
    doc = S("{\"left\":[{\"over\":\"");
    watch_feed(w, doc); /* a document that ended in the middle */
    watch_reset(w);
    buf_clear(out);
    doc = text;
    for (size_t at = 0, n = first; at < text.n; at += n, n = step) {
        n = n < text.n - at ? n : text.n - at;
        char *copy = malloc(n ? n : 1);
        memcpy(copy, text.p + at, n);
        watch_feed(w, str_of(copy, n));
        free(copy);
    }
    watch_end(w);
    free(w);
}

/* Whole, at every two-part split, byte by byte. */
static void gives_str(str text, const char *want)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t first = 0; first <= text.n; first++) {
        watch(text, first, text.n, &b);
        if (strcmp(buf_c(&b), want) != 0)
            fail_msg("%.*s cut at %zu gave\n%s\nwanted\n%s", STR_FMT(text), first, b.p, want);
    }
    watch(text, 1, 1, &b);
    assert_string_equal(buf_c(&b), want);
    buf_fini(&b);
}

static void gives(const char *text, const char *want)
{
    gives_str(str_c(text), want);
}

static void test_reports(void **state)
{
    (void)state;
    gives("{\"model\":\"gpt\",\"x\":1}", "1 string <gpt> \"gpt\"\n");
    gives(" { \"x\" : {\"model\":1} , \"model\" : -1.5e3 } ", "1 number <-1.5e3> -1.5e3\n");
    gives("{\"choices\":[{\"finish_reason\":null,\"delta\":{\"finish_reason\":1}},"
          "{\"finish_reason\":\"stop\"}]}",
          "2 null <null> null\n2 string <stop> \"stop\"\n");
    gives("{\"usage\":{\"prompt_tokens\":12,\"x\":[{}],\"prompt_tokens\":13}}",
          "4 object <> {\n3 number <12> 12\n3 number <13> 13\n");
}

static void test_kinds(void **state)
{
    (void)state;
    gives("{\"model\":true}", "1 true <true> true\n");
    gives("{\"model\":false }", "1 false <false> false\n");
    gives("{\"model\":[1,2],\"model\":{}}", "1 array <> [\n1 object <> {\n");
    gives("{\"model\":\"\"}", "1 string <> \"\"\n");
    gives("{\"model\":\"a\\\"b\\\\\"}", "1 string <a\\\"b\\\\> \"a\\\"b\\\\\"\n");
    gives("[{\"error\":1},{\"x\":0},{\"error\":\"e\"}]", "6 number <1> 1\n6 string <e> \"e\"\n");
    gives("{\"a\":[[{\"b\":{\"c\":1}},{\"b\":{\"c\":2,\"d\":{\"c\":3}}}],[],{\"b\":{\"c\":4}}]}",
          "5 number <1> 1\n5 number <2> 2\n");
}

static void test_escaped_keys(void **state)
{
    (void)state;
    gives("{\"mod\\u0065l\":\"m\",\"usag\\u0065\":{\"prompt\\u005ftokens\":1}}",
          "1 string <m> \"m\"\n4 object <> {\n3 number <1> 1\n");
    gives("{\"model\\\"\":1,\"mode\":2,\"models\":3}", "");
}

static void test_skipping(void **state)
{
    (void)state;
    gives("{\"x\":[[{\"model\":\"}]\"}],\"\\\"]\",{\"a\":\"\\\\\"}],\"model\":1}",
          "1 number <1> 1\n");
    gives("{\"choices\":{\"finish_reason\":1},\"usage\":[1],\"model\":1}",
          "4 array <> [\n1 number <1> 1\n");
    /* No depth is too deep to skip. */
    char *text = malloc(20020);
    size_t n = (size_t)sprintf(text, "{\"x\":");
    memset(text + n, '[', 10000);
    memset(text + n + 10000, ']', 10000);
    strcpy(text + n + 20000, ",\"model\":1}");
    struct buf b;
    buf_init(&b, 1000);
    watch(str_c(text), 7, 1000, &b);
    assert_string_equal(buf_c(&b), "1 number <1> 1\n");
    buf_fini(&b);
    free(text);
}

static void test_long_values_are_cut(void **state)
{
    (void)state;
    char text[700], want[700];
    for (size_t n = WATCH_VALUE_MAX - 3; n < WATCH_VALUE_MAX + 4; n++) {
        char value[WATCH_VALUE_MAX + 8];
        memset(value, 'v', n);
        value[n] = 0;
        int shown = (int)(n < WATCH_VALUE_MAX ? n : WATCH_VALUE_MAX);
        sprintf(text, "{\"model\":\"%s\"}", value);
        sprintf(want, "1 string <%.*s> \"%s\"\n", shown, value, value);
        gives(text, want);
        memset(value, '7', n);
        sprintf(text, "{\"model\":%s}", value);
        sprintf(want, "1 number <%.*s> %s\n", shown, value, value);
        gives(text, want);
        sprintf(text, "{\"%s\":1,\"model\":2}", value);
        gives(text, "1 number <2> 2\n");
    }
}

/* Never a complaint, never a wrong report. */
static void test_not_json(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "[DONE]",
        "<html>\"model\":1</html>",
        "hello {\"model\":1}",
        "}",
        "]",
        "{]",
        "[}",
        "{\"model\"}",
        "{\"model\" 1}",
        "{\"model\":",
        "{\"model\":\"x",
        "{\"model\":12",
        "{\"model\":}",
        "{\"x\":1]\"model\":1}",
        "{\"x\":1 \"model\":1}",
        "\"model\"",
        "{1:2}",
        "{\"x\":@,\"model\":1}",
        "{} {\"model\":1}",
        "[]{\"model\":1}",
        "nullnull",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        gives(texts[i], "");
    /* NUL bytes are bytes like others; printf shows what is before them. */
    gives_str(S("{\"x\0\":1,\"\0model\":2,\"model\":\"\0\"}"), "1 string <> \"\n");
}

static void test_root_value(void **state)
{
    (void)state;
    static const struct watch_path whole[] = {{9, {NULL}}};
    struct watch_set *own = watch_set_new(whole, 1);
    const struct watch_set *saved = set;
    set = own;
    gives("12", "9 number <12> 12\n");
    gives(" \"a\" ", "9 string <a> \"a\"\n");
    gives("{\"a\":1}", "9 object <> {\n");
    gives("true ", "9 true <true> true\n");
    set = saved;
    watch_set_free(own);
}

int main(void)
{
    struct watch_set *s = watch_set_new(paths, sizeof paths / sizeof paths[0]);
    set = s;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_escaped_keys),
        cmocka_unit_test(test_skipping),
        cmocka_unit_test(test_long_values_are_cut),
        cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_root_value),
    };
    int bad = cmocka_run_group_tests(tests, NULL, NULL);
    watch_set_free(s);
    return bad;
}

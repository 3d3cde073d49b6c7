/* ir/part.h, base/base64.h: arguments, results, data URLs, media types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "ir/part.h"
#include "json/read.h"

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

static void is(str got, str want)
{
    if (!str_eq(got, want))
        fail_msg("got \"%.*s\", wanted \"%.*s\"", STR_FMT(got), STR_FMT(want));
}

static yyjson_val *tree(const char *text)
{
    yyjson_val *v;
    assert_int_equal(json_read(str_c(text), &arena, &v, NULL), OK);
    return v;
}

/* RFC 4648 section 10. */
static void test_base64(void **state)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}};
    char room[64];
    size_t n;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        is(base64_encode(str_c(rows[i].bytes), &arena), str_c(rows[i].text));
        assert_true(base64_decode(str_c(rows[i].text), room, &n));
        is(str_of(room, n), str_c(rows[i].bytes));
    }
    assert_true(base64_decode(S("Zm9vYg"), room, &n));
    is(str_of(room, n), S("foob"));
    is(base64_encode(S("\xfb\xff\xbf"), &arena), S("+/+/"));
    assert_true(base64_decode(S("-_-_"), room, &n));
    is(str_of(room, n), S("\xfb\xff\xbf"));
    static const char *const bad[] = {"Z", "Zg=", "Zg===", "Zm9v=", "Zm9v====", "Z g=", "=Zg="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(base64_decode(str_c(bad[i]), room, &n));
}

/* Every length and byte comes back. */
static void test_base64_round(void **state)
{
    char in[256], out[400];
    size_t n;
    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (char)(i * 37);
    for (size_t len = 0; len < sizeof in; len++) {
        str text = base64_encode(str_of(in, len), &arena);
        assert_true(base64_decode(text, out, &n));
        assert_int_equal(n, len);
        assert_memory_equal(in, out, len);
    }
}

static void test_parts(void **state)
{
    struct ir_parts l;
    (void)state;
    ir_parts_init(&l);
    struct ir_part *a = ir_parts_add(&l, &arena, IR_PART_TEXT);
    struct ir_part *b = ir_parts_add(&l, &arena, IR_PART_CALL);
    assert_ptr_equal(l.first, a);
    assert_ptr_equal(a->next, b);
    assert_null(b->next);
    assert_int_equal(b->kind, IR_PART_CALL);
}

static void test_arguments(void **state)
{
    struct ir_part call = {.kind = IR_PART_CALL};
    (void)state;
    is(ir_call_text(&call, &arena), S("{}"));
    assert_null(ir_call_tree(&call, &arena));
    call.text = S(" \n");
    is(ir_call_text(&call, &arena), S("{}"));
    call.text = S("{\"a\": 1.50}");
    is(ir_call_text(&call, &arena), call.text);
    is(json_text_of(ir_call_tree(&call, &arena), &arena), S("{\"a\":1.50}"));
    /* Not an object: as it is for who takes text, nothing for who takes trees. */
    static const char *const others[] = {"[1]", "\"x\"", "null", "{\"a\":", "plain"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        call.text = str_c(others[i]);
        is(ir_call_text(&call, &arena), call.text);
        assert_null(ir_call_tree(&call, &arena));
    }
    call.args = tree("{\"b\": [true, null]}");
    is(ir_call_text(&call, &arena), S("{\"b\":[true,null]}"));
    assert_ptr_equal(ir_call_tree(&call, &arena), call.args);
    struct ir_part custom = {.kind = IR_PART_CALL, .call = IR_CALL_CUSTOM, .text = S("{}")};
    is(ir_call_text(&custom, &arena), S("{}"));
    assert_null(ir_call_tree(&custom, &arena));
    custom.text = S("");
    is(ir_call_text(&custom, &arena), S(""));
}

/* SPEC 5.6: text blocks joined with a blank line. */
static void test_result_text(void **state)
{
    struct ir_parts l;
    struct ir_part result = {.kind = IR_PART_RESULT};
    (void)state;
    is(ir_result_text(&result, &arena), S(""));
    ir_parts_init(&l);
    ir_parts_add(&l, &arena, IR_PART_IMAGE);
    ir_parts_add(&l, &arena, IR_PART_TEXT);
    result.content = l.first;
    is(ir_result_text(&result, &arena), S(""));
    struct ir_part *one = ir_parts_add(&l, &arena, IR_PART_TEXT);
    one->text = S("one");
    assert_ptr_equal(ir_result_text(&result, &arena).p, one->text.p);
    ir_parts_add(&l, &arena, IR_PART_TEXT)->text = S("two");
    ir_parts_add(&l, &arena, IR_PART_TEXT);
    ir_parts_add(&l, &arena, IR_PART_TEXT)->text = S("three");
    is(ir_result_text(&result, &arena), S("one\n\ntwo\n\nthree"));
}

static void test_data_urls(void **state)
{
    static const struct {
        const char *url, *mime, *data;
    } rows[] = {{"data:image/png;base64,AAAA", "image/png", "AAAA"},
                {"DATA:image/png;BASE64,AA,A", "image/png", "AA,A"},
                {"data:text/plain;charset=utf-8;base64,eA==", "text/plain", "eA=="},
                {"data:;base64,", "", ""},
                {"data:image/png,AAAA", NULL, NULL},
                {"data:image/png;base64", NULL, NULL},
                {"data:base64,AAAA", NULL, NULL},
                {"https://x.test/a;base64,b", NULL, NULL},
                {"", NULL, NULL}};
    str mime, data;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool got = ir_data_url(str_c(rows[i].url), &mime, &data);
        assert_int_equal(got, rows[i].mime != NULL);
        if (!got)
            continue;
        is(mime, str_c(rows[i].mime));
        is(data, str_c(rows[i].data));
    }
    struct ir_media m = {.mime = S("image/gif"), .data = S("R0lG")};
    is(ir_data_url_of(&m, &arena), S("data:image/gif;base64,R0lG"));
    m.mime = S("audio/L16;rate=24000");
    is(ir_data_url_of(&m, &arena), S("data:audio/L16;rate=24000;base64,R0lG"));
    /* A type that would end the URL's head is none. */
    m.mime = S("image/pn,g");
    m.data = S("R0lGODlh");
    is(ir_data_url_of(&m, &arena), S("data:image/gif;base64,R0lGODlh"));
    m.mime = S("");
    m.data = S("????");
    is(ir_data_url_of(&m, &arena), S("data:application/octet-stream;base64,????"));
}

static void type_is(str mime, str bytes, str name, str want)
{
    struct ir_media m = {.mime = mime, .data = base64_encode(bytes, &arena), .name = name};
    is(ir_media_type(&m, S("otherwise/this")), want);
}

static void test_media_types(void **state)
{
    (void)state;
    type_is(S(""), S("\x89PNG\r\n\x1a\n more"), S("a.gif"), S("image/png"));
    type_is(S(""), S("\xff\xd8\xff\xe0 more"), S(""), S("image/jpeg"));
    type_is(S(""), S("GIF89a"), S(""), S("image/gif"));
    type_is(S(""), S("RIFF....WEBPVP8 "), S(""), S("image/webp"));
    type_is(S(""), S("RIFF....WAVEfmt "), S(""), S("audio/wav"));
    type_is(S(""), S("RIFF....AVI "), S(""), S("otherwise/this"));
    type_is(S(""), S("%PDF-1.7"), S(""), S("application/pdf"));
    type_is(S(""), S("ID3\x04"), S(""), S("audio/mpeg"));
    type_is(S(""), S("\xff\xfb\x90"), S(""), S("audio/mpeg"));
    type_is(S(""), S("OggS"), S(""), S("audio/ogg"));
    type_is(S(""), S("fLaC"), S(""), S("audio/flac"));
    type_is(S(""),
            S("\0\0\0\x20"
              "ftypisom"),
            S(""), S("video/mp4"));
    type_is(S(""),
            S("\0\0\0\x20"
              "ftypM4A "),
            S(""), S("audio/mp4"));
    type_is(S(""), S("hello"), S("notes.TXT"), S("text/plain"));
    type_is(S(""), S(""), S("paper.pdf"), S("application/pdf"));
    type_is(S(""), S("hello"), S("pdf"), S("otherwise/this"));
    type_is(S("image/png"), S("GIF89a"), S(""), S("image/png"));
    type_is(S("application/octet-stream"), S("GIF89a"), S(""), S("image/gif"));
    type_is(S("application/octet-stream"), S("hello"), S(""), S("application/octet-stream"));
    struct ir_media m = {.url = S("https://x.test/b/a.jpg?size=.png")};
    is(ir_media_type(&m, S("x/y")), S("image/jpeg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_base64, setup, teardown),
        cmocka_unit_test_setup_teardown(test_base64_round, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_result_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_data_urls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_media_types, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

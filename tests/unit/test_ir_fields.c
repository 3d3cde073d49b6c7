/*
 * Members in either spelling of proto3's JSON, and the tables that read and write them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ir/fields.h"
#include "json/read.h"

static const struct ir_field rows[] = {
    FIELD_NUM("maxOutputTokens", max_tokens, MAX_TOKENS),
    FIELD_NUM("top_p", top_p, TOP_P),
    FIELD_OWN("safetySettings", SAFETY),
    FIELD_LAST,
};

static void test_keys(void **state)
{
    (void)state;
    assert_true(ir_key_is(S("maxOutputTokens"), "maxOutputTokens"));
    assert_true(ir_key_is(S("max_output_tokens"), "maxOutputTokens"));
    assert_true(ir_key_is(S("top_p"), "top_p"));
    assert_true(ir_key_is(S("top_k"), "topK"));
    assert_false(ir_key_is(S("topP"), "top_p"));
    assert_false(ir_key_is(S("maxoutputtokens"), "maxOutputTokens"));
    assert_false(ir_key_is(S("max_output_token"), "maxOutputTokens"));
    assert_false(ir_key_is(S("max_output_tokens_"), "maxOutputTokens"));
    assert_false(ir_key_is(S("max_"), "maxOutputTokens"));
    assert_false(ir_key_is(S(""), "a"));
    assert_true(ir_key_is(S("_x"), "_x"));
}

static void check(const char *body, const char *want)
{
    struct arena a;
    struct ir_request rq;
    struct buf out;
    struct ir_target to = {.stream = false};
    arena_init(&a);
    buf_init(&out, 1000);
    ir_request_init(&rq, &a, DIALECT_GEMINI);
    assert_int_equal(json_read(str_c(body), &a, &rq.src, NULL), OK);
    assert_int_equal(ir_fields_read(rows, &rq, rq.src, "", NULL), OK);
    struct json_writer w = json_writer(&out);
    jw_object(&w);
    ir_fields_write(rows, &rq, DIALECT_GEMINI, rq.src, &to, &w);
    jw_object_end(&w);
    assert_string_equal(buf_c(&out), want);
    buf_fini(&out);
    arena_fini(&a);
}

static void test_round_trips(void **state)
{
    (void)state;
    check("{\"max_output_tokens\":3}", "{\"maxOutputTokens\":3}");
    check("{\"max_output_tokens\":3,\"maxOutputTokens\":4}", "{\"maxOutputTokens\":4}");
    check("{\"maxOutputTokens\":4,\"max_output_tokens\":3}", "{\"maxOutputTokens\":4}");
    check("{\"safety_settings\":[1],\"x_y\":2}", "{\"safetySettings\":[1],\"x_y\":2}");
    check("{\"safety_settings\":[1],\"safetySettings\":[]}", "{\"safetySettings\":[]}");
    check("{\"top_p\":0.5,\"topP\":1}", "{\"top_p\":0.5,\"topP\":1}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

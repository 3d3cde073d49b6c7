/* dialect/dialect.h: errors in each shape, renaming, and a whole answer as a stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <yyjson.h>

#include "dialect/dialect.h"

static const struct dialect *chat, *responses, *anthropic, *gemini;

static void is_text(const struct buf *b, const char *want)
{
    if (!str_eq(buf_str(b), str_c(want)))
        fail_msg("got\n%.*s\nwanted\n%s", (int)b->n, b->p, want);
}

static void body_is(const struct dialect *d, const struct dialect_error *e, const char *want)
{
    struct buf b;
    buf_init(&b, 4096);
    d->error_body(e, &b);
    is_text(&b, want);
    buf_fini(&b);
}

static void frame_is(const struct dialect *d, const struct tap *t, const struct dialect_error *e,
                     const char *want)
{
    struct buf b;
    buf_init(&b, 4096);
    d->error_frame(t, e, &b);
    is_text(&b, want);
    buf_fini(&b);
}

static void test_registry(void **state)
{
    (void)state;
    assert_string_equal(chat->name, "openai-chat");
    assert_string_equal(responses->name, "openai-responses");
    assert_string_equal(anthropic->name, "anthropic");
    assert_string_equal(gemini->name, "gemini");
    for (int i = 0; i < DIALECT_COUNT; i++)
        assert_int_equal(dialect_get((enum dialect_id)i)->id, i);
    assert_string_equal(chat->missing_tail, "data: [DONE]\n\n");
    assert_null(anthropic->missing_tail);
}

static void test_error_bodies(void **state)
{
    (void)state;
    struct dialect_error e = {.status = 400,
                              .code = "model_not_found",
                              .message = S("unknown model \"x\""),
                              .param = "model",
                              .request_id = S("a1b2c3d4")};
    body_is(
        chat, &e,
        "{\"error\":{\"message\":\"unknown model \\\"x\\\"\",\"type\":\"invalid_request_error\","
        "\"param\":\"model\",\"code\":\"model_not_found\"}}");
    body_is(anthropic, &e,
            "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"unknown "
            "model \\\"x\\\"\"},\"request_id\":\"a1b2c3d4\"}");
    e.status = 404;
    body_is(gemini, &e,
            "{\"error\":{\"code\":404,\"message\":\"unknown model \\\"x\\\"\",\"status\":"
            "\"NOT_FOUND\"}}");
    e = (struct dialect_error){.status = 500, .message = S("\x01\xff")};
    body_is(responses, &e,
            "{\"error\":{\"message\":\"\\u0001\xef\xbf\xbd\",\"type\":\"server_error\",\"param\":"
            "null,\"code\":null}}");
    body_is(anthropic, &e,
            "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"\\u0001"
            "\xef\xbf\xbd\"},\"request_id\":null}");
}

static void test_types_by_status(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *openai, *anthropic, *gemini;
    } rows[] = {
        {400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
        {401, "authentication_error", "authentication_error", "UNAUTHENTICATED"},
        {402, "invalid_request_error", "billing_error", "INVALID_ARGUMENT"},
        {403, "permission_error", "permission_error", "PERMISSION_DENIED"},
        {404, "invalid_request_error", "not_found_error", "NOT_FOUND"},
        {405, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
        {408, "invalid_request_error", "invalid_request_error", "DEADLINE_EXCEEDED"},
        {413, "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"},
        {429, "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"},
        {500, "server_error", "api_error", "INTERNAL"},
        {501, "server_error", "api_error", "UNIMPLEMENTED"},
        {502, "server_error", "api_error", "UNAVAILABLE"},
        {503, "server_error", "api_error", "UNAVAILABLE"},
        {504, "server_error", "timeout_error", "DEADLINE_EXCEEDED"},
        {529, "server_error", "overloaded_error", "INTERNAL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dialect_error e = {.status = rows[i].status, .message = S("m")};
        char want[300];
        sprintf(want,
                "{\"error\":{\"message\":\"m\",\"type\":\"%s\",\"param\":null,\"code\":null}}",
                rows[i].openai);
        body_is(chat, &e, want);
        sprintf(want,
                "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"m\"},"
                "\"request_id\":null}",
                rows[i].anthropic);
        body_is(anthropic, &e, want);
        sprintf(want, "{\"error\":{\"code\":%d,\"message\":\"m\",\"status\":\"%s\"}}",
                rows[i].status, rows[i].gemini);
        body_is(gemini, &e, want);
    }
}

static void test_error_frames(void **state)
{
    (void)state;
    struct dialect_error e = {.status = 502, .code = "upstream_cut", .message = S("cut")};
    struct tap t;
    tap_init(&t, responses);
    frame_is(responses, &t, &e,
             "event: error\ndata: {\"type\":\"error\",\"code\":\"upstream_cut\",\"message\":"
             "\"cut\",\"param\":null,\"sequence_number\":0}\n\n");
    tap_frame(&t, S("event: x\ndata: {\"type\":\"x\",\"sequence_number\":41}\n\n"));
    frame_is(responses, &t, &e,
             "event: error\ndata: {\"type\":\"error\",\"code\":\"upstream_cut\",\"message\":"
             "\"cut\",\"param\":null,\"sequence_number\":42}\n\n");
    e.code = NULL;
    frame_is(responses, NULL, &e,
             "event: error\ndata: {\"type\":\"error\",\"code\":\"internal_server_error\","
             "\"message\":\"cut\",\"param\":null,\"sequence_number\":0}\n\n");
    frame_is(chat, &t, &e,
             "data: {\"error\":{\"message\":\"cut\",\"type\":\"server_error\",\"param\":null,"
             "\"code\":null}}\n\n");
    frame_is(anthropic, &t, &e,
             "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","
             "\"message\":\"cut\"},\"request_id\":null}\n\n");
    frame_is(gemini, &t, &e,
             "data: {\"error\":{\"code\":502,\"message\":\"cut\",\"status\":"
             "\"UNAVAILABLE\"}}\n\n");
    tap_fini(&t);

    /* Each dialect's tap knows our own error frame for what it is. */
    for (int i = 0; i < DIALECT_COUNT; i++) {
        const struct dialect *d = dialect_get((enum dialect_id)i);
        struct buf b;
        buf_init(&b, 1000);
        tap_init(&t, d);
        d->error_frame(&t, &e, &b);
        tap_frame(&t, buf_str(&b));
        assert_true(t.error && t.terminal && !t.content);
        assert_string_equal(t.error_text, "cut");
        tap_fini(&t);
        buf_fini(&b);
    }
}

static void renames(const struct dialect *d, const char *frame, const char *want)
{
    struct tap t;
    struct buf b;
    buf_init(&b, 4096);
    tap_init(&t, d);
    tap_frame(&t, str_c(frame));
    tap_rename(&t, str_c(frame), S("my \"x\""), &b);
    is_text(&b, want);
    buf_fini(&b);
    tap_fini(&t);
}

static void test_rename_frames(void **state)
{
    (void)state;
    renames(chat, "data: {\"model\" : \"gpt\",\"x\":1}\r\n\r\n",
            "data: {\"model\" : \"my \\\"x\\\"\",\"x\":1}\r\n\r\n");
    renames(chat, "data: [DONE]\n\n", "data: [DONE]\n\n");
    renames(chat, ": {\"model\":\"gpt\"}\n\n", ": {\"model\":\"gpt\"}\n\n");
    renames(chat, "data: {\"model\":null}\n\n", "data: {\"model\":null}\n\n");
    renames(chat, "id: 1\ndata: {\"model\":\ndata: \"gpt\"}\n\n",
            "data: {\"model\": \"my \\\"x\\\"\"}\n\n");
    renames(responses,
            "event: response.created\ndata: {\"response\":{\"id\":1,\"model\":\"a\"},"
            "\"item\":{\"model\":\"b\"}}\n\n",
            "event: response.created\ndata: {\"response\":{\"id\":1,\"model\":\"my \\\"x\\\"\"},"
            "\"item\":{\"model\":\"b\"}}\n\n");
    renames(anthropic,
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":"
            "\"claude\"}}\n\n",
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":"
            "\"my \\\"x\\\"\"}}\n\n");
    renames(gemini, "data: {\"candidates\":[],\"modelVersion\":\"g\"}\n\n",
            "data: {\"candidates\":[],\"modelVersion\":\"my \\\"x\\\"\"}\n\n");
}

static void renames_body(const struct dialect *d, const char *body, const char *want)
{
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(dialect_rename_model(d, str_c(body), S("new"), &b), want != NULL);
    is_text(&b, want ? want : "");
    buf_fini(&b);
}

static void test_rename_bodies(void **state)
{
    (void)state;
    renames_body(chat, "{\"id\":1,\"model\":\"gpt\" }", "{\"id\":1,\"model\":\"new\" }");
    renames_body(chat, "{\"id\":1}", "{\"id\":1}");
    renames_body(chat, "[\"model\",\"x\"]", "[\"model\",\"x\"]");
    renames_body(chat, "<html>", NULL);
    renames_body(chat, "{\"model\":\"gpt\"", NULL);
    renames_body(chat, "", NULL);
    renames_body(anthropic, "{\"model\":\"claude\"}", "{\"model\":\"new\"}");
    renames_body(
        gemini,
        "[{\"modelVersion\":\"a\"},{\"modelVersion\":\"b\"},{\"modelVersion\":\"c\"},"
        "{\"modelVersion\":\"d\"},{\"modelVersion\":\"e\"}]",
        "[{\"modelVersion\":\"new\"},{\"modelVersion\":\"new\"},{\"modelVersion\":\"new\"},"
        "{\"modelVersion\":\"new\"},{\"modelVersion\":\"new\"}]");
}

static void streams(const char *body, const char *want)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_int_equal(dialect_stream_from_whole(chat, str_c(body), &b), OK);
    is_text(&b, want);
    struct sse_splitter s;
    struct tap t;
    str in = buf_str(&b), frame;
    sse_splitter_init(&s, 1 << 16);
    tap_init(&t, chat);
    while (sse_next(&s, &in, &frame) > 0)
        tap_frame(&t, frame);
    assert_true(t.terminal && !t.error && t.finish[0]);
    assert_int_equal(sse_rest(&s).n, 0);
    tap_fini(&t);
    sse_splitter_fini(&s);
    buf_fini(&b);
}

#define HEAD \
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":17,\"model\":\"m\","
#define DELTA HEAD "\"choices\":[{\"index\":0,\"delta\":"
#define MORE  ",\"logprobs\":null,\"finish_reason\":null}]}\n\n"

static void test_stream_from_whole(void **state)
{
    (void)state;
    streams("{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":17,\"model\":\"m\","
            "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi "
            "\\u00e9\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"length\"}]}",
            DELTA "{\"role\":\"assistant\",\"content\":\"\"}" MORE DELTA
                  "{\"content\":\"hi \xc3\xa9\"}" MORE DELTA
                  "{},\"logprobs\":null,\"finish_reason\":\"length\"}]}\n\n"
                  "data: [DONE]\n\n");
}

#define MORE_U ",\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n"

static void test_stream_from_whole_with_tools(void **state)
{
    (void)state;
    streams("{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":17,\"model\":\"m\","
            "\"choices\":[{\"message\":{\"content\":null,\"reasoning_content\":\"hm\","
            "\"tool_calls\":[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
            "\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"t2\",\"type\":\"function\","
            "\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]}}],"
            "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}",
            DELTA "{\"role\":\"assistant\",\"content\":\"\"}" MORE_U DELTA
                  "{\"reasoning_content\":\"hm\"}" MORE_U DELTA
                  "{\"tool_calls\":[{\"index\":0,\"id\":\"t1\",\"type\":\"function\",\"function\":"
                  "{\"name\":\"f\",\"arguments\":\"\"}}]}" MORE_U DELTA
                  "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
                  "\"{\\\"a\\\":1}\"}}]}" MORE_U DELTA
                  "{\"tool_calls\":[{\"index\":1,\"id\":\"t2\",\"type\":\"function\",\"function\":"
                  "{\"name\":\"g\",\"arguments\":\"\"}}]}" MORE_U DELTA
                  "{},\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],\"usage\":null}\n\n" HEAD
                  "\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n"
                  "data: [DONE]\n\n");
}

static void test_stream_from_legacy(void **state)
{
    (void)state;
    streams(
        "{\"id\":\"c1\",\"object\":\"text_completion\",\"created\":17,\"model\":\"m\","
        "\"choices\":[{\"text\":\"hi\",\"index\":1,\"finish_reason\":\"stop\"}]}",
        "data: {\"id\":\"c1\",\"object\":\"text_completion\",\"created\":17,\"model\":\"m\","
        "\"choices\":[{\"index\":1,\"text\":\"hi\",\"logprobs\":null,\"finish_reason\":null}]}"
        "\n\n"
        "data: {\"id\":\"c1\",\"object\":\"text_completion\",\"created\":17,\"model\":\"m\","
        "\"choices\":[{\"index\":1,\"text\":\"\",\"logprobs\":null,\"finish_reason\":\"stop\"}]}"
        "\n\n"
        "data: [DONE]\n\n");
}

/* Choices and messages that are none come out as empty ones (found by fuzzing). */
static void test_stream_from_odd_choices(void **state)
{
    (void)state;
    streams("{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":17,\"model\":\"m\","
            "\"choices\":[{\"finish_reason\":null,\"message\":[1],\"index\":0}]}",
            DELTA "{\"role\":\"assistant\",\"content\":\"\"}" MORE DELTA
                  "{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n"
                  "data: [DONE]\n\n");
}

static void test_stream_from_what_is_none(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 60);
    buf_lit(&b, "x");
    assert_int_equal(dialect_stream_from_whole(chat, S("nonsense"), &b), ERR_UP_PROTOCOL);
    assert_int_equal(dialect_stream_from_whole(chat, S("[]"), &b), ERR_UP_PROTOCOL);
    assert_int_equal(dialect_stream_from_whole(chat, S(""), &b), ERR_UP_PROTOCOL);
    assert_int_equal(dialect_stream_from_whole(chat, S("{\"error\":{}}"), &b), ERR_UP_PROTOCOL);
    assert_int_equal(dialect_stream_from_whole(chat, S("{\"choices\":[1,{},{\"message\":7}]}"), &b),
                     ERR_UP_TOO_LARGE);
    assert_int_equal(dialect_stream_from_whole(gemini, S("{}"), &b), ERR_NO_DIALECT);
    is_text(&b, "x");
    assert_false(b.failed);
    buf_fini(&b);
}

int main(void)
{
    chat = dialect_get(DIALECT_CHAT);
    responses = dialect_get(DIALECT_RESPONSES);
    anthropic = dialect_get(DIALECT_ANTHROPIC);
    gemini = dialect_get(DIALECT_GEMINI);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry),
        cmocka_unit_test(test_error_bodies),
        cmocka_unit_test(test_types_by_status),
        cmocka_unit_test(test_error_frames),
        cmocka_unit_test(test_rename_frames),
        cmocka_unit_test(test_rename_bodies),
        cmocka_unit_test(test_stream_from_whole),
        cmocka_unit_test(test_stream_from_whole_with_tools),
        cmocka_unit_test(test_stream_from_legacy),
        cmocka_unit_test(test_stream_from_odd_choices),
        cmocka_unit_test(test_stream_from_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

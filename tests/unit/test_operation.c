/* channel/operation.h: how each operation is addressed at each kind of provider. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "channel/operation.h"

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

static void goes(enum operation_id id, enum channel_kind kind, const char *base, const char *model,
                 const char *query, const char *want)
{
    str got =
        operation_path(operation_get(id), kind, str_c(base), str_c(model), str_c(query), &arena);
    if (!str_eq(got, str_c(want)))
        fail_msg("%.*s, not %s", STR_FMT(got), want);
}

static void test_table(void **state)
{
    (void)state;
    for (unsigned id = 0; id < OP_COUNT; id++) {
        const struct operation *op = operation_get(id);
        assert_int_equal(op->id, id);
        assert_true(op->path && op->path[0] && op->channels);
        assert_true(op->channels < 1u << CHANNEL_COUNT);
        bool gemini = op->dialect == DIALECT_GEMINI;
        assert_int_equal(gemini, op->path[0] != '/');
        assert_int_equal(gemini, op->suffix[0] == 0);
        /* What a channel takes is of the dialect it speaks. */
        assert_int_equal(operation_taken_by(op, CHANNEL_CLAUDE), op->dialect == DIALECT_ANTHROPIC);
        assert_int_equal(operation_taken_by(op, CHANNEL_GEMINI), gemini);
        assert_int_equal(operation_taken_by(op, CHANNEL_VERTEX), gemini);
        if (operation_taken_by(op, CHANNEL_CODEX))
            assert_int_equal(op->dialect, DIALECT_RESPONSES);
        for (unsigned k = 0; k < id; k++)
            assert_string_not_equal(op->path, operation_get(k)->path);
    }
}

static void test_verbs(void **state)
{
    (void)state;
    assert_int_equal(operation_of_verb(S("generateContent"))->id, OP_GENERATE);
    assert_int_equal(operation_of_verb(S("streamGenerateContent"))->id, OP_STREAM_GENERATE);
    assert_int_equal(operation_of_verb(S("countTokens"))->id, OP_GEMINI_COUNT);
    assert_int_equal(operation_of_verb(S("embedContent"))->id, OP_GEMINI_EMBED);
    assert_int_equal(operation_of_verb(S("batchEmbedContents"))->id, OP_GEMINI_BATCH_EMBED);
    assert_null(operation_of_verb(S("GenerateContent")));
    assert_null(operation_of_verb(S("generateContents")));
    assert_null(operation_of_verb(S("/v1/messages"))); /* of another dialect */
    assert_null(operation_of_verb(S("")));
}

static void test_paths(void **state)
{
    (void)state;
    goes(OP_CHAT, CHANNEL_OPENAI, "/v1", "m", "", "/v1/chat/completions");
    goes(OP_CHAT, CHANNEL_OPENAI, "", "m", "", "/chat/completions");
    goes(OP_EMBEDDINGS, CHANNEL_OPENAI, "/api/v1", "m", "", "/api/v1/embeddings");
    goes(OP_RESPONSES, CHANNEL_CODEX, "/v1", "m", "", "/v1/responses");
    goes(OP_RESPONSES_COMPACT, CHANNEL_CODEX, "/v1", "m", "", "/v1/responses/compact");
    goes(OP_MESSAGES, CHANNEL_CLAUDE, "", "m", "", "/v1/messages");
    goes(OP_MESSAGES, CHANNEL_CLAUDE, "/anthropic", "m", "beta=true",
         "/anthropic/v1/messages?beta=true");
    goes(OP_MESSAGES_COUNT, CHANNEL_CLAUDE, "", "m", "", "/v1/messages/count_tokens");
    goes(OP_GENERATE, CHANNEL_GEMINI, "", "gemini-3-pro", "",
         "/v1beta/models/gemini-3-pro:generateContent");
    goes(OP_STREAM_GENERATE, CHANNEL_GEMINI, "/proxy", "g", "alt=sse",
         "/proxy/v1beta/models/g:streamGenerateContent?alt=sse");
    goes(OP_STREAM_GENERATE, CHANNEL_VERTEX, "", "g", "alt=sse",
         "/v1/publishers/google/models/g:streamGenerateContent?alt=sse");
    goes(OP_AUDIO_SPEECH, CHANNEL_OPENAI, "/v1", "m", "", "/v1/audio/speech");
}

/* A model is what a client says: it must not end the path, nor the request line. */
static void test_percent_encoding(void **state)
{
    (void)state;
    goes(OP_GENERATE, CHANNEL_GEMINI, "", "tuned/abc-._~1", "",
         "/v1beta/models/tuned/abc-._~1:generateContent");
    goes(OP_GENERATE, CHANNEL_GEMINI, "", "a b?c#d%e:f", "",
         "/v1beta/models/a%20b%3Fc%23d%25e%3Af:generateContent");
    goes(OP_GENERATE, CHANNEL_GEMINI, "", "a\r\nHost: x\x7f\xc3\xa4\"<>\\^`{|}[]", "",
         "/v1beta/models/a%0D%0AHost%3A%20x%7F%C3%A4%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D"
         ":generateContent");
    str got =
        operation_path(operation_get(OP_GENERATE), CHANNEL_GEMINI, S(""), S("a\0b"), S(""), &arena);
    assert_true(str_eq(got, S("/v1beta/models/a%00b:generateContent")));
    /* Elsewhere the model is in the body alone. */
    goes(OP_CHAT, CHANNEL_OPENAI, "/v1", "a b\r\n", "", "/v1/chat/completions");
}

static void query(const char *text, const char *want)
{
    str got = operation_query(str_c(text), &arena);
    if (!str_eq(got, str_c(want)))
        fail_msg("%s: %.*s", text, STR_FMT(got));
}

static void test_queries(void **state)
{
    (void)state;
    query("", "");
    query("alt=sse", "alt=sse");
    query("key=secret", "");
    query("auth_token=secret", "");
    query("key", "");
    query("alt=sse&key=secret", "alt=sse");
    query("key=secret&alt=sse", "alt=sse");
    query("a=1&key=s&auth_token=t&b=2&key=u", "a=1&b=2");
    query("&&a=1&&b=2&", "a=1&b=2");
    query("keys=1&xkey=2&Key=3", "keys=1&xkey=2&Key=3");
    query("a=key=b", "a=key=b");
}

static void authorizes(enum channel_kind kind, const char *host, const char *key, const char *name,
                       const char *value)
{
    struct http_origin o = {.host = str_c(host)};
    struct http_field f = operation_authorization(kind, &o, str_c(key), &arena);
    assert_true(str_eq(f.name, str_c(name)));
    assert_true(str_eq(f.value, str_c(value)));
}

static void test_authorization(void **state)
{
    (void)state;
    authorizes(CHANNEL_OPENAI, "api.openai.com", "k", "Authorization", "Bearer k");
    authorizes(CHANNEL_CODEX, "api.openai.com", "k", "Authorization", "Bearer k");
    authorizes(CHANNEL_CLAUDE, "api.anthropic.com", "k", "x-api-key", "k");
    authorizes(CHANNEL_CLAUDE, "proxy.example", "k", "Authorization", "Bearer k");
    authorizes(CHANNEL_CLAUDE, "api.anthropic.com.example", "k", "Authorization", "Bearer k");
    authorizes(CHANNEL_GEMINI, "h", "k", "x-goog-api-key", "k");
    authorizes(CHANNEL_VERTEX, "h", "k", "x-goog-api-key", "k");
    struct http_origin o = {.host = S("h")};
    assert_null(operation_authorization(CHANNEL_OPENAI, &o, S(""), &arena).name.p);
    assert_null(operation_authorization(CHANNEL_GEMINI, &o, S(""), &arena).name.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),   cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_paths),   cmocka_unit_test(test_percent_encoding),
        cmocka_unit_test(test_queries), cmocka_unit_test(test_authorization),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

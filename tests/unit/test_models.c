/* The lists of models in four forms: SPEC 1.4, 12.1, T2.1, T3.2, R14.4, L1's bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <yyjson.h>

#include "api/models.h"
#include "base/hash.h"

static struct config *config;
static struct route_table *table;
static struct model_lists lists;
static struct buf out;

static void load(const char *providers)
{
    static char yaml[4096];
    struct fail f = {.code = OK};
    snprintf(yaml, sizeof yaml, "open-access: true\n%s", providers);
    if (config_parse(str_c(yaml), "test.yaml", &config, &f))
        fail_msg("%s", fail_text(&f));
    if (route_build(config, &config->arena, &table, &f))
        fail_msg("%s", fail_text(&f));
    model_lists_build(table, &config->arena, &lists);
}

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_fini(&out);
    config_free(config);
    config = NULL;
    return 0;
}

/* Two models that are known, one that is not and has odd bytes in its names. */
static const char two_and_odd[] =
    "claude-api-key:\n- {api-key: k, models: [{name: claude-opus-4-6}, {name: claude-haiku-4-5}]}\n"
    "openai-compatibility:\n- {name: \"lo\\\"cal\", base-url: 'http://127.0.0.1:1', models: "
    "[{name: \"z/\\u2028x\", display-name: \"A \\\"q\\\"\", max-context-length: 4096}]}\n";

static yyjson_doc *parse(str body)
{
    yyjson_doc *doc = yyjson_read(body.p, body.n, 0);
    assert_non_null(doc);
    return doc;
}

/* The values of key in the list's items, one blank between. */
static const char *column(str body, const char *list, const char *key)
{
    static char text[4096];
    size_t n = 0, i, max;
    yyjson_doc *doc = parse(body);
    yyjson_val *arr = yyjson_obj_get(yyjson_doc_get_root(doc), list), *item;
    assert_true(yyjson_is_arr(arr));
    text[0] = '\0';
    yyjson_arr_foreach (arr, i, max, item) {
        const char *s = yyjson_get_str(yyjson_obj_get(item, key));
        assert_non_null(s);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "", s);
    }
    yyjson_doc_free(doc);
    return text;
}

static void test_form(void **state)
{
    (void)state;
    struct models_ask plain = {.anthropic_version = false}, codex = {.client_version = true},
                      claude = {.anthropic_version = true},
                      cli = {.user_agent = S("claude-cli/2.1")}, google = {.google_key = true},
                      all = {S("claude-cli/2.1"), true, true, true};
    assert_int_equal(models_form(&plain), MODELS_OPENAI);
    assert_int_equal(models_form(&codex), MODELS_CODEX);
    assert_int_equal(models_form(&claude), MODELS_ANTHROPIC);
    assert_int_equal(models_form(&cli), MODELS_ANTHROPIC);
    assert_int_equal(models_form(&google), MODELS_GEMINI);
    assert_int_equal(models_form(&all), MODELS_CODEX);
}

static void test_openai(void **state)
{
    (void)state;
    load(two_and_odd);
    str body = models_list(&lists, MODELS_OPENAI, NULL, NULL, &out);
    assert_true(str_starts(
        body, S("{\"object\":\"list\",\"data\":[{\"id\":\"claude-haiku-4-5\",\"object\":\"model\","
                "\"created\":1759276800,\"owned_by\":\"claude\"},")));
    assert_string_equal(column(body, "data", "id"),
                        "claude-haiku-4-5 claude-opus-4-6 z/\xe2\x80\xa8x");
    /* The same bytes each time, and the raw line separator nowhere. */
    assert_ptr_equal(models_list(&lists, MODELS_OPENAI, NULL, NULL, &out).p, body.p);
    assert_true(str_find(body, S("\xe2\x80\xa8")) == body.n);
}

static void test_anthropic(void **state)
{
    (void)state;
    load(two_and_odd);
    str body = models_list(&lists, MODELS_ANTHROPIC, NULL, NULL, &out);
    assert_string_equal(column(body, "data", "display_name"),
                        "A \"q\" Claude Haiku 4.5 Claude Opus 4.6");
    yyjson_doc *doc = parse(body);
    yyjson_val *root = yyjson_doc_get_root(doc);
    assert_true(yyjson_is_false(yyjson_obj_get(root, "has_more")));
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "last_id")), "claude-opus-4-6");
    yyjson_val *m = yyjson_arr_get_last(yyjson_obj_get(root, "data"));
    assert_string_equal(yyjson_get_str(yyjson_obj_get(m, "created_at")), "2026-02-05T00:00:00Z");
    assert_string_equal(yyjson_get_str(yyjson_obj_get(m, "type")), "model");
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(m, "max_input_tokens")), 1000000);
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(m, "max_tokens")), 128000);
    yyjson_doc_free(doc);
}

static void test_gemini(void **state)
{
    (void)state;
    load("gemini-api-key:\n- {api-key: k}\n");
    str body = models_list(&lists, MODELS_GEMINI, NULL, NULL, &out);
    yyjson_doc *doc = parse(body);
    yyjson_val *arr = yyjson_obj_get(yyjson_doc_get_root(doc), "models"), *m;
    size_t i, max;
    yyjson_arr_foreach (arr, i, max, m) {
        const char *name = yyjson_get_str(yyjson_obj_get(m, "name"));
        const char *method =
            yyjson_get_str(yyjson_arr_get_first(yyjson_obj_get(m, "supportedGenerationMethods")));
        assert_int_equal(strncmp(name, "models/", 7), 0);
        assert_string_equal(method, strstr(name, "embed") ? "embedContent" : "generateContent");
        assert_true(yyjson_get_uint(yyjson_obj_get(m, "inputTokenLimit")) > 0);
    }
    assert_null(yyjson_obj_get(yyjson_doc_get_root(doc), "nextPageToken"));
    yyjson_doc_free(doc);
}

/* Pages put together are the list. */
static void test_pages(void **state)
{
    (void)state;
    load("gemini-api-key:\n- {api-key: k}\n");
    for (enum models_form form = MODELS_ANTHROPIC; form <= MODELS_GEMINI; form++) {
        bool gemini = form == MODELS_GEMINI;
        char after[128] = "", all[4096] = "";
        for (int page = 0; page < 100; page++) {
            struct models_page p = {.limit = 3, .after = str_c(after)};
            str body = models_list(&lists, form, NULL, &p, &out);
            strcat(strcat(all, page ? " " : ""),
                   column(body, gemini ? "models" : "data", gemini ? "name" : "id"));
            yyjson_doc *doc = parse(body);
            yyjson_val *root = yyjson_doc_get_root(doc);
            bool more = gemini ? yyjson_obj_get(root, "nextPageToken") != NULL
                               : yyjson_get_bool(yyjson_obj_get(root, "has_more"));
            if (more)
                snprintf(
                    after, sizeof after, "%s",
                    yyjson_get_str(yyjson_obj_get(root, gemini ? "nextPageToken" : "last_id")));
            yyjson_doc_free(doc);
            if (!more)
                break;
        }
        str body = models_list(&lists, form, NULL, NULL, &out);
        assert_string_equal(all, column(body, gemini ? "models" : "data", gemini ? "name" : "id"));
    }
    /* An unknown token begins anew. */
    struct models_page p = {.limit = 1, .after = S("nothing")};
    assert_string_equal(
        column(models_list(&lists, MODELS_GEMINI, NULL, &p, &out), "models", "name"),
        "models/gemini-2.5-flash");
}

/* What the client's deserialiser refuses to do without. */
static void test_codex(void **state)
{
    (void)state;
    static const char *const required[] = {"slug",
                                           "display_name",
                                           "supported_reasoning_levels",
                                           "shell_type",
                                           "visibility",
                                           "supported_in_api",
                                           "priority",
                                           "base_instructions",
                                           "supports_reasoning_summaries",
                                           "support_verbosity",
                                           "truncation_policy",
                                           "supports_parallel_tool_calls",
                                           "experimental_supported_tools"};
    load(two_and_odd);
    str body = models_list(&lists, MODELS_CODEX, NULL, NULL, &out);
    yyjson_doc *doc = parse(body);
    yyjson_val *arr = yyjson_obj_get(yyjson_doc_get_root(doc), "models"), *m;
    size_t i, max;
    yyjson_arr_foreach (arr, i, max, m) {
        for (size_t k = 0; k < sizeof required / sizeof required[0]; k++)
            assert_non_null(yyjson_obj_get(m, required[k]));
        assert_int_equal(yyjson_get_uint(yyjson_obj_get(m, "priority")), i);
        yyjson_val *levels = yyjson_obj_get(m, "supported_reasoning_levels");
        if (!strcmp(yyjson_get_str(yyjson_obj_get(m, "slug")), "claude-opus-4-6"))
            assert_int_equal(yyjson_arr_size(levels), 3); /* low medium high; max is held back */
    }
    assert_int_equal(max, 3);
    yyjson_doc_free(doc);
}

static void test_one(void **state)
{
    (void)state;
    load(two_and_odd);
    str one = models_one(&lists, MODELS_OPENAI, S("claude-opus-4-6"), NULL);
    assert_true(str_starts(one, S("{\"id\":\"claude-opus-4-6\",\"object\":\"model\",")));
    str same = models_one(&lists, MODELS_CODEX, S("models/claude-opus-4-6"), NULL);
    assert_ptr_equal(one.p, same.p);
    assert_true(str_starts(models_one(&lists, MODELS_GEMINI, S("z/\xe2\x80\xa8x"), NULL),
                           S("{\"name\":\"models/z/\\u2028x\",")));
    assert_int_equal(models_one(&lists, MODELS_OPENAI, S("nope"), NULL).n, 0);
    assert_int_equal(models_one(&lists, MODELS_OPENAI, S(""), NULL).n, 0);
    assert_int_equal(models_one(&lists, MODELS_OPENAI, S("models/"), NULL).n, 0);
}

static void test_scope(void **state)
{
    (void)state;
    load(two_and_odd);
    str patterns[] = {S("claude-*")};
    struct client_key key = {.models = patterns, .n_models = 1};
    assert_string_equal(column(models_list(&lists, MODELS_OPENAI, &key, NULL, &out), "data", "id"),
                        "claude-haiku-4-5 claude-opus-4-6");
    assert_int_equal(models_one(&lists, MODELS_OPENAI, S("z/\xe2\x80\xa8x"), &key).n, 0);
    patterns[0] = S("none");
    str body = models_list(&lists, MODELS_ANTHROPIC, &key, NULL, &out);
    assert_true(
        str_eq(body, S("{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}")));
}

static void test_empty(void **state)
{
    (void)state;
    load("");
    assert_true(str_eq(models_list(&lists, MODELS_OPENAI, NULL, NULL, &out),
                       S("{\"object\":\"list\",\"data\":[]}")));
    assert_true(str_eq(models_list(&lists, MODELS_GEMINI, NULL, NULL, &out), S("{\"models\":[]}")));
    assert_true(str_eq(models_list(&lists, MODELS_CODEX, NULL, NULL, &out), S("{\"models\":[]}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test_setup_teardown(test_openai, setup, teardown),
        cmocka_unit_test_setup_teardown(test_anthropic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gemini, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_codex, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scope, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
    };
    hash_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

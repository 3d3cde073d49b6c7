/* A thinking suffix written into a request: SPEC 5.1, R15.5, R15.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "route/catalogue.h"
#include "route/route.h"
#include "json/edit.h"

static char result[8192];

/* The body after the suffix of name was applied, or "! message". */
static const char *apply(enum dialect_id d, const char *name, const char *body)
{
    struct arena a;
    struct json_edit e;
    struct thinking th;
    struct fail f = {.code = OK};
    str base;
    arena_init(&a);
    assert_true(thinking_split(str_c(name), &base, &th));
    json_edit_init(&e, str_c(body), &a);
    enum err err = thinking_apply(&th, d, base, &e, &f);
    if (err) {
        snprintf(result, sizeof result, "! %s", fail_text(&f));
    } else {
        struct iovec pieces[JSON_PIECES_MAX];
        size_t n = json_edit_pieces(&e, pieces), at = 0;
        assert_true(n > 0);
        for (size_t i = 0; i < n; i++) {
            assert_true(at + pieces[i].iov_len < sizeof result);
            memcpy(result + at, pieces[i].iov_base, pieces[i].iov_len);
            at += pieces[i].iov_len;
        }
        result[at] = '\0';
        assert_int_equal(json_validate(str_of(result, at), 64, NULL, &f), OK);
    }
    arena_fini(&a);
    return result;
}

#define CHAT(name, body, want)      assert_string_equal(apply(DIALECT_CHAT, name, body), want)
#define RESPONSES(name, body, want) assert_string_equal(apply(DIALECT_RESPONSES, name, body), want)
#define CLAUDE(name, body, want)    assert_string_equal(apply(DIALECT_ANTHROPIC, name, body), want)
#define GEMINI(name, body, want)    assert_string_equal(apply(DIALECT_GEMINI, name, body), want)

static void test_split(void **state)
{
    (void)state;
    static const struct {
        const char *name, *base;
        int kind;
        const char *level;
        int64_t budget;
    } rows[] = {
        {"m(high)", "m", THINK_LEVEL, "high", 0},
        {"m(XHIGH)", "m", THINK_LEVEL, "xhigh", 0},
        {"m(none)", "m", THINK_OFF, NULL, 0},
        {"m(0)", "m", THINK_OFF, NULL, 0},
        {"m(auto)", "m", THINK_AUTO, NULL, 0},
        {"m(-1)", "m", THINK_AUTO, NULL, 0},
        {"m(8192)", "m", THINK_BUDGET, NULL, 8192},
        {"m()", "m", THINK_UNSAID, NULL, 0},
        {"m(-2)", "m", THINK_UNSAID, NULL, 0},
        {"m(free)", "m", THINK_UNSAID, NULL, 0},
        {"m(a)(low)", "m(a)", THINK_LEVEL, "low", 0},
        {"m(99999999999999999999)", "m", THINK_UNSAID, NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        str base;
        struct thinking th;
        assert_true(thinking_split(str_c(rows[i].name), &base, &th));
        assert_true(str_eq(base, str_c(rows[i].base)));
        assert_int_equal(th.kind, rows[i].kind);
        if (rows[i].level)
            assert_string_equal(th.level, rows[i].level);
        if (th.kind == THINK_BUDGET)
            assert_int_equal(th.budget, rows[i].budget);
    }
    static const char *const whole[] = {"m", "(high)", "m(high", "mhigh)", "m(high) x", ""};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        str base;
        struct thinking th;
        assert_false(thinking_split(str_c(whole[i]), &base, &th));
    }
}

static void test_chat(void **state)
{
    (void)state;
    CHAT("m(high)", "{\"model\":\"m\"}", "{\"model\":\"m\",\"reasoning_effort\":\"high\"}");
    CHAT("m(512)", "{\"a\":1}", "{\"a\":1,\"reasoning_effort\":\"minimal\"}");
    CHAT("m(513)", "{\"a\":1}", "{\"a\":1,\"reasoning_effort\":\"low\"}");
    CHAT("m(24577)", "{\"a\":1}", "{\"a\":1,\"reasoning_effort\":\"xhigh\"}");
    CHAT("m(none)", "{}", "{\"reasoning_effort\":\"none\"}");
    /* The suffix wins over the body, whichever way that says it. */
    CHAT("m(low)", "{\"reasoning_effort\":\"high\",\"a\":1}",
         "{\"reasoning_effort\":\"low\",\"a\":1}");
    CHAT("m(low)", "{\"reasoning\":{\"effort\":\"high\"}}", "{\"reasoning_effort\":\"low\"}");
    CHAT("m(low)", "{\"reasoning_effort\":\"high\",\"reasoning\":{\"effort\":\"high\"}}",
         "{\"reasoning_effort\":\"low\"}");
    /* The user's own provider: a famous name says nothing about what it takes. */
    CHAT("gpt-5.4(max)", "{\"a\":1}", "{\"a\":1,\"reasoning_effort\":\"max\"}");
}

static void test_responses(void **state)
{
    (void)state;
    RESPONSES("m(high)", "{\"model\":\"m\"}",
              "{\"model\":\"m\",\"reasoning\":{\"effort\":\"high\"}}");
    RESPONSES("m(low)", "{\"reasoning\":{\"effort\":\"high\",\"summary\":\"auto\"},\"a\":1}",
              "{\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},\"a\":1}");
    RESPONSES("gpt-5.4(max)", "{\"a\":1}",
              "! level \"max\" not supported, valid levels: low, medium, high, xhigh");
    RESPONSES("gpt-5.4(auto)", "{\"a\":1}", "{\"a\":1,\"reasoning\":{\"effort\":\"medium\"}}");
    RESPONSES("gpt-5.4(none)", "{\"a\":1}", "{\"a\":1,\"reasoning\":{\"effort\":\"none\"}}");
    RESPONSES("gpt-5.3-codex-spark(none)", "{\"a\":1}",
              "{\"a\":1,\"reasoning\":{\"effort\":\"low\"}}");
    /* minimal is not one of its levels, a budget that small becomes the nearest. */
    RESPONSES("gpt-5.4(100)", "{\"a\":1}", "{\"a\":1,\"reasoning\":{\"effort\":\"low\"}}");
    RESPONSES("gpt-5.4(20000)", "{\"a\":1}", "{\"a\":1,\"reasoning\":{\"effort\":\"high\"}}");
}

static void test_claude_effort(void **state)
{
    (void)state;
    /* R15.5 */
    CLAUDE("claude-opus-4-6(high)", "{\"max_tokens\":64}",
           "{\"max_tokens\":64,\"thinking\":{\"type\":\"adaptive\"},"
           "\"output_config\":{\"effort\":\"high\"}}");
    CLAUDE("claude-opus-4-6(minimal)",
           "{\"output_config\":{\"effort\":\"max\",\"format\":1},\"a\":1}",
           "{\"output_config\":{\"effort\":\"low\",\"format\":1},\"a\":1,"
           "\"thinking\":{\"type\":\"adaptive\"}}");
    CLAUDE("claude-opus-4-6(xhigh)", "{\"a\":1}",
           "{\"a\":1,\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"max\"}}");
    CLAUDE(
        "claude-opus-4-8(xhigh)", "{\"a\":1}",
        "{\"a\":1,\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"xhigh\"}}");
    CLAUDE(
        "claude-opus-5(8192)", "{\"a\":1}",
        "{\"a\":1,\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"medium\"}}");
    CLAUDE("claude-opus-4-6(auto)", "{\"output_config\":{\"effort\":\"low\"}}",
           "{\"output_config\":{},\"thinking\":{\"type\":\"adaptive\"}}");
    CLAUDE(
        "glm-5(high)", "{\"a\":1}",
        "{\"a\":1,\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"high\"}}");
    CLAUDE("claude-opus-4-6(none)",
           "{\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"}}",
           "{\"thinking\":{\"type\":\"disabled\"}}");
    CLAUDE("claude-opus-4-1(none)", "{}", "{\"thinking\":{\"type\":\"disabled\"}}");
    CLAUDE("claude-opus-4-6(high)",
           "{\"thinking\":{\"display\":\"omitted\",\"type\":\"disabled\"}}",
           "{\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"},"
           "\"output_config\":{\"effort\":\"high\"}}");
}

static void test_claude_budget(void **state)
{
    (void)state;
    CLAUDE("claude-sonnet-4-5(8192)", "{\"max_tokens\":20000}",
           "{\"max_tokens\":20000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8192}}");
    CLAUDE("claude-sonnet-4-5(medium)", "{\"max_tokens\":20000}",
           "{\"max_tokens\":20000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8192}}");
    CLAUDE("claude-opus-4-6(8192)", "{\"max_tokens\":20000}",
           "{\"max_tokens\":20000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8192}}");
    /* Clamped to the model, then to max_tokens. */
    CLAUDE("claude-sonnet-4-5(5)", "{\"max_tokens\":20000}",
           "{\"max_tokens\":20000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}");
    CLAUDE("claude-sonnet-4-5(8192)", "{\"max_tokens\":4096}",
           "{\"max_tokens\":4096,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4095}}");
    CLAUDE("claude-sonnet-4-5(max)", "{}",
           "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":63999}}");
    CLAUDE("claude-sonnet-4-5(auto)", "{\"max_tokens\":100000}",
           "{\"max_tokens\":100000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":64512}}");
    /* R15.6: below the minimum there is nothing to lower. */
    CLAUDE("claude-sonnet-4-5(1024)", "{\"max_tokens\":1024}",
           "{\"max_tokens\":2048,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}");
    CLAUDE("claude-3-haiku-20240307(high)",
           "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"a\":1}", "{\"a\":1}");
}

static void test_claude_offenders(void **state)
{
    (void)state;
    CLAUDE("claude-sonnet-4-5(1024)",
           "{\"max_tokens\":9000,\"temperature\":0.2,\"top_k\":5,\"top_p\":0.5}",
           "{\"max_tokens\":9000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}");
    CLAUDE("claude-sonnet-4-5(1024)", "{\"temperature\":1.0,\"top_p\":0.96,\"max_tokens\":9000}",
           "{\"temperature\":1.0,\"top_p\":0.96,\"max_tokens\":9000,"
           "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}");
    CLAUDE("claude-sonnet-4-5(none)", "{\"temperature\":0.2}",
           "{\"temperature\":0.2,\"thinking\":{\"type\":\"disabled\"}}");
    /* A forced tool and thinking exclude each other; the tool is the client's clearer wish. */
    CLAUDE(
        "claude-opus-4-6(high)", "{\"tool_choice\":{\"type\":\"any\"},\"temperature\":0}",
        "{\"tool_choice\":{\"type\":\"any\"},\"temperature\":0,\"thinking\":{\"type\":\"disabled\"}}");
    CLAUDE("claude-opus-4-6(low)", "{\"tool_choice\":{\"type\":\"auto\"}}",
           "{\"tool_choice\":{\"type\":\"auto\"},\"thinking\":{\"type\":\"adaptive\"},"
           "\"output_config\":{\"effort\":\"low\"}}");
}

static void test_gemini(void **state)
{
    (void)state;
    GEMINI(
        "gemini-2.5-pro(high)", "{\"contents\":[]}",
        "{\"contents\":[],\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":24576}}}");
    GEMINI("gemini-2.5-pro(none)", "{}",
           "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":128}}}");
    GEMINI("gemini-2.5-flash(none)", "{}",
           "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":0}}}");
    GEMINI("gemini-2.5-flash(auto)", "{}",
           "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":-1}}}");
    GEMINI("gemini-2.5-flash(max)", "{}",
           "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":24576}}}");
    GEMINI("gemini-3-pro-preview(low)", "{}",
           "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"low\"}}}");
    GEMINI("gemini-3-pro-preview(none)", "{}",
           "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"low\"}}}");
    GEMINI("gemini-3-pro-preview(2048)", "{}",
           "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":2048}}}");
    GEMINI("gemini-3-pro-preview(medium)", "{}",
           "! level \"medium\" not supported, valid levels: low, high");
    GEMINI("mine(xhigh)", "{}",
           "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"xhigh\"}}}");
    /* Level and budget exclude each other, and so do the spellings; includeThoughts stays. */
    GEMINI("gemini-3-pro-preview(high)",
           "{\"generationConfig\":{\"topP\":1,\"thinkingConfig\":"
           "{\"thinkingBudget\":5,\"include_thoughts\":true}}}",
           "{\"generationConfig\":{\"topP\":1,\"thinkingConfig\":"
           "{\"includeThoughts\":true,\"thinkingLevel\":\"high\"}}}");
    GEMINI("gemini-3-pro-preview(high)",
           "{\"generation_config\":{\"thinking_config\":{\"thinking_level\":\"low\"}}}",
           "{\"generation_config\":{\"thinkingConfig\":{\"thinkingLevel\":\"high\"}}}");
    GEMINI("gemini-3-pro-preview(high)",
           "{\"generationConfig\":{\"includeThoughts\":false,\"thinking_config\":"
           "{\"include_thoughts\":true},\"thinkingConfig\":{\"thinkingBudget\":1}}}",
           "{\"generationConfig\":{\"thinkingConfig\":"
           "{\"includeThoughts\":true,\"thinkingLevel\":\"high\"}}}");
    GEMINI("gemini-2.0-flash(high)",
           "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":1},\"topK\":3}}",
           "{\"generationConfig\":{\"topK\":3}}");
    GEMINI("gemini-2.5-pro(low)", "{\"generationConfig\":null}",
           "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":1024}}}");
}

/* R15.6 for a budget the client wrote itself. */
static void test_fit(void **state)
{
    (void)state;
    static const str keys[] = {{"thinking", 8}, {"max_tokens", 10}};
    static const struct {
        const char *body, *want;
    } rows[] = {
        {"{\"max_tokens\":1024,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}",
         "{\"max_tokens\":2048,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}"},
        {"{\"max_tokens\":4000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8000}}",
         "{\"max_tokens\":4000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3999}}"},
        {"{\"max_tokens\":4000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}}", NULL},
        {"{\"max_tokens\":4,\"thinking\":{\"type\":\"disabled\",\"budget_tokens\":2000}}", NULL},
        {"{\"max_tokens\":\"4\",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}}", NULL},
        {"{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}}", NULL},
        {"{\"max_tokens\":4,\"thinking\":null}", NULL},
        {"{\"max_tokens\":4}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a;
        struct json_edit e;
        struct json_span m[2];
        struct fail f = {.code = OK};
        struct iovec p[JSON_PIECES_MAX];
        arena_init(&a);
        json_edit_init(&e, str_c(rows[i].body), &a);
        assert_int_equal(json_scan_object(e.doc, keys, m, 2, 64, &f), OK);
        assert_int_equal(thinking_fit(&e, m[0], m[1], &f), OK);
        size_t n = json_edit_pieces(&e, p), at = 0;
        for (size_t k = 0; k < n; k++) {
            memcpy(result + at, p[k].iov_base, p[k].iov_len);
            at += p[k].iov_len;
        }
        result[at] = '\0';
        assert_string_equal(result, rows[i].want ? rows[i].want : rows[i].body);
        arena_fini(&a);
    }
}

static void test_catalogue(void **state)
{
    (void)state;
    const struct model_info *m = catalogue_find(S("claude-sonnet-4-5-20250929"));
    assert_non_null(m);
    assert_int_equal(m->created, 1759104000); /* 2025-09-29 */
    assert_int_equal(catalogue_find(S("claude-opus-4-6"))->created, 1770249600);
    assert_true(catalogue_has(CHANNEL_VERTEX, S("gemini-2.5-pro")));
    assert_false(catalogue_has(CHANNEL_VERTEX, S("gemini-flash-latest")));
    assert_false(catalogue_exists(CHANNEL_OPENAI));
    size_t i = 0;
    assert_null(catalogue_next(CHANNEL_CODEX, &i));
    for (enum channel_kind k = 0; k < CHANNEL_COUNT; k++)
        for (i = 0; (m = catalogue_next(k, &i)) != NULL;) {
            assert_false(m->retired);
            assert_ptr_equal(catalogue_find(m->id), m); /* no id twice */
            assert_true(m->context > 0 && m->created > 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),         cmocka_unit_test(test_chat),
        cmocka_unit_test(test_responses),     cmocka_unit_test(test_claude_effort),
        cmocka_unit_test(test_claude_budget), cmocka_unit_test(test_claude_offenders),
        cmocka_unit_test(test_gemini),        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_catalogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

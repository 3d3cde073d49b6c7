/* Which names a configuration offers, what they resolve to: SPEC 3.1 to 3.4, R5, R9.3, R15.1-2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "route/catalogue.h"
#include "route/route.h"

/* One loaded configuration at a time. */
static struct config *config;
static struct route_table *table;
static struct fail fail;

static void drop(void)
{
    config_free(config);
    config = NULL;
    table = NULL;
}

static void load(const char *providers)
{
    static char yaml[4096];
    if (config)
        drop();
    snprintf(yaml, sizeof yaml, "open-access: true\n%s", providers);
    fail = (struct fail){.code = OK};
    if (config_parse(str_c(yaml), "test.yaml", &config, &fail))
        fail_msg("%s", fail_text(&fail));
    if (route_build(config, &config->arena, &table, &fail))
        fail_msg("%s", fail_text(&fail));
}

static int teardown(void **state)
{
    (void)state;
    if (config)
        drop();
    return 0;
}

/* "route -> first upstream", or "! message". */
static const char *resolve(const char *name)
{
    static char out[FAIL_TEXT_MAX + 64];
    struct resolved r;
    enum err e = route_resolve(table, str_c(name), &r, &fail);
    if (e) {
        snprintf(out, sizeof out, "%s! %s", e == ERR_NO_MODEL ? "" : err_info(e)->name,
                 fail_text(&fail));
    } else {
        str up = resolved_upstream(&r, &r.route->targets[0]);
        snprintf(out, sizeof out, "%.*s -> %.*s", STR_FMT(r.route->id), STR_FMT(up));
    }
    return out;
}

#define RESOLVES(name, want) assert_string_equal(resolve(name), want)
#define FAILS(name, message) assert_string_equal(resolve(name), "! " message)

/* Ids of the list, one blank between. */
static const char *listed(void)
{
    static char out[4096];
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < table->n; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s", i ? " " : "",
                              STR_FMT(table->sorted[i]->id));
    return out;
}

static bool warned(const char *text)
{
    for (size_t i = 0; i < table->n_warnings; i++)
        if (str_find(table->warnings[i], str_c(text)) < table->warnings[i].n)
            return true;
    return false;
}

#define CODEX(rest) "codex-api-key:\n- {api-key: k, base-url: 'http://127.0.0.1:1/v1', " rest "}\n"
#define COMPAT(name, rest)                                                                         \
    "- {name: " name ", base-url: 'http://127.0.0.1:1/v1', api-key-entries: [{api-key: k}], " rest \
    "}\n"

/* R5.1: the message begins so, whatever hints follow. */
static void test_unknown(void **state)
{
    (void)state;
    load("openai-compatibility:\n" COMPAT("a", "models: [{name: gpt-large}, {name: gpt-small}]"));
    FAILS("nope", "unknown provider for model nope");
    FAILS("gpt-larg", "unknown provider for model gpt-larg; nearest: \"gpt-large\"");
    FAILS("vendor/gpt-small",
          "unknown provider for model vendor/gpt-small; nearest: \"gpt-small\"");
    FAILS("a\"b\nc", "unknown provider for model a\"b?c");
    assert_non_null(strstr(resolve("  "), "MODEL_MISSING"));
    RESOLVES(" gpt-large\n", "gpt-large -> gpt-large");
    RESOLVES("GPT-Large", "gpt-large -> gpt-large");
    load("");
    FAILS("gpt-4", "unknown provider for model gpt-4: no model is configured");
    FAILS("auto", "unknown provider for model auto: no model is configured");
}

/* R5.3, and any other bytes. */
static void test_monsters(void **state)
{
    (void)state;
    static char name[10 * 1024 + 1];
    load("openai-compatibility:\n" COMPAT("a", "models: [{name: m}]"));
    for (int round = 0; round < 64; round++) {
        static const char bytes[] = "()/*\"\n\0m\xc3\xa9\xff";
        unsigned seed = (unsigned)round * 2654435761u;
        for (size_t i = 0; i < sizeof name; i++) {
            seed = seed * 1103515245u + 12345u;
            name[i] = round < 4 ? "a(/)"[round] : bytes[(seed >> 16) % (sizeof bytes - 1)];
        }
        struct resolved r;
        enum err e = route_resolve(table, str_of(name, sizeof name), &r, &fail);
        assert_true(e == ERR_NO_MODEL);
        assert_true(strlen(fail.text) < FAIL_TEXT_MAX);
    }
}

/* R5.4 */
static void test_alias(void **state)
{
    (void)state;
    load(CODEX("models: [{name: gpt-5-codex, alias: codex-latest}]"));
    assert_string_equal(listed(), "codex-latest");
    RESOLVES("codex-latest", "codex-latest -> gpt-5-codex");
    FAILS("gpt-5-codex",
          "unknown provider for model gpt-5-codex: provider codex offers it under the "
          "name \"codex-latest\"");
    /* R15.2 */
    load("claude-api-key:\n- {api-key: k, models: [{name: claude-opus-4-5-20251101, alias: "
         "claude-opus-4-6}]}\n");
    assert_string_equal(listed(), "claude-opus-4-6");
    RESOLVES("claude-opus-4-6", "claude-opus-4-6 -> claude-opus-4-5-20251101");
    assert_false(warned("alias"));
}

/* R9.3 */
static void test_alias_warnings(void **state)
{
    (void)state;
    load(CODEX("models: [{name: gpt-99, alias: newest}, {name: 'gpt-5.5(high)', alias: hard}]"));
    assert_true(warned("alias newest -> gpt-99: gpt-99 not in channel catalog"));
    assert_false(warned("alias hard"));
    load("openai-compatibility:\n" COMPAT(
        "a", "models: [{name: x, alias: y}, {name: y, alias: z}, {name: v, alias: w}]"));
    assert_true(warned("alias y -> x hides the model y"));
    assert_false(warned("not in channel catalog"));
    load("openai-compatibility:\n" COMPAT("a", "models: []"));
    assert_true(warned("provider a lists no models"));
    load("openai-compatibility:\n" COMPAT("a", "models: [{name: x, alias: m}]")
             COMPAT("b", "models: [{name: m}]"));
    assert_true(warned("model m is served by different models: x of a and m of b"));
}

/* R5.5, R5.6 */
static void test_prefix(void **state)
{
    (void)state;
#define TEAM "openai-compatibility:\n" COMPAT("a", "prefix: ' /team-a/ ', models: [{name: m}]")
    load(TEAM);
    assert_string_equal(listed(), "m team-a/m");
    RESOLVES("m", "m -> m");
    RESOLVES("team-a/m", "team-a/m -> m");
    load("force-model-prefix: true\n" TEAM);
    assert_string_equal(listed(), "team-a/m");
    FAILS("m", "unknown provider for model m: it is only served as \"team-a/m\"");
    RESOLVES("team-a/m", "team-a/m -> m");
    /* Forced, m reaches the provider without a prefix only; a prefix equal to the id keeps it. */
    load("force-model-prefix: true\n" TEAM COMPAT("b", "models: [{name: m}]")
             COMPAT("c", "prefix: x, models: [{name: x}]"));
    assert_string_equal(listed(), "m team-a/m x x/x");
    struct resolved r;
    assert_int_equal(route_resolve(table, S("m"), &r, &fail), OK);
    assert_int_equal(r.route->n_targets, 1);
    assert_true(str_eq(r.route->owned_by, S("b")));
}

/* Ids may hold slashes themselves: the whole id comes first. */
static void test_slashes(void **state)
{
    (void)state;
    load("openai-compatibility:\n" COMPAT("a", "models: [{name: z-ai/glm-5}]")
             COMPAT("b", "prefix: z-ai, models: [{name: glm-6}, {name: z-ai/glm-5}]"));
    RESOLVES("z-ai/glm-5", "z-ai/glm-5 -> z-ai/glm-5");
    RESOLVES("z-ai/glm-6", "z-ai/glm-6 -> glm-6");
    RESOLVES("z-ai/z-ai/glm-5", "z-ai/z-ai/glm-5 -> z-ai/glm-5");
}

/* R5.7 */
static void test_exclusion(void **state)
{
    (void)state;
    load(
        "gemini-api-key:\n- {api-key: k, excluded-models: ['gemini-2.5-*', '*-PREVIEW', '*flash*', "
        "gemini-embedding-2]}\n");
    assert_string_equal(listed(), "gemini-embedding-001");
    FAILS("gemini-2.5-pro", "unknown provider for model gemini-2.5-pro: it is excluded by pattern "
                            "\"gemini-2.5-*\" of provider gemini");
    /* Before aliasing: the upstream name counts, and takes the alias with it. */
    load("openai-compatibility:\n" COMPAT("a", "excluded-models: ['x*'], models: "
                                               "[{name: x1, alias: m}, {name: y, alias: xx}]"));
    assert_string_equal(listed(), "xx");
    assert_non_null(strstr(resolve("m"), "excluded by pattern \"x*\""));
    /* What another provider lists needs no explanation. */
    load("openai-compatibility:\n" COMPAT("a", "excluded-models: [m], models: [{name: m}]")
             COMPAT("b", "models: [{name: m}]"));
    RESOLVES("m", "m -> m");
}

/* R5.9, SPEC 3.1 */
static void test_suffix(void **state)
{
    (void)state;
    struct resolved r;
    load("openai-compatibility:\n" COMPAT(
        "a",
        "models: [{name: m}, {name: 'n (free)'}, {name: 'm(x)'}, {name: 'up(low)', alias: a}]"));
    RESOLVES("m(high)", "m -> m");
    assert_int_equal(route_resolve(table, S("m(high)"), &r, &fail), OK);
    assert_true(r.suffixed && r.thinking.kind == THINK_LEVEL);
    assert_string_equal(r.thinking.level, "high");
    RESOLVES("m()", "m -> m");
    RESOLVES("m(x)", "m -> m");                   /* the base comes first ... */
    RESOLVES("n (free)", "n (free) -> n (free)"); /* ... the whole name where there is no base */
    RESOLVES("n (free)(8192)", "n (free) -> n (free)");
    FAILS("(high)", "unknown provider for model (high)");
    FAILS("mm(high)", "unknown provider for model mm(high); nearest: \"m\"");
    /* A suffix of the configured name is always meant, and stronger than the request's. */
    RESOLVES("a", "a -> up");
    assert_int_equal(route_resolve(table, S("a(max)"), &r, &fail), OK);
    assert_string_equal(resolved_thinking(&r, &r.route->targets[0])->level, "low");
}

static void test_auto(void **state)
{
    (void)state;
    load(
        "claude-api-key:\n- {api-key: k, models: [{name: claude-opus-4-5}, {name: claude-opus-4-6}, "
        "{name: claude-haiku-4-5}]}\n");
    RESOLVES("auto", "claude-opus-4-6 -> claude-opus-4-6");
    RESOLVES("auto(high)", "claude-opus-4-6 -> claude-opus-4-6");
    load("openai-compatibility:\n" COMPAT("a", "models: [{name: x, alias: auto}]"));
    RESOLVES("auto", "auto -> x");
}

/* R5.11 */
static void test_disabled(void **state)
{
    (void)state;
    load("openai-compatibility:\n" COMPAT("a", "disabled: true, prefix: p, models: [{name: m}]")
             COMPAT("b", "models: [{name: n}]"));
    assert_string_equal(listed(), "n");
    static const char *const names[] = {"m", "p/m", "m(high)"};
    for (size_t i = 0; i < 3; i++) {
        const char *s = resolve(names[i]);
        assert_non_null(strstr(s, "MODEL_OFF! no credential available for model "));
        assert_non_null(strstr(s, ": its provider a is disabled"));
    }
}

/* SPEC 3.4: one id, several upstream names; the same key twice counts once. */
static void test_pool(void **state)
{
    (void)state;
    load("openai-compatibility:\n- {name: a, base-url: 'http://127.0.0.1:1', api-key-entries: "
         "[{api-key: k1}, {api-key: k2}, {api-key: k1}], models: [{name: x, alias: m}, {name: y, "
         "alias: m}, {name: x, alias: m}]}\n");
    assert_string_equal(listed(), "m");
    struct model_route *r = table->sorted[0];
    assert_int_equal(r->n_targets, 4);
    assert_int_equal(r->n_tiers, 1);
    const struct target *order[8];
    unsigned first[4] = {0};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(route_order(r, order, 8), 4);
        for (size_t k = 0; k < 4; k++)
            first[k] += order[0] == &r->targets[k];
        for (size_t k = 1; k < 4; k++)
            assert_ptr_not_equal(order[k], order[0]);
    }
    for (size_t k = 0; k < 4; k++)
        assert_int_equal(first[k], 2);
    assert_int_equal(route_order(r, order, 3), 3);
}

static void test_priority(void **state)
{
    (void)state;
    load("openai-compatibility:\n" COMPAT("low", "priority: -1, models: [{name: m}]")
             COMPAT("a", "models: [{name: m}]") COMPAT("high", "priority: 7, models: [{name: m}]")
                 COMPAT("b", "models: [{name: m}]"));
    struct model_route *r = table->sorted[0];
    assert_int_equal(r->n_targets, 4);
    assert_int_equal(r->n_tiers, 3);
    assert_true(str_eq(r->owned_by, S("high")));
    for (int i = 0; i < 4; i++) {
        const struct target *o[4];
        assert_int_equal(route_order(r, o, 4), 4);
        assert_true(str_eq(o[0]->provider->name, S("high")));
        assert_true(str_eq(o[1]->provider->name, i % 2 ? S("b") : S("a")));
        assert_true(str_eq(o[3]->provider->name, S("low")));
    }
    assert_int_equal(table->n_credentials, 4);
    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(r->targets[i].credential,
                         &config->providers[r->targets[i].index].credentials[0]);
}

/* R15.1 */
static void test_defaults(void **state)
{
    (void)state;
    load("claude-api-key:\n- {api-key: k}\n");
    RESOLVES("claude-opus-4-6", "claude-opus-4-6 -> claude-opus-4-6");
    RESOLVES("claude-sonnet-4-6(high)", "claude-sonnet-4-6 -> claude-sonnet-4-6");
    struct resolved r;
    assert_int_equal(route_resolve(table, S("claude-opus-4-6"), &r, &fail), OK);
    assert_int_equal(r.route->max_input, 1000000);
    assert_true(str_eq(r.route->display_name, S("Claude Opus 4.6")));
    assert_non_null(strstr(resolve("claude-3-7-sonnet-20250219"), ": retired by its vendor; "));
    load("vertex-api-key:\n- {api-key: k}\n");
    RESOLVES("gemini-2.5-pro", "gemini-2.5-pro -> gemini-2.5-pro");
    assert_int_equal(table->n_warnings, 0);
    load("sim:\n- {name: sim}\n");
    assert_string_equal(listed(), "sim-1 sim-fast sim-slow");
    assert_null(table->sorted[0]->targets[0].origin);
    load(CODEX("prefix: x"));
    assert_string_equal(listed(), "");
    assert_true(warned("provider codex lists no models"));
}

static void test_wildcard(void **state)
{
    (void)state;
    load("openrouter: {api-key: k, excluded-models: ['*/bad*']}\n"
         "groq: {api-key: k, prefix: fast}\n"
         "mistral: {api-key: k, models: [{name: m1}]}\n");
    assert_string_equal(listed(), "m1");
    RESOLVES("openrouter/anthropic/claude-sonnet-4", "openrouter -> anthropic/claude-sonnet-4");
    RESOLVES("openrouter/x(high)", "openrouter -> x");
    RESOLVES("fast/llama", "fast -> llama");
    RESOLVES("fast/a/b", "fast -> a/b");
    FAILS("groq/llama", "unknown provider for model groq/llama");
    FAILS("openrouter/", "unknown provider for model openrouter/");
    FAILS("openrouter/z/bad-1", "unknown provider for model openrouter/z/bad-1: it is excluded by "
                                "pattern \"*/bad*\" of provider openrouter");
}

static void test_key_scope(void **state)
{
    (void)state;
    load("openai-compatibility:\n" COMPAT("a", "models: [{name: m1}, {name: n1}]")
             COMPAT("b", "models: [{name: m2}]"));
    str models[] = {S("m*")}, providers[] = {S("b")};
    struct client_key all = {.n_models = 0}, some = {.models = models, .n_models = 1},
                      both = {.models = models,
                              .n_models = 1,
                              .providers = providers,
                              .n_providers = 1};
    struct model_route **s = table->sorted; /* m1 m2 n1 */
    assert_true(route_allows(NULL, s[0]) && route_allows(&all, s[2]));
    assert_true(route_allows(&some, s[0]) && route_allows(&some, s[1]));
    assert_false(route_allows(&some, s[2]));
    assert_false(route_allows(&both, s[0]));
    assert_true(route_allows(&both, s[1]));
}

/* A key's patterns see the whole name of a wildcard route. */
static void test_wild_scope(void **state)
{
    (void)state;
    struct resolved r;
    load("openrouter: {api-key: k}\n");
    str models[] = {S("openrouter/a/*")}, other[] = {S("groq/*")}, any[] = {S("open*")};
    struct client_key key = {.models = models, .n_models = 1};
    assert_int_equal(route_resolve(table, S("openrouter/a/x(low)"), &r, &fail), OK);
    assert_true(str_eq(r.id, S("openrouter/a/x")));
    assert_true(resolved_allows(&key, &r) && route_allows(&key, r.route));
    assert_int_equal(route_resolve(table, S("openrouter/b/x"), &r, &fail), OK);
    assert_true(!resolved_allows(&key, &r) && route_allows(&key, r.route));
    key.models = any;
    assert_true(resolved_allows(&key, &r) && route_allows(&key, r.route));
    key.models = other;
    assert_true(!resolved_allows(&key, &r) && !route_allows(&key, r.route));
    str providers[] = {S("groq")};
    key = (struct client_key){.providers = providers, .n_providers = 1};
    assert_false(target_allows(&key, &r.route->targets[0]) || resolved_allows(&key, &r));
}

static void test_dialects(void **state)
{
    (void)state;
    static const enum dialect_id speaks[] = {
        [CHANNEL_OPENAI] = DIALECT_CHAT,      [CHANNEL_CODEX] = DIALECT_RESPONSES,
        [CHANNEL_CLAUDE] = DIALECT_ANTHROPIC, [CHANNEL_GEMINI] = DIALECT_GEMINI,
        [CHANNEL_VERTEX] = DIALECT_GEMINI,
    };
    for (enum dialect_id d = 0; d < DIALECT_COUNT; d++) {
        struct provider_entry p = {.kind = CHANNEL_SIM, .sim.dialect = DIALECT_COUNT};
        assert_int_equal(route_dialect(&p, d), d);
        p.sim.dialect = DIALECT_GEMINI;
        assert_int_equal(route_dialect(&p, d), DIALECT_GEMINI);
        for (unsigned kind = 0; kind < sizeof speaks / sizeof *speaks; kind++) {
            p.kind = (enum channel_kind)kind;
            assert_int_equal(route_dialect(&p, d), speaks[kind]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_unknown, teardown),
        cmocka_unit_test_teardown(test_monsters, teardown),
        cmocka_unit_test_teardown(test_alias, teardown),
        cmocka_unit_test_teardown(test_alias_warnings, teardown),
        cmocka_unit_test_teardown(test_prefix, teardown),
        cmocka_unit_test_teardown(test_slashes, teardown),
        cmocka_unit_test_teardown(test_exclusion, teardown),
        cmocka_unit_test_teardown(test_suffix, teardown),
        cmocka_unit_test_teardown(test_auto, teardown),
        cmocka_unit_test_teardown(test_disabled, teardown),
        cmocka_unit_test_teardown(test_pool, teardown),
        cmocka_unit_test_teardown(test_priority, teardown),
        cmocka_unit_test_teardown(test_defaults, teardown),
        cmocka_unit_test_teardown(test_wildcard, teardown),
        cmocka_unit_test_teardown(test_key_scope, teardown),
        cmocka_unit_test_teardown(test_wild_scope, teardown),
        cmocka_unit_test_teardown(test_dialects, teardown),
    };
    hash_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The configuration: what is read, what is refused and where, what is warned about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "config/config.h"
#include "config/dotenv.h"

/* Enough to be let in: the rest of a test's text follows. */
#define HEAD "host: 127.0.0.1\napi-keys: [ck-1]\n"

static struct config *parse(const char *text)
{
    struct config *c;
    struct fail f = {0};
    if (config_parse(str_c(text), "t.yaml", &c, &f)) {
        print_message("%s\n", fail_text(&f));
        fail_msg("refused");
    }
    return c;
}

/* The message with which text is refused; it must begin with "t.yaml:line:column: ". */
static void expect_refused(const char *text, const char *where, const char *what)
{
    struct config *c = (struct config *)1;
    struct fail f = {0};
    char head[64];
    assert_int_equal(config_parse(str_c(text), "t.yaml", &c, &f), ERR_CONFIG);
    assert_null(c);
    snprintf(head, sizeof head, "t.yaml:%s: ", where);
    if (strncmp(f.text, head, strlen(head)) || !strstr(f.text, what))
        print_message("got  %s\nwant %s...%s\n", f.text, head, what);
    assert_memory_equal(f.text, head, strlen(head));
    assert_non_null(strstr(f.text, what));
}

static bool warned(const struct config *c, const char *what)
{
    for (size_t i = 0; i < c->n_warnings; i++)
        if (str_find(c->warnings[i], str_c(what)) < c->warnings[i].n)
            return true;
    return false;
}

static void expect_warning(const struct config *c, const char *what)
{
    if (warned(c, what))
        return;
    for (size_t i = 0; i < c->n_warnings; i++)
        print_message("  %.*s\n", STR_FMT(c->warnings[i]));
    print_message("no warning with: %s\n", what);
    fail();
}

static void assert_str(str s, const char *want)
{
    if (!str_eq(s, str_c(want)))
        print_message("got  %.*s\nwant %s\n", STR_FMT(s), want);
    assert_true(str_eq(s, str_c(want)));
}

/* ---- scalars --------------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
    struct config *c = parse(HEAD);
    (void)state;
    assert_int_equal(c->port, 8317);
    assert_int_equal(c->workers, 0);
    assert_true(c->access_log);
    assert_false(c->tls_enable);
    assert_int_equal(c->body_bytes, 64 << 20);
    assert_int_equal(c->header_bytes, 32 << 10);
    assert_int_equal(c->json_depth, 128);
    assert_int_equal(c->client_header_ms, 30000);
    assert_int_equal(c->upstream.connect_ms, 10000);
    assert_int_equal(c->upstream.first_byte_ms, 300000);
    assert_int_equal(c->upstream.total_ms, 0);
    assert_int_equal(c->upstream_max_idle, 256);
    assert_int_equal(c->shutdown_ms, 30000);
    assert_true(str_ends(c->auth_dir, S("/.cli-proxy-api")));
    assert_true(str_ends(c->log_dir, S("/logs")));
    config_free(c);
}

static void test_scalars(void **state)
{
    struct config *c = parse("host: localhost\nport: \"0x1000\"\nworkers: 4\n"
                             "tls: {enable: yes, cert: /c.pem, key: /k.pem}\n"
                             "debug: On\nproxy-url: socks5h://u:p@h:1080\n"
                             "limits:\n  body-size: 1MiB\n  header-count: 50\n"
                             "client: {idle-timeout: 1m30s}\n"
                             "upstream:\n  total-timeout: 2.5\n  connect-timeout: 250ms\n"
                             "streaming: {keepalive-seconds: -5}\n"
                             "logs-max-total-size-mb: -1\nforce-model-prefix: ~\n");
    (void)state;
    assert_int_equal(c->port, 4096);
    assert_int_equal(c->workers, 4);
    assert_true(c->tls_enable);
    assert_str(c->tls_cert, "/c.pem");
    assert_true(c->debug);
    assert_str(c->proxy_url, "socks5h://u:p@h:1080");
    assert_int_equal(c->body_bytes, 1 << 20);
    assert_int_equal(c->header_count, 50);
    assert_int_equal(c->client_idle_ms, 90000);
    assert_int_equal(c->upstream.total_ms, 2500);
    assert_int_equal(c->upstream.connect_ms, 250);
    assert_int_equal(c->stream_keepalive_s, 0);
    assert_int_equal(c->logs_max_total_mb, 0);
    assert_false(c->force_model_prefix);
    config_free(c);
}

static void test_wrong_types(void **state)
{
    static const struct {
        const char *text, *where, *what;
    } cases[] = {
        {"port: abc\n", "1:7", "port: must be a whole number, not \"abc\""},
        {"port: 70000\n", "1:7", "port: must be between 0 and 65535"},
        {"port: [1]\n", "1:7", "port: must be a single value, not a list"},
        {"debug: perhaps\n", "1:8", "debug: must be true or false"},
        {"\ntls:\n  enable: 7\n", "3:11", "tls.enable"},
        {"tls: 7\n", "1:6", "tls: must be a block of keys"},
        {"limits: {body-size: lots}\n", "1:21", "limits.body-size: must be a size"},
        {"limits: {body-size: 1}\n", "1:21", "between 1KiB and 1024GiB"},
        {"upstream: {connect-timeout: soon}\n", "1:29", "must be a duration"},
        {"proxy-url: ftp://u:secret@x\n", "1:12", "proxy-url: must begin with"},
        {"api-keys: {a: b}\n", "1:11", "api-keys: must be a list"},
        {"api-keys: [[a]]\n", "1:12", "api-keys[0]: must be a single value"},
        {"- a\n", "1:1", "key: value"},
        {"word\n", "1:1", "key: value"},
        {HEAD "groq:\n  - api-key: k\n    weight: 1.5\n", "5:13",
         "groq[0].weight: must be a whole number, not \"1.5\""},
        {HEAD "groq: {api-key: k, weight: 1000001}\n", "3:28", "groq.weight"},
        {HEAD "groq: {api-key: k, priority: high}\n", "3:30", "groq.priority"},
        {HEAD "groq: {api-key: k, base-url: ftp://x}\n", "3:30", "http://"},
        {HEAD "groq: {api-key: k, base-url: \"http://u:secret@x\"}\n", "3:30", "user name"},
        {HEAD "groq: {api-key: k, headers: {\"X Y\": z}}\n", "3:30", "not a header name"},
        {HEAD "groq: {api-key: k, headers: {X: \"a\\nb\"}}\n", "3:33", "line break"},
        {HEAD "groq: {api-key: \"a\\nb\"}\n", "3:17", "groq.api-key: holds a line break"},
        {HEAD "groq: {token-file: /nowhere/key}\n", "3:7", "/nowhere/key does not exist"},
        {HEAD "openai-compatibility: nope\n", "3:23", "must be a list"},
        {HEAD "sim: [{failure-rate: 2}]\n", "3:22", "between 0 and 1"},
        {HEAD "sim: [{failure-mode: odd}]\n", "3:22", "status, reset, cut, hang"},
        {HEAD "sim: [{latency: 8d}]\n", "3:17", "at most 7d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused(cases[i].text, cases[i].where, cases[i].what);
}

/* ---- YAML ------------------------------------------------------------------------------------ */

static void test_syntax_errors(void **state)
{
    (void)state;
    expect_refused("host: x\ntls:\n\tenable: true\n", "3:1", "tab");
    expect_refused(HEAD "port: 1\nport: 2\n", "4:1",
                   "port: the key stands twice, on line 3 and on line 4");
    expect_refused("tls:\n  cert: a\n  key: b\n  cert: c\n", "4:3", "tls: cert: the key stands");
    expect_refused("x: &a [*a]\n", "1:8", "inside its own anchor");
    expect_refused("x: *nowhere\n", "1:4", "no anchor");
    expect_refused("%", "1:1", "begins with %");
    expect_refused("%YAML 1.1\r\nx: 1\r\n%a", "3:1", "begins with %");
    expect_refused("? [a]\n: b\n", "1:3", "plain word");
    expect_refused("x: \"\\0\"\n", "1:4", "NUL");
    expect_refused("<<: 3\n", "1:5", "mapping");
}

static void test_syntax_errors_show_no_secret(void **state)
{
    static const char *const texts[] = {
        "api-keys: [ck-hush-hush-hush\nport: 1\n",
        "claude-api-key:\n - api-key: 'ck-hush-hush-hush\n",
        "api-keys:\n  - \"ck-hush-hush-hush\n b: c: d\n",
        "api-keys:\n- ck-hush-hush-hush: : x\n",
        "proxy-url: \"http://u:hush@h\nport: 1\n",
        "api-key \"ck-hush-hush-hush\"\n x: y: z\n",
        "openai-compatibility: [{api-key: ck-hush-hush-hush]\n",
        "api-keys: {ck-hush-hush-hush\n",
        "claude-api-key:\n - api-key: ck\n   hush-hush\n   x: y: z\n",
        "groq:\n api-key: \"ck\nhush\"\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config *c;
        struct fail f = {0};
        assert_int_equal(config_parse(str_c(texts[i]), "t.yaml", &c, &f), ERR_CONFIG);
        if (strstr(f.text, "hush"))
            print_message("%s\n", f.text);
        assert_null(strstr(f.text, "hush"));
    }
}

static void test_bombs(void **state)
{
    struct config *c;
    struct fail f = {0};
    char deep[400];
    (void)state;
    memset(deep, '[', 200);
    memset(deep + 200, ']', 199);
    deep[399] = 0;
    assert_int_equal(config_parse(str_c(deep), "t.yaml", &c, &f), ERR_CONFIG);
    expect_refused("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                   "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                   "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                   "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                   "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
                   "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
                   "5:7", "more than 1000000 values");
}

static void test_aliases_and_merges(void **state)
{
    struct config *c = parse(HEAD "x-base: &base\n  prefix: one\n  priority: 3\n"
                                  "groq:\n  - &g {api-key: k1, models: &m [a, b]}\n"
                                  "  - {<<: *base, api-key: k2, models: *m}\n"
                                  "  - <<: [{priority: 9}, *base]\n    prefix: own\n"
                                  "    api-key: k3\n");
    (void)state;
    assert_int_equal(c->n_providers, 3);
    assert_int_equal(c->providers[1].n_models, 2);
    assert_str(c->providers[1].prefix, "one");
    assert_int_equal(c->providers[1].priority, 3);
    assert_int_equal(c->providers[2].priority, 9);
    assert_str(c->providers[2].prefix, "own");
    expect_warning(c, "line 3: x-base: unknown key");
    config_free(c);
}

/* Spellings of scalars; libfyaml 0.7.12 garbles some of the quoted ones. */
static void test_scalar_styles(void **state)
{
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"plain", "plain"},
        {"two\n    lines", "two lines"},
        {"''''''''''''", "'''''"},
        {"'a''''b'", "a''b"},
        {"'''a'''", "'a'"},
        {"'a''b  \n    c\n\n \n    d'", "a'b c\n\nd"},
        {"'\\x \"'", "\\x \""},
        {"\"a\\x41\\u00e9 \\\"'\"", "aA\xc3\xa9 \"'"},
        {"\"a\\\n    b\"", "ab"},
        {"\"\\ud83d\\ude00 \\U0001F600 \\L\"", "\xf0\x9f\x98\x80 \xf0\x9f\x98\x80 \xe2\x80\xa8"},
        {"\"\\\\\\\n    \\ b  \n\n    c\\/\"", NULL},
        {"\"\\\\\\\n    \\  b  \n    c\\/\"", "\\  b c/"},
        {"!!str 12", "12"},
        {"12 # comment", "12"},
        {"a#b", "a#b"},
        {"|-\n    x\n    y", NULL}, /* a line break: refused here */
        {">-\n    x\n    y", "x y"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text, HEAD "groq:\n  api-key: %s\n", cases[i].yaml);
        if (!cases[i].want || strchr(cases[i].want, '\n')) {
            struct config *c;
            assert_int_equal(config_parse(str_c(text), "t.yaml", &c, NULL), ERR_CONFIG);
            continue;
        }
        struct config *c = parse(text);
        assert_str(c->providers[0].credentials[0].api_key, cases[i].want);
        config_free(c);
    }
}

static void test_further_documents(void **state)
{
    struct config *c = parse("---\n" HEAD "---\nport: abc\n");
    (void)state;
    assert_int_equal(c->port, 8317);
    expect_warning(c, "first document");
    config_free(c);
    c = parse("# x\n%YAML 1.1\n---\n" HEAD "debug: yes\n");
    assert_true(c->debug);
    config_free(c);
    c = parse("\xef\xbb\xbf" HEAD "port: 1\r\n...\n: : [");
    assert_int_equal(c->port, 1);
    config_free(c);
}

/* ---- keys we do not act on ------------------------------------------------------------------- */

static void test_unknown_keys(void **state)
{
    struct config *c = parse(HEAD "prot: 1\ntls: {certt: x}\nlimits:\n  bodysize: 3\n"
                                  "zzzzzzzz: 1\nkeepalive-seconds: 3\n"
                                  "groq: [{api-key: k, wieght: 3, latency: 1s}]\n");
    (void)state;
    expect_warning(c, "line 3: prot: unknown key, ignored (did you mean port?)");
    expect_warning(c, "line 4: tls.certt: unknown key, ignored (did you mean tls.cert?)");
    expect_warning(
        c, "line 6: limits.bodysize: unknown key, ignored (did you mean limits.body-size?)");
    expect_warning(c, "line 7: zzzzzzzz: unknown key, ignored");
    expect_warning(c, "line 8: keepalive-seconds: unknown key, ignored (did you mean "
                      "streaming.keepalive-seconds?)");
    expect_warning(c, "groq[0].wieght: unknown key, ignored (did you mean weight?)");
    expect_warning(c, "groq[0].latency: has no meaning in this block");
    config_free(c);
}

static void test_known_keys_are_named_once(void **state)
{
    struct config *c = parse(HEAD "request-retry: 3\nremote-management: {allow-remote: no}\n"
                                  "payload: {default: [{models: [{name: x}]}]}\n"
                                  "claude-header-defaults: {os: x}\nsim: [{}]\n"
                                  "groq: [{api-key: a, request-retry: 1, cloak: {mode: x}},"
                                  " {api-key: b, request-retry: 2}]\n");
    (void)state;
    assert_int_equal(c->n_warnings, 2);
    expect_warning(c, "not built yet, accepted without effect: request-retry, "
                      "remote-management.allow-remote, payload, *.request-retry");
    expect_warning(c, "not supported on purpose: claude-header-defaults, *.cloak");
    config_free(c);
}

static void test_old_keys_warn_and_migrate(void **state)
{
    struct config *c = parse("host: 0.0.0.0\noauth-model-mappings: {kiro: []}\nampcode: {}\n"
                             "amp-code: {}\ngenerative-language-api-key: [sk-old, sk-old, sk-two]\n"
                             "auth: {providers: [{type: config-api-key, api-keys: [ck-old]}]}\n");
    (void)state;
    expect_warning(c, "oauth-model-mappings: is now called oauth-model-alias");
    expect_warning(c, "line 3: ampcode");
    expect_warning(c, "line 4: amp-code");
    expect_warning(c, "generative-language-api-key: old key");
    expect_warning(c, "auth: old block");
    assert_int_equal(c->n_providers, 2);
    assert_int_equal(c->providers[1].kind, CHANNEL_GEMINI);
    assert_str(c->providers[1].credentials[0].api_key, "sk-two");
    assert_int_equal(c->n_keys, 1);
    assert_str(c->keys[0].key, "ck-old");
    config_free(c);
}

/* ---- client keys ----------------------------------------------------------------------------- */

static void test_R1_2_R1_5_keys(void **state)
{
    struct config *c = parse("api-keys: [\"  key-1  \", key-1, \"\", \" \", 12345,\n"
                             " {key: \" k2 \", name: bob, models: [\"gpt*\"], providers: [A, a],\n"
                             "  limits: {rpm: 5, tpm: 1_000, concurrency: 2},\n"
                             "  expires-at: 2027-01-31T01:00:00+01:00}]\n");
    (void)state;
    assert_int_equal(c->n_keys, 3);
    assert_non_null(map_get(&c->keys_by_value, S("key-1")));
    assert_non_null(map_get(&c->keys_by_value, S("12345")));
    const struct client_key *k = map_get(&c->keys_by_value, S("k2"));
    assert_non_null(k);
    assert_str(k->name, "bob");
    assert_int_equal(k->n_models, 1);
    assert_int_equal(k->n_providers, 1);
    assert_int_equal(k->rpm, 5);
    assert_int_equal(k->tpm, 1000);
    assert_int_equal(k->concurrency, 2);
    assert_int_equal(k->expires_at, 1801353600);
    expect_warning(c, "api-keys: 2 blank dropped, 1 repeated used once");
    config_free(c);
    expect_refused("api-keys: [{key: a, expires-at: soon}]\n", "1:33", "api-keys[0].expires-at");
}

static void test_template_keys(void **state)
{
    struct config *c = parse("api-keys: [your-api-key-1, your-api-key-2]\n");
    (void)state;
    expect_warning(c, "TEMPLATE");
    config_free(c);
}

static void test_13_15_open_access(void **state)
{
    static const char *const loopback[] = {"127.0.0.1", "127.9.9.9", "localhost", "\"::1\"",
                                           "\"[::1]\""};
    char text[80];
    (void)state;
    for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++) {
        snprintf(text, sizeof text, "host: %s\n", loopback[i]);
        struct config *c = parse(text);
        expect_warning(c, "no api-keys");
        config_free(c);
    }
    expect_refused("", "1:1", "no api-keys");
    expect_refused("host: 0.0.0.0\n", "1:7", "open-access: true");
    expect_refused("host: \"::\"\n", "1:7", "host: 127.0.0.1");
    expect_refused("port: 1\napi-keys: [\" \"]\n", "2:11", "no api-keys");
    struct config *c = parse("open-access: true\n");
    expect_warning(c, "OPEN ACCESS");
    config_free(c);
}

/* ---- providers ------------------------------------------------------------------------------- */

static void test_openai_compatibility(void **state)
{
    struct config *c =
        parse(HEAD "proxy-url: http://global:1\nupstream: {idle-timeout: 7s}\n"
                   "openai-compatibility:\n"
                   "  - name: two\n    base-url: https://h/v1/\n    weight: 4\n    priority: -2\n"
                   "    idle-timeout: 1s\n    proxy-url: socks5://own:1\n"
                   "    api-key-entries:\n      - {api-key: \" k1 \"}\n"
                   "      - {api-key: k2, weight: 9, proxy-url: direct}\n"
                   "    models:\n      - bare\n      - {name: up, alias: down, display-name: D,\n"
                   "         force-mapping: true, max-context-length: 1000, image: true}\n"
                   "      - {alias: only}\n      - {}\n"
                   "    excluded-models: [\" A* \", a*, B]\n"
                   "  - name: keyless\n    base-url: http://127.0.0.1:11434/v1\n"
                   "  - name: gone\n  - name: off\n    disabled: true\n"
                   "  - base-url: http://h\n    api-keys: [old]\n");
    (void)state;
    assert_int_equal(c->n_providers, 4);
    const struct provider_entry *p = &c->providers[0];
    assert_int_equal(p->kind, CHANNEL_OPENAI);
    assert_str(p->name, "two");
    assert_str(p->base_url, "https://h/v1");
    assert_int_equal(p->line, 6);
    assert_int_equal(p->priority, -2);
    assert_int_equal(p->timeouts.idle_ms, 1000);
    assert_int_equal(p->timeouts.connect_ms, 10000);
    assert_int_equal(p->n_credentials, 2);
    assert_str(p->credentials[0].api_key, "k1");
    assert_str(p->credentials[0].proxy_url, "socks5://own:1");
    assert_int_equal(p->credentials[0].weight, 4);
    assert_str(p->credentials[1].proxy_url, "direct");
    assert_int_equal(p->credentials[1].weight, 9);
    assert_int_equal(p->n_models, 3);
    assert_true(p->models_given);
    assert_str(p->models[0].name, "bare");
    assert_str(p->models[0].alias, "bare");
    assert_str(p->models[1].alias, "down");
    assert_true(p->models[1].force_mapping && p->models[1].image);
    assert_int_equal(p->models[1].max_context, 1000);
    assert_str(p->models[2].name, "only");
    assert_int_equal(p->n_excluded, 2);
    assert_str(p->excluded[0], "a*");
    p = &c->providers[1];
    assert_int_equal(p->n_credentials, 1);
    assert_str(p->credentials[0].api_key, "");
    assert_str(p->credentials[0].proxy_url, "http://global:1");
    assert_int_equal(p->timeouts.idle_ms, 7000);
    assert_true(c->providers[2].disabled);
    assert_str(c->providers[3].name, "openai-compatibility");
    assert_str(c->providers[3].credentials[0].api_key, "old");
    expect_warning(c, "openai-compatibility[2]: needs a base-url");
    expect_warning(c, "models[3]: a model without a name");
    config_free(c);
}

static void test_key_blocks(void **state)
{
    static const struct {
        const char *block;
        const char *name;
        enum channel_kind kind;
        const char *base; /* NULL: required */
    } cases[] = {
        {"claude-api-key", "claude", CHANNEL_CLAUDE, "https://api.anthropic.com"},
        {"gemini-api-key", "gemini", CHANNEL_GEMINI, "https://generativelanguage.googleapis.com"},
        {"codex-api-key", "codex", CHANNEL_CODEX, NULL},
        {"xai-api-key", "xai", CHANNEL_CODEX, NULL},
        {"vertex-api-key", "vertex", CHANNEL_VERTEX, "https://aiplatform.googleapis.com"},
        {"openrouter", "openrouter", CHANNEL_OPENAI, "https://openrouter.ai/api/v1"},
        {"kilocode", "kilo", CHANNEL_OPENAI, "https://api.kilo.ai/v1"},
        {"roo-code", "roo", CHANNEL_OPENAI, "https://api.roocode.com/v1"},
        {"deepseek", "deepseek", CHANNEL_OPENAI, "https://api.deepseek.com"},
        {"nim", "nim", CHANNEL_OPENAI, "https://integrate.api.nvidia.com/v1"},
        {"zen", "zen", CHANNEL_OPENAI, "https://opencode.ai/zen/v1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[300];
        snprintf(text, sizeof text,
                 HEAD "%s:\n  - api-key: k\n  - {api-key: k, base-url: \"http://own/\"}\n"
                      "  - {base-url: \"http://local\"}\n  - {prefix: x}\n",
                 cases[i].block);
        struct config *c = parse(text);
        size_t first = cases[i].base ? 1 : 0;
        assert_int_equal(c->n_providers, 2 + first);
        assert_str(c->providers[0].name, cases[i].name);
        assert_int_equal(c->providers[0].kind, cases[i].kind);
        assert_str(c->providers[0].base_url, cases[i].base ? cases[i].base : "http://own");
        assert_str(c->providers[first].base_url, "http://own");
        assert_str(c->providers[first + 1].credentials[0].api_key, "");
        expect_warning(c, cases[i].base ? "[3]: needs an api-key" : "[0]: needs a base-url");
        config_free(c);
    }
}

static void test_gemini_repetitions(void **state)
{
    struct config *c = parse(HEAD "gemini-api-key:\n"
                                  "  - &g {api-key: k, headers: {X-A: b}}\n  - *g\n"
                                  "  - {<<: *g, prefix: p}\n  - {<<: *g, headers: {X-A: c}}\n"
                                  "  - {<<: *g, base-url: \"http://h\"}\n"
                                  "  - {<<: *g, proxy-url: direct}\n  - {<<: *g, priority: 3}\n");
    (void)state;
    assert_int_equal(c->n_providers, 5);
    config_free(c);
}

static void test_3_2_prefix(void **state)
{
    struct config *c = parse(HEAD "groq:\n  - {api-key: k, prefix: \" /team/ \"}\n"
                                  "  - {api-key: k, prefix: a/b}\n");
    (void)state;
    assert_str(c->providers[0].prefix, "team");
    assert_str(c->providers[1].prefix, "");
    expect_warning(c, "groq[1]: prefix has a / inside");
    config_free(c);
}

static void test_R10_7_headers(void **state)
{
    struct config *c =
        parse(HEAD "groq:\n  api-key: k\n  headers:\n    X-Static: value\n    X-Copy: $X-From\n"
                   "    X-Blank: \"\"\n    \"\": x\n    Host: evil\n    Content-Length: 3\n");
    const struct provider_entry *p = &c->providers[0];
    (void)state;
    assert_int_equal(p->n_headers, 2);
    assert_str(p->headers[0].value, "value");
    assert_false(p->headers[0].copy);
    assert_str(p->headers[1].value, "X-From");
    assert_true(p->headers[1].copy);
    expect_warning(c, "groq.headers.Host: this header is written by the program");
    config_free(c);
    expect_refused(HEAD "groq: {api-key: k, headers: {X: \"$\"}}\n", "3:33", "must be followed");
}

static void test_sim(void **state)
{
    struct config *c = parse(HEAD "sim:\n  - {}\n  - {name: slow, latency: 300ms,\n"
                                  "     tokens-per-second: 12.5, failure-rate: 0.5,\n"
                                  "     failure-status: 429, failure-mode: cut, models: [m]}\n");
    const struct provider_entry *p = &c->providers[1];
    (void)state;
    assert_str(c->providers[0].name, "sim");
    assert_int_equal(c->providers[0].n_models, 3);
    assert_str(c->providers[0].models[0].alias, "sim-1");
    assert_int_equal(c->providers[0].sim.failure_status, 503);
    assert_int_equal(p->kind, CHANNEL_SIM);
    assert_int_equal(p->n_credentials, 1);
    assert_int_equal(p->sim.latency_ms, 300);
    assert_true(p->sim.tokens_per_second == 12.5);
    assert_true(p->sim.failure_rate == 0.5);
    assert_int_equal(p->sim.failure_status, 429);
    assert_int_equal(p->sim.failure_mode, SIM_FAIL_CUT);
    assert_int_equal(p->n_models, 1);
    config_free(c);
}

/* ---- environment ----------------------------------------------------------------------------- */

static void test_R4_4_overrides(void **state)
{
    (void)state;
    setenv("CLIPROXY_PORT", "9000", 1);
    setenv("CLIPROXY_HOST", "localhost", 1);
    setenv("CLIPROXY_DEBUG", "1", 1);
    setenv("CLIPROXY_API_KEYS", "a1, a2,,", 1);
    setenv("CLIPROXY_SECRET_KEY", "hush", 1);
    setenv("WRITABLE_PATH", "/var/w", 1);
    struct config *c = parse("host: 0.0.0.0\nport: 1\napi-keys: [file]\nsim: [{}]\n");
    assert_int_equal(c->port, 9000);
    assert_str(c->host, "localhost");
    assert_true(c->debug);
    assert_int_equal(c->n_keys, 2);
    assert_str(c->keys[1].key, "a2");
    assert_str(c->log_dir, "/var/w/logs");
    expect_warning(c, "not built yet, accepted without effect: CLIPROXY_SECRET_KEY");
    assert_int_equal(c->n_warnings, 1);
    config_free(c);
    setenv("CLIPROXY_PORT", "abc", 1);
    c = parse(HEAD "port: 12\n");
    assert_int_equal(c->port, 12);
    expect_warning(c, "CLIPROXY_PORT: must be a whole number; the variable is ignored");
    config_free(c);
    setenv("CLIPROXY_PORT", "0", 1);
    c = parse(HEAD);
    assert_int_equal(c->port, 8317);
    config_free(c);
    unsetenv("CLIPROXY_PORT");
    unsetenv("CLIPROXY_HOST");
    unsetenv("CLIPROXY_DEBUG");
    unsetenv("CLIPROXY_API_KEYS");
    unsetenv("CLIPROXY_SECRET_KEY");
    unsetenv("WRITABLE_PATH");
}

static void test_R10_6_injected_providers(void **state)
{
    (void)state;
    setenv("NVIDIA_API_KEY", " nv-1 ", 1);
    setenv("OPENCODE_API_KEY", "oc-1", 1);
    struct config *c = parse(HEAD);
    assert_int_equal(c->n_providers, 2);
    assert_str(c->providers[1].name, "nim");
    assert_str(c->providers[1].base_url, "https://integrate.api.nvidia.com/v1");
    assert_str(c->providers[1].credentials[0].api_key, "nv-1");
    assert_true(c->providers[1].n_models > 0 && c->providers[1].models_given);
    config_free(c);
    c = parse(HEAD "openai-compatibility: [{name: nim, base-url: \"http://h\"}]\n"
                   "zen: {api-key: own}\n");
    assert_int_equal(c->n_providers, 2);
    assert_str(c->providers[1].credentials[0].api_key, "own");
    config_free(c);
    setenv("OPENCODE_API_KEY", "a\nb", 1);
    c = parse(HEAD);
    assert_int_equal(c->n_providers, 1);
    config_free(c);
    unsetenv("NVIDIA_API_KEY");
    unsetenv("OPENCODE_API_KEY");
}

static void test_dotenv(void **state)
{
    (void)state;
    setenv("CFG_T_OLD", "kept", 1);
    dotenv_apply(S("# comment\nCFG_T_A=1 # rest\nexport CFG_T_B = \"x # y\" \nCFG_T_OLD=new\n"
                   "CFG_T_C='q'\r\n=x\nnot a line\n1BAD=x\nCFG_T_D="));
    assert_string_equal(getenv("CFG_T_A"), "1");
    assert_string_equal(getenv("CFG_T_B"), "x # y");
    assert_string_equal(getenv("CFG_T_C"), "q");
    assert_string_equal(getenv("CFG_T_D"), "");
    assert_string_equal(getenv("CFG_T_OLD"), "kept");
}

/* ---- files ----------------------------------------------------------------------------------- */

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_config.XXXXXX");
    hash_init();
    return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(in_folder("c.yaml"));
    unlink(in_folder("key"));
    rmdir(in_folder("auths/deep"));
    rmdir(in_folder("auths"));
    rmdir(in_folder("dir"));
    return chdir("/") || rmdir(folder);
}

static void expect_load_error(const char *path, const char *what)
{
    struct config *c;
    struct fail f = {0};
    assert_int_equal(config_load(path, &c, &f), ERR_CONFIG);
    assert_null(c);
    if (!strstr(f.text, what))
        print_message("got  %s\nwant %s\n", f.text, what);
    assert_non_null(strstr(f.text, what));
    assert_non_null(strstr(f.text, folder));
}

static void test_S1_R4_2_files(void **state)
{
    (void)state;
    expect_load_error("none.yaml", "none.yaml does not exist");
    assert_int_equal(mkdir(in_folder("dir"), 0700), 0);
    expect_load_error("dir", "is a directory");
    write_file("c.yaml", "port: abc\n");
    expect_load_error("c.yaml", "c.yaml:1:7: port");
    expect_load_error("c.yaml/x", "no folder");
}

static void test_S7_auth_dir(void **state)
{
    struct config *c;
    struct stat st;
    (void)state;
    write_file("c.yaml", HEAD "auth-dir: auths/deep\n");
    assert_int_equal(config_load("c.yaml", &c, NULL), OK);
    assert_str(c->auth_dir, in_folder("auths/deep"));
    assert_str(c->path, in_folder("c.yaml"));
    assert_false(warned(c, "chmod"));
    config_free(c);
    assert_int_equal(stat(in_folder("auths/deep"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(chmod(in_folder("auths/deep"), 0750), 0);
    assert_int_equal(config_load(in_folder("c.yaml"), &c, NULL), OK);
    expect_warning(c, "run chmod 700");
    config_free(c);
    write_file("c.yaml", HEAD "auth-dir: c.yaml\n");
    assert_int_equal(config_load("c.yaml", &c, NULL), OK);
    expect_warning(c, "is not a directory");
    config_free(c);
}

static void test_token_file(void **state)
{
    (void)state;
    write_file("key", "  tok-1 \n");
    struct config *c = parse(HEAD "groq: {token-file: key}\n");
    assert_str(c->providers[0].credentials[0].api_key, "tok-1");
    config_free(c);
    write_file("key", "tok\nmore\n");
    expect_refused(HEAD "groq: {token-file: key}\n", "3:7", "more than one line");
    write_file("key", "\n");
    expect_refused(HEAD "groq: [{api-key-entries: [{token-file: key}]}]\n", "3:27", "is empty");
    expect_refused(HEAD "groq: {token-file: /dev/zero}\n", "3:7", "not a regular file");
}

/* ---- differences ----------------------------------------------------------------------------- */

static void test_diff(void **state)
{
    struct config *a = parse(HEAD "port: 1\nproxy-url: http://u:hush@h\n"
                                  "groq: {api-key: k-hush-1, models: [a]}\nzen: {api-key: z}\n");
    struct config *b = parse("host: 127.0.0.1\napi-keys: [ck-hush-abcdef-1234]\nport: 2\n"
                             "debug: true\nproxy-url: http://u:hush2@h\nlimits: {body-size: 1MiB}\n"
                             "groq: {api-key: k-hush-2, models: [a, b]}\nsim: [{}]\n");
    struct buf out;
    (void)state;
    buf_init(&out, 1 << 16);
    config_diff(a, b, &out);
    static const char *const lines[] = {
        "port: 1 -> 2 (needs a restart)\n",
        "debug: false -> true\n",
        "proxy-url: http://***@h -> http://***@h\n",
        "limits.body-size: 64MiB -> 1MiB\n",
        "api-keys: removed ...\n",
        "api-keys: added ...1234\n",
        "zen zen: removed\n",
        "groq groq: changed: models, keys\n",
        "sim sim: added\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!strstr(buf_c(&out), lines[i]))
            print_message("missing %sin\n%s", lines[i], buf_c(&out));
        assert_non_null(strstr(buf_c(&out), lines[i]));
    }
    assert_null(strstr(buf_c(&out), "hush"));
    buf_clear(&out);
    config_diff(a, a, &out);
    assert_int_equal(out.n, 0);
    buf_fini(&out);
    config_free(a);
    config_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_syntax_errors),
        cmocka_unit_test(test_syntax_errors_show_no_secret),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_aliases_and_merges),
        cmocka_unit_test(test_scalar_styles),
        cmocka_unit_test(test_further_documents),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_known_keys_are_named_once),
        cmocka_unit_test(test_old_keys_warn_and_migrate),
        cmocka_unit_test(test_R1_2_R1_5_keys),
        cmocka_unit_test(test_template_keys),
        cmocka_unit_test(test_13_15_open_access),
        cmocka_unit_test(test_openai_compatibility),
        cmocka_unit_test(test_key_blocks),
        cmocka_unit_test(test_gemini_repetitions),
        cmocka_unit_test(test_3_2_prefix),
        cmocka_unit_test(test_R10_7_headers),
        cmocka_unit_test(test_sim),
        cmocka_unit_test(test_R4_4_overrides),
        cmocka_unit_test(test_R10_6_injected_providers),
        cmocka_unit_test(test_dotenv),
        cmocka_unit_test(test_S1_R4_2_files),
        cmocka_unit_test(test_S7_auth_dir),
        cmocka_unit_test(test_token_file),
        cmocka_unit_test(test_diff),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

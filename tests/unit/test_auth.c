/* api/auth.h: the five places a key may stand, in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "api/auth.h"
#include "base/hash.h"

static struct config *config;

static void load(const char *yaml)
{
    struct fail f = {.code = OK};
    config_free(config);
    config = NULL;
    if (config_parse(str_c(yaml), "t.yaml", &config, &f))
        fail_msg("%s", f.text);
}

static int setup(void **state)
{
    (void)state;
    hash_init();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    config_free(config);
    config = NULL;
    return 0;
}

/* A request with these header lines and this query. */
static struct key_check check(const char *query, const char *lines)
{
    static struct http_field fields[20];
    static char head[8192];
    struct http_request rq;
    struct fail f;
    llhttp_t parser;
    snprintf(head, sizeof head, "GET /x%s%s HTTP/1.1\r\nHost: a\r\n%s\r\n", *query ? "?" : "",
             query, lines);
    if (http_parse_head(str_c(head), &rq, fields, 20, &parser, &f))
        fail_msg("%s", f.text);
    return key_check(config, &rq);
}

static void accepted(const char *query, const char *lines, const char *key, enum key_form form)
{
    struct key_check k = check(query, lines);
    if (k.err || !k.key || !str_eq(k.key->key, str_c(key)) || k.form != form)
        fail_msg("%s %s: %d, form %d", query, lines, k.err, k.form);
}

static void refused(const char *query, const char *lines, enum err err)
{
    struct key_check k = check(query, lines);
    if (k.err != err || k.key)
        fail_msg("%s %s: %d", query, lines, k.err);
}

static const char two[] = "api-keys: [alpha-key, beta-key]\n";

static void test_forms(void **state)
{
    (void)state;
    load(two);
    accepted("", "Authorization: Bearer alpha-key\r\n", "alpha-key", KEY_BEARER);
    accepted("", "X-Goog-Api-Key: alpha-key\r\n", "alpha-key", KEY_GOOGLE);
    accepted("", "x-api-key: beta-key\r\n", "beta-key", KEY_ANTHROPIC);
    accepted("key=alpha-key", "", "alpha-key", KEY_QUERY);
    accepted("auth_token=beta-key", "", "beta-key", KEY_QUERY);
    accepted("", "Authorization: alpha-key\r\n", "alpha-key", KEY_BEARER); /* taken whole */
    refused("", "", ERR_NO_KEY);
    refused("a=b", "X: alpha-key\r\n", ERR_NO_KEY);
}

static void test_wrong(void **state)
{
    (void)state;
    load(two);
    refused("", "Authorization: Bearer alpha-keY\r\n", ERR_BAD_KEY);
    refused("", "Authorization: Bearer alpha-key2\r\n", ERR_BAD_KEY);
    refused("", "Authorization: Bearer alpha-ke\r\n", ERR_BAD_KEY);
    refused("", "Authorization: Basic alpha-key\r\n", ERR_BAD_KEY);
    refused("", "x-api-key: gamma\r\n", ERR_BAD_KEY);
    refused("key=gamma", "", ERR_BAD_KEY);
    refused("key=alpha-key%00", "", ERR_BAD_KEY);
    /* Empty ones were not sent, as far as we are concerned. */
    refused("key=", "Authorization:\r\nx-api-key: \r\n", ERR_NO_KEY);
    refused("", "Authorization: Bearer \r\n", ERR_BAD_KEY); /* a value, though no key */
}

static void test_order(void **state)
{
    (void)state;
    load(two);
    accepted("key=beta-key", "Authorization: Bearer alpha-key\r\n", "alpha-key", KEY_BEARER);
    accepted("", "x-api-key: alpha-key\r\nX-Goog-Api-Key: beta-key\r\n", "beta-key", KEY_GOOGLE);
    accepted("auth_token=beta-key&key=alpha-key", "", "alpha-key", KEY_QUERY);
    /* A key that names nobody does not stand in the way of one that does. */
    accepted("", "Authorization: Bearer gamma\r\nx-api-key: beta-key\r\n", "beta-key",
             KEY_ANTHROPIC);
    accepted("key=x&auth_token=beta-key",
             "Authorization: Bearer gamma\r\nx-goog-api-key: y\r\nx-api-key: z\r\n", "beta-key",
             KEY_QUERY);
    refused("key=x&auth_token=y",
            "Authorization: Bearer z\r\nx-goog-api-key: 1\r\nx-api-key: 2\r\n", ERR_BAD_KEY);
}

static void test_trimming(void **state)
{
    (void)state;
    load("api-keys: [' padded-key ', alpha-key]\n");
    accepted("", "Authorization: Bearer padded-key\r\n", "padded-key", KEY_BEARER);
    accepted("", "Authorization:\t  bEARER   alpha-key \t\r\n", "alpha-key", KEY_BEARER);
    accepted("", "x-api-key:   alpha-key  \r\n", "alpha-key", KEY_ANTHROPIC);
    accepted("key=+alpha-key%20", "", "alpha-key", KEY_QUERY);
    accepted("key=%61lpha%2Dkey", "", "alpha-key", KEY_QUERY);
    refused("", "x-api-key: %61lpha-key\r\n", ERR_BAD_KEY); /* only queries are encoded */
    refused("", "x-api-key: alpha -key\r\n", ERR_BAD_KEY);
}

static void test_long_keys(void **state)
{
    (void)state;
    static char text[4000], lines[4100];
    memset(text, 'k', 3000);
    load(two);
    snprintf(lines, sizeof lines, "x-api-key: %s\r\n", text);
    refused("", lines, ERR_BAD_KEY);
    snprintf(lines, sizeof lines, "key=%s", text);
    refused(lines, "", ERR_BAD_KEY);
    text[1024] = 0;
    snprintf(lines, sizeof lines, "key=%s", text);
    refused(lines, "", ERR_BAD_KEY);
}

static void test_expiry(void **state)
{
    (void)state;
    char yaml[400], soon[40], past[40];
    time_t later = time(NULL) + 3600, before = time(NULL) - 60;
    struct tm tm;
    strftime(soon, sizeof soon, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&later, &tm));
    strftime(past, sizeof past, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&before, &tm));
    snprintf(yaml, sizeof yaml,
             "api-keys:\n- {key: valid-key, expires-at: '%s'}\n- {key: stale-key, expires-at: "
             "'%s'}\n",
             soon, past);
    load(yaml);
    accepted("", "x-api-key: valid-key\r\n", "valid-key", KEY_ANTHROPIC);
    refused("", "x-api-key: stale-key\r\n", ERR_BAD_KEY);
    accepted("", "x-api-key: stale-key\r\nAuthorization: valid-key\r\n", "valid-key", KEY_BEARER);
}

static void test_open_access(void **state)
{
    (void)state;
    load("open-access: true\n");
    struct key_check k = check("", "");
    assert_true(k.err == OK && !k.key && k.form == KEY_NONE);
    k = check("", "Authorization: Bearer whatever\r\n");
    assert_true(k.err == OK && !k.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),       cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_order),       cmocka_unit_test(test_trimming),
        cmocka_unit_test(test_long_keys),   cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_open_access),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* Origins: URLs, proxies, the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/origin.h"
#include "http/proxy_url.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void assert_str(str s, const char *text)
{
    if (!str_eq(s, str_c(text)))
        fail_msg("\"%.*s\" instead of \"%s\"", STR_FMT(s), text);
}

static const struct http_origin *get(const char *url, const char *proxy, str *path)
{
    struct fail f = {0};
    str nowhere;
    const struct http_origin *o =
        http_origin_intern(str_c(url), str_c(proxy), S(""), path ? path : &nowhere, &f);
    if (!o)
        fail_msg("%s: %s", url, f.text);
    return o;
}

static void assert_refused(const char *url, const char *proxy, const char *why)
{
    struct fail f = {0};
    str path;
    if (http_origin_intern(str_c(url), str_c(proxy), S(""), &path, &f))
        fail_msg("%s through %s was taken", url, proxy);
    assert_int_equal(f.code, ERR_CONFIG);
    if (!strstr(f.text, why))
        fail_msg("%s: %s", url, f.text);
    assert_null(strstr(f.text, "secret"));
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *header, *label, *path;
        unsigned port;
        bool tls;
    } cases[] = {
        {"https://api.example.com/v1", "api.example.com", "api.example.com",
         "https://api.example.com:443", "/v1", 443, true},
        {"HTTPS://API.Example.com:8443/v1/", "api.example.com", "api.example.com:8443",
         "https://api.example.com:8443", "/v1", 8443, true},
        {" http://localhost ", "localhost", "localhost", "http://localhost:80", "", 80, false},
        {"http://localhost:/", "localhost", "localhost", "http://localhost:80", "", 80, false},
        {"http://127.0.0.1:443/a//", "127.0.0.1", "127.0.0.1:443", "http://127.0.0.1:443", "/a/",
         443, false},
        {"https://[::1]:9/x", "::1", "[::1]:9", "https://[::1]:9", "/x", 9, true},
        {"https://[2001:DB8::1]", "2001:db8::1", "[2001:db8::1]", "https://[2001:db8::1]:443", "",
         443, true},
    };
    for (size_t i = 0; i < N(cases); i++) {
        str path;
        const struct http_origin *o = get(cases[i].url, "direct", &path);
        assert_str(o->host, cases[i].host);
        assert_str(o->host_header, cases[i].header);
        assert_str(o->label, cases[i].label);
        assert_str(path, cases[i].path);
        assert_int_equal(o->port, cases[i].port);
        assert_int_equal(o->tls, cases[i].tls);
        assert_int_equal(o->proxy.kind, PROXY_NONE);
    }
}

static void test_bad_urls(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "scheme"},
        {"api.example.com/v1", "scheme"},
        {"ftp://h/", "http:// or https://"},
        {"https://", "host"},
        {"https:///v1", "host"},
        {"https://me:secret@h/", "user info"},
        {"https://h/v1?key=secret", "query"},
        {"https://h#x", "query or fragment"},
        {"https://h:0/", "port"},
        {"https://h:65536/", "port"},
        {"https://h:12x/", "port"},
        {"https://[::1/", "host"},
        {"https://[::1]x/", "host"},
        {"https://[nope]/", "host"},
        {"https://::1/", "host"},
        {"https://a b/", "host"},
        {"https://h%00/", "host"},
        {"https://-h/", "host"},
        {"https://h/a b", "percent-encoded"},
        {"https://h/a\r\nX: y", "percent-encoded"},
        {"https://h\r\nX:y/", "host"},
    };
    for (size_t i = 0; i < N(cases); i++)
        assert_refused(cases[i][0], "direct", cases[i][1]);
}

static void test_interned(void **state)
{
    (void)state;
    const struct http_origin *a = get("https://same.example/v1", "direct", NULL);
    unsigned count = http_origin_count();
    assert_ptr_equal(get("https://SAME.example:443/v2", "none", NULL), a);
    assert_int_equal(http_origin_count(), count);
    const struct http_origin *b = get("https://same.example", "http://p:1", NULL);
    assert_ptr_not_equal(a, b);
    assert_ptr_not_equal(b, get("https://same.example", "http://u:v@p:1", NULL));
    assert_ptr_not_equal(a, get("http://same.example:443", "direct", NULL));
    assert_int_equal(http_origin_count(), count + 3);
    assert_int_equal(b->id, count);
    struct fail f = {0};
    str path;
    assert_null(http_origin_intern(S("https://same.example"), S("direct"), S("/nowhere/ca.pem"),
                                   &path, &f));
    assert_non_null(strstr(f.text, "/nowhere/ca.pem"));
}

static void test_proxies(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *user, *password, *label;
        enum proxy_kind kind;
        unsigned port;
    } cases[] = {
        {"http://Proxy", "proxy", "", "", "http://proxy:80", PROXY_HTTP, 80},
        {"https://proxy/", "proxy", "", "", "https://proxy:443", PROXY_HTTPS, 443},
        {"socks5://u:p@[::1]", "::1", "u", "p", "socks5://[::1]:1080", PROXY_SOCKS5, 1080},
        {"socks5h://u%40x:p%3Aw@h:9", "h", "u@x", "p:w", "socks5h://h:9", PROXY_SOCKS5H, 9},
        {"http://only@h:9", "h", "only", "", "http://h:9", PROXY_HTTP, 9},
        {"http://u:p@ss@h:9", "h", "u", "p@ss", "http://h:9", PROXY_HTTP, 9},
    };
    for (size_t i = 0; i < N(cases); i++) {
        char label[64];
        const struct proxy *p = &get("https://x.example", cases[i].url, NULL)->proxy;
        assert_int_equal(p->kind, cases[i].kind);
        assert_int_equal(p->port, cases[i].port);
        assert_str(p->host, cases[i].host);
        assert_str(p->user, cases[i].user);
        assert_str(p->password, cases[i].password);
        assert_int_equal(proxy_label(p, label, sizeof label), strlen(cases[i].label));
        assert_string_equal(label, cases[i].label);
    }
    assert_refused("https://h", "ftp://u:secret@h", "socks5h");
    assert_refused("https://h", "h:8080", "not valid");
    assert_refused("https://h", "http://u:secret@", "not valid");
    char long_login[400] = "socks5://";
    memset(long_login + 9, 'u', 300);
    strcpy(long_login + 309, ":x@h");
    assert_refused("https://h", long_login, "255");
}

static void clear_environment(void)
{
    static const char *const names[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                        "ALL_PROXY",  "all_proxy",  "NO_PROXY",    "no_proxy"};
    for (size_t i = 0; i < N(names); i++)
        unsetenv(names[i]);
}

static unsigned env_port(const char *url)
{
    return get(url, "", NULL)->proxy.port;
}

static void test_environment(void **state)
{
    (void)state;
    clear_environment();
    assert_int_equal(env_port("https://h"), 0);
    setenv("ALL_PROXY", "socks5h://p:1", 1);
    assert_int_equal(env_port("https://h"), 1);
    setenv("HTTPS_PROXY", "p:2", 1);
    setenv("http_proxy", "http://p:3", 1);
    assert_int_equal(env_port("https://h"), 2);
    assert_int_equal(get("https://h", "", NULL)->proxy.kind, PROXY_HTTP);
    assert_int_equal(env_port("http://h"), 3);
    /* What the configuration says comes first; the machine itself needs no proxy. */
    assert_int_equal(get("http://h", "direct", NULL)->proxy.port, 0);
    assert_int_equal(get("http://h", "http://q:4", NULL)->proxy.port, 4);
    assert_int_equal(env_port("https://localhost"), 0);
    assert_int_equal(env_port("https://127.0.0.1:9"), 0);
    assert_int_equal(env_port("https://[::1]"), 0);
    setenv("NO_PROXY", "x.example, h", 1);
    assert_int_equal(env_port("https://h"), 0);
    assert_int_equal(env_port("https://hh"), 2);
    setenv("HTTPS_PROXY", "ftp://u:secret@p:2", 1);
    assert_refused("https://other", "", "environment");
    clear_environment();
}

static void test_no_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *list, *host;
        bool match;
    } cases[] = {
        {"", "h", false},
        {"*", "h", true},
        {"example.com", "example.com", true},
        {"Example.com", "api.EXAMPLE.com", true},
        {"example.com", "badexample.com", false},
        {".example.com", "example.com", false},
        {".example.com", "api.example.com", true},
        {"*.example.com", "api.example.com", true},
        {"a, ,b ,c", "b", true},
        {"b:443", "b", true},
        {"b:80", "b", false},
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.10", false},
        {"10.0.0.0/8", "10.200.3.4", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.128.0.0/9", "10.127.0.1", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"10.0.0.0/33", "10.0.0.0", false},
        {"10.0.0.0/8", "ten.example", false},
        {"::1", "::1", true},
        {"[::1]:443", "::1", true},
        {"[::1]:80", "::1", false},
        {"fd00::/8", "fd12::9", true},
        {"fd00::/8", "fe80::9", false},
        {"1.0.0.1/32", "1.0.0.1", true},
    };
    for (size_t i = 0; i < N(cases); i++) {
        if (no_proxy_match(str_c(cases[i].list), str_c(cases[i].host), 443) != cases[i].match)
            fail_msg("NO_PROXY=%s and %s", cases[i].list, cases[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),     cmocka_unit_test(test_bad_urls),
        cmocka_unit_test(test_interned), cmocka_unit_test(test_proxies),
        cmocka_unit_test(test_no_proxy), cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* http/multipart.h: the field is found wherever the body is cut, and nothing else taken for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/multipart.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct multipart m;

/* Feeds the body cut at first, then every step bytes, from copies of exactly their size. */
static void feed(str body, size_t first, size_t step)
{
    assert_true(multipart_init(&m, S("multipart/form-data; boundary=XX"), S("model")));
    for (size_t at = 0, n = first; at < body.n; at += n, n = step) {
        n = n < body.n - at ? n : body.n - at;
        char *copy = malloc(n ? n : 1);
        memcpy(copy, body.p + at, n);
        multipart_feed(&m, str_of(copy, n));
        free(copy);
    }
}

#define PART(name) "Content-Disposition: form-data; name=" name "\r\n\r\n"

enum { FOUND = 1, TWICE = 2, BAD = 4, OVER = 8 };

static int flags(void)
{
    return (m.found ? FOUND : 0) | (m.twice ? TWICE : 0) | (m.bad ? BAD : 0) | (m.over ? OVER : 0);
}

/* The same at every cut. The value, once found, stands at value_at. */
static void gives(str body, int want, const char *value)
{
    for (size_t first = 0; first <= body.n; first++) {
        for (size_t step = 1; step < 4; step++) {
            feed(body, first, step == 3 ? body.n : step);
            if (flags() != want)
                fail_msg("%.*s\ncut at %zu, then %zu: %d", STR_FMT(body), first, step, flags());
            if (want & FOUND) {
                assert_true(str_eq(buf_str(&m.value), str_c(value)));
                assert_true(str_eq(str_head(str_from(body, m.value_at), m.value.n), str_c(value)));
            }
            multipart_fini(&m);
        }
    }
}

static void test_order(void **state)
{
    (void)state;
    gives(
        S("--XX\r\n" PART("model") "m-1\r\n--XX\r\n" PART("file; filename=a") "data\r\n--XX--\r\n"),
        FOUND | OVER, "m-1");
    gives(S("--XX\r\n" PART("file; filename=a") "data\r\n--XX\r\n" PART(
              "\"model\"") "m-1\r\n--XX--\r\n"),
          FOUND | OVER, "m-1");
    gives(S("--XX\r\n" PART("a") "1\r\n--XX\r\n" PART("model") "m\r\n--XX\r\n" PART(
              "b") "2\r\n--XX--"),
          FOUND | OVER, "m");
    gives(S("--XX\r\n" PART("file") "data\r\n--XX--\r\n"), OVER, "");
    gives(S("--XX--\r\n"), OVER, "");
    gives(S(""), 0, "");
}

static void test_twice(void **state)
{
    (void)state;
    gives(S("--XX\r\n" PART("model") "a\r\n--XX\r\n" PART("model") "b\r\n--XX--\r\n"),
          FOUND | TWICE | OVER, "a");
    gives(S("--XX\r\n" PART("model") "a\r\n--XX\r\n" PART("x") "b\r\n--XX\r\n" PART("model")),
          FOUND | TWICE, "a");
}

static void test_not_yet(void **state)
{
    (void)state;
    gives(S("--XX\r\n" PART("model") "m-1"), 0, "");
    gives(S("--XX\r\n" PART("model") "m-1\r\n--X"), 0, "");
    gives(S("--XX\r\n" PART("model") "m-1\r\n--XX"), FOUND, "m-1");
    gives(S("--XX\r\nContent-Disposition: form-data; name=mo"), 0, "");
}

/* What nearly is a delimiter is content. */
static void test_look_alikes(void **state)
{
    (void)state;
    gives(S("--XX\r\n" PART("model") "a\r\n--XY\r\n--X\r\nb\r\n--XX--"), FOUND | OVER,
          "a\r\n--XY\r\n--X\r\nb");
    gives(S("--XX\r\n" PART("model") "\r\r\n\r\n-\r\r\n--XX--"), FOUND | OVER, "\r\r\n\r\n-\r");
    gives(S("--XX\r\n" PART("model") "a--XX\n--XXb\r\n--XX--"), FOUND | OVER, "a--XX\n--XXb");
    gives(S("--XX\r\n" PART("model") "a\r\n\r\n--XX--"), FOUND | OVER, "a\r\n");
    gives(S("--XX\r\n" PART("model") "\r\n--XX--"), FOUND | OVER, ""); /* empty */
    gives(S("--XX\r\n" PART("f") "a\r\n--XY\r\r\n--XX\r\n" PART("model") "m\r\n--XX--"),
          FOUND | OVER, "m");
    /* The file says that it is a model. */
    gives(S("--XX\r\n" PART("f") PART("model") "x\r\n--XY\r\n" PART("model") "y\r\n--XX--"), OVER,
          "");
}

static void test_around(void **state)
{
    (void)state;
    gives(S("preamble\r\n--XX\r\n" PART("model") "m\r\n--XX--\r\nepilogue"), FOUND | OVER, "m");
    gives(S("\r\n--XX\r\n" PART("model") "m\r\n--XX--"), FOUND | OVER, "m");
    /* Padding behind a delimiter (RFC 2046 5.1.1). */
    gives(S("--XX \t\r\n" PART("model") "m\r\n--XX  \r\n" PART("a") "\r\n--XX--"), FOUND | OVER,
          "m");
    gives(S("--XX\r\n" PART("model") "m\r\n--XX--\r\n--XY\r\n\r\n"), FOUND | OVER, "m");
}

static void test_malformed(void **state)
{
    (void)state;
    gives(S("--XX\r\n" PART("model") "m\r\n--XXfoo\r\n"), FOUND | BAD, "m");
    gives(S("--XX\n" PART("model") "m\r\n--XX--"), BAD, "");
    gives(S("--XX-\r\n"), BAD, "");
    gives(S("--XX\rX"), BAD, "");
    /* Parts behind the end: some readers would go on. */
    gives(S("--XX\r\n" PART("model") "m\r\n--XX--\r\n--XX\r\n" PART("model") "n\r\n--XX--"),
          FOUND | BAD | OVER, "m");
    gives(S("--XX\r\n" PART("a") "\r\n--XX--\r\n--XX\r\n" PART("model") "m\r\n--XX--"), BAD | OVER,
          "");
}

/* Part heads whose name depends on who reads it. */
static void test_ambiguous_names(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "Content-Disposition: form-data; name=file\r\nContent-Disposition: form-data; name=model",
        "Content-Disposition: form-data; name=model\r\nContent-Disposition: form-data; name=file",
        "Content-Disposition: form-data; name=file; name=model",
        "Content-Disposition: form-data; name=model; name=file",
        "Content-Disposition: form-data; name=file; name*=utf-8''model",
        "Content-Disposition: form-data;\r\n name=model",
        "Content-Disposition: form-data;\r\n\tname=model",
        "Content-Disposition: form-data; name=\"mo\\del\"",
        "Content-Disposition: form-data; name=\"model",
        "Content-Disposition: form-data; name=mo\"del\"",
    };
    char body[400];
    for (size_t i = 0; i < N(heads); i++) {
        int n = snprintf(body, sizeof body, "--XX\r\n%s\r\n\r\nm\r\n--XX--", heads[i]);
        feed(str_of(body, (size_t)n), 7, 3);
        if (!m.bad)
            fail_msg("taken: %s", heads[i]);
        multipart_fini(&m);
    }
}

static void test_part_heads(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "Content-Disposition: form-data; name=model",
        "content-disposition:form-data;NAME=\"model\"",
        "Content-Type: text/plain\r\nCONTENT-DISPOSITION: form-data; x=y; name = \"model\"",
        "Content-Disposition: form-data; filename=\"f\"; name=\"model\"\r\nX: y",
    };
    static const char *const no[] = {
        "Content-Disposition: form-data; name=Model", /* names have a case */
        "Content-Disposition: form-data; name=models",
        "Content-Disposition: form-data; name=\"\"",
        "Content-Disposition: form-data; filename=model",
        "Content-Disposition: form-data",
        "Content-Type: form-data; name=model",
        "X-Content-Disposition: form-data; name=model",
        "name=model",
    };
    char body[400];
    for (size_t i = 0; i < N(yes); i++) {
        snprintf(body, sizeof body, "--XX\r\n%s\r\n\r\nm\r\n--XX--", yes[i]);
        gives(str_c(body), FOUND | OVER, "m");
    }
    for (size_t i = 0; i < N(no); i++) {
        snprintf(body, sizeof body, "--XX\r\n%s\r\n\r\nm\r\n--XX--", no[i]);
        gives(str_c(body), OVER, "");
    }
    gives(S("--XX\r\n\r\nno head\r\n--XX\r\n" PART("model") "m\r\n--XX--"), FOUND | OVER, "m");
}

/* A separator inside quotes separates nothing (RFC 9110 5.6.4): clients name files as they like,
 * and a file's name must not choose the model. */
static void test_quoted_separators(void **state)
{
    (void)state;
    gives(S("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a; name=model; b\""
            "\r\n\r\nx\r\n--XX--"),
          OVER, "");
    gives(S("--XX\r\nContent-Disposition: form-data; filename=\"a; name=model; b\"; name=\"file\""
            "\r\n\r\nx\r\n--XX--"),
          OVER, "");
    gives(S("--XX\r\nContent-Disposition: form-data; filename=\"a\\\"; name=model; b\"; name=file"
            "\r\n\r\nx\r\n--XX--"),
          OVER, "");
    gives(S("--XX\r\nContent-Disposition: form-data; filename=\"a;b\"; name=\"model\""
            "\r\n\r\nm\r\n--XX--"),
          FOUND | OVER, "m");
}

static void init(const char *content_type, bool want, const char *boundary)
{
    if (multipart_init(&m, str_c(content_type), S("model")) != want)
        fail_msg("%s", content_type);
    if (want)
        assert_true(str_eq(str_of(m.delimiter + 4, m.delimiter_n - 4), str_c(boundary)));
    multipart_fini(&m);
}

static void test_content_types(void **state)
{
    (void)state;
    init("multipart/form-data; boundary=abc", true, "abc");
    init("Multipart/Form-Data ; charset=utf-8;  BOUNDARY=\"a b\"", true, "a b");
    init("multipart/form-data;boundary=\"a;b\"", true, "a;b");
    init("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", true,
         "----WebKitFormBoundary7MA4YWxkTrZu0gW");
    init("multipart/form-data; boundary="
         "1234567890123456789012345678901234567890123456789012345678901234567890",
         true, "1234567890123456789012345678901234567890123456789012345678901234567890");
    init("multipart/form-data; boundary="
         "12345678901234567890123456789012345678901234567890123456789012345678901",
         false, "");
    init("multipart/form-data", false, "");
    init("multipart/form-data; boundary=", false, "");
    init("multipart/form-data; boundary=\"\"", false, "");
    init("multipart/form-data; xboundary=a", false, "");
    init("multipart/form-data; boundary=a; boundary=b", false, "");
    init("multipart/form-data; boundary=\"a\\b\"", false, "");
    init("multipart/form-data; boundary=\"a", false, "");
    init("multipart/mixed; boundary=a", false, "");
    init("boundary=a", false, "");
    init("", false, "");
}

static void test_caps(void **state)
{
    (void)state;
    static char body[20000];
    int n = snprintf(body, sizeof body, "--XX\r\n" PART("model") "%1024d\r\n--XX--", 1);
    feed(str_of(body, (size_t)n), 10, 100);
    assert_int_equal(flags(), FOUND | OVER);
    assert_int_equal(m.value.n, MULTIPART_VALUE_MAX);
    multipart_fini(&m);
    n = snprintf(body, sizeof body, "--XX\r\n" PART("model") "%1025d\r\n--XX--", 1);
    feed(str_of(body, (size_t)n), 10, 100);
    assert_int_equal(flags(), BAD);
    multipart_fini(&m);
    n = snprintf(body, sizeof body, "--XX\r\nX: %8300d\r\n" PART("model") "m\r\n--XX--", 1);
    feed(str_of(body, (size_t)n), 10, 100);
    assert_int_equal(flags(), BAD);
    assert_true(m.head.cap <= MULTIPART_HEAD_MAX);
    multipart_fini(&m);
    /* Other parts are as long as they like. */
    n = snprintf(body, sizeof body,
                 "--XX\r\n" PART("a") "%15000d\r\n--XX\r\n" PART("model") "m\r\n--XX--", 1);
    feed(str_of(body, (size_t)n), 10, 100);
    assert_int_equal(flags(), FOUND | OVER);
    assert_int_equal(m.value_at, n - 9);
    multipart_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_not_yet),
        cmocka_unit_test(test_look_alikes),
        cmocka_unit_test(test_around),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_part_heads),
        cmocka_unit_test(test_quoted_separators),
        cmocka_unit_test(test_ambiguous_names),
        cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

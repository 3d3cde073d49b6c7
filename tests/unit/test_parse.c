/* http/parse.h: request heads, what could be read in two ways, chunked bodies, queries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/parse.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

enum { FIELDS = 100 };

static struct http_field fields[FIELDS];
static struct http_request rq;
static llhttp_t parser;
static struct fail f;

/* Of exactly its size, so that a byte read past its end is seen. Freed by the next call. */
static str exact(str s)
{
    static char *copy;
    free(copy);
    copy = malloc(s.n ? s.n : 1);
    memcpy(copy, s.p, s.n);
    return str_of(copy, s.n);
}

static enum err parse(str head)
{
    f = (struct fail){.code = OK};
    return http_parse_head(exact(head), &rq, fields, FIELDS, &parser, &f);
}

static void accepts(const char *head)
{
    if (parse(str_c(head)))
        fail_msg("%s\n%s", head, f.text);
}

static void refuses(str head)
{
    if (parse(head) != ERR_BAD_HTTP)
        fail_msg("taken: %.*s", STR_FMT(head));
    assert_int_equal(f.code, ERR_BAD_HTTP);
    assert_true(f.text[0]);
}

/* ---- Where a head ends. ---- */

static size_t end_at_split(str text, size_t first, size_t step)
{
    size_t from = 0, end = 0;
    for (size_t have = first; end == 0; have += step) {
        have = have < text.n ? have : text.n;
        char *copy = malloc(have ? have : 1);
        memcpy(copy, text.p, have);
        end = http_head_end(str_of(copy, have), &from);
        free(copy);
        assert_true(from <= have);
        if (have == text.n)
            break;
    }
    return end;
}

static void test_head_end(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t end;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n", 27},
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"GET / HTTP/1.1\n\n", 16},
        {"GET / HTTP/1.1\r\n\n", 17},
        {"GET / HTTP/1.1\n\r\n", 17},
        {"\n\n", 2},
        {"a\r\nb\r\n\r\r\n", 0},
        {"a\r\nb\r\n", 0},
        {"a\r\nb\r\n\r", 0},
        {"a\r\n\rb\n\r\n", 8},
        {"", 0},
    };
    for (size_t i = 0; i < N(rows); i++) {
        str text = str_c(rows[i].text);
        for (size_t first = 0; first <= text.n; first++) {
            for (size_t step = 1; step < 6; step++) {
                if (end_at_split(text, first, step) != rows[i].end)
                    fail_msg("row %zu, cut at %zu, then %zu", i, first, step);
            }
        }
    }
}

/* ---- Heads that are taken. ---- */

static void test_plain(void **state)
{
    (void)state;
    accepts("POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: example:8317\r\n"
            "Content-Type:application/json \t\r\nX-Empty:\r\nContent-Length: 12\r\n\r\n");
    assert_int_equal(rq.method, (llhttp_method_t)HTTP_POST);
    assert_true(str_eq(rq.method_name, S("POST")));
    assert_true(str_eq(rq.target, S("/v1/chat/completions?a=b")));
    assert_true(str_eq(rq.path, S("/v1/chat/completions")));
    assert_true(str_eq(rq.query, S("a=b")));
    assert_int_equal(rq.n_fields, 4);
    assert_true(str_eq(rq.fields[0].name, S("Host")));
    assert_true(str_eq(http_request_field(&rq, S("content-TYPE")), S("application/json")));
    assert_true(str_eq(http_request_field(&rq, S("x-empty")), S("")));
    assert_non_null(http_request_field(&rq, S("x-empty")).p);
    assert_null(http_request_field(&rq, S("x-none")).p);
    assert_int_equal(rq.content_length, 12);
    assert_true(rq.keep_alive && !rq.http10 && !rq.expect_continue);
}

static void test_framing(void **state)
{
    (void)state;
    accepts("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(rq.content_length, 0);
    accepts("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(rq.content_length, 0);
    accepts("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n");
    assert_true(rq.content_length == INT64_MAX);
    /* More than that is still more than any limit. */
    accepts("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n");
    assert_true(rq.content_length == INT64_MAX);
    accepts("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_int_equal(rq.content_length, -1);
    accepts("POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding:\tChunked \r\n\r\n");
    assert_int_equal(rq.content_length, -1);
    accepts("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n");
    assert_true(rq.expect_continue);
}

static void test_persistence(void **state)
{
    (void)state;
    static const struct {
        const char *version, *connection;
        bool keep;
    } rows[] = {
        {"1.1", "X: y", true},
        {"1.1", "Connection: close", false},
        {"1.1", "Connection: keep-alive", true},
        {"1.1", "Connection: Close, Foo", false},
        {"1.1", "Connection: foo\r\nConnection: CLOSE", false},
        {"1.0", "X: y", false},
        {"1.0", "Connection: keep-alive", true},
        {"1.0", "Connection: close", false},
    };
    for (size_t i = 0; i < N(rows); i++) {
        char head[200];
        snprintf(head, sizeof head, "GET / HTTP/%s\r\nHost: a\r\n%s\r\n\r\n", rows[i].version,
                 rows[i].connection);
        accepts(head);
        if (rq.keep_alive != rows[i].keep)
            fail_msg("%s", head);
        assert_int_equal(rq.http10, rows[i].version[2] == '0');
    }
    accepts("GET / HTTP/1.0\r\n\r\n"); /* without a Host, and an Expect nobody may answer */
    accepts("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n");
    assert_false(rq.expect_continue);
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path, *query;
    } rows[] = {
        {"GET /a/b?c=d?e#", "/a/b", "c=d?e#"},
        {"GET /?", "/", ""},
        {"GET //x", "//x", ""},
        {"GET http://h/a?b", "/a", "b"},
        {"GET HTTPS://h:1/a%20b", "/a%20b", ""},
        {"GET http://h", "/", ""},
        {"GET http://h?key=a/b", "/", "key=a/b"}, /* the path is not in the query */
        {"OPTIONS *", "*", ""},
        {"OPTIONS /x", "/x", ""},
    };
    for (size_t i = 0; i < N(rows); i++) {
        char head[200];
        snprintf(head, sizeof head, "%s HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].line);
        accepts(head);
        if (!str_eq(rq.path, str_c(rows[i].path)) || !str_eq(rq.query, str_c(rows[i].query)))
            fail_msg("%s: %.*s ? %.*s", rows[i].line, STR_FMT(rq.path), STR_FMT(rq.query));
    }
    refuses(S("GET * HTTP/1.1\r\nHost: a\r\n\r\n"));
    refuses(S("GET http://h#/a HTTP/1.1\r\nHost: a\r\n\r\n"));
    refuses(S("GET foo HTTP/1.1\r\nHost: a\r\n\r\n"));
    refuses(S("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"));
    refuses(S("GET ftp://h/a HTTP/1.1\r\nHost: a\r\n\r\n"));
    refuses(S("GET  HTTP/1.1\r\nHost: a\r\n\r\n"));
}

/* An upgrade is not followed: it is a request like any, with its body framed as ever. */
static void test_upgrade(void **state)
{
    (void)state;
    accepts("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            "HTTP2-Settings: AAMAAABk\r\n\r\n");
    assert_int_equal(rq.content_length, 0);
    assert_true(rq.keep_alive);
    accepts("POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            "Content-Length: 3\r\n\r\n");
    assert_int_equal(rq.content_length, 3);
}

/* ---- Heads that are refused: what two parsers could read differently (RFC 9112 11.2). ---- */

#define WITH(field) S("POST / HTTP/1.1\r\nHost: a\r\n" field "\r\n\r\n")

static void test_smuggling(void **state)
{
    (void)state;
    const str heads[] = {
        WITH("Content-Length: 3\r\nTransfer-Encoding: chunked"),
        WITH("Transfer-Encoding: chunked\r\nContent-Length: 3"),
        WITH("Content-Length: 3\r\nContent-Length: 3"),
        WITH("Content-Length: 3\r\nContent-Length: 4"),
        WITH("Content-Length: 3, 3"),
        WITH("Content-Length: +3"),
        WITH("Content-Length: -3"),
        WITH("Content-Length: 0x3"),
        WITH("Content-Length: 3 4"),
        WITH("Content-Length: 3.0"),
        WITH("Content-Length: \x0b"
             "3"),
        WITH("Content-Length:"),
        WITH("Content-Length: 18446744073709551616"),
        WITH("Content-Length : 3"),
        WITH("Transfer-Encoding : chunked"),
        WITH("Transfer-Encoding: xchunked"),
        WITH("Transfer-Encoding: chunkedx"),
        WITH("Transfer-Encoding: \x0b"
             "chunked"),
        WITH("Transfer-Encoding: chunked, identity"),
        WITH("Transfer-Encoding: chunked, chunked"),
        WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        WITH("Transfer-Encoding: gzip, chunked"),
        WITH("Transfer-Encoding: chunked\t"), /* llhttp does not see chunks there */
        WITH("Transfer-Encoding: identity"),
        WITH("Transfer-Encoding: gzip"),
        WITH("Transfer-Encoding: \"chunked\""),
        WITH("Transfer-Encoding:"),
        WITH("X: a\r\n b"), /* obs-fold */
        WITH("X: a\r\n\tContent-Length: 3"),
        WITH(" Content-Length: 3"), /* folds into the line before */
        WITH("X: a\nY: b"),         /* bare LF */
        WITH("X: a\rY: b"),         /* bare CR */
        WITH("X: a\r\r\nY: b"),
        WITH("X: a\0b"),
        WITH("X\0: a"),
        WITH("X Y: a"),
        WITH(": a"),
        WITH("X"),
        WITH("X\x80: a"),
        WITH("X: a\x01"),
        S("POST / HTTP/1.1\nHost: a\n\n"),
        S("POST / HTTP/1.1\r\nHost: a\r\n\n"),
        S("POST / HTTP/1.1\r\nHost: a\n\r\n"),
        S("POST / HTTP/1.1\r\n\r\n"),                       /* no Host */
        S("POST / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), /* two */
        S("POST / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
        S("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), /* RFC 9112 6.1 */
        S("POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"),
        S("POST / HTTP/0.9\r\nHost: a\r\n\r\n"),
        S("POST / HTTP/2.0\r\nHost: a\r\n\r\n"),
        S("POST / HTTP/1.2\r\nHost: a\r\n\r\n"),
        S("POST / http/1.1\r\nHost: a\r\n\r\n"),
        S("POST / HTTP/1.10\r\nHost: a\r\n\r\n"),
        S("POST / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        S("POST /\r\n\r\n"),
        S("POST\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        S("POST /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        S("POST /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
        S("POST /a\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
        S("POST /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
        S("post / HTTP/1.1\r\nHost: a\r\n\r\n"),
        S("FOO / HTTP/1.1\r\nHost: a\r\n\r\n"),
        S("PRI * HTTP/2.0\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nHost: a\r\n\r\n"),
        S("\x16\x03\x01\x02\n\r\n"),
        S("\n\n"),
        S("\r\n\r\n"),
        S(""),
    };
    unsigned taken = 0;
    for (size_t i = 0; i < N(heads); i++) {
        if (parse(heads[i]) != ERR_BAD_HTTP && ++taken)
            print_error("taken: %.*s\n", STR_FMT(heads[i]));
        else
            assert_true(f.text[0]);
    }
    assert_int_equal(taken, 0);
}

/* Bytes above 0x7f may stand in a value (obs-text); a name for a file is often written so. */
static void test_high_bytes(void **state)
{
    (void)state;
    accepts("GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\r\n\r\n");
    assert_true(str_eq(http_request_field(&rq, S("x")), S("\xc3\xa4")));
}

static void test_too_many_fields(void **state)
{
    (void)state;
    char head[4000] = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < FIELDS; i++)
        strcat(head, "X: y\r\n");
    size_t n = strlen(head);
    strcat(head, "\r\n");
    assert_int_equal(parse(str_c(head)), OK);
    assert_int_equal(rq.n_fields, FIELDS);
    strcpy(head + n, "X: y\r\n\r\n");
    assert_int_equal(parse(str_c(head)), ERR_HEAD_TOO_LARGE);
    assert_non_null(strstr(f.text, "100"));
}

static void test_lists(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    accepts("GET / HTTP/1.1\r\nHost: a\r\nB: 1 \r\nC: x\r\nb: 2,3\r\nB:\r\n\r\n");
    assert_true(str_eq(http_request_list(&rq, S("b"), &a), S("1, 2,3, ")));
    assert_true(str_eq(http_request_list(&rq, S("c"), &a), S("x")));
    assert_null(http_request_list(&rq, S("d"), &a).p);
    assert_true(str_eq(http_request_field(&rq, S("b")), S("1"))); /* the first */
    arena_fini(&a);
}

/* ---- Chunked bodies. ---- */

struct run {
    enum err err;
    bool done;
    size_t used;
    struct buf body;
};

static void on_body(void *arg, str bytes)
{
    buf_put(arg, bytes);
}

/* Feeds the text cut at first, then every step bytes. */
static void feed(struct run *r, str text, size_t first, size_t step)
{
    *r = (struct run){.err = OK};
    buf_init(&r->body, 1 << 24);
    accepts("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    struct http_chunks c = {.parser = parser, .body = on_body, .arg = &r->body};
    for (size_t at = 0, n = first; at < text.n && !r->err && !c.done; at += n, n = step) {
        size_t used = SIZE_MAX;
        n = n < text.n - at ? n : text.n - at;
        char *copy = malloc(n ? n : 1);
        memcpy(copy, text.p + at, n);
        f = (struct fail){.code = OK};
        r->err = http_chunks_feed(&c, str_of(copy, n), &used, &f);
        free(copy);
        assert_true(r->err ? f.text[0] != 0 : used <= n);
        if (!r->err)
            r->used += used;
    }
    r->done = c.done;
}

static void chunks(str text, enum err err, bool done, size_t used, const char *body)
{
    for (size_t first = 0; first <= text.n; first++) {
        for (size_t step = 1; step < 4; step++) {
            struct run r;
            feed(&r, text, first, step == 3 ? text.n : step);
            if (r.err != err || r.done != done || (!err && r.used != used) ||
                (!err && !str_eq(buf_str(&r.body), str_c(body))))
                fail_msg("%.*s, cut at %zu, then %zu: %s", STR_FMT(text), first, step, f.text);
            buf_fini(&r.body);
        }
    }
}

static void test_chunks(void **state)
{
    (void)state;
    chunks(S("0\r\n\r\n"), OK, true, 5, "");
    chunks(S("3\r\nabc\r\n0\r\n\r\n"), OK, true, 13, "abc");
    chunks(S("3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n"), OK, true, 13, "abc");
    chunks(S("3\r\nabc\r\n0\r\n\r\n\r\n"), OK, true, 13, "abc");
    chunks(S("A\r\n0123456789\r\n00a\r\nabcdefghij\r\n0\r\n\r\n"), OK, true, 37,
           "0123456789abcdefghij");
    chunks(S("3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n"), OK, true, 25, "abc");
    chunks(S("3\r\n\r\n0\r\n0\r\n\r\n"), OK, true, 13, "\r\n0"); /* data that looks like framing */
    chunks(S("1\r\na\r\n0\r\nTrailer: x\r\nMore: y\r\n\r\nrest"), OK, true, 32, "a");
    chunks(S("3\r\nabc\r\n0\r\n"), OK, false, 11, "abc"); /* more is to come */
    chunks(S("3\r\nab"), OK, false, 5, "ab");
}

static void test_bad_chunks(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "x\r\n",
        "\r\n\r\n",
        "-1\r\n",
        "+3\r\nabc\r\n",
        "0x3\r\nabc\r\n",
        "3\nabc\r\n",
        "3\r\nabcd\r\n",
        "3\r\nabc0\r\n\r\n",
        "3 4\r\nabc\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "10000000000000000\r\n",
        "fffffffffffffffff\r\n",
        " 3\r\nabc\r\n",
        "3\rabc\r\n",
        "0\r\nX: a\nY: b\r\n\r\n",
        "0\r\nX: a\r\n b\r\n\r\n",
        "3;\na\r\nabc\r\n",
        "0\r\n\rX",
        "0\n\n",
        "3\r\nabc\r\n0\r\n X: y\r\n\r\n",
        "0\r\nX Y: a\r\n\r\n",
    };
    unsigned taken = 0;
    for (size_t i = 0; i < N(texts); i++) {
        str text = str_c(texts[i]);
        for (size_t first = 0; first <= text.n; first++) {
            struct run r;
            feed(&r, text, first, 1);
            if (!r.err && first == 0 && ++taken)
                print_error("taken: %s (%s)\n", texts[i], r.done ? "done" : "waiting");
            else if (first)
                assert_int_equal(r.err, taken ? r.err : ERR_BAD_HTTP);
            buf_fini(&r.body);
        }
    }
    assert_int_equal(taken, 0);
}

/* Bytes that carry nothing are bounded, however the payload is cut. */
static void test_overhead(void **state)
{
    (void)state;
    enum { CHUNKS = 20000 };
    struct buf text;
    struct run r;
    buf_init(&text, 1 << 24);
    for (int i = 0; i < CHUNKS; i++)
        buf_lit(&text, "1\r\na\r\n"); /* one byte each: wasteful, and honest */
    buf_lit(&text, "0\r\n\r\n");
    feed(&r, buf_str(&text), 7, 7);
    assert_int_equal(r.err, OK);
    assert_true(r.done);
    assert_int_equal(r.body.n, CHUNKS);
    buf_fini(&r.body);

    buf_clear(&text);
    buf_lit(&text, "1;a");
    while (text.n < 15 * 1024)
        buf_lit(&text, "padding");
    buf_lit(&text, "\r\na\r\n0\r\n\r\n");
    feed(&r, buf_str(&text), 0, 100);
    assert_true(r.err == OK && r.done);
    buf_fini(&r.body);

    static const char *const floods[] = {"1;", "0\r\nX: ", "00000000000000000000", "0\r\n"};
    static const char *const drops[] = {"padding;", "padding", "0000000000", "X: padding\r\n"};
    for (size_t i = 0; i < N(floods); i++) {
        buf_clear(&text);
        buf_put(&text, str_c(floods[i]));
        while (text.n < 64 * 1024)
            buf_put(&text, str_c(drops[i]));
        for (size_t step = 1; step < 5000; step = step * 7 + 1) {
            feed(&r, buf_str(&text), 0, step);
            assert_int_equal(r.err, ERR_BAD_HTTP);
            assert_true(r.used < 32 * 1024);
            buf_fini(&r.body);
        }
    }
    buf_fini(&text);
}

/* ---- Queries. ---- */

static void query(const char *text, const char *name, const char *want)
{
    str got = http_query_get(str_c(text), str_c(name));
    if (!want != !got.p || !str_eq(got, str_c(want)))
        fail_msg("%s of %s: %.*s", name, text, STR_FMT(got));
}

static void test_queries(void **state)
{
    (void)state;
    query("key=a", "key", "a");
    query("a=b&key=c&d", "key", "c");
    query("key=a&key=b", "key", "a");
    query("key=", "key", "");
    query("key", "key", "");
    query("key=a=b", "key", "a=b");
    query("key=a%20b", "key", "a%20b");
    query("keys=a&xkey=b", "key", NULL);
    query("Key=a", "key", NULL);
    query("", "key", NULL);
    query("&&key=x&", "key", "x");
    query("a&&", "key", NULL);
    assert_null(http_query_get((str){NULL, 0}, S("key")).p);
}

static void decodes(str s, bool plus, str want)
{
    char *out = malloc(s.n ? s.n : 1);
    size_t n = http_percent_decode(exact(s), plus, out);
    if (!str_eq(str_of(out, n), want))
        fail_msg("%.*s -> %.*s", STR_FMT(s), (int)n, out);
    free(out);
}

static void test_percent(void **state)
{
    (void)state;
    decodes(S(""), true, S(""));
    decodes(S("a%20b%2F%2f"), false, S("a b//"));
    decodes(S("a+b"), true, S("a b"));
    decodes(S("a+b"), false, S("a+b"));
    decodes(S("%2B"), true, S("+"));
    decodes(S("%"), true, S("%"));
    decodes(S("%4"), true, S("%4"));
    decodes(S("%4x%x4"), true, S("%4x%x4"));
    decodes(S("%%41"), true, S("%A"));
    decodes(S("%2541"), true, S("%41")); /* once, not twice */
    decodes(S("%00%ff%FF"), true, S("\0\xff\xff"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_end),        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_framing),         cmocka_unit_test(test_persistence),
        cmocka_unit_test(test_targets),         cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_smuggling),       cmocka_unit_test(test_high_bytes),
        cmocka_unit_test(test_too_many_fields), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_chunks),          cmocka_unit_test(test_bad_chunks),
        cmocka_unit_test(test_overhead),        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The reader of answers: each vector whole, at every split in two, and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/reader.h"

#define N(a)    (sizeof(a) / sizeof((a)[0]))
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

enum outcome { ENDS, OPEN, FAILS }; /* OPEN: wants more; what eof means is in err */

struct vector {
    const char *why, *in, *body;
    enum outcome outcome;
    enum err err;
    size_t left; /* bytes not used */
    bool keep_alive, head_only;
};

static const struct vector vectors[] = {
    {"a length", OK_HEAD "Content-Length: 3\r\n\r\nabc", "abc", ENDS, OK, 0, true, false},
    {"a length of 0", OK_HEAD "Content-Length: 0\r\n\r\n", "", ENDS, OK, 0, true, false},
    {"bytes behind it", OK_HEAD "Content-Length: 1\r\n\r\nabc", "a", ENDS, OK, 2, true, false},
    {"a body cut short", OK_HEAD "Content-Length: 9\r\n\r\nabc", "abc", OPEN, ERR_UP_CUT, 0, false,
     false},
    {"a head cut short", OK_HEAD "Content-Le", "", OPEN, ERR_UP_CLOSED, 0, false, false},
    {"until the close", OK_HEAD "\r\nabc", "abc", OPEN, OK, 0, false, false},
    {"chunks", CHUNKED "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\nX", "abc0123456789", ENDS, OK, 1,
     true, false},
    {"chunk extensions and trailers", CHUNKED "1;a=b;c=\"d e\"\r\nx\r\n0;z\r\nT: v\r\nU: w\r\n\r\n",
     "x", ENDS, OK, 0, true, false},
    {"no last chunk", CHUNKED "3\r\nabc\r\n", "abc", OPEN, ERR_UP_CUT, 0, false, false},
    {"a last chunk without its end", CHUNKED "3\r\nabc\r\n0\r\n", "abc", OPEN, ERR_UP_CUT, 0, false,
     false},
    {"HEAD", OK_HEAD "Content-Length: 9\r\n\r\n", "", ENDS, OK, 0, true, true},
    {"HEAD with chunks", CHUNKED, "", ENDS, OK, 0, true, true},
    {"304 has no body", "HTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n", "", ENDS, OK, 0, true,
     false},
    {"204 has no body", "HTTP/1.1 204 No\r\n\r\nX", "", ENDS, OK, 1, true, false},
    {"no reason phrase", "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na", "a", ENDS, OK, 0, true,
     false},
    {"1xx are skipped",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" OK_HEAD
     "Content-Length: 1\r\n\r\na",
     "a", ENDS, OK, 0, true, false},
    {"only 1xx", "HTTP/1.1 100 Continue\r\n\r\n", "", OPEN, ERR_UP_CLOSED, 0, false, false},
    {"close", OK_HEAD "Connection: close\r\nContent-Length: 1\r\n\r\na", "a", ENDS, OK, 0, false,
     false},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "a", ENDS, OK, 0, false, false},
    {"HTTP/1.0 keep-alive",
     "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", "a", ENDS, OK, 0,
     true, false},

    {"101", "HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "", FAILS,
     ERR_UP_PROTOCOL, 0, false, false},
    {"two lengths", OK_HEAD "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "", FAILS,
     ERR_UP_PROTOCOL, 0, false, false},
    {"a list of lengths", OK_HEAD "Content-Length: 1, 1\r\n\r\na", "", FAILS, ERR_UP_PROTOCOL, 0,
     false, false},
    {"a negative length", OK_HEAD "Content-Length: -1\r\n\r\na", "", FAILS, ERR_UP_PROTOCOL, 0,
     false, false},
    {"a length past 64 bits", OK_HEAD "Content-Length: 99999999999999999999\r\n\r\na", "", FAILS,
     ERR_UP_PROTOCOL, 0, false, false},
    {"a length past 63 bits", OK_HEAD "Content-Length: 9999999999999999999\r\n\r\na", "", FAILS,
     ERR_UP_PROTOCOL, 0, false, false},
    {"length and chunks", OK_HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na", "",
     FAILS, ERR_UP_PROTOCOL, 0, false, false},
    {"chunks and length", OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na", "",
     FAILS, ERR_UP_PROTOCOL, 0, false, false},
    {"another coding", OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n", "", FAILS,
     ERR_UP_PROTOCOL, 0, false, false},
    {"codings in two fields",
     OK_HEAD "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", "", FAILS,
     ERR_UP_PROTOCOL, 0, false, false},
    {"chunks under 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", FAILS,
     ERR_UP_PROTOCOL, 0, false, false},
    {"a bad chunk size", CHUNKED "3\r\nabc\r\nzz\r\n", "abc", FAILS, ERR_UP_PROTOCOL, 0, false,
     false},
    {"a chunk longer than it says", CHUNKED "3\r\nabcd\r\n", "abc", FAILS, ERR_UP_PROTOCOL, 0,
     false, false},
    {"a chunk size that overflows", CHUNKED "ffffffffffffffffff\r\n", "", FAILS, ERR_UP_PROTOCOL, 0,
     false, false},
    {"a bare LF", "HTTP/1.1 200 OK\nContent-Length: 1\n\na", "", FAILS, ERR_UP_PROTOCOL, 0, false,
     false},
    {"a folded line", OK_HEAD "X: a\r\n b\r\nContent-Length: 1\r\n\r\na", "", FAILS,
     ERR_UP_PROTOCOL, 0, false, false},
    {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", "", FAILS, ERR_UP_PROTOCOL, 0, false, false},
    {"something else", "SSH-2.0-x\r\n\r\n", "", FAILS, ERR_UP_PROTOCOL, 0, false, false},
};

struct run {
    char *body;
    size_t body_n, left;
    unsigned heads;
    enum http_reader_step last;
    struct fail fail;
    struct http_reader reader;
};

static struct http_reader_scratch scratch;

/* Steps through one piece; false when it is over. */
static bool feed(struct run *run, char *p, size_t n)
{
    for (;;) {
        str body = {NULL, 0};
        run->last = http_reader_next(&run->reader, &p, &n, &body, &run->fail);
        run->left = n;
        switch (run->last) {
        case READER_MORE: return true;
        case READER_HEAD: run->heads++; break;
        case READER_BODY:
            memcpy(run->body + run->body_n, body.p, body.n);
            run->body_n += body.n;
            break;
        case READER_END:
        case READER_FAILED: return false;
        }
    }
}

static void check(const struct vector *v, const struct run *run)
{
    enum outcome got = run->last == READER_END ? ENDS : run->last == READER_FAILED ? FAILS : OPEN;
    assert_int_equal(got, v->outcome);
    if (got == FAILS)
        assert_int_equal(run->fail.code, v->err);
    else
        assert_int_equal(http_reader_eof(&run->reader), v->err);
    assert_int_equal(run->body_n, strlen(v->body));
    assert_memory_equal(run->body, v->body, run->body_n);
    if (got == ENDS)
        assert_int_equal(http_reader_keep_alive(&run->reader), v->keep_alive);
}

/* cut: bytes of the first piece; step: of the others. Each piece is a copy of its exact size. */
static void run_vector(const struct vector *v, size_t cut, size_t step)
{
    size_t n = strlen(v->in), at = 0;
    struct run run = {.body = mem_new(n + 1)};
    bool more = true;
    http_reader_init(&run.reader, &scratch);
    http_reader_begin(&run.reader, v->head_only, 1024);
    while (more && at < n) {
        size_t piece = at == 0 ? cut : step;
        piece = piece > n - at ? n - at : piece;
        char *copy = mem_new(piece);
        memcpy(copy, v->in + at, piece);
        at += piece;
        more = feed(&run, copy, piece);
        mem_free(copy);
    }
    check(v, &run);
    if (v->outcome == ENDS)
        assert_int_equal(n - at + run.left, v->left);
    http_reader_fini(&run.reader);
    mem_free(run.body);
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(vectors); i++) {
        const struct vector *v = &vectors[i];
        size_t n = strlen(v->in);
        print_message("%s\n", v->why);
        run_vector(v, n, n);
        run_vector(v, 1, 1);
        for (size_t cut = 1; cut < n; cut++)
            run_vector(v, cut, n);
    }
}

static enum http_reader_step first_step(struct run *run, const char *in, size_t head_max)
{
    size_t n = strlen(in);
    char *copy = mem_new(n), *p = copy;
    str body;
    memcpy(copy, in, n);
    http_reader_init(&run->reader, &scratch);
    http_reader_begin(&run->reader, false, head_max);
    run->last = http_reader_next(&run->reader, &p, &n, &body, &run->fail);
    run->body = copy;
    return run->last;
}

static void test_head(void **state)
{
    (void)state;
    struct run run = {.body = NULL};
    const struct http_head *h = &scratch.head;
    assert_int_equal(first_step(&run,
                                "HTTP/1.1 429 Slow Down\r\nA:  x y \t\r\nEmpty:\r\n"
                                "retry-after: 7\r\nContent-Length: 12\r\n\r\n",
                                1024),
                     READER_HEAD);
    assert_int_equal(h->status, 429);
    assert_int_equal(h->n_fields, 4);
    assert_int_equal(h->content_length, 12);
    assert_true(str_eq(http_field_get(h->fields, h->n_fields, S("a")), S("x y")));
    assert_true(str_eq(http_field_get(h->fields, h->n_fields, S("Retry-After")), S("7")));
    str empty = http_field_get(h->fields, h->n_fields, S("empty"));
    assert_true(empty.p && empty.n == 0);
    mem_free(run.body);
}

static void test_limits(void **state)
{
    (void)state;
    struct run run = {.body = NULL};
    assert_int_equal(first_step(&run, CHUNKED, sizeof CHUNKED - 2), READER_FAILED);
    assert_int_equal(run.fail.code, ERR_UP_TOO_LARGE);
    mem_free(run.body);
    assert_int_equal(first_step(&run, CHUNKED, sizeof CHUNKED - 1), READER_HEAD);
    mem_free(run.body);
    /* A head that does not end. */
    assert_int_equal(first_step(&run, OK_HEAD "X: yyyyyyyyyyyyyyyyyyyyyyyyyy", 30), READER_FAILED);
    assert_int_equal(run.fail.code, ERR_UP_TOO_LARGE);
    mem_free(run.body);

    char many[4096] = OK_HEAD;
    for (int i = 0; i <= HTTP_FIELDS_MAX; i++)
        strcat(many, "X: y\r\n");
    strcat(many, "\r\n");
    assert_int_equal(first_step(&run, many, sizeof many), READER_FAILED);
    assert_int_equal(run.fail.code, ERR_UP_TOO_LARGE);
    mem_free(run.body);
}

/* Framing without payload is bounded: here trailers without end. */
static void test_framing_flood(void **state)
{
    (void)state;
    struct run run = {.body = NULL};
    char line[] = "T: 0123456789012345678901234567890123456789\r\n";
    char start[] = CHUNKED "0\r\n";
    char *p = start;
    size_t n = sizeof start - 1, sent = 0;
    str body;
    http_reader_init(&run.reader, &scratch);
    http_reader_begin(&run.reader, false, 1024);
    assert_int_equal(http_reader_next(&run.reader, &p, &n, &body, &run.fail), READER_HEAD);
    while (http_reader_next(&run.reader, &p, &n, &body, &run.fail) == READER_MORE) {
        p = line;
        n = sizeof line - 1;
        sent += n;
        assert_true(sent < 1 << 20);
    }
    assert_int_equal(run.fail.code, ERR_UP_PROTOCOL);
    http_reader_fini(&run.reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_framing_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* http/sse.h: frames, whatever the line ends and wherever the input is cut; fields; bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "http/sse.h"

/* Splits text fed in pieces of step bytes; frames go to out, each ended by '|', the rest by '~'. */
static void split(str text, size_t step, size_t first, struct buf *out)
{
    struct sse_splitter s;
    sse_splitter_init(&s, 1 << 20);
    size_t at = 0;
    while (at < text.n) {
        size_t n = at == 0 && first ? first : step;
        n = n < text.n - at ? n : text.n - at;
        /* A copy of exactly that size, gone before the next piece comes. */
        char *copy = malloc(n);
        memcpy(copy, text.p + at, n);
        str in = str_of(copy, n), frame;
        int got;
        while ((got = sse_next(&s, &in, &frame)) > 0) {
            assert_true(frame.n > 0);
            buf_put(out, frame);
            buf_put_char(out, '|');
        }
        assert_int_equal(got, 0);
        assert_int_equal(in.n, 0);
        assert_true(sse_rest(&s).n || s.carry.cap == 0);
        free(copy);
        at += n;
    }
    buf_put(out, sse_rest(&s));
    buf_put_char(out, '~');
    sse_splitter_fini(&s);
}

static void gives(const char *text, const char *want)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    str t = str_c(text);
    split(t, t.n + 1, 0, &b);
    if (!str_eq(buf_str(&b), str_c(want)))
        fail_msg("%s\ngave\n%s\nwanted\n%s", text, buf_c(&b), want);
    bool cr = strchr(text, '\r') != NULL;
    for (size_t first = 1; first < t.n; first++) {
        buf_clear(&b);
        split(t, t.n, first, &b);
        /* A cut in CRLF may put the LF into the next frame. */
        if (!cr && !str_eq(buf_str(&b), str_c(want)))
            fail_msg("cut at %zu gave\n%s\nwanted\n%s", first, buf_c(&b), want);
    }
    for (size_t step = 1; step < 4 && !cr; step++) {
        buf_clear(&b);
        split(t, step, 0, &b);
        assert_true(str_eq(buf_str(&b), str_c(want)));
    }
    buf_fini(&b);
}

static void test_frames(void **state)
{
    (void)state;
    gives("", "~");
    gives("data: a\n\n", "data: a\n\n|~");
    gives("data: a\n\ndata: b\n\n", "data: a\n\n|data: b\n\n|~");
    gives("data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\n\r\n|data: b\r\n\r\n|~");
    gives("data: a\r\rdata: b\r\r", "data: a\r\r|data: b\r\r|~");
    gives("data: a\n\r\ndata: b\r\n\n", "data: a\n\r\n|data: b\r\n\n|~");
    gives("data: a\n\rdata: b\r\n\r", "data: a\n\r|data: b\r\n\r|~");
    gives(": c\n\nevent: x\ndata: a\ndata\n\n", ": c\n\n|event: x\ndata: a\ndata\n\n|~");
    gives("\n\ndata: a\n\n\n", "\n|\n|data: a\n\n|\n|~");
    gives("data: a\n\ndata: b\n", "data: a\n\n|data: b\n~");
    gives("data: a", "data: a~");
    gives("\xef\xbb\xbf"
          "data: a\n\n",
          "\xef\xbb\xbf"
          "data: a\n\n|~");
    gives("\xef\xbb\xbf\n\xef\xbb\xbf\n\n", "\xef\xbb\xbf\n|\xef\xbb\xbf\n\n|~");
    gives("\xef\xbb\n\n", "\xef\xbb\n\n|~");
    gives("\xef\xbb", "\xef\xbb~");
}

/* CR at the end of the input: the frame goes out at once, the LF leads the next one. */
static void test_cut_in_crlf(void **state)
{
    (void)state;
    struct sse_splitter s;
    sse_splitter_init(&s, 100);
    str frame, in = S("data: a\r\n\r");
    assert_int_equal(sse_next(&s, &in, &frame), 1);
    assert_true(str_eq(frame, S("data: a\r\n\r")));
    assert_int_equal(sse_next(&s, &in, &frame), 0);
    in = S("\ndata: b\r\n\r\n");
    assert_int_equal(sse_next(&s, &in, &frame), 1);
    assert_true(str_eq(frame, S("\ndata: b\r\n\r\n")));
    struct sse_event ev;
    struct buf joined;
    buf_init(&joined, 100);
    sse_parse(frame, &joined, &ev);
    assert_true(str_eq(ev.data, S("b")));
    buf_fini(&joined);

    /* CR ends the line but the frame only at the second CR. */
    in = S("data: c\r");
    assert_int_equal(sse_next(&s, &in, &frame), 0);
    in = S("\n");
    assert_int_equal(sse_next(&s, &in, &frame), 0);
    in = S("\r");
    assert_int_equal(sse_next(&s, &in, &frame), 1);
    assert_true(str_eq(frame, S("data: c\r\n\r")));
    sse_splitter_fini(&s);
}

/* Mixed line ends: at any cut the frames, joined, are the input, and mean the same. */
static void test_any_cut_joins(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "data: a\r\n\r\n: x\r\rdata: b\n\r\n\n\r\rdata: c\r\n\n",
        "\xef\xbb\xbf\r\n\r\ndata: \r\r\n\n\r",
    };
    for (size_t i = 0; i < 2; i++) {
        str t = str_c(texts[i]);
        for (size_t first = 1; first <= t.n; first++) {
            for (size_t step = 1; step < 6; step++) {
                struct buf b;
                buf_init(&b, 4096);
                split(t, step, first, &b);
                size_t n = 0;
                for (size_t k = 0; k < b.n; k++) {
                    if (b.p[k] != '|' && b.p[k] != '~')
                        b.p[n++] = b.p[k];
                }
                assert_true(str_eq(str_of(b.p, n), t));
                buf_fini(&b);
            }
        }
    }
}

static void test_zero_copy(void **state)
{
    (void)state;
    struct sse_splitter s;
    sse_splitter_init(&s, 100);
    static const char text[] = "data: a\n\ndata: b\n\ndata";
    str in = S("data: a\n\ndata: b\n\ndata"), frame;
    in.p = text;
    assert_int_equal(sse_next(&s, &in, &frame), 1);
    assert_ptr_equal(frame.p, text);
    assert_int_equal(sse_next(&s, &in, &frame), 1);
    assert_ptr_equal(frame.p, text + 9);
    assert_null(s.carry.p);
    assert_int_equal(sse_next(&s, &in, &frame), 0);
    assert_true(str_eq(sse_rest(&s), S("data")));
    in = S(": c\n\n");
    assert_int_equal(sse_next(&s, &in, &frame), 1);
    assert_true(str_eq(frame, S("data: c\n\n")));
    assert_int_equal(sse_rest(&s).n, 0);
    assert_int_equal(sse_next(&s, &in, &frame), 0);
    assert_null(s.carry.p); /* nothing held between events */
    sse_splitter_fini(&s);
}

static void test_cap(void **state)
{
    (void)state;
    for (size_t step = 1; step < 40; step++) {
        struct sse_splitter s;
        sse_splitter_init(&s, 20);
        str text = S("data: 12345678901\n\n"
                     "data: 1234567890123\n\n"),
            frame = {0};
        size_t at = 0, frames = 0;
        int got = 0;
        while (at < text.n && got >= 0) {
            str in = str_head(str_from(text, at), step);
            at += in.n;
            while ((got = sse_next(&s, &in, &frame)) > 0)
                frames++;
        }
        assert_int_equal(frames, 1);
        assert_int_equal(got, -ERR_UP_TOO_LARGE);
        str in = S("data: b\n\n");
        assert_int_equal(sse_next(&s, &in, &frame), -ERR_UP_TOO_LARGE);
        sse_splitter_fini(&s);
    }
}

/* Each byte is searched once: 5 MB byte by byte would take minutes otherwise. */
static void test_large_event_is_linear(void **state)
{
    (void)state;
    enum { SIZE = 5 << 20 };
    char *big = malloc(SIZE);
    memset(big, 'x', SIZE);
    memcpy(big, "data: ", 6);
    memcpy(big + SIZE - 2, "\n\n", 2);
    struct sse_splitter s;
    sse_splitter_init(&s, SIZE);
    static const size_t steps[] = {1, 1024};
    for (size_t i = 0; i < 2; i++) {
        str frame;
        int got = 0;
        for (size_t at = 0; at < SIZE; at += steps[i]) {
            str in = str_of(big + at, steps[i]);
            assert_int_equal(got, 0);
            got = sse_next(&s, &in, &frame);
        }
        assert_int_equal(got, 1);
        assert_int_equal(frame.n, SIZE);
    }
    sse_splitter_fini(&s);
    free(big);
}

static void parses(const char *frame, const char *type, const char *data)
{
    struct buf joined;
    struct sse_event ev;
    buf_init(&joined, 1000);
    sse_parse(str_c(frame), &joined, &ev);
    assert_true(str_eq(ev.type, str_c(type)));
    assert_int_equal(ev.has_data, data != NULL);
    if (!str_eq(ev.data, str_c(data)))
        fail_msg("%s -> %.*s", frame, STR_FMT(ev.data));
    buf_fini(&joined);
}

static void test_fields(void **state)
{
    (void)state;
    parses("data: a\n\n", "", "a");
    parses("data:a\n\n", "", "a");
    parses("data:  a \n\n", "", " a ");
    parses("data\n\n", "", "");
    parses("data:\n\n", "", "");
    parses("data\ndata\n\n", "", "\n");
    parses("event: x\r\ndata: a\r\ndata:b\r\n\r\n", "x", "a\nb");
    parses("data: a\rdata:\rdata: c\r\r", "", "a\n\nc");
    parses("event: x\nevent: y\ndata: a:b\n\n", "y", "a:b");
    parses("event\ndata: a", "", "a");
    parses(": comment\n\n", "", NULL);
    parses("\n", "", NULL);
    parses("", "", NULL);
    parses("id: 3\nretry: 5\nDATA: x\n data: x\ndatax: y\n\n", "", NULL);
    parses("\xef\xbb\xbf"
           "data: a\n\n",
           "", "a");
    parses("\ndata: a\n\n", "", "a");
    /* The same event, whether or not CRLF was cut before it (found by fuzzing). */
    parses("\n\xef\xbb\xbf"
           "data: a\n\n",
           "", "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),        cmocka_unit_test(test_cut_in_crlf),
        cmocka_unit_test(test_any_cut_joins), cmocka_unit_test(test_zero_copy),
        cmocka_unit_test(test_cap),           cmocka_unit_test(test_large_event_is_linear),
        cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The Responses codec over every recorded exchange: requests and whole answers are read and written
 * again, streams are read in all kinds of pieces, cut, and said again. The recordings are not part
 * of this repository; without them (environment CORPUS, or ../shared/fixtures) this is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ir/print.h"
#include "support/corpus.h"
#include "support/document.h"
#include "support/translate.h"

enum { OUT_MAX = 64 << 20 };

static const struct codec *const self = &codec_responses;

/* ---- exceptions, each with its reason ---- */

/* Whole "answers" of other endpoints of the same folder. */
static const char *const no_answers[] = {
    "openai-responses-count-tokens", "openai-responses-count-tokens-with-tools",
    "openai-responses-usage-limit-not-exceeded-0", /* counts as well */
};

/* Streams whose final response says something else. */
static const char *const other_end[] = {
    "xai-x-search-tool-stream", /* searches ran side by side and were over in another order */
    "openai-shell-container-1-stream", /* shortened by hand where it was recorded */
    /* two items are never done: the final response brings them, behind those that were */
    "openai-responses-model-mcp-list-tools-stream-backfills-missing-results",
};

static bool one_of(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(names[i], name))
            return true;
    }
    return false;
}

static void each_case(void (*run)(const char *name, str text), const char *file, long at_least)
{
    long seen = corpus_each("openai-responses", file, run);
    if (seen < 0) {
        print_message("skipped: no recordings\n");
        skip();
    }
    print_message("%ld of %s\n", seen, file);
    assert_true(seen >= at_least);
}

static void same(const char *name, str want, str got)
{
    struct fail why = {0};
    struct document_blanks b;
    document_blanks_init(&b);
    if (!document_same(want, got, &b, &why))
        fail_msg("%s: %s", name, why.text);
    document_blanks_fini(&b);
}

/* ---- requests ---- */

static void run_request(const char *name, str text)
{
    struct arena a;
    struct ir_request rq;
    struct ir_names names;
    struct ir_losses lost = {0};
    struct fail f = {0};
    struct buf out;
    arena_init(&a);
    buf_init(&out, OUT_MAX);
    if (codec_read_request(self, text, &a, &rq, &f))
        fail_msg("%s: %s", name, f.text);
    struct ir_target to = {.model = rq.model, .stream = rq.stream};
    if (codec_write_request(self, &rq, &to, &a, &names, &lost, &out, &f))
        fail_msg("%s: %s", name, f.text);
    same(name, text, buf_str(&out));
    buf_fini(&out);
    arena_fini(&a);
}

static void test_requests(void **state)
{
    (void)state;
    each_case(run_request, "request.json", 55);
}

/* ---- whole answers ---- */

static void collect_whole(const char *name, str text, struct arena *a, struct ir_answer *an)
{
    struct fail f = {0};
    ir_answer_init(an, a, DIALECT_RESPONSES, OUT_MAX, true);
    if (translate_whole(self, text, a, ir_answer_take, an, &f))
        fail_msg("%s: %s", name, f.text);
}

static bool is_answer(const char *name, str text, struct arena *a)
{
    yyjson_val *root;
    assert_int_equal(json_read(text, a, &root, NULL), OK);
    return jv_get(root, "output") &&
           !one_of(no_answers, sizeof no_answers / sizeof no_answers[0], name);
}

/* Read, collected, written: the document again. */
static void run_whole(const char *name, str text)
{
    struct arena a;
    struct ir_answer an;
    struct buf out;
    arena_init(&a);
    buf_init(&out, OUT_MAX);
    if (is_answer(name, text, &a)) {
        collect_whole(name, text, &a, &an);
        struct answer_ask ask = translate_ask(&a, DIALECT_RESPONSES);
        ask.model = an.model;
        self->write_whole(&ask, &an, &out);
        same(name, text, buf_str(&out));
    }
    buf_fini(&out);
    arena_fini(&a);
}

static void test_whole(void **state)
{
    (void)state;
    each_case(run_whole, "response.json", 45);
}

/* Error bodies are errors, whole answers are not. */
static void run_error(const char *name, str text)
{
    struct arena a;
    struct ir_error e;
    yyjson_val *root;
    arena_init(&a);
    assert_int_equal(json_read(text, &a, &root, NULL), OK);
    bool failed = yyjson_is_obj(jv_get(root, "error")) && !jv_get(root, "output");
    if (self->read_error(root, failed ? 400 : 200, &e) != failed)
        fail_msg("%s: taken for %s", name, failed ? "no error" : "an error");
    if (failed && (!e.message.n || e.status != 400))
        fail_msg("%s: no message", name);
    arena_fini(&a);
}

static void test_errors(void **state)
{
    (void)state;
    each_case(run_error, "response.json", 45);
}

/* ---- streams ---- */

static str log_of_stream(const char *name, str text, struct cuts cuts, struct arena *a,
                         struct buf *out)
{
    struct fail f = {0};
    struct ir_printer p;
    ir_printer_init(&p, out);
    if (translate_stream(self, text, cuts, a, ir_printer_take, &p, NULL, &f))
        fail_msg("%s: %s", name, f.text);
    ir_printer_fini(&p);
    return buf_str(out);
}

static void same_log(const char *name, const char *how, str want, str got)
{
    if (str_eq(want, got))
        return;
    size_t at = 0;
    while (at < want.n && at < got.n && want.p[at] == got.p[at])
        at++;
    at = at > 200 ? at - 200 : 0;
    fail_msg("%s, %s:\n--- want\n%.*s\n--- got\n%.*s", name, how,
             STR_FMT(str_head(str_from(want, at), 900)), STR_FMT(str_head(str_from(got, at), 900)));
}

static void run_pieces(const char *name, str text)
{
    struct arena a;
    struct buf whole, piece;
    arena_init(&a);
    buf_init(&whole, OUT_MAX);
    buf_init(&piece, OUT_MAX);
    log_of_stream(name, text, UNCUT, &a, &whole);
    assert_true(str_ends(buf_str(&whole), S("end\n")));
    struct cuts bytes = {1, 1, -1};
    same_log(name, "byte by byte", buf_str(&whole), log_of_stream(name, text, bytes, &a, &piece));
    unsigned seed = 1;
    for (int i = 0; i < 20; i++) {
        seed = seed * 1103515245u + 12345u;
        struct cuts cuts = {(seed >> 8) % (text.n + 1), 1 + (seed >> 4) % 5000, -1};
        buf_clear(&piece);
        same_log(name, "in pieces", buf_str(&whole), log_of_stream(name, text, cuts, &a, &piece));
    }
    buf_fini(&whole);
    buf_fini(&piece);
    arena_fini(&a);
}

static void test_pieces(void **state)
{
    (void)state;
    each_case(run_pieces, "response.sse", 25);
}

static void note_end(void *arg, const struct ir_event *e)
{
    bool *ended = arg;
    *ended |= e->kind == IR_EV_END || e->kind == IR_EV_ERROR;
}

/* Broken off after any event it is cut, never over. */
static void run_cut(const char *name, str text)
{
    long frames = 0;
    struct fail f = {0};
    struct arena a;
    bool ended = false;
    arena_init(&a);
    struct cuts all = {SIZE_MAX / 2, 1, 1L << 30};
    assert_int_equal(translate_stream(self, text, all, &a, note_end, &ended, &frames, &f), OK);
    /* Long streams: every frame at the ends, some in between. */
    long step = frames > 200 ? frames / 100 : 1;
    for (long n = 0; n<frames - 1; n += n> 50 && n < frames - 50 ? step : 1) {
        struct cuts cuts = {SIZE_MAX / 2, 1, n};
        ended = false;
        if (translate_stream(self, text, cuts, &a, note_end, &ended, NULL, &f) != ERR_UP_CUT ||
            ended)
            fail_msg("%s cut after %ld frames does not end as cut", name, n);
    }
    arena_fini(&a);
}

static void test_cut(void **state)
{
    (void)state;
    each_case(run_cut, "response.sse", 25);
}

/* The log without its first line, which has the model and the tier, and with the count of written
 * tokens that some providers do not say and the schema requires. */
static str comparable(str log, struct arena *a)
{
    str cut = S(" cache_write=0");
    assert_true(str_starts(str_split(&log, '\n'), S("start")));
    size_t at = str_find(log, cut);
    str parts[] = {str_head(log, at), str_from(log, at + cut.n)};
    return str_join(a, parts, 2);
}

/* Said again by the codec's own writer and read again, the same was said. */
static void run_again(const char *name, str text)
{
    struct arena a;
    struct buf want, got, stream;
    struct client_stream s;
    struct fail f = {0};
    arena_init(&a);
    buf_init(&want, OUT_MAX);
    buf_init(&got, OUT_MAX);
    buf_init(&stream, OUT_MAX);
    log_of_stream(name, text, UNCUT, &a, &want);
    struct answer_ask ask = translate_ask(&a, DIALECT_RESPONSES);
    ask.model = S("again");
    client_stream_init(&s, self, &ask, &stream);
    if (translate_stream(self, text, UNCUT, &a, client_stream_take, &s, NULL, &f))
        fail_msg("%s: %s", name, f.text);
    log_of_stream(name, buf_str(&stream), UNCUT, &a, &got);
    same_log(name, "said again", comparable(buf_str(&want), &a), comparable(buf_str(&got), &a));
    client_stream_fini(&s);
    buf_fini(&want);
    buf_fini(&got);
    buf_fini(&stream);
    arena_fini(&a);
}

static void test_again(void **state)
{
    (void)state;
    each_case(run_again, "response.sse", 25);
}

/* Sealed anew for the final response: the same thoughts, another text. */
static void blank_seals(struct ir_answer *an)
{
    for (struct ir_reply *r = an->replies; r; r = r->next) {
        for (struct ir_part *p = r->parts.first; p; p = p->next) {
            if (p->seal.value.n)
                p->seal.value = S("sealed");
            if (jv_is(jv_get(p->src, "type"), "compaction"))
                p->src = NULL;
        }
    }
}

/* The final response of a stream, read as a whole answer, says what the stream said. */
static void run_parity(const char *name, str text)
{
    struct arena a;
    struct ir_answer streamed, whole;
    struct buf want, got;
    struct fail f = {0};
    yyjson_val *root = NULL;
    arena_init(&a);
    buf_init(&want, OUT_MAX);
    buf_init(&got, OUT_MAX);
    ir_answer_init(&streamed, &a, DIALECT_RESPONSES, OUT_MAX, false);
    assert_int_equal(translate_stream(self, text, UNCUT, &a, ir_answer_take, &streamed, NULL, &f),
                     OK);
    for (str rest = text; rest.p && rest.n;) {
        str line = str_trim(str_split(&rest, '\n'));
        yyjson_val *v;
        if (str_starts(line, S("data:")) && json_read(str_from(line, 5), &a, &v, NULL) == OK &&
            (jv_is(jv_get(v, "type"), "response.completed") ||
             jv_is(jv_get(v, "type"), "response.incomplete")))
            root = jv_get(v, "response");
    }
    assert_non_null(root);
    ir_answer_init(&whole, &a, DIALECT_RESPONSES, OUT_MAX, true);
    assert_int_equal(translate_whole(self, json_text_of(root, &a), &a, ir_answer_take, &whole, &f),
                     OK);
    blank_seals(&streamed);
    blank_seals(&whole);
    ir_print_answer(&streamed, &want);
    ir_print_answer(&whole, &got);
    str w = buf_str(&want), g = buf_str(&got);
    (void)str_split(&w, '\n'); /* the tier is only known at the end */
    (void)str_split(&g, '\n');
    if (!one_of(other_end, sizeof other_end / sizeof other_end[0], name))
        same_log(name, "streamed and whole", g, w);
    buf_fini(&want);
    buf_fini(&got);
    arena_fini(&a);
}

static void test_parity(void **state)
{
    (void)state;
    each_case(run_parity, "response.sse", 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests), cmocka_unit_test(test_whole),
        cmocka_unit_test(test_errors),   cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_cut),      cmocka_unit_test(test_again),
        cmocka_unit_test(test_parity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

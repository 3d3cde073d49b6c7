/*
 * The Anthropic codec over every recorded exchange of the Messages API: what is read and written
 * again is the same document; streams mean the same however they are cut; what breaks off is no
 * answer. The recordings are not part of this repository; without them (environment CORPUS, or
 * ../shared/fixtures) this is skipped.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ir/print.h"
#include "support/document.h"
#include "support/translate.h"

enum { PATH_SIZE = 2000, OUT_MAX = 1 << 26 };

/* ---- files ---- */

static bool load(const char *path, struct arena *a, str *text)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    assert_int_equal(fstat(fileno(f), &st), 0);
    char *p = arena_alloc(a, (size_t)st.st_size + 1);
    size_t n = fread(p, 1, (size_t)st.st_size, f);
    fclose(f);
    *text = str_of(p, n);
    return true;
}

struct exchange {
    const char *name;
    struct arena arena;
    str request, whole, stream; /* p == NULL: none */
};

/* Calls run for each exchange; returns how many did something. */
static size_t each(bool (*run)(struct exchange *x))
{
    const char *root = getenv("CORPUS");
    char path[PATH_SIZE];
    size_t ran = 0;
    snprintf(path, sizeof path, "%s/anthropic-messages",
             root ? root : SOURCE_DIR "/../shared/fixtures");
    size_t n = strlen(path);
    DIR *dir = opendir(path);
    if (!dir) {
        print_message("skipped: no recordings at %s\n", path);
        skip();
    }
    for (struct dirent *e; (e = readdir(dir));) {
        struct exchange x = {.name = e->d_name};
        if (e->d_name[0] == '.')
            continue;
        arena_init(&x.arena);
        snprintf(path + n, sizeof path - n, "/%s/request.json", e->d_name);
        load(path, &x.arena, &x.request);
        snprintf(path + n, sizeof path - n, "/%s/response.json", e->d_name);
        load(path, &x.arena, &x.whole);
        snprintf(path + n, sizeof path - n, "/%s/response.sse", e->d_name);
        load(path, &x.arena, &x.stream);
        ran += run(&x);
        arena_fini(&x.arena);
    }
    closedir(dir);
    return ran;
}

/* ---- requests ---- */

static bool same_request(struct exchange *x)
{
    struct written_request w = {.fail = {.code = OK}};
    struct fail why = {.code = OK};
    if (!x->request.p)
        return false;
    buf_init(&w.out, OUT_MAX);
    enum err e = codec_read_request(&codec_anthropic, x->request, &x->arena, &w.rq, &w.fail);
    /* The API itself refused this one: "messages": ["Invalid content"]. */
    if (strcmp(x->name, "anthropic-completion-error") == 0) {
        assert_int_equal(e, ERR_BAD_REQUEST);
        assert_string_equal(w.fail.text, "messages[0] must be an object, it is a string");
        buf_fini(&w.out);
        return true;
    }
    if (e)
        fail_msg("%s: %s", x->name, fail_text(&w.fail));
    struct ir_target to = {.model = w.rq.model, .stream = w.rq.stream};
    e = codec_write_request(&codec_anthropic, &w.rq, &to, &x->arena, &w.names, &w.lost, &w.out,
                            &w.fail);
    if (e || !document_same(x->request, buf_str(&w.out), NULL, &why))
        fail_msg("%s: %s%s", x->name, e ? fail_text(&w.fail) : "", why.text);
    assert_int_equal(w.lost.n, 0);
    buf_fini(&w.out);
    return true;
}

static void test_requests(void **state)
{
    (void)state;
    size_t ran = each(same_request);
    print_message("%zu requests\n", ran);
    assert_true(ran >= 60);
}

/* ---- whole answers ---- */

static bool same_whole(struct exchange *x)
{
    struct ir_answer an;
    struct buf out;
    struct fail why = {.code = OK}, f = {.code = OK};
    if (!x->whole.p)
        return false;
    ir_answer_init(&an, &x->arena, DIALECT_ANTHROPIC, OUT_MAX, true);
    enum err e = translate_whole(&codec_anthropic, x->whole, &x->arena, ir_answer_take, &an, &f);
    uint64_t tokens;
    yyjson_val *root;
    assert_int_equal(json_read(x->whole, &x->arena, &root, NULL), OK);
    if (codec_anthropic.read_count(root, &tokens)) {
        assert_int_equal(e, ERR_UP_PROTOCOL);
        buf_init(&out, OUT_MAX);
        codec_anthropic.write_count(tokens, &out);
        if (!document_same(x->whole, buf_str(&out), NULL, &why))
            fail_msg("%s: %s", x->name, why.text);
        buf_fini(&out);
        return true;
    }
    if (e)
        fail_msg("%s: %s", x->name, fail_text(&f));
    if (an.error) {
        assert_true(an.error->status >= 400 && an.error->message.n && an.error->type.n);
        assert_false(an.complete);
        return true;
    }
    assert_true(an.complete);
    struct answer_ask ask = translate_ask(&x->arena, DIALECT_ANTHROPIC);
    ask.model = an.model;
    buf_init(&out, OUT_MAX);
    codec_anthropic.write_whole(&ask, &an, &out);
    if (!document_same(x->whole, buf_str(&out), NULL, &why))
        fail_msg("%s: %s", x->name, why.text);
    buf_fini(&out);
    return true;
}

static void test_whole(void **state)
{
    (void)state;
    size_t ran = each(same_whole);
    print_message("%zu whole answers\n", ran);
    assert_true(ran >= 40);
}

/* ---- streams ---- */

/* The printed log of a stream cut so; whether it came to its end. */
static enum err log_of(struct exchange *x, str stream, struct cuts cuts, struct buf *log,
                       long *frames)
{
    struct ir_printer p;
    struct fail f = {.code = OK};
    buf_clear(log);
    ir_printer_init(&p, log);
    enum err e = translate_stream(&codec_anthropic, stream, cuts, &x->arena, ir_printer_take, &p,
                                  frames, &f);
    ir_printer_fini(&p);
    if (e && e != ERR_UP_CUT)
        fail_msg("%s: %s", x->name, fail_text(&f));
    return e;
}

static bool has_line(const struct buf *log, str line)
{
    return str_starts(buf_str(log), line) ||
           str_find(buf_str(log), line) < log->n; /* "end" stands on a line of its own */
}

static void same_log(struct exchange *x, const struct buf *want, const struct buf *got)
{
    size_t at = 0;
    if (str_eq(buf_str(want), buf_str(got)))
        return;
    while (at < want->n && at < got->n && want->p[at] == got->p[at])
        at++;
    at = at > 40 ? at - 40 : 0;
    fail_msg("%s: the logs differ:\n%.*s\n---\n%.*s", x->name,
             STR_FMT(str_head(str_from(buf_str(want), at), 200)),
             STR_FMT(str_head(str_from(buf_str(got), at), 200)));
}

static bool same_cut(struct exchange *x)
{
    struct buf want, got;
    long frames = -1;
    if (!x->stream.p)
        return false;
    buf_init(&want, OUT_MAX);
    buf_init(&got, OUT_MAX);
    assert_int_equal(log_of(x, x->stream, UNCUT, &want, &frames), OK);
    frames = -1 - frames;
    (void)log_of(x, x->stream, (struct cuts){1, 1, -1}, &got, NULL);
    same_log(x, &want, &got);
    srand(7);
    for (int i = 0; i < 20; i++) {
        struct cuts cuts = {1 + (size_t)rand() % x->stream.n, 1 + (size_t)rand() % 600, -1};
        assert_int_equal(log_of(x, x->stream, cuts, &got, NULL), OK);
        same_log(x, &want, &got);
    }
    buf_fini(&want);
    buf_fini(&got);
    return true;
}

static void test_streams_cut_anyhow(void **state)
{
    (void)state;
    size_t ran = each(same_cut);
    print_message("%zu streams\n", ran);
    assert_true(ran >= 30);
}

/* Only message_stop is an end: whatever came before, a stream that stops earlier is cut. */
static bool never_ends_early(struct exchange *x)
{
    struct buf log;
    long n = 0;
    if (!x->stream.p)
        return false;
    buf_init(&log, OUT_MAX);
    for (;; n++) {
        struct cuts cuts = UNCUT;
        cuts.frames = n;
        enum err e = log_of(x, x->stream, cuts, &log, NULL);
        if (e == OK)
            break;
        assert_int_equal(e, ERR_UP_CUT);
        assert_false(has_line(&log, S("\nend\n")));
    }
    assert_true(n > 0);
    buf_fini(&log);
    return true;
}

static void test_streams_that_break_off(void **state)
{
    (void)state;
    assert_true(each(never_ends_early) >= 30);
}

/* Written for a client of the same dialect and read again, a stream says the same. */
static bool same_again(struct exchange *x)
{
    struct buf want, got, text;
    struct client_stream client;
    struct answer_ask ask = translate_ask(&x->arena, DIALECT_ANTHROPIC);
    struct fail f = {.code = OK};
    if (!x->stream.p)
        return false;
    buf_init(&want, OUT_MAX);
    buf_init(&got, OUT_MAX);
    buf_init(&text, OUT_MAX);
    (void)log_of(x, x->stream, UNCUT, &want, NULL);
    str rest = buf_str(&want), line = str_split(&rest, '\n');
    size_t at = str_find(line, S("model=\""));
    ask.model = str_from(line, at + sizeof "model=\"" - 1);
    ask.model = str_head(ask.model, str_find_char(ask.model, '"'));
    client_stream_init(&client, &codec_anthropic, &ask, &text);
    assert_int_equal(translate_stream(&codec_anthropic, x->stream, UNCUT, &x->arena,
                                      client_stream_take, &client, NULL, &f),
                     OK);
    client_stream_fini(&client);
    assert_int_equal(log_of(x, buf_str(&text), UNCUT, &got, NULL), OK);
    same_log(x, &want, &got);
    buf_fini(&want);
    buf_fini(&got);
    buf_fini(&text);
    return true;
}

static void test_streams_again(void **state)
{
    (void)state;
    assert_true(each(same_again) >= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),           cmocka_unit_test(test_whole),
        cmocka_unit_test(test_streams_cut_anyhow), cmocka_unit_test(test_streams_that_break_off),
        cmocka_unit_test(test_streams_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

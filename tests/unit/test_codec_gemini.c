/*
 * The Gemini codec over every recorded exchange: requests and whole answers are written again as
 * the same document, streams mean the same however they are cut. The recordings are not part of
 * this repository; without them (environment CORPUS, or ../shared/fixtures) this is skipped.
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
#include "support/grammar.h"
#include "support/translate.h"

static const struct codec *const gemini = &codec_gemini;

/* ---- documents ---- */

/* Keys of what is data to Gemini: there the spelling counts. Elsewhere both spellings are one. */
static bool is_data(str key)
{
    static const char *const names[] = {"args",           "response",
                                        "parameters",     "parametersJsonSchema",
                                        "responseSchema", "responseJsonSchema"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (ir_key_is(key, names[i]))
            return true;
    }
    return false;
}

/* thinkingLevel and thinking_level, in either direction. */
static bool same_key(str a, str b, bool data)
{
    char room[200];
    if (str_eq(a, b) || data || a.n >= sizeof room)
        return str_eq(a, b);
    snprintf(room, sizeof room, "%.*s", STR_FMT(a));
    if (ir_key_is(b, room))
        return true;
    snprintf(room, sizeof room, "%.*s", (int)(b.n < sizeof room ? b.n : sizeof room - 1), b.p);
    return ir_key_is(a, room);
}

static yyjson_val *member(yyjson_val *obj, str key, bool data)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        if (same_key(jv_str(k), key, data))
            return yyjson_obj_iter_get_val(k);
    }
    return NULL;
}

/* Where two documents differ, for the message; "" when they are the same. */
static char where[2000];

static bool same(yyjson_val *a, yyjson_val *b, bool data);

static bool covers(yyjson_val *a, yyjson_val *b, bool data)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(a);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k), *other = member(b, jv_str(k), data);
        size_t n = strlen(where);
        if (yyjson_is_null(v) && (!other || yyjson_is_null(other)))
            continue;
        snprintf(where + n, sizeof where - n, ".%.*s", STR_FMT(jv_str(k)));
        if (!other || !same(v, other, data || is_data(jv_str(k))))
            return false;
        where[n] = 0;
    }
    return true;
}

static bool same_list(yyjson_val *a, yyjson_val *b, bool data)
{
    yyjson_arr_iter one = yyjson_arr_iter_with(a), two = yyjson_arr_iter_with(b);
    size_t n = strlen(where), i = 0;
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&one)); i++) {
        snprintf(where + n, sizeof where - n, "[%zu]", i);
        yyjson_val *other = yyjson_arr_iter_next(&two);
        if (!other || !same(v, other, data))
            return false;
    }
    where[n] = 0;
    return yyjson_arr_size(a) == yyjson_arr_size(b);
}

static bool same(yyjson_val *a, yyjson_val *b, bool data)
{
    if (yyjson_get_type(a) != yyjson_get_type(b))
        return false;
    if (yyjson_is_obj(a))
        return covers(a, b, data) && covers(b, a, data);
    if (yyjson_is_arr(a))
        return same_list(a, b, data);
    if (yyjson_is_str(a))
        return str_eq(jv_str(a), jv_str(b));
    if (yyjson_is_raw(a))
        return str_eq(jv_num(a), jv_num(b));
    return yyjson_get_tag(a) == yyjson_get_tag(b);
}

/* ---- the recordings ---- */

struct exchange {
    char name[300];
    str request, whole, stream; /* p == NULL: none */
    char model[100];
    bool ok; /* status 200 */
};

static str read_file(const char *folder, const char *name, const char *file)
{
    char path[2000];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s/%s", folder, name, file);
    FILE *f = fopen(path, "rb");
    if (!f)
        return (str){NULL, 0};
    assert_int_equal(fstat(fileno(f), &st), 0);
    char *p = mem_new((size_t)st.st_size + 1);
    size_t n = fread(p, 1, (size_t)st.st_size, f);
    fclose(f);
    return str_of(p, n);
}

static void read_meta(const char *folder, struct exchange *x)
{
    struct arena a;
    yyjson_val *meta;
    str text = read_file(folder, x->name, "meta.json");
    arena_init(&a);
    assert_int_equal(json_read(text, &a, &meta, NULL), OK);
    snprintf(x->model, sizeof x->model, "%.*s", STR_FMT(jv_get_str(meta, "model")));
    x->ok = jv_get_i64(meta, "status", 0) == 200;
    arena_fini(&a);
    mem_free((char *)(uintptr_t)text.p);
}

typedef bool visit_fn(const struct exchange *x);

/* Calls fn for every exchange; fails the test when fewer than at_least were of use. */
static void each_exchange(visit_fn *fn, size_t at_least)
{
    const char *root = getenv("CORPUS");
    char folder[1500];
    size_t used = 0;
    snprintf(folder, sizeof folder, "%s/gemini-generatecontent",
             root ? root : SOURCE_DIR "/../shared/fixtures");
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("skipped: no recordings at %s\n", folder);
        skip();
    }
    for (struct dirent *e; (e = readdir(dir));) {
        struct exchange x = {.ok = false};
        if (e->d_name[0] == '.')
            continue;
        snprintf(x.name, sizeof x.name, "%s", e->d_name);
        read_meta(folder, &x);
        x.request = read_file(folder, x.name, "request.json");
        x.whole = read_file(folder, x.name, "response.json");
        x.stream = read_file(folder, x.name, "response.sse");
        used += fn(&x);
        mem_free((char *)(uintptr_t)x.request.p);
        mem_free((char *)(uintptr_t)x.whole.p);
        mem_free((char *)(uintptr_t)x.stream.p);
    }
    closedir(dir);
    print_message("%zu used\n", used);
    assert_true(used >= at_least);
}

/* ---- requests ---- */

static bool request_again(const struct exchange *x)
{
    struct arena a;
    struct ir_request rq;
    struct buf out;
    struct fail f = {OK, ""};
    struct ir_target to = {.model = str_c(x->model)};
    struct ir_losses lost = {.n = 0};
    struct ir_names names;
    yyjson_val *again;
    if (!x->request.p)
        return false;
    arena_init(&a);
    buf_init(&out, 1 << 26);
    if (codec_read_request(gemini, x->request, &a, &rq, &f))
        fail_msg("%s: %s", x->name, fail_text(&f));
    assert_int_equal(codec_write_request(gemini, &rq, &to, &a, &names, &lost, &out, &f), OK);
    if (json_read(buf_str(&out), &a, &again, &f))
        fail_msg("%s: what was written is no JSON: %s", x->name, fail_text(&f));
    where[0] = 0;
    if (!same(rq.src, again, false))
        fail_msg("%s: differs at %s:\n%s", x->name, where, buf_c(&out));
    assert_int_equal(lost.n, 0);
    buf_fini(&out);
    arena_fini(&a);
    return true;
}

static void test_requests(void **state)
{
    (void)state;
    each_exchange(request_again, 54);
}

/* ---- answers ---- */

/* The log of a stream. What our own streams say otherwise is left out: they carry the name the
 * client asked for, no time of creation, and counts at their end only. */
struct log {
    struct ir_printer printer;
    struct usage usage;
};

static void log_take(void *arg, const struct ir_event *e)
{
    struct log *log = arg;
    if (e->kind == IR_EV_START || e->kind == IR_EV_USAGE)
        usage_merge(&log->usage, &e->usage);
    else
        ir_printer_take(&log->printer, e);
}

static struct usage log_of(str stream, struct cuts cuts, enum err want, struct buf *out)
{
    struct arena life;
    struct log log = {.usage = USAGE_NONE};
    struct fail f = {OK, ""};
    buf_clear(out);
    arena_init(&life);
    ir_printer_init(&log.printer, out);
    enum err e = translate_stream(gemini, stream, cuts, &life, log_take, &log, NULL, &f);
    if (e != want)
        fail_msg("%s, not %s: %s", err_info(e)->name, err_info(want)->name, fail_text(&f));
    ir_printer_fini(&log.printer);
    arena_fini(&life);
    return log.usage;
}

/* Said again by our own writer. */
static void stream_again(str stream, struct buf *out, bool json_array)
{
    struct arena life;
    struct client_stream s;
    struct fail f = {OK, ""};
    arena_init(&life);
    struct answer_ask ask = translate_ask(&life, DIALECT_GEMINI);
    ask.json_array = json_array;
    client_stream_init(&s, gemini, &ask, out);
    assert_int_equal(
        translate_stream(gemini, stream, UNCUT, &life, client_stream_take, &s, NULL, &f), OK);
    client_stream_fini(&s);
    arena_fini(&life);
}

static void check_again(const char *name, str stream, struct usage usage, const struct buf *log)
{
    struct buf frames, other;
    struct grammar g;
    struct fail f = {OK, ""};
    buf_init(&frames, 1 << 26);
    buf_init(&other, 1 << 26);
    stream_again(stream, &frames, false);
    if (!grammar_check(&g, GRAMMAR_GEMINI, buf_str(&frames), &f) || !g.complete)
        fail_msg("%s: %s", name, fail_text(&f));
    struct usage now = log_of(buf_str(&frames), UNCUT, OK, &other);
    if (!str_eq(buf_str(log), buf_str(&other)))
        fail_msg("%s:\n%.*s\nbecame\n%s", name, STR_FMT(buf_str(log)), buf_c(&other));
    assert_int_equal(usage.input, now.input);
    assert_int_equal(usage.output, now.output);
    assert_true((usage.cached > 0 ? usage.cached : -1) == now.cached);
    assert_true((usage.reasoning > 0 ? usage.reasoning : -1) == now.reasoning);
    buf_fini(&frames);
    buf_fini(&other);
}

static bool stream_means_the_same(const struct exchange *x)
{
    static const struct cuts cuts[] = {{1, 1, -1}, {7, 7, -1}, {1000, 3, -1}};
    struct buf one, other;
    if (!x->stream.p || !x->ok)
        return false;
    buf_init(&one, 1 << 26);
    buf_init(&other, 1 << 26);
    struct usage usage = log_of(x->stream, UNCUT, OK, &one);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        log_of(x->stream, cuts[i], OK, &other);
        assert_true(str_eq(buf_str(&one), buf_str(&other)));
    }
    check_again(x->name, x->stream, usage, &one);
    buf_fini(&one);
    buf_fini(&other);
    return true;
}

static void test_streams(void **state)
{
    (void)state;
    each_exchange(stream_means_the_same, 12);
}

/* Broken off before the reason why it ended has come, a stream is cut. */
static bool cut_stream(const struct exchange *x)
{
    struct buf log;
    long frames = 0, finish = 0;
    if (!x->stream.p || !x->ok)
        return false;
    buf_init(&log, 1 << 26);
    for (str rest = x->stream; rest.n;) {
        size_t at = str_find(rest, S("data:")), n = str_find(str_from(rest, at + 5), S("data:"));
        str event = str_head(str_from(rest, at), n + 5);
        if (!finish && str_find(event, S("finishReason")) < event.n)
            finish = frames + 1;
        frames += event.n > 0;
        rest = str_from(rest, at + event.n);
    }
    assert_true(finish > 0);
    for (long n = 0; n < finish; n++) {
        log_of(x->stream, (struct cuts){SIZE_MAX / 2, 1, n}, ERR_UP_CUT, &log);
        assert_true(str_find(buf_str(&log), S("\nend")) == log.n);
    }
    log_of(x->stream, (struct cuts){SIZE_MAX / 2, 1, frames}, OK, &log);
    buf_fini(&log);
    return true;
}

static void test_cuts(void **state)
{
    (void)state;
    each_exchange(cut_stream, 12);
}

static bool whole_again(const struct exchange *x)
{
    struct arena a;
    struct answer_reader r;
    struct ir_answer an;
    struct buf out;
    struct fail f = {OK, ""};
    yyjson_val *root, *again;
    arena_init(&a);
    bool use = x->whole.p && x->ok && json_read(x->whole, &a, &root, NULL) == OK &&
               /* Token counts are read_count's; a stream of one array becomes one answer. */
               !jv_get(root, "totalTokens") && !yyjson_is_arr(root);
    if (!use) {
        arena_fini(&a);
        return false;
    }
    ir_answer_init(&an, &a, DIALECT_GEMINI, 1 << 26, true);
    answer_reader_init(&r, gemini, &a, ir_answer_take, &an);
    if (answer_read_whole(&r, x->whole, &f))
        fail_msg("%s: %s", x->name, fail_text(&f));
    answer_reader_fini(&r);
    assert_true(an.complete);
    buf_init(&out, 1 << 26);
    struct answer_ask ask = {.arena = &a,
                             .model = jv_get_str(root, "modelVersion"),
                             .nonce = S("abcdefghijklmnopqrstuvwx"),
                             .from = DIALECT_GEMINI};
    gemini->write_whole(&ask, &an, &out);
    if (json_read(buf_str(&out), &a, &again, &f))
        fail_msg("%s: what was written is no JSON: %s", x->name, fail_text(&f));
    where[0] = 0;
    if (!same(root, again, false))
        fail_msg("%s: differs at %s:\n%s", x->name, where, buf_c(&out));
    buf_fini(&out);
    arena_fini(&a);
    return true;
}

static void test_whole(void **state)
{
    (void)state;
    each_exchange(whole_again, 34);
}

/* An array of chunks, as a stream without alt=sse is, means what the chunks mean one by one; and so
 * do we write one. */
static bool array_means_the_same(const struct exchange *x)
{
    struct buf one, other, array;
    struct arena life;
    struct log log = {.usage = USAGE_NONE};
    struct fail f = {OK, ""};
    if (!x->stream.p || !x->ok)
        return false;
    buf_init(&one, 1 << 26);
    buf_init(&other, 1 << 26);
    buf_init(&array, 1 << 26);
    arena_init(&life);
    log_of(x->stream, UNCUT, OK, &one);
    stream_again(x->stream, &array, true);
    ir_printer_init(&log.printer, &other);
    if (translate_whole(gemini, buf_str(&array), &life, log_take, &log, &f))
        fail_msg("%s: %s\n%s", x->name, fail_text(&f), buf_c(&array));
    ir_printer_fini(&log.printer);
    assert_true(str_eq(buf_str(&one), buf_str(&other)));
    buf_fini(&one);
    buf_fini(&other);
    buf_fini(&array);
    arena_fini(&life);
    return true;
}

static void test_arrays(void **state)
{
    (void)state;
    each_exchange(array_means_the_same, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests), cmocka_unit_test(test_streams),
        cmocka_unit_test(test_cuts),     cmocka_unit_test(test_whole),
        cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

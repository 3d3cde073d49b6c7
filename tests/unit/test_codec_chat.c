/*
 * The chat codec over every recorded exchange: requests come out as they went in, whole answers as
 * well, streams read alike however they are cut, and what is written reads back as what was read.
 * Without the recordings (environment CORPUS, or ../shared/fixtures) these tests are skipped.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dialect/codec.h"
#include "ir/print.h"

/* ---- files and documents ---- */

enum { BIG = 1 << 28 };

struct file {
    char *p;
    size_t n;
};

static bool load(const char *path, struct file *f)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        return false;
    fseek(in, 0, SEEK_END);
    f->n = (size_t)ftell(in);
    rewind(in);
    f->p = mem_new(f->n + 1);
    assert_int_equal(fread(f->p, 1, f->n, in), f->n);
    fclose(in);
    return true;
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(jv_str(*(yyjson_val *const *)a), jv_str(*(yyjson_val *const *)b));
}

/* Keys in order, null members left out: two documents are equal when they print alike. */
static void canonical(struct json_writer *w, yyjson_val *v)
{
    if (yyjson_is_obj(v)) {
        size_t n = 0;
        yyjson_val **keys = mem_new((yyjson_obj_size(v) + 1) * sizeof *keys), *k;
        yyjson_obj_iter it = yyjson_obj_iter_with(v);
        while ((k = yyjson_obj_iter_next(&it)))
            keys[n++] = k;
        qsort(keys, n, sizeof *keys, by_key);
        jw_object(w);
        for (size_t i = 0; i < n; i++) {
            if (yyjson_is_null(yyjson_obj_iter_get_val(keys[i])))
                continue;
            jw_key(w, jv_str(keys[i]));
            canonical(w, yyjson_obj_iter_get_val(keys[i]));
        }
        jw_object_end(w);
        mem_free(keys);
    } else if (yyjson_is_arr(v)) {
        yyjson_val *e;
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        jw_array(w);
        while ((e = yyjson_arr_iter_next(&it)))
            canonical(w, e);
        jw_array_end(w);
    } else {
        jw_value(w, v);
    }
}

static str canonical_of(str text, struct arena *a)
{
    yyjson_val *root;
    struct fail f;
    struct buf out;
    if (json_read(text, a, &root, &f) != OK)
        fail_msg("no JSON: %s: %.*s", f.text, (int)(text.n < 3000 ? text.n : 3000), text.p);
    buf_init(&out, BIG);
    struct json_writer w = json_writer(&out);
    canonical(&w, root);
    str s = str_dup(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

/* Where two texts part, with some of what is around. */
static void same(const char *what, const char *name, str a, str b)
{
    size_t i = 0;
    if (str_eq(a, b))
        return;
    while (i < a.n && i < b.n && a.p[i] == b.p[i])
        i++;
    size_t from = i > 200 ? i - 200 : 0;
    str x = str_head(str_from(a, from), 500), y = str_head(str_from(b, from), 500);
    fail_msg("%s: %s\n--- want\n%.*s\n--- have\n%.*s", name, what, STR_FMT(x), STR_FMT(y));
}

/* ---- the recordings ---- */

static char root_path[1024];

static DIR *open_corpus(const char *folder)
{
    const char *root = getenv("CORPUS");
    snprintf(root_path, sizeof root_path, "%s/%s", root ? root : SOURCE_DIR "/../shared/fixtures",
             folder);
    DIR *dir = opendir(root_path);
    if (!dir) {
        print_message("skipped: no recordings at %s\n", root_path);
        skip();
    }
    return dir;
}

static bool load_case(const char *name, const char *file, struct file *f)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s/%s", root_path, name, file);
    return name[0] != '.' && load(path, f);
}

static size_t each(const char *folder, const char *file, void (*run)(const char *name, str text))
{
    DIR *dir = open_corpus(folder);
    size_t n = 0;
    struct file f;
    for (struct dirent *e; (e = readdir(dir));) {
        if (!load_case(e->d_name, file, &f))
            continue;
        run(e->d_name, str_of(f.p, f.n));
        mem_free(f.p);
        n++;
    }
    closedir(dir);
    return n;
}

/* ---- requests ---- */

static void print_request(const struct ir_request *rq, struct buf *out)
{
    buf_clear(out);
    ir_print_request(rq, out);
}

static void read_request(const char *name, str text, struct arena *a, struct ir_request *rq)
{
    struct fail f;
    if (codec_read_request(&codec_chat, text, a, rq, &f) != OK)
        fail_msg("%s: %s", name, fail_text(&f));
}

static void run_request(const char *name, str text)
{
    struct arena a;
    struct ir_request rq, again;
    struct ir_names names;
    struct ir_losses lost = {0};
    struct buf out, first, second;
    struct fail f;
    arena_init(&a);
    buf_init(&out, BIG);
    buf_init(&first, BIG);
    buf_init(&second, BIG);
    read_request(name, text, &a, &rq);
    print_request(&rq, &first);
    struct ir_target to = {.model = rq.model, .stream = rq.stream};
    if (codec_write_request(&codec_chat, &rq, &to, &a, &names, &lost, &out, &f) != OK)
        fail_msg("%s: %s", name, fail_text(&f));
    same("document", name, canonical_of(text, &a), canonical_of(buf_str(&out), &a));
    read_request(name, buf_str(&out), &a, &again);
    print_request(&again, &second);
    same("form", name, buf_str(&first), buf_str(&second));
    assert_int_equal(lost.n, 0);
    buf_fini(&out);
    buf_fini(&first);
    buf_fini(&second);
    arena_fini(&a);
}

static void test_requests(void **state)
{
    (void)state;
    size_t n = each("openai-chat", "request.json", run_request);
    print_message("%zu requests\n", n);
    assert_true(n >= 60);
}

/* ---- answers ---- */

enum { LOG_MAX = 1 << 26 };

struct pass {
    struct arena life;
    struct answer_reader reader;
    struct ir_answer answer;
    struct buf log, plain; /* plain: without usage, which providers report at different places */
    struct ir_printer printer, plain_printer;
    /* and written again: */
    struct answer_ask ask;
    void *state;
    struct buf out;
};

static void take(void *arg, const struct ir_event *e)
{
    struct pass *p = arg;
    ir_printer_take(&p->printer, e);
    if (e->kind != IR_EV_USAGE)
        ir_printer_take(&p->plain_printer, e);
    ir_answer_take(&p->answer, e);
    codec_chat.write_event(p->state, &p->ask, e, &p->out);
}

static void pass_init(struct pass *p, bool whole)
{
    *p = (struct pass){0};
    arena_init(&p->life);
    buf_init(&p->log, LOG_MAX);
    buf_init(&p->out, LOG_MAX);
    buf_init(&p->plain, LOG_MAX);
    ir_printer_init(&p->printer, &p->log);
    ir_printer_init(&p->plain_printer, &p->plain);
    ir_answer_init(&p->answer, &p->life, DIALECT_CHAT, LOG_MAX, whole);
    answer_reader_init(&p->reader, &codec_chat, &p->life, take, p);
    p->state = arena_zero(&p->life, codec_chat.writer_size);
    p->ask = (struct answer_ask){.arena = &p->life,
                                 .include_usage = true,
                                 .from = DIALECT_CHAT,
                                 .nonce = S("abcdefghijklmnopqrstuvwx"),
                                 .now = 0} /* so that an unsaid time stays unsaid */;
}

static void pass_fini(struct pass *p)
{
    ir_printer_fini(&p->printer);
    ir_printer_fini(&p->plain_printer);
    codec_chat.write_fini(p->state);
    answer_reader_fini(&p->reader);
    buf_fini(&p->log);
    buf_fini(&p->plain);
    buf_fini(&p->out);
    arena_fini(&p->life);
}

static enum err feed_frames(struct pass *p, str text, size_t step, struct fail *f)
{
    struct sse_splitter s;
    enum err e = OK;
    sse_splitter_init(&s, 32 << 20);
    for (size_t at = 0; !e && at < text.n; at += step) {
        str in = str_head(str_from(text, at), step), frame;
        while (!e && sse_next(&s, &in, &frame) > 0)
            e = answer_read_frame(&p->reader, frame, f);
    }
    if (!e && sse_rest(&s).n)
        e = answer_read_frame(&p->reader, sse_rest(&s), f);
    sse_splitter_fini(&s);
    return e;
}

static enum err feed(struct pass *p, str text, size_t step, struct fail *f)
{
    enum err e = feed_frames(p, text, step, f);
    return e ? e : answer_read_stream_end(&p->reader, f);
}

static str model_of(str text, struct arena *a)
{
    yyjson_val *root;
    return json_read(text, a, &root, NULL) == OK ? jv_get_str(root, "model") : S("");
}

static size_t wholes, whole_errors;

static void run_whole(const char *name, str text)
{
    struct pass p;
    struct fail f;
    struct buf doc;
    pass_init(&p, true);
    buf_init(&doc, BIG);
    p.ask.model = model_of(text, &p.life);
    if (answer_read_whole(&p.reader, text, &f) != OK)
        fail_msg("%s: %s", name, fail_text(&f));
    wholes++;
    if (p.answer.error) {
        whole_errors++;
        assert_true(p.answer.error->message.n > 0 && p.answer.error->status >= 400);
    } else {
        assert_true(p.answer.complete && p.answer.replies);
        codec_chat.write_whole(&p.ask, &p.answer, &doc);
        same("document", name, canonical_of(text, &p.life), canonical_of(buf_str(&doc), &p.life));
    }
    buf_fini(&doc);
    pass_fini(&p);
}

static void test_wholes(void **state)
{
    (void)state;
    wholes = whole_errors = 0;
    each("openai-chat", "response.json", run_whole);
    print_message("%zu whole answers, %zu of them errors\n", wholes, whole_errors);
    assert_true(wholes >= 40 && whole_errors >= 8);
}

/*
 * What is said otherwise when an answer is written again, and why:
 * - Perplexity lists pages without saying which text they back; the API's citations must have a
 *   range, so they are about all of it.
 * - LiteLLM leaves the reason of a second choice out; the API demands one, so it is "stop".
 */
static const struct {
    const char *name;
    str from; /* the rest of a line that begins so is left out */
} exceptions[] = {
    {"perplexity", {" from=0 to=", 11}},
    {"litellm-proxy-completion-stream-multiple", {" native=\"stop\"", 14}},
};

static str excepted(const char *name, str log, struct arena *a)
{
    struct buf out;
    size_t i = 0, n = sizeof exceptions / sizeof exceptions[0];
    while (i < n && strncmp(name, exceptions[i].name, strlen(exceptions[i].name)) != 0)
        i++;
    if (i == n)
        return log;
    buf_init(&out, LOG_MAX);
    while (log.p) {
        str line = str_split(&log, '\n');
        buf_put(&out, str_head(line, str_find(line, exceptions[i].from)));
        buf_put_char(&out, '\n');
    }
    str s = str_dup(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

/* Counts that nobody said are written as 0, as OpenAI does. */
static void count_said(int64_t *n)
{
    *n = *n < 0 ? 0 : *n;
}

static str print_answer(const struct ir_answer *answer, struct arena *a)
{
    struct ir_answer copy = *answer, *an = &copy;
    struct buf out;
    count_said(&an->usage.input);
    count_said(&an->usage.output);
    count_said(&an->usage.cached);
    count_said(&an->usage.reasoning);
    buf_init(&out, LOG_MAX);
    ir_print_answer(an, &out);
    str s = str_dup(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

/* What was written reads back as what was read. */
static void check_rewritten(const char *name, struct pass *p)
{
    struct pass q;
    struct fail f;
    pass_init(&q, false);
    q.ask.model = p->ask.model;
    if (feed(&q, buf_str(&p->out), SIZE_MAX / 2, &f) != OK)
        fail_msg("%s: written again: %s", name, fail_text(&f));
    if (p->answer.error) {
        /* Parts need no end then, and our errors always have a type. */
        const struct ir_error *x = p->answer.error, *y = q.answer.error;
        assert_true(y && x->status == y->status && str_eq(x->message, y->message) &&
                    str_eq(x->code, y->code));
        pass_fini(&q);
        return;
    }
    same("log of what was written", name, excepted(name, buf_str(&p->plain), &q.life),
         excepted(name, buf_str(&q.plain), &q.life));
    same("answer as written", name, excepted(name, print_answer(&p->answer, &q.life), &q.life),
         excepted(name, print_answer(&q.answer, &q.life), &q.life));
    pass_fini(&q);
}

/* The model of a stream, which its answer must name. */
static str stream_model(str text, struct arena *a)
{
    struct pass p;
    struct fail f;
    pass_init(&p, false);
    str model = feed(&p, text, SIZE_MAX / 2, &f) == OK ? str_dup(a, p.answer.model) : S("");
    pass_fini(&p);
    return model;
}

static size_t streams, stream_errors, cuts;

/* Each prefix of events: nothing but the whole says END, unless the reason was said. */
static void check_cuts(const char *name, str text)
{
    for (size_t at = 0, n = 0; at < text.n; n++) {
        str rest = str_from(text, at);
        size_t end = str_find(rest, S("\n\n"));
        struct pass p;
        struct fail f = {0};
        at += end + 2;
        if (at >= text.n || (n > 40 && n % 16))
            continue;
        pass_init(&p, false);
        enum err e = feed(&p, str_head(text, at), SIZE_MAX / 2, &f);
        bool reason = p.answer.replies != NULL;
        for (const struct ir_reply *r = p.answer.replies; r; r = r->next)
            reason &= r->finished;
        if (e != (p.answer.error || reason ? OK : ERR_UP_CUT))
            fail_msg("%s: cut after event %zu: error %d", name, n, e);
        if (p.answer.complete != (e == OK && !p.answer.error))
            fail_msg("%s: cut after event %zu looks complete", name, n);
        cuts++;
        pass_fini(&p);
    }
}

static void run_stream(const char *name, str text)
{
    static const size_t steps[] = {1, 3, 17, 64, 999, 4096};
    struct pass whole;
    struct fail f;
    pass_init(&whole, false);
    whole.ask.model = stream_model(text, &whole.life);
    if (feed(&whole, text, SIZE_MAX / 2, &f) != OK)
        fail_msg("%s: %s", name, fail_text(&f));
    streams++;
    stream_errors += whole.answer.error != NULL;
    assert_true(whole.answer.complete || whole.answer.error);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct pass p;
        pass_init(&p, false);
        assert_int_equal(feed(&p, text, steps[i], &f), OK);
        same("log", name, buf_str(&whole.log), buf_str(&p.log));
        pass_fini(&p);
    }
    check_rewritten(name, &whole);
    pass_fini(&whole);
    check_cuts(name, text);
}

static void test_streams(void **state)
{
    (void)state;
    streams = stream_errors = cuts = 0;
    each("openai-chat", "response.sse", run_stream);
    print_message("%zu streams, %zu end with an error, %zu cuts\n", streams, stream_errors, cuts);
    assert_true(streams >= 18 && stream_errors >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_wholes),
        cmocka_unit_test(test_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

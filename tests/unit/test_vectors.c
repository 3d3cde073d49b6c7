/*
 * The codecs over the .md files of tests/vectors/<dialect>; tests/vectors/README.md has the format.
 * Files with a block ```facts are test_tap's. All vectors of a folder are run before it fails.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "http/sse.h"
#include "ir/print.h"
#include "support/document.h"
#include "support/grammar.h"
#include "support/markdown.h"
#include "support/translate.h"

enum { BLOCKS_MAX = 48, OUT_MAX = 1 << 26 };

struct vector {
    char name[300];
    const struct codec *codec;
    struct md_block blocks[BLOCKS_MAX];
    size_t n;
    size_t failures;
};

static size_t failures, run;

static void complain(struct vector *v, const struct md_block *b, const char *what, str detail)
{
    str where = b ? b->name : S("the file");
    fprintf(stderr, "%s, %.*s: %s%.*s\n", v->name, STR_FMT(where), what, STR_FMT(detail));
    v->failures++;
}

static const struct md_block *find(const struct vector *v, const char *name)
{
    for (size_t i = 0; i < v->n; i++) {
        if (str_eq(v->blocks[i].name, str_c(name)))
            return &v->blocks[i];
    }
    return NULL;
}

static void check_text(struct vector *v, const struct md_block *b, str got)
{
    if (str_eq(str_trim(b->text), str_trim(got)))
        return;
    complain(v, b, "wanted\n", b->text);
    fprintf(stderr, "got\n%.*s\n", STR_FMT(got));
}

static void check_document(struct vector *v, const struct md_block *b, str got)
{
    struct document_blanks blanks;
    struct fail why = {0};
    document_blanks_init(&blanks);
    if (!document_same(b->text, got, &blanks, &why)) {
        complain(v, b, why.text, S(""));
        fprintf(stderr, "got\n%.*s\n", STR_FMT(got));
    }
    document_blanks_fini(&blanks);
}

/* ---- requests ---- */

static struct ir_target target_of(const struct md_block *b)
{
    str model = md_option(b, S("model")), most = md_option(b, S("max_output"));
    str reasons = md_option(b, S("reasons"));
    struct ir_target t = {.model = model.n ? model : S("target-model"),
                          .counting = md_has(b, S("counting")),
                          .is_compat = md_has(b, S("compat")),
                          .vertex = md_has(b, S("vertex"))};
    if (most.n)
        assert_true(str_u64(most, &t.max_output));
    if (reasons.n)
        t.reasons = str_eq(reasons, S("yes")) ? IR_YES : IR_NO;
    return t;
}

static bool listed(str lines, str name)
{
    while (lines.p && lines.n) {
        if (str_eq(str_trim(str_split(&lines, '\n')), name))
            return true;
    }
    return false;
}

/* The names are those of the block behind the target's, or there are none. */
static void check_lost(struct vector *v, size_t at, const struct ir_losses *lost)
{
    const struct md_block *b = &v->blocks[at];
    bool has = at + 1 < v->n && str_eq(v->blocks[at + 1].name, S("lost"));
    str lines = has ? v->blocks[at + 1].text : S("");
    size_t n = 0;
    for (size_t i = 0; i < lost->n; i++) {
        if (!listed(lines, lost->names[i]))
            complain(v, b, "lost, but not listed: ", lost->names[i]);
    }
    for (str rest = lines; rest.p && rest.n;)
        n += str_trim(str_split(&rest, '\n')).n > 0;
    if (n > lost->n)
        complain(v, b, "not all was lost of\n", lines);
}

static void check_refused(struct vector *v, const struct md_block *b, enum err e,
                          const struct fail *f)
{
    str want = str_trim(b->text);
    if (!e)
        complain(v, b, "was not refused", S(""));
    else if (str_find(str_c(fail_text(f)), want) == strlen(fail_text(f)) && want.n)
        complain(v, b, "was refused in other words: ", str_c(fail_text(f)));
}

/* What we wrote is a request of the dialect. */
static void read_again(struct vector *v, const struct md_block *b, const struct codec *to, str body)
{
    struct arena a;
    struct ir_request rq;
    struct fail f = {0};
    arena_init(&a);
    if (to->request_read && !md_has(b, S("counting")) &&
        codec_read_request(to, body, &a, &rq, &f) != OK)
        complain(v, b, "what was written cannot be read: ", str_c(fail_text(&f)));
    arena_fini(&a);
}

static void run_target(struct vector *v, size_t at, str body)
{
    const struct md_block *b = &v->blocks[at];
    const struct codec *to = codec_named(str_from(b->name, strlen("to-")));
    struct ir_target target = target_of(b);
    struct written_request w = {0};
    struct arena a;
    arena_init(&a);
    buf_init(&w.out, OUT_MAX);
    enum err e = translate_request(v->codec, to, body, &target, &a, &w);
    if (md_has(b, S("refused"))) {
        check_refused(v, b, e, &w.fail);
    } else if (e) {
        complain(v, b, "was refused: ", str_c(fail_text(&w.fail)));
    } else {
        check_document(v, b, buf_str(&w.out));
        check_lost(v, at, &w.lost);
        read_again(v, b, to, buf_str(&w.out));
    }
    buf_fini(&w.out);
    arena_fini(&a);
}

static void run_request(struct vector *v, str body)
{
    const struct md_block *refused = find(v, "refused"), *ir = find(v, "ir");
    struct ir_request rq;
    struct arena a;
    struct buf out;
    struct fail f = {0};
    arena_init(&a);
    buf_init(&out, OUT_MAX);
    enum err e = codec_read_request(v->codec, body, &a, &rq, &f);
    if (refused)
        check_refused(v, refused, e, &f);
    else if (e)
        complain(v, NULL, "the request was refused: ", str_c(fail_text(&f)));
    if (!e && ir) {
        ir_print_request(&rq, &out);
        check_text(v, ir, buf_str(&out));
    }
    for (size_t i = 0; i < v->n && !e; i++) {
        if (str_starts(v->blocks[i].name, S("to-")))
            run_target(v, i, body);
    }
    buf_fini(&out);
    arena_fini(&a);
}

/* ---- answers ---- */

struct source {
    const struct md_block *block;
    bool stream;
};

static enum err read_source(const struct vector *v, struct source s, struct cuts cuts,
                            struct arena *life, ir_emit_fn *emit, void *arg, long *seen,
                            struct fail *f)
{
    if (s.stream)
        return translate_stream(v->codec, s.block->text, cuts, life, emit, arg, seen, f);
    return translate_whole(v->codec, s.block->text, life, emit, arg, f);
}

/* The printed events of one way of reading. */
static enum err log_of(const struct vector *v, struct source s, struct cuts cuts, struct buf *out,
                       long *seen)
{
    struct ir_printer printer;
    struct arena life;
    struct fail f = {0};
    arena_init(&life);
    buf_clear(out);
    ir_printer_init(&printer, out);
    enum err e = read_source(v, s, cuts, &life, ir_printer_take, &printer, seen, &f);
    ir_printer_fini(&printer);
    arena_fini(&life);
    return e;
}

static bool has_line(str log, str line)
{
    while (log.p && log.n) {
        if (str_starts(str_split(&log, '\n'), line))
            return true;
    }
    return false;
}

static bool has_end(str log)
{
    return has_line(log, S("end")) || has_line(log, S("error"));
}

/* Every way of cutting the bytes reads the same. */
static void check_cuts(struct vector *v, struct source s, str log, enum err e)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    for (size_t at = 0; at <= s.block->text.n; at++) {
        struct cuts cuts = {at, at ? SIZE_MAX / 2 : 1, -1};
        if (log_of(v, s, cuts, &out, NULL) == e && str_eq(buf_str(&out), log))
            continue;
        complain(v, s.block, "cut it reads otherwise:\n", buf_str(&out));
        fprintf(stderr, "cut at byte %zu\n", at);
        break;
    }
    buf_fini(&out);
}

/* Broken off after each event: no end before the last two (chat's usage and [DONE] may be missing:
 * SPEC 13.8), and nothing that the whole stream would not have said. */
static void check_breaks(struct vector *v, struct source s, str log, long frames)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    for (long n = 0; n < frames; n++) {
        struct cuts cuts = UNCUT;
        cuts.frames = n;
        enum err e = log_of(v, s, cuts, &out, NULL);
        bool ended = has_end(buf_str(&out));
        if (ended != (e == OK))
            complain(v, s.block, "broken off, its end is no end:\n", buf_str(&out));
        else if (ended && n + 2 < frames && !has_line(log, S("error")))
            complain(v, s.block, "broken off, it looks complete:\n", buf_str(&out));
        else if (!ended && e != ERR_UP_CUT)
            complain(v, s.block, "broken off, the error is not UP_CUT but ",
                     str_c(err_info(e)->name));
        else
            continue;
        fprintf(stderr, "after %ld of %ld events\n", n, frames);
        break;
    }
    buf_fini(&out);
}

static void run_events(struct vector *v, struct source s)
{
    const struct md_block *events = find(v, "events");
    struct buf out;
    long frames = 0;
    buf_init(&out, OUT_MAX);
    enum err e = log_of(v, s, UNCUT, &out, &frames);
    if ((e == OK) != has_end(buf_str(&out)) || (e && e != ERR_UP_CUT && e != ERR_UP_PROTOCOL))
        complain(v, s.block, "no end without an error: ", str_c(err_info(e)->name));
    if (events)
        check_text(v, events, buf_str(&out));
    str log = buf_str(&out);
    if (s.stream) {
        check_cuts(v, s, log, e);
        check_breaks(v, s, log, frames);
    }
    buf_fini(&out);
}

/* ---- what clients see ---- */

/* What the client asked, if the vector says so: its names and Responses' echo. */
static void ask_of(struct vector *v, str client, struct arena *a, struct answer_ask *ask,
                   struct ir_names *names)
{
    char name[64];
    snprintf(name, sizeof name, "asked-%.*s", STR_FMT(client));
    const struct md_block *b = find(v, name);
    const struct codec *c = codec_named(client);
    struct written_request w = {0};
    *names = (struct ir_names){NULL};
    if (!b)
        return;
    struct ir_request *plain = arena_new(a, struct ir_request);
    if (c->request_echo && codec_read_request(c, b->text, a, plain, &w.fail) == OK)
        ask->echo = c->request_echo(plain, a);
    struct ir_target target = target_of(b);
    buf_init(&w.out, OUT_MAX);
    if (translate_request(c, v->codec, b->text, &target, a, &w) != OK)
        complain(v, b, "was refused: ", str_c(fail_text(&w.fail)));
    else
        *names = w.names;
    buf_fini(&w.out);
}

struct client {
    const struct md_block *block;
    const struct codec *codec;
    str name;
    bool stream;
};

static bool client_of(const struct md_block *b, struct client *c)
{
    str name = str_from(b->name, strlen("as-"));
    if (!str_starts(b->name, S("as-")))
        return false;
    *c = (struct client){.block = b, .stream = str_ends(name, S("-stream"))};
    c->name = c->stream ? str_head(name, name.n - strlen("-stream")) : name;
    c->codec = codec_named(c->name);
    return c->codec != NULL;
}

static void same_frame(struct vector *v, const struct md_block *b, str want, str got,
                       struct document_blanks *blanks)
{
    struct sse_event w, g;
    struct buf wl, gl;
    struct fail why = {0};
    buf_init(&wl, OUT_MAX);
    buf_init(&gl, OUT_MAX);
    sse_parse(want, &wl, &w);
    sse_parse(got, &gl, &g);
    bool same = str_eq(w.type, g.type) &&
                (str_eq(w.data, g.data) || document_same(w.data, g.data, blanks, &why));
    if (!same) {
        complain(v, b, why.text, S(""));
        fprintf(stderr, "wanted\n%.*sgot\n%.*s", STR_FMT(want), STR_FMT(got));
    }
    buf_fini(&wl);
    buf_fini(&gl);
}

static void check_sse(struct vector *v, const struct md_block *b, str got)
{
    struct sse_splitter ws, gs;
    struct document_blanks blanks;
    struct buf text;
    str wf = {0}, gf = {0};
    buf_init(&text, OUT_MAX);
    buf_put(&text, str_trim(b->text));
    buf_lit(&text, "\n\n");
    str want = buf_str(&text);
    sse_splitter_init(&ws, OUT_MAX);
    sse_splitter_init(&gs, OUT_MAX);
    document_blanks_init(&blanks);
    for (size_t before = v->failures; v->failures == before;) {
        int w = sse_next(&ws, &want, &wf), g = sse_next(&gs, &got, &gf);
        if (w <= 0 && g <= 0)
            break;
        if (w <= 0)
            complain(v, b, "an event too many:\n", gf);
        else if (g <= 0)
            complain(v, b, "an event is missing:\n", wf);
        else
            same_frame(v, b, wf, gf, &blanks);
    }
    document_blanks_fini(&blanks);
    sse_splitter_fini(&ws);
    sse_splitter_fini(&gs);
    buf_fini(&text);
}

static void check_grammar(struct vector *v, const struct client *c, str got)
{
    static const struct {
        const struct codec *codec;
        enum grammar_kind kind;
    } kinds[] = {{&codec_chat, GRAMMAR_CHAT},
                 {&codec_completions, GRAMMAR_COMPLETIONS},
                 {&codec_responses, GRAMMAR_RESPONSES},
                 {&codec_anthropic, GRAMMAR_ANTHROPIC},
                 {&codec_gemini, GRAMMAR_GEMINI}};
    struct grammar g;
    struct fail why = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].codec == c->codec && !grammar_check(&g, kinds[i].kind, got, &why))
            complain(v, c->block, "breaks the grammar: ", str_c(why.text));
    }
}

static void run_client_stream(struct vector *v, struct source s, const struct client *c)
{
    struct arena a;
    struct buf out;
    struct client_stream stream;
    struct ir_names names;
    struct fail f = {0};
    arena_init(&a);
    buf_init(&out, OUT_MAX);
    struct answer_ask ask = translate_ask(&a, v->codec->dialect);
    ask.include_usage = md_has(c->block, S("include_usage"));
    ask.json_array = md_has(c->block, S("json_array"));
    ask.codex = md_has(c->block, S("codex"));
    ask.legacy = c->codec == &codec_completions;
    ask_of(v, c->name, &a, &ask, &names);
    client_stream_init(&stream, c->codec, &ask, &out);
    struct ir_unname *u = ir_unname_new(&a, &names, client_stream_take, &stream);
    if (read_source(v, s, UNCUT, &a, ir_unname_take, u, NULL, &f) && s.stream)
        print_message("%s: %s\n", v->name, fail_text(&f));
    client_stream_fini(&stream);
    if (ask.json_array) {
        check_document(v, c->block, buf_str(&out));
    } else {
        check_sse(v, c->block, buf_str(&out));
        check_grammar(v, c, buf_str(&out));
    }
    ir_unname_free(u);
    buf_fini(&out);
    arena_fini(&a);
}

static void run_client_whole(struct vector *v, struct source s, const struct client *c)
{
    struct arena a;
    struct buf out;
    struct ir_answer an;
    struct ir_names names;
    struct fail f = {0};
    arena_init(&a);
    buf_init(&out, OUT_MAX);
    struct answer_ask ask = translate_ask(&a, v->codec->dialect);
    ask.legacy = c->codec == &codec_completions;
    ask_of(v, c->name, &a, &ask, &names);
    ir_answer_init(&an, &a, v->codec->dialect, OUT_MAX, !s.stream);
    struct ir_unname *u = ir_unname_new(&a, &names, ir_answer_take, &an);
    enum err e = read_source(v, s, UNCUT, &a, ir_unname_take, u, NULL, &f);
    if (e) {
        complain(v, c->block, "the answer cannot be read: ", str_c(fail_text(&f)));
    } else {
        c->codec->write_whole(&ask, &an, &out);
        check_document(v, c->block, buf_str(&out));
    }
    ir_unname_free(u);
    buf_fini(&out);
    arena_fini(&a);
}

static void run_collected(struct vector *v, struct source s)
{
    const struct md_block *b = find(v, "answer");
    struct arena a;
    struct buf out;
    struct ir_answer an;
    struct fail f = {0};
    if (!b)
        return;
    arena_init(&a);
    buf_init(&out, OUT_MAX);
    ir_answer_init(&an, &a, v->codec->dialect, OUT_MAX, !s.stream);
    enum err e = read_source(v, s, UNCUT, &a, ir_answer_take, &an, NULL, &f);
    if (e && e != ERR_UP_CUT)
        complain(v, b, "the answer cannot be read: ", str_c(fail_text(&f)));
    ir_print_answer(&an, &out);
    check_text(v, b, buf_str(&out));
    buf_fini(&out);
    arena_fini(&a);
}

static void run_answer(struct vector *v, struct source s)
{
    run_events(v, s);
    run_collected(v, s);
    for (size_t i = 0; i < v->n; i++) {
        struct client c;
        if (!client_of(&v->blocks[i], &c))
            continue;
        if (c.stream)
            run_client_stream(v, s, &c);
        else
            run_client_whole(v, s, &c);
    }
}

/* ---- files ---- */

/* A block of a name that nobody reads would be a test that cannot fail. */
static bool known(const struct md_block *b)
{
    static const char *const names[] = {"request", "ir",    "lost",   "refused",
                                        "stream",  "whole", "events", "answer"};
    static const char *const with[] = {"to-", "as-", "asked-"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_eq(b->name, str_c(names[i])))
            return true;
    }
    for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
        str rest = str_from(b->name, strlen(with[i]));
        if (str_ends(rest, S("-stream")) && i == 1)
            rest = str_head(rest, rest.n - strlen("-stream"));
        if (str_starts(b->name, str_c(with[i])) && codec_named(rest))
            return true;
    }
    return false;
}

static void run_vector(struct vector *v)
{
    const struct md_block *request = find(v, "request");
    struct source stream = {find(v, "stream"), true}, whole = {find(v, "whole"), false};
    for (size_t i = 0; i < v->n; i++) {
        if (!known(&v->blocks[i]))
            complain(v, &v->blocks[i], "nobody knows such a block", S(""));
    }
    if (!request && !stream.block && !whole.block)
        complain(v, NULL, "there is no request, stream or whole", S(""));
    if (request)
        run_request(v, request->text);
    if (stream.block)
        run_answer(v, stream);
    if (whole.block)
        run_answer(v, whole);
    run++;
}

static void run_text(const struct codec *codec, const char *folder, const char *file, str text)
{
    struct vector v = {.codec = codec};
    str rest = text;
    snprintf(v.name, sizeof v.name, "%s/%.200s", folder, file);
    while (v.n < BLOCKS_MAX && md_next(&rest, &v.blocks[v.n]))
        v.n++;
    if (find(&v, "facts"))
        return;
    if (str_find(text, S("\nSource: ")) == text.n)
        complain(&v, NULL, "there is no line Source:", S(""));
    run_vector(&v);
    failures += v.failures;
}

static str slurp(const char *path)
{
    enum { SIZE = 4 << 20 };
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *p = mem_new(SIZE);
    size_t n = fread(p, 1, SIZE, f);
    assert_true(n < SIZE);
    fclose(f);
    return str_of(p, n);
}

static void run_folder(const struct codec *codec, const char *folder, size_t at_least)
{
    char path[900];
    const char *only = getenv("VECTOR"); /* by hand: part of a name */
    snprintf(path, sizeof path, "%s/vectors/%s", TESTS_DIR, folder);
    DIR *dir = opendir(path);
    failures = run = 0;
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        if (!str_ends(str_c(e->d_name), S(".md")) || (only && !strstr(e->d_name, only)))
            continue;
        snprintf(path, sizeof path, "%s/vectors/%s/%s", TESTS_DIR, folder, e->d_name);
        str text = slurp(path);
        run_text(codec, folder, e->d_name, text);
        mem_free((char *)(uintptr_t)text.p);
    }
    closedir(dir);
    print_message("%s: %zu vectors, %zu failures\n", folder, run, failures);
    assert_true(only || run >= at_least);
    if (failures)
        fail_msg("%zu failures", failures);
}

static void test_chat(void **state)
{
    (void)state;
    run_folder(&codec_chat, "openai-chat", 60);
}

static void test_completions(void **state)
{
    (void)state;
    run_folder(&codec_completions, "openai-completions", 5);
}

static void test_responses(void **state)
{
    (void)state;
    run_folder(&codec_responses, "openai-responses", 45);
}

static void test_anthropic(void **state)
{
    (void)state;
    run_folder(&codec_anthropic, "anthropic", 60);
}

static void test_gemini(void **state)
{
    (void)state;
    run_folder(&codec_gemini, "gemini", 35);
}

static int setup(void **state)
{
    (void)state;
    hash_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chat),      cmocka_unit_test(test_completions),
        cmocka_unit_test(test_responses), cmocka_unit_test(test_anthropic),
        cmocka_unit_test(test_gemini),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

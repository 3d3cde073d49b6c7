/*
 * The taps over those .md files of tests/vectors/<dialect> that have a block ```facts; the others
 * are test_vectors'. Beside it stands a block ```stream (event frames) or ```body (a whole answer).
 * The facts are what the tap must say; what is not listed must be absent. Each is run whole, byte
 * by byte and at every two-part split; streams also cut after each event, which must not look like
 * an end.
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
#include "dialect/dialect.h"

struct facts {
    struct usage usage;
    char finish[32], error_text[256];
    bool terminal, error, bare_error, content;
    long usage_only_frames, models, sequence;
};

struct vector {
    char name[300];
    char *file;
    bool stream;
    str input;
    struct facts facts;
};

/* ---- running ---- */

static void frame_seen(struct tap *t, str frame, struct facts *f)
{
    tap_frame(t, frame);
    f->usage_only_frames += t->usage_only;
    f->models += (long)t->n_models;
}

/* Feeds the input in pieces of step bytes after the first; stops after the given frames. */
static struct facts run(const struct dialect *d, const struct vector *v, size_t first, size_t step,
                        long frames)
{
    struct facts f = {0};
    struct tap t;
    struct sse_splitter s;
    tap_init(&t, d);
    sse_splitter_init(&s, 1 << 20);
    for (size_t at = 0, n = first; at < v->input.n && frames; at += n, n = step) {
        n = n < v->input.n - at ? n : v->input.n - at;
        char *copy = mem_new(n ? n : 1);
        memcpy(copy, v->input.p + at, n);
        str in = str_of(copy, n), frame;
        if (!v->stream)
            tap_body(&t, in);
        while (v->stream && frames && sse_next(&s, &in, &frame) > 0) {
            frame_seen(&t, frame, &f);
            frames--;
        }
        mem_free(copy);
    }
    if (!v->stream)
        tap_body_end(&t);
    else if (frames && sse_rest(&s).n)
        frame_seen(&t, sse_rest(&s), &f);
    f.usage = t.usage;
    f.terminal = t.terminal;
    f.error = t.error;
    f.bare_error = t.bare_error;
    f.content = t.content;
    f.sequence = (long)t.sequence;
    memcpy(f.finish, t.finish, sizeof f.finish);
    memcpy(f.error_text, t.error_text, sizeof f.error_text);
    tap_fini(&t);
    sse_splitter_fini(&s);
    return f;
}

static void compare(const struct vector *v, const char *how, size_t at, const struct facts *got)
{
    const struct facts *want = &v->facts;
#define SAME(field, fmt, cast)                                                                  \
    if (got->field != want->field)                                                              \
    fail_msg("%s, %s %zu: " #field " is " fmt ", not " fmt, v->name, how, at, (cast)got->field, \
             (cast)want->field)
    SAME(usage.input, "%ld", long);
    SAME(usage.output, "%ld", long);
    SAME(usage.cached, "%ld", long);
    SAME(usage.cache_write, "%ld", long);
    SAME(usage.reasoning, "%ld", long);
    SAME(terminal, "%d", int);
    SAME(error, "%d", int);
    SAME(bare_error, "%d", int);
    SAME(content, "%d", int);
    SAME(usage_only_frames, "%ld", long);
    SAME(models, "%ld", long);
    SAME(sequence, "%ld", long);
    if (strcmp(got->finish, want->finish) != 0 || strcmp(got->error_text, want->error_text) != 0)
        fail_msg("%s, %s %zu: finish \"%s\", error \"%s\"", v->name, how, at, got->finish,
                 got->error_text);
}

static void run_all(const struct dialect *d, const struct vector *v)
{
    struct facts f = run(d, v, v->input.n, 1, -1);
    compare(v, "whole", 0, &f);
    f = run(d, v, 1, 1, -1);
    compare(v, "byte by byte", 0, &f);
    for (size_t at = 0; at < v->input.n; at++) {
        f = run(d, v, at, v->input.n, -1);
        compare(v, "cut at", at, &f);
    }
    if (!v->stream)
        return;
    long end = 1;
    while (end < 100 && !run(d, v, v->input.n, 1, end).terminal)
        end++;
    for (long frames = 1; frames < end && v->facts.terminal; frames++) {
        f = run(d, v, 7, 13, frames);
        if (f.terminal)
            fail_msg("%s cut after %ld events looks complete", v->name, frames);
    }
}

/* ---- reading ---- */

enum fact_kind { COUNT, NUMBER, FLAG, TEXT };

#define AT(member) offsetof(struct facts, member), sizeof((struct facts *)0)->member

static const struct fact {
    const char *key;
    enum fact_kind kind;
    size_t at, size;
} rows[] = {
    {"input", COUNT, AT(usage.input)},
    {"output", COUNT, AT(usage.output)},
    {"cached", COUNT, AT(usage.cached)},
    {"cache_write", COUNT, AT(usage.cache_write)},
    {"reasoning", COUNT, AT(usage.reasoning)},
    {"finish", TEXT, AT(finish)},
    {"error_text", TEXT, AT(error_text)},
    {"terminal", FLAG, AT(terminal)},
    {"error", FLAG, AT(error)},
    {"bare_error", FLAG, AT(bare_error)},
    {"content", FLAG, AT(content)},
    {"usage_only_frames", NUMBER, AT(usage_only_frames)},
    {"models", NUMBER, AT(models)},
    {"sequence", NUMBER, AT(sequence)},
};

static void fact_set(struct facts *f, str key, str value)
{
    char text[300] = "";
    assert_true(value.n < sizeof text);
    memcpy(text, value.p, value.n);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *to = (char *)f + rows[i].at;
        if (!str_eq(key, str_c(rows[i].key)))
            continue;
        switch (rows[i].kind) {
        case COUNT: *(int64_t *)(void *)to = strtol(text, NULL, 10); return;
        case NUMBER: *(long *)(void *)to = strtol(text, NULL, 10); return;
        case FLAG: *(bool *)to = str_eq(value, S("yes")); return;
        case TEXT:
            assert_true(value.n < rows[i].size);
            memcpy(to, text, value.n + 1);
            return;
        }
    }
    fail_msg("unknown fact: %.*s", STR_FMT(key));
}

/* The inside of the fenced block that begins with fence, or p == NULL. */
static str block(str text, const char *fence)
{
    size_t at = str_find(text, str_c(fence));
    if (at == text.n)
        return (str){NULL, 0};
    str inside = str_from(text, at + strlen(fence));
    return str_head(inside, str_find(inside, S("\n```")) + 1);
}

static void vector_read(struct vector *v, str text)
{
    v->facts = (struct facts){.usage = USAGE_NONE, .sequence = -1};
    v->input = block(text, "```stream\n");
    v->stream = v->input.p != NULL;
    if (!v->stream)
        v->input = block(text, "```body\n");
    str facts = block(text, "```facts\n");
    assert_true(v->input.p && facts.p && str_find(text, S("\nSource: ")) < text.n);
    while (facts.p && facts.n) {
        str line = str_split(&facts, '\n');
        size_t colon = str_find(line, S(": "));
        if (line.n)
            fact_set(&v->facts, str_head(line, colon), str_from(line, colon + 2));
    }
}

static str slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *p = mem_new(1 << 20);
    size_t n = fread(p, 1, 1 << 20, f);
    fclose(f);
    return str_of(p, n);
}

static void run_vectors(enum dialect_id id)
{
    const struct dialect *d = dialect_get(id);
    char path[700];
    snprintf(path, sizeof path, "%s/vectors/%s", TESTS_DIR, d->name);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t count = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (!str_ends(str_c(e->d_name), S(".md")))
            continue;
        struct vector v = {0};
        snprintf(v.name, sizeof v.name, "%s/%.200s", d->name, e->d_name);
        snprintf(path, sizeof path, "%s/vectors/%s/%s", TESTS_DIR, d->name, e->d_name);
        str text = slurp(path);
        if (str_find(text, S("\n```facts\n")) < text.n) {
            vector_read(&v, text);
            run_all(d, &v);
            count++;
        }
        mem_free((char *)(uintptr_t)text.p);
    }
    closedir(dir);
    assert_true(count > 5);
}

static void test_chat(void **state)
{
    (void)state;
    run_vectors(DIALECT_CHAT);
}

static void test_responses(void **state)
{
    (void)state;
    run_vectors(DIALECT_RESPONSES);
}

static void test_anthropic(void **state)
{
    (void)state;
    run_vectors(DIALECT_ANTHROPIC);
}

static void test_gemini(void **state)
{
    (void)state;
    run_vectors(DIALECT_GEMINI);
}

/* What is left at a stream's end counts only if nothing but line ends is missing. */
static void test_rest(void **state)
{
    (void)state;
    static const struct {
        enum dialect_id dialect;
        const char *whole;
    } rests[] = {
        {DIALECT_CHAT, "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}"},
        {DIALECT_CHAT, "data: [DONE]"},
        {DIALECT_CHAT, "{\"error\":{\"message\":\"x\"}}"},
        {DIALECT_ANTHROPIC, "event: message_stop\ndata: {\"type\":\"message_stop\"}"},
        {DIALECT_RESPONSES, "event: a\r\ndata: {\"a\":\r\ndata: 1}"},
        {DIALECT_GEMINI, "data: {\"candidates\": [{\"finishReason\": \"STOP\"}]}"},
    };
    for (size_t i = 0; i < sizeof rests / sizeof rests[0]; i++) {
        struct tap t;
        char ended[200];
        str whole = str_c(rests[i].whole);
        tap_init(&t, dialect_get(rests[i].dialect));
        for (size_t n = 0; n < whole.n; n++) {
            if (tap_rest_whole(&t, str_head(whole, n)))
                fail_msg("%.*s is torn", (int)n, whole.p);
        }
        assert_true(tap_rest_whole(&t, whole));
        snprintf(ended, sizeof ended, "%s\n", rests[i].whole);
        assert_true(tap_rest_whole(&t, str_c(ended)));
        tap_fini(&t);
    }
}

/* Texts and names are bounded, whatever a provider sends. */
static void test_bounds(void **state)
{
    (void)state;
    struct tap t;
    char frame[2000], wide[700];
    for (size_t i = 0; i < 660; i += 3)
        memcpy(wide + i, "\xe2\x82\xac", 4);
    tap_init(&t, dialect_get(DIALECT_CHAT));
    snprintf(frame, sizeof frame,
             "data: {\"choices\":[{\"finish_reason\":\"%.90s\"}],\"error\":{\"message\":\"%s\"},"
             "\"model\":1,\"usage\":{\"prompt_tokens\":99999999999999999999,"
             "\"completion_tokens\":-5}}\n\n",
             wide, wide);
    tap_frame(&t, str_c(frame));
    assert_int_equal(strlen(t.finish), 30);
    assert_int_equal(strlen(t.error_text), 255);
    assert_true(str_utf8(str_c(t.finish)) && str_utf8(str_c(t.error_text)));
    assert_int_equal(t.usage.input, -1);
    assert_int_equal(t.usage.output, -1);
    tap_frame(&t, S("data: {\"model\":\"a\",\"model\":\"b\",\"model\":\"c\",\"model\":\"d\","
                    "\"model\":\"e\"}\n\n"));
    assert_int_equal(t.n_models, 4);
    tap_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chat),      cmocka_unit_test(test_responses),
        cmocka_unit_test(test_anthropic), cmocka_unit_test(test_gemini),
        cmocka_unit_test(test_rest),      cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

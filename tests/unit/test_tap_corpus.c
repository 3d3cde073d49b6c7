/*
 * The taps over every recorded answer of the four dialects, against a reader that goes another
 * way: frames by plain search, values by JSON pointers through yyjson. The recordings are not part
 * of this repository; without them (environment CORPUS, or ../shared/fixtures) this is skipped.
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
#include <yyjson.h>

#include "base/mem.h"
#include "dialect/dialect.h"
#include "json/write.h"

/* ---- the other reader ---- */

struct seen {
    int64_t counts[8];
    char finish[64];
    bool terminal, error, event;
};

enum { INPUT, OUTPUT, CACHED, CACHE_WRITE, REASONING };

static const struct pointer {
    enum dialect_id dialect;
    int what;
    const char *path;
} pointers[] = {
    {DIALECT_CHAT, INPUT, "/usage/prompt_tokens"},
    {DIALECT_CHAT, OUTPUT, "/usage/completion_tokens"},
    {DIALECT_CHAT, CACHED, "/usage/prompt_tokens_details/cached_tokens"},
    {DIALECT_CHAT, CACHED, "/usage/prompt_cache_hit_tokens"},
    {DIALECT_CHAT, CACHE_WRITE, "/usage/prompt_tokens_details/cache_write_tokens"},
    {DIALECT_CHAT, CACHE_WRITE, "/usage/cache_creation_input_tokens"},
    {DIALECT_CHAT, REASONING, "/usage/completion_tokens_details/reasoning_tokens"},
    {DIALECT_CHAT, INPUT, "/x_groq/usage/prompt_tokens"},
    {DIALECT_CHAT, OUTPUT, "/x_groq/usage/completion_tokens"},
    {DIALECT_RESPONSES, INPUT, "/usage/input_tokens"},
    {DIALECT_RESPONSES, OUTPUT, "/usage/output_tokens"},
    {DIALECT_RESPONSES, CACHED, "/usage/input_tokens_details/cached_tokens"},
    {DIALECT_RESPONSES, CACHE_WRITE, "/usage/input_tokens_details/cache_write_tokens"},
    {DIALECT_RESPONSES, REASONING, "/usage/output_tokens_details/reasoning_tokens"},
    {DIALECT_ANTHROPIC, INPUT, "/input_tokens"},
    {DIALECT_ANTHROPIC, INPUT, "/usage/input_tokens"},
    {DIALECT_ANTHROPIC, OUTPUT, "/usage/output_tokens"},
    {DIALECT_ANTHROPIC, CACHED, "/usage/cache_read_input_tokens"},
    {DIALECT_ANTHROPIC, CACHE_WRITE, "/usage/cache_creation_input_tokens"},
    {DIALECT_ANTHROPIC, REASONING, "/usage/output_tokens_details/thinking_tokens"},
    {DIALECT_GEMINI, INPUT, "/usageMetadata/promptTokenCount"},
    {DIALECT_GEMINI, OUTPUT, "/usageMetadata/candidatesTokenCount"},
    {DIALECT_GEMINI, CACHED, "/usageMetadata/cachedContentTokenCount"},
    {DIALECT_GEMINI, REASONING, "/usageMetadata/thoughtsTokenCount"},
};

static void finish_set(struct seen *s, yyjson_val *v)
{
    if (yyjson_is_str(v) && yyjson_get_len(v))
        snprintf(s->finish, sizeof s->finish, "%s", yyjson_get_str(v));
    else if (yyjson_is_int(v))
        snprintf(s->finish, sizeof s->finish, "%d", yyjson_get_int(v));
}

static void finishes(struct seen *s, enum dialect_id d, yyjson_val *root, yyjson_val *inner)
{
    size_t i, max;
    yyjson_val *v, *list = yyjson_obj_get(root, d == DIALECT_CHAT ? "choices" : "candidates");
    yyjson_arr_foreach (list, i, max, v) {
        finish_set(s, yyjson_obj_get(v, d == DIALECT_CHAT ? "finish_reason" : "finishReason"));
    }
    if (d == DIALECT_GEMINI)
        finish_set(s, yyjson_ptr_get(root, "/promptFeedback/blockReason"));
    if (d == DIALECT_ANTHROPIC) {
        finish_set(s, yyjson_ptr_get(root, "/delta/stop_reason"));
        finish_set(s, yyjson_obj_get(root, "stop_reason"));
    }
    if (d == DIALECT_RESPONSES) {
        yyjson_val *reason = yyjson_ptr_get(inner, "/incomplete_details/reason");
        yyjson_val *status = yyjson_obj_get(inner, "status");
        if (reason)
            finish_set(s, reason);
        else if (!yyjson_equals_str(status, "in_progress") && !yyjson_equals_str(status, "queued"))
            finish_set(s, status);
    }
}

static void types(struct seen *s, enum dialect_id d, yyjson_val *root)
{
    const char *type = yyjson_get_str(yyjson_obj_get(root, "type"));
    if (d == DIALECT_GEMINI && s->finish[0])
        s->terminal = true;
    if (!type)
        return;
    if (d == DIALECT_ANTHROPIC && !strcmp(type, "message_stop"))
        s->terminal = true;
    if (d == DIALECT_RESPONSES &&
        (!strcmp(type, "response.completed") || !strcmp(type, "response.incomplete") ||
         !strcmp(type, "response.failed")))
        s->terminal = true;
}

static void read_doc(struct seen *s, enum dialect_id d, yyjson_val *root)
{
    yyjson_val *wrapped = yyjson_obj_get(root, d == DIALECT_ANTHROPIC ? "message" : "response");
    yyjson_val *inner = yyjson_is_obj(wrapped) && d != DIALECT_CHAT ? wrapped : root;
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        const struct pointer *p = &pointers[i];
        yyjson_val *v = p->dialect == d ? yyjson_ptr_get(inner, p->path) : NULL;
        if (yyjson_is_uint(v) && (yyjson_get_uint(v) || s->counts[p->what] < 0))
            s->counts[p->what] = (int64_t)yyjson_get_uint(v);
    }
    finishes(s, d, root, inner);
    types(s, d, root);
    if (yyjson_is_obj(yyjson_obj_get(root, "error")) ||
        yyjson_is_str(yyjson_obj_get(root, "error")))
        s->error = true;
}

/* Sums as SPEC 5.9 has them. */
static struct usage sums(const struct seen *s, enum dialect_id d)
{
    const int64_t *c = s->counts;
    struct usage u = {c[INPUT], c[OUTPUT], c[CACHED], c[CACHE_WRITE], c[REASONING]};
    if (d == DIALECT_ANTHROPIC && u.input >= 0)
        u.input += (u.cached > 0 ? u.cached : 0) + (u.cache_write > 0 ? u.cache_write : 0);
    if (d == DIALECT_GEMINI && (u.output >= 0 || u.reasoning >= 0))
        u.output = (u.output > 0 ? u.output : 0) + (u.reasoning > 0 ? u.reasoning : 0);
    return u;
}

static void read_stream(struct seen *s, enum dialect_id d, str text)
{
    while (text.p && text.n) {
        str line = str_trim(str_split(&text, '\n'));
        if (!str_starts(line, S("data:")))
            continue;
        str data = str_trim(str_from(line, 5));
        if (str_eq(data, S("[DONE]"))) {
            s->terminal = true;
            continue;
        }
        yyjson_doc *doc = yyjson_read(data.p, data.n, 0);
        read_doc(s, d, yyjson_doc_get_root(doc));
        yyjson_doc_free(doc);
    }
}

static void read_body(struct seen *s, enum dialect_id d, str text)
{
    yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
    yyjson_val *root = yyjson_doc_get_root(doc), *v;
    size_t i, max;
    yyjson_arr_foreach (root, i, max, v) {
        read_doc(s, d, v);
    }
    if (!yyjson_is_arr(root))
        read_doc(s, d, root);
    yyjson_doc_free(doc);
    s->terminal = true;
}

/* ---- the tap ---- */

/* Every model name of the renamed frame is the alias, and nothing else has changed. */
static void check_rename(const struct tap *t, str frame, size_t *renamed)
{
    struct buf out, again;
    struct tap u;
    if (!t->n_models)
        return;
    buf_init(&out, 1 << 24);
    tap_rename(t, frame, S("alias"), &out);
    tap_init(&u, t->dialect);
    tap_frame(&u, buf_str(&out));
    assert_int_equal(u.n_models, t->n_models);
    assert_false(str_find(buf_str(&out), S("\"alias\"")) == out.n);
    /* Renaming the result to what it was gives the frame again. */
    str was = str_from(frame, t->doc_at + t->models[0].at + 1);
    was = str_head(was, t->models[0].n - 2);
    buf_init(&again, 1 << 24);
    tap_rename(&u, buf_str(&out), was, &again);
    assert_true(str_eq(buf_str(&again), frame));
    (*renamed)++;
    tap_fini(&u);
    buf_fini(&out);
    buf_fini(&again);
}

static void feed(struct tap *t, bool stream, str text, size_t step, size_t *renamed)
{
    struct sse_splitter s;
    sse_splitter_init(&s, 32 << 20);
    for (size_t at = 0; at < text.n; at += step) {
        str in = str_head(str_from(text, at), step), frame;
        if (!stream)
            tap_body(t, in);
        while (stream && sse_next(&s, &in, &frame) > 0) {
            tap_frame(t, frame);
            check_rename(t, frame, renamed);
        }
    }
    if (!stream)
        tap_body_end(t);
    else if (sse_rest(&s).n)
        tap_frame(t, sse_rest(&s));
    sse_splitter_fini(&s);
}

static void compare(const char *path, const struct tap *t, const struct seen *s)
{
    struct usage u = sums(s, t->dialect->id);
    if (t->usage.input != u.input || t->usage.output != u.output || t->usage.cached != u.cached ||
        t->usage.cache_write != u.cache_write || t->usage.reasoning != u.reasoning)
        fail_msg("%s: usage %ld %ld %ld %ld %ld", path, (long)t->usage.input, (long)t->usage.output,
                 (long)t->usage.cached, (long)t->usage.cache_write, (long)t->usage.reasoning);
    if (strncmp(t->finish, s->finish, sizeof t->finish - 1) != 0)
        fail_msg("%s: finish %s, not %s", path, t->finish, s->finish);
    if (t->terminal != s->terminal || t->error != s->error)
        fail_msg("%s: terminal %d error %d", path, t->terminal, t->error);
}

struct tally {
    size_t answers, with_usage, with_finish, errors, renamed;
};

static void run_answer(enum dialect_id d, const char *path, str text, bool stream,
                       struct tally *tally)
{
    static const size_t steps[] = {SIZE_MAX / 2, 1, 7, 1000};
    struct seen s = {.counts = {-1, -1, -1, -1, -1}};
    if (stream)
        read_stream(&s, d, text);
    else
        read_body(&s, d, text);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct tap t;
        size_t renamed = 0;
        tap_init(&t, dialect_get(d));
        feed(&t, stream, text, steps[i], &renamed);
        compare(path, &t, &s);
        /* A recorded stream is a whole one. */
        if (stream && !t.terminal && !t.finish[0])
            fail_msg("%s seems cut", path);
        if (i == 0) {
            tally->answers++;
            tally->with_usage += t.usage.input > 0;
            tally->with_finish += t.finish[0] != 0;
            tally->errors += t.error;
            tally->renamed += renamed;
        }
        tap_fini(&t);
    }
}

/* A whole answer made a stream says the same, ends properly, and has all of the text. */
static void run_conversion(const char *path, str text)
{
    struct buf out;
    struct tap whole, t;
    size_t renamed = 0;
    buf_init(&out, 1 << 26);
    if (dialect_stream_from_whole(dialect_get(DIALECT_CHAT), text, &out) == OK) {
        tap_init(&whole, dialect_get(DIALECT_CHAT));
        tap_init(&t, dialect_get(DIALECT_CHAT));
        feed(&whole, false, text, SIZE_MAX / 2, &renamed);
        feed(&t, true, buf_str(&out), SIZE_MAX / 2, &renamed);
        if (memcmp(&whole.usage, &t.usage, sizeof t.usage) != 0 || !t.terminal ||
            strcmp(whole.finish, t.finish) != 0)
            fail_msg("%s: streamed says otherwise", path);
        yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
        yyjson_val *root = yyjson_doc_get_root(doc);
        const char *content = yyjson_get_str(yyjson_ptr_get(root, "/choices/0/message/content"));
        const char *call = yyjson_get_str(
            yyjson_ptr_get(root, "/choices/0/message/tool_calls/0/function/arguments"));
        struct buf lit;
        buf_init(&lit, 1 << 24);
        json_put_string(&lit, str_c(content ? content : call));
        assert_true(str_find(buf_str(&out), buf_str(&lit)) < out.n || lit.n == 2);
        buf_fini(&lit);
        yyjson_doc_free(doc);
        tap_fini(&whole);
        tap_fini(&t);
    }
    buf_fini(&out);
}

static bool run_file(enum dialect_id d, const char *path, bool stream, struct tally *tally)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    assert_int_equal(fstat(fileno(f), &st), 0);
    char *p = mem_new((size_t)st.st_size + 1);
    size_t n = fread(p, 1, (size_t)st.st_size, f);
    fclose(f);
    run_answer(d, path, str_of(p, n), stream, tally);
    if (d == DIALECT_CHAT && !stream)
        run_conversion(path, str_of(p, n));
    mem_free(p);
    return true;
}

static void run_dialect(enum dialect_id d, const char *folder, size_t at_least)
{
    const char *root = getenv("CORPUS");
    char path[2000];
    struct tally tally = {0};
    snprintf(path, sizeof path, "%s/%s", root ? root : SOURCE_DIR "/../shared/fixtures", folder);
    size_t n = strlen(path);
    DIR *dir = opendir(path);
    if (!dir) {
        print_message("skipped: no recordings at %s\n", path);
        skip();
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path + n, sizeof path - n, "/%s/response.sse", e->d_name);
        run_file(d, path, true, &tally);
        snprintf(path + n, sizeof path - n, "/%s/response.json", e->d_name);
        run_file(d, path, false, &tally);
    }
    closedir(dir);
    print_message("%s: %zu answers, %zu with usage, %zu with a finish reason, %zu errors, "
                  "%zu frames renamed\n",
                  folder, tally.answers, tally.with_usage, tally.with_finish, tally.errors,
                  tally.renamed);
    assert_true(tally.answers >= at_least && tally.with_usage >= at_least / 4);
}

static void test_chat(void **state)
{
    (void)state;
    run_dialect(DIALECT_CHAT, "openai-chat", 60);
}

static void test_legacy(void **state)
{
    (void)state;
    run_dialect(DIALECT_CHAT, "openai-completions", 4);
}

static void test_responses(void **state)
{
    (void)state;
    run_dialect(DIALECT_RESPONSES, "openai-responses", 70);
}

static void test_anthropic(void **state)
{
    (void)state;
    run_dialect(DIALECT_ANTHROPIC, "anthropic-messages", 65);
}

static void test_gemini(void **state)
{
    (void)state;
    run_dialect(DIALECT_GEMINI, "gemini-generatecontent", 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chat),      cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_responses), cmocka_unit_test(test_anthropic),
        cmocka_unit_test(test_gemini),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * support/grammar.h is what translated streams are held against, so it must see faults: sound
 * streams (seeds of fuzz_codec_stream, written after the vendors' references) with one edit each.
 * Recorded streams of the vendors themselves must pass as well, where they are at hand.
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
#include "support/grammar.h"

static str slurp(const char *path, struct arena *a)
{
    struct buf b;
    FILE *f = fopen(path, "rb");
    if (!f)
        return (str){NULL, 0};
    buf_init(&b, 1 << 26);
    while (buf_reserve(&b, 65536)) {
        size_t n = fread(b.p + b.n, 1, 65536, f);
        if (n == 0)
            break;
        b.n += n;
    }
    fclose(f);
    str s = str_dup(a, buf_str(&b));
    buf_fini(&b);
    return s;
}

static const struct {
    const char *file;
    enum grammar_kind kind;
} sound[] = {{"chat-to-anthropic", GRAMMAR_CHAT},
             {"responses-to-chat", GRAMMAR_RESPONSES},
             {"anthropic-to-chat", GRAMMAR_ANTHROPIC},
             {"gemini-to-chat", GRAMMAR_GEMINI}};

static str seed(enum grammar_kind kind, struct arena *a)
{
    char path[900];
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
        if (sound[i].kind != kind)
            continue;
        snprintf(path, sizeof path, "%s/fuzz/corpus/codec_stream/%s", TESTS_DIR, sound[i].file);
        str text = slurp(path, a);
        assert_non_null(text.p);
        return str_from(text, 3);
    }
    fail();
    return (str){NULL, 0};
}

static void test_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
        struct arena a;
        struct grammar g;
        struct fail why = {0};
        arena_init(&a);
        if (!grammar_check(&g, sound[i].kind, seed(sound[i].kind, &a), &why))
            fail_msg("%s: %s", sound[i].file, why.text);
        assert_true(g.complete && !g.error);
        arena_fini(&a);
    }
}

/* The first `find` becomes `with`. */
static const struct fault {
    enum grammar_kind kind;
    const char *find, *with; /* NULL: the frame that holds find goes */
    const char *rule;
} faults[] = {
    {GRAMMAR_CHAT, "\"role\":\"assistant\"", NULL, "no role"},
    {GRAMMAR_CHAT, "\"id\":\"chatcmpl-1\"", "\"id\":\"other\"", "id changes"},
    {GRAMMAR_CHAT, "\"created\":1", "\"created\":2", "created changes"},
    {GRAMMAR_CHAT, "\"model\":\"gpt\"", "\"model\":\"gpt2\"", "model changes"},
    {GRAMMAR_CHAT, "chat.completion.chunk", "chat.completion", "object is another"},
    {GRAMMAR_CHAT, "\"id\":\"call_1\"", NULL, "is left out"},
    {GRAMMAR_CHAT, "\"id\":\"call_1\"", "\"id\":\"\"", "begins without id"},
    {GRAMMAR_CHAT, "{\"index\":1,\"id\"", "{\"index\":2,\"id\"", "is left out"},
    {GRAMMAR_CHAT, "\"finish_reason\":\"tool_calls\"", NULL, "before a finish_reason"},
    {GRAMMAR_CHAT, "\"finish_reason\":null", "\"finish_reason\":\"stop\"", "goes on after"},
    {GRAMMAR_CHAT, "data: [DONE]", "data: {", "JSON"},
    {GRAMMAR_CHAT, "\"choices\":[{", "\"choices\":{{", "JSON"},
    {GRAMMAR_ANTHROPIC, "message_start\"", NULL, "first event is not message_start"},
    {GRAMMAR_ANTHROPIC, "\"index\":1,\"content_block\"", "\"index\":2,\"content_block\"",
     "index is not next"},
    {GRAMMAR_ANTHROPIC, "content_block_stop\",\"index\":0", NULL, "two blocks are open"},
    {GRAMMAR_ANTHROPIC, "\"type\":\"text_delta\"", "\"type\":\"thinking_delta\"", "another kind"},
    {GRAMMAR_ANTHROPIC, "\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQB\"",
     "\"delta\":{\"type\":\"signature_delta\",\"sig\":\"EqQB\"", "delta is empty"},
    {GRAMMAR_ANTHROPIC, "content_block_start\",\"index\":2", NULL, "not open"},
    {GRAMMAR_ANTHROPIC, "\"stop_reason\":\"tool_use\"", "\"stop_reason\":null", "no stop_reason"},
    {GRAMMAR_ANTHROPIC, "\"stop_reason\":\"tool_use\"", NULL, "without message_delta"},
    {GRAMMAR_ANTHROPIC, "event: content_block_delta", "event: content_block_stop",
     "name is not its type"},
    {GRAMMAR_RESPONSES, "\"sequence_number\":3,", "\"sequence_number\":4,", "not next"},
    {GRAMMAR_RESPONSES, "\"sequence_number\":7,", NULL, "not next"},
    {GRAMMAR_RESPONSES, "\"output_index\":1,\"item\"", "\"output_index\":2,\"item\"",
     "output_index is not next"},
    {GRAMMAR_RESPONSES, "\"item_id\":\"msg_1\"", "\"item_id\":\"msg_2\"", "not open"},
    {GRAMMAR_RESPONSES, "\"delta\":\"Hello\"", "\"delta\":\"Hell\"", "sum of its deltas"},
    {GRAMMAR_RESPONSES, "\"arguments\":\"{\\\"a\\\":1}\"}\n", "\"arguments\":\"{}\"}\n",
     "sum of their deltas"},
    {GRAMMAR_RESPONSES, "\"output\":[{\"id\":\"rs_1\"", "\"output\":[{\"id\":\"rs_2\"", "rs_2"},
    {GRAMMAR_RESPONSES, "\"status\":\"completed\",\"model\"", "\"status\":\"failed\",\"model\"",
     "status is not"},
    {GRAMMAR_GEMINI, "\"role\":\"model\"", "\"role\":\"user\"", "not the model's"},
    {GRAMMAR_GEMINI, "\"responseId\":\"r1\"", "\"responseId\":\"r2\"", "responseId changes"},
    {GRAMMAR_GEMINI, "\"parts\":[", "\"parts\":{\"a\":[", "JSON"},
};

/* Where the frame around `at` begins and ends. */
static str frame_around(str text, size_t at)
{
    size_t begin = 0, end;
    for (;;) {
        end = begin + str_find(str_from(text, begin), S("\n\n")) + 2;
        if (end > at)
            return str_of(text.p + begin, end - begin);
        begin = end;
    }
}

static str spoil(const struct fault *f, str text, struct arena *a)
{
    size_t at = str_find(text, str_c(f->find));
    if (at == text.n)
        fail_msg("%s is not there", f->find);
    str gone = f->with ? str_of(text.p + at, strlen(f->find)) : frame_around(text, at);
    str parts[] = {str_of(text.p, (size_t)(gone.p - text.p)), str_c(f->with),
                   str_from(text, (size_t)(gone.p - text.p) + gone.n)};
    return str_join(a, parts, 3);
}

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const struct fault *f = &faults[i];
        struct arena a;
        struct grammar g;
        struct fail why = {0};
        arena_init(&a);
        if (grammar_check(&g, f->kind, spoil(f, seed(f->kind, &a), &a), &why))
            fail_msg("%s -> %s was not seen", f->find, f->with ? f->with : "(nothing)");
        if (!strstr(why.text, f->rule))
            fail_msg("%s -> %s was seen as: %s", f->find, f->with ? f->with : "(nothing)",
                     why.text);
        arena_fini(&a);
    }
}

/* Broken off anywhere it is not complete. */
static void test_unfinished(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
        struct arena a;
        struct grammar g;
        struct fail why;
        arena_init(&a);
        str text = seed(sound[i].kind, &a);
        for (size_t n = 0; n + 1 < text.n; n++) {
            bool ok = grammar_check(&g, sound[i].kind, str_head(text, n), &why);
            assert_false(ok && g.complete);
        }
        arena_fini(&a);
    }
}

/* ---- recorded streams ---- */

/* Where vendors themselves do otherwise than we do. */
static const struct {
    const char *part; /* of the case's name or of the complaint */
    const char *why;
} lenient[] = {
    {"perplexity-", "dates every chunk anew, and ends with a whole completion"},
    {"ollama-chat", "dates every chunk anew"},
    {"openai-compatible-anthropic-fallback", "numbers its first call 1"},
    {"litellm-proxy-completion-stream-multiple-choices", "gives only choice 0 a role"},
    {"openrouter-stream-error", "says its error in a choice that had ended"},
    {"/encrypted_content", "OpenAI encrypts anew for every event"},
    {"openai-shell-container", "OpenAI's shell reports progress under another id"},
    {"openai-responses-model-mcp-list-tools-stream-backfills", "written by hand, an item missing"},
    {"anthropic-compaction", "a beta with a delta of its own"},
};

static bool excused(const char *name, const char *complaint)
{
    for (size_t i = 0; i < sizeof lenient / sizeof lenient[0]; i++) {
        if ((strstr(name, lenient[i].part) || strstr(complaint, lenient[i].part)))
            return true;
    }
    return false;
}

static void run_recorded(const char *folder, enum grammar_kind kind)
{
    const char *root = getenv("CORPUS");
    char path[2000];
    size_t ran = 0, other = 0;
    snprintf(path, sizeof path, "%s/%s", root ? root : SOURCE_DIR "/../shared/fixtures", folder);
    size_t n = strlen(path);
    DIR *dir = opendir(path);
    if (!dir) {
        print_message("skipped: no recordings at %s\n", path);
        skip();
    }
    for (struct dirent *e; (e = readdir(dir));) {
        struct arena a;
        struct grammar g;
        struct fail why = {0};
        snprintf(path + n, sizeof path - n, "/%s/response.sse", e->d_name);
        arena_init(&a);
        str text = slurp(path, &a);
        if (text.p) {
            ran++;
            if (!grammar_check(&g, kind, text, &why)) {
                other++;
                if (!excused(e->d_name, why.text))
                    fail_msg("%s/%s: %s", folder, e->d_name, why.text);
            }
        }
        arena_fini(&a);
    }
    closedir(dir);
    print_message("%s: %zu streams, %zu of which otherwise\n", folder, ran, other);
}

static void test_recorded(void **state)
{
    (void)state;
    run_recorded("openai-chat", GRAMMAR_CHAT);
    run_recorded("openai-responses", GRAMMAR_RESPONSES);
    run_recorded("anthropic-messages", GRAMMAR_ANTHROPIC);
    run_recorded("gemini-generatecontent", GRAMMAR_GEMINI);
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
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_recorded),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

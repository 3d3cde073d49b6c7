/*
 * Every recorded exchange of each dialect, translated to each other one.
 *
 * Requests: written for the other dialect's provider or refused in words; what was written can be
 * read there; written back, it still says all that the other dialect's table calls carried.
 * Answers: whole and as a stream for the other dialect's client, both read again: they agree with
 * each other, and with the original in all that is carried. Streams obey their grammar.
 *
 * A table by pair and feature is printed. Whatever is otherwise is in `exceptions` with its reason,
 * or fails. The recordings are not part of this repository; without them (environment CORPUS, or
 * ../shared/fixtures) this is skipped.
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
#include "support/facts.h"
#include "support/grammar.h"
#include "support/translate.h"

enum { OUT_MAX = 1 << 28, ROWS = CAN_COUNT + 1 };

static const struct side {
    const char *name, *folder;
    enum grammar_kind grammar;
} sides[DIALECT_COUNT] = {
    [DIALECT_CHAT] = {"chat", "openai-chat", GRAMMAR_CHAT},
    [DIALECT_RESPONSES] = {"responses", "openai-responses", GRAMMAR_RESPONSES},
    [DIALECT_ANTHROPIC] = {"anthropic", "anthropic-messages", GRAMMAR_ANTHROPIC},
    [DIALECT_GEMINI] = {"gemini", "gemini-generatecontent", GRAMMAR_GEMINI},
};

/* ---- exceptions ---- */

/* part: of the complaint, which names the pair, the case, the feature and the fact. */
static const struct exception {
    const char *from, *to; /* NULL: any */
    const char *part;
    const char *why;
} exceptions[] = {
    {NULL, NULL, "refused: \"background\"", "the answer could not be fetched later"},
    {"responses", NULL, "openai-background-mode", "the recorded answer is still in the making"},
    {"chat", NULL, "openrouter-stream-error", "it ends in an error"},
    {NULL, NULL, "a document by URL cannot be said",
     "OpenAI's chat takes no document by URL; copies of it do"},
    {"chat", "anthropic", "input 347", "xAI: more tokens from the cache than there were"},
    {"chat", NULL, "hosted web search",
     "in chat a matter of the model: only search models have it"},
    {"chat", "anthropic", "cache mark", "in chat only copies of the API take them"},
    {"responses", NULL, "any call", "the only tool to call is one that the other lacks"},
    {"gemini", NULL, "-no-content-", "a plain-text file becomes text"},
    {"gemini", "chat", "a video cannot be said", "only copies of OpenAI's chat take videos"},
    {"gemini", "chat", "audio that is not in the request", "chat takes no audio by its address"},
    {"gemini", "chat", "a file by its id", "it lies with Google"},
    {"gemini", NULL, "request: hosted web search",
     "back at Gemini, which has it beside functions for its newest models only"},
    {"gemini", "anthropic", "sampling: top_p", "Anthropic takes temperature or top_p"},
    {"gemini", "anthropic", "stop sequences: stop ", "Anthropic takes no white space"},
    {"gemini", "anthropic", "strict tool arguments: strict",
     "back at Gemini, whose newest models only are strict"},
    {"responses", "gemini", "openai-native-output-0: request: structured output",
     "Gemini has it beside functions for its newest models only"},
    {NULL, "gemini", ": tier", "a Gemini stream says it at its end, and is read at its beginning"},
    {"anthropic", NULL, "finish paused", "only Anthropic pauses: elsewhere the turn is over"},
    {"responses", "chat", "only the whole answer says: cites",
     "in a chat stream calls are open to the end: what is cited behind them has no text"},
    {"anthropic", "chat", "computer-use",
     "chat's results take no image: the text says where it is"},
};

/* ---- the table ---- */

enum outcome { KEPT, NEAR, DROPPED, REFUSED, EXCEPTED, OUTCOMES };

struct pair {
    enum dialect_id from, to;
    size_t requests, refused, answers;
    size_t table[ROWS][OUTCOMES];
};

static size_t failures;
static size_t hits[sizeof exceptions / sizeof exceptions[0]];

static bool excused(const struct pair *p, const char *complaint)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        const struct exception *e = &exceptions[i];
        if ((!e->from || !strcmp(e->from, sides[p->from].name)) &&
            (!e->to || !strcmp(e->to, sides[p->to].name)) && strstr(complaint, e->part)) {
            hits[i]++;
            return true;
        }
    }
    return false;
}

static void complain(const struct pair *p, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(const struct pair *p, const char *name, const char *fmt, ...)
{
    char text[1200];
    va_list ap;
    int n =
        snprintf(text, sizeof text, "%s to %s, %s: ", sides[p->from].name, sides[p->to].name, name);
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
    va_end(ap);
    if (excused(p, text))
        return;
    fprintf(stderr, "%s\n", text);
    failures++;
}

static const char *words(enum ir_feature f)
{
    return f == CAN_COUNT ? "conversation, finish, tokens" : ir_feature_text(f);
}

static void print_table(const struct pair *p)
{
    printf("\n%s to %s: %zu requests, %zu of them refused; %zu answers\n", sides[p->from].name,
           sides[p->to].name, p->requests, p->refused, p->answers);
    printf("  %-55s %6s %6s %7s %7s %9s\n", "", "kept", "near", "dropped", "refused", "exception");
    for (unsigned f = 0; f < ROWS; f++) {
        const size_t *row = p->table[f];
        if (row[KEPT] + row[NEAR] + row[DROPPED] + row[REFUSED] + row[EXCEPTED])
            printf("  %-55s %6zu %6zu %7zu %7zu %9zu\n", words((enum ir_feature)f), row[KEPT],
                   row[NEAR], row[DROPPED], row[REFUSED], row[EXCEPTED]);
    }
}

/* What the table of fates promises. */
static enum outcome promised(enum ir_fate fate)
{
    switch (fate) {
    case FATE_CARRIED: return KEPT;
    case FATE_DROPPED: return DROPPED;
    case FATE_REFUSED: return REFUSED;
    default: return NEAR;
    }
}

/* Facts against the promise, feature by feature. */
static void settle(struct pair *p, const char *name, const char *what, const struct facts *was,
                   const struct facts *now, const struct ir_fate_row *fates)
{
    bool *found = arena_array(was->arena, bool, was->n + 1);
    bool seen[ROWS] = {false}, missed[ROWS] = {false};
    facts_kept(was, now, found);
    for (size_t i = 0; i < was->n; i++) {
        enum ir_feature f = was->list[i].feature;
        enum ir_fate fate = f == CAN_COUNT ? FATE_CARRIED : fates[f].fate;
        seen[f] = true;
        if (found[i] || fate != FATE_CARRIED)
            continue;
        missed[f] = true;
        complain(p, name, "%s: %s: %.*s", what, words(f),
                 STR_FMT(str_head(was->list[i].line, 160)));
    }
    for (unsigned f = 0; f < ROWS; f++) {
        enum ir_fate fate = f == CAN_COUNT ? FATE_CARRIED : fates[f].fate;
        if (seen[f])
            p->table[f][missed[f] ? EXCEPTED : promised(fate)]++;
    }
}

/* ---- requests ---- */

/* A model nobody knows: no writer has a reason to leave out more than its API makes it. */
static const struct ir_target target = {.model = {"pairs-model", 11}};

static void refused(struct pair *p, const char *name, const struct written_request *w,
                    const struct ir_fate_row *fates)
{
    bool by_table = false;
    p->refused++;
    for (unsigned f = 0; f < CAN_COUNT && !w->refused_reading; f++) {
        if (!ir_set_has(&w->rq.said, (enum ir_feature)f) || fates[f].fate != FATE_REFUSED)
            continue;
        p->table[f][REFUSED]++;
        by_table = true;
    }
    if (!by_table || !w->fail.text[0])
        complain(p, name, "%s: %s", w->refused_reading ? "cannot be read" : "refused",
                 w->fail.text);
}

static bool read_facts(const struct codec *c, str body, struct arena *a, const struct pair *p,
                       struct facts *fs, struct fail *f)
{
    struct ir_request rq;
    if (codec_read_request(c, body, a, &rq, f))
        return false;
    facts_of_request(fs, a, &rq, codec_get(p->from), codec_get(p->to), &target);
    return true;
}

static void run_request(struct pair *p, const char *name, str body)
{
    const struct codec *from = codec_get(p->from), *to = codec_get(p->to);
    struct written_request there = {0}, back = {0};
    struct facts was, now;
    struct fail f = {0};
    struct arena a;
    arena_init(&a);
    buf_init(&there.out, OUT_MAX);
    buf_init(&back.out, OUT_MAX);
    p->requests++;
    if (translate_request(from, to, body, &target, &a, &there) != OK)
        refused(p, name, &there, to->fates);
    else if (translate_request(to, from, buf_str(&there.out), &target, &a, &back) != OK)
        complain(p, name, "%s: %s", back.refused_reading ? "cannot be read there" : "no way back",
                 back.fail.text);
    else if (!read_facts(from, body, &a, p, &was, &f) ||
             !read_facts(from, buf_str(&back.out), &a, p, &now, &f))
        complain(p, name, "cannot be read back: %s", f.text);
    else
        settle(p, name, "request", &was, &now, to->fates);
    buf_fini(&there.out);
    buf_fini(&back.out);
    arena_fini(&a);
}

/* ---- answers ---- */

struct answers {
    struct ir_answer original, whole, stream;
    struct buf body, sse;
};

/* Says the original to a client, both ways, and reads what it gets. */
static bool say(struct pair *p, const char *name, struct answers *an, struct arena *a)
{
    const struct codec *to = codec_get(p->to);
    struct answer_ask ask = translate_ask(a, p->from);
    struct client_stream client;
    struct grammar g;
    struct fail f = {0};
    ask.include_usage = true;
    client_stream_init(&client, to, &ask, &an->sse);
    ir_answer_emit(&an->original, client_stream_take, &client);
    client_stream_fini(&client);
    to->write_whole(&ask, &an->original, &an->body);
    ir_answer_init(&an->whole, a, p->to, OUT_MAX, false);
    ir_answer_init(&an->stream, a, p->to, OUT_MAX, false);
    if (!grammar_check(&g, sides[p->to].grammar, buf_str(&an->sse), &f))
        complain(p, name, "breaks the grammar: %s", f.text);
    else if (translate_stream(to, buf_str(&an->sse), UNCUT, a, ir_answer_take, &an->stream, NULL,
                              &f))
        complain(p, name, "the stream cannot be read: %s", f.text);
    else if (translate_whole(to, buf_str(&an->body), a, ir_answer_take, &an->whole, &f))
        complain(p, name, "the answer cannot be read: %s", f.text);
    else
        return true;
    return false;
}

static void agree(struct pair *p, const char *name, const struct facts *a, const struct facts *b,
                  const char *what)
{
    bool *found = arena_array(a->arena, bool, a->n + 1);
    facts_kept(a, b, found);
    for (size_t i = 0; i < a->n; i++) {
        if (!found[i])
            complain(p, name, "%s: %.*s", what, STR_FMT(str_head(a->list[i].line, 160)));
    }
}

static void run_answer(struct pair *p, const char *name, struct answers *an, struct arena *a)
{
    const struct ir_fate_row *fates = codec_get(p->to)->fates;
    bool all = fates[CAN_SAY_CHOICES].fate == FATE_CARRIED;
    struct facts was, whole, stream;
    p->answers++;
    buf_init(&an->body, OUT_MAX);
    buf_init(&an->sse, OUT_MAX);
    if (say(p, name, an, a)) {
        facts_of_answer(&was, a, &an->original, all);
        facts_of_answer(&whole, a, &an->whole, all);
        facts_of_answer(&stream, a, &an->stream, all);
        agree(p, name, &whole, &stream, "only the whole answer says");
        agree(p, name, &stream, &whole, "only the stream says");
        settle(p, name, "answer", &was, &stream, fates);
    }
    buf_fini(&an->body);
    buf_fini(&an->sse);
}

static void run_answer_text(struct pair *p, const char *name, str text, bool stream)
{
    const struct codec *from = codec_get(p->from);
    struct answers an = {0};
    struct fail f = {0};
    struct arena a;
    enum err e;
    arena_init(&a);
    ir_answer_init(&an.original, &a, p->from, OUT_MAX, !stream);
    if (stream)
        e = translate_stream(from, text, UNCUT, &a, ir_answer_take, &an.original, NULL, &f);
    else
        e = translate_whole(from, text, &a, ir_answer_take, &an.original, &f);
    if (e || an.original.error)
        complain(p, name, "no answer: %s", e ? f.text : "an error");
    else
        run_answer(p, name, &an, &a);
    arena_fini(&a);
}

/* ---- files ---- */

static str slurp(const char *folder, const char *name, const char *file)
{
    char path[2000];
    struct buf b;
    snprintf(path, sizeof path, "%s/%s/%s", folder, name, file);
    FILE *f = fopen(path, "rb");
    buf_init(&b, OUT_MAX);
    while (f && buf_reserve(&b, 65536)) {
        size_t n = fread(b.p + b.n, 1, 65536, f);
        if (n == 0)
            break;
        b.n += n;
    }
    if (f)
        fclose(f);
    return buf_str(&b);
}

/* Errors were recorded too, and counts; how they travel is not the codecs' business. */
static bool is_answer(const char *folder, const char *name)
{
    static const char *const counts[] = {"count_tokens", "input_tokens", "countTokens"};
    struct arena a;
    yyjson_val *meta = NULL;
    str text = slurp(folder, name, "meta.json");
    arena_init(&a);
    bool ok =
        text.n && json_read(text, &a, &meta, NULL) == OK && jv_get_i64(meta, "status", 0) == 200;
    str path = jv_get_str(meta, "endpoint");
    for (size_t i = 0; i < 3; i++)
        ok = ok && str_find(path, str_c(counts[i])) == path.n;
    arena_fini(&a);
    mem_free((char *)(uintptr_t)text.p);
    return ok;
}

static void run_case(struct pair *p, const char *folder, const char *name)
{
    static const char *const files[] = {"request.json", "response.json", "response.sse"};
    if (!is_answer(folder, name))
        return;
    for (int i = 0; i < 3; i++) {
        str text = slurp(folder, name, files[i]);
        if (text.n && i == 0)
            run_request(p, name, text);
        else if (text.n)
            run_answer_text(p, name, text, i == 2);
        mem_free((char *)(uintptr_t)text.p);
    }
}

static bool has_codec(enum dialect_id d)
{
    const struct codec *c = codec_get(d);
    return c->request_read && c->request_write && c->read_whole && c->write_event && c->write_whole;
}

static void run_pair(enum dialect_id from, enum dialect_id to)
{
    const char *root = getenv("CORPUS"), *only = getenv("CASE");
    struct pair *p = mem_zero(sizeof *p);
    char folder[1000];
    snprintf(folder, sizeof folder, "%s/%s", root ? root : SOURCE_DIR "/../shared/fixtures",
             sides[from].folder);
    p->from = from;
    p->to = to;
    DIR *dir = opendir(folder);
    if (!dir) {
        mem_free(p);
        print_message("skipped: no recordings at %s\n", folder);
        skip();
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] != '.' && (!only || strstr(e->d_name, only)))
            run_case(p, folder, e->d_name);
    }
    closedir(dir);
    print_table(p);
    mem_free(p);
}

static void run_from(enum dialect_id from)
{
    failures = 0;
    for (unsigned to = 0; to < DIALECT_COUNT; to++) {
        if (to != from && has_codec(from) && has_codec((enum dialect_id)to))
            run_pair(from, (enum dialect_id)to);
    }
    if (failures)
        fail_msg("%zu complaints", failures);
}

static void test_chat(void **state)
{
    (void)state;
    run_from(DIALECT_CHAT);
}

static void test_responses(void **state)
{
    (void)state;
    run_from(DIALECT_RESPONSES);
}

static void test_anthropic(void **state)
{
    (void)state;
    run_from(DIALECT_ANTHROPIC);
}

static void test_gemini(void **state)
{
    (void)state;
    run_from(DIALECT_GEMINI);
}

/* Each exception is still one. */
static void test_exceptions(void **state)
{
    size_t all = 0;
    (void)state;
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
        all += hits[i];
    if (!all || getenv("CASE"))
        skip();
    printf("\nexceptions\n");
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        const struct exception *e = &exceptions[i];
        printf("  %4zu  %s to %s, \"%s\": %s\n", hits[i], e->from ? e->from : "any",
               e->to ? e->to : "any", e->part, e->why);
        if (!hits[i])
            fail_msg("\"%s\" is an exception no more", e->part);
    }
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
        cmocka_unit_test(test_chat),       cmocka_unit_test(test_responses),
        cmocka_unit_test(test_anthropic),  cmocka_unit_test(test_gemini),
        cmocka_unit_test(test_exceptions),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

/*
 * ir/tokens.h against what providers counted: the usage of every recorded exchange whose counts can
 * be known from outside. Those with hosted tools carry prompts and results that nobody sees, and
 * models of other houses have templates of their own; they are left out. The recordings are not
 * part of this repository; without them (CORPUS, or ../shared/fixtures) this is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "ir/tokens.h"
#include "support/translate.h"

enum { PATH_SIZE = 2000, OUT_MAX = 1 << 26, MOST = 400, COLUMNS = 11 };

enum column {
    DIALECT,
    CASE,
    PROVIDER,
    MODEL,
    METHOD,
    ENDPOINT,
    STATUS,
    STREAM,
    REQUEST,
    RESPONSE,
    FEATURES
};

/* ---- errors, by kind ------------------------------------------------------------------------ */

enum kind { ANSWER_TEXT, REQUEST_TEXT, REQUEST_TOOLS, REQUEST_MEDIA, KINDS };
static const char *const kind_name[KINDS] = {"answers of text", "requests of text",
                                             "requests with tools", "requests with media"};
static const char *const family_name[TOKEN_FAMILIES] = {"o200k", "cl100k", "claude", "claude 4.7",
                                                        "gemini"};

static struct {
    double error[MOST];
    size_t n;
} seen[KINDS][TOKEN_FAMILIES];

static void note(enum kind kind, enum token_family family, uint64_t said, uint64_t is,
                 const char *name)
{
    assert_true(seen[kind][family].n < MOST);
    seen[kind][family].error[seen[kind][family].n++] = (double)said / (double)is - 1;
    if (getenv("VERBOSE"))
        print_message("%-20s %-10s %6d for %6d  %s\n", kind_name[kind], family_name[family],
                      (int)said, (int)is, name);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    x = x < 0 ? -x : x;
    y = y < 0 ? -y : y;
    return (x > y) - (x < y);
}

/* The error that so many hundredths of all are below; -1: there are none. */
static double quantile(enum kind kind, enum token_family family, size_t percent)
{
    size_t n = seen[kind][family].n;
    if (n == 0)
        return -1;
    double *error = seen[kind][family].error;
    qsort(error, n, sizeof *error, by_size);
    double e = error[(n - 1) * percent / 100];
    return e < 0 ? -e : e;
}

/* ---- recordings ----------------------------------------------------------------------------- */

struct row {
    str column[COLUMNS];
    struct arena arena;
    str request, response; /* p == NULL: none */
};

static bool row_has(const struct row *r, enum column c, str part)
{
    return str_find(r->column[c], part) < r->column[c].n;
}

static str load(const char *root, const struct row *r, enum column file, struct arena *a)
{
    char path[PATH_SIZE];
    struct stat st;
    if (str_eq(r->column[file], S("-")))
        return (str){NULL, 0};
    snprintf(path, sizeof path, "%s/%.*s/%.*s/%.*s", root, STR_FMT(r->column[DIALECT]),
             STR_FMT(r->column[CASE]), STR_FMT(r->column[file]));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    char *p = arena_alloc(a, (size_t)st.st_size + 1);
    size_t n = fread(p, 1, (size_t)st.st_size, f);
    fclose(f);
    return str_of(p, n);
}

static const struct codec *codec_of(str dialect)
{
    static const struct {
        const char *folder;
        const struct codec *codec;
    } rows[] = {{"openai-chat", &codec_chat},
                {"openai-responses", &codec_responses},
                {"anthropic-messages", &codec_anthropic},
                {"gemini-generatecontent", &codec_gemini}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_eq(dialect, str_c(rows[i].folder)))
            return rows[i].codec;
    return NULL;
}

/* Whether the count follows from what was sent. */
static bool is_plain(const struct row *r)
{
    static const char *const houses[] = {"openai", "azure-openai", "anthropic", "google-gemini",
                                         "google-vertex"};
    /* structured output by a vendor's own prompt; hosted tools; what is kept elsewhere */
    static const char *const hidden[] = {
        "web_search",   "web_fetch",         "code_execution", "file_search", "mcp",
        "tool_search",  "computer_use",      "shell_tools",    "compaction",  "image_generation",
        "advisor_tool", "previous_response", "video",          "documents",   "structured_output",
        "json_mode",    "content_filter"};
    bool house = false;
    for (size_t i = 0; i < sizeof houses / sizeof *houses; i++)
        house |= str_eq(r->column[PROVIDER], str_c(houses[i]));
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        house &= !row_has(r, FEATURES, str_c(hidden[i]));
    return house && str_eq(r->column[STATUS], S("200"));
}

/* ---- one exchange --------------------------------------------------------------------------- */

/* A count, or the usage of an answer. False: the answer cannot be read or says neither. */
static bool read_answer(struct row *r, const struct codec *c, struct ir_answer *an, uint64_t *count)
{
    struct fail f = {.code = OK};
    yyjson_val *root;
    bool stream = str_ends(r->column[RESPONSE], S(".sse"));
    *count = 0;
    ir_answer_init(an, &r->arena, c->dialect, OUT_MAX, !stream);
    if (!c->read_whole)
        return false;
    if (!stream && c->read_count && json_read(r->response, &r->arena, &root, NULL) == OK &&
        c->read_count(root, count))
        return true;
    enum err e =
        stream ? translate_stream(c, r->response, UNCUT, &r->arena, ir_answer_take, an, NULL, &f)
               : translate_whole(c, r->response, &r->arena, ir_answer_take, an, &f);
    return e == OK && an->complete;
}

/* One reply of nothing but text, of a length that can be judged. */
static void note_answer(const struct row *r, const struct ir_answer *an, enum token_family family)
{
    const struct ir_reply *reply = an->replies;
    int64_t output = an->usage.output;
    if (!reply || reply->next || output < 20 || !reply->parts.first)
        return;
    for (const struct ir_part *p = reply->parts.first; p; p = p->next)
        if (p->kind != IR_PART_TEXT && p->kind != IR_PART_REASONING)
            return;
    if (an->usage.reasoning > 0)
        output -= an->usage.reasoning;
    else if (row_has(r, FEATURES, S("reasoning")))
        return; /* thinking was counted and is not shown */
    str text = ir_reply_text(reply, an->arena);
    if (output >= 20 && text.n > 60 && !row_has(r, FEATURES, S("citations")))
        note(ANSWER_TEXT, family, tokens_of_text(text, family), (uint64_t)output,
             r->column[CASE].p);
}

static bool measure(struct row *r)
{
    const struct codec *c = codec_of(r->column[DIALECT]);
    struct ir_request rq;
    struct ir_answer an;
    struct fail f = {.code = OK};
    uint64_t count;
    enum token_family family = token_family_of(r->column[MODEL]);
    if (!c || !is_plain(r) || !r->response.p || !read_answer(r, c, &an, &count))
        return false;
    note_answer(r, &an, family);
    int64_t is = count ? (int64_t)count : an.usage.input;
    if (!r->request.p || is < 5 || !c->request_read ||
        codec_read_request(c, r->request, &r->arena, &rq, &f) != OK)
        return false;
    bool media = row_has(r, FEATURES, S("images")) || row_has(r, FEATURES, S("pdf")) ||
                 row_has(r, FEATURES, S("audio"));
    note(media      ? REQUEST_MEDIA
         : rq.tools ? REQUEST_TOOLS
                    : REQUEST_TEXT,
         family, tokens_of_request(&rq, family), (uint64_t)is, r->column[CASE].p);
    return true;
}

/* ---- all ------------------------------------------------------------------------------------ */

static size_t measure_all(void)
{
    const char *root = getenv("CORPUS");
    char path[PATH_SIZE];
    struct arena a;
    size_t ran = 0;
    root = root ? root : SOURCE_DIR "/../shared/fixtures";
    snprintf(path, sizeof path, "%s/index.tsv", root);
    FILE *f = fopen(path, "r");
    if (!f) {
        print_message("skipped: no recordings at %s\n", root);
        skip();
    }
    arena_init(&a);
    char *line = NULL;
    size_t room = 0;
    for (ssize_t n; (n = getline(&line, &room, f)) > 0;) {
        struct row r = {.request = {NULL, 0}};
        str rest = str_of(line, (size_t)n - 1);
        line[n - 1] = '\0';
        for (size_t i = 0; i < COLUMNS && rest.p; i++)
            r.column[i] = str_split(&rest, '\t');
        if (line[0] == '#' || !codec_of(r.column[DIALECT]))
            continue;
        arena_init(&r.arena);
        r.request = load(root, &r, REQUEST, &r.arena);
        r.response = load(root, &r, RESPONSE, &r.arena);
        ran += measure(&r);
        arena_fini(&r.arena);
    }
    free(line);
    fclose(f);
    arena_fini(&a);
    return ran;
}

/* What half of the recordings must be within. Requests are mostly of a dozen tokens, where one more
 * is 8 %; with tools, half of what is counted is a prompt nobody has seen. */
static const struct {
    enum kind kind;
    enum token_family family;
    double median;
} bounds[] = {
    {ANSWER_TEXT, TOKENS_O200K, .06},   {ANSWER_TEXT, TOKENS_CLAUDE, .06},
    {ANSWER_TEXT, TOKENS_GEMINI, .05},  {REQUEST_TEXT, TOKENS_O200K, .08},
    {REQUEST_TEXT, TOKENS_CLAUDE, .12}, {REQUEST_TEXT, TOKENS_GEMINI, .10},
    {REQUEST_TOOLS, TOKENS_O200K, .25}, {REQUEST_TOOLS, TOKENS_CLAUDE, .35},
    {REQUEST_TOOLS, TOKENS_GEMINI, .6}, {REQUEST_MEDIA, TOKENS_CLAUDE, .15},
    {REQUEST_MEDIA, TOKENS_GEMINI, .2},
};

static void test_recorded_counts(void **state)
{
    (void)state;
    size_t ran = measure_all();
    print_message("%-20s %-10s %4s  median  9 in 10  worst\n", "", "", "n");
    for (int k = 0; k < KINDS; k++)
        for (int f = 0; f < TOKEN_FAMILIES; f++)
            if (seen[k][f].n)
                print_message("%-20s %-10s %4d  %5.1f%%  %6.1f%%  %4.0f%%\n", kind_name[k],
                              family_name[f], (int)seen[k][f].n,
                              100 * quantile((enum kind)k, (enum token_family)f, 50),
                              100 * quantile((enum kind)k, (enum token_family)f, 90),
                              100 * quantile((enum kind)k, (enum token_family)f, 100));
    assert_true(ran >= 60);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        double median = quantile(bounds[i].kind, bounds[i].family, 50);
        if (median < 0 || median > bounds[i].median)
            fail_msg("%s of %s: the median error is %.3f, the bound %.3f",
                     kind_name[bounds[i].kind], family_name[bounds[i].family], median,
                     bounds[i].median);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

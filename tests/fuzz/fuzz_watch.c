/*
 * json/watch.h: the reports do not depend on where the input is cut, lie within it, and in valid
 * JSON stand where the strict scanner finds the same members. The first two bytes say how it is
 * cut.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/must.h"
#include "json/watch.h"

enum { KEYS = 3, REPORTS = 64 };

static const str keys[KEYS] = {S("model"), S("a"), S("b")};

static const struct watch_path paths[] = {
    {0, {"model"}},           {1, {"a"}},           {2, {"b"}},
    {3, {"a", "*", "b"}},     {4, {"*"}},           {5, {"*", "a"}},
    {6, {"b", "a", "model"}}, {7, {"b", "*", "*"}}, {8, {NULL}},
};

struct report {
    int id;
    enum json_kind kind;
    size_t at, n, text_n;
    char text[WATCH_VALUE_MAX];
};

struct run {
    size_t n;
    struct report reports[REPORTS];
};

static void note(void *arg, int id, enum json_kind kind, str text, size_t at, size_t n)
{
    struct run *r = arg;
    must(text.n <= WATCH_VALUE_MAX && n >= text.n);
    if (r->n == REPORTS)
        return;
    struct report *x = &r->reports[r->n++];
    memset(x, 0, sizeof *x);
    x->id = id;
    x->kind = kind;
    x->at = at;
    x->n = n;
    x->text_n = text.n;
    if (text.n)
        memcpy(x->text, text.p, text.n);
}

static void run(struct run *r, struct watch *w, str doc, size_t first, size_t step)
{
    r->n = 0;
    watch_reset(w);
    for (size_t at = 0, n = first; at < doc.n; at += n, n = step) {
        n = n < doc.n - at ? n : doc.n - at;
        char *copy = malloc(n ? n : 1);
        memcpy(copy, doc.p + at, n);
        watch_feed(w, str_of(copy, n));
        free(copy);
    }
    watch_end(w);
}

/* The text is that of the document at the place named. */
static void check_places(const struct run *r, str doc)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct report *x = &r->reports[i];
        must(x->at < doc.n && x->n <= doc.n - x->at);
        size_t quote = x->kind == JSON_STRING;
        must(memcmp(doc.p + x->at + quote, x->text, x->text_n) == 0);
        must(!quote || (doc.p[x->at] == '"' && doc.p[x->at + x->n - 1] == '"'));
    }
}

static void check_scan(const struct run *r, str doc)
{
    struct json_span found[KEYS];
    size_t counts[KEYS] = {0};
    if (r->n == REPORTS || json_scan_object(doc, keys, found, KEYS, 1000, NULL) != OK)
        return;
    for (size_t i = 0; i < r->n; i++) {
        const struct report *x = &r->reports[i];
        if (x->id >= KEYS)
            continue;
        counts[x->id]++;
        const struct json_span *m = &found[x->id];
        must(m->kind == x->kind && m->at == x->at);
        must(x->n == (m->kind >= JSON_ARRAY ? 1 : m->n));
    }
    for (size_t i = 0; i < KEYS; i++)
        must(counts[i] == (found[i].kind != JSON_ABSENT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run whole, cut;
    if (size < 2)
        return 0;
    str doc = str_of((const char *)data + 2, size - 2);
    struct watch_set *set = watch_set_new(paths, sizeof paths / sizeof paths[0]);
    struct watch *w = malloc(watch_size());
    watch_init(w, set, note, &whole);
    run(&whole, w, doc, doc.n, 1);
    watch_init(w, set, note, &cut);
    run(&cut, w, doc, data[0], data[1] ? data[1] : 1);
    free(w);
    watch_set_free(set);
    must(whole.n == cut.n);
    must(memcmp(whole.reports, cut.reports, whole.n * sizeof whole.reports[0]) == 0);
    check_places(&whole, doc);
    check_scan(&whole, doc);
    return 0;
}

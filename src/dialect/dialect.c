/*
 * dialect/dialect.c - the registry, and what works alike for all dialects.
 */
#include "dialect/dialect.h"

#include <pthread.h>

#include "base/mem.h"
#include "dialect/tables.h"
#include "json/scan.h"
#include "json/write.h"

static const struct dialect *const dialects[DIALECT_COUNT] = {
    [DIALECT_CHAT] = &dialect_chat,
    [DIALECT_RESPONSES] = &dialect_responses,
    [DIALECT_ANTHROPIC] = &dialect_anthropic,
    [DIALECT_GEMINI] = &dialect_gemini,
};

static struct watch_set *sets[DIALECT_COUNT];
static pthread_once_t sets_once = PTHREAD_ONCE_INIT;

const struct dialect *dialect_get(enum dialect_id id)
{
    must((unsigned)id < DIALECT_COUNT);
    return dialects[id];
}

static void sets_build(void)
{
    for (size_t i = 0; i < DIALECT_COUNT; i++)
        sets[i] = watch_set_new(dialects[i]->paths, dialects[i]->n_paths);
}

const struct watch_set *dialect_watch_set(const struct dialect *d)
{
    pthread_once(&sets_once, sets_build);
    return sets[d->id];
}

/* ---- renaming ---- */

struct renaming {
    str body, literal;
    size_t done;
    struct buf *out;
};

static void on_value(void *arg, int id, enum json_kind kind, str text, size_t at, size_t n)
{
    struct renaming *r = arg;
    (void)text;
    if (id != TAP_MODEL || kind != JSON_STRING)
        return;
    buf_put(r->out, str_of(r->body.p + r->done, at - r->done));
    buf_put(r->out, r->literal);
    r->done = at + n;
}

bool dialect_rename_model(const struct dialect *d, str body, str alias, struct buf *out)
{
    enum { DEPTH = 1024 };
    if (json_validate(body, DEPTH, NULL, NULL) != OK)
        return false;
    struct buf literal;
    buf_init(&literal, alias.n * 6 + 2);
    json_put_string(&literal, alias);
    struct renaming r = {.body = body, .literal = buf_str(&literal), .out = out};
    struct watch *w = mem_new(watch_size());
    watch_init(w, dialect_watch_set(d), on_value, &r);
    watch_feed(w, body);
    watch_end(w);
    mem_free(w);
    buf_put(out, str_from(body, r.done));
    buf_fini(&literal);
    return true;
}

/* ---- whole answers as streams ---- */

enum err dialect_stream_from_whole(const struct dialect *d, str body, struct buf *out)
{
    if (!d->stream_from_whole)
        return ERR_NO_DIALECT;
    size_t before = out->n;
    enum err err = d->stream_from_whole(body, out);
    if (err == OK && out->failed)
        err = ERR_UP_TOO_LARGE;
    if (err != OK) {
        out->n = before;
        out->failed = false;
    }
    return err;
}

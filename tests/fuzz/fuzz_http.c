/*
 * http/parse.h: where a head ends, what it says and how a chunked body is cut do not depend on how
 * the bytes came. The first two bytes say where they are cut; then a head, then its body.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/must.h"
#include "http/parse.h"

enum { FIELDS = 32 };

struct cut {
    size_t first, step;
};

/* The i-th piece of the text, at offset at; a copy of exactly its size, so that a byte read past
 * its end is seen. */
static str piece(str text, size_t at, const struct cut *c)
{
    size_t n = at == 0 && c->first ? c->first : c->step;
    n = n < text.n - at ? n : text.n - at;
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text.p + at, n);
    return str_of(copy, n);
}

static size_t head_end(str text, const struct cut *c)
{
    size_t from = 0, end = 0;
    for (size_t have = c->first; end == 0; have += c->step) {
        have = have < text.n ? have : text.n;
        char *copy = malloc(have ? have : 1);
        memcpy(copy, text.p, have);
        end = http_head_end(str_of(copy, have), &from);
        free(copy);
        must(end <= have && from <= have);
        if (have == text.n)
            break;
    }
    return end;
}

static bool inside(str part, str whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static unsigned named(const struct http_request *rq, str name)
{
    unsigned n = 0;
    for (size_t i = 0; i < rq->n_fields; i++)
        n += str_eq_nocase(rq->fields[i].name, name);
    return n;
}

/* What an accepted head is: one way to read it. */
static void check_head(const struct http_request *rq, str head)
{
    must(inside(rq->target, head) && inside(rq->query, head));
    must(inside(rq->path, head) || str_eq(rq->path, S("/"))); /* http://host has none */
    must(inside(rq->method_name, head) && rq->method_name.n);
    must(rq->n_fields <= FIELDS);
    for (size_t i = 0; i < rq->n_fields; i++) {
        str name = rq->fields[i].name, value = rq->fields[i].value;
        must(inside(name, head) && name.n && inside(value, head) && value.p);
        for (size_t k = 0; k < value.n; k++)
            must(value.p[k] == '\t' || ((unsigned char)value.p[k] >= 0x20 && value.p[k] != 0x7f));
        for (size_t k = 0; k < name.n; k++)
            must(name.p[k] > 0x20 && name.p[k] != ':' && name.p[k] != 0x7f);
    }
    for (size_t k = 0; k < rq->target.n; k++)
        must((unsigned char)rq->target.p[k] > 0x20 && rq->target.p[k] != 0x7f);
    must(rq->path.n && (rq->path.p[0] == '/' || str_eq(rq->path, S("*"))));
    unsigned coding = named(rq, S("transfer-encoding")), length = named(rq, S("content-length"));
    must(coding + length <= 1);
    must((rq->content_length == -1) == (coding == 1));
    must(rq->content_length <= 0 || length == 1);
    must(named(rq, S("host")) == 1 || (rq->http10 && named(rq, S("host")) == 0));
    must(!rq->http10 || rq->content_length >= 0);
}

struct body {
    struct buf bytes;
    size_t used;
    bool done, refused;
};

static void on_body(void *arg, str bytes)
{
    buf_put(&((struct body *)arg)->bytes, bytes);
}

static void feed_chunks(struct body *b, const llhttp_t *parser, str text, const struct cut *c)
{
    struct http_chunks chunks = {.parser = *parser, .body = on_body, .arg = b};
    *b = (struct body){.refused = false};
    buf_init(&b->bytes, 1 << 20);
    for (size_t at = 0; at < text.n && !chunks.done && !b->refused;) {
        struct fail f = {.code = OK};
        size_t used = SIZE_MAX;
        str in = piece(text, at, c);
        b->refused = http_chunks_feed(&chunks, in, &used, &f) != OK;
        must(b->refused ? f.text[0] != 0 : used <= in.n);
        must(b->refused || chunks.done || used == in.n);
        b->used += b->refused ? 0 : used;
        at += in.n;
        free((void *)(uintptr_t)in.p);
    }
    b->done = chunks.done;
    must(b->bytes.n <= text.n);
}

static void check_chunks(const llhttp_t *parser, str text, const struct cut *cut)
{
    static const struct cut whole = {0, SIZE_MAX};
    struct body a, b;
    /* Padding is counted as it comes: only below its bound does the cut never matter. */
    text = str_head(text, 16 * 1024);
    feed_chunks(&a, parser, text, &whole);
    feed_chunks(&b, parser, text, cut);
    must(a.refused == b.refused && a.done == b.done);
    must(a.refused || (a.used == b.used && str_eq(buf_str(&a.bytes), buf_str(&b.bytes))));
    buf_fini(&a.bytes);
    buf_fini(&b.bytes);
}

static void check_query(const struct http_request *rq)
{
    str value = http_query_get(rq->query, S("key"));
    must(inside(value, rq->query));
    char *out = malloc(value.n + 1);
    must(http_percent_decode(value, true, out) <= value.n);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cut whole = {SIZE_MAX, SIZE_MAX};
    if (size < 2)
        return 0;
    struct cut cut = {data[0], data[1] ? data[1] : 1};
    str text = str_of((const char *)data + 2, size - 2);
    size_t end = head_end(text, &whole);
    must(end == head_end(text, &cut));
    if (end == 0)
        return 0;
    struct http_field fields[FIELDS];
    struct http_request rq;
    struct fail f = {.code = OK};
    llhttp_t parser;
    char *copy = malloc(end);
    memcpy(copy, text.p, end);
    str head = str_of(copy, end);
    enum err e = http_parse_head(head, &rq, fields, FIELDS, &parser, &f);
    must(e == OK || ((e == ERR_BAD_HTTP || e == ERR_HEAD_TOO_LARGE) && f.code == e && f.text[0]));
    if (e == OK) {
        check_head(&rq, head);
        check_query(&rq);
    }
    bool chunked = e == OK && rq.content_length < 0;
    free(copy); /* the parser goes on without the head */
    if (chunked)
        check_chunks(&parser, str_from(text, end), &cut);
    return 0;
}

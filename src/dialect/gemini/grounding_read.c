/*
 * dialect/gemini/grounding_read.c - groundingMetadata and urlContextMetadata.
 *
 * groundingChunks are the sources, groundingSupports say which bytes of the text rest on which of
 * them. Without partIndex the bytes are counted over all text of the candidate, in a stream over
 * all chunks (recorded exchanges); startIndex 0 is left out. A stream may bring them more than
 * once.
 */
#include "dialect/gemini/answer_state.h"
#include "dialect/gemini/gemini.h"

enum { SAID_MAX = 4096 }; /* citations and pages of one candidate; the rest is left out */

/* Whether this text came before; it does from now on. */
static bool said(struct answer_reader *r, struct candidate *c, str text)
{
    if (!c->said.arena)
        map_init(&c->said, r->life);
    if (map_get(&c->said, text) || c->said.count >= SAID_MAX)
        return true;
    *map_at(&c->said, str_dup(r->life, text)) = c;
    return false;
}

/* One of the sources; false for a kind nobody can open. */
static bool read_source(yyjson_val *chunk, struct ir_citation *out)
{
    static const char *const kinds[] = {"web", "maps", "image", "retrievedContext"};
    yyjson_val *v = NULL;
    for (size_t i = 0; !v && i < sizeof kinds / sizeof kinds[0]; i++)
        v = gemini_get(chunk, kinds[i]);
    *out = (struct ir_citation){.start = -1, .end = -1};
    out->url = gemini_get_str(v, "uri");
    if (!out->url.n)
        out->url = gemini_get_str(v, "sourceUri");
    out->title = gemini_get_str(v, "title");
    if (gemini_get(chunk, "retrievedContext")) {
        out->quote = gemini_get_str(v, "text");
        out->file_id = gemini_get_str(v, "documentName");
        if (!out->file_id.n)
            out->file_id = gemini_get_str(v, "fileSearchStore");
    }
    return out->url.n || out->file_id.n;
}

/* All of them, for their numbers; one with neither url nor file_id is none. */
static struct ir_citation *read_sources(struct answer_reader *r, yyjson_val *chunks, size_t *n)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(chunks);
    struct ir_citation *list =
        arena_array(&r->scratch, struct ir_citation, yyjson_arr_size(chunks));
    *n = 0;
    for (yyjson_val *chunk; (chunk = yyjson_arr_iter_next(&it));)
        (void)read_source(chunk, &list[(*n)++]);
    return list;
}

static bool is_source(const struct ir_citation *c)
{
    return c->url.n || c->file_id.n;
}

/* The bytes of all text that a support is about; false when they are not in the open part. */
static bool read_segment(const struct answer_reader *r, const struct candidate *c,
                         yyjson_val *segment, size_t n, size_t *from, size_t *to)
{
    const struct reading *s = r->state;
    int64_t part = 0, begin = 0, end, base = 0;
    if (jv_i64(gemini_get(segment, "partIndex"), &part) && part > 0) {
        if (s->whole && (size_t)part != n)
            return false;
        base = (int64_t)c->text_base;
    }
    (void)jv_i64(gemini_get(segment, "startIndex"), &begin);
    if (!jv_i64(gemini_get(segment, "endIndex"), &end) || begin < 0 || end < begin ||
        end > OFFSETS_MAX)
        return false;
    *from = (size_t)(begin + base);
    *to = (size_t)(end + base);
    return *to > c->text_base && *from < c->offsets.n;
}

static void emit_citation(struct answer_reader *r, struct candidate *c, struct ir_citation *cited,
                          size_t from, size_t to)
{
    size_t base = offsets_chars(&c->offsets, c->text_base);
    str parts[] = {cited->url, S("\n"), cited->file_id,
                   arena_printf(&r->scratch, "\n%zu-%zu", from, to)};
    if (said(r, c, str_join(&r->scratch, parts, 4)))
        return;
    if (from < c->text_base)
        from = c->text_base;
    cited->start = (int64_t)(offsets_chars(&c->offsets, from) - base);
    cited->end = (int64_t)(offsets_chars(&c->offsets, to) - base);
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_CITATION, .citation = cited});
}

void gemini_take_grounding(struct answer_reader *r, struct candidate *c, yyjson_val *v, size_t n)
{
    struct gemini_list supports = gemini_list(gemini_get(v, "groundingSupports"));
    size_t n_sources, from, to;
    if (!v || !c->open || c->open_kind != IR_PART_TEXT)
        return;
    struct ir_citation *sources = read_sources(r, gemini_get(v, "groundingChunks"), &n_sources);
    for (yyjson_val *s; (s = gemini_next(&supports));) {
        struct gemini_list indices = gemini_list(gemini_get(s, "groundingChunkIndices"));
        if (!read_segment(r, c, gemini_get(s, "segment"), n, &from, &to))
            continue;
        for (yyjson_val *i; (i = gemini_next(&indices));) {
            int64_t at;
            if (jv_i64(i, &at) && at >= 0 && (size_t)at < n_sources && is_source(&sources[at]))
                emit_citation(r, c, &sources[at], from, to);
        }
    }
}

/* ---- searches ---- */

static struct ir_part *add_search(struct answer_reader *r, struct candidate *c, const char *name,
                                  str query)
{
    struct ir_part *p = arena_new(r->life, struct ir_part);
    p->kind = IR_PART_SEARCH;
    p->name = str_c(name);
    p->text = str_dup(r->life, query);
    *c->searches_end = p;
    c->searches_end = &p->next;
    return p;
}

static struct ir_citation *keep_page(struct answer_reader *r, const struct ir_citation *page)
{
    struct ir_citation *copy = arena_new(r->life, struct ir_citation);
    *copy = (struct ir_citation){.url = str_dup(r->life, page->url),
                                 .title = str_dup(r->life, page->title),
                                 .start = -1,
                                 .end = -1};
    return copy;
}

/* The pages go with the first query: which query found which page is not said. */
static void take_pages(struct answer_reader *r, struct candidate *c, yyjson_val *chunks)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(chunks);
    struct ir_citation page;
    for (yyjson_val *chunk; (chunk = yyjson_arr_iter_next(&it));) {
        str parts[] = {S("page\n"), S("")};
        if (!gemini_get(chunk, "web") || !read_source(chunk, &page))
            continue;
        parts[1] = page.url;
        if (said(r, c, str_join(&r->scratch, parts, 2)))
            continue;
        *c->pages_end = keep_page(r, &page);
        c->pages_end = &(*c->pages_end)->next;
    }
}

static void take_queries(struct answer_reader *r, struct candidate *c, yyjson_val *queries)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(queries);
    for (yyjson_val *q; (q = yyjson_arr_iter_next(&it));) {
        str parts[] = {S("query\n"), jv_str(q)};
        if (parts[1].n && !said(r, c, str_join(&r->scratch, parts, 2)))
            (void)add_search(r, c, "web_search", parts[1]);
    }
}

static void take_fetches(struct answer_reader *r, struct candidate *c, yyjson_val *fetched)
{
    struct gemini_list list = gemini_list(gemini_get(fetched, "urlMetadata"));
    for (yyjson_val *v; (v = gemini_next(&list));) {
        struct ir_citation page = {.url = gemini_get_str(v, "retrievedUrl")};
        str parts[] = {S("fetch\n"), page.url};
        if (!page.url.n || said(r, c, str_join(&r->scratch, parts, 2)))
            continue;
        add_search(r, c, "web_fetch", page.url)->citations = keep_page(r, &page);
    }
}

void gemini_take_searches(struct answer_reader *r, struct candidate *c, yyjson_val *grounding,
                          yyjson_val *fetched)
{
    take_queries(r, c, gemini_get(grounding, "webSearchQueries"));
    take_pages(r, c, gemini_get(grounding, "groundingChunks"));
    take_fetches(r, c, fetched);
    for (struct ir_part *p = c->searches; p; p = p->next) {
        if (str_eq(p->name, S("web_search"))) {
            p->citations = c->pages;
            break;
        }
    }
}

/*
 * dialect/gemini/grounding_write.c - citations and searches as groundingMetadata.
 */
#include "dialect/gemini/answer_state.h"
#include "dialect/gemini/gemini.h"

enum { GROUNDING_MAX = 16 * 1024 * 1024 };

static struct json_writer element(struct buf *list)
{
    if (!list->max)
        buf_init(list, GROUNDING_MAX);
    struct json_writer w = json_writer(list);
    w.comma = list->n > 0;
    return w;
}

/* The number of the source among groundingChunks. */
static size_t source_of(struct grounding *g, struct arena *a, const struct ir_citation *c)
{
    str key = c->url.n ? c->url : c->file_id;
    if (!g->sources.arena)
        map_init(&g->sources, a);
    uintptr_t known = (uintptr_t)map_get(&g->sources, key);
    if (known)
        return known - 1;
    *map_at(&g->sources, str_dup(a, key)) = (void *)(g->n + 1);
    struct json_writer w = element(&g->chunks);
    bool web = c->url.n > 0 && !c->file_id.n;
    jw_object(&w);
    jw_key(&w, web ? S("web") : S("retrievedContext"));
    jw_object(&w);
    if (c->url.n)
        jw_kstr(&w, "uri", c->url);
    if (c->title.n)
        jw_kstr(&w, "title", c->title);
    if (c->file_id.n)
        jw_kstr(&w, "documentName", c->file_id);
    if (!web && c->quote.n)
        jw_kstr(&w, "text", c->quote);
    jw_object_end(&w);
    jw_object_end(&w);
    return g->n++;
}

void gemini_ground(struct grounding *g, struct arena *a, const struct ir_citation *c, size_t from,
                   size_t to)
{
    if (!c->url.n && !c->file_id.n)
        return;
    size_t source = source_of(g, a, c);
    if (to <= from)
        return;
    struct json_writer w = element(&g->supports);
    jw_object(&w);
    jw_key(&w, S("segment"));
    jw_object(&w);
    if (from)
        jw_ku64(&w, "startIndex", from);
    jw_ku64(&w, "endIndex", to);
    jw_object_end(&w);
    jw_key(&w, S("groundingChunkIndices"));
    jw_array(&w);
    jw_u64(&w, source);
    jw_array_end(&w);
    jw_object_end(&w);
}

static void add_fetch(struct grounding *g, str url)
{
    struct json_writer w = element(&g->fetched);
    jw_object(&w);
    jw_kstr(&w, "retrievedUrl", url);
    jw_kstr(&w, "urlRetrievalStatus", S("URL_RETRIEVAL_STATUS_SUCCESS"));
    jw_object_end(&w);
}

void gemini_ground_search(struct grounding *g, struct arena *a, const struct ir_part *p)
{
    if (str_eq(p->name, S("web_fetch"))) {
        if (p->text.n)
            add_fetch(g, p->text);
        return;
    }
    if (p->text.n) {
        struct json_writer w = element(&g->queries);
        jw_str(&w, p->text);
    }
    for (const struct ir_citation *c = p->citations; c; c = c->next) {
        if (c->url.n)
            (void)source_of(g, a, c);
    }
}

static void write_list(const char *name, const struct buf *list, struct json_writer *w)
{
    if (!list->n || list->failed)
        return;
    jw_key(w, str_c(name));
    jw_array(w);
    jw_raw(w, buf_str(list));
    jw_array_end(w);
}

void gemini_ground_write(const struct grounding *g, struct json_writer *w)
{
    if (g->chunks.n || g->queries.n) {
        jw_key(w, S("groundingMetadata"));
        jw_object(w);
        write_list("webSearchQueries", &g->queries, w);
        write_list("groundingChunks", &g->chunks, w);
        write_list("groundingSupports", &g->supports, w);
        jw_object_end(w);
    }
    if (g->fetched.n) {
        jw_key(w, S("urlContextMetadata"));
        jw_object(w);
        write_list("urlMetadata", &g->fetched, w);
        jw_object_end(w);
    }
}

void gemini_ground_fini(struct grounding *g)
{
    buf_fini(&g->chunks);
    buf_fini(&g->supports);
    buf_fini(&g->queries);
    buf_fini(&g->fetched);
}

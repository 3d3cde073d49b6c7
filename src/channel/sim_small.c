/*
 * The small operations: token counts, embeddings, moderations, rerank and images. Embeddings are
 * sums of one direction per word, so texts that share words are near each other; rerank scores by
 * shared words; moderation knows a few words. All deterministic.
 */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "channel/sim_priv.h"

enum { DIMENSIONS = 256, DOCUMENTS_MAX = 1000, IMAGES_MAX = 10 };

/* ---- Reading ---- */

/* One input: a string, an array of token numbers, or a content with a text. */
static bool read_input(struct sim_ask *a, yyjson_val *v, const char *path, str *out)
{
    if (yyjson_is_str(v))
        *out = sim_str(v);
    else if (yyjson_is_int(yyjson_arr_get_first(v)))
        *out = arena_printf(a->arena, "%zu tokens", yyjson_arr_size(v));
    else if (yyjson_is_obj(v))
        *out = sim_text_of(a, yyjson_obj_get(v, "parts") ? yyjson_obj_get(v, "parts") : v);
    else
        return sim_no_type(a, path, "a string", v);
    return true;
}

/* A value or a list of values. */
static bool read_inputs(struct sim_ask *a, yyjson_val *v, const char *path, size_t max)
{
    bool list = yyjson_is_arr(v) && !yyjson_is_int(yyjson_arr_get_first(v));
    size_t i, n = list ? yyjson_arr_size(v) : 1;
    yyjson_val *one;
    str *inputs;

    if (!v || yyjson_is_null(v))
        return sim_no_missing(a, path);
    if (n == 0 || n > max)
        return sim_no_value(a, path, "expected 1 to %zu entries, but got %zu.", max, n);
    inputs = arena_array(a->arena, str, n);
    if (!list && !read_input(a, v, path, inputs))
        return false;
    if (list)
        yyjson_arr_foreach (v, i, n, one) {
            if (!read_input(a, one, sim_path(a, path, i, NULL), inputs + i))
                return false;
        }
    a->inputs = inputs;
    a->n_inputs = n;
    a->user = inputs[0];
    a->input_tokens = sim_tokens(sim_weigh(v));
    return true;
}

/* batchEmbedContents: requests[].content. */
static bool read_batch(struct sim_ask *a, yyjson_val *requests)
{
    size_t i, n = yyjson_arr_size(requests);
    yyjson_val *one;
    str *inputs;

    if (!sim_want_list(a, requests, "requests"))
        return false;
    if (n > SIM_INPUTS_MAX)
        return sim_no_value(a, "requests", "at most %d requests.", SIM_INPUTS_MAX);
    inputs = arena_array(a->arena, str, n);
    yyjson_arr_foreach (requests, i, n, one) {
        if (!yyjson_obj_get(one, "content"))
            return sim_no_missing(a, sim_path(a, "requests", i, "content"));
        if (!read_input(a, yyjson_obj_get(one, "content"), sim_path(a, "requests", i, "content"),
                        inputs + i))
            return false;
    }
    a->inputs = inputs;
    a->n_inputs = n;
    a->user = inputs[0];
    a->input_tokens = sim_tokens(sim_weigh(requests));
    return true;
}

static bool read_embed(struct sim_ask *a)
{
    yyjson_val *root = a->root;
    str format = {NULL, 0};
    int64_t unused = 0;

    if (a->rq->dialect == DIALECT_GEMINI)
        return yyjson_obj_get(root, "requests")
                   ? read_batch(a, yyjson_obj_get(root, "requests"))
                   : read_inputs(a, yyjson_obj_get(root, "content"), "content", 1);
    if (!sim_want_int(a, yyjson_obj_get(root, "dimensions"), "dimensions", 1, SIM_DIMENSIONS_MAX,
                      &unused) ||
        !sim_want_str(a, yyjson_obj_get(root, "encoding_format"), "encoding_format", &format))
        return false;
    if (format.n && !str_eq(format, S("float")) && !str_eq(format, S("base64")))
        return sim_no_value(a, "encoding_format", "supported values are 'float' and 'base64'.");
    return read_inputs(a, yyjson_obj_get(root, "input"), "input", SIM_INPUTS_MAX);
}

static bool read_rerank(struct sim_ask *a)
{
    yyjson_val *query = yyjson_obj_get(a->root, "query");
    yyjson_val *documents = yyjson_obj_get(a->root, "documents");
    int64_t unused = 0;
    uint64_t tokens;

    if (!query)
        return sim_no_missing(a, "query");
    if (!yyjson_is_str(query))
        return sim_no_type(a, "query", "a string", query);
    if (!sim_want_list(a, documents, "documents") ||
        !sim_want_int(a, sim_get(a->root, "top_n", "top_k"), "top_n", 1, INT32_MAX, &unused) ||
        !read_inputs(a, documents, "documents", DOCUMENTS_MAX))
        return false;
    tokens = sim_tokens(yyjson_get_len(query));
    a->input_tokens += tokens;
    a->user = sim_str(query);
    return true;
}

static bool read_image(struct sim_ask *a)
{
    int64_t n = 1;

    if (!yyjson_obj_get(a->root, "prompt"))
        return sim_no_missing(a, "prompt");
    if (!sim_want_str(a, yyjson_obj_get(a->root, "prompt"), "prompt", &a->user) ||
        !sim_want_int(a, yyjson_obj_get(a->root, "n"), "n", 1, IMAGES_MAX, &n))
        return false;
    a->n = (unsigned)n;
    a->input_tokens = sim_tokens(a->user.n);
    return true;
}

bool sim_read_small(struct sim_ask *a)
{
    switch (a->rq->operation) {
    case SIM_EMBED: return read_embed(a);
    case SIM_MODERATE:
        return read_inputs(a, yyjson_obj_get(a->root, "input"), "input", SIM_INPUTS_MAX);
    case SIM_RERANK: return read_rerank(a);
    case SIM_IMAGE: return read_image(a);
    default: return sim_no_value(a, "operation", "not known to the simulator.");
    }
}

/* ---- Words ---- */

static bool word_char(char c)
{
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

/* The next word of *text in lower case (cut at 64 bytes); false at the end. */
static bool next_word(str *text, char out[64], size_t *n)
{
    size_t i = 0;

    while (i < text->n && !word_char(text->p[i]))
        i++;
    for (*n = 0; i < text->n && word_char(text->p[i]); i++)
        if (*n < 64)
            out[(*n)++] = ascii_lower(text->p[i]);
    *text = str_from(*text, i);
    return *n > 0;
}

static bool contains(str text, str word)
{
    char w[64];
    size_t n;

    while (next_word(&text, w, &n))
        if (str_eq(str_of(w, n), word))
            return true;
    return false;
}

/* ---- Embeddings ---- */

static size_t dimensions_of(yyjson_val *v)
{
    return yyjson_is_uint(v) && yyjson_get_uint(v) >= 1 && yyjson_get_uint(v) <= SIM_DIMENSIONS_MAX
               ? (size_t)yyjson_get_uint(v)
               : DIMENSIONS;
}

/* A unit vector: each word adds or takes one in four places that its hash names. */
static void embed(str text, float *v, size_t dimensions)
{
    double sum = 0;
    char w[64];
    size_t n;

    memset(v, 0, dimensions * sizeof(*v));
    while (next_word(&text, w, &n)) {
        uint64_t h = hash_siphash(5, 6, str_of(w, n));

        for (int k = 0; k < 4; k++, h >>= 16)
            v[(h & 0x7fff) % dimensions] += h & 0x8000 ? 1.0F : -1.0F;
    }
    for (size_t i = 0; i < dimensions; i++)
        sum += (double)v[i] * (double)v[i];
    if (sum <= 0) /* no words, or they cancel out */
        v[0] = 1, sum = 1;
    for (size_t i = 0; i < dimensions; i++)
        v[i] = (float)((double)v[i] / sqrt(sum));
}

static void put_floats(const float *v, size_t n, struct json_writer *w)
{
    char text[32];

    jw_array(w);
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(text, sizeof(text), "%.7g", (double)v[i]);

        jw_raw(w, str_of(text, (size_t)len));
    }
    jw_array_end(w);
}

static void write_openai_embeddings(struct sim_ask *a, struct json_writer *w)
{
    size_t dimensions = dimensions_of(yyjson_obj_get(a->root, "dimensions"));
    bool base64 = str_eq(sim_str(yyjson_obj_get(a->root, "encoding_format")), S("base64"));
    float *v = arena_array(a->arena, float, dimensions);

    jw_object(w);
    jw_kstr(w, "object", S("list"));
    jw_key(w, S("data"));
    jw_array(w);
    for (size_t i = 0; i < a->n_inputs; i++) {
        struct arena_mark mark = arena_mark(a->arena);

        embed(a->inputs[i], v, dimensions);
        jw_object(w);
        jw_kstr(w, "object", S("embedding"));
        jw_ku64(w, "index", i);
        jw_key(w, S("embedding"));
        if (base64) /* little-endian floats, as every machine this runs on has them */
            jw_str(w, sim_base64(a->arena, str_of((char *)v, dimensions * sizeof(*v))));
        else
            put_floats(v, dimensions, w);
        jw_object_end(w);
        arena_rewind(a->arena, mark);
    }
    jw_array_end(w);
    jw_kstr(w, "model", a->rq->model);
    jw_key(w, S("usage"));
    jw_object(w);
    jw_ku64(w, "prompt_tokens", a->input_tokens);
    jw_ku64(w, "total_tokens", a->input_tokens);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_gemini_embeddings(struct sim_ask *a, struct json_writer *w)
{
    yyjson_val *requests = yyjson_obj_get(a->root, "requests");
    yyjson_val *first = requests ? yyjson_arr_get_first(requests) : a->root;
    size_t dimensions =
        dimensions_of(sim_get(first, "outputDimensionality", "output_dimensionality"));
    float *v = arena_array(a->arena, float, dimensions);

    jw_object(w);
    jw_key(w, requests ? S("embeddings") : S("embedding"));
    if (requests)
        jw_array(w);
    for (size_t i = 0; i < a->n_inputs; i++) {
        embed(a->inputs[i], v, dimensions);
        jw_object(w);
        jw_key(w, S("values"));
        put_floats(v, dimensions, w);
        jw_object_end(w);
    }
    if (requests)
        jw_array_end(w);
    jw_object_end(w);
}

/* ---- Token counts ---- */

static void write_count(const struct sim_ask *a, struct json_writer *w)
{
    jw_object(w);
    if (a->rq->dialect == DIALECT_GEMINI) {
        jw_ku64(w, "totalTokens", a->input_tokens);
        jw_key(w, S("promptTokensDetails"));
        jw_array(w);
        jw_object(w);
        jw_kstr(w, "modality", S("TEXT"));
        jw_ku64(w, "tokenCount", a->input_tokens);
        jw_object_end(w);
        jw_array_end(w);
    } else {
        if (a->rq->dialect == DIALECT_RESPONSES)
            jw_kstr(w, "object", S("response.input_tokens"));
        jw_ku64(w, "input_tokens", a->input_tokens);
    }
    jw_object_end(w);
}

/* ---- Moderations ---- */

static const struct {
    const char *category, *word;
} categories[] = {
    {"harassment", "stupid"},
    {"harassment/threatening", "threaten"},
    {"hate", "hate"},
    {"hate/threatening", "exterminate"},
    {"illicit", "counterfeit"},
    {"illicit/violent", "bomb"},
    {"self-harm", "suicide"},
    {"self-harm/intent", "suicidal"},
    {"self-harm/instructions", ""},
    {"sexual", "porn"},
    {"sexual/minors", ""},
    {"violence", "kill"},
    {"violence/graphic", "bloodbath"},
};

enum { CATEGORIES = sizeof(categories) / sizeof(categories[0]) };

static void put_moderation(str text, struct json_writer *w)
{
    bool hit[CATEGORIES], flagged = false;

    for (size_t i = 0; i < CATEGORIES; i++) {
        hit[i] = categories[i].word[0] && contains(text, str_c(categories[i].word));
        flagged |= hit[i];
    }
    jw_object(w);
    jw_kbool(w, "flagged", flagged);
    jw_key(w, S("categories"));
    jw_object(w);
    for (size_t i = 0; i < CATEGORIES; i++)
        jw_key(w, str_c(categories[i].category)), jw_bool(w, hit[i]);
    jw_object_end(w);
    jw_key(w, S("category_scores"));
    jw_object(w);
    for (size_t i = 0; i < CATEGORIES; i++)
        jw_key(w, str_c(categories[i].category)), jw_raw(w, hit[i] ? S("0.98") : S("0.001"));
    jw_object_end(w);
    jw_key(w, S("category_applied_input_types"));
    jw_object(w);
    for (size_t i = 0; i < CATEGORIES; i++)
        jw_key(w, str_c(categories[i].category)), jw_raw(w, S("[\"text\"]"));
    jw_object_end(w);
    jw_object_end(w);
}

static str new_id(struct sim_ask *a, const char *prefix)
{
    uint64_t bits[2];

    random_bytes(bits, sizeof(bits));
    return arena_printf(a->arena, "%s%016llx%08llx", prefix, (unsigned long long)bits[0],
                        (unsigned long long)(bits[1] >> 32));
}

static void write_moderations(struct sim_ask *a, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "id", new_id(a, "modr-"));
    jw_kstr(w, "model", a->rq->model);
    jw_key(w, S("results"));
    jw_array(w);
    for (size_t i = 0; i < a->n_inputs; i++)
        put_moderation(a->inputs[i], w);
    jw_array_end(w);
    jw_object_end(w);
}

/* ---- Rerank ---- */

struct rank {
    size_t index;
    double score;
};

static int by_score(const void *x, const void *y)
{
    const struct rank *a = x, *b = y;

    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    return a->index > b->index ? 1 : -1;
}

/* The share of the query's words that the document has. */
static double relevance(str query, str document)
{
    size_t n, words = 0, found = 0;
    char w[64];

    document = str_head(document, 16 * 1024);
    query = str_head(query, 1024);
    while (next_word(&query, w, &n)) {
        words++;
        found += contains(document, str_of(w, n));
    }
    return words ? 0.01 + 0.98 * (double)found / (double)words : 0.01;
}

static void write_rerank(struct sim_ask *a, struct json_writer *w)
{
    yyjson_val *top = sim_get(a->root, "top_n", "top_k");
    bool with_text = yyjson_get_bool(yyjson_obj_get(a->root, "return_documents"));
    size_t n = a->n_inputs;
    struct rank *ranks = arena_array(a->arena, struct rank, n);

    for (size_t i = 0; i < n; i++)
        ranks[i] = (struct rank){i, relevance(a->user, a->inputs[i])};
    qsort(ranks, n, sizeof(*ranks), by_score);
    if (yyjson_is_uint(top) && yyjson_get_uint(top) < n)
        n = (size_t)yyjson_get_uint(top);
    jw_object(w);
    jw_kstr(w, "id", new_id(a, "rerank-"));
    jw_kstr(w, "model", a->rq->model);
    jw_key(w, S("results"));
    jw_array(w);
    for (size_t i = 0; i < n; i++) {
        jw_object(w);
        jw_ku64(w, "index", ranks[i].index);
        jw_key(w, S("relevance_score"));
        jw_raw(w, arena_printf(a->arena, "%.4f", ranks[i].score));
        if (with_text) {
            jw_key(w, S("document"));
            jw_object(w);
            jw_kstr(w, "text", a->inputs[ranks[i].index]);
            jw_object_end(w);
        }
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_kraw(w, "meta",
            S("{\"api_version\":{\"version\":\"2\"},"
              "\"billed_units\":{\"search_units\":1}}"));
    jw_key(w, S("usage"));
    jw_object(w);
    jw_ku64(w, "total_tokens", a->input_tokens);
    jw_object_end(w);
    jw_object_end(w);
}

/* ---- Images ---- */

/* One grey pixel (PNG, ISO/IEC 15948). */
#define PIXEL \
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="

static void put_image_usage(const struct sim_ask *a, struct json_writer *w)
{
    jw_key(w, S("usage"));
    jw_object(w);
    jw_ku64(w, "input_tokens", a->input_tokens);
    jw_kraw(w, "input_tokens_details", S("{\"text_tokens\":0,\"image_tokens\":0}"));
    jw_ku64(w, "output_tokens", a->n);
    jw_ku64(w, "total_tokens", a->input_tokens + a->n);
    jw_object_end(w);
}

static void write_image(struct sim_ask *a, struct json_writer *w)
{
    bool url = str_eq(sim_str(yyjson_obj_get(a->root, "response_format")), S("url"));

    jw_object(w);
    jw_ku64(w, "created", clock_wall_ms() / 1000);
    jw_key(w, S("data"));
    jw_array(w);
    for (unsigned i = 0; i < a->n; i++) {
        jw_object(w);
        if (url)
            jw_kstr(w, "url", S("data:image/png;base64," PIXEL));
        else
            jw_kstr(w, "b64_json", S(PIXEL));
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_kstr(w, "output_format", S("png"));
    put_image_usage(a, w);
    jw_object_end(w);
}

/* A stream of one image that was never partial. */
static void write_image_event(struct sim_ask *a, struct buf *out)
{
    struct json_writer w;

    buf_lit(out, "event: image_generation.completed\ndata: ");
    w = json_writer(out);
    jw_object(&w);
    jw_kstr(&w, "type", S("image_generation.completed"));
    jw_kstr(&w, "b64_json", S(PIXEL));
    jw_ku64(&w, "created_at", clock_wall_ms() / 1000);
    jw_kstr(&w, "size", S("1024x1024"));
    jw_kstr(&w, "quality", S("low"));
    jw_kstr(&w, "background", S("opaque"));
    jw_kstr(&w, "output_format", S("png"));
    put_image_usage(a, &w);
    jw_object_end(&w);
    buf_lit(out, "\n\n");
}

void sim_small_write(struct sim_ask *a, struct buf *out)
{
    struct json_writer w = json_writer(out);

    switch (a->rq->operation) {
    case SIM_COUNT_TOKENS: write_count(a, &w); return;
    case SIM_EMBED:
        if (a->rq->dialect == DIALECT_GEMINI)
            write_gemini_embeddings(a, &w);
        else
            write_openai_embeddings(a, &w);
        return;
    case SIM_MODERATE: write_moderations(a, &w); return;
    case SIM_RERANK: write_rerank(a, &w); return;
    case SIM_IMAGE:
        if (a->rq->stream)
            write_image_event(a, out);
        else
            write_image(a, &w);
        return;
    default: buf_lit(out, "{}");
    }
}

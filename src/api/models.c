/* api/models.c - writes the lists of models. */
#include "api/models.h"

#include <stdlib.h>
#include <time.h>

#include "route/catalogue.h"
#include "json/write.h"

enum { LIST_MAX = 256 << 20 };

enum models_form models_form(const struct models_ask *ask)
{
    if (ask->client_version)
        return MODELS_CODEX;
    if (ask->anthropic_version || str_starts_nocase(ask->user_agent, S("claude-cli")))
        return MODELS_ANTHROPIC;
    return ask->google_key ? MODELS_GEMINI : MODELS_OPENAI;
}

/* ---- One model in each form. ---- */

static const struct model_info *info_of(const struct model_route *r)
{
    return catalogue_find(r->targets[0].model->name);
}

static enum model_purpose purpose_of(const struct model_route *r)
{
    const struct model_info *known = info_of(r);
    if (r->targets[0].model->image)
        return MODEL_IMAGE;
    return known ? known->purpose : MODEL_TEXT;
}

static void put_openai(struct json_writer *w, const struct model_route *r, size_t rank)
{
    (void)rank;
    jw_object(w);
    jw_kstr(w, "id", r->id);
    jw_kstr(w, "object", S("model"));
    jw_ki64(w, "created", r->created);
    jw_kstr(w, "owned_by", r->owned_by);
    jw_object_end(w);
}

static void put_anthropic(struct json_writer *w, const struct model_route *r, size_t rank)
{
    (void)rank;
    char when[40];
    struct tm tm;
    time_t at = (time_t)r->created;
    if (!gmtime_r(&at, &tm) || !strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm))
        memcpy(when, "1970-01-01T00:00:00Z", 21);
    jw_object(w);
    jw_kstr(w, "id", r->id);
    jw_kstr(w, "object", S("model"));
    jw_kstr(w, "owned_by", r->owned_by);
    jw_kstr(w, "type", S("model"));
    jw_kstr(w, "display_name", r->display_name);
    jw_kstr(w, "created_at", str_c(when));
    if (r->max_input)
        jw_ku64(w, "max_input_tokens", r->max_input);
    if (r->max_output)
        jw_ku64(w, "max_tokens", r->max_output);
    jw_object_end(w);
}

static void put_methods(struct json_writer *w, enum model_purpose purpose)
{
    jw_key(w, S("supportedGenerationMethods"));
    jw_array(w);
    if (purpose == MODEL_EMBED) {
        jw_str(w, S("embedContent"));
        jw_str(w, S("batchEmbedContents"));
    } else {
        jw_str(w, S("generateContent"));
        jw_str(w, S("streamGenerateContent"));
    }
    jw_str(w, S("countTokens"));
    jw_array_end(w);
}

static void put_gemini(struct json_writer *w, const struct model_route *r, size_t rank)
{
    (void)rank;
    const struct model_info *known = info_of(r);
    jw_object(w);
    jw_key(w, S("name"));
    /* The value is "models/" and the id in one literal. */
    struct buf name;
    buf_init(&name, r->id.n + 16);
    buf_lit(&name, "models/");
    buf_put(&name, r->id);
    jw_str(w, buf_str(&name));
    buf_fini(&name);
    jw_kstr(w, "version", S("001"));
    jw_kstr(w, "displayName", r->display_name);
    jw_kstr(w, "description", r->display_name);
    if (r->max_input)
        jw_ku64(w, "inputTokenLimit", r->max_input);
    if (r->max_output)
        jw_ku64(w, "outputTokenLimit", r->max_output);
    put_methods(w, purpose_of(r));
    if (known)
        jw_kbool(w, "thinking", capability_thinks(&known->thinking));
    jw_object_end(w);
}

/* Said to a model the client has no instructions of its own for. */
static const char instructions[] =
    "You are a coding agent in a terminal. You work in the user's directory with the tools you "
    "are given: read the relevant files before you change anything, follow the conventions you "
    "find there, make the smallest change that solves the task, and run what shows that it works. "
    "Ask before anything destructive. Keep going until the task is done, then say in a few "
    "sentences what you changed and what remains.";

static void put_levels(struct json_writer *w, unsigned levels)
{
    /* Older versions of the client refuse the whole list over a level they do not know, so the
     * newest one (max) is left out. */
    jw_key(w, S("supported_reasoning_levels"));
    jw_array(w);
    for (enum level l = LEVEL_MINIMAL; l <= LEVEL_XHIGH; l++) {
        if (!(levels >> l & 1))
            continue;
        jw_object(w);
        jw_kstr(w, "effort", str_c(level_names[l]));
        jw_kstr(w, "description", str_c(level_names[l]));
        jw_object_end(w);
    }
    jw_array_end(w);
    if (levels >> LEVEL_MEDIUM & 1)
        jw_kstr(w, "default_reasoning_level", S("medium"));
    else if (levels >> LEVEL_LOW & 1)
        jw_kstr(w, "default_reasoning_level", S("low"));
}

static void put_codex(struct json_writer *w, const struct model_route *r, size_t rank)
{
    const struct model_info *known = info_of(r);
    bool own = known && (known->channels >> CHANNEL_CODEX & 1);
    jw_object(w);
    jw_kstr(w, "slug", r->id);
    jw_kstr(w, "display_name", r->display_name);
    jw_kstr(w, "description", r->display_name);
    put_levels(w, known ? known->thinking.levels : 0);
    jw_kstr(w, "shell_type", S("shell_command"));
    jw_kstr(w, "visibility", purpose_of(r) == MODEL_TEXT ? S("list") : S("hide"));
    jw_kbool(w, "supported_in_api", true);
    jw_ku64(w, "priority", rank);
    jw_knull(w, "upgrade");
    jw_kstr(w, "base_instructions", str_c(instructions));
    jw_kbool(w, "supports_reasoning_summaries", own);
    jw_kbool(w, "support_verbosity", own);
    jw_knull(w, "default_verbosity");
    if (own)
        jw_kstr(w, "apply_patch_tool_type", S("freeform"));
    else
        jw_knull(w, "apply_patch_tool_type");
    jw_kraw(w, "truncation_policy", S("{\"mode\":\"tokens\",\"limit\":10000}"));
    jw_kbool(w, "supports_parallel_tool_calls", true);
    if (r->max_input)
        jw_ku64(w, "context_window", r->max_input);
    jw_kraw(w, "experimental_supported_tools", S("[]"));
    jw_kraw(w, "input_modalities", S("[\"text\",\"image\"]"));
    jw_object_end(w);
}

static void (*const put_item[MODELS_FORMS])(struct json_writer *, const struct model_route *,
                                            size_t rank) = {
    [MODELS_OPENAI] = put_openai,
    [MODELS_ANTHROPIC] = put_anthropic,
    [MODELS_GEMINI] = put_gemini,
    [MODELS_CODEX] = put_codex,
};

/* ---- Orders. ---- */

static int by_name(const struct model_route *a, const struct model_route *b)
{
    int c = str_cmp(a->display_name, b->display_name);
    return c ? c : str_cmp(a->id, b->id);
}

static int by_age(const struct model_route *a, const struct model_route *b)
{
    if (a->created != b->created)
        return a->created > b->created ? -1 : 1;
    return str_cmp(a->id, b->id);
}

struct place {
    const struct model_route *route;
    size_t at;
};

static int place_by_name(const void *a, const void *b)
{
    return by_name(((const struct place *)a)->route, ((const struct place *)b)->route);
}

static int place_by_age(const void *a, const void *b)
{
    return by_age(((const struct place *)a)->route, ((const struct place *)b)->route);
}

/* Indices into t->sorted; cmp NULL keeps the order of ids. */
static size_t *order_of(const struct route_table *t, struct arena *a,
                        int (*cmp)(const void *, const void *))
{
    struct place *p = arena_array(a, struct place, t->n + 1);
    size_t *order = arena_array(a, size_t, t->n + 1);
    for (size_t i = 0; i < t->n; i++)
        p[i] = (struct place){t->sorted[i], i};
    if (cmp && t->n)
        qsort(p, t->n, sizeof(*p), cmp);
    for (size_t i = 0; i < t->n; i++)
        order[i] = p[i].at;
    return order;
}

/* ---- Lists. ---- */

/* The part of a list's order that a key and a page leave over. */
struct selection {
    const struct model_lists *lists;
    enum models_form form;
    const struct client_key *key;
    size_t from, end; /* in the order */
    str first, last;  /* ids */
    bool more;
};

static bool visible(const struct selection *s, size_t at)
{
    const struct model_list *m = &s->lists->forms[s->form];
    return route_allows(s->key, s->lists->routes->sorted[m->order[at]]);
}

static void select_page(struct selection *s, const struct models_page *page)
{
    const struct route_table *t = s->lists->routes;
    const size_t *order = s->lists->forms[s->form].order;
    uint64_t limit = page && page->limit ? page->limit : UINT64_MAX;
    if (page && page->after.n)
        for (size_t i = 0; i < t->n && !s->from; i++)
            if (str_eq(t->sorted[order[i]]->id, page->after))
                s->from = i + 1;
    uint64_t taken = 0;
    for (s->end = s->from; s->end < t->n; s->end++) {
        if (!visible(s, s->end))
            continue;
        if (taken++ == limit) {
            s->more = true;
            break;
        }
        s->last = t->sorted[order[s->end]]->id;
        if (taken == 1)
            s->first = s->last;
    }
}

static void put_id_or_null(struct json_writer *w, str id)
{
    if (id.n)
        jw_str(w, id);
    else
        jw_null(w);
}

static void put_list(const struct selection *s, struct buf *out)
{
    const struct model_list *m = &s->lists->forms[s->form];
    bool data = s->form == MODELS_OPENAI || s->form == MODELS_ANTHROPIC;
    struct json_writer w = json_writer(out);
    jw_object(&w);
    if (s->form == MODELS_OPENAI)
        jw_kstr(&w, "object", S("list"));
    jw_key(&w, data ? S("data") : S("models"));
    jw_array(&w);
    for (size_t i = s->from; i < s->end; i++)
        if (visible(s, i))
            jw_raw(&w, m->items[m->order[i]]);
    jw_array_end(&w);
    if (s->form == MODELS_ANTHROPIC) {
        jw_kbool(&w, "has_more", s->more);
        jw_key(&w, S("first_id"));
        put_id_or_null(&w, s->first);
        jw_key(&w, S("last_id"));
        put_id_or_null(&w, s->last);
    } else if (s->form == MODELS_GEMINI && s->more) {
        jw_kstr(&w, "nextPageToken", s->last);
    }
    jw_object_end(&w);
}

void model_lists_build(const struct route_table *t, struct arena *a, struct model_lists *out)
{
    struct buf b;
    buf_init(&b, LIST_MAX);
    size_t *by_id = order_of(t, a, NULL);
    size_t *rank = arena_array(a, size_t, t->n + 1);
    size_t *aged = order_of(t, a, place_by_age);
    for (size_t i = 0; i < t->n; i++)
        rank[aged[i]] = i;
    *out = (struct model_lists){.routes = t};
    for (enum models_form f = 0; f < MODELS_FORMS; f++) {
        struct model_list *m = &out->forms[f];
        m->order = f == MODELS_ANTHROPIC ? order_of(t, a, place_by_name)
                   : f == MODELS_CODEX   ? aged
                                         : by_id;
        m->items = arena_array(a, str, t->n + 1);
        for (size_t i = 0; i < t->n; i++) {
            buf_clear(&b);
            struct json_writer w = json_writer(&b);
            put_item[f](&w, t->sorted[i], rank[i]);
            m->items[i] = str_dup(a, buf_str(&b));
        }
        struct selection s = {.lists = out, .form = f};
        select_page(&s, NULL);
        buf_clear(&b);
        put_list(&s, &b);
        m->body = str_dup(a, buf_str(&b));
    }
    buf_fini(&b);
}

str models_list(const struct model_lists *l, enum models_form form, const struct client_key *key,
                const struct models_page *page, struct buf *out)
{
    bool pages = (form == MODELS_ANTHROPIC || form == MODELS_GEMINI) && page &&
                 (page->limit || page->after.n);
    if (!pages && (!key || (!key->n_models && !key->n_providers)))
        return l->forms[form].body;
    struct selection s = {.lists = l, .form = form, .key = key};
    select_page(&s, pages ? page : NULL);
    buf_clear(out);
    put_list(&s, out);
    return buf_str(out);
}

/* Index in sorted, or n. */
static size_t index_of(const struct route_table *t, str id)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = str_cmp(t->sorted[mid]->id, id);
        if (c == 0)
            return mid;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return t->n;
}

str models_one(const struct model_lists *l, enum models_form form, str id,
               const struct client_key *key)
{
    const struct route_table *t = l->routes;
    size_t at = index_of(t, id);
    if (at == t->n && str_starts(id, S("models/")))
        at = index_of(t, str_from(id, 7));
    if (at == t->n || !route_allows(key, t->sorted[at]))
        return S("");
    return l->forms[form == MODELS_CODEX ? MODELS_OPENAI : form].items[at];
}

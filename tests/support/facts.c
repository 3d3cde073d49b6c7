#include "support/facts.h"

#include <stdlib.h>

#include "ir/print.h"
#include "ir/turns.h"

enum { LINE_BYTES = 1 << 24 };

/* ---- lines ---- */

static void add(struct facts *fs, enum ir_feature f, bool ordered, str line)
{
    if (fs->n == fs->cap) {
        size_t cap = fs->cap ? fs->cap * 2 : 64;
        struct fact *list = arena_array(fs->arena, struct fact, cap);
        if (fs->n)
            memcpy(list, fs->list, fs->n * sizeof *list);
        fs->list = list;
        fs->cap = cap;
    }
    fs->list[fs->n++] = (struct fact){f, ordered, str_dup(fs->arena, line)};
}

static void add2(struct facts *fs, enum ir_feature f, bool ordered, const char *what, str text)
{
    str parts[] = {str_c(what), text};
    add(fs, f, ordered, str_join(fs->arena, parts, 2));
}

static void option(struct facts *fs, enum ir_feature f, const char *what, str text)
{
    if (text.p)
        add2(fs, f, false, what, text);
}

/* Without white space. */
static str squeezed(struct arena *a, str s)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_space(s.p[i]))
            p[n++] = s.p[i];
    }
    return str_of(p, n);
}

static str json_line(struct arena *a, yyjson_val *v)
{
    struct buf b;
    buf_init(&b, LINE_BYTES);
    ir_print_json(v, &b);
    str line = str_dup(a, buf_str(&b));
    buf_fini(&b);
    return line;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const str *)a, *(const str *)b);
}

/* "name(a,b)": the properties of a schema. */
static str schema_line(struct arena *a, str name, yyjson_val *schema)
{
    yyjson_val *properties = jv_get(schema, "properties");
    size_t n = 0, max = yyjson_obj_size(properties);
    str *keys = arena_array(a, str, max + 1);
    struct buf b;
    yyjson_obj_iter it = yyjson_obj_iter_with(properties);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));)
        keys[n++] = jv_str(k);
    qsort(keys, n, sizeof *keys, by_text);
    buf_init(&b, LINE_BYTES);
    buf_put(&b, name);
    buf_put_char(&b, '(');
    for (size_t i = 0; i < n; i++) {
        buf_put(&b, keys[i]);
        buf_put_char(&b, ',');
    }
    str line = str_dup(a, buf_str(&b));
    buf_fini(&b);
    return line;
}

/* ---- content ---- */

static void media_facts(struct facts *fs, const struct ir_part *p, enum ir_feature data,
                        enum ir_feature url, const char *what)
{
    const struct ir_media *m = p->media;
    if (!m)
        return;
    if (m->data.n)
        add2(fs, data, true, what, m->data);
    if (m->url.n)
        add2(fs, url, true, what, m->url);
    if (m->text.n)
        add2(fs, CAN_DOCUMENT_TEXT, true, what, squeezed(fs->arena, m->text));
    if (m->file_id.n)
        add2(fs, CAN_FILE_ID, true, what, m->file_id);
    if (m->detail.n && !str_eq(m->detail, S("auto")))
        add2(fs, CAN_IMAGE_DETAIL, true, "detail ", m->detail);
}

static void call_facts(struct facts *fs, const struct ir_part *p)
{
    yyjson_val *tree = ir_call_tree(p, fs->arena);
    str text = squeezed(fs->arena, ir_call_text(p, fs->arena));
    str parts[] = {S("call "), p->name, S(" "), tree ? json_line(fs->arena, tree) : text};
    add(fs, p->call == IR_CALL_CUSTOM ? CAN_TOOL_CUSTOM : CAN_COUNT, true,
        str_join(fs->arena, parts, 4));
}

static void result_facts(struct facts *fs, const struct ir_part *p)
{
    str text = squeezed(fs->arena, ir_result_text(p, fs->arena));
    if (str_starts(text, S("Error:"))) /* where results cannot be marked (SPEC 5.6) */
        text = str_from(text, strlen("Error:"));
    add2(fs, CAN_COUNT, true, "result ", text);
    if (p->is_error)
        add(fs, CAN_RESULT_ERROR, true, S("is an error"));
    for (const struct ir_part *c = p->content; c; c = c->next) {
        if (c->kind == IR_PART_IMAGE)
            media_facts(fs, c, CAN_RESULT_IMAGE, CAN_RESULT_IMAGE, "result image ");
        if (c->kind == IR_PART_DOCUMENT)
            media_facts(fs, c, CAN_RESULT_DOCUMENT, CAN_RESULT_DOCUMENT, "result document ");
    }
}

static void part_facts(struct facts *fs, const struct ir_part *p)
{
    switch (p->kind) {
    case IR_PART_IMAGE: media_facts(fs, p, CAN_IMAGE_DATA, CAN_IMAGE_URL, "image "); break;
    case IR_PART_AUDIO: media_facts(fs, p, CAN_AUDIO_DATA, CAN_AUDIO_DATA, "audio "); break;
    case IR_PART_VIDEO: media_facts(fs, p, CAN_VIDEO, CAN_VIDEO, "video "); break;
    case IR_PART_DOCUMENT:
        media_facts(fs, p, CAN_DOCUMENT_DATA, CAN_DOCUMENT_URL, "document ");
        break;
    case IR_PART_CALL: call_facts(fs, p); break;
    case IR_PART_RESULT: result_facts(fs, p); break;
    default: break;
    }
    if (p->cache)
        add(fs, CAN_CACHE_MARK, true, S("cache mark"));
}

/* All text of a message, squeezed. */
static str text_of(struct facts *fs, const struct ir_part *p)
{
    struct buf b;
    buf_init(&b, LINE_BYTES);
    for (; p; p = p->next) {
        if (p->kind == IR_PART_TEXT || p->kind == IR_PART_REFUSAL)
            buf_put(&b, p->text);
    }
    str s = squeezed(fs->arena, buf_str(&b));
    buf_fini(&b);
    return s;
}

static void message_facts(struct facts *fs, const struct ir_message *m)
{
    static const char *const roles[] = {"system ", "system ", "user ", "assistant ", "user "};
    str text = text_of(fs, m->parts.first);
    if (m->name.n)
        add2(fs, CAN_AUTHOR_NAME, true, "by ", m->name);
    if (text.n)
        add2(fs, m->role <= IR_DEVELOPER ? CAN_SYSTEM_LATER : CAN_COUNT, true, roles[m->role],
             text);
    for (const struct ir_part *p = m->parts.first; p; p = p->next)
        part_facts(fs, p);
}

/* ---- options ---- */

static void tool_facts(struct facts *fs, const struct ir_tool *t)
{
    struct arena *a = fs->arena;
    if (t->kind == IR_TOOL_WEB_SEARCH)
        add(fs, CAN_WEB_SEARCH, false, S("web search"));
    if (t->kind == IR_TOOL_WEB_FETCH)
        add(fs, CAN_WEB_FETCH, false, S("web fetch"));
    if (t->kind == IR_TOOL_CODE_EXECUTION)
        add(fs, CAN_CODE_EXECUTION, false, S("code execution"));
    if (t->cache)
        add(fs, CAN_CACHE_MARK, false, S("cache mark of a tool"));
    if (t->kind != IR_TOOL_FUNCTION && t->kind != IR_TOOL_CUSTOM)
        return;
    enum ir_feature f = t->kind == IR_TOOL_CUSTOM ? CAN_TOOL_CUSTOM : CAN_TOOLS;
    str described[] = {t->name, S(" "), squeezed(a, t->description)};
    add2(fs, f, false, "tool ", schema_line(a, t->name, t->schema));
    if (t->description.n)
        add2(fs, f, false, "description ", str_join(a, described, 3));
    if (t->strict == IR_YES)
        add2(fs, CAN_TOOL_STRICT, false, "strict ", t->name);
    if (t->deferred)
        add2(fs, CAN_DEFER_LOADING, false, "deferred ", t->name);
}

/* Auto is the same as silence. */
static void choice_facts(struct facts *fs, const struct ir_request *rq)
{
    const struct ir_choice *c = &rq->choice;
    if (c->kind == IR_CHOICE_NONE && rq->tools)
        add(fs, CAN_TOOL_CHOICE, false, S("no call"));
    if (c->kind == IR_CHOICE_REQUIRED)
        add(fs, CAN_TOOL_CHOICE, false, S("any call"));
    if (c->kind == IR_CHOICE_ONE && c->n_names)
        add2(fs, CAN_TOOL_CHOICE_ONE, false, "call of ", c->names[0]);
    for (size_t i = 0; c->kind == IR_CHOICE_SOME && i < c->n_names; i++)
        add2(fs, CAN_TOOL_CHOICE_SOME, false, "may call ", c->names[i]);
    if (rq->parallel == IR_NO)
        add(fs, CAN_PARALLEL_CALLS, false, S("one call at a time"));
}

static void sampling_facts(struct facts *fs, const struct ir_request *rq)
{
    option(fs, CAN_MAX_TOKENS, "max_tokens ", rq->max_tokens);
    option(fs, CAN_TEMPERATURE, "temperature ", rq->temperature);
    option(fs, CAN_TOP_P, "top_p ", rq->top_p);
    option(fs, CAN_TOP_K, "top_k ", rq->top_k);
    option(fs, CAN_SEED, "seed ", rq->seed);
    option(fs, CAN_FREQUENCY_PENALTY, "frequency_penalty ", rq->frequency_penalty);
    option(fs, CAN_PRESENCE_PENALTY, "presence_penalty ", rq->presence_penalty);
    for (size_t i = 0; i < rq->n_stops; i++)
        option(fs, CAN_STOP, "stop ", rq->stops[i]);
    if (rq->n.n && !str_eq(rq->n, S("1")))
        option(fs, CAN_CHOICES, "n ", rq->n);
    if (rq->logprobs == IR_YES || rq->top_logprobs.n)
        add(fs, CAN_LOGPROBS, false, S("logprobs"));
    if (rq->logit_bias)
        option(fs, CAN_LOGIT_BIAS, "logit_bias ", json_line(fs->arena, rq->logit_bias));
}

static void output_facts(struct facts *fs, const struct ir_request *rq)
{
    const struct ir_reasoning *r = &rq->reasoning;
    enum ir_feature effort = ir_set_has(&rq->said, CAN_EFFORT) ? CAN_EFFORT : CAN_BUDGET;
    if (r->kind == IR_THINK_OFF)
        add(fs, effort, false, S("does not think"));
    else if (r->kind == IR_THINK_LEVEL || r->kind == IR_THINK_BUDGET)
        add(fs, effort, false, S("thinks")); /* auto is the same as silence */
    if (rq->format.kind == IR_FORMAT_OBJECT)
        add(fs, CAN_JSON_MODE, false, S("JSON"));
    if (rq->format.kind == IR_FORMAT_SCHEMA)
        add2(fs, CAN_JSON_SCHEMA, false, "JSON ", schema_line(fs->arena, S(""), rq->format.schema));
    option(fs, CAN_VERBOSITY, "verbosity ", rq->verbosity);
    if (rq->wants_audio)
        add(fs, CAN_OUTPUT_AUDIO, false, S("audio"));
    if (rq->wants_image)
        add(fs, CAN_OUTPUT_IMAGE, false, S("image"));
}

static void service_facts(struct facts *fs, const struct ir_request *rq)
{
    option(fs, CAN_SERVICE_TIER, "service_tier ", rq->service_tier);
    option(fs, CAN_USER, "user ", rq->user);
    option(fs, CAN_CACHE_KEY, "cache_key ", rq->cache_key);
    if (rq->metadata)
        option(fs, CAN_METADATA, "metadata ", json_line(fs->arena, rq->metadata));
    if (rq->store != IR_UNSAID)
        add(fs, CAN_STORE, false, rq->store == IR_YES ? S("stored") : S("not stored"));
}

/* What stands before the conversation is one text. */
static const struct ir_message *system_facts(struct facts *fs, const struct ir_message *m)
{
    struct buf b;
    bool any = false;
    buf_init(&b, LINE_BYTES);
    for (; m && m->role <= IR_DEVELOPER; m = m->next, any = true)
        buf_put(&b, text_of(fs, m->parts.first));
    if (any && b.n)
        add2(fs, CAN_SYSTEM, false, "system ", buf_str(&b));
    buf_fini(&b);
    return m;
}

/* What only its issuer can read, or only one dialect knows: without it neighbours may be one. */
static void drop_own(struct ir_request *rq)
{
    for (struct ir_message *m = rq->messages; m; m = m->next) {
        struct ir_part *p = m->parts.first;
        ir_parts_init(&m->parts);
        for (; p; p = p->next) {
            if (p->kind == IR_PART_RAW || p->kind == IR_PART_REASONING ||
                p->kind == IR_PART_SEARCH || p->kind == IR_PART_CODE)
                continue;
            *m->parts.end = p;
            m->parts.end = &p->next;
        }
        *m->parts.end = NULL;
    }
}

static void fit_names(struct ir_request *rq, const struct codec *c, const struct ir_target *to)
{
    struct ir_names names;
    struct ir_alphabet alphabet = c->alphabet;
    if (c->alphabet_for)
        c->alphabet_for(to, &alphabet);
    ir_names_fit(rq, &alphabet, rq->arena, &names);
}

void facts_of_request(struct facts *fs, struct arena *a, struct ir_request *rq,
                      const struct codec *one, const struct codec *other,
                      const struct ir_target *to)
{
    *fs = (struct facts){.arena = a};
    drop_own(rq);
    fit_names(rq, one, to);
    fit_names(rq, other, to);
    ir_turns_fit(rq, TURNS_MERGE | TURNS_NO_EMPTY | TURNS_NO_PREFILL | TURNS_SYSTEM_AS_USER);
    sampling_facts(fs, rq);
    output_facts(fs, rq);
    service_facts(fs, rq);
    for (const struct ir_tool *t = rq->tools; t; t = t->next)
        tool_facts(fs, t);
    choice_facts(fs, rq);
    for (const struct ir_message *m = system_facts(fs, rq->messages); m; m = m->next)
        message_facts(fs, m);
}

/* ---- answers ---- */

static void answer_part(struct facts *fs, const struct ir_part *p)
{
    switch (p->kind) {
    case IR_PART_CALL: call_facts(fs, p); break;
    case IR_PART_REASONING:
        if (p->text.n)
            add2(fs, CAN_SAY_REASONING, true, "reasoning ", squeezed(fs->arena, p->text));
        if (p->seal.value.n)
            add(fs, CAN_SAY_SEAL, true, S("sealed"));
        break;
    case IR_PART_IMAGE: add(fs, CAN_SAY_IMAGE, true, S("image")); break;
    case IR_PART_AUDIO: add(fs, CAN_SAY_AUDIO, true, S("audio")); break;
    case IR_PART_SEARCH:
        if (p->text.n)
            add2(fs, CAN_SAY_SEARCH, false, "search ", p->text);
        break;
    case IR_PART_CODE: add2(fs, CAN_SAY_CODE, true, "code ", squeezed(fs->arena, p->text)); break;
    default: break;
    }
    for (const struct ir_citation *c = p->kind == IR_PART_TEXT ? p->citations : NULL; c;
         c = c->next) {
        if (c->url.n)
            add2(fs, CAN_SAY_CITATIONS, false, "cites ", c->url);
    }
    if (p->logprobs)
        add(fs, CAN_SAY_LOGPROBS, true, S("logprobs"));
}

static void usage_fact(struct facts *fs, enum ir_feature f, const char *what, int64_t n)
{
    if (n > 0)
        add(fs, f, false, arena_printf(fs->arena, "%s %lld", what, (long long)n));
}

static void reply_facts(struct facts *fs, const struct ir_reply *r)
{
    struct buf text, refusal;
    buf_init(&text, LINE_BYTES);
    buf_init(&refusal, LINE_BYTES);
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        if (p->kind == IR_PART_TEXT)
            buf_put(&text, p->text);
        if (p->kind == IR_PART_REFUSAL)
            buf_put(&refusal, p->text);
        answer_part(fs, p);
    }
    if (text.n)
        add2(fs, CAN_COUNT, false, "text ", squeezed(fs->arena, buf_str(&text)));
    if (refusal.n)
        add2(fs, CAN_SAY_REFUSAL, false, "refusal ", squeezed(fs->arena, buf_str(&refusal)));
    if (r->finish == IR_FINISH_SEQUENCE)
        add(fs, CAN_SAY_STOP_SEQUENCE, false, S("finish sequence"));
    else if (r->finish == IR_FINISH_REFUSED || r->finish == IR_FINISH_FILTERED)
        add(fs, CAN_COUNT, false, S("finish refused")); /* one row of SPEC 5.8 */
    else
        add2(fs, CAN_COUNT, false, "finish ", str_c(ir_finish_name(r->finish)));
    buf_fini(&text);
    buf_fini(&refusal);
}

void facts_of_answer(struct facts *fs, struct arena *a, const struct ir_answer *an, bool all)
{
    *fs = (struct facts){.arena = a};
    for (const struct ir_reply *r = an->replies; r; r = r->next) {
        if (r->index > 0)
            add(fs, CAN_SAY_CHOICES, false, S("another choice"));
        if (all || r->index == 0)
            reply_facts(fs, r);
    }
    usage_fact(fs, CAN_COUNT, "input", an->usage.input);
    usage_fact(fs, CAN_COUNT, "output", an->usage.output);
    usage_fact(fs, CAN_SAY_CACHE_READ, "cached", an->usage.cached);
    usage_fact(fs, CAN_SAY_CACHE_WRITE, "cache_write", an->usage.cache_write);
    usage_fact(fs, CAN_SAY_REASONING_USED, "reasoning", an->usage.reasoning);
    if (an->service_tier.n)
        add(fs, CAN_SAY_SERVICE_TIER, false, S("tier"));
}

/* ---- comparing ---- */

/* To a system prompt something may be added: how to answer where a format cannot be asked for. */
static bool same_line(const struct fact *now, const struct fact *was)
{
    return str_eq(now->line, was->line) ||
           (was->feature == CAN_SYSTEM && str_starts(now->line, was->line));
}

void facts_kept(const struct facts *was, const struct facts *now, bool *found)
{
    size_t from = 0; /* behind the last ordered fact that was found */
    for (size_t i = 0; i < was->n; i++) {
        const struct fact *w = &was->list[i];
        found[i] = false;
        for (size_t k = w->ordered ? from : 0; k < now->n && !found[i]; k++) {
            const struct fact *n = &now->list[k];
            found[i] = n->ordered == w->ordered && same_line(n, w);
            if (found[i] && w->ordered)
                from = k + 1;
        }
    }
}

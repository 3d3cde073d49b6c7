/*
 * dialect/gemini/answer_whole.c - an answer as one GenerateContentResponse.
 *
 * An answer of this dialect itself is written again with all that the neutral form has no place
 * for.
 */
#include "dialect/gemini/answer_state.h"
#include "dialect/gemini/gemini.h"
#include "ir/seal.h"

struct whole {
    const struct answer_ask *ask;
    const struct ir_answer *an;
    struct json_writer *w;
    bool same; /* src members are this dialect's */
};

/* ---- what src has besides ---- */

static bool again(const struct whole *x, yyjson_val *src, const char *name)
{
    yyjson_val *v = x->same ? gemini_get(src, name) : NULL;
    if (!v)
        return false;
    jw_key(x->w, str_c(name));
    jw_value(x->w, v);
    return true;
}

static void write_rest(const struct whole *x, yyjson_val *src, const char *const *known)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(x->same ? src : NULL);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        const char *const *name = known;
        while (*name && !ir_key_is(jv_str(k), *name))
            name++;
        if (*name)
            continue;
        jw_key(x->w, jv_str(k));
        jw_value(x->w, yyjson_obj_iter_get_val(k));
    }
}

/* ---- parts ---- */

static const char *const text_members[] = {"text", "thought", "thoughtSignature", NULL};

static void write_text(const struct whole *x, const struct ir_part *p)
{
    str signature = ir_seal_pack(&p->seal, DIALECT_GEMINI, x->ask->arena);
    bool has_text = !x->same || !p->src || gemini_get(p->src, "text");
    jw_object(x->w);
    if (has_text)
        jw_kstr(x->w, "text", p->text);
    if (p->kind == IR_PART_REASONING && !p->redacted)
        jw_kbool(x->w, "thought", true);
    if (signature.n)
        jw_kstr(x->w, "thoughtSignature", signature);
    write_rest(x, p->src, text_members);
    jw_object_end(x->w);
}

/* The provider's own object, where there is one: it was read from nothing else. */
static void write_part(const struct whole *x, const struct ir_part *p)
{
    struct arena *a = x->ask->arena;
    bool text =
        p->kind == IR_PART_TEXT || p->kind == IR_PART_REFUSAL || p->kind == IR_PART_REASONING;
    if (text) {
        write_text(x, p);
    } else if (p->kind == IR_PART_CALL) {
        /* Models without ids get none here either. */
        bool bare = x->same && p->src && !gemini_get(gemini_get(p->src, "functionCall"), "id");
        gemini_call_write(bare ? S("") : p->id, p->name, ir_call_text(p, a),
                          ir_seal_pack(&p->seal, DIALECT_GEMINI, a), x->w);
    } else if (x->same && p->src) {
        jw_value(x->w, p->src);
        if (p->kind == IR_PART_CODE && p->content)
            jw_value(x->w, p->content->src);
    } else if (p->kind == IR_PART_CODE || p->media) {
        gemini_part_write(p, a, x->w);
    }
}

/* Citations of one part; base: bytes of text before it. */
static void ground_part(const struct whole *x, struct grounding *g, const struct ir_part *p,
                        struct offsets *all)
{
    size_t base_bytes = all->n, base = offsets_chars(all, base_bytes);
    if (p->kind == IR_PART_SEARCH)
        gemini_ground_search(g, x->ask->arena, p);
    if (p->kind != IR_PART_TEXT)
        return;
    offsets_add(all, x->ask->arena, p->text);
    for (const struct ir_citation *c = p->citations; c; c = c->next) {
        bool placed = c->start >= 0 && c->end > c->start;
        gemini_ground(g, x->ask->arena, c,
                      placed ? offsets_byte(all, base + (size_t)c->start) : base_bytes,
                      placed ? offsets_byte(all, base + (size_t)c->end) : all->n);
    }
}

static void write_grounding(const struct whole *x, const struct ir_reply *r)
{
    struct grounding g = {.n = 0};
    struct offsets all = {.n = 0};
    bool grounded = again(x, r->src, "groundingMetadata");
    bool fetched = again(x, r->src, "urlContextMetadata");
    if (grounded || fetched || (x->same && r->src))
        return;
    for (const struct ir_part *p = r->parts.first; p; p = p->next)
        ground_part(x, &g, p, &all);
    gemini_ground_write(&g, x->w);
    gemini_ground_fini(&g);
}

static void write_logprobs(const struct whole *x, const struct ir_reply *r)
{
    if (again(x, r->src, "logprobsResult"))
        return;
    for (const struct ir_part *p = r->parts.first; p; p = p->next) {
        if (p->logprobs) {
            jw_key(x->w, S("logprobsResult"));
            gemini_logprobs_write(p->logprobs, x->w);
            return;
        }
    }
}

/* ---- candidates ---- */

static const char *const content_members[] = {"parts", "role", NULL};
static const char *const candidate_members[] = {
    "content", "finishReason", "index", "groundingMetadata", "urlContextMetadata", "logprobsResult",
    NULL};

static void write_content(const struct whole *x, const struct ir_reply *r)
{
    yyjson_val *src = x->same ? gemini_get(r->src, "content") : NULL;
    if (x->same && r->src && !src)
        return;
    jw_key(x->w, S("content"));
    jw_object(x->w);
    if (!src || gemini_get(src, "parts")) {
        jw_key(x->w, S("parts"));
        jw_array(x->w);
        for (const struct ir_part *p = r->parts.first; p; p = p->next)
            write_part(x, p);
        jw_array_end(x->w);
    }
    if (!src || gemini_get(src, "role"))
        jw_kstr(x->w, "role", S("model"));
    write_rest(x, src, content_members);
    jw_object_end(x->w);
}

static void write_candidate(const struct whole *x, const struct ir_reply *r)
{
    jw_object(x->w);
    write_content(x, r);
    if (!again(x, r->src, "finishReason") && !(x->same && r->src))
        jw_kstr(x->w, "finishReason", gemini_finish_word(r->finish, r->native));
    if (!(x->same && r->src && !gemini_get(r->src, "index")))
        jw_ku64(x->w, "index", r->index);
    write_grounding(x, r);
    write_logprobs(x, r);
    write_rest(x, r->src, candidate_members);
    jw_object_end(x->w);
}

static const char *const answer_members[] = {"candidates", "usageMetadata", "modelVersion",
                                             "responseId", NULL};

void gemini_write_whole(const struct answer_ask *ask, const struct ir_answer *an, struct buf *out)
{
    struct json_writer w = json_writer(out);
    struct whole x = {ask, an, &w, an->from == DIALECT_GEMINI && an->src};
    bool blocked = x.same && !gemini_get(an->src, "candidates");
    jw_object(&w);
    if (!blocked) {
        jw_key(&w, S("candidates"));
        jw_array(&w);
        for (const struct ir_reply *r = an->replies; r; r = r->next)
            write_candidate(&x, r);
        jw_array_end(&w);
    }
    if (!again(&x, an->src, "usageMetadata")) {
        jw_key(&w, S("usageMetadata"));
        gemini_usage_write(&an->usage, an->service_tier, &w);
    }
    jw_kstr(&w, "modelVersion", ask->model);
    jw_kstr(&w, "responseId", gemini_response_id(ask, an->id));
    write_rest(&x, an->src, answer_members);
    jw_object_end(&w);
}

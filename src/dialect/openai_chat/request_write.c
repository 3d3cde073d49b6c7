/*
 * dialect/openai_chat/request_write.c - writes a request for a provider of this dialect.
 *
 * For a client of this dialect it is what was read, member by member. For others, options that only
 * OpenAI itself knows, or that this model refuses (model.c), are taken out first and named as lost.
 */
#include "base/hash.h"
#include "dialect/openai_chat/options.h"

/* ---- what this target does not take ---- */

enum when { AT_COPIES, WHEN_FIXED };

/* Text members that go, and when. */
static const struct trim {
    const char *name;
    size_t at;
    enum when when;
} trims[] = {
    {"temperature", IR_AT(temperature), WHEN_FIXED},
    {"top_p", IR_AT(top_p), WHEN_FIXED},
    {"frequency_penalty", IR_AT(frequency_penalty), WHEN_FIXED},
    {"presence_penalty", IR_AT(presence_penalty), WHEN_FIXED},
    {"top_logprobs", IR_AT(top_logprobs), WHEN_FIXED},
    {"prompt_cache_key", IR_AT(cache_key), AT_COPIES},
    {"prompt_cache_retention", IR_AT(cache_retention), AT_COPIES},
    {"service_tier", IR_AT(service_tier), AT_COPIES},
    {"user", IR_AT(user), AT_COPIES},
};

static bool is_fixed(const struct chat_writer *cw)
{
    return cw->traits & TRAIT_FIXED ||
           (cw->traits & TRAIT_FIXED_UNLESS && cw->rq->reasoning.kind != IR_THINK_UNSAID &&
            cw->rq->reasoning.kind != IR_THINK_OFF);
}

/* What happens anyway, and what some clients always send. */
static bool is_default(const struct trim *t, str value)
{
    if (t->at == IR_AT(service_tier))
        return str_eq(value, S("auto"));
    return t->when == WHEN_FIXED && (str_eq(value, S("1")) || str_eq(value, S("1.0"))) &&
           (t->at == IR_AT(temperature) || t->at == IR_AT(top_p));
}

static void trim_texts(struct chat_writer *cw)
{
    for (size_t i = 0; i < sizeof trims / sizeof trims[0]; i++) {
        const struct trim *t = &trims[i];
        str *s = (str *)(void *)((char *)cw->rq + t->at);
        bool goes = t->when == WHEN_FIXED ? is_fixed(cw) : !(cw->traits & TRAIT_OWN);
        if (!s->p || !goes)
            continue;
        if (!is_default(t, *s))
            ir_target_lose(cw->to, str_c(t->name));
        *s = (str){NULL, 0};
    }
}

static void trim_tree(struct chat_writer *cw, yyjson_val **v, bool goes, str name)
{
    if (!*v || !goes)
        return;
    ir_target_lose(cw->to, name);
    *v = NULL;
}

/* OpenAI's words; others have their own for the standard tier. */
static void fit_tier(struct chat_writer *cw)
{
    static const char *const words[] = {"auto", "default", "flex", "scale", "priority", "fast"};
    str *tier = &cw->rq->service_tier;
    if (!tier->p)
        return;
    if (str_starts(*tier, S("standard")))
        *tier = S("default");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_eq(*tier, str_c(words[i])))
            return;
    }
    ir_target_lose(cw->to, S("service_tier"));
    *tier = (str){NULL, 0};
}

enum { USER_MAX = 64 };

/* "Invalid 'user': string too long. Expected a string with maximum length 64": Claude Code's id is
 * longer. A hash of it still tells one user from another, always alike. */
static void fit_user(struct chat_writer *cw)
{
    str *user = &cw->rq->user;
    if (user->n > USER_MAX)
        *user = arena_printf(cw->rq->arena, "user_%016llx",
                             (unsigned long long)hash_siphash(0, 0, *user));
}

static void trim(struct chat_writer *cw)
{
    struct ir_request *rq = cw->rq;
    bool ours = cw->traits & TRAIT_OWN;
    trim_texts(cw);
    rq->top_k = (str){NULL, 0}; /* dropped by the table */
    trim_tree(cw, &rq->logit_bias, is_fixed(cw), S("logit_bias"));
    /* "The 'metadata' parameter is only allowed when 'store' is enabled." */
    trim_tree(cw, &rq->metadata, !ours || rq->store != IR_YES, S("metadata"));
    if (rq->logprobs == IR_YES && is_fixed(cw))
        rq->logprobs = IR_UNSAID;
    if (rq->store == IR_YES && !ours)
        ir_target_lose(cw->to, S("store"));
    if (!ours)
        rq->store = IR_UNSAID;
    if (rq->verbosity.p && !(cw->traits & TRAIT_VERBOSITY)) {
        ir_target_lose(cw->to, S("verbosity"));
        rq->verbosity = (str){NULL, 0};
    }
    fit_tier(cw);
    fit_user(cw);
}

/* ---- members that are more than a row ---- */

static void put_limit(struct chat_writer *cw)
{
    if (!cw->rq->max_tokens.p)
        return;
    jw_key(&cw->w, cw->traits & TRAIT_NEW_LIMIT ? S("max_completion_tokens") : S("max_tokens"));
    jw_raw(&cw->w, cw->rq->max_tokens);
}

static void put_stream(struct chat_writer *cw)
{
    if (!cw->to->stream)
        return;
    jw_kbool(&cw->w, "stream", true);
    /* Else there is no usage at the end, and some clients demand it. */
    jw_kraw(&cw->w, "stream_options", S("{\"include_usage\":true}"));
}

enum { STOPS_MAX = 4 };

static void put_stop(struct chat_writer *cw)
{
    const struct ir_request *rq = cw->rq;
    size_t n = rq->n_stops;
    if (n && is_fixed(cw)) {
        ir_target_lose(cw->to, S("stop"));
        return;
    }
    if (n > STOPS_MAX) {
        ir_target_lose(cw->to, S("stop"));
        n = STOPS_MAX;
    }
    if (!n)
        return;
    jw_key(&cw->w, S("stop"));
    jw_array(&cw->w);
    for (size_t i = 0; i < n; i++)
        jw_str(&cw->w, rq->stops[i]);
    jw_array_end(&cw->w);
}

static void put_schema(struct chat_writer *cw)
{
    const struct ir_format *form = &cw->rq->format;
    struct json_writer *w = &cw->w;
    jw_kstr(w, "type", S("json_schema"));
    jw_key(w, S("json_schema"));
    jw_object(w);
    jw_kstr(w, "name", form->name.n ? form->name : S("response"));
    if (form->description.n)
        jw_kstr(w, "description", form->description);
    jw_kvalue(w, "schema", form->schema);
    if (form->strict != IR_UNSAID)
        jw_kbool(w, "strict", form->strict == IR_YES);
    jw_object_end(w);
}

static void put_format(struct chat_writer *cw)
{
    const struct ir_format *form = &cw->rq->format;
    if (form->kind != IR_FORMAT_OBJECT && (form->kind != IR_FORMAT_SCHEMA || !form->schema))
        return;
    jw_key(&cw->w, S("response_format"));
    jw_object(&cw->w);
    if (form->kind == IR_FORMAT_SCHEMA)
        put_schema(cw);
    else
        jw_kstr(&cw->w, "type", S("json_object"));
    jw_object_end(&cw->w);
}

/* Gemini's names for what image_config has in snake_case. */
static void fit_image(struct chat_writer *cw)
{
    static const char *const names[][2] = {{"aspectRatio", "aspect_ratio"},
                                           {"imageSize", "image_size"}};
    struct buf out;
    if (cw->traits & TRAIT_OWN)
        cw->rq->image_options = NULL;
    if (!cw->rq->image_options)
        return;
    buf_init(&out, SIZE_MAX / 2);
    struct json_writer w = json_writer(&out);
    jw_object(&w);
    for (size_t i = 0; i < 2; i++) {
        yyjson_val *v = jv_get(cw->rq->image_options, names[i][0]);
        v = v ? v : jv_get(cw->rq->image_options, names[i][1]);
        if (!v)
            continue;
        jw_key(&w, str_c(names[i][1]));
        jw_value(&w, v);
    }
    jw_object_end(&w);
    cw->rq->image_options = out.n > 2 ? chat_tree(buf_str(&out), cw->rq->arena) : NULL;
    buf_fini(&out);
}

static void put_modalities(struct chat_writer *cw)
{
    struct json_writer *w = &cw->w;
    if (cw->rq->wants_image && cw->traits & TRAIT_OWN) {
        ir_target_lose(cw->to, S("image output"));
        cw->rq->wants_image = false;
    }
    fit_image(cw);
    if (!cw->rq->wants_audio && !cw->rq->wants_image)
        return;
    /* "Required when audio output is requested"; streams have pcm16 only. */
    if (cw->rq->wants_audio && !cw->rq->audio_options) {
        jw_key(w, S("audio"));
        jw_object(w);
        jw_kstr(w, "voice", S("alloy"));
        jw_kstr(w, "format", cw->to->stream ? S("pcm16") : S("wav"));
        jw_object_end(w);
    }
    jw_key(w, S("modalities"));
    jw_array(w);
    jw_str(w, S("text"));
    if (cw->rq->wants_audio)
        jw_str(w, S("audio"));
    if (cw->rq->wants_image)
        jw_str(w, S("image"));
    jw_array_end(w);
}

static void put_service(struct chat_writer *cw)
{
    const struct ir_request *rq = cw->rq;
    struct json_writer *w = &cw->w;
    if (rq->n.p)
        jw_kraw(w, "n", rq->n);
    if (rq->logprobs == IR_YES)
        jw_kbool(w, "logprobs", true);
    if (rq->service_tier.n)
        jw_kstr(w, "service_tier", rq->service_tier);
    if (rq->user.n)
        jw_kstr(w, "user", rq->user);
    if (rq->store != IR_UNSAID)
        jw_kbool(w, "store", rq->store == IR_YES);
}

/* ---- a client of this dialect ---- */

/* Members that are said by hand above, as they were. */
static void copy_members(struct chat_writer *cw)
{
    static const char *const keys[] = {"stream_options",
                                       "max_tokens",
                                       "max_completion_tokens",
                                       "stop",
                                       "n",
                                       "response_format",
                                       "logprobs",
                                       "modalities",
                                       "service_tier",
                                       "user",
                                       "safety_identifier",
                                       "store",
                                       "functions",
                                       "web_search_options",
                                       "function_call"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        yyjson_val *v = jv_get(cw->rq->src, keys[i]);
        if (!v)
            continue;
        jw_key(&cw->w, str_c(keys[i]));
        jw_value(&cw->w, v);
    }
    if (cw->to->stream || jv_get(cw->rq->src, "stream"))
        jw_kbool(&cw->w, "stream", cw->to->stream);
}

static void put_foreign(struct chat_writer *cw)
{
    trim(cw);
    put_limit(cw);
    put_stream(cw);
    put_stop(cw);
    put_format(cw);
    put_modalities(cw);
    put_service(cw);
    chat_write_thinking(cw->rq, cw->to, cw->traits, &cw->w);
}

enum err chat_request_write(struct ir_request *rq, const struct ir_target *to, struct buf *out,
                            struct fail *f)
{
    struct chat_writer cw = {.rq = rq,
                             .to = to,
                             .traits = chat_traits(to),
                             .own = chat_is_own(rq),
                             .w = json_writer(out),
                             .f = f};
    jw_object(&cw.w);
    jw_kstr(&cw.w, "model", to->model);
    jw_key(&cw.w, S("messages"));
    chat_write_messages(&cw);
    chat_write_tools(&cw);
    if (cw.own)
        copy_members(&cw);
    else
        put_foreign(&cw);
    ir_fields_write(chat_rows, rq, DIALECT_CHAT, rq->src, to, &cw.w);
    jw_object_end(&cw.w);
    return cw.err;
}

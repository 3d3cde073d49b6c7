/*
 * dialect/gemini/options.c - the tables of the request and of generationConfig.
 */
#include "dialect/gemini/gemini.h"

/* Read or written by somebody else: the row keeps the member from being unknown. */
static enum err elsewhere(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    (void)rq;
    (void)v;
    (void)f;
    return OK;
}

static yyjson_val *config_of(const struct ir_request *rq)
{
    return gemini_get(gemini_request_of(rq->src), "generationConfig");
}

/* ---- sampling ---- */

static enum err read_stops(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (yyjson_is_str(v)) {
        rq->stops = arena_array(rq->arena, str, 1);
        rq->stops[0] = jv_str(v);
        rq->n_stops = 1;
        rq->stop_bare = true;
        return OK;
    }
    if (!ir_strings(rq->arena, v, &rq->stops, &rq->n_stops))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"generationConfig.stopSequences\" must be an array of strings");
    return OK;
}

enum { STOPS_MAX = 5 }; /* "The set of character sequences (up to 5)"; none may be empty */

static void write_stops(const struct ir_request *rq, const struct ir_target *to,
                        struct json_writer *w)
{
    size_t written = 0;
    if (gemini_again(rq, config_of(rq), "stopSequences", w) || !rq->n_stops)
        return;
    for (size_t i = 0; i < rq->n_stops; i++) {
        if (!rq->stops[i].n)
            continue;
        if (written == STOPS_MAX) {
            ir_target_lose(to, S("stop sequences after the fifth"));
            break;
        }
        if (written++ == 0) {
            jw_key(w, S("stopSequences"));
            jw_array(w);
        }
        jw_str(w, rq->stops[i]);
    }
    if (written)
        jw_array_end(w);
}

/* topK is a float on Vertex AI: 2.0 is 2 elsewhere. */
static enum err read_top_k(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_raw(v))
        return fail_set(f, ERR_BAD_REQUEST, "\"generationConfig.topK\" must be a number, it is %s",
                        jv_kind(v));
    rq->top_k = jv_num(v);
    if (str_ends(rq->top_k, S(".0")))
        rq->top_k.n -= 2;
    return OK;
}

static void write_top_k(const struct ir_request *rq, const struct ir_target *to,
                        struct json_writer *w)
{
    (void)to;
    if (gemini_again(rq, config_of(rq), "topK", w) || !rq->top_k.p)
        return;
    jw_key(w, S("topK"));
    jw_raw(w, rq->top_k);
}

static enum err read_n(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_raw(v))
        return fail_set(f, ERR_BAD_REQUEST,
                        "\"generationConfig.candidateCount\" must be a number, it is %s",
                        jv_kind(v));
    rq->n = jv_num(v);
    if (!str_eq(rq->n, S("1")))
        ir_say(rq, CAN_CHOICES);
    return OK;
}

/* Not for one: models with only one refuse the member. */
static void write_n(const struct ir_request *rq, const struct ir_target *to, struct json_writer *w)
{
    (void)to;
    if (gemini_again(rq, config_of(rq), "candidateCount", w) || !rq->n.p || str_eq(rq->n, S("1")))
        return;
    jw_key(w, S("candidateCount"));
    jw_raw(w, rq->n);
}

static enum err read_seed(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    if (!yyjson_is_raw(v))
        return fail_set(f, ERR_BAD_REQUEST, "\"generationConfig.seed\" must be a number, it is %s",
                        jv_kind(v));
    rq->seed = jv_num(v);
    return OK;
}

/* An int32 here: a larger one is folded, so that equal seeds stay equal. */
static void write_seed(const struct ir_request *rq, const struct ir_target *to,
                       struct json_writer *w)
{
    bool minus = rq->seed.n && rq->seed.p[0] == '-';
    uint64_t seed;
    (void)to;
    if (gemini_again(rq, config_of(rq), "seed", w) || !rq->seed.p)
        return;
    if (!str_u64(minus ? str_from(rq->seed, 1) : rq->seed, &seed))
        return;
    if (seed > INT32_MAX)
        jw_ki64(w, "seed", (int64_t)((seed ^ seed >> 31) & INT32_MAX));
    else
        jw_ki64(w, "seed", minus ? -(int64_t)seed : (int64_t)seed);
}

static bool is_zero(str number)
{
    for (size_t i = 0; i < number.n; i++) {
        if (number.p[i] >= '1' && number.p[i] <= '9')
            return false;
        if (number.p[i] == 'e' || number.p[i] == 'E')
            break;
    }
    return true;
}

/* Zero is what clients send without a thought, and is the default. */
static void write_penalty(const struct ir_request *rq, const struct ir_target *to, const char *key,
                          enum ir_feature feature, str value, struct json_writer *w)
{
    if (gemini_again(rq, config_of(rq), key, w) || is_zero(value))
        return;
    if (!gemini_model_of(to).penalties) {
        gemini_lose(rq, to, feature);
        return;
    }
    jw_key(w, str_c(key));
    jw_raw(w, value);
}

static enum err read_penalty(yyjson_val *v, const char *key, str *out, struct fail *f)
{
    if (!yyjson_is_raw(v))
        return fail_set(f, ERR_BAD_REQUEST, "\"generationConfig.%s\" must be a number, it is %s",
                        key, jv_kind(v));
    *out = jv_num(v);
    return OK;
}

static enum err read_frequency(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    return read_penalty(v, "frequencyPenalty", &rq->frequency_penalty, f);
}

static void write_frequency(const struct ir_request *rq, const struct ir_target *to,
                            struct json_writer *w)
{
    write_penalty(rq, to, "frequencyPenalty", CAN_FREQUENCY_PENALTY, rq->frequency_penalty, w);
}

static enum err read_presence(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    return read_penalty(v, "presencePenalty", &rq->presence_penalty, f);
}

static void write_presence(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w)
{
    write_penalty(rq, to, "presencePenalty", CAN_PRESENCE_PENALTY, rq->presence_penalty, w);
}

/* ---- output ---- */

static enum err read_modalities(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_array(v, "generationConfig.responseModalities", f);
    struct gemini_list list = gemini_list(v);
    for (yyjson_val *m; !e && (m = gemini_next(&list));) {
        str word = jv_str(m);
        if (str_eq_nocase(word, S("IMAGE"))) {
            rq->wants_image = true;
            ir_say(rq, CAN_OUTPUT_IMAGE);
        } else if (str_eq_nocase(word, S("AUDIO"))) {
            rq->wants_audio = true;
            ir_say(rq, CAN_OUTPUT_AUDIO);
        }
    }
    return e;
}

/* Speech models answer in audio only; image models in both. */
static void write_modalities(const struct ir_request *rq, const struct ir_target *to,
                             struct json_writer *w)
{
    (void)to;
    if (gemini_again(rq, config_of(rq), "responseModalities", w) ||
        (!rq->wants_image && !rq->wants_audio))
        return;
    jw_key(w, S("responseModalities"));
    jw_array(w);
    if (rq->wants_image) {
        jw_str(w, S("TEXT"));
        jw_str(w, S("IMAGE"));
    } else {
        jw_str(w, S("AUDIO"));
    }
    jw_array_end(w);
}

/* chat: image_config {aspect_ratio, image_size}. */
static void write_image_options(const struct ir_request *rq, const struct ir_target *to,
                                struct json_writer *w)
{
    static const char *const members[] = {"aspectRatio", "imageSize"};
    (void)to;
    if (gemini_again(rq, config_of(rq), "imageConfig", w) || !yyjson_is_obj(rq->image_options))
        return;
    jw_key(w, S("imageConfig"));
    jw_object(w);
    for (size_t i = 0; i < 2; i++) {
        yyjson_val *v = gemini_get(rq->image_options, members[i]);
        if (v) {
            jw_key(w, str_c(members[i]));
            jw_value(w, v);
        }
    }
    jw_object_end(w);
}

static enum err read_image_options(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_object(v, "generationConfig.imageConfig", f);
    if (!e && (gemini_get(v, "aspectRatio") || gemini_get(v, "imageSize")))
        rq->image_options = v;
    return e;
}

#define ROW_OF(key, feature, reader, writer) FIELD_OF(key, feature, reader, writer)
#define ROW_ELSEWHERE(key)                             \
    {                                                  \
        key, FIELD_HOOK, 0, CAN_COUNT, elsewhere, NULL \
    }

const struct ir_field gemini_config_rows[] = {
    FIELD_NUM("maxOutputTokens", max_tokens, MAX_TOKENS),
    FIELD_NUM("temperature", temperature, TEMPERATURE),
    FIELD_NUM("topP", top_p, TOP_P),
    ROW_OF("topK", TOP_K, read_top_k, write_top_k),
    ROW_OF("stopSequences", STOP, read_stops, write_stops),
    {"candidateCount", FIELD_HOOK, 0, CAN_COUNT, read_n, write_n},
    ROW_OF("seed", SEED, read_seed, write_seed),
    ROW_OF("frequencyPenalty", FREQUENCY_PENALTY, read_frequency, write_frequency),
    ROW_OF("presencePenalty", PRESENCE_PENALTY, read_presence, write_presence),
    FIELD_BOOL("responseLogprobs", logprobs, LOGPROBS),
    FIELD_NUM("logprobs", top_logprobs, LOGPROBS),
    {"responseMimeType", FIELD_HOOK, 0, CAN_COUNT, elsewhere, gemini_format_write},
    ROW_ELSEWHERE("responseSchema"),
    ROW_ELSEWHERE("responseJsonSchema"),
    ROW_ELSEWHERE("_responseJsonSchema"),
    {"responseModalities", FIELD_HOOK, 0, CAN_COUNT, read_modalities, write_modalities},
    FIELD_OWN("speechConfig", OUTPUT_AUDIO),
    {"imageConfig", FIELD_HOOK, 0, CAN_COUNT, read_image_options, write_image_options},
    {"thinkingConfig", FIELD_HOOK, 0, CAN_COUNT, gemini_thinking_read, gemini_thinking_write},
    ROW_ELSEWHERE("includeThoughts"),
    ROW_ELSEWHERE("thinkingBudget"),
    ROW_ELSEWHERE("thinkingLevel"),
    FIELD_OWN("mediaResolution", OWN_OPTION),
    FIELD_OWN("enableEnhancedCivicAnswers", OWN_OPTION),
    FIELD_OWN("audioTimestamp", OWN_OPTION),
    FIELD_OWN("routingConfig", OWN_OPTION),
    FIELD_OWN("modelSelectionConfig", OWN_OPTION),
    FIELD_OWN("enableAffectiveDialog", OWN_OPTION),
    FIELD_OWN("audioTranscriptionConfig", OWN_OPTION),
    FIELD_OWN("responseFormat", OWN_OPTION),
    FIELD_LAST,
};

/* ---- the request ---- */

static enum err read_config(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_object(v, "generationConfig", f);
    if (!e)
        e = gemini_misplaced_read(rq, v, f);
    if (!e)
        e = ir_fields_read(gemini_config_rows, rq, v, "generationConfig.", f);
    return e ? e : gemini_format_read(rq, v, f);
}

static void write_config(const struct ir_request *rq, const struct ir_target *to,
                         struct json_writer *w)
{
    yyjson_val *src = rq->from == DIALECT_GEMINI ? config_of(rq) : NULL;
    struct json_writer before = *w;
    size_t at = w->out->n;
    jw_key(w, S("generationConfig"));
    jw_object(w);
    size_t empty = w->out->n;
    ir_fields_write(gemini_config_rows, rq, DIALECT_GEMINI, src, to, w);
    if (w->out->n == empty && !src && !w->out->failed) {
        w->out->n = at;
        *w = before;
        return;
    }
    jw_object_end(w);
}

static enum err read_labels(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    rq->metadata = v;
    return ir_want_object(v, "labels", f);
}

/* Only Vertex AI has labels, for bills, and in lower case: no place for other clients' metadata. */
static void write_labels(const struct ir_request *rq, const struct ir_target *to,
                         struct json_writer *w)
{
    (void)to;
    gemini_again(rq, gemini_request_of(rq->src), "labels", w);
}

static enum err read_tier(struct ir_request *rq, yyjson_val *v, struct fail *f)
{
    enum err e = ir_want_string(v, "serviceTier", f);
    str tier = jv_str(v);
    rq->service_tier = str_eq(tier, S("standard")) ? S("default") : tier;
    return e;
}

/* standard, flex, priority (the Gemini API only; Vertex AI has headers for it). */
static void write_tier(const struct ir_request *rq, const struct ir_target *to,
                       struct json_writer *w)
{
    str tier = rq->service_tier;
    if (gemini_again(rq, gemini_request_of(rq->src), "serviceTier", w) || !tier.n)
        return;
    if (to->vertex || to->is_compat) {
        gemini_lose(rq, to, CAN_SERVICE_TIER);
        return;
    }
    if (str_eq(tier, S("default")))
        tier = S("standard");
    if (str_eq(tier, S("standard")) || str_eq(tier, S("flex")) || str_eq(tier, S("priority")))
        jw_kstr(w, "serviceTier", tier);
}

const struct ir_field gemini_request_rows[] = {
    {"contents", FIELD_HOOK, 0, CAN_COUNT, elsewhere, gemini_contents_write},
    {"systemInstruction", FIELD_HOOK, 0, CAN_COUNT, elsewhere, gemini_system_write},
    {"tools", FIELD_HOOK, 0, CAN_COUNT, elsewhere, gemini_tools_write},
    {"toolConfig", FIELD_HOOK, 0, CAN_COUNT, elsewhere, gemini_tool_config_write},
    {"generationConfig", FIELD_HOOK, 0, CAN_COUNT, read_config, write_config},
    FIELD_OWN("safetySettings", SAFETY),
    FIELD_OWN("cachedContent", CACHED_CONTENT),
    FIELD_OF("labels", METADATA, read_labels, write_labels),
    FIELD_OF("serviceTier", SERVICE_TIER, read_tier, write_tier),
    FIELD_OWN("modelArmorConfig", SAFETY),
    ROW_ELSEWHERE("model"), /* the path names it */
    FIELD_LAST,
};

/*
 * dialect/gemini/answer_read.c - GenerateContentResponse, whole or in chunks.
 *
 * A stream is so many of them, each with new parts; texts go on from chunk to chunk. There is no
 * end mark: a stream is over when every candidate has said why it ended, and some versions say so
 * in every chunk. So what is due at the end (open parts, searches, reasons) waits for the end.
 * Code Assist wraps each in `response`; without alt=sse a stream is one array of them.
 */
#include "base/hash.h"
#include "dialect/gemini/answer_state.h"
#include "dialect/gemini/gemini.h"
#include "ir/seal.h"

static struct reading *state_of(struct answer_reader *r)
{
    return r->state;
}

/* ---- candidates ---- */

enum { CANDIDATES_MAX = 128 };

static struct candidate *candidate_at(struct answer_reader *r, unsigned index)
{
    struct reading *s = state_of(r);
    struct candidate **at = &s->candidates;
    size_t n = 0;
    while (*at && (*at)->choice != index) {
        at = &(*at)->next;
        n++;
    }
    if (!*at && n < CANDIDATES_MAX) {
        *at = arena_new(r->life, struct candidate);
        (*at)->choice = index;
        (*at)->searches_end = &(*at)->searches;
        (*at)->pages_end = &(*at)->pages;
    }
    return *at;
}

/* ---- events ---- */

void gemini_emit(struct answer_reader *r, struct candidate *c, struct ir_event e)
{
    e.choice = c->choice;
    e.index = c->part;
    e.usage = USAGE_NONE;
    answer_emit(r, &e);
}

static void close_part(struct answer_reader *r, struct candidate *c)
{
    if (!c->open)
        return;
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_PART_END});
    c->open = c->sealed = false;
    c->part++;
}

/* Begins and ends a part that is complete at once. */
static void emit_whole(struct answer_reader *r, struct candidate *c, const struct ir_part *part)
{
    close_part(r, c);
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_PART_BEGIN, .part = part});
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_PART_END});
    c->part++;
}

static void open_part(struct answer_reader *r, struct candidate *c, enum ir_part_kind kind,
                      bool redacted)
{
    struct ir_part part = {.kind = kind, .redacted = redacted};
    part.seal.issuer = DIALECT_GEMINI;
    part.src = state_of(r)->whole ? state_of(r)->part_src : NULL;
    close_part(r, c);
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_PART_BEGIN, .part = &part});
    c->open = true;
    c->open_kind = kind;
    if (kind == IR_PART_TEXT)
        c->text_base = c->offsets.n;
}

static void emit_seal(struct answer_reader *r, struct candidate *c, str signature)
{
    struct ir_part part = {.kind = c->open_kind,
                           .seal = {.value = signature, .issuer = DIALECT_GEMINI}};
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_SEAL, .part = &part});
    c->sealed = true;
}

/* ---- code: what ran, then what came of it ---- */

static void flush_code(struct answer_reader *r, struct candidate *c)
{
    struct ir_part *code = c->code;
    c->code = NULL;
    if (code)
        emit_whole(r, c, code);
}

static str keep(struct answer_reader *r, str s)
{
    return s.n ? str_dup(r->life, s) : S("");
}

static void hold_code(struct answer_reader *r, struct candidate *c, yyjson_val *src, yyjson_val *v,
                      str signature)
{
    flush_code(r, c);
    c->code = arena_new(r->life, struct ir_part);
    c->code->kind = IR_PART_CODE;
    c->code->name = keep(r, gemini_get_str(v, "language"));
    c->code->text = keep(r, gemini_get_str(v, "code"));
    c->code->id = keep(r, gemini_get_str(v, "id"));
    c->code->seal = (struct ir_seal){.value = keep(r, signature), .issuer = DIALECT_GEMINI};
    c->code->src = state_of(r)->whole ? src : NULL;
}

static void end_code(struct answer_reader *r, struct candidate *c, yyjson_val *src, yyjson_val *v)
{
    struct ir_part output = {.kind = IR_PART_TEXT, .text = gemini_get_str(v, "output")};
    if (!c->code)
        return;
    output.src = state_of(r)->whole ? src : NULL;
    c->code->content = arena_new(state_of(r)->arena, struct ir_part);
    *c->code->content = output;
    c->code->is_error = !str_eq(gemini_get_str(v, "outcome"), S("OUTCOME_OK"));
    flush_code(r, c);
}

/* ---- parts ---- */

static bool goes_on(const struct candidate *c, enum ir_part_kind kind)
{
    return c->open && c->open_kind == kind && !c->sealed;
}

/* A signature without text belongs to what was said before it; where nothing was, it stands
 * alone. */
static void take_bare_signature(struct answer_reader *r, struct candidate *c,
                                enum ir_part_kind kind, str signature)
{
    if (!goes_on(c, kind))
        open_part(r, c, IR_PART_REASONING, true);
    emit_seal(r, c, signature);
}

static void take_text(struct answer_reader *r, struct candidate *c, str text, bool thought,
                      str signature)
{
    enum ir_part_kind kind = thought ? IR_PART_REASONING : IR_PART_TEXT;
    if (!text.n) {
        if (signature.n)
            take_bare_signature(r, c, kind, signature);
        return;
    }
    if (!goes_on(c, kind))
        open_part(r, c, kind, false);
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_DELTA, .text = text});
    if (kind == IR_PART_TEXT)
        offsets_add(&c->offsets, r->life, text);
    if (signature.n)
        emit_seal(r, c, signature);
}

/* An id for a call of a model that gives none: the same whenever this answer is read, another in
 * every answer, so that a conversation never has it twice. */
static str made_id(struct answer_reader *r, const struct candidate *c, str name, str args)
{
    str parts[] = {state_of(r)->id, S("\n"), name, S("\n"), args};
    uint64_t hash =
        hash_siphash(0x67656d696e69, c->choice << 16 | c->part, str_join(&r->scratch, parts, 5));
    return arena_printf(state_of(r)->arena, "call_%016llx", (unsigned long long)hash);
}

static void take_call(struct answer_reader *r, struct candidate *c, yyjson_val *v, str signature)
{
    struct ir_part part = {.kind = IR_PART_CALL, .name = gemini_get_str(v, "name")};
    yyjson_val *args = gemini_get(v, "args");
    str text = yyjson_is_obj(args) ? json_text_of(args, state_of(r)->arena) : S("{}");
    if (!part.name.n)
        return;
    part.id = gemini_get_str(v, "id");
    if (!part.id.n)
        part.id = made_id(r, c, part.name, text);
    part.seal = (struct ir_seal){.value = signature, .issuer = DIALECT_GEMINI};
    if (state_of(r)->whole)
        part.src = state_of(r)->part_src;
    close_part(r, c);
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_PART_BEGIN, .part = &part});
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_DELTA, .text = text});
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_PART_END});
    c->part++;
    c->called = true;
}

static void take_media(struct answer_reader *r, struct candidate *c, yyjson_val *part_src,
                       yyjson_val *inline_data, yyjson_val *file_data, bool thought, str signature)
{
    struct ir_part part = {.kind = IR_PART_RAW};
    if (!gemini_media_read(inline_data, file_data, state_of(r)->arena, &part))
        return;
    part.seal = (struct ir_seal){.value = signature, .issuer = DIALECT_GEMINI};
    part.src = part_src;
    /* A picture thought of on the way is no answer. */
    if (thought)
        part.kind = IR_PART_RAW;
    emit_whole(r, c, &part);
}

static void take_part(struct answer_reader *r, struct candidate *c, yyjson_val *v)
{
    yyjson_val *text = gemini_get(v, "text"), *call, *code, *result;
    yyjson_val *inline_data = NULL, *file_data = NULL;
    str signature = gemini_get_str(v, "thoughtSignature");
    bool thought = jv_true(gemini_get(v, "thought"));
    state_of(r)->part_src = v;
    if ((result = gemini_get(v, "codeExecutionResult"))) {
        end_code(r, c, v, result);
        return;
    }
    flush_code(r, c);
    if (yyjson_is_str(text)) {
        take_text(r, c, jv_str(text), thought, signature);
    } else if ((call = gemini_get(v, "functionCall"))) {
        take_call(r, c, call, signature);
    } else if ((code = gemini_get(v, "executableCode"))) {
        hold_code(r, c, v, code, signature);
    } else if ((inline_data = gemini_get(v, "inlineData")) ||
               (file_data = gemini_get(v, "fileData"))) {
        take_media(r, c, v, inline_data, file_data, thought, signature);
    } else if (gemini_get(v, "toolCall") || gemini_get(v, "toolResponse")) {
        struct ir_part part = {.kind = IR_PART_RAW, .src = v};
        emit_whole(r, c, &part);
    } else if (signature.n) {
        take_bare_signature(r, c, thought ? IR_PART_REASONING : IR_PART_TEXT, signature);
    }
}

/* ---- candidates ---- */

static void take_finish(struct answer_reader *r, struct candidate *c, yyjson_val *v)
{
    uint64_t number;
    str word = jv_str(v);
    if (str_u64(jv_num(v), &number)) {
        if (number == 0)
            return;
        word = gemini_finish_by_number(number);
    }
    if (!v || str_eq(word, S("FINISH_REASON_UNSPECIFIED")))
        return;
    c->finished = true;
    c->finish = gemini_finish_of(word);
    if (!str_eq(c->native, word))
        c->native = keep(r, word);
}

static void take_logprobs(struct answer_reader *r, struct candidate *c, yyjson_val *v)
{
    bool due = v && c->open && c->open_kind == IR_PART_TEXT && !c->logged;
    yyjson_val *list = due ? gemini_logprobs_read(v, state_of(r)->arena) : NULL;
    if (list)
        gemini_emit(r, c, (struct ir_event){.kind = IR_EV_LOGPROBS, .json = list});
    c->logged |= list && state_of(r)->whole;
}

static void take_candidate(struct answer_reader *r, yyjson_val *v, size_t position)
{
    int64_t index = jv_get_i64(v, "index", (int64_t)position);
    struct candidate *c =
        index >= 0 && index < CANDIDATES_MAX ? candidate_at(r, (unsigned)index) : NULL;
    yyjson_val *grounding = gemini_get(v, "groundingMetadata");
    if (!c)
        return;
    struct gemini_list parts = gemini_list(gemini_get(gemini_get(v, "content"), "parts"));
    bool whole = state_of(r)->whole;
    size_t n = 0;
    for (yyjson_val *p; (p = gemini_next(&parts)); n++) {
        if (whole) /* each part of its own */
            close_part(r, c);
        take_part(r, c, p);
        if (whole && c->open && c->open_kind == IR_PART_TEXT)
            gemini_take_grounding(r, c, grounding, n);
        if (whole)
            take_logprobs(r, c, gemini_get(v, "logprobsResult"));
    }
    if (!whole) {
        gemini_take_grounding(r, c, grounding, c->part);
        take_logprobs(r, c, gemini_get(v, "logprobsResult"));
    }
    gemini_take_searches(r, c, grounding, gemini_get(v, "urlContextMetadata"));
    take_finish(r, c, gemini_get(v, "finishReason"));
    c->src = whole ? v : NULL;
}

/* ---- the answer ---- */

/* Days since 1970 of a date (proleptic Gregorian). */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* The number in n digits of s from at on; -1 for anything else. */
static int64_t digits(str s, size_t at, size_t n)
{
    uint64_t v;
    return at + n <= s.n && str_u64(str_of(s.p + at, n), &v) ? (int64_t)v : -1;
}

/* RFC 3339 in UTC, as ProtoJSON writes a Timestamp; 0 for anything else. */
static int64_t seconds_of(str t)
{
    int64_t y = digits(t, 0, 4), mo = digits(t, 5, 2), d = digits(t, 8, 2);
    int64_t h = digits(t, 11, 2), mi = digits(t, 14, 2), s = digits(t, 17, 2);
    if (y < 1970 || mo < 1 || mo > 12 || d < 1 || h < 0 || mi < 0 || s < 0)
        return 0;
    return days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + s;
}

static void start(struct answer_reader *r, yyjson_val *root)
{
    struct reading *s = state_of(r);
    yyjson_val *usage = gemini_get(root, "usageMetadata");
    struct ir_event e = {.kind = IR_EV_START,
                         .id = gemini_get_str(root, "responseId"),
                         .model = gemini_get_str(root, "modelVersion"),
                         .service_tier = gemini_get_str(usage, "serviceTier"),
                         .created = seconds_of(gemini_get_str(root, "createTime")),
                         .src = s->whole ? root : NULL};
    if (r->started)
        return;
    if (str_eq(e.service_tier, S("standard"))) /* as chat and Responses call it */
        e.service_tier = S("default");
    gemini_usage_read(usage, &e.usage);
    s->usage = e.usage;
    s->id = keep(r, e.id);
    answer_emit(r, &e);
}

static void take_usage(struct answer_reader *r, yyjson_val *v)
{
    struct usage *known = &state_of(r)->usage, now, merged = *known;
    gemini_usage_read(v, &now);
    usage_merge(&merged, &now);
    if (memcmp(&merged, known, sizeof merged) == 0)
        return;
    *known = merged;
    answer_emit(r, &(struct ir_event){.kind = IR_EV_USAGE, .usage = merged});
}

/* A prompt that was blocked has no candidates. */
static void take_feedback(struct answer_reader *r, yyjson_val *feedback)
{
    yyjson_val *reason = gemini_get(feedback, "blockReason");
    str message = gemini_get_str(feedback, "blockReasonMessage"), word = jv_str(reason);
    struct candidate *c = reason ? candidate_at(r, 0) : NULL;
    if (!c || c->finished)
        return;
    if (!word.n)
        word = jv_num(reason);
    str parts[] = {S("The prompt was blocked: "), word};
    if (!message.n)
        message = str_join(r->life, parts, 2);
    open_part(r, c, IR_PART_REFUSAL, false);
    gemini_emit(r, c, (struct ir_event){.kind = IR_EV_DELTA, .text = message});
    c->finished = true;
    c->finish = IR_FINISH_FILTERED;
    c->native = keep(r, word);
}

static yyjson_val *unwrap(yyjson_val *root)
{
    yyjson_val *inner = yyjson_is_arr(root) ? yyjson_arr_get_first(root) : root;
    yyjson_val *response = gemini_get(inner, "response");
    return yyjson_is_obj(response) ? response : inner;
}

/* One GenerateContentResponse. False when it was an error, which has been emitted. */
static bool take_response(struct answer_reader *r, yyjson_val *root)
{
    struct ir_error error;
    if (gemini_read_error(root, 0, &error)) {
        answer_emit(r,
                    &(struct ir_event){.kind = IR_EV_ERROR, .error = &error, .usage = USAGE_NONE});
        return false;
    }
    yyjson_val *inner = unwrap(root);
    struct gemini_list candidates = gemini_list(gemini_get(inner, "candidates"));
    size_t n = 0;
    start(r, inner);
    for (yyjson_val *c; (c = gemini_next(&candidates)); n++)
        take_candidate(r, c, n);
    take_feedback(r, gemini_get(inner, "promptFeedback"));
    take_usage(r, gemini_get(inner, "usageMetadata"));
    return true;
}

enum err gemini_read_event(struct answer_reader *r, str type, yyjson_val *root, struct fail *f)
{
    (void)type;
    (void)f;
    state_of(r)->arena = &r->scratch;
    if (root) /* [DONE], which some proxies append, says nothing */
        (void)take_response(r, root);
    return OK;
}

/* ---- the end ---- */

static void finish(struct answer_reader *r, struct candidate *c)
{
    struct ir_event e = {.kind = IR_EV_FINISH, .finish = c->finish, .native = c->native};
    flush_code(r, c);
    close_part(r, c);
    for (struct ir_part *p = c->searches; p; p = p->next)
        emit_whole(r, c, p);
    /* Also with an odd reason: the client can answer the call, if only by saying no. */
    if (c->called && (e.finish == IR_FINISH_STOP || e.finish == IR_FINISH_UNKNOWN))
        e.finish = IR_FINISH_CALLS;
    e.src = c->src;
    gemini_emit(r, c, e);
}

enum err gemini_read_end(struct answer_reader *r, struct fail *f)
{
    struct reading *s = state_of(r);
    bool over = s->candidates != NULL;
    for (struct candidate *c = s->candidates; c; c = c->next)
        over &= c->finished;
    if (!over)
        return fail_set(f, ERR_UP_CUT, "the provider's stream ended without a finish reason");
    for (struct candidate *c = s->candidates; c; c = c->next)
        finish(r, c);
    answer_emit(r, &(struct ir_event){.kind = IR_EV_END, .usage = USAGE_NONE});
    return OK;
}

/* A stream without alt=sse, as one text. */
static enum err read_array(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    struct gemini_list list = gemini_list(root);
    for (yyjson_val *v; !r->over && (v = gemini_next(&list));)
        (void)take_response(r, v);
    return r->over ? OK : gemini_read_end(r, f);
}

enum err gemini_read_whole(struct answer_reader *r, yyjson_val *root, struct fail *f)
{
    struct reading *s = state_of(r);
    struct ir_error error;
    yyjson_val *inner = unwrap(root);
    s->arena = r->life;
    if (yyjson_is_arr(root) && !gemini_read_error(root, 0, &error))
        return read_array(r, root, f);
    if (!yyjson_is_obj(inner) ||
        (!gemini_get(inner, "candidates") && !gemini_get(inner, "promptFeedback") &&
         !gemini_get(inner, "usageMetadata") && !gemini_get(inner, "error")))
        return fail_set(f, ERR_UP_PROTOCOL, "the provider's answer is no GenerateContentResponse");
    s->whole = true;
    if (!take_response(r, root))
        return OK;
    if (!s->candidates) /* nothing at all was said, and no reason for it */
        candidate_at(r, 0)->native = S("");
    for (struct candidate *c = s->candidates; c; c = c->next) {
        if (!c->finished && c->src)
            c->finish = IR_FINISH_STOP;
        c->finished = true;
    }
    return gemini_read_end(r, f);
}

/* ---- errors ---- */

/* {"error":{"code":429,"message":...,"status":"RESOURCE_EXHAUSTED","details":[...]}}, or an array
 * of one, or inside of `response`. */
bool gemini_read_error(yyjson_val *root, int status, struct ir_error *out)
{
    yyjson_val *inner = unwrap(root), *error = gemini_get(inner, "error");
    int64_t code = jv_get_i64(error, "code", status);
    if (!yyjson_is_obj(error) && !yyjson_is_str(error))
        return false;
    *out = (struct ir_error){.status = status};
    out->message = yyjson_is_str(error) ? jv_str(error) : jv_get_str(error, "message");
    out->type = jv_get_str(error, "status");
    if (!status)
        out->status = code >= 400 && code < 600 ? (int)code : 502;
    return true;
}

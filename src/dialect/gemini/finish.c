/*
 * dialect/gemini/finish.c - why it ended, and what it cost.
 */
#include "dialect/gemini/gemini.h"

/* Candidate.FinishReason (by number in the proto) and PromptFeedback.BlockReason; MISSING_... and
 * MALFORMED_RESPONSE are in the published API, not in the proto. SPEC 5.8. */
static const struct {
    int number; /* -1: none known */
    str word;
    enum ir_finish means;
} reasons[] = {
    {1, S("STOP"), IR_FINISH_STOP},
    {2, S("MAX_TOKENS"), IR_FINISH_LENGTH},
    {3, S("SAFETY"), IR_FINISH_FILTERED},
    {4, S("RECITATION"), IR_FINISH_FILTERED},
    {5, S("OTHER"), IR_FINISH_UNKNOWN},
    {6, S("LANGUAGE"), IR_FINISH_UNKNOWN},
    {7, S("BLOCKLIST"), IR_FINISH_FILTERED},
    {8, S("PROHIBITED_CONTENT"), IR_FINISH_FILTERED},
    {9, S("SPII"), IR_FINISH_FILTERED},
    {10, S("MALFORMED_FUNCTION_CALL"), IR_FINISH_UNKNOWN},
    {11, S("IMAGE_SAFETY"), IR_FINISH_FILTERED},
    {12, S("UNEXPECTED_TOOL_CALL"), IR_FINISH_UNKNOWN},
    {13, S("TOO_MANY_TOOL_CALLS"), IR_FINISH_UNKNOWN},
    {14, S("IMAGE_PROHIBITED_CONTENT"), IR_FINISH_FILTERED},
    {15, S("IMAGE_OTHER"), IR_FINISH_UNKNOWN},
    {16, S("NO_IMAGE"), IR_FINISH_UNKNOWN},
    {17, S("IMAGE_RECITATION"), IR_FINISH_FILTERED},
    {-1, S("MISSING_THOUGHT_SIGNATURE"), IR_FINISH_UNKNOWN},
    {-1, S("MALFORMED_RESPONSE"), IR_FINISH_UNKNOWN},
    {-1, S("MODEL_ARMOR"), IR_FINISH_FILTERED},
    {-1, S("JAILBREAK"), IR_FINISH_FILTERED},
};

enum { REASONS = sizeof reasons / sizeof reasons[0] };

enum ir_finish gemini_finish_of(str reason)
{
    for (size_t i = 0; i < REASONS; i++) {
        if (str_eq(reason, reasons[i].word))
            return reasons[i].means;
    }
    return IR_FINISH_UNKNOWN;
}

str gemini_finish_by_number(uint64_t number)
{
    for (size_t i = 0; i < REASONS; i++) {
        if (reasons[i].number > 0 && (uint64_t)reasons[i].number == number)
            return reasons[i].word;
    }
    return S("");
}

/* What a word stands for once calls are set aside: a stop with calls is STOP here. */
static enum ir_finish plain(enum ir_finish f)
{
    return f == IR_FINISH_CALLS || f == IR_FINISH_SEQUENCE || f == IR_FINISH_PAUSED ? IR_FINISH_STOP
           : f == IR_FINISH_REFUSED ? IR_FINISH_FILTERED
                                    : f;
}

str gemini_finish_word(enum ir_finish finish, str native)
{
    static const str words[IR_FINISHES] = {
        [IR_FINISH_UNKNOWN] = S("OTHER"),
        [IR_FINISH_STOP] = S("STOP"),
        [IR_FINISH_LENGTH] = S("MAX_TOKENS"),
        [IR_FINISH_FILTERED] = S("SAFETY"),
    };
    for (size_t i = 0; i < REASONS; i++) {
        if (str_eq(native, reasons[i].word) &&
            (reasons[i].means == plain(finish) || finish == IR_FINISH_CALLS))
            return reasons[i].word;
    }
    return words[plain(finish)];
}

/* ---- usage (SPEC 5.9) ---- */

static int64_t count(yyjson_val *v, const char *name)
{
    int64_t n;
    return jv_i64(gemini_get(v, name), &n) && n >= 0 ? n : -1;
}

static int64_t sum(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/*
 * Prompt tokens include the cached ones, candidates' exclude thoughts. What built-in tools put
 * into the prompt (toolUsePromptTokenCount) comes on top and is input as well: totalTokenCount is
 * the sum of all four (recorded exchanges).
 */
void gemini_usage_read(yyjson_val *v, struct usage *u)
{
    *u = USAGE_NONE;
    u->input = sum(count(v, "promptTokenCount"), count(v, "toolUsePromptTokenCount"));
    u->reasoning = count(v, "thoughtsTokenCount");
    u->output = sum(count(v, "candidatesTokenCount"), u->reasoning);
    u->cached = count(v, "cachedContentTokenCount");
}

static int64_t known(int64_t n)
{
    return n < 0 ? 0 : n;
}

void gemini_usage_write(const struct usage *u, str service_tier, struct json_writer *w)
{
    int64_t thoughts = known(u->reasoning), output = known(u->output);
    if (thoughts > output)
        output = thoughts;
    jw_object(w);
    jw_ki64(w, "promptTokenCount", known(u->input));
    if (u->cached > 0)
        jw_ki64(w, "cachedContentTokenCount", u->cached);
    jw_ki64(w, "candidatesTokenCount", output - thoughts);
    if (thoughts)
        jw_ki64(w, "thoughtsTokenCount", thoughts);
    jw_ki64(w, "totalTokenCount", sum(known(u->input), output));
    if (service_tier.n)
        jw_kstr(w, "serviceTier",
                str_eq(service_tier, S("default")) ? S("standard") : service_tier);
    jw_object_end(w);
}

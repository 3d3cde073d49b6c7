/*
 * dialect/anthropic/words.c - the API's words for why an answer ended, for errors and tiers.
 */
#include "dialect/anthropic/priv.h"

/* ---- why it ended (SPEC 5.8) ---- */

static const struct {
    const char *reason;
    enum ir_finish finish;
} reasons[] = {
    /* The first of a finish is how it is written. */
    {"end_turn", IR_FINISH_STOP},
    {"max_tokens", IR_FINISH_LENGTH},
    {"tool_use", IR_FINISH_CALLS},
    {"stop_sequence", IR_FINISH_SEQUENCE},
    {"refusal", IR_FINISH_REFUSED},
    {"pause_turn", IR_FINISH_PAUSED},
    {"model_context_window_exceeded", IR_FINISH_LENGTH},
    {"compaction", IR_FINISH_PAUSED}, /* beta: it pauses once the context was compacted */
    {"sensitive", IR_FINISH_FILTERED},
};

/* called: a tool_use block was seen. */
enum ir_finish anthropic_finish(str reason, bool called)
{
    enum ir_finish finish = IR_FINISH_UNKNOWN;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (str_eq(reason, str_c(reasons[i].reason)))
            finish = reasons[i].finish;
    }
    if (finish == IR_FINISH_STOP && called)
        return IR_FINISH_CALLS;
    if (finish == IR_FINISH_CALLS && !called)
        return IR_FINISH_STOP;
    return finish;
}

str anthropic_stop_reason(enum ir_finish finish, bool called)
{
    if (called && (finish == IR_FINISH_STOP || finish == IR_FINISH_UNKNOWN))
        finish = IR_FINISH_CALLS;
    else if (!called && finish == IR_FINISH_CALLS)
        finish = IR_FINISH_STOP;
    else if (finish == IR_FINISH_FILTERED)
        finish = IR_FINISH_REFUSED;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].finish == finish)
            return str_c(reasons[i].reason);
    }
    return S("end_turn");
}

/* ---- errors (SPEC 1.10) ---- */

static const struct {
    const char *type;
    int status;
} errors[] = {{"authentication_error", 401}, {"billing_error", 402},     {"permission_error", 403},
              {"not_found_error", 404},      {"request_too_large", 413}, {"rate_limit_error", 429},
              {"timeout_error", 504},        {"overloaded_error", 529},  {"api_error", 500},
              {"invalid_request_error", 400}};

enum { ERRORS = sizeof errors / sizeof errors[0] };

/* A provider's own word where it is one of this dialect's; else by status. */
str anthropic_error_type(const struct ir_error *e)
{
    for (size_t i = 0; i < ERRORS; i++) {
        if (str_eq(e->type, str_c(errors[i].type)))
            return e->type;
    }
    for (size_t i = 0; i < ERRORS; i++) {
        if (e->status == errors[i].status)
            return str_c(errors[i].type);
    }
    return e->status >= 500 ? S("api_error") : S("invalid_request_error");
}

/* What an error inside a stream would have had for a status. */
int anthropic_error_status(str type)
{
    for (size_t i = 0; i < ERRORS; i++) {
        if (str_eq(type, str_c(errors[i].type)))
            return errors[i].status;
    }
    return 502;
}

/* ---- service tiers ---- */

str anthropic_tier(str tier)
{
    if (str_eq(tier, S("default")) || str_eq(tier, S("standard")))
        return S("standard");
    if (str_eq(tier, S("priority")) || str_eq(tier, S("batch")))
        return tier;
    return S("");
}

/* dialect/openai_chat/finish.c - why an answer ended (SPEC 5.8). */
#include "dialect/openai_chat/answers.h"

/* The API's words first, then what its copies say; Gemini's and Anthropic's words come through
 * gateways that do not translate them. */
static const struct {
    const char *word;
    enum ir_finish finish;
} words[] = {
    {"stop", IR_FINISH_STOP},
    {"length", IR_FINISH_LENGTH},
    {"tool_calls", IR_FINISH_CALLS},
    {"content_filter", IR_FINISH_FILTERED},
    {"function_call", IR_FINISH_CALLS},
    {"eos", IR_FINISH_STOP},      /* Together */
    {"end_turn", IR_FINISH_STOP}, /* Anthropic */
    {"stop_sequence", IR_FINISH_SEQUENCE},
    {"max_tokens", IR_FINISH_LENGTH},   /* Anthropic, Gemini */
    {"model_length", IR_FINISH_LENGTH}, /* Mistral */
    {"tool_use", IR_FINISH_CALLS},
    {"refusal", IR_FINISH_REFUSED},
    {"pause_turn", IR_FINISH_PAUSED},
    {"safety", IR_FINISH_FILTERED},
    {"recitation", IR_FINISH_FILTERED},
    {"sensitive", IR_FINISH_FILTERED}, /* Z.ai */
    {"completed", IR_FINISH_STOP},
};

enum ir_finish chat_finish_of(str word)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_eq_nocase(word, str_c(words[i].word)))
            return words[i].finish;
    }
    return IR_FINISH_UNKNOWN;
}

str chat_finish_word(enum ir_finish f, bool refused)
{
    switch (f) {
    case IR_FINISH_LENGTH: return S("length");
    case IR_FINISH_CALLS: return S("tool_calls");
    case IR_FINISH_FILTERED: return S("content_filter");
    case IR_FINISH_REFUSED: return refused ? S("stop") : S("content_filter");
    default: return S("stop");
    }
}

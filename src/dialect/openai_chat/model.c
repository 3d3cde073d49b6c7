/*
 * dialect/openai_chat/model.c - what a provider's model takes of the dialect.
 *
 * There is one API and there are many who speak it. OpenAI itself refuses on one model what it
 * demands on another, and the copies differ in what they refuse: unknown members (Groq, Mistral,
 * Cerebras, Google), or reasoning that does not come back (DeepSeek, Moonshot, Z.ai). Nobody says
 * so in the protocol; the model's name is all there is to go by.
 */
#include "dialect/openai_chat/chat.h"

/*
 * The first row whose pattern the name matches; ours: at OpenAI itself, theirs: elsewhere. Sources:
 * - max_tokens: "is deprecated in favor of max_completion_tokens, and is not compatible with
 *   o-series models" (API reference); gpt-5 refuses it as well. Others know only max_tokens.
 * - sampling: "Unsupported value: 'temperature' does not support 0.2 with this model" for o-series
 *   and gpt-5; from gpt-5.1 on it may be chosen when the effort is none (the reasoning guide's
 *   limitations; vercel/ai issue 10932). Search models refuse it altogether.
 * - parallel_tool_calls: "is not supported with this model" (o-series; langchain issue 29704).
 * - custom tools and verbosity came with gpt-5; prompt_cache_breakpoint is "supported for gpt-5.6
 *   and later models" (API reference).
 * - web_search_options: "not supported with this model" but for those that search (recorded).
 * - reasoning_content: "must be passed back to the API" (DeepSeek, thinking_mode guide), "is
 *   missing in assistant tool call message" (Moonshot), preserved thinking (Z.ai; recorded).
 *   Groq answers 400 to it, so the models it serves under such names are left out.
 * - cache_control: OpenRouter and other gateways hand it on to Claude.
 */
#define REASONER TRAIT_CUSTOM | TRAIT_VERBOSITY
#define NEWER    TRAIT_NEW_LIMIT | TRAIT_FIXED_UNLESS
#define O_SERIES TRAIT_FIXED | TRAIT_ONE_BY_ONE

static const struct row {
    const char *pattern;
    unsigned ours, theirs;
} rows[] = {
    {"gpt-5*-chat*", 0, TRAIT_NEW_LIMIT},
    {"gpt-5*-search*", TRAIT_SEARCH | TRAIT_FIXED, TRAIT_NEW_LIMIT},
    {"gpt-4o*-search*", TRAIT_SEARCH | TRAIT_FIXED, TRAIT_SEARCH | TRAIT_FIXED},
    {"gpt-5.1*", REASONER | TRAIT_FIXED_UNLESS, NEWER},
    {"gpt-5.2*", REASONER | TRAIT_FIXED_UNLESS, NEWER},
    {"gpt-5.3*", REASONER | TRAIT_FIXED_UNLESS, NEWER},
    {"gpt-5.4*", REASONER | TRAIT_FIXED_UNLESS, NEWER},
    {"gpt-5.5*", REASONER | TRAIT_FIXED_UNLESS, NEWER},
    {"gpt-5.*", REASONER | TRAIT_FIXED_UNLESS | TRAIT_BREAKPOINTS, NEWER},
    {"gpt-5*", REASONER | TRAIT_FIXED, TRAIT_NEW_LIMIT | TRAIT_FIXED},
    {"gpt-6*", REASONER | TRAIT_FIXED_UNLESS | TRAIT_BREAKPOINTS, NEWER},
    {"o1*", O_SERIES, O_SERIES | TRAIT_NEW_LIMIT},
    {"o3*", O_SERIES, O_SERIES | TRAIT_NEW_LIMIT},
    {"o4*", O_SERIES, O_SERIES | TRAIT_NEW_LIMIT},
    {"deepseek*distill*", 0, 0},
    {"deepseek*", 0, TRAIT_ECHO | TRAIT_SWITCH},
    {"kimi*instruct*", 0, 0},
    {"kimi*", 0, TRAIT_ECHO | TRAIT_SWITCH},
    {"glm-*", 0, TRAIT_ECHO | TRAIT_SWITCH},
    {"mimo-*", 0, TRAIT_ECHO | TRAIT_SWITCH},
    {"claude-*", 0, TRAIT_MARKS},
};

/* "openai/gpt-5:free" is gpt-5:free. */
static str short_name(str model)
{
    size_t slash = str_find_last(model, '/');
    return slash < model.n ? str_from(model, slash + 1) : model;
}

unsigned chat_traits(const struct ir_target *to)
{
    str name = short_name(to->model);
    unsigned always = to->is_compat ? 0 : TRAIT_OWN | TRAIT_NEW_LIMIT;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (str_glob(str_c(rows[i].pattern), name))
            return always | (to->is_compat ? rows[i].theirs : rows[i].ours);
    }
    return always;
}

/* Formats as OpenRouter names them, and the models each belongs to. */
bool chat_format_fits(str format, str model)
{
    static const struct {
        const char *format, *pattern;
    } kinds[] = {
        {"anthropic-", "claude*"}, {"google-", "gemini*"}, {"xai-", "grok*"},
        {"openai-", "gpt-5*"},     {"openai-", "gpt-6*"},  {"openai-", "o4-*"},
        {"openai-", "o3*"},
    };
    bool known = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!str_starts(format, str_c(kinds[i].format)))
            continue;
        known = true;
        if (str_glob(str_c(kinds[i].pattern), short_name(model)))
            return true;
    }
    return !known;
}

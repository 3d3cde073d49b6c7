/* ir/tokens.h: families and texts. */
#include "ir/tokens.h"

#include "ir/tokens_shape.h"

/* In 1/16384 of a token. */
enum { UNIT = 16384 };
static const uint32_t cost[TOKEN_CLASSES][TOKEN_FAMILIES] = {
#include "ir/tokens_cost.inc"
};

uint64_t tokens_of_text(str utf8, enum token_family family)
{
    struct token_shape shape = {0};
    token_shape_add(&shape, utf8);
    uint64_t sum = 0;
    for (size_t i = 0; i < TOKEN_CLASSES; i++)
        sum += shape.n[i] * cost[i][family];
    /* Nothing is no token, anything at all is one. */
    return utf8.n == 0 ? 0 : sum < UNIT ? 1 : (sum + UNIT / 2) / UNIT;
}

/* ---- families -------------------------------------------------------------------------------- */

/* First hit counts. Claude is told apart by version below. */
static const struct {
    const char *part;
    enum token_family family;
} family_by_name[] = {
    {"claude", TOKENS_CLAUDE},  {"gemini", TOKENS_GEMINI},   {"gemma", TOKENS_GEMINI},
    {"gpt-oss", TOKENS_O200K},  {"gpt-4o", TOKENS_O200K},    {"gpt-4.", TOKENS_O200K},
    {"gpt-4", TOKENS_CL100K},   {"gpt-3", TOKENS_CL100K},    {"text-embedding", TOKENS_CL100K},
    {"davinci", TOKENS_CL100K}, {"babbage", TOKENS_CL100K},  {"llama", TOKENS_CL100K},
    {"qwen", TOKENS_CL100K},    {"deepseek", TOKENS_CL100K},
};

/* The number at the front of *s, which moves past it; -1: none. */
static int number_at(str *s)
{
    int n = -1;
    for (; s->n && *s->p >= '0' && *s->p <= '9' && n < 100000000; *s = str_from(*s, 1))
        n = (n < 0 ? 0 : n) * 10 + (*s->p - '0');
    return n;
}

/*
 * "claude-opus-4-7", "claude-sonnet-5", "claude-opus-4.8": a word before the version. Up to 3.7 the
 * version came first (claude-3-5-sonnet-20241022). A long number is a date, not a minor version.
 */
static bool is_claude_47(str after_claude)
{
    str s = after_claude;
    while (s.n && !(*s.p >= '0' && *s.p <= '9'))
        s = str_from(s, 1);
    int major = number_at(&s);
    int minor = s.n && (*s.p == '-' || *s.p == '.') ? (s = str_from(s, 1), number_at(&s)) : -1;
    if (major >= 1000) /* claude-fable-20270101: an alias of something new */
        return true;
    return major >= 5 || (major == 4 && minor >= 7 && minor < 1000);
}

enum token_family token_family_of(str model)
{
    char low[256];
    size_t n = model.n < sizeof low ? model.n : sizeof low;
    for (size_t i = 0; i < n; i++)
        low[i] = ascii_lower(model.p[i]);
    str name = str_of(low, n);
    for (size_t i = 0; i < sizeof family_by_name / sizeof *family_by_name; i++) {
        str part = str_c(family_by_name[i].part);
        size_t at = str_find(name, part);
        if (at == name.n)
            continue;
        enum token_family family = family_by_name[i].family;
        if (family == TOKENS_CLAUDE && is_claude_47(str_from(name, at + part.n)))
            return TOKENS_CLAUDE_47;
        return family;
    }
    return TOKENS_O200K;
}

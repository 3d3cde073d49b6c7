#include "dialect/anthropic/models.h"

enum family { OTHER, HAIKU, SONNET, OPUS, FABLE, MYTHOS };

struct version {
    enum family family;
    unsigned number; /* major * 100 + minor */
};

/* Takes the next word of letters or number of digits off rest. */
static str next_word(str *rest)
{
    size_t n = 0;
    while (rest->n && strchr("-._", rest->p[0]))
        *rest = str_from(*rest, 1);
    if (!rest->n)
        return S("");
    bool digits = rest->p[0] >= '0' && rest->p[0] <= '9';
    while (n < rest->n && !strchr("-._@:", rest->p[n]) &&
           (rest->p[n] >= '0' && rest->p[n] <= '9') == digits)
        n++;
    str word = str_head(*rest, n ? n : 1);
    *rest = str_from(*rest, word.n);
    return word;
}

static enum family family_of(str word)
{
    static const struct {
        const char *name;
        enum family family;
    } families[] = {
        {"haiku", HAIKU}, {"sonnet", SONNET}, {"opus", OPUS}, {"fable", FABLE}, {"mythos", MYTHOS}};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (str_eq_nocase(word, str_c(families[i].name)))
            return families[i].family;
    }
    return OTHER;
}

/*
 * "claude-opus-4-7-20260416", "us.anthropic.claude-sonnet-4-5-v1:0", "anthropic/claude-opus-4.8",
 * "claude-3-7-sonnet-20250219". A number of more than two digits is a date.
 */
static struct version version_of(str name)
{
    struct version v = {.family = OTHER};
    unsigned numbers = 0;
    size_t at = 0;
    while (at < name.n && !str_starts_nocase(str_from(name, at), S("claude-")))
        at++;
    str rest = str_from(name, at + sizeof "claude-" - 1);
    for (str word = next_word(&rest); word.n; word = next_word(&rest)) {
        uint64_t n;
        if (word.n <= 2 && str_u64(word, &n) && numbers < 2)
            v.number += numbers++ ? (unsigned)n : (unsigned)n * 100;
        else if (v.family == OTHER && family_of(word) != OTHER)
            v.family = family_of(word);
        else
            break;
    }
    return v;
}

struct anthropic_model anthropic_model(str name)
{
    struct version v = version_of(name);
    bool named = v.family == FABLE || v.family == MYTHOS;
    bool newest = named || (v.family == OPUS && v.number >= 407) ||
                  ((v.family == SONNET || v.family == HAIKU) && v.number >= 500);
    return (struct anthropic_model){
        .is_claude = v.family != OTHER,
        .no_sampling = newest,
        .hides_thought = newest,
        .no_prefill = newest || (v.family != OTHER && v.number >= 406),
        .no_schemas = v.family != OTHER && v.number && v.number < 405,
        .has_fast = v.family == OPUS && v.number >= 408,
    };
}

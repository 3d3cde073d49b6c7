/* route/catalogue.c - the table of well-known models. */
#include "route/catalogue.h"

const char *const level_names[LEVEL_COUNT] = {"minimal", "low", "medium", "high", "xhigh", "max"};

enum level level_of(str name)
{
    for (enum level l = 0; l < LEVEL_COUNT; l++)
        if (str_eq_nocase(name, str_c(level_names[l])))
            return l;
    return LEVEL_COUNT;
}

/* Seconds at midnight UTC of a day in the proleptic Gregorian calendar, as a constant: years that
 * begin in March put the leap day last. */
#define SHIFTED(y, m) ((int64_t)(y) - ((m) <= 2))
#define OF_YEAR(m, d) ((153 * ((m) + ((m) > 2 ? -3 : 9)) + 2) / 5 + (d)-1)
#define LEAPS(y)      ((y) / 4 - (y) / 100 + (y) / 400)
#define DAYS(y, m, d) (365 * SHIFTED(y, m) + LEAPS(SHIFTED(y, m)) + OF_YEAR(m, d) - 719468)
#define DAY(y, m, d)  (DAYS(y, m, d) * 86400)

#define BIT(l)          (1u << LEVEL_##l)
#define RANGE(from, to) ((BIT(to) << 1) - BIT(from))

#define NO_THINKING                     0, 0, 0, false, false
#define BUDGET(min, max, zero, dynamic) 0, min, max, zero, dynamic
#define LEVELS(from, to, zero)          RANGE(from, to), 0, 0, zero, false

#define CLAUDE_NO_ZERO 0, 1024, 128000, false, false
#define CLAUDE_BUDGET  0, 1024, 128000, true, false
#define CLAUDE_HYBRID  RANGE(LOW, HIGH) | BIT(MAX), 1024, 128000, true, true
/* From here on the Messages API refuses manual budgets: effort is the only way. */
#define CLAUDE_XHIGH  RANGE(LOW, MAX), 0, 0, true, true
#define CLAUDE_LEVELS CLAUDE_XHIGH

#define GEMINI_LOW_HIGH        BIT(LOW) | BIT(HIGH), 128, 32768, false, true
#define GEMINI_LOW_TO_HIGH     RANGE(LOW, HIGH), 128, 32768, false, true
#define GEMINI_MINIMAL_TO_HIGH RANGE(MINIMAL, HIGH), 128, 32768, false, true
#define GEMINI_MINIMAL_HIGH    BIT(MINIMAL) | BIT(HIGH), 128, 32768, false, true

#define SIM_ANY RANGE(MINIMAL, MAX), 0, 128000, true, true

/* Columns of the table; undefined again below, so that they stay the table's own words. */
#define CLAUDE (1u << CHANNEL_CLAUDE)
#define GEMINI (1u << CHANNEL_GEMINI)
#define GOOGLE (1u << CHANNEL_GEMINI | 1u << CHANNEL_VERTEX)
#define CODEX  (1u << CHANNEL_CODEX)
#define SIM    (1u << CHANNEL_SIM)
#define TEXT   MODEL_TEXT
#define EMBED  MODEL_EMBED
#define IMAGE  MODEL_IMAGE
#define YES    true
#define NO     false

/* The thinking column is five values; the indirection lets its name expand before it is used. */
#define MODEL(...) MODEL_ROW(__VA_ARGS__)
#define MODEL_ROW(id, display, on, what, gone, day, in, out, levels, min, max, zero, dynamic) \
    {{id, sizeof(id) - 1},                                                                    \
     {display, sizeof(display) - 1},                                                          \
     on,                                                                                      \
     what,                                                                                    \
     gone,                                                                                    \
     day,                                                                                     \
     in,                                                                                      \
     out,                                                                                     \
     {levels, min, max, zero, dynamic}},

static const struct model_info models[] = {
#include "route/catalogue.def"
};

#undef CLAUDE
#undef GEMINI
#undef GOOGLE
#undef CODEX
#undef SIM
#undef TEXT
#undef EMBED
#undef IMAGE
#undef YES
#undef NO

enum { N_MODELS = sizeof models / sizeof models[0] };

const struct model_info *catalogue_find(str id)
{
    for (size_t i = 0; i < N_MODELS; i++)
        if (str_eq(models[i].id, id))
            return &models[i];
    return NULL;
}

static const struct model_info *next_row(enum channel_kind kind, bool retired, size_t *i)
{
    /* What a codex key may use depends on the account behind it: its entry must say. */
    if (kind == CHANNEL_CODEX)
        return NULL;
    while (*i < N_MODELS) {
        const struct model_info *m = &models[(*i)++];
        if ((m->channels >> kind & 1) && m->retired == retired)
            return m;
    }
    return NULL;
}

const struct model_info *catalogue_next(enum channel_kind kind, size_t *i)
{
    return next_row(kind, false, i);
}

const struct model_info *catalogue_next_retired(enum channel_kind kind, size_t *i)
{
    return next_row(kind, true, i);
}

bool catalogue_exists(enum channel_kind kind)
{
    for (size_t i = 0; i < N_MODELS; i++)
        if (models[i].channels >> kind & 1)
            return true;
    return false;
}

bool catalogue_has(enum channel_kind kind, str id)
{
    const struct model_info *m = catalogue_find(id);
    return m && (m->channels >> kind & 1);
}

/*
 * route/catalogue.h - what is known about well-known models, by their upstream id.
 *
 * Context windows and output limits come from public price tables, thinking capabilities from the
 * vendors' documentation (SPEC 3.7). The rows are in catalogue.def. A model that is not here is
 * the user's own: nothing is checked and nothing is assumed about it.
 */
#ifndef CLIPROXY_ROUTE_CATALOGUE_H
#define CLIPROXY_ROUTE_CATALOGUE_H

#include "base/str.h"
#include "config/config.h"

/* Levels of thinking, in order; the bit of level i is 1 << i. */
enum level {
    LEVEL_MINIMAL,
    LEVEL_LOW,
    LEVEL_MEDIUM,
    LEVEL_HIGH,
    LEVEL_XHIGH,
    LEVEL_MAX,
    LEVEL_COUNT
};

extern const char *const level_names[LEVEL_COUNT];

/* The level of that name (case ignored), or LEVEL_COUNT. */
enum level level_of(str name);

/* What a model can be told about thinking. Neither levels nor a maximum: it does not think. */
struct capability {
    unsigned levels;  /* bit set; 0: takes no levels */
    int64_t min, max; /* budget in tokens; max 0: takes no budgets */
    bool zero;        /* thinking can be turned off */
    bool dynamic;     /* the model may be told to decide itself */
};

static inline bool capability_thinks(const struct capability *c)
{
    return c->levels != 0 || c->max != 0;
}

enum model_purpose { MODEL_TEXT, MODEL_EMBED, MODEL_IMAGE };

struct model_info {
    str id;
    str display_name;
    unsigned channels; /* bit set of enum channel_kind: whose catalogue it belongs to */
    enum model_purpose purpose;
    bool retired;    /* known, but no longer offered by its vendor: not listed by itself */
    int64_t created; /* unix seconds */
    uint64_t context, output;
    struct capability thinking;
};

/* The row of an upstream id, or NULL. */
const struct model_info *catalogue_find(str id);

/* The rows a channel offers when its entry lists no models; *i starts at 0, NULL at the end. */
const struct model_info *catalogue_next(enum channel_kind kind, size_t *i);

/* The same for the rows it no longer offers by itself, because their vendor retired them. */
const struct model_info *catalogue_next_retired(enum channel_kind kind, size_t *i);

/* Whether the channel has a catalogue, and whether id is in it. */
bool catalogue_exists(enum channel_kind kind);
bool catalogue_has(enum channel_kind kind, str id);

#endif

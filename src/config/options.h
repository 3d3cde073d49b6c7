/*
 * config/options.h - the option table (options.def) as data.
 */
#ifndef CLIPROXY_CONFIG_OPTIONS_H
#define CLIPROXY_CONFIG_OPTIONS_H

#include "config/config.h"

enum option_type {
    OPTION_STR,
    OPTION_URL,
    OPTION_PATH,
    OPTION_INT,
    OPTION_BOOL,
    OPTION_MS,
    OPTION_BYTES,
};

enum { OPTION_HOT = 1, OPTION_RESTART = 2, OPTION_CLAMP = 4 };

struct option {
    const char *path;
    enum option_type type;
    size_t at; /* of the member in struct config */
    const char *fallback;
    int64_t min, max; /* inclusive; both 0 where they mean nothing */
    const char *unit;
    unsigned flags;
    const char *help;
};

extern const struct option options[];
extern const size_t n_options;

/* The row of this path, or NULL. */
const struct option *option_find(str path);

/* All defaults into c (whose arena is ready). */
void options_default(struct config *c);

/* Reads text into c's member; false with a reason in why (without the text) otherwise. */
bool option_set(const struct option *o, struct config *c, str text, char *why, size_t size);

/* The current value as YAML would say it; URL types without their user info. */
void option_put(const struct option *o, const struct config *c, struct buf *out);

const char *option_type_name(enum option_type t);

/* A URL with user info replaced by ***; anything that is no URL is shown as it is. */
void option_put_url(struct buf *out, str url);

/* Whether url may stand in a proxy-url; ERR_CONFIG with the reason, which quotes no user info. */
enum err option_check_proxy(str url, struct fail *f) must_check;

#endif

/*
 * config/known.h - keys we know of that are no options (known.def).
 */
#ifndef CLIPROXY_CONFIG_KNOWN_H
#define CLIPROXY_CONFIG_KNOWN_H

#include "base/str.h"

enum known_kind { KNOWN_LATER, KNOWN_LEGACY, KNOWN_NOT_OURS };

struct known_key {
    const char *path;
    enum known_kind kind;
    const char *text; /* what will bring it, or what to do about it */
};

extern const struct known_key known_keys[];
extern const size_t n_known_keys;

/* The row of this path, or NULL. */
const struct known_key *known_find(str path);

#endif

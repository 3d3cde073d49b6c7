/*
 * config/fields.h - the fields of provider entries (fields.def) as data, for the reference.
 */
#ifndef CLIPROXY_CONFIG_FIELDS_H
#define CLIPROXY_CONFIG_FIELDS_H

#include "config/blocks.h"
#include "config/options.h"

struct field {
    const char *name;
    const char *type; /* as the reference says it */
    unsigned shapes;
    const char *fallback;
    const char *help;
    const char *noted; /* how a warning names it, for those that are not built */
    enum { FIELD_BUILT, FIELD_KNOWN, FIELD_REFUSED } status;
};

extern const struct field fields[];
extern const size_t n_fields;

#endif

/*
 * config/blocks.h - the provider blocks of the configuration, and the fields of their entries.
 */
#ifndef CLIPROXY_CONFIG_BLOCKS_H
#define CLIPROXY_CONFIG_BLOCKS_H

#include "config/config.h"

/* What kind of block; fields.def says for each field in which kinds it may stand. */
enum block_shape {
    SHAPE_COMPAT = 1, /* openai-compatibility: named providers with several keys each */
    SHAPE_KEY = 2,    /* claude-api-key and its like: one key per entry */
    SHAPE_VENDOR = 4, /* one of vendors.def: a list of entries, or a single one */
    SHAPE_SIM = 8,
    SHAPE_ANY = SHAPE_COMPAT | SHAPE_KEY | SHAPE_VENDOR | SHAPE_SIM,
    SHAPE_REMOTE = SHAPE_ANY & ~SHAPE_SIM,
};

struct block {
    const char *name;     /* YAML key */
    const char *aliases;  /* other spellings, separated by spaces */
    const char *provider; /* what logs say; NULL: the entry's name */
    const char *base_url; /* default; NULL: the entry must have one */
    enum channel_kind kind;
    enum block_shape shape;
};

extern const struct block blocks[];
extern const size_t n_blocks;

/* By name or alias; NULL if there is none. */
const struct block *block_find(str key);

#endif

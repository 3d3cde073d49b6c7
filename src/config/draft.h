/*
 * config/draft.h - a provider entry while its fields are read.
 */
#ifndef CLIPROXY_CONFIG_DRAFT_H
#define CLIPROXY_CONFIG_DRAFT_H

#include "config/blocks.h"
#include "config/loader.h"

struct draft {
    struct provider_entry entry;
    const struct block *block;
    const struct yaml_node *node; /* of the entry, for messages */
    str api_key, token_file, proxy_url;
    int64_t weight;
    const struct yaml_node *key_entries; /* read last: they inherit weight and proxy */
    const struct yaml_node *old_keys;
};

/* Reads every field of d->node by fields.def. */
enum err draft_read(struct loader *l, struct draft *d) must_check;

/* One field of struct draft or of a key entry. */
enum err draft_read_weight(struct loader *l, const struct yaml_node *n, int64_t *out) must_check;
enum err draft_read_proxy(struct loader *l, const struct yaml_node *n, str *out) must_check;

/* models.c: the models: list of an entry. */
enum err draft_read_models(struct loader *l, const struct yaml_node *n,
                           struct provider_entry *p) must_check;

/* headers.c */
enum err draft_read_headers(struct loader *l, const struct yaml_node *n,
                            struct provider_entry *p) must_check;

/* credentials.c: api-key, token-file, api-key-entries become d->entry.credentials. */
enum err draft_credentials(struct loader *l, struct draft *d) must_check;

#endif

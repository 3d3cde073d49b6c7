/*
 * config/loader.h - what the parts of the loader share while one document is read.
 *
 * A part gets the loader and a node; it writes to loader->c and reports through load_error (which
 * ends the load) and load_warn (which does not). Both say where, from the node and the key path
 * that the callers have built up with load_enter.
 */
#ifndef CLIPROXY_CONFIG_LOADER_H
#define CLIPROXY_CONFIG_LOADER_H

#include "config/config.h"
#include "config/yaml.h"

enum { LOAD_PATH_MAX = 240, LOAD_WARNINGS_MAX = 200, LOAD_NAMES_MAX = 1000 };

/* Key paths that one warning names together, each once. */
struct name_list {
    struct buf text; /* "a, b, c" */
    struct map seen;
};

/* Provider blocks are read after all scalars, because entries inherit from those. */
struct block_use {
    const struct block *block;
    str key; /* as the file spells it */
    const struct yaml_node *node;
    struct block_use *next;
};

struct provider_link {
    struct provider_entry entry;
    struct provider_link *next;
};

struct key_link {
    struct client_key key;
    struct key_link *next;
};

struct loader {
    struct config *c;
    struct fail *fail;
    const char *name;     /* of the file, for messages */
    struct arena scratch; /* the tree and all notes; wiped at the end */
    char path[LOAD_PATH_MAX];
    size_t path_n;
    str warnings[LOAD_WARNINGS_MAX];
    size_t n_warnings, n_dropped;
    struct name_list later, not_ours;
    const struct yaml_node *keys; /* api-keys */
    const struct yaml_node *auth; /* the old auth block */
    const struct yaml_node *host; /* for the message about open access */
    struct block_use *blocks, **blocks_end;
    struct provider_link *providers, **providers_end;
    struct map identities; /* of gemini-api-key entries, to drop repeated ones */
    struct key_link *key_list, **key_list_end;
};

/* One more step of the key path; give the result to load_leave. */
size_t load_enter(struct loader *l, str key) must_check;
size_t load_enter_item(struct loader *l, size_t index) must_check;
void load_leave(struct loader *l, size_t mark);

/* Fills the fail with "file:line:column: path: reason" and returns ERR_CONFIG. at may be NULL. */
enum err load_error(struct loader *l, const struct yaml_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes "line N: path: text". at may be NULL. Secrets must not be among the arguments. */
void load_warn(struct loader *l, const struct yaml_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The name joins the one warning about what is not built yet, or is left out on purpose. */
void load_note_later(struct loader *l, const char *name);
void load_note_not_ours(struct loader *l, const char *name);

/* The collected warnings go into the config. */
void load_close_warnings(struct loader *l);

/* Fails unless n is of the kind; says "expects a list". */
enum err load_expect(struct loader *l, const struct yaml_node *n, enum yaml_kind kind) must_check;

/* The text of a scalar, trimmed, in the config's arena. Empty for null. */
enum err load_str(struct loader *l, const struct yaml_node *n, str *out) must_check;

/* The same for what goes into a header or a log: line breaks and control bytes are refused. */
enum err load_line(struct loader *l, const struct yaml_node *n, str *out) must_check;

/* A list of strings, or one string; trimmed, blanks and repetitions dropped. */
enum err load_strs(struct loader *l, const struct yaml_node *n, bool lower, str **out,
                   size_t *n_out) must_check;

enum err load_bool(struct loader *l, const struct yaml_node *n, bool *out) must_check;
enum err load_int(struct loader *l, const struct yaml_node *n, int64_t min, int64_t max,
                  int64_t *out) must_check;
enum err load_ms(struct loader *l, const struct yaml_node *n, uint64_t *out) must_check;
enum err load_double(struct loader *l, const struct yaml_node *n, double min, double max,
                     double *out) must_check;

/* ---- the parts ---- */

/* walk.c: scalars, sections, and what every other key is; provider blocks are only noted. */
enum err walk_document(struct loader *l, const struct yaml_node *root) must_check;

/* keys.c: api-keys and those of the old auth block. */
enum err keys_load(struct loader *l) must_check;
void keys_replace(struct loader *l, str comma_list); /* CLIPROXY_API_KEYS */
enum err keys_finish(struct loader *l) must_check;   /* the table; open access (SPEC 13.15) */

/* providers.c: the noted blocks become entries. */
enum err providers_load(struct loader *l) must_check;
struct provider_entry *providers_add(struct loader *l);
void providers_finish(struct loader *l);

/* env.c: overrides of scalars; then providers that only the environment names. */
void env_override(struct loader *l);
void env_providers(struct loader *l);

#endif

/*
 * config/yaml.h - a YAML document as a small tree with positions.
 *
 * libfyaml scans and parses (YAML 1.2 with the 1.1 habits of existing files); the tree is ours, so
 * that depth, size and alias expansion are bounded, duplicate keys are found with both lines, and
 * every node knows where it was written. Aliases share the node of their anchor; `<<` merge keys
 * are resolved. Only the first document of a stream is read.
 */
#ifndef CLIPROXY_CONFIG_YAML_H
#define CLIPROXY_CONFIG_YAML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum {
    YAML_DEPTH_MAX = 64,
    YAML_NODES_MAX =
        1000000, /* values in the document, aliases counted as often as they are used */
    YAML_BYTES_MAX = 16 * 1024 * 1024,
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node;

struct yaml_pair {
    struct yaml_node *key; /* always a scalar */
    struct yaml_node *value;
};

struct yaml_node {
    enum yaml_kind kind;
    bool quoted;      /* scalar: written in quotes or as a block, so "" and "null" are strings */
    bool open;        /* private: its end was not seen yet */
    int line, column; /* where it starts, counted from 1 */
    size_t size;      /* private: nodes below it and itself, aliases expanded */
    str text;         /* scalar */
    size_t n;         /* items or pairs */
    union {
        struct yaml_node **items;
        struct yaml_pair *pairs;
    };
};

/*
 * Reads text into a; the tree borrows nothing from text. *root is NULL for an empty document.
 * ERR_CONFIG with *f set to "name:line:column: ..." otherwise; *more tells that further documents
 * follow, which are not read.
 */
enum err yaml_parse(str text, const char *name, struct arena *a, struct yaml_node **root,
                    bool *more, struct fail *f) must_check;

/* True for a plain empty scalar, `~` or `null`: the key is there but says nothing. */
bool yaml_null(const struct yaml_node *n);

/* The value under key, or NULL; n may be NULL or of any kind. */
struct yaml_node *yaml_get(const struct yaml_node *n, str key);

/*
 * One line of a configuration file fit for an error message: trimmed, at most 60 bytes, with
 * whatever may be a secret replaced by ***; empty if it may be all secret.
 */
void yaml_excerpt(str line, char *out, size_t size);

/* The same for a value whose key is known to hold no secret. */
void yaml_shown(str value, char *out, size_t size);

#endif

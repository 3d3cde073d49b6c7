/*
 * dialect/gemini/schema/pass.h - the passes of the schema cleaner (SPEC 5.5), one function each.
 *
 * A pass is called for every node of the tree that is a schema, never for the maps of names between
 * them (properties, $defs) nor for data (enum, default, examples): so a parameter may be called
 * `format`, `title` or `properties`, and keeps its name. The table in clean.c has their order.
 */
#ifndef CLIPROXY_DIALECT_GEMINI_SCHEMA_PASS_H
#define CLIPROXY_DIALECT_GEMINI_SCHEMA_PASS_H

#include "dialect/gemini/schema/tree.h"

enum { SCHEMA_DEPTH_MAX = 200 }; /* of containers, beyond which no reference is followed */

struct schema {
    struct arena *arena;
    struct tree *root;
    size_t budget;        /* nodes that references may still add */
    uint64_t applicators; /* tree_bit of the keywords that schemas stand under */
};

typedef void schema_pass(struct schema *s, struct tree *node);

/* What stands under a keyword: schemas, or something else (0). */
enum {
    SCHEMA_HERE = 1, /* an object there is a schema */
    SCHEMA_EACH = 2, /* the elements of an array there are */
    SCHEMA_MAP = 4   /* the members of an object there are */
};
unsigned schema_places(str keyword);

/* fn for every schema below node and for node: a node after its children, or before them. */
void schema_walk(struct schema *s, struct tree *node, schema_pass *fn);
void schema_walk_down(struct schema *s, struct tree *node, schema_pass *fn);

/* Notes something for the node's description: what was taken away. text lives as long as the arena
 * or is a literal. */
void schema_hint(struct schema *s, struct tree *node, str text);

/* Bare maps of properties become objects, booleans schemas, `required: true` of a property goes to
 * its parent; types get their names. Before children. */
schema_pass schema_repair;

/* References are replaced by what they mean; in a cycle by a hint. Called for the root only. */
void schema_references(struct schema *s);

/* Keywords of other APIs, and of the document rather than the value. */
schema_pass schema_noise;

/* const becomes enum. */
schema_pass schema_const;

/* An enum gets its type, where all values agree. */
schema_pass schema_enum_type;

/* OpenAPI's nullable becomes a second type. */
schema_pass schema_null_type;

/* Enum values become strings. */
schema_pass schema_enum_strings;

/* additionalProperties: false becomes a hint. */
schema_pass schema_closed;

/* Limits, formats, defaults and examples become hints. */
schema_pass schema_constraints;

/* allOf is merged; of anyOf and oneOf the best branch is; a list of types keeps its first; what
 * then and else say is merged. What may be null becomes `nullable`. */
schema_pass schema_all_of;
schema_pass schema_any_of;
schema_pass schema_type_list;
schema_pass schema_if;

/* `nullable` becomes a hint, and the property is not required. */
schema_pass schema_nullable;

/* What the message Schema has no field for goes, what it insists on comes. */
schema_pass schema_rest;

/* The hints go into the description: "what it was (hint; hint)". */
schema_pass schema_say_hints;

/* Names in required that are no properties go. */
schema_pass schema_required;

#endif

/*
 * dialect/anthropic/schema.h - JSON Schemas as the Messages API takes them.
 *
 * Tools: the root of input_schema must be an object without anyOf, oneOf or allOf (SPEC 5.5).
 * Strict tools and structured output: a subset of JSON Schema, see "Structured outputs", JSON
 * Schema limitations: every object closed, no bounds on numbers, strings or arrays; what the subset
 * lacks is said in the description instead, where the model reads it.
 */
#ifndef CLIPROXY_DIALECT_ANTHROPIC_SCHEMA_H
#define CLIPROXY_DIALECT_ANTHROPIC_SCHEMA_H

#include "json/read.h"

/* Limits on all strict schemas of a request together ("Schema complexity limits"). */
enum {
    ANTHROPIC_STRICT_TOOLS = 20,
    ANTHROPIC_OPTIONAL_PARAMETERS = 24,
    ANTHROPIC_UNION_PARAMETERS = 16
};

/* What counts towards them. */
struct anthropic_cost {
    unsigned optional, unions;
};

/* Whether the root is an object without branches, so that it is taken as it stands. */
bool anthropic_plain_object(yyjson_val *schema);

/* An input_schema; NULL or no object: one without properties. */
void anthropic_write_input_schema(yyjson_val *schema, struct json_writer *w);

/* The same within the subset. Scratch memory comes from a. */
void anthropic_write_strict_schema(yyjson_val *schema, struct arena *a, struct json_writer *w);

struct anthropic_cost anthropic_schema_cost(yyjson_val *schema);

#endif

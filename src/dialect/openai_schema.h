/*
 * dialect/openai_schema.h - JSON Schemas as OpenAI's APIs take them.
 *
 * Schemas come from clients of all dialects. OpenAI refuses a function whose parameters are no
 * object, an object without `properties` (SPEC 5.5) and an array without `items`; its strict mode
 * takes a subset only (guide "Structured outputs": every property required, no additional ones, no
 * allOf, oneOf, not, if, patternProperties).
 */
#ifndef CLIPROXY_DIALECT_OPENAI_SCHEMA_H
#define CLIPROXY_DIALECT_OPENAI_SCHEMA_H

#include "json/read.h"

/* A function's parameters; schema NULL: one without any. What is lacking is added. */
void openai_schema_write(yyjson_val *schema, struct json_writer *w);

/* Whether strict mode can take it. */
bool openai_schema_is_strict(yyjson_val *schema);

#endif

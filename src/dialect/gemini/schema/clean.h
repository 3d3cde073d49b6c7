/*
 * dialect/gemini/schema/clean.h - JSON Schemas in a form that Gemini takes.
 *
 * The API has two places for a function's parameters, and two for the schema of an answer:
 *
 *   parametersJsonSchema,   JSON Schema. Gemini 2.5 and later, on AI Studio and Vertex AI alike;
 *   responseJsonSchema      what it does not know it ignores. Tried by others against the live APIs
 *                           with raw draft-7 schemas, unions, references and nullables
 *                           (github.com/vercel/ai pull request 20757, September 2026).
 *   parameters,             the proto message Schema, a subset of OpenAPI 3.0. Every other keyword
 *   responseSchema          is a 400: Invalid JSON payload received. Unknown name "const"... Cannot
 *                           find field. Older models, copies of the API, and Claude models behind
 *                           Code Assist, which know no other.
 *
 * So the first loses least, and is taken wherever it exists. Even there a few things are refused or
 * misread, and mended: references (`definitions` is not known, siblings of $ref are refused, and so
 * is a cycle through a required property: content.proto, response_json_schema), const without enum,
 * enum without type, required names that are no properties, keywords of other APIs.
 * The second gets all the passes of SPEC 5.5, which say in the description what they take away.
 */
#ifndef CLIPROXY_DIALECT_GEMINI_SCHEMA_CLEAN_H
#define CLIPROXY_DIALECT_GEMINI_SCHEMA_CLEAN_H

#include "base/arena.h"
#include "json/read.h"

enum gemini_schema_form { GEMINI_JSON_SCHEMA, GEMINI_SCHEMA };

/*
 * Writes the schema as a value. NULL or no object: an object without properties. Memory is taken
 * from scratch; the output is bounded by a multiple of the input.
 */
void gemini_schema_write(yyjson_val *schema, enum gemini_schema_form form, struct arena *scratch,
                         struct json_writer *w);

/* Whether it is an object without properties: then `parameters` is left out. */
bool gemini_schema_is_empty(yyjson_val *schema);

/* A Schema (upper-case types, nullable) as JSON Schema, in a; an object that is JSON Schema already
 * is returned as it is. NULL stays NULL. */
yyjson_val *gemini_schema_read(yyjson_val *schema, struct arena *a);

#endif

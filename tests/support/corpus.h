/*
 * support/corpus.h - the recorded exchanges, and documents with one value changed.
 *
 * The recordings are not part of this repository: environment CORPUS, or ../shared/fixtures.
 */
#ifndef TESTS_SUPPORT_CORPUS_H
#define TESTS_SUPPORT_CORPUS_H

#include "base/buf.h"
#include "json/read.h"

/* Calls run with each case of the folder ("openai-responses") that has such a file
 * ("request.json"). Returns how many there were; -1: there are no recordings. */
long corpus_each(const char *folder, const char *file, void (*run)(const char *name, str text));

/* Values in a document, itself included. */
size_t mutate_count(yyjson_val *v);

/* The document with value number `at` (counted as they stand, from 0) replaced by that JSON text;
 * empty: left out. */
void mutate_write(yyjson_val *v, size_t at, str instead, struct buf *out);

#endif

/*
 * json/watch.h - watches a few values of a JSON text that passes by in pieces.
 *
 * For the tap on answers: constant memory whatever the size, any split of the input, never a
 * complaint (a text that is not JSON simply yields nothing). Values are reported when complete.
 *
 * A path is a list of keys; "*" as a step stands for any element of an array; no step at all is the
 * document itself. What no path leads into is skipped at any depth. Example:
 * {"choices", "*", "finish_reason"}. Scalars are reported with their text (strings without quotes,
 * raw, at most WATCH_VALUE_MAX bytes, longer ones cut); for an object or array at a watched path
 * only its presence is reported, at its opening bracket, with an empty text.
 */
#ifndef CLIPROXY_JSON_WATCH_H
#define CLIPROXY_JSON_WATCH_H

#include "base/str.h"
#include "json/scan.h"

enum { WATCH_STEPS_MAX = 5, WATCH_VALUE_MAX = 256 };

struct watch_path {
    int id;                                 /* handed to the callback */
    const char *steps[WATCH_STEPS_MAX + 1]; /* NULL-terminated */
};

/* Prepared once per process from a table: a small trie, shared by all watchers. Keys are borrowed,
 * and shorter than WATCH_VALUE_MAX / 6. */
struct watch_set;
struct watch_set *watch_set_new(const struct watch_path *paths, size_t n) must_check;
void watch_set_free(struct watch_set *s);

/* at: offset of the value within the document (its opening quote for strings); n: its length in
 * the document, so that a caller that holds the document whole can edit it. */
typedef void watch_fn(void *arg, int id, enum json_kind kind, str text, size_t at, size_t n);

struct watch; /* about 400 bytes; one per answer, reused from event to event */

size_t watch_size(void);
void watch_init(struct watch *w, const struct watch_set *set, watch_fn *fn, void *arg);

/* Starts on a new document. */
void watch_reset(struct watch *w);

/* The next piece of the document. */
void watch_feed(struct watch *w, str piece);

/* The document is over: reports a number that was all of it and ended with it. */
void watch_end(struct watch *w);

#endif

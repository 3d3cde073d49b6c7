/*
 * relay/seal_cache.h - reasoning that the client will not bring back.
 *
 * Providers want the reasoning that led to a tool call back with the call's result, signed as they
 * issued it (SPEC 5.2). Chat clients have no field for it, and others drop it. So what a translated
 * answer thought before a call is kept here under the call's id, for a while, and put back when a
 * request repeats the call without it.
 *
 * Shared by all workers: sixteen shards with a lock each, taken only by conversations that are
 * translated and call tools. Bounded in bytes and age; the least recently used goes first. Entries
 * are found under the client's key and the call's id together, so nobody gets another's.
 */
#ifndef CLIPROXY_RELAY_SEAL_CACHE_H
#define CLIPROXY_RELAY_SEAL_CACHE_H

#include "ir/event.h"
#include "ir/request.h"

enum {
    SEAL_CACHE_BYTES = 32 * 1024 * 1024, /* all entries together */
    SEAL_ENTRY_BYTES = 512 * 1024,       /* one call's reasoning; more is not kept */
    SEAL_CACHE_SECONDS = 6 * 3600
};

/* ---- From an answer. ---- */

/* Gathers what goes before each call, from the answer's events; what was gathered is kept when the
 * answer has come to its end. In arena. */
struct seal_watch;
struct seal_watch *seal_watch_new(struct arena *a, str client_key);
void seal_watch_take(struct seal_watch *w, const struct ir_event *e);
void seal_watch_keep(struct seal_watch *w, uint64_t now_s);
void seal_watch_free(struct seal_watch *w); /* what is not in the arena */

/* ---- Into a request. ---- */

/* Puts back what the assistant's calls lack. Returns how many calls got something. */
unsigned seal_cache_restore(struct ir_request *rq, str client_key, uint64_t now_s);

/* Forgets everything: at the end of the process, and between tests. */
void seal_cache_clear(void);

/* What is kept now. */
size_t seal_cache_bytes(void);

#endif

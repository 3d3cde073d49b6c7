/*
 * relay/amend.h - the few things a request is helped with on its way to a provider of its own
 * dialect, where it would otherwise earn a 400 (SPEC 5.1, 9.2 R6, R7, R15.6, D10).
 */
#ifndef CLIPROXY_RELAY_AMEND_H
#define CLIPROXY_RELAY_AMEND_H

#include "relay/exchange.h"

/* Small faults: edits of spans. */
enum err amend_spans(struct exchange *x, struct json_edit *e, struct fail *f) must_check;

/*
 * Spellings that concern whole objects: true when the body has been written anew, by the dialect's
 * own codec, into *out (in the exchange's arena). Rare: a quick look for the words comes first.
 */
bool amend_whole(struct exchange *x, str *out);

#endif

/*
 * json/mention.h - can a text hold any of these words at all?
 *
 * A quick look before a slow one: most events of a stream carry a piece of text and nothing that
 * we act on. May say yes where a careful reader would find nothing, never no where one would find
 * something.
 */
#ifndef CLIPROXY_JSON_MENTION_H
#define CLIPROXY_JSON_MENTION_H

#include "base/str.h"

/*
 * False when no string literal in doc, key or value, spells one of words (NULL-terminated; letters
 * of ASCII, not empty), or only as keys whose value is null. A literal with a \u escape counts as
 * spelling any word. doc need not be valid JSON.
 */
bool json_mentions(str doc, const char *const *words);

#endif

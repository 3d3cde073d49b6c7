/*
 * base/base64.h - bytes as text (RFC 4648 section 4), and back.
 */
#ifndef CLIPROXY_BASE_BASE64_H
#define CLIPROXY_BASE_BASE64_H

#include "base/arena.h"
#include "base/str.h"

/* With padding. */
str base64_encode(str bytes, struct arena *a);

/*
 * Decodes either alphabet (section 4 or the URL's of section 5), with padding or without, into
 * out, which needs room for text.n / 4 * 3 + 3 bytes. Returns whether all of text was such; *n gets
 * the number of bytes from before the first character that was not.
 */
bool base64_decode(str text, char *out, size_t *n);

#endif

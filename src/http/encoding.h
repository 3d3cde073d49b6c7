/*
 * http/encoding.h - decoding of Content-Encoding (RFC 9110 8.4): gzip, x-gzip, deflate (zlib or
 * raw), br, zstd, identity, and chains of them, decoded right to left, with a cap on every stage.
 */
#ifndef CLIPROXY_HTTP_ENCODING_H
#define CLIPROXY_HTTP_ENCODING_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Decodes body according to the header's value into out, which is empty and whose max is the cap.
 * ERR_BAD_ENCODING: unknown coding or corrupt data (f says which and where);
 * ERR_TOO_LARGE: more than out->max bytes.
 */
enum err encoding_decode(str header_value, str body, struct buf *out, struct fail *f) must_check;

/* Whether the value names anything but identity. */
bool encoding_needed(str header_value);

#endif

/*
 * config/value.h - the text of a YAML scalar as a typed value.
 *
 * Spellings are those existing configurations use: YAML 1.1 booleans, Go durations, sizes with
 * binary or decimal units. All return false on anything else and then leave *out alone.
 */
#ifndef CLIPROXY_CONFIG_VALUE_H
#define CLIPROXY_CONFIG_VALUE_H

#include "base/buf.h"
#include "base/str.h"

bool value_bool(str s, bool *out);      /* true yes on y / false no off n, any case */
bool value_int(str s, int64_t *out);    /* -12, 1_000, 0x1f, 0o17; no fractions */
bool value_double(str s, double *out);  /* finite decimals */
bool value_ms(str s, uint64_t *out);    /* 250ms 1s 1.5s 5m 1h 2d 1h30m; plain: seconds */
bool value_bytes(str s, uint64_t *out); /* 64KiB 64MiB 1GiB, kB MB GB; K M G are binary */

/* The shortest spelling that reads back as the same value. */
void value_put_ms(struct buf *out, uint64_t ms);
void value_put_bytes(struct buf *out, uint64_t bytes);

#endif

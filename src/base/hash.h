/*
 * base/hash.h - keyed hashing and random bytes.
 *
 * SipHash-2-4 (Aumasson, Bernstein 2012) under a key drawn at start, so that nobody outside can
 * choose names that collide in our tables.
 */
#ifndef CLIPROXY_BASE_HASH_H
#define CLIPROXY_BASE_HASH_H

#include "base/str.h"

/* Draws the process key. Call once before any hash_str. */
void hash_init(void);

uint64_t hash_str(str s);

/* The same under an explicit key; for tests against the published vectors. */
uint64_t hash_siphash(uint64_t k0, uint64_t k1, str s);

/* Bytes from the system's generator; aborts when there is none. */
void random_bytes(void *p, size_t n);

/* Equality in a time that depends only on a.n and b.n, for secrets. */
bool secret_eq(str a, str b);

#endif

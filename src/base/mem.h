/*
 * base/mem.h - allocation that does not return NULL.
 *
 * Sizes that come from outside are checked against a limit before they get here; when the system
 * itself has no memory left there is nothing sensible to do, and these abort with a message.
 */
#ifndef CLIPROXY_BASE_MEM_H
#define CLIPROXY_BASE_MEM_H

#include <stddef.h>

#include "base/must.h"

void *mem_new(size_t size) must_check;           /* uninitialised */
void *mem_zero(size_t size) must_check;          /* all bytes zero */
void *mem_grow(void *p, size_t size) must_check; /* as realloc */
void mem_free(void *p);

/* Overwrites before freeing: for secrets. */
void mem_wipe_free(void *p, size_t size);

#endif

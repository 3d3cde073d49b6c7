/*
 * relay/verdict.h - whether a failed attempt may be followed by one at the next target. The table
 * is verdict.def; this holds only before the first byte has reached the client.
 */
#ifndef CLIPROXY_RELAY_VERDICT_H
#define CLIPROXY_RELAY_VERDICT_H

#include <stdbool.h>

#include "base/err.h"

/* The provider gave no answer. */
bool verdict_next_on_error(enum err e);

/* The provider answered with such a status. */
bool verdict_next_on_status(int status);

#endif

/*
 * base/clock.h - time. Monotonic for measuring, wall clock only for log lines and `created`.
 */
#ifndef CLIPROXY_BASE_CLOCK_H
#define CLIPROXY_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ns(void);      /* monotonic */
uint64_t clock_wall_ms(void); /* since the epoch, UTC */

#endif

/*
 * net/deadline.h - one timeout that is moved often and fires rarely.
 *
 * Moving a deadline later only stores a number; the timer underneath notices when it fires too
 * early and sleeps on. So an idle timeout costs nothing per event.
 */
#ifndef CLIPROXY_NET_DEADLINE_H
#define CLIPROXY_NET_DEADLINE_H

#include <stdbool.h>
#include <uv.h>

struct deadline {
    uv_timer_t timer;
    uint64_t at_ms; /* 0: unset */
    void (*fn)(struct deadline *);
};

void deadline_init(struct deadline *d, uv_loop_t *loop, void (*fn)(struct deadline *));

/* Fires in ms from now (loop time); replaces what was set. ms == 0 unsets. */
void deadline_set(struct deadline *d, uint64_t ms);

static inline void deadline_clear(struct deadline *d)
{
    d->at_ms = 0;
}

/* Closes the handle; the struct must live until closed is called (next loop iteration). */
void deadline_close(struct deadline *d, uv_close_cb closed);

#endif

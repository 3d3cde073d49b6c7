#include "net/deadline.h"

#include "base/must.h"

static void on_timer(uv_timer_t *timer)
{
    struct deadline *d = timer->data;
    if (d->at_ms == 0)
        return;
    uint64_t now = uv_now(timer->loop);
    if (now < d->at_ms) {
        must(uv_timer_start(timer, on_timer, d->at_ms - now, 0) == 0);
        return;
    }
    d->at_ms = 0;
    d->fn(d);
}

void deadline_init(struct deadline *d, uv_loop_t *loop, void (*fn)(struct deadline *))
{
    must(uv_timer_init(loop, &d->timer) == 0);
    d->timer.data = d;
    d->at_ms = 0;
    d->fn = fn;
}

void deadline_set(struct deadline *d, uint64_t ms)
{
    if (ms == 0) {
        d->at_ms = 0;
        return;
    }
    uint64_t now = uv_now(d->timer.loop);
    /* A duration of centuries means never, and must not wrap. */
    d->at_ms = ms < UINT64_MAX - now ? now + ms : UINT64_MAX;
    bool sooner =
        !uv_is_active((uv_handle_t *)&d->timer) || now + uv_timer_get_due_in(&d->timer) > d->at_ms;
    if (sooner)
        must(uv_timer_start(&d->timer, on_timer, d->at_ms - now, 0) == 0);
}

void deadline_close(struct deadline *d, uv_close_cb closed)
{
    d->at_ms = 0;
    uv_close((uv_handle_t *)&d->timer, closed);
}

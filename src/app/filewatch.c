#include "app/filewatch.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { SETTLE_MS = 150, POLL_MS = 5000 };

static void on_settled(uv_timer_t *t)
{
    struct filewatch *w = t->data;
    w->changed(w->arg);
}

static void later(struct filewatch *w)
{
    if (!uv_is_closing((uv_handle_t *)&w->settle))
        uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
}

static void on_event(uv_fs_event_t *e, const char *name, int events, int status)
{
    struct filewatch *w = e->data;
    (void)events;
    if (status == 0 && (!name || strcmp(name, w->name) == 0))
        later(w);
}

static void on_poll(uv_fs_poll_t *p, int status, const uv_stat_t *before, const uv_stat_t *now)
{
    (void)before, (void)now;
    if (status == 0)
        later(p->data);
}

void filewatch_init(struct filewatch *w, uv_loop_t *loop, const char *path, void (*changed)(void *),
                    void *arg)
{
    char folder[4096];
    str s = str_c(path);
    size_t slash = str_find_last(s, '/');
    str name = slash < s.n ? str_from(s, slash + 1) : s;
    *w = (struct filewatch){.changed = changed, .arg = arg};
    snprintf(w->name, sizeof w->name, "%.*s", STR_FMT(name));
    snprintf(folder, sizeof folder, "%.*s", slash < s.n && slash > 0 ? (int)slash : 1,
             slash < s.n ? (slash > 0 ? s.p : "/") : ".");
    uv_fs_event_init(loop, &w->event);
    uv_fs_poll_init(loop, &w->poll);
    uv_timer_init(loop, &w->settle);
    w->event.data = w->poll.data = w->settle.data = w;
    (void)uv_fs_event_start(&w->event, on_event, folder, 0);
    (void)uv_fs_poll_start(&w->poll, on_poll, path, POLL_MS);
}

void filewatch_fini(struct filewatch *w)
{
    uv_close((uv_handle_t *)&w->event, NULL);
    uv_close((uv_handle_t *)&w->poll, NULL);
    uv_close((uv_handle_t *)&w->settle, NULL);
}

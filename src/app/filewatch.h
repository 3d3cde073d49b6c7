/*
 * app/filewatch.h - tells when a file may have changed: written in place, or replaced by a rename.
 *
 * The folder is watched, not the file: an editor that renames a new file over the old one would
 * take a watch on the file with it. A slow poll of the file's status helps where no events come
 * (bind mounts, network file systems).
 */
#ifndef CLIPROXY_APP_FILEWATCH_H
#define CLIPROXY_APP_FILEWATCH_H

#include <stdbool.h>
#include <uv.h>

struct filewatch {
    uv_fs_event_t event;
    uv_fs_poll_t poll;
    uv_timer_t settle; /* a burst of events counts as one */
    char name[256];    /* of the file within its folder */
    void (*changed)(void *);
    void *arg;
};

/* path must live as long as the watch. */
void filewatch_init(struct filewatch *w, uv_loop_t *loop, const char *path, void (*changed)(void *),
                    void *arg);
void filewatch_fini(struct filewatch *w);

#endif

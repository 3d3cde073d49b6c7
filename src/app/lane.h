/*
 * app/lane.h - a worker thread with its lane: start, new configuration, drain.
 */
#ifndef CLIPROXY_APP_LANE_H
#define CLIPROXY_APP_LANE_H

#include "relay/lane.h"

struct lane_thread {
    struct lane lane;
    uv_thread_t thread;
    int listen_fd;
    SSL_CTX *tls; /* borrowed */
    unsigned max_connections;
    void (*stopped)(void *); /* called on the lane's thread when it is about to end */
    void *stopped_arg;
};

/* Starts serving on listen_fd under s. */
void lane_start(struct lane_thread *t, unsigned id, struct snapshot *s);

/* From the control thread: */
void lane_set_snapshot(struct lane_thread *t, struct snapshot *s); /* takes a reference */
void lane_drain(struct lane_thread *t);
void lane_cut(struct lane_thread *t);
void lane_join(struct lane_thread *t);

#endif

/*
 * relay/lane.h - what one worker needs to serve: its side towards clients, its side towards
 * providers, and its hold on the configuration. One lane per worker, no locks.
 */
#ifndef CLIPROXY_RELAY_LANE_H
#define CLIPROXY_RELAY_LANE_H

#include "http/client.h"
#include "http/server.h"
#include "relay/snapshot.h"

struct exchange;

struct lane {
    struct worker worker;
    struct http_server *server;
    struct http_client *client;
    struct lease *lease;        /* the newest snapshot */
    struct exchange *exchanges; /* running */
    struct exchange *spare;     /* to be used again */
    unsigned n_running, n_spare;
    uint64_t id_state; /* of the request ids */
};

#endif

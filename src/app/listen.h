/*
 * app/listen.h - the listening sockets, one per worker, on one address.
 */
#ifndef CLIPROXY_APP_LISTEN_H
#define CLIPROXY_APP_LISTEN_H

#include "base/err.h"
#include "base/str.h"

enum { LISTEN_MAX = 256 };

struct listeners {
    int fds[LISTEN_MAX];
    unsigned n;
    char address[80]; /* "127.0.0.1:8317", with the port the system chose */
};

/*
 * Opens n sockets (SO_REUSEPORT) on host (empty: all addresses, IPv6 and IPv4) and port (0: any).
 * ERR_CONFIG says what is in the way, with a hint when the port is taken (S4). Nothing is left
 * open on failure.
 */
enum err listeners_open(struct listeners *l, str host, int port, unsigned n,
                        struct fail *f) must_check;

void listeners_close(struct listeners *l);

#endif

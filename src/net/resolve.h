/*
 * net/resolve.h - host names to addresses, per worker.
 *
 * The system's own look-up (uv_getaddrinfo: /etc/hosts, DNS, whatever nsswitch says) in libuv's
 * thread pool, behind a small cache: answers 30 s, failures 1 s. Those who ask for a name that is
 * being looked up wait for the same answer. IP literals need no look-up.
 */
#ifndef CLIPROXY_NET_RESOLVE_H
#define CLIPROXY_NET_RESOLVE_H

#include <netinet/in.h>

#include "base/must.h"
#include "base/str.h"
#include "net/worker.h"

enum { RESOLVE_ADDRS_MAX = 8 };

union resolve_addr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* In the order the system gave (RFC 6724); ports are 0. Counted. */
struct resolve_addrs {
    unsigned refs;
    unsigned n;
    union resolve_addr addr[];
};

enum resolve_state { RESOLVE_OK, RESOLVE_WAITING, RESOLVE_FAILED };

/* One who waits; placed by the caller. */
struct resolve_wait {
    /* Called once, later, with RESOLVE_OK or RESOLVE_FAILED. */
    void (*done)(struct resolve_wait *, enum resolve_state);
    struct resolve_addrs *addrs;       /* RESOLVE_OK: the receiver's own reference */
    const char *why;                   /* RESOLVE_FAILED: static text */
    struct resolve_wait *next, **link; /* private */
};

struct resolver;

struct resolver *resolver_new(struct worker *w);

/* Cancels look-ups; nobody may be waiting. */
void resolver_close(struct resolver *r);
void resolver_free(struct resolver *r); /* the loop is drained */

/* RESOLVE_OK and RESOLVE_FAILED: answered at once and w->done is not called. */
enum resolve_state resolver_ask(struct resolver *r, str host, struct resolve_wait *w) must_check;

/* No longer waiting; harmless when it was not. */
void resolve_wait_cancel(struct resolve_wait *w);

void resolve_addrs_unref(struct resolve_addrs *a);

/* An IPv4 or IPv6 literal (no brackets)? Then *out is filled. */
bool resolve_literal(str host, union resolve_addr *out);

#endif

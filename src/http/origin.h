/*
 * http/origin.h - where a provider is: scheme, host, port, and the proxy on the way.
 *
 * Origins are interned for the life of the process, so that connection pools (kept per worker in
 * an array by id) survive a reload of the configuration.
 */
#ifndef CLIPROXY_HTTP_ORIGIN_H
#define CLIPROXY_HTTP_ORIGIN_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum proxy_kind { PROXY_NONE, PROXY_HTTP, PROXY_HTTPS, PROXY_SOCKS5, PROXY_SOCKS5H };

struct proxy {
    enum proxy_kind kind;
    str host;
    uint16_t port;
    str user, password; /* percent-decoded; empty if none. Secret: never logged */
};

struct http_origin {
    unsigned id; /* 0, 1, 2, ... */
    bool tls;
    str host; /* without brackets for IPv6 */
    uint16_t port;
    str host_header; /* "host" or "host:port" */
    str ca_file;     /* extra trust anchors, or empty */
    struct proxy proxy;
    str label; /* "https://host:port" for logs; no secrets */
};

/*
 * The origin of a base URL (http or https; user info, query and fragment refused) under a proxy
 * URL (http, https, socks5, socks5h; "direct" or "none": no proxy; empty: the environment's
 * HTTPS_PROXY / HTTP_PROXY / ALL_PROXY / NO_PROXY decide). *path gets the URL's path without its
 * trailing slash, borrowed from url. Thread-safe. NULL with *f on a bad URL.
 */
const struct http_origin *http_origin_intern(str url, str proxy_url, str ca_file, str *path,
                                             struct fail *f) must_check;

/* Highest id so far, plus one. */
unsigned http_origin_count(void);

/* URL-safe for logs: user info cut out. */
size_t proxy_label(const struct proxy *p, char *out, size_t n);

#endif

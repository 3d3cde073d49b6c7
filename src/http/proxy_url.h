/*
 * http/proxy_url.h - which proxy an origin is reached through: from configuration or environment.
 */
#ifndef CLIPROXY_HTTP_PROXY_URL_H
#define CLIPROXY_HTTP_PROXY_URL_H

#include "http/origin.h"
#include "http/url.h"

enum { PROXY_SECRET_MAX = 512 };

/* Where the texts of a proxy lie until they are copied. */
struct proxy_text {
    char host[URL_HOST_MAX], user[PROXY_SECRET_MAX], password[PROXY_SECRET_MAX];
};

/*
 * Fills o->proxy (slices borrow from text) by the rules of http_origin_intern; o's own host, port
 * and scheme are set. ERR_CONFIG with what is wrong.
 *
 * Environment: HTTPS_PROXY for https, HTTP_PROXY for http, then ALL_PROXY, each in capitals or
 * not. NO_PROXY is a comma list: `*`, a name (and what lies below it), .name (only below), an
 * address or CIDR block, each with an optional :port. Loopback never goes through a proxy that
 * only the environment names.
 */
enum err proxy_find(str proxy_url, struct http_origin *o, struct proxy_text *text,
                    struct fail *f) must_check;

/* Does a NO_PROXY list name this host? */
bool no_proxy_match(str list, str host, uint16_t port);

#endif

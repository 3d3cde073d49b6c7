/*
 * http/url.h - the parts of an absolute URL (RFC 3986 3), as far as origins and proxies need it.
 */
#ifndef CLIPROXY_HTTP_URL_H
#define CLIPROXY_HTTP_URL_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { URL_HOST_MAX = 256 };

struct url {
    str scheme;
    bool has_user;
    str user, password; /* still percent-encoded */
    str host;           /* without brackets; checked: a DNS name, IPv4 or IPv6 literal */
    uint16_t port;      /* 0: not given */
    str after;          /* from the path on, not checked */
};

/* Slices borrow from text. ERR_CONFIG with what is wrong; f never quotes user info. */
enum err url_parse(str text, struct url *u, struct fail *f) must_check;

#endif

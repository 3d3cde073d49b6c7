/*
 * api/auth.h - the client's key: where it may stand, and whether we know it (SPEC 1.2).
 */
#ifndef CLIPROXY_API_AUTH_H
#define CLIPROXY_API_AUTH_H

#include "config/config.h"
#include "http/parse.h"

enum key_form { KEY_NONE, KEY_BEARER, KEY_GOOGLE, KEY_ANTHROPIC, KEY_QUERY };

struct key_check {
    enum err err;                 /* OK, ERR_NO_KEY, ERR_BAD_KEY */
    const struct client_key *key; /* NULL in open access */
    enum key_form form;           /* of the accepted one */
};

/*
 * Tries every form in the order of SPEC 1.2 until one names a configured key. The table is keyed
 * by SipHash under a secret key, and the comparison takes the same time wherever two keys of a
 * length differ, so that timing tells nothing about a key. Expired keys count as unknown.
 */
struct key_check key_check(const struct config *c, const struct http_request *rq);

#endif

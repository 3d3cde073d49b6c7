#include "api/auth.h"

#include "base/clock.h"
#include "base/hash.h"

enum { KEY_MAX = 1024 };

static const struct client_key *find(const struct config *c, str key)
{
    key = str_trim(key);
    if (key.n == 0 || key.n > KEY_MAX)
        return NULL;
    const struct client_key *k = map_get(&c->keys_by_value, key);
    if (!k || !secret_eq(k->key, key))
        return NULL;
    if (k->expires_at && (uint64_t)k->expires_at * 1000 <= clock_wall_ms())
        return NULL;
    return k;
}

/* The token of `Bearer <token>`; any other value is taken whole. */
static str bearer(str value)
{
    if (str_starts_nocase(value, S("bearer ")))
        return str_trim(str_from(value, 7));
    return value;
}

struct candidate {
    enum key_form form;
    str value;
};

static size_t candidates(const struct http_request *rq, struct candidate out[6])
{
    const struct candidate all[] = {
        {KEY_BEARER, bearer(http_request_field(rq, S("authorization")))},
        {KEY_GOOGLE, http_request_field(rq, S("x-goog-api-key"))},
        {KEY_ANTHROPIC, http_request_field(rq, S("x-api-key"))},
        {KEY_QUERY, http_query_get(rq->query, S("key"))},
        {KEY_QUERY, http_query_get(rq->query, S("auth_token"))},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].value.n)
            out[n++] = all[i];
    }
    return n;
}

struct key_check key_check(const struct config *c, const struct http_request *rq)
{
    struct candidate list[6];
    size_t n = candidates(rq, list);
    enum key_form first = n ? list[0].form : KEY_NONE;
    if (c->n_keys == 0)
        return (struct key_check){OK, NULL, first};
    for (size_t i = 0; i < n; i++) {
        char decoded[KEY_MAX];
        str value = list[i].value;
        if (list[i].form == KEY_QUERY && value.n <= KEY_MAX)
            value = str_of(decoded, http_percent_decode(value, true, decoded));
        const struct client_key *k = find(c, value);
        if (k)
            return (struct key_check){OK, k, list[i].form};
    }
    return (struct key_check){n ? ERR_BAD_KEY : ERR_NO_KEY, NULL, first};
}

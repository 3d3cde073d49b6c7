/*
 * keys.c - who may use the gateway: api-keys, as strings or objects (SPEC 13.2).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

#include "config/loader.h"

/* ---- one key --------------------------------------------------------------------------------- */

static void add(struct loader *l, const struct client_key *k)
{
    struct key_link *link = arena_new(&l->scratch, struct key_link);
    link->key = *k;
    *l->key_list_end = link;
    l->key_list_end = &link->next;
}

/* An RFC 3339 date or date-time, or unix seconds. */
static bool parse_time(str s, int64_t *out)
{
    char z[40];
    struct tm tm = {0};
    uint64_t unix_seconds;
    if (str_u64(s, &unix_seconds) && unix_seconds <= INT64_MAX) {
        *out = (int64_t)unix_seconds;
        return true;
    }
    if (s.n >= sizeof z || !s.n)
        return false;
    memcpy(z, s.p, s.n);
    z[s.n] = 0;
    const char *rest = strptime(z, "%Y-%m-%d", &tm);
    if (rest && (*rest == 'T' || *rest == ' ' || *rest == 't'))
        rest = strptime(rest + 1, "%H:%M:%S", &tm);
    if (!rest)
        return false;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    long offset = 0;
    unsigned h, m;
    if ((*rest == '+' || *rest == '-') && sscanf(rest + 1, "%2u:%2u", &h, &m) == 2) {
        offset = (*rest == '+' ? 1 : -1) * (long)(h * 3600 + m * 60);
        rest += strlen(rest);
    } else if (*rest == 'Z' || *rest == 'z') {
        rest++;
    }
    if (*rest)
        return false;
    *out = (int64_t)timegm(&tm) - offset;
    return true;
}

static enum err read_time(struct loader *l, const struct yaml_node *n, int64_t *out)
{
    str s;
    enum err e = load_line(l, n, &s);
    if (e || !s.n)
        return e;
    return parse_time(s, out) ? OK
                              : load_error(l, n,
                                           "must be a date like 2027-01-31 or "
                                           "2027-01-31T12:00:00Z, or unix seconds");
}

static enum err read_limit(struct loader *l, const struct yaml_node *n, uint64_t *out)
{
    int64_t v = (int64_t)*out;
    enum err e = load_int(l, n, 0, 1000000000000, &v);
    *out = (uint64_t)v;
    return e;
}

static enum err read_limits(struct loader *l, const struct yaml_node *n, struct client_key *k)
{
    enum err e = yaml_null(n) ? OK : load_expect(l, n, YAML_MAP);
    for (size_t i = 0; !e && n->kind == YAML_MAP && i < n->n; i++) {
        const struct yaml_pair *p = &n->pairs[i];
        size_t mark = load_enter(l, p->key->text);
        if (str_eq(p->key->text, S("rpm")))
            e = read_limit(l, p->value, &k->rpm);
        else if (str_eq(p->key->text, S("tpm")))
            e = read_limit(l, p->value, &k->tpm);
        else if (str_eq(p->key->text, S("concurrency")))
            e = read_limit(l, p->value, &k->concurrency);
        else
            load_warn(l, p->key, "unknown key, ignored (there are rpm, tpm, concurrency)");
        if (!e)
            load_leave(l, mark);
    }
    return e;
}

static enum err read_field(struct loader *l, const struct yaml_pair *p, struct client_key *k)
{
    str name = p->key->text;
    if (str_eq(name, S("key")) || str_eq(name, S("api-key")))
        return load_line(l, p->value, &k->key);
    if (str_eq(name, S("name")))
        return load_line(l, p->value, &k->name);
    if (str_eq(name, S("expires-at")))
        return read_time(l, p->value, &k->expires_at);
    if (str_eq(name, S("models")))
        return load_strs(l, p->value, false, &k->models, &k->n_models);
    if (str_eq(name, S("providers")))
        return load_strs(l, p->value, true, &k->providers, &k->n_providers);
    if (str_eq(name, S("limits"))) {
        load_note_later(l, "api-keys.limits");
        return read_limits(l, p->value, k);
    }
    load_warn(l, p->key,
              "unknown key, ignored (there are key, name, models, providers, limits, expires-at)");
    return OK;
}

static enum err read_object(struct loader *l, const struct yaml_node *n, struct client_key *k)
{
    enum err e = OK;
    for (size_t i = 0; i < n->n && !e; i++) {
        size_t mark = load_enter(l, n->pairs[i].key->text);
        e = read_field(l, &n->pairs[i], k);
        if (!e)
            load_leave(l, mark);
    }
    return e;
}

static enum err read_key(struct loader *l, const struct yaml_node *n)
{
    struct client_key k = {0};
    enum err e = n->kind == YAML_MAP ? read_object(l, n, &k) : load_line(l, n, &k.key);
    if (!e)
        add(l, &k);
    return e;
}

static enum err read_list(struct loader *l, const struct yaml_node *n)
{
    if (yaml_null(n))
        return OK;
    if (n->kind == YAML_SCALAR)
        return read_key(l, n);
    enum err e = load_expect(l, n, YAML_LIST);
    for (size_t i = 0; !e && i < n->n; i++) {
        size_t mark = load_enter_item(l, i);
        e = read_key(l, n->items[i]);
        if (!e)
            load_leave(l, mark);
    }
    return e;
}

/* auth.providers: [{type: config-api-key, api-keys: [...]}], before api-keys stood at the top. */
static enum err read_old_auth(struct loader *l)
{
    const struct yaml_node *providers = yaml_get(l->auth, S("providers"));
    enum err e = OK;
    if (!providers || providers->kind != YAML_LIST)
        return OK;
    for (size_t i = 0; !e && i < providers->n; i++) {
        const struct yaml_node *keys = yaml_get(providers->items[i], S("api-keys"));
        if (keys)
            e = read_list(l, keys);
    }
    return e;
}

enum err keys_load(struct loader *l)
{
    enum err e = OK;
    size_t mark = load_enter(l, S("api-keys"));
    if (l->keys)
        e = read_list(l, l->keys);
    if (e)
        return e;
    load_leave(l, mark);
    mark = load_enter(l, S("auth.providers.api-keys"));
    e = read_old_auth(l);
    if (!e)
        load_leave(l, mark);
    return e;
}

void keys_replace(struct loader *l, str comma_list)
{
    l->key_list = NULL;
    l->key_list_end = &l->key_list;
    while (comma_list.p) {
        struct client_key k = {.key = str_dup(&l->c->arena, str_trim(str_split(&comma_list, ',')))};
        if (k.key.n)
            add(l, &k);
    }
}

/* ---- the whole list -------------------------------------------------------------------------- */

static bool is_template(str key)
{
    return str_eq(key, S("your-api-key-1")) || str_eq(key, S("your-api-key-2")) ||
           str_eq(key, S("your-api-key-3"));
}

bool config_is_loopback(str host)
{
    char z[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = str_of(host.p + 1, host.n - 2);
    if (str_eq_nocase(host, S("localhost")))
        return true;
    if (host.n >= sizeof z)
        return false;
    memcpy(z, host.p ? host.p : "", host.n);
    z[host.n] = 0;
    if (inet_pton(AF_INET, z, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, z, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static enum err check_open(struct loader *l)
{
    const struct config *c = l->c;
    if (c->n_keys)
        return OK;
    if (config_is_loopback(c->host)) {
        load_warn(l, l->keys, "no api-keys: everyone on this machine may use the gateway");
        return OK;
    }
    if (c->open_access) {
        load_warn(l, l->keys,
                  "OPEN ACCESS: no api-keys, so everyone who reaches this port may use "
                  "the gateway and its provider accounts");
        return OK;
    }
    return load_error(l, l->keys ? l->keys : l->host,
                      "no api-keys, but host \"%.*s\" can be reached from other machines; add "
                      "api-keys, or set host: 127.0.0.1, or open-access: true",
                      STR_FMT(c->host));
}

static void warn_counts(struct loader *l, size_t blank, size_t twice, size_t templates)
{
    size_t mark = load_enter(l, S("api-keys"));
    if (blank || twice)
        load_warn(l, l->keys, "%zu blank dropped, %zu repeated used once", blank, twice);
    if (templates)
        load_warn(l, l->keys,
                  "THE KEYS ARE THOSE OF THE TEMPLATE (your-api-key-1, ...): anyone "
                  "can guess them; replace them");
    load_leave(l, mark);
}

enum err keys_finish(struct loader *l)
{
    struct config *c = l->c;
    size_t n = 0, blank = 0, twice = 0, templates = 0;
    for (const struct key_link *k = l->key_list; k; k = k->next)
        n++;
    c->keys = arena_array(&c->arena, struct client_key, n);
    map_init(&c->keys_by_value, &c->arena);
    for (const struct key_link *k = l->key_list; k; k = k->next) {
        if (!k->key.key.n) {
            blank++;
            continue;
        }
        void **at = map_at(&c->keys_by_value, k->key.key);
        if (*at) {
            twice++;
            continue;
        }
        c->keys[c->n_keys] = k->key;
        *at = &c->keys[c->n_keys++];
        templates += is_template(k->key.key);
    }
    warn_counts(l, blank, twice, templates);
    return check_open(l);
}

/*
 * credentials.c - the keys of a provider entry: api-key, token-file, api-key-entries.
 */
#include "base/mem.h"
#include "config/draft.h"
#include "config/file.h"

enum { TOKEN_FILE_MAX = 1024 * 1024 };

/* The trimmed content of a token file, which must be one line. */
static enum err read_token(struct loader *l, const struct yaml_node *at, str path, str *out)
{
    struct buf b;
    struct config *c = l->c;
    str full = path_absolute(&c->arena, path);
    buf_init(&b, TOKEN_FILE_MAX);
    const char *why = file_read(full.p, &b);
    str token = str_trim(buf_str(&b));
    if (!why && !token.n)
        why = "is empty";
    for (size_t i = 0; !why && i < token.n; i++)
        if ((unsigned char)token.p[i] < 0x20 || token.p[i] == 0x7f)
            why = "holds more than one line";
    if (!why)
        *out = str_dup(&c->arena, token);
    mem_wipe_free(b.p, b.cap);
    return why ? load_error(l, at, "token-file %.*s %s", STR_FMT(full), why) : OK;
}

struct key_entry {
    str api_key, token_file, proxy_url;
    int64_t weight;
};

static enum err read_field(struct loader *l, const struct yaml_pair *p, struct key_entry *k)
{
    str name = p->key->text;
    if (str_eq(name, S("api-key")))
        return load_line(l, p->value, &k->api_key);
    if (str_eq(name, S("token-file")))
        return load_line(l, p->value, &k->token_file);
    if (str_eq(name, S("proxy-url")))
        return draft_read_proxy(l, p->value, &k->proxy_url);
    if (str_eq(name, S("weight")))
        return draft_read_weight(l, p->value, &k->weight);
    load_warn(l, p->key, "unknown key, ignored (there are api-key, token-file, weight, proxy-url)");
    return OK;
}

static enum err read_entry(struct loader *l, const struct yaml_node *n, struct key_entry *k)
{
    enum err e = OK;
    if (n->kind == YAML_SCALAR)
        return load_line(l, n, &k->api_key);
    e = load_expect(l, n, YAML_MAP);
    for (size_t i = 0; !e && i < n->n; i++) {
        size_t mark = load_enter(l, n->pairs[i].key->text);
        e = read_field(l, &n->pairs[i], k);
        if (!e)
            load_leave(l, mark);
    }
    return e;
}

static enum err add(struct loader *l, struct draft *d, const struct yaml_node *at,
                    struct key_entry *k)
{
    struct provider_entry *p = &d->entry;
    enum err e = OK;
    if (!k->api_key.n && k->token_file.n && !p->disabled)
        e = read_token(l, at, k->token_file, &k->api_key);
    if (!e)
        p->credentials[p->n_credentials++] = (struct credential_entry){
            .api_key = k->api_key,
            .proxy_url = k->proxy_url.n ? k->proxy_url : d->proxy_url,
            .weight = k->weight,
        };
    return e;
}

static enum err read_list(struct loader *l, struct draft *d, const struct yaml_node *n, str name)
{
    enum err e = OK;
    size_t outer = load_enter(l, name);
    if (n && !yaml_null(n))
        e = load_expect(l, n, YAML_LIST);
    for (size_t i = 0; !e && n && n->kind == YAML_LIST && i < n->n; i++) {
        struct key_entry k = {.weight = d->weight};
        size_t mark = load_enter_item(l, i);
        e = read_entry(l, n->items[i], &k);
        if (!e)
            e = add(l, d, n->items[i], &k);
        if (!e)
            load_leave(l, mark);
    }
    if (!e)
        load_leave(l, outer);
    return e;
}

static size_t list_length(const struct yaml_node *n)
{
    return n && n->kind == YAML_LIST ? n->n : 0;
}

enum err draft_credentials(struct loader *l, struct draft *d)
{
    struct key_entry own = {d->api_key, d->token_file, d->proxy_url, d->weight};
    size_t room = 1 + list_length(d->key_entries) + list_length(d->old_keys);
    enum err e = OK;
    d->entry.credentials = arena_array(&l->c->arena, struct credential_entry, room);
    if (own.api_key.n || own.token_file.n)
        e = add(l, d, d->node, &own);
    if (!e)
        e = read_list(l, d, d->key_entries, S("api-key-entries"));
    if (!e)
        e = read_list(l, d, d->old_keys, S("api-keys"));
    if (!e && d->old_keys && d->entry.n_credentials)
        load_warn(l, d->old_keys, "api-keys is old here, read as api-key-entries");
    return e;
}

/*
 * headers.c - the headers: block of a provider entry (SPEC 2.4, R10.7).
 */
#include "config/draft.h"

/* What frames the message or the connection is ours to write (RFC 9110 7.6.1, RFC 9112 6). */
static const char *const ours[] = {
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade",
    "te",   "trailer",        "proxy-connection",  "expect",
};

/* RFC 9110 5.6.2: token. */
static bool is_token(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9');
        if (!alnum && (!c || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.n > 0;
}

static bool is_ours(str name)
{
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (str_eq_nocase(name, str_c(ours[i])))
            return true;
    return false;
}

static enum err read_pair(struct loader *l, const struct yaml_pair *p, struct header_rule *rule,
                          bool *use)
{
    str name = str_trim(p->key->text);
    enum err e = load_line(l, p->value, &rule->value);
    *use = false;
    if (e || !name.n || !rule->value.n)
        return e; /* blank pairs say nothing */
    if (!is_token(name))
        return load_error(l, p->key, "is not a header name");
    if (is_ours(name)) {
        load_warn(l, p->key, "this header is written by the program itself, ignored");
        return OK;
    }
    rule->copy = rule->value.p[0] == '$';
    if (rule->copy) {
        rule->value = str_trim(str_from(rule->value, 1));
        if (!is_token(rule->value))
            return load_error(l, p->value, "$ must be followed by the name of a client's header");
    }
    rule->name = str_dup(&l->c->arena, name);
    *use = true;
    return OK;
}

enum err draft_read_headers(struct loader *l, const struct yaml_node *n, struct provider_entry *p)
{
    enum err e = load_expect(l, n, YAML_MAP);
    if (e)
        return e;
    p->headers = arena_array(&l->c->arena, struct header_rule, n->n);
    p->n_headers = 0;
    for (size_t i = 0; i < n->n && !e; i++) {
        bool use;
        size_t mark = load_enter(l, n->pairs[i].key->text);
        e = read_pair(l, &n->pairs[i], &p->headers[p->n_headers], &use);
        if (e)
            break;
        p->n_headers += use;
        load_leave(l, mark);
    }
    return e;
}

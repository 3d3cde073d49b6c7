/*
 * read.c - typed values of YAML nodes, with the errors a person can act on.
 */
#include "config/loader.h"
#include "config/value.h"

enum { TEXT_MAX = 64 * 1024, SHOWN_MAX = 40 };

enum err load_expect(struct loader *l, const struct yaml_node *n, enum yaml_kind kind)
{
    static const char *const wanted[] = {
        [YAML_SCALAR] = "a single value", [YAML_LIST] = "a list", [YAML_MAP] = "a block of keys"};
    static const char *const found[] = {
        [YAML_SCALAR] = "a single value", [YAML_LIST] = "a list", [YAML_MAP] = "a block of keys"};
    if (n->kind == kind)
        return OK;
    return load_error(l, n, "must be %s, not %s", wanted[kind], found[n->kind]);
}

enum err load_str(struct loader *l, const struct yaml_node *n, str *out)
{
    enum err e = load_expect(l, n, YAML_SCALAR);
    if (e)
        return e;
    str s = yaml_null(n) ? str_of(NULL, 0) : str_trim(n->text);
    if (s.n > TEXT_MAX)
        return load_error(l, n, "is longer than %d bytes", TEXT_MAX);
    *out = str_dup(&l->c->arena, s);
    return OK;
}

enum err load_line(struct loader *l, const struct yaml_node *n, str *out)
{
    enum err e = load_str(l, n, out);
    if (e)
        return e;
    for (size_t i = 0; i < out->n; i++)
        if ((unsigned char)out->p[i] < 0x20 || out->p[i] == 0x7f)
            return load_error(l, n, "holds a line break or control character");
    return OK;
}

/* Shows what was written instead of the wanted thing, in so far as it is no secret. */
static enum err bad_value(struct loader *l, const struct yaml_node *n, const char *wanted)
{
    char shown[SHOWN_MAX + 1];
    yaml_shown(n->text, shown, sizeof shown);
    return load_error(l, n, "must be %s, not \"%s\"", wanted, shown);
}

enum err load_bool(struct loader *l, const struct yaml_node *n, bool *out)
{
    enum err e = load_expect(l, n, YAML_SCALAR);
    if (e || yaml_null(n))
        return e;
    return value_bool(str_trim(n->text), out) ? OK : bad_value(l, n, "true or false");
}

enum err load_int(struct loader *l, const struct yaml_node *n, int64_t min, int64_t max,
                  int64_t *out)
{
    int64_t v;
    enum err e = load_expect(l, n, YAML_SCALAR);
    if (e || yaml_null(n))
        return e;
    if (!value_int(str_trim(n->text), &v))
        return bad_value(l, n, "a whole number");
    if (v < min || v > max)
        return load_error(l, n, "must be between %lld and %lld", (long long)min, (long long)max);
    *out = v;
    return OK;
}

enum err load_ms(struct loader *l, const struct yaml_node *n, uint64_t *out)
{
    enum { WEEK_MS = 7 * 86400 * 1000 };
    uint64_t v;
    enum err e = load_expect(l, n, YAML_SCALAR);
    if (e || yaml_null(n))
        return e;
    if (!value_ms(str_trim(n->text), &v))
        return bad_value(l, n, "a duration like 250ms, 30s, 5m, 1h, or seconds");
    if (v > WEEK_MS)
        return load_error(l, n, "must be at most 7d");
    *out = v;
    return OK;
}

enum err load_double(struct loader *l, const struct yaml_node *n, double min, double max,
                     double *out)
{
    double v;
    enum err e = load_expect(l, n, YAML_SCALAR);
    if (e || yaml_null(n))
        return e;
    if (!value_double(str_trim(n->text), &v))
        return bad_value(l, n, "a number");
    if (v < min || v > max)
        return load_error(l, n, "must be between %g and %g", min, max);
    *out = v;
    return OK;
}

static void lower_in_place(str s)
{
    for (size_t i = 0; i < s.n; i++)
        ((char *)s.p)[i] = ascii_lower(s.p[i]);
}

enum err load_strs(struct loader *l, const struct yaml_node *n, bool lower, str **out,
                   size_t *n_out)
{
    struct yaml_node *single = (struct yaml_node *)n;
    struct yaml_node **items = n->kind == YAML_LIST ? n->items : &single;
    size_t count = n->kind == YAML_LIST ? n->n : 1;
    struct map seen;
    enum err e = n->kind == YAML_MAP ? load_expect(l, n, YAML_LIST) : OK;
    if (e)
        return e;
    map_init(&seen, &l->scratch);
    *out = arena_array(&l->c->arena, str, count);
    *n_out = 0;
    for (size_t i = 0; i < count; i++) {
        str s;
        size_t mark = n->kind == YAML_LIST ? load_enter_item(l, i) : l->path_n;
        e = load_line(l, items[i], &s);
        if (e)
            return e;
        load_leave(l, mark);
        if (lower)
            lower_in_place(s);
        if (!s.n || *map_at(&seen, s))
            continue;
        *map_at(&seen, s) = single;
        (*out)[(*n_out)++] = s;
    }
    return OK;
}

/*
 * route/resolve.c - from the name a client said to a route (SPEC 3.1), or to a sentence that helps.
 *
 * A plain known id costs one look-up. Everything else happens on a miss only.
 */
#include <stdarg.h>
#include <stdio.h>

#include "route/catalogue.h"
#include "route/route.h"

/* ---- Suffixes. ---- */

static void read_suffix(str raw, struct thinking *th)
{
    uint64_t budget;
    enum level level;
    *th = (struct thinking){.kind = THINK_UNSAID};
    if (str_eq_nocase(raw, S("none"))) {
        th->kind = THINK_OFF;
    } else if (str_eq_nocase(raw, S("auto")) || str_eq(raw, S("-1"))) {
        th->kind = THINK_AUTO;
    } else if ((level = level_of(raw)) != LEVEL_COUNT) {
        th->kind = THINK_LEVEL;
        th->level = level_names[level];
    } else if (str_u64(raw, &budget) && budget <= INT64_MAX) {
        /* A budget of nothing is a roundabout "none". */
        th->kind = budget ? THINK_BUDGET : THINK_OFF;
        th->budget = (int64_t)budget;
    }
}

bool thinking_split(str name, str *base, struct thinking *th)
{
    if (!name.n || name.p[name.n - 1] != ')')
        return false;
    size_t open = str_find_last(name, '(');
    if (open == name.n || open == 0)
        return false;
    *base = str_head(name, open);
    read_suffix(str_trim(str_of(name.p + open + 1, name.n - open - 2)), th);
    return true;
}

/* ---- Look-up. ---- */

enum { FOLD_MAX = 256 };

static struct model_route *find_folded(const struct route_table *t, str id)
{
    char low[FOLD_MAX];
    if (id.n > sizeof low)
        return NULL;
    for (size_t i = 0; i < id.n; i++)
        low[i] = ascii_lower(id.p[i]);
    return map_get(&t->folded, str_of(low, id.n));
}

/* "openrouter/anthropic/claude-x" -> the route of "openrouter"; *rest gets what follows. */
static struct model_route *find_wild(const struct route_table *t, str id, str *rest)
{
    size_t slash = str_find_char(id, '/');
    if (!t->wild.count || slash == 0 || slash + 1 >= id.n)
        return NULL;
    *rest = str_from(id, slash + 1);
    return map_get(&t->wild, str_head(id, slash));
}

/* The pattern by which one of the route's providers excludes the upstream id; NULL if none. */
static const str *wild_exclusion(const struct model_route *r, str upstream)
{
    for (size_t i = 0; i < r->n_targets; i++)
        for (size_t j = 0; j < r->targets[i].provider->n_excluded; j++)
            if (str_glob(r->targets[i].provider->excluded[j], upstream))
                return &r->targets[i].provider->excluded[j];
    return NULL;
}

static bool find(const struct route_table *t, str id, struct resolved *out)
{
    struct model_route *r = map_get(&t->by_id, id);
    if (!r && str_eq(id, S("auto")))
        r = t->newest;
    if (!r)
        r = find_folded(t, id);
    str rest;
    if (!r && (r = find_wild(t, id, &rest)) != NULL) {
        if (wild_exclusion(r, rest))
            return false;
        out->upstream = rest;
    }
    out->route = r;
    if (r)
        out->id = out->upstream.n ? id : r->id;
    return r != NULL;
}

/* ---- When nothing was found. ---- */

enum { HINTS = 3, NAME_SHOWN = 160, NEAR_MAX_LEN = 128 };

struct hints {
    const struct model_route *at[HINTS];
    size_t score[HINTS]; /* ascending; lower is nearer */
    size_t n;
};

static void hint_add(struct hints *h, const struct model_route *r, size_t score)
{
    size_t at = h->n;
    while (at > 0 && h->score[at - 1] > score)
        at--;
    if (at == HINTS)
        return;
    if (h->n < HINTS)
        h->n++;
    for (size_t i = h->n - 1; i > at; i--) {
        h->at[i] = h->at[i - 1];
        h->score[i] = h->score[i - 1];
    }
    h->at[at] = r;
    h->score[at] = score;
}

static str last_segment(str id)
{
    size_t slash = str_find_last(id, '/');
    return slash == id.n ? id : str_from(id, slash + 1);
}

/* How far an id is from what was asked for; SIZE_MAX when they have nothing in common. */
static size_t nearness(str want, str id)
{
    if (str_eq_nocase(last_segment(want), last_segment(id)))
        return 1;
    size_t limit = want.n < 6 ? 1 : want.n / 3;
    size_t gap = want.n > id.n ? want.n - id.n : id.n - want.n;
    size_t far = gap > limit ? limit + 1 : str_distance(want, id, limit);
    if (far <= limit)
        return 1 + far;
    if (want.n >= 3 && id.n >= 3 && (str_starts_nocase(id, want) || str_starts_nocase(want, id)))
        return 64 + gap;
    return SIZE_MAX;
}

static void find_hints(const struct route_table *t, str want, struct hints *h)
{
    h->n = 0;
    if (want.n > NEAR_MAX_LEN)
        return;
    for (size_t i = 0; i < t->n; i++) {
        size_t score = nearness(want, t->sorted[i]->id);
        if (score != SIZE_MAX)
            hint_add(h, t->sorted[i], score);
    }
}

/* As much of a name as fits into a message, not cutting a character in two. */
static str shown(str name)
{
    if (name.n <= NAME_SHOWN)
        return name;
    size_t n = NAME_SHOWN;
    while (n > 0 && ((unsigned char)name.p[n] & 0xC0) == 0x80)
        n--;
    return str_head(name, n);
}

static size_t put(char *out, size_t cap, size_t n, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static size_t put(char *out, size_t cap, size_t n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int more = vsnprintf(out + n, cap - n, fmt, ap);
    va_end(ap);
    /* A piece that does not fit whole is left out. */
    if (more < 0 || (size_t)more >= cap - n) {
        out[n] = '\0';
        return n;
    }
    return n + (size_t)more;
}

static void put_hints(const struct route_table *t, str want, char *out, size_t cap, size_t n)
{
    struct hints h;
    find_hints(t, want, &h);
    size_t reason = n;
    for (size_t i = 0; i < h.n; i++) {
        /* The reason may have named it already. */
        if (str_find(str_of(out, reason), h.at[i]->id) == reason)
            n = put(out, cap, n, "%s\"%.*s\"",
                    n > reason ? ", " : "; nearest: ", STR_FMT(h.at[i]->id));
    }
}

static enum err not_found(const struct route_table *t, str name, str base, struct fail *f)
{
    char hint[FAIL_TEXT_MAX - NAME_SHOWN - 64] = "";
    size_t n = 0;
    const struct hidden_model *h = map_get(&t->hidden, base);
    if (!h && !str_eq(name, base))
        h = map_get(&t->hidden, name);
    str rest;
    struct model_route *wild = find_wild(t, base, &rest);
    const str *pattern = wild ? wild_exclusion(wild, rest) : NULL;
    if (h)
        n = put(hint, sizeof hint, n, ": %.*s", STR_FMT(h->reason));
    else if (pattern)
        n = put(hint, sizeof hint, n, ": it is excluded by pattern \"%.*s\" of provider %.*s",
                STR_FMT(*pattern), STR_FMT(wild->owned_by));
    else if (!t->n && !t->wild.count)
        n = put(hint, sizeof hint, n, ": no model is configured");
    put_hints(t, base, hint, sizeof hint, n);
    str s = shown(name);
    const char *dots = s.n < name.n ? "..." : "";
    if (h && h->off)
        return fail_set(f, ERR_MODEL_OFF, "no credential available for model %.*s%s%s", STR_FMT(s),
                        dots, hint);
    return fail_set(f, ERR_NO_MODEL, "unknown provider for model %.*s%s%s", STR_FMT(s), dots, hint);
}

enum err route_resolve(const struct route_table *t, str name, struct resolved *out, struct fail *f)
{
    *out = (struct resolved){.thinking = {.kind = THINK_UNSAID}};
    name = str_trim(name);
    if (!name.n)
        return fail_set(f, ERR_MODEL_MISSING, "the request names no model");
    str base = name;
    struct thinking th;
    if (thinking_split(name, &base, &th) && find(t, base, out)) {
        out->thinking = th;
        out->suffixed = true;
        return OK;
    }
    if (find(t, name, out))
        return OK;
    return not_found(t, name, base, f);
}

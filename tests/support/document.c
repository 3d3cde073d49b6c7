#include "support/document.h"

#include <stdio.h>

enum { PATH_MAX_TEXT = 200 };

/* Where in the documents we are; grows and shrinks while walking. */
struct place {
    char path[PATH_MAX_TEXT];
    struct document_blanks *blanks;
    struct fail *why;
};

void document_blanks_init(struct document_blanks *b)
{
    arena_init(&b->arena);
    map_init(&b->filled, &b->arena);
}

void document_blanks_fini(struct document_blanks *b)
{
    arena_fini(&b->arena);
}

static bool differ(struct place *p, yyjson_val *want, yyjson_val *got)
{
    struct arena a;
    arena_init(&a);
    str w = want ? json_text_of(want, &a) : S("nothing");
    str g = got ? json_text_of(got, &a) : S("nothing");
    fail_set(p->why, ERR_BAD_REQUEST, "at %s: wanted %.*s, got %.*s", p->path[0] ? p->path : "/",
             STR_FMT(str_head(w, 150)), STR_FMT(str_head(g, 150)));
    arena_fini(&a);
    return false;
}

/* Returns the length before; the path is cut there again when the value is done. */
static size_t enter(struct place *p, str name, size_t i)
{
    size_t n = strlen(p->path);
    if (name.p)
        snprintf(p->path + n, sizeof p->path - n, "/%.*s", STR_FMT(str_head(name, 60)));
    else
        snprintf(p->path + n, sizeof p->path - n, "/%zu", i);
    return n;
}

static bool same(struct place *p, yyjson_val *want, yyjson_val *got);

static bool same_blank(struct place *p, yyjson_val *want, yyjson_val *got)
{
    str name = jv_str(want), *filled;
    if (name.n == 1)
        return true;
    if (!yyjson_is_str(got))
        return differ(p, want, got);
    void **at = map_at(&p->blanks->filled, str_dup(&p->blanks->arena, name));
    if ((filled = *at))
        return str_eq(*filled, jv_str(got)) || differ(p, want, got);
    filled = arena_new(&p->blanks->arena, str);
    *filled = str_dup(&p->blanks->arena, jv_str(got));
    *at = filled;
    return true;
}

static bool same_array(struct place *p, yyjson_val *want, yyjson_val *got)
{
    size_t n = yyjson_arr_size(want);
    if (!yyjson_is_arr(got) || yyjson_arr_size(got) != n)
        return differ(p, want, got);
    yyjson_arr_iter w = yyjson_arr_iter_with(want), g = yyjson_arr_iter_with(got);
    for (size_t i = 0; i < n; i++) {
        size_t before = enter(p, (str){NULL, 0}, i);
        if (!same(p, yyjson_arr_iter_next(&w), yyjson_arr_iter_next(&g)))
            return false;
        p->path[before] = 0;
    }
    return true;
}

static yyjson_val *member(yyjson_val *obj, str key)
{
    yyjson_val *v = yyjson_obj_getn(obj, key.p, key.n);
    return yyjson_is_null(v) ? NULL : v;
}

static bool same_object(struct place *p, yyjson_val *want, yyjson_val *got)
{
    if (!yyjson_is_obj(got))
        return differ(p, want, got);
    yyjson_obj_iter it = yyjson_obj_iter_with(want);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        /* The first of several of one name, on both sides. */
        yyjson_val *w = member(want, jv_str(k)), *g = member(got, jv_str(k));
        size_t before = enter(p, jv_str(k), 0);
        if (!same(p, w, g))
            return false;
        p->path[before] = 0;
    }
    it = yyjson_obj_iter_with(got);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *g = yyjson_obj_iter_get_val(k);
        size_t before = enter(p, jv_str(k), 0);
        if (!yyjson_is_null(g) && !yyjson_obj_getn(want, jv_str(k).p, jv_str(k).n))
            return differ(p, NULL, g);
        p->path[before] = 0;
    }
    return true;
}

static bool same(struct place *p, yyjson_val *want, yyjson_val *got)
{
    if (p->blanks && yyjson_is_str(want) && str_starts(jv_str(want), S("*")) && got)
        return same_blank(p, want, got);
    if (yyjson_is_arr(want))
        return same_array(p, want, got);
    if (yyjson_is_obj(want))
        return same_object(p, want, got);
    if (!want || !got)
        return want == got || differ(p, want, got);
    if (yyjson_get_tag(want) != yyjson_get_tag(got) && !yyjson_is_str(want) && !yyjson_is_raw(want))
        return differ(p, want, got);
    return (yyjson_get_type(want) == yyjson_get_type(got) && str_eq(jv_str(want), jv_str(got)) &&
            str_eq(jv_num(want), jv_num(got))) ||
           differ(p, want, got);
}

bool document_same_tree(yyjson_val *want, yyjson_val *got, struct document_blanks *b,
                        struct fail *why)
{
    struct place p = {.blanks = b, .why = why};
    return same(&p, want, got);
}

bool document_same(str want, str got, struct document_blanks *b, struct fail *why)
{
    struct arena a;
    struct fail f = {0};
    yyjson_val *w, *g;
    bool ok = false;
    arena_init(&a);
    if (json_read(want, &a, &w, &f) != OK)
        fail_set(why, ERR_BAD_JSON, "what is wanted is %s", f.text);
    else if (json_read(got, &a, &g, &f) != OK)
        fail_set(why, ERR_BAD_JSON, "what was written is %s: %.*s", f.text,
                 STR_FMT(str_head(got, 200)));
    else
        ok = document_same_tree(w, g, b, why);
    arena_fini(&a);
    return ok;
}

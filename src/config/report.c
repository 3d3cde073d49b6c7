/*
 * report.c - where in the file, and what about it: paths, errors, warnings.
 */
#include <stdarg.h>
#include <stdio.h>

#include "config/loader.h"

enum { NAMES_TEXT_MAX = 4000 };

static size_t append(struct loader *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static size_t append(struct loader *l, const char *fmt, ...)
{
    size_t mark = l->path_n, room = sizeof l->path - l->path_n;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(l->path + l->path_n, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        l->path_n += (size_t)n < room ? (size_t)n : room - 1;
    return mark;
}

size_t load_enter(struct loader *l, str key)
{
    return append(l, "%s%.*s", l->path_n ? "." : "", STR_FMT(str_head(key, 80)));
}

size_t load_enter_item(struct loader *l, size_t index)
{
    return append(l, "[%zu]", index);
}

void load_leave(struct loader *l, size_t mark)
{
    l->path_n = mark;
    l->path[mark] = 0;
}

enum err load_error(struct loader *l, const struct yaml_node *at, const char *fmt, ...)
{
    char text[FAIL_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fail_set(l->fail, ERR_CONFIG, "%s:%d:%d: %s%s%s", l->name, at ? at->line : 1,
                    at ? at->column : 1, l->path, l->path_n ? ": " : "", text);
}

void load_warn(struct loader *l, const struct yaml_node *at, const char *fmt, ...)
{
    char text[FAIL_TEXT_MAX], where[32] = "";
    if (l->n_warnings == LOAD_WARNINGS_MAX - 3) { /* the rest is for the closing ones */
        l->n_dropped++;
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (at)
        snprintf(where, sizeof where, "line %d: ", at->line);
    l->warnings[l->n_warnings++] =
        arena_printf(&l->c->arena, "%s%s%s%s", where, l->path, l->path_n ? ": " : "", text);
}

static void note(struct loader *l, struct name_list *list, const char *name)
{
    if (list->seen.count >= LOAD_NAMES_MAX)
        return;
    void **at = map_at(&list->seen, str_c(name));
    if (*at)
        return;
    *at = l;
    if (list->text.n)
        buf_lit(&list->text, ", ");
    buf_put(&list->text, str_c(name));
}

void load_note_later(struct loader *l, const char *name)
{
    note(l, &l->later, name);
}

void load_note_not_ours(struct loader *l, const char *name)
{
    note(l, &l->not_ours, name);
}

static void close_list(struct loader *l, const struct name_list *list, const char *intro)
{
    if (!list->text.n)
        return;
    str names = str_head(buf_str(&list->text), NAMES_TEXT_MAX);
    l->warnings[l->n_warnings++] = arena_printf(&l->c->arena, "%s: %.*s%s", intro, STR_FMT(names),
                                                names.n < list->text.n ? ", ..." : "");
}

void load_close_warnings(struct loader *l)
{
    close_list(l, &l->later, "not built yet, accepted without effect");
    close_list(l, &l->not_ours, "not supported on purpose");
    if (l->n_dropped)
        l->warnings[l->n_warnings++] =
            arena_printf(&l->c->arena, "and %zu more warnings", l->n_dropped);
    l->c->warnings = arena_array(&l->c->arena, str, l->n_warnings);
    l->c->n_warnings = l->n_warnings;
    if (l->n_warnings)
        memcpy(l->c->warnings, l->warnings, l->n_warnings * sizeof *l->warnings);
}

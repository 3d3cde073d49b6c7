#include "config/yaml.h"

#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/unquote.h"

enum { FEW_KEYS = 16, PATH_MAX_BYTES = 200, KEY_IN_PATH_MAX = 60 };

struct frame {
    struct yaml_node *node;
    size_t base; /* of its children in builder.values */
};

/* Children wait on one stack of values until their parent ends; a mapping's are key, value, ... */
struct builder {
    struct arena *arena;
    const char *name;
    struct fail *fail;
    str text; /* the source, as libfyaml sees it */
    struct fy_parser *parser;
    struct frame frames[YAML_DEPTH_MAX];
    size_t depth;
    struct yaml_node **values;
    size_t n_values, cap_values;
    struct map anchors;
    size_t total;
    struct yaml_node *root;
    bool done, more;
};

bool yaml_null(const struct yaml_node *n)
{
    if (n->kind != YAML_SCALAR || n->quoted)
        return false;
    return n->text.n == 0 || str_eq(n->text, S("~")) || str_eq_nocase(n->text, S("null"));
}

struct yaml_node *yaml_get(const struct yaml_node *n, str key)
{
    if (!n || n->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < n->n; i++)
        if (str_eq(n->pairs[i].key->text, key))
            return n->pairs[i].value;
    return NULL;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* "providers[2].models: " for a message, from the frames that are open. */
static void put_path(const struct builder *b, struct buf *out)
{
    for (size_t i = 0; i < b->depth; i++) {
        const struct frame *fr = &b->frames[i];
        size_t end = i + 1 < b->depth ? b->frames[i + 1].base - 1 : b->n_values;
        size_t n = end - fr->base;
        if (fr->node->kind == YAML_LIST)
            buf_printf(out, "[%zu]", n);
        else if (n % 2 == 1 && b->values[end - 1]->kind == YAML_SCALAR)
            buf_printf(out, "%s%.*s", out->n ? "." : "",
                       STR_FMT(str_head(b->values[end - 1]->text, KEY_IN_PATH_MAX)));
    }
    if (out->n)
        buf_lit(out, ": ");
}

static enum err refuse(struct builder *b, int line, int column, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static enum err refuse(struct builder *b, int line, int column, const char *fmt, ...)
{
    char text[256];
    struct buf path;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_init(&path, PATH_MAX_BYTES);
    put_path(b, &path);
    enum err e =
        fail_set(b->fail, ERR_CONFIG, "%s:%d:%d: %s%s", b->name, line, column, buf_c(&path), text);
    buf_fini(&path);
    return e;
}

/* The first error libfyaml noted, with the line it points at. */
static enum err syntax_error(struct builder *b, struct fy_diag *diag)
{
    str text = b->text;
    void *at = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);
    if (!e)
        return fail_set(b->fail, ERR_CONFIG, "%s:1:1: not valid YAML", b->name);
    str line = {NULL, 0};
    for (int i = 1; i <= e->line; i++)
        line = str_split(&text, '\n');
    char shown[64];
    yaml_excerpt(line, shown, sizeof shown);
    return fail_set(b->fail, ERR_CONFIG, "%s:%d:%d: %s%s%s%s", b->name, e->line, e->column,
                    e->msg ? e->msg : "not valid YAML", *shown ? ", in \"" : "", shown,
                    *shown ? "\"" : "");
}

/* ---- building -------------------------------------------------------------------------------- */

static enum err push_value(struct builder *b, struct yaml_node *n)
{
    if (!b->depth) {
        b->root = n;
        return OK;
    }
    if (b->n_values == b->cap_values) {
        b->cap_values = b->cap_values ? b->cap_values * 2 : 64;
        b->values = mem_grow(b->values, b->cap_values * sizeof *b->values);
    }
    b->values[b->n_values++] = n;
    return OK;
}

static enum err count(struct builder *b, const struct yaml_node *at, size_t nodes)
{
    if (nodes > YAML_NODES_MAX - b->total)
        return refuse(b, at->line, at->column, "more than %d values, aliases counted as expanded",
                      YAML_NODES_MAX);
    b->total += nodes;
    return OK;
}

/* Counted from 1. Marks of quoted scalars and aliases point behind the quote or '*'. */
static void position(struct fy_event *ev, int *line, int *column)
{
    const struct fy_mark *mark = fy_event_start_mark(ev);
    enum fy_scalar_style style = FYSS_PLAIN;
    if (ev->type == FYET_SCALAR && ev->scalar.value)
        style = fy_token_scalar_style(ev->scalar.value);
    bool behind =
        ev->type == FYET_ALIAS || style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    *line = mark ? mark->line + 1 : 1;
    *column = mark ? mark->column + !(behind && mark->column > 0) : 1;
}

static enum err start_node(struct builder *b, struct fy_event *ev, struct fy_token *anchor,
                           enum yaml_kind kind, struct yaml_node **out)
{
    struct yaml_node *n = arena_new(b->arena, struct yaml_node);
    n->kind = kind;
    n->size = 1;
    position(ev, &n->line, &n->column);
    if (anchor) {
        size_t len = 0;
        const char *p = fy_token_get_text(anchor, &len);
        if (p)
            *map_at(&b->anchors, str_dup(b->arena, str_of(p, len))) = n;
    }
    *out = n;
    return count(b, n, 1);
}

static str scalar_text(struct builder *b, struct fy_event *ev, enum fy_scalar_style style)
{
    const struct fy_mark *from = fy_event_start_mark(ev), *to = fy_event_end_mark(ev);
    bool placed = from && to && from->input_pos <= to->input_pos && to->input_pos <= b->text.n;
    if (placed && (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED)) {
        size_t n = to->input_pos - from->input_pos;
        str source = str_of(b->text.p + from->input_pos, n);
        return style == FYSS_SINGLE_QUOTED ? yaml_unquote_single(b->arena, source)
                                           : yaml_unquote_double(b->arena, source);
    }
    size_t len = 0;
    const char *p = ev->scalar.value ? fy_token_get_text(ev->scalar.value, &len) : NULL;
    return str_dup(b->arena, str_of(p, p ? len : 0));
}

static enum err add_scalar(struct builder *b, struct fy_event *ev)
{
    struct yaml_node *n;
    struct fy_token *value = ev->scalar.value;
    enum err e = start_node(b, ev, ev->scalar.anchor, YAML_SCALAR, &n);
    if (e)
        return e;
    enum fy_scalar_style style = value ? fy_token_scalar_style(value) : FYSS_PLAIN;
    n->quoted = style != FYSS_PLAIN;
    n->text = scalar_text(b, ev, style);
    if (str_find_char(n->text, '\0') != n->text.n)
        return refuse(b, n->line, n->column, "a NUL byte is not allowed");
    if (!str_utf8(n->text))
        return refuse(b, n->line, n->column, "not valid UTF-8");
    return push_value(b, n);
}

static enum err open_node(struct builder *b, struct fy_event *ev, struct fy_token *anchor,
                          enum yaml_kind kind)
{
    struct yaml_node *n;
    enum err e = start_node(b, ev, anchor, kind, &n);
    if (e)
        return e;
    if (b->depth == YAML_DEPTH_MAX)
        return refuse(b, n->line, n->column, "nested deeper than %d levels", YAML_DEPTH_MAX);
    e = push_value(b, n);
    n->open = true;
    b->frames[b->depth++] = (struct frame){n, b->n_values};
    return e;
}

static enum err add_alias(struct builder *b, struct fy_event *ev)
{
    size_t len = 0;
    const char *p = ev->alias.anchor ? fy_token_get_text(ev->alias.anchor, &len) : NULL;
    int line, column;
    position(ev, &line, &column);
    str name = str_of(p, p ? len : 0);
    struct yaml_node *n = map_get(&b->anchors, name);
    if (!n)
        return refuse(b, line, column, "no anchor &%.*s before this alias",
                      STR_FMT(str_head(name, KEY_IN_PATH_MAX)));
    if (n->open)
        return refuse(b, line, column, "the alias *%.*s stands inside its own anchor",
                      STR_FMT(str_head(name, KEY_IN_PATH_MAX)));
    enum err e = count(b, n, n->size);
    return e ? e : push_value(b, n);
}

/* ---- mappings: duplicate keys and merges ----------------------------------------------------- */

static struct yaml_node *find_key(const struct yaml_node *n, size_t upto, struct map *seen,
                                  struct yaml_node *key)
{
    if (n->n > FEW_KEYS) {
        void **at = map_at(seen, key->text);
        struct yaml_node *found = *at;
        if (!found)
            *at = key;
        return found;
    }
    for (size_t i = 0; i < upto; i++)
        if (str_eq(n->pairs[i].key->text, key->text))
            return n->pairs[i].key;
    return NULL;
}

static bool merge_key(const struct yaml_node *key)
{
    return !key->quoted && str_eq(key->text, S("<<"));
}

static enum err check_keys(struct builder *b, struct yaml_node *n)
{
    struct map seen;
    struct arena scratch;
    enum err e = OK;
    arena_init(&scratch);
    map_init(&seen, &scratch);
    for (size_t i = 0; i < n->n && !e; i++) {
        struct yaml_node *key = n->pairs[i].key;
        if (key->kind != YAML_SCALAR) {
            e = refuse(b, key->line, key->column, "a key must be a plain word");
            break;
        }
        struct yaml_node *first = find_key(n, i, &seen, key);
        if (first && !merge_key(key))
            e = refuse(b, key->line, key->column,
                       "%.*s: the key stands twice, on line %d and on line %d",
                       STR_FMT(str_head(key->text, KEY_IN_PATH_MAX)), first->line, key->line);
    }
    arena_fini(&scratch);
    return e;
}

struct merge {
    struct yaml_pair *pairs;
    size_t n, size; /* pairs, and all nodes in them */
    struct map have;
};

static void merge_own(struct merge *m, const struct yaml_node *from, bool with_merges)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct yaml_pair *p = &from->pairs[i];
        if (!with_merges && merge_key(p->key))
            continue;
        void **at = map_at(&m->have, p->key->text);
        if (*at)
            continue;
        *at = p->key;
        m->pairs[m->n++] = *p;
        m->size += p->key->size + p->value->size;
    }
}

/* Every mapping that a `<<` of n names, in order of precedence; NULL when i is past the last. */
static const struct yaml_node *merged_map(const struct yaml_node *n, size_t i)
{
    for (size_t k = 0; k < n->n; k++) {
        const struct yaml_node *v = n->pairs[k].value;
        if (!merge_key(n->pairs[k].key))
            continue;
        size_t here = v->kind == YAML_LIST ? v->n : 1;
        if (i < here)
            return v->kind == YAML_LIST ? v->items[i] : v;
        i -= here;
    }
    return NULL;
}

/* The YAML 1.1 merge key: pairs of the named mappings that n does not have itself. */
static enum err merge(struct builder *b, struct yaml_node *n)
{
    struct merge m = {0};
    const struct yaml_node *from;
    size_t room = n->n;
    for (size_t i = 0; (from = merged_map(n, i)); i++) {
        if (from->kind != YAML_MAP)
            return refuse(b, from->line, from->column, "<< needs a mapping, as in <<: *name");
        enum err e = count(b, from, from->n);
        if (e)
            return e;
        room += from->n;
    }
    map_init(&m.have, b->arena);
    m.pairs = arena_array(b->arena, struct yaml_pair, room);
    merge_own(&m, n, false);
    for (size_t i = 0; (from = merged_map(n, i)); i++)
        merge_own(&m, from, true);
    n->pairs = m.pairs;
    n->n = m.n;
    n->size += m.size;
    return count(b, n, m.size);
}

static enum err end_map(struct builder *b, struct yaml_node *n, struct yaml_node **children)
{
    bool merges = false;
    n->n /= 2;
    n->pairs = arena_array(b->arena, struct yaml_pair, n->n);
    for (size_t i = 0; i < n->n; i++) {
        n->pairs[i] = (struct yaml_pair){children[2 * i], children[2 * i + 1]};
        merges = merges || merge_key(children[2 * i]);
    }
    enum err e = check_keys(b, n);
    return e || !merges ? e : merge(b, n);
}

static enum err end_node(struct builder *b)
{
    if (!b->depth)
        return OK;
    struct frame fr = b->frames[--b->depth];
    struct yaml_node *n = fr.node;
    enum err e = OK;
    n->n = b->n_values - fr.base;
    for (size_t i = 0; i < n->n; i++)
        n->size += b->values[fr.base + i]->size;
    /* Without n itself the parent's last child is its key: what messages about n's keys say. */
    b->n_values = b->depth ? fr.base - 1 : 0;
    if (n->kind == YAML_MAP) {
        e = end_map(b, n, n->n ? b->values + fr.base : NULL);
    } else if (n->n) {
        n->items = arena_array(b->arena, struct yaml_node *, n->n);
        memcpy(n->items, b->values + fr.base, n->n * sizeof *n->items);
    }
    b->n_values = fr.base;
    n->open = false;
    return e;
}

/* ---- events ---------------------------------------------------------------------------------- */

static enum err take_event(struct builder *b, struct fy_event *ev)
{
    switch (ev->type) {
    case FYET_SCALAR: return add_scalar(b, ev);
    case FYET_ALIAS: return add_alias(b, ev);
    case FYET_SEQUENCE_START: return open_node(b, ev, ev->sequence_start.anchor, YAML_LIST);
    case FYET_MAPPING_START: return open_node(b, ev, ev->mapping_start.anchor, YAML_MAP);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END: return end_node(b);
    case FYET_DOCUMENT_START: b->more = b->done; return OK;
    case FYET_DOCUMENT_END: b->done = true; return OK;
    default: return OK;
    }
}

/* Reads events until the first document and what follows it is known. */
static enum err read_events(struct builder *b, struct fy_diag *diag)
{
    enum err e = OK;
    while (!e && !b->more) {
        struct fy_event *ev = fy_parser_parse(b->parser);
        if (!ev) {
            /* What comes after the first document is not ours to judge. */
            if (b->done || !fy_parser_get_stream_error(b->parser))
                return OK;
            return syntax_error(b, diag);
        }
        bool last = ev->type == FYET_STREAM_END;
        e = take_event(b, ev);
        fy_parser_event_free(b->parser, ev);
        if (last)
            break;
    }
    return e;
}

/* libfyaml would print to stderr; the messages are collected instead, and this gets the rest. */
static void swallow(struct fy_diag *diag, void *user, const char *text, size_t n)
{
    (void)diag, (void)user, (void)text, (void)n;
}

static enum err parse_with(struct builder *b, struct fy_diag *diag)
{
    struct fy_parse_cfg cfg = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE | FYPCF_DISABLE_MMAP_OPT,
        .diag = diag,
    };
    b->parser = fy_parser_create(&cfg);
    if (!b->parser)
        return fail_set(b->fail, ERR_CONFIG, "%s: the YAML parser did not start", b->name);
    enum err e;
    if (fy_parser_set_string(b->parser, b->text.p, b->text.n))
        e = syntax_error(b, diag);
    else
        e = read_events(b, diag);
    fy_parser_destroy(b->parser);
    return e;
}

/*
 * libfyaml 0.7.12 never returns from a directive it does not know that ends with the input, and a
 * configuration needs none. So directives are ours: %YAML before the document is blanked, in a
 * copy, and any other line that begins with '%' is refused.
 */
static enum err take_directives(struct builder *b, str *text)
{
    bool content = false;
    int line = 1;
    for (size_t at = 0; at < text->n; line++) {
        str rest = str_from(*text, at);
        size_t end = 0;
        while (end < rest.n && rest.p[end] != '\n' && rest.p[end] != '\r')
            end++;
        if (rest.p[0] == '%') {
            if (content || !str_starts(rest, S("%YAML")))
                return refuse(b, line, 1, "a line that begins with %% is not supported");
            *text = str_dup(b->arena, *text);
            memset((char *)text->p + at, ' ', end);
        } else if (str_trim(str_head(rest, end)).n && rest.p[0] != '#') {
            content = true;
        }
        at += end + (str_starts(str_from(rest, end), S("\r\n")) ? 2 : 1);
    }
    return OK;
}

enum err yaml_parse(str text, const char *name, struct arena *a, struct yaml_node **root,
                    bool *more, struct fail *f)
{
    struct builder b = {.arena = a, .name = name, .fail = f};
    struct fy_diag_cfg cfg;
    *root = NULL;
    *more = false;
    if (text.n > YAML_BYTES_MAX)
        return fail_set(f, ERR_CONFIG, "%s: larger than %d MiB", name, YAML_BYTES_MAX >> 20);
    if (str_starts(text, S("\xef\xbb\xbf")))
        text = str_from(text, 3);
    if (str_trim(text).n == 0)
        return OK;
    enum err e = take_directives(&b, &text);
    b.text = text;
    if (e)
        return e;
    fy_diag_cfg_default(&cfg);
    cfg.fp = NULL;
    cfg.output_fn = swallow;
    cfg.colorize = false;
    struct fy_diag *diag = fy_diag_create(&cfg);
    if (!diag)
        return fail_set(f, ERR_CONFIG, "%s: the YAML parser did not start", name);
    fy_diag_set_collect_errors(diag, true);
    map_init(&b.anchors, a);
    e = parse_with(&b, diag);
    fy_diag_destroy(diag);
    mem_free(b.values);
    if (!e) {
        *root = b.root && !yaml_null(b.root) ? b.root : NULL;
        *more = b.more;
    }
    return e;
}

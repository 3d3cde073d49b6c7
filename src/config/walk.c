/*
 * walk.c - goes over the document once and sends every key to whoever knows it.
 *
 * The path of a key decides: a row of options.def is set, a provider block and the client keys
 * are noted for later (their entries inherit from scalars that may stand below them), a row of
 * known.def becomes a warning, a section is entered, and anything else is unknown.
 */
#include "config/blocks.h"
#include "config/known.h"
#include "config/loader.h"
#include "config/options.h"

enum { NEAR_ENOUGH = 3 };

/* ---- names: sections, and what an unknown key may have meant --------------------------------- */

/* All paths there are, by number; NULL past the last. */
static const char *nth_path(size_t i)
{
    static const char *const others[] = {"api-keys", "generative-language-api-key", "auth"};
    const size_t n_others = sizeof others / sizeof *others;
    if (i < n_options)
        return options[i].path;
    i -= n_options;
    if (i < n_known_keys)
        return known_keys[i].path;
    i -= n_known_keys;
    if (i < n_blocks)
        return blocks[i].name;
    i -= n_blocks;
    return i < n_others ? others[i] : NULL;
}

static bool is_section(str path)
{
    const char *name;
    for (size_t i = 0; (name = nth_path(i)); i++)
        if (str_starts(str_c(name), path) && name[path.n] == '.')
            return true;
    return false;
}

/* The nearest path within the same section, or the one that ends in this very word. */
static const char *nearest(str path)
{
    size_t dot = str_find_last(path, '.'), best = NEAR_ENOUGH;
    str section = str_head(path, dot == path.n ? 0 : dot + 1);
    str word = str_from(path, section.n);
    const char *found = NULL, *name;
    if (word.n < 2 * NEAR_ENOUGH)
        best = word.n / 2;
    for (size_t i = 0; (name = nth_path(i)); i++) {
        str whole = str_c(name), rest = str_from(whole, section.n);
        size_t d;
        if (!str_starts(whole, section))
            continue;
        rest = str_head(rest, str_find_char(rest, '.'));
        d = str_distance(word, rest, best);
        if (d <= best && (!found || d < best)) {
            best = d;
            found = name;
        }
    }
    for (size_t i = 0; !found && (name = nth_path(i)); i++) {
        size_t last = str_find_last(str_c(name), '.');
        if (name[last] && str_eq(word, str_c(name + last + 1)))
            found = name;
    }
    return found;
}

static void warn_unknown(struct loader *l, const struct yaml_node *key)
{
    const char *near = nearest(str_of(l->path, l->path_n));
    if (near)
        load_warn(l, key, "unknown key, ignored (did you mean %s?)", near);
    else
        load_warn(l, key, "unknown key, ignored");
}

/* ---- keys ------------------------------------------------------------------------------------ */

static enum err set_option(struct loader *l, const struct option *o, const struct yaml_node *v)
{
    char why[160], shown[48];
    enum err e = load_expect(l, v, YAML_SCALAR);
    if (e || yaml_null(v))
        return e;
    if (option_set(o, l->c, str_trim(v->text), why, sizeof why))
        return OK;
    yaml_shown(v->text, shown, sizeof shown);
    if (o->type == OPTION_URL)
        return load_error(l, v, "%s", why);
    return load_error(l, v, "%s, not \"%s\"", why, shown);
}

static void note_block(struct loader *l, const struct block *b, str key, const struct yaml_node *v)
{
    struct block_use *use = arena_new(&l->scratch, struct block_use);
    *use = (struct block_use){.block = b, .key = key, .node = v};
    *l->blocks_end = use;
    l->blocks_end = &use->next;
}

static void note_known(struct loader *l, const struct known_key *k, const struct yaml_node *key)
{
    switch (k->kind) {
    case KNOWN_LATER: load_note_later(l, k->path); break;
    case KNOWN_NOT_OURS: load_note_not_ours(l, k->path); break;
    case KNOWN_LEGACY: load_warn(l, key, "%s", k->text); break;
    }
}

/* Keys that have a reader of their own; false if this is none. */
static bool take_special(struct loader *l, const struct yaml_pair *p, str path)
{
    const struct block *b = block_find(path);
    if (b) {
        note_block(l, b, p->key->text, p->value);
    } else if (str_eq(path, S("generative-language-api-key"))) {
        load_warn(l, p->key, "old key, read as gemini-api-key entries; rename it");
        note_block(l, block_find(S("gemini-api-key")), p->key->text, p->value);
    } else if (str_eq(path, S("api-keys"))) {
        l->keys = p->value;
    } else if (str_eq(path, S("auth"))) {
        load_warn(l, p->key, "old block, its api-keys are used; list them under api-keys instead");
        l->auth = p->value;
    } else {
        return false;
    }
    return true;
}

static enum err walk_map(struct loader *l, const struct yaml_node *map);

static enum err walk_section(struct loader *l, const struct yaml_node *v)
{
    if (yaml_null(v))
        return OK;
    enum err e = load_expect(l, v, YAML_MAP);
    return e ? e : walk_map(l, v);
}

static enum err walk_pair(struct loader *l, const struct yaml_pair *p)
{
    str path = str_of(l->path, l->path_n);
    const struct option *o = option_find(path);
    const struct known_key *k = known_find(path);
    if (str_eq(path, S("host")))
        l->host = p->value;
    if (o)
        return set_option(l, o, p->value);
    if (k)
        note_known(l, k, p->key);
    else if (is_section(path))
        return walk_section(l, p->value);
    else if (!take_special(l, p, path))
        warn_unknown(l, p->key);
    return OK;
}

static enum err walk_map(struct loader *l, const struct yaml_node *map)
{
    enum err e = OK;
    for (size_t i = 0; i < map->n && !e; i++) {
        size_t mark = load_enter(l, map->pairs[i].key->text);
        e = walk_pair(l, &map->pairs[i]);
        if (!e)
            load_leave(l, mark);
    }
    return e;
}

enum err walk_document(struct loader *l, const struct yaml_node *root)
{
    if (!root)
        return OK;
    if (root->kind != YAML_MAP)
        return load_error(l, root, "the file must consist of `key: value` lines");
    return walk_map(l, root);
}

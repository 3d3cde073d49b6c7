/*
 * load.c - from a file or text to a config: the order of the steps.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/authdir.h"
#include "config/dotenv.h"
#include "config/file.h"
#include "config/loader.h"
#include "config/options.h"

enum { SHOWN_PATH_MAX = 240, NAMES_MAX = 64 * 1024 };

/* ---- one document ---------------------------------------------------------------------------- */

static void loader_init(struct loader *l, struct config *c, const char *name, struct fail *f)
{
    *l = (struct loader){.c = c, .name = name, .fail = f};
    arena_init(&l->scratch);
    map_init(&l->identities, &l->scratch);
    map_init(&l->later.seen, &l->scratch);
    map_init(&l->not_ours.seen, &l->scratch);
    buf_init(&l->later.text, NAMES_MAX);
    buf_init(&l->not_ours.text, NAMES_MAX);
    l->blocks_end = &l->blocks;
    l->providers_end = &l->providers;
    l->key_list_end = &l->key_list;
}

static void loader_fini(struct loader *l)
{
    buf_fini(&l->later.text);
    buf_fini(&l->not_ours.text);
    arena_wipe(&l->scratch);
}

static void finish_paths(struct config *c)
{
    const char *base = getenv("WRITABLE_PATH");
    if (!base || !*base)
        base = getenv("writable_path");
    if (c->auth_dir.n)
        c->auth_dir = path_absolute(&c->arena, c->auth_dir);
    if (c->log_dir.n)
        c->log_dir = path_absolute(&c->arena, c->log_dir);
    else if (base && *base)
        c->log_dir = arena_printf(&c->arena, "%s/logs", base);
    else
        c->log_dir = path_absolute(&c->arena, S("logs"));
}

/* Scalars come first: provider entries inherit from them, and the environment beats the file. */
static enum err read_document(struct loader *l, str yaml)
{
    struct yaml_node *root;
    bool more;
    enum err e = yaml_parse(yaml, l->name, &l->scratch, &root, &more, l->fail);
    if (!e && more)
        load_warn(l, NULL, "only the first document of the file is read");
    if (!e)
        e = walk_document(l, root);
    if (!e)
        e = keys_load(l);
    if (e)
        return e;
    env_override(l);
    e = providers_load(l);
    if (!e)
        e = keys_finish(l);
    if (e)
        return e;
    env_providers(l);
    providers_finish(l);
    finish_paths(l->c);
    return OK;
}

static enum err load_text(str yaml, const char *name, str path, bool from_file, struct config **out,
                          struct fail *f)
{
    struct config *c = mem_zero(sizeof *c);
    struct loader *l = mem_new(sizeof *l);
    arena_init(&c->arena);
    c->path = str_dup(&c->arena, path);
    c->loaded_at_ms = clock_wall_ms();
    EVP_Digest(yaml.p ? yaml.p : "", yaml.n, c->digest, NULL, EVP_sha256(), NULL);
    options_default(c);
    loader_init(l, c, name, f);
    enum err e = read_document(l, yaml);
    if (!e && from_file)
        authdir_prepare(l);
    if (!e)
        load_close_warnings(l);
    loader_fini(l);
    mem_wipe_free(l, sizeof *l);
    if (e) {
        config_free(c);
        c = NULL;
    }
    *out = c;
    return e;
}

enum err config_parse(str yaml, const char *name, struct config **out, struct fail *f)
{
    return load_text(yaml, name, str_c(name), false, out, f);
}

void config_free(struct config *c)
{
    if (!c)
        return;
    arena_wipe(&c->arena);
    mem_wipe_free(c, sizeof *c);
}

/* ---- the file -------------------------------------------------------------------------------- */

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The end of a long path tells more than its beginning. */
static const char *shown(str path)
{
    return path.n > SHOWN_PATH_MAX ? path.p + path.n - SHOWN_PATH_MAX : path.p;
}

static enum err read_file(const char *path, const char *name, struct buf *text, struct fail *f)
{
    if (is_directory(path))
        return fail_set(f, ERR_CONFIG,
                        "%s is a directory, not a file (Docker creates one when the file of a "
                        "bind mount is missing on the host: remove it there, put a file in its "
                        "place, start again)",
                        name);
    const char *why = file_read(path, text);
    return why ? fail_set(f, ERR_CONFIG, "%s %s", name, why) : OK;
}

/* Setting variables is not safe beside threads, so `.env` is read once, before there are any. */
static pthread_once_t dotenv_once = PTHREAD_ONCE_INIT;

enum err config_load(const char *path, struct config **out, struct fail *f)
{
    struct arena scratch;
    struct buf text;
    *out = NULL;
    pthread_once(&dotenv_once, dotenv_load);
    arena_init(&scratch);
    buf_init(&text, YAML_BYTES_MAX + 1);
    str full = path_absolute(&scratch, str_c(path));
    enum err e = read_file(full.p, shown(full), &text, f);
    if (!e)
        e = load_text(buf_str(&text), shown(full), full, true, out, f);
    mem_wipe_free(text.p, text.cap);
    arena_fini(&scratch);
    return e;
}

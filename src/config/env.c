/*
 * env.c - what the environment says (SPEC 2.2): overrides, and providers it alone names.
 */
#include <stdlib.h>

#include "config/blocks.h"
#include "config/loader.h"
#include "config/options.h"

static str get(const char *name)
{
    return str_trim(str_c(getenv(name)));
}

/* ---- scalars --------------------------------------------------------------------------------- */

static const struct {
    const char *name, *path;
} overrides[] = {
    {"CLIPROXY_HOST", "host"},
    {"CLIPROXY_PORT", "port"},
    {"CLIPROXY_DEBUG", "debug"},
};

/* Accepted, without effect so far. */
static const char *const later[] = {
    "CLIPROXY_SECRET_KEY", "CLIPROXY_ALLOW_REMOTE",  "CLIPROXY_ROUTING_STRATEGY",
    "MANAGEMENT_PASSWORD", "MANAGEMENT_STATIC_PATH",
};

static void override(struct loader *l, const char *name, const char *path)
{
    char why[160];
    const struct option *o = option_find(str_c(path));
    str value = get(name);
    if (!value.n)
        return;
    if (o->type == OPTION_BOOL && (str_eq(value, S("1")) || str_eq(value, S("0"))))
        value = str_eq(value, S("1")) ? S("true") : S("false");
    size_t mark = load_enter(l, str_c(name));
    /* A free port makes no sense here: a caller who sets the variable must know where to go. */
    if (str_eq(str_c(o->path), S("port")) && str_eq(value, S("0")))
        load_warn(l, NULL, "must be between 1 and 65535; the variable is ignored");
    else if (!option_set(o, l->c, value, why, sizeof why))
        load_warn(l, NULL, "%s; the variable is ignored", why);
    load_leave(l, mark);
}

void env_override(struct loader *l)
{
    for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++)
        override(l, overrides[i].name, overrides[i].path);
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (get(later[i]).n)
            load_note_later(l, later[i]);
    str keys = get("CLIPROXY_API_KEYS");
    if (keys.n)
        keys_replace(l, keys);
}

/* ---- providers ------------------------------------------------------------------------------- */

struct premade {
    const char *block; /* of vendors.def */
    const char *variables[3];
    const char *models[2][2]; /* upstream id, alias */
};

static const struct premade premade[] = {
    {"zen",
     {"ZEN_API_KEY", "OPENCODE_API_KEY", "THGENT_ZEN_API_KEY"},
     {{"glm-5", "glm-5"}, {"glm-5", "z-ai/glm-5"}}},
    {"nim",
     {"NIM_API_KEY", "THGENT_NIM_API_KEY", "NVIDIA_API_KEY"},
     {{"z-ai/glm-5", "z-ai/glm-5"}, {"z-ai/glm-5", "glm-5"}}},
};

static bool have_provider(const struct loader *l, str name)
{
    for (const struct provider_link *p = l->providers; p; p = p->next)
        if (str_eq_nocase(p->entry.name, name) || str_eq(p->entry.block, name))
            return true;
    return false;
}

/* A key goes into a header: a line break in it would be a second one. */
static bool is_line(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

static str first_set(const struct premade *m)
{
    str value = {NULL, 0};
    for (size_t i = 0; i < 3 && !value.n; i++)
        value = get(m->variables[i]);
    return value;
}

static void add_premade(struct loader *l, const struct premade *m, str key)
{
    struct arena *a = &l->c->arena;
    const struct block *b = block_find(str_c(m->block));
    struct provider_entry *p = providers_add(l);
    *p = (struct provider_entry){
        .kind = b->kind,
        .name = str_c(b->provider),
        .block = str_c(b->name),
        .base_url = str_c(b->base_url),
        .timeouts = l->c->upstream,
        .models = arena_array(a, struct model_entry, 2),
        .n_models = 2,
        .models_given = true,
        .credentials = arena_array(a, struct credential_entry, 1),
        .n_credentials = 1,
        .sim = {.failure_status = 503},
    };
    for (size_t i = 0; i < 2; i++)
        p->models[i] =
            (struct model_entry){.name = str_c(m->models[i][0]), .alias = str_c(m->models[i][1])};
    p->credentials[0] = (struct credential_entry){
        .api_key = str_dup(a, key), .proxy_url = l->c->proxy_url, .weight = 1};
}

void env_providers(struct loader *l)
{
    for (size_t i = 0; i < sizeof premade / sizeof *premade; i++) {
        str key = first_set(&premade[i]);
        if (!key.n || have_provider(l, str_c(premade[i].block)))
            continue;
        if (is_line(key))
            add_premade(l, &premade[i], key);
        else
            load_warn(l, NULL, "%s: holds a line break; the variable is ignored",
                      premade[i].variables[0]);
    }
}

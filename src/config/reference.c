/*
 * reference.c - doc/config.md, from the tables.
 */
#include "config/fields.h"
#include "config/known.h"
#include "config/options.h"
#include "config/value.h"

static void put_bounds(FILE *out, const struct option *o)
{
    struct buf b;
    if (!o->min && !o->max)
        return;
    buf_init(&b, 200);
    for (int i = 0; i < 2; i++) {
        int64_t v = i ? o->max : o->min;
        if (o->type == OPTION_MS)
            value_put_ms(&b, (uint64_t)v);
        else if (o->type == OPTION_BYTES)
            value_put_bytes(&b, (uint64_t)v);
        else
            buf_put_i64(&b, v);
        if (!i)
            buf_lit(&b, " to ");
    }
    fprintf(out, "%s%s%s", buf_c(&b), *o->unit ? " " : "", o->unit);
    buf_fini(&b);
}

static void put_option(FILE *out, const struct option *o)
{
    fprintf(out, "| `%s` | %s | %s%s%s | ", o->path, option_type_name(o->type),
            *o->fallback ? "`" : "", o->fallback, *o->fallback ? "`" : "");
    put_bounds(out, o);
    fprintf(out, " | %s | %s |\n", o->flags & OPTION_HOT ? "yes" : "restart", o->help);
}

static void put_options(FILE *out)
{
    fputs("## Options\n\n"
          "Durations are `250ms`, `30s`, `5m`, `1h`, or plain seconds; sizes `64KiB`, `64MiB`,\n"
          "`1GiB`, or plain bytes. *Reload*: whether a change of the file is applied while the\n"
          "program runs.\n\n"
          "| key | type | default | bounds | reload | meaning |\n"
          "| --- | --- | --- | --- | --- | --- |\n",
          out);
    for (size_t i = 0; i < n_options; i++)
        put_option(out, &options[i]);
}

static void put_keys(FILE *out)
{
    fputs("\n## Client keys\n\n"
          "`api-keys` is a list of keys, or of `{key, name, models, providers, limits: {rpm, tpm,\n"
          "concurrency}, expires-at}`. White space around a key does not count. Without any key\n"
          "the program starts only on a loopback `host` or with `open-access: true`.\n",
          out);
}

static void put_blocks(FILE *out)
{
    fputs("\n## Provider blocks\n\n"
          "Each block is a list of entries (a single entry may stand without the list).\n\n"
          "| block | also spelled | called in logs | default `base-url` |\n"
          "| --- | --- | --- | --- |\n",
          out);
    for (size_t i = 0; i < n_blocks; i++) {
        const struct block *b = &blocks[i];
        const char *base = b->base_url ? b->base_url : "none, required";
        fprintf(out, "| `%s` | %s | %s | %s |\n", b->name, b->aliases,
                b->provider ? b->provider : "the entry's `name`", *base ? base : "-");
    }
}

static void put_shapes(FILE *out, unsigned shapes)
{
    static const struct {
        unsigned shape;
        const char *name;
    } names[] = {{SHAPE_COMPAT, "openai-compatibility"},
                 {SHAPE_KEY, "*-api-key"},
                 {SHAPE_VENDOR, "vendors"},
                 {SHAPE_SIM, "sim"}};
    const char *comma = "";
    if (shapes == SHAPE_ANY || shapes == SHAPE_REMOTE) {
        fputs(shapes == SHAPE_ANY ? "all" : "all but sim", out);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(shapes & names[i].shape))
            continue;
        fprintf(out, "%s%s", comma, names[i].name);
        comma = ", ";
    }
}

static void put_fields(FILE *out)
{
    fputs("\n## Fields of provider entries\n\n"
          "| field | type | in | default | meaning |\n"
          "| --- | --- | --- | --- | --- |\n",
          out);
    for (size_t i = 0; i < n_fields; i++) {
        const struct field *f = &fields[i];
        if (f->status != FIELD_BUILT)
            continue;
        fprintf(out, "| `%s` | %s | ", f->name, f->type);
        put_shapes(out, f->shapes);
        fprintf(out, " | %s | %s |\n", f->fallback, f->help);
    }
}

static void put_known(FILE *out)
{
    fputs("\n## Accepted without effect so far\n\n"
          "Files written for CLIProxyAPI may hold these; a warning at start names them.\n\n"
          "| key | comes with |\n| --- | --- |\n",
          out);
    for (size_t i = 0; i < n_known_keys; i++)
        if (known_keys[i].kind == KNOWN_LATER)
            fprintf(out, "| `%s` | %s |\n", known_keys[i].path, known_keys[i].text);
    for (size_t i = 0; i < n_fields; i++)
        if (fields[i].status == FIELD_KNOWN)
            fprintf(out, "| `%s` of a provider entry | %s |\n", fields[i].name, fields[i].help);
}

static void put_environment(FILE *out)
{
    fputs("\n## Environment\n\n"
          "`CLIPROXY_HOST`, `CLIPROXY_PORT`, `CLIPROXY_DEBUG`, `CLIPROXY_API_KEYS` (separated by\n"
          "commas) win over the file. `ZEN_API_KEY`, `OPENCODE_API_KEY` or `THGENT_ZEN_API_KEY`\n"
          "add the provider `zen`; `NIM_API_KEY`, `THGENT_NIM_API_KEY` or `NVIDIA_API_KEY` add\n"
          "`nim`, unless the file has one of that name. `WRITABLE_PATH` is where `logs` goes.\n"
          "A file `.env` in the working directory is read first; variables already set win.\n",
          out);
}

void config_print_reference(FILE *out)
{
    fputs("# Configuration\n\n"
          "Made from the program's own tables by `make docs`; do not edit.\n\n",
          out);
    put_options(out);
    put_keys(out);
    put_blocks(out);
    put_fields(out);
    put_known(out);
    put_environment(out);
}

/*
 * app/main.c - the command line.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/gateway.h"
#include "app/health.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/version.h"
#include "dialect/reference.h"
#include "relay/snapshot.h"

enum { EXIT_USAGE = 2 };

static const char usage[] =
    "usage: cliproxyapi++ [serve] [--config FILE]\n"
    "       cliproxyapi++ --check-config [--config FILE]\n"
    "       cliproxyapi++ health [--url URL | --config FILE]\n"
    "       cliproxyapi++ docs config|dialects|errors\n"
    "       cliproxyapi++ --version | --help\n"
    "\n"
    "One address and one key for every AI client; behind it your own keys and accounts.\n"
    "\n"
    "commands\n"
    "  serve           run the gateway (the default)\n"
    "  health          exit 0 if a running gateway answers; for container health checks\n"
    "  docs config     every key of the configuration file, as a Markdown table\n"
    "  docs dialects   what is carried, approximated, dropped, refused between dialects\n"
    "  docs errors     every error the gateway itself answers with\n"
    "\n"
    "options\n"
    "  --config FILE   configuration (default: ./config.yaml); -config is the same\n"
    "  --check-config  load the configuration, say what is wrong with it, do not serve\n"
    "  --url URL       where `health` asks (default: what the configuration says)\n"
    "\n"
    "signals\n"
    "  SIGHUP          load the configuration again (a change of the file does the same)\n"
    "  SIGTERM         let running requests finish, then stop; a second one stops at once\n"
    "\n"
    "endpoints\n"
    "  GET /health, /healthz, /, /models, /v1/models[/{id}], /v1beta/models[/{id}]\n"
    "  POST /v1/chat/completions, /v1/completions, /v1/responses, /v1/messages,\n"
    "       /v1/messages/count_tokens, /v1beta/models/{model}:generateContent and its kin,\n"
    "       /v1/embeddings, /v1/images/*, /v1/audio/*, /v1/moderations, /v1/rerank\n"
    "\n"
    "exit status: 0 fine, 1 failure, 2 wrong usage\n";

enum command { CMD_SERVE, CMD_CHECK, CMD_HEALTH, CMD_DOCS, CMD_VERSION, CMD_HELP };

struct arguments {
    enum command command;
    const char *config, *url, *topic;
};

static int misused(const char *what, const char *arg)
{
    fprintf(stderr, "cliproxyapi++: %s%s (see --help)\n", what, arg);
    return EXIT_USAGE;
}

/* The value of `--name VALUE` or `--name=VALUE`; NULL when argv[*i] is another option. */
static const char *option(char **argv, int *i, const char *name)
{
    const char *arg = argv[*i];
    size_t n = strlen(name);
    if (arg[0] != '-')
        return NULL;
    arg += arg[1] == '-' ? 2 : 1; /* -config as Go programs have it */
    if (strncmp(arg, name, n) != 0 || (arg[n] && arg[n] != '='))
        return NULL;
    if (arg[n] == '=')
        return arg + n + 1;
    return argv[*i + 1] ? argv[++*i] : "";
}

static bool flag(const char *arg, const char *name)
{
    return arg[0] == '-' && strcmp(arg + (arg[1] == '-' ? 2 : 1), name) == 0;
}

static bool take_command(struct arguments *a, char **argv, int *i)
{
    const char *arg = argv[*i];
    if (strcmp(arg, "serve") == 0) {
        a->command = CMD_SERVE;
    } else if (strcmp(arg, "health") == 0) {
        a->command = CMD_HEALTH;
    } else if (strcmp(arg, "docs") == 0) {
        a->command = CMD_DOCS;
        a->topic = argv[*i + 1] ? argv[++*i] : "";
    } else {
        return false;
    }
    return true;
}

static int parse(int argc, char **argv, struct arguments *a)
{
    for (int i = 1; i < argc; i++) {
        const char *value;
        if (flag(argv[i], "check-config"))
            a->command = CMD_CHECK;
        else if (flag(argv[i], "version"))
            a->command = CMD_VERSION;
        else if (flag(argv[i], "help") || flag(argv[i], "h"))
            a->command = CMD_HELP;
        else if ((value = option(argv, &i, "config")))
            a->config = value;
        else if ((value = option(argv, &i, "url")))
            a->url = value;
        else if (i > 1 || !take_command(a, argv, &i))
            return misused("unknown argument ", argv[i]);
        else
            continue;
        if ((a->config && !*a->config) || (a->url && !*a->url))
            return misused("a value is missing after ", argv[i > 1 ? i - 1 : i]);
    }
    return 0;
}

static int check_config(const char *path)
{
    struct snapshot *s;
    struct fail f = {0};
    hash_init();
    if (gateway_check(path, &s, &f)) {
        fprintf(stderr, "cliproxyapi++: %s\n", fail_text(&f));
        return 1;
    }
    for (size_t i = 0; i < s->config->n_warnings; i++)
        printf("warning: %.*s\n", STR_FMT(s->config->warnings[i]));
    for (size_t i = 0; i < s->routes->n_warnings; i++)
        printf("warning: %.*s\n", STR_FMT(s->routes->warnings[i]));
    printf("configuration is valid: %.*s (%zu providers, %zu models)\n", STR_FMT(s->config->path),
           s->config->n_providers, s->routes->n);
    snapshot_unref(s);
    return 0;
}

static void print_errors(void)
{
    printf("# Errors\n\nEvery error the gateway itself answers with, in the shape of the client's "
           "dialect. Generated from `src/base/err.def`.\n\n"
           "| code | status | log name | meaning |\n| --- | --- | --- | --- |\n");
    for (int e = OK + 1; e < ERR_COUNT; e++) {
        const struct err_info *i = err_info((enum err)e);
        printf("| `%s` | %d | `%s` | %s |\n", i->code, i->status, i->name, i->text);
    }
}

static int print_docs(const char *topic)
{
    if (strcmp(topic, "config") == 0)
        config_print_reference(stdout);
    else if (strcmp(topic, "dialects") == 0)
        dialect_print_reference(stdout);
    else if (strcmp(topic, "errors") == 0)
        print_errors();
    else
        return misused("docs knows config, dialects and errors, not ", topic);
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments a = {.command = CMD_SERVE};
    int wrong = parse(argc, argv, &a);
    if (wrong)
        return wrong;
    const char *config = a.config ? a.config : "config.yaml";
    switch (a.command) {
    case CMD_CHECK: return check_config(config);
    case CMD_HEALTH: return health_run(a.url, config);
    case CMD_DOCS: return print_docs(a.topic);
    case CMD_VERSION:
        printf("cliproxyapi++ %s (%s)\n", cliproxy_version, cliproxy_commit);
        return 0;
    case CMD_HELP: fputs(usage, stdout); return 0;
    case CMD_SERVE: break;
    }
    return gateway_run(config);
}

/*
 * config/config.h - the configuration as data: one immutable document per load.
 *
 * Everything lives in the config's own arena and never changes after config_load returned it.
 * Scalars are described by config/options.def (name, type, default, bounds, help, reloadable).
 * Provider blocks are read into one uniform list, whatever the YAML block was called.
 */
#ifndef CLIPROXY_CONFIG_CONFIG_H
#define CLIPROXY_CONFIG_CONFIG_H

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "base/str.h"
#include "ir/dialect_id.h"

/* How a provider is reached; which dialect follows from it. */
enum channel_kind {
    CHANNEL_OPENAI, /* {base}/chat/completions and the other OpenAI endpoints */
    CHANNEL_CODEX,  /* {base}/responses */
    CHANNEL_CLAUDE, /* {base}/v1/messages */
    CHANNEL_GEMINI, /* {base}/v1beta/models/{m}:verb */
    CHANNEL_VERTEX, /* {base}/v1/publishers/google/models/{m}:verb */
    CHANNEL_SIM,    /* inside this program; speaks all dialects */
    CHANNEL_COUNT
};

struct header_rule {
    str name;
    str value; /* literal, or with copy: the name of the client's header to copy */
    bool copy; /* the YAML value began with '$' */
};

struct model_entry {
    str name;         /* upstream id */
    str alias;        /* client-visible id; equals name if none was given */
    str display_name; /* may be empty */
    bool force_mapping;
    uint64_t max_context; /* 0: not said */
    bool is_compat;       /* served by a copy of the vendor's API: translated with its leniency */
    bool image;           /* openai-compatibility: image endpoints only */
};

struct timeouts { /* milliseconds; 0 = none (provider entries: all filled in from upstream.*) */
    uint64_t connect_ms, first_byte_ms, idle_ms, total_ms;
};

struct credential_entry {
    str api_key;   /* secret; may be empty (local servers, sim) */
    str proxy_url; /* effective: entry's, else provider's, else global; "" = environment */
    int64_t weight;
};

struct sim_options {
    uint64_t latency_ms;
    double tokens_per_second; /* 0: as fast as possible */
    double failure_rate;      /* 0..1 */
    int failure_status;
    enum sim_failure { SIM_FAIL_STATUS, SIM_FAIL_RESET, SIM_FAIL_CUT, SIM_FAIL_HANG } failure_mode;
    enum dialect_id dialect; /* the only one it speaks; DIALECT_COUNT: whichever the client does */
};

struct provider_entry {
    enum channel_kind kind;
    str name;  /* what logs, headers and metrics say: "openrouter", "claude", "sim" */
    str block; /* the YAML block it came from */
    int line;  /* of the entry, for messages */
    bool disabled;
    str base_url; /* default filled in, one trailing '/' gone; empty for sim */
    str prefix;   /* trimmed of spaces and '/'; empty if none */
    int64_t priority;
    struct header_rule *headers;
    size_t n_headers;
    struct model_entry *models;
    size_t n_models;
    bool models_given; /* the entry listed models: it exposes only these */
    str *excluded;     /* patterns, lower case, no duplicates */
    size_t n_excluded;
    struct timeouts timeouts;
    struct credential_entry *credentials; /* at least one unless disabled */
    size_t n_credentials;
    struct sim_options sim;
};

struct client_key {
    str key;     /* secret, trimmed */
    str name;    /* for logs and usage; empty if not named */
    str *models; /* patterns; none = all (enforced with the pools, SPEC 13.2) */
    size_t n_models;
    str *providers;
    size_t n_providers;
    uint64_t rpm, tpm, concurrency; /* 0 = no limit */
    int64_t expires_at;             /* unix seconds, 0 = never */
};

struct config {
    struct arena arena;
    str path;                 /* absolute */
    uint64_t loaded_at_ms;    /* wall clock */
    unsigned char digest[32]; /* SHA-256 of the file */

    /* scalars, one row each in options.def */
    str host;
    int64_t port;
    int64_t workers;
    bool open_access;
    bool debug;
    bool access_log;
    bool logging_to_file;
    int64_t logs_max_total_mb;
    str log_dir; /* default "logs" under WRITABLE_PATH or the working directory */
    bool tls_enable;
    str tls_cert, tls_key;
    str auth_dir;
    str proxy_url; /* secret parts inside: never log */
    bool force_model_prefix;
    bool passthrough_headers;
    int64_t nonstream_keepalive_s;
    int64_t stream_keepalive_s;
    int64_t stream_bootstrap_retries;
    uint64_t shutdown_ms;
    uint64_t body_bytes, header_bytes, event_bytes;
    int64_t header_count, json_depth, connections;
    uint64_t client_header_ms, client_body_ms, client_idle_ms, client_write_ms;
    struct timeouts upstream;
    uint64_t upstream_keepalive_ms;
    int64_t upstream_max_idle;
    str upstream_ca_file;

    struct client_key *keys;
    size_t n_keys;
    struct map keys_by_value; /* key -> struct client_key * */

    struct provider_entry *providers; /* in file order, env-injected ones last */
    size_t n_providers;

    /* What was noticed while loading: unknown keys, blank api-keys, not-yet-built blocks. One line
     * each, no secrets; logged by whoever loads. */
    str *warnings;
    size_t n_warnings;
};

/*
 * Reads and validates the file, applies defaults and environment overrides (SPEC 2.2). On failure
 * returns the class and *f says file:line:column and why (S1 to S3); *out is NULL.
 */
enum err config_load(const char *path, struct config **out, struct fail *f) must_check;

/* The same from memory, for tests, fuzzing and PUT /config.yaml; name is for messages. */
enum err config_parse(str yaml, const char *name, struct config **out, struct fail *f) must_check;

void config_free(struct config *c);

/* Whether other machines cannot reach a listener on this host (SPEC 13.15). The host of a running
 * listener is the one it was started with, whatever a reload says. */
bool config_is_loopback(str host);

/* Lines "key: old -> new" for what changed between two loads, secrets masked; and warnings for
 * options that need a restart. Appended to out, one per line. */
void config_diff(const struct config *from, const struct config *to, struct buf *out);

/* Rows of options.def, for --help and doc/config.md. */
void config_print_reference(FILE *out);

#endif

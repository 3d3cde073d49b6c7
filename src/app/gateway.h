/*
 * app/gateway.h - the running program: workers, and the control thread that looks after them.
 *
 * The control thread is the main thread. It takes signals, watches the configuration file,
 * loads and hands out snapshots, writes the log. Workers never wait for it.
 */
#ifndef CLIPROXY_APP_GATEWAY_H
#define CLIPROXY_APP_GATEWAY_H

#include "config/config.h"

/* Loads a configuration with everything that can be wrong about it: routes, TLS files. */
struct snapshot;
enum err gateway_load(const char *path, uint64_t generation, struct snapshot **out,
                      struct fail *f) must_check;

/* The same and the listener's TLS files: all that --check-config can tell. */
enum err gateway_check(const char *path, struct snapshot **out, struct fail *f) must_check;

/* Serves until told to stop; returns the exit status. */
int gateway_run(const char *config_path);

#endif

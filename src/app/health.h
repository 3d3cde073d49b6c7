/*
 * app/health.h - the `health` command: asks a running gateway, for container health checks.
 */
#ifndef CLIPROXY_APP_HEALTH_H
#define CLIPROXY_APP_HEALTH_H

/* GET url (or /health at the address config_path names). 0 when it answers 200, else 1 with the
 * reason on stderr. Takes three seconds at most. */
int health_run(const char *url, const char *config_path);

#endif

/*
 * api/dispatch.h - from a request's path to whoever answers it, and the check of the client's key.
 */
#ifndef CLIPROXY_API_DISPATCH_H
#define CLIPROXY_API_DISPATCH_H

#include "relay/exchange.h"

/* Handlers of the http server; the lane hangs at worker->app. */
extern const struct http_handler dispatch_handler;

/* Builds the path table; once per process, before any worker runs. */
void dispatch_init(void);
void dispatch_fini(void);

/* Headers that go on every answer (CORS, SPEC 1.1), as bytes for http_server_options. */
extern const char dispatch_headers[];

/* ---- Local endpoints. Each ends in exchange_reply or exchange_refuse. ---- */

void api_health(struct exchange *x);
void api_healthz(struct exchange *x);
void api_root(struct exchange *x);
void api_models(struct exchange *x);
void api_models_gemini(struct exchange *x);

/* One model; id percent-encoded, as in the path. */
void api_model(struct exchange *x, str id, bool gemini);

#endif

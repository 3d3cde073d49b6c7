/*
 * channel/sim.h - the built-in simulator: a provider inside this program that speaks all four
 * dialects, so that a fresh install answers without a key and clients can be tested offline.
 *
 * It reads the request as a provider would (and refuses what a provider would refuse), makes up
 * an answer from it, and delivers it like a network: latency, pace, and failures as configured.
 */
#ifndef CLIPROXY_CHANNEL_SIM_H
#define CLIPROXY_CHANNEL_SIM_H

#include "config/config.h"
#include "dialect/dialect.h"
#include "http/call.h"
#include "net/worker.h"

/* What the request asks the simulator for. */
enum sim_operation {
    SIM_GENERATE,     /* chat, messages, responses, generateContent */
    SIM_COUNT_TOKENS, /* messages/count_tokens, :countTokens, responses/input_tokens */
    SIM_COMPLETIONS,  /* /v1/completions */
    SIM_EMBED,        /* /v1/embeddings, :embedContent, :batchEmbedContents */
    SIM_MODERATE,
    SIM_RERANK,
    SIM_IMAGE, /* a tiny PNG */
    SIM_OPERATIONS
};

struct sim_request {
    const struct sim_options *options;
    enum dialect_id dialect;
    enum sim_operation operation;
    str path;  /* upstream path with query, as a provider would see it */
    str model; /* upstream id */
    str body;  /* JSON; copied if needed beyond the call */
    bool stream;
    uint64_t seed; /* for failure-rate; 0: draw one */
};

/* As http_client_start. */
struct call *sim_start(struct worker *w, const struct sim_request *rq, const struct call_events *ev,
                       void *owner);

#endif

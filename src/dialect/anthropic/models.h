/*
 * dialect/anthropic/models.h - what the API refuses for some Claude models and not for others.
 *
 * Read off the model's name, since codecs know no catalogue; what is no Claude by name is taken to
 * be as lenient as can be. Facts: "Thinking" (limits and feature compatibility), "Structured
 * outputs" and "Fast mode" of the API's documentation, August 2026.
 */
#ifndef CLIPROXY_DIALECT_ANTHROPIC_MODELS_H
#define CLIPROXY_DIALECT_ANTHROPIC_MODELS_H

#include "base/str.h"

struct anthropic_model {
    bool is_claude;     /* by its name */
    bool no_sampling;   /* temperature, top_p and top_k are a 400 */
    bool hides_thought; /* thinking comes without its text unless display asks for it */
    bool no_prefill;    /* a conversation must not end with the assistant */
    bool no_schemas;    /* neither output_config.format nor strict tools */
    bool has_fast;      /* speed: fast */
};

struct anthropic_model anthropic_model(str name);

#endif

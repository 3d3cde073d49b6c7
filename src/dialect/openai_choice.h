/*
 * dialect/openai_choice.h - the words both OpenAI dialects have for a tool choice.
 */
#ifndef CLIPROXY_DIALECT_OPENAI_CHOICE_H
#define CLIPROXY_DIALECT_OPENAI_CHOICE_H

#include "ir/request.h"

/* "auto", "none", "required", and Mistral's "any"; false for another word. */
bool openai_choice_word(str word, enum ir_choice_kind *kind);

#endif

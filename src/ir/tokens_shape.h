/*
 * ir/tokens_shape.h - what a text is made of, as far as its token count depends on it. Private to
 * ir/tokens*.c and to the tool that fits the costs (tools/fit_tokens.py).
 *
 * Byte-pair tokenizers first cut a text into pieces (a word with the space before it, up to three
 * digits, a run of punctuation, a run of white space) and merge bytes inside each piece only. We
 * cut much the same way, count the pieces by class, and price each class. Where words split
 * further is read off a table of letter triples (tokens_split.inc).
 */
#ifndef CLIPROXY_IR_TOKENS_SHAPE_H
#define CLIPROXY_IR_TOKENS_SHAPE_H

#include <stdint.h>

#include "base/str.h"

enum token_class {
#define CLASS(name, what) TC_##name,
#include "ir/tokens_class.def"
#undef CLASS
    TOKEN_CLASSES
};

struct token_shape {
    uint64_t n[TOKEN_CLASSES];
};

/* Adds to *shape what text is made of. Any bytes may come. */
void token_shape_add(struct token_shape *shape, str text);

#endif

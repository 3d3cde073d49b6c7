/*
 * dialect/reference.h - doc/dialects.md, from the dialects' feature tables.
 */
#ifndef CLIPROXY_DIALECT_REFERENCE_H
#define CLIPROXY_DIALECT_REFERENCE_H

#include <stdio.h>

void dialect_print_reference(FILE *out);

#endif

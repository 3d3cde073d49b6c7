/*
 * support/document.h - JSON texts compared as documents, with blanks.
 *
 * The order of members makes no difference, and a member that is null is like one that is absent.
 * Numbers are the same when their text is. In what is wanted, a string "*" stands for any value,
 * and "*name" for any string: the same one wherever "*name" is said again with the same struct
 * document_blanks.
 */
#ifndef TESTS_SUPPORT_DOCUMENT_H
#define TESTS_SUPPORT_DOCUMENT_H

#include "base/arena.h"
#include "base/map.h"
#include "json/read.h"

struct document_blanks {
    struct arena arena;
    struct map filled; /* name -> struct document_blank */
};

void document_blanks_init(struct document_blanks *b);
void document_blanks_fini(struct document_blanks *b);

/* Whether got is what is wanted; if not, *why says where and how they differ. */
bool document_same(str want, str got, struct document_blanks *b, struct fail *why);
bool document_same_tree(yyjson_val *want, yyjson_val *got, struct document_blanks *b,
                        struct fail *why);

#endif

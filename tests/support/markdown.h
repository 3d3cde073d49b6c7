/*
 * support/markdown.h - fenced blocks of a test vector. The format: tests/vectors/README.md.
 */
#ifndef TESTS_SUPPORT_MARKDOWN_H
#define TESTS_SUPPORT_MARKDOWN_H

#include "base/str.h"

struct md_block {
    str name;    /* the first word behind the fence: "to-chat" */
    str options; /* the rest of that line */
    str text;    /* what is inside, with its last newline */
};

/* The next block of *rest, which moves behind it; false when there is none. */
bool md_next(str *rest, struct md_block *b);

/* "key=value" among the options, or "key" alone: then value is empty and p not NULL. */
str md_option(const struct md_block *b, str key);
bool md_has(const struct md_block *b, str key);

#endif

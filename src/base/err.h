/*
 * base/err.h - error classes, and the detail a human needs.
 *
 * Fallible functions return enum err (0 is success). Where the reader needs more than the class,
 * a struct fail is filled once, at the place that knows.
 */
#ifndef CLIPROXY_BASE_ERR_H
#define CLIPROXY_BASE_ERR_H

#include <stddef.h>

#include "base/must.h"

enum err {
    OK = 0,
#define ERR(name, status, code, text) ERR_##name,
#include "base/err.def"
#undef ERR
    ERR_COUNT
};

struct err_info {
    const char *name; /* "UP_RESET": logs and metrics */
    int status;       /* HTTP */
    const char *code; /* "upstream_reset": what clients see */
    const char *text; /* one sentence without a full stop */
};

/* Never NULL; for OK the name is "OK" and the status 200. */
const struct err_info *err_info(enum err e);

enum { FAIL_TEXT_MAX = 512 };

struct fail {
    enum err code;
    char text[FAIL_TEXT_MAX]; /* one line, no secrets; empty: use err_info()->text */
};

/* Fills *f (if any) and returns code. Long text is cut; control bytes become '?'. */
enum err fail_set(struct fail *f, enum err code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The text, or the class's own. */
const char *fail_text(const struct fail *f);

#endif

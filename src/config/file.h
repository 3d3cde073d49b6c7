/*
 * config/file.h - small files read whole, and what a relative path means.
 */
#ifndef CLIPROXY_CONFIG_FILE_H
#define CLIPROXY_CONFIG_FILE_H

#include "base/arena.h"
#include "base/buf.h"

/* Appends the file to out; it must be smaller than out->max. NULL, or the reason as the end of a
 * sentence ("cannot be read: permission denied"). Waits for nothing: no FIFO or device is read. */
const char *file_read(const char *path, struct buf *out) must_check;

/* `~` and `~/x` under the home directory; NUL-terminated, as the next one. */
str path_expand_home(struct arena *a, str path) must_check;

/* The same, and absolute by the working directory. */
str path_absolute(struct arena *a, str path) must_check;

#endif

/*
 * config/unquote.h - quoted YAML scalars from their source (YAML 1.2, 5.7, 6.5, 7.3).
 *
 * libfyaml 0.7.12 finds where a scalar begins and ends, but garbles the text of some: doubled
 * single quotes in a row, escaped line breaks behind a backslash. A garbled key is a key that does
 * not work, so the text of quoted scalars is read here.
 */
#ifndef CLIPROXY_CONFIG_UNQUOTE_H
#define CLIPROXY_CONFIG_UNQUOTE_H

#include "base/arena.h"
#include "base/str.h"

/* The text between, but without, the quotes. Escapes that do not exist stand for themselves. */
str yaml_unquote_single(struct arena *a, str source) must_check;
str yaml_unquote_double(struct arena *a, str source) must_check;

#endif

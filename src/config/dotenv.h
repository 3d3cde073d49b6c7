/*
 * config/dotenv.h - `.env` in the working directory (SPEC 2.1).
 */
#ifndef CLIPROXY_CONFIG_DOTENV_H
#define CLIPROXY_CONFIG_DOTENV_H

#include "base/str.h"

/* Sets the variables of ./.env that are not set yet; it may be missing. Only before threads. */
void dotenv_load(void);

/* The same from text; for tests. */
void dotenv_apply(str text);

#endif

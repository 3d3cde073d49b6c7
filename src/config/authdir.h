/*
 * config/authdir.h - the folder of the token files (S7).
 */
#ifndef CLIPROXY_CONFIG_AUTHDIR_H
#define CLIPROXY_CONFIG_AUTHDIR_H

#include "config/loader.h"

/* Creates auth-dir with mode 0700 if it is missing; warns where it cannot or others may read it. */
void authdir_prepare(struct loader *l);

#endif

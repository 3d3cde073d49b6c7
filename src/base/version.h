/*
 * base/version.h - what we are; the values are compiled into app/version.c alone.
 */
#ifndef CLIPROXY_BASE_VERSION_H
#define CLIPROXY_BASE_VERSION_H

extern const char cliproxy_version[]; /* "0.1.0" */
extern const char cliproxy_commit[];  /* short hash, or "unknown" */

#endif

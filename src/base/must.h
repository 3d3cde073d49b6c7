/*
 * base/must.h - what our own code guarantees, checked in release builds too.
 *
 * must() is for facts that only a bug of ours can break. Bytes from a socket or a file never
 * reach one: they get an error instead.
 */
#ifndef CLIPROXY_BASE_MUST_H
#define CLIPROXY_BASE_MUST_H

#define must_check __attribute__((warn_unused_result))

/* Says where and what, then aborts. */
_Noreturn void must_fail(const char *file, int line, const char *what);

#define must(cond) ((cond) ? (void)0 : must_fail(__FILE__, __LINE__, #cond))

#endif

/*
 * base/log.h - typed, leveled, secret-proof logging.
 *
 * A line is `[2026-11-22 20:14:04.123] [a1b2c3d4] [info ] message {"key":value,...}`; the id is
 * the request's or `--------`. Any thread may log: the line is formatted there and put into a
 * bounded queue of that thread; one writer (the control thread) takes it out. A full queue drops
 * the line and counts it; nobody waits. Before log_start lines go to stderr at once.
 *
 * There is no field type for secrets: a key or token cannot be passed, only a masked one
 * (log_secret prints `...` and the last four characters, and those only when it is 12 or longer).
 */
#ifndef CLIPROXY_BASE_LOG_H
#define CLIPROXY_BASE_LOG_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_kind { LOG_END, LOG_STR, LOG_INT, LOG_UINT, LOG_MS, LOG_BOOL };

struct log_field {
    const char *key; /* NULL: the field is left out */
    enum log_kind kind;
    str s;
    int64_t i; /* LOG_MS: nanoseconds, printed as milliseconds with one decimal */
};

#define log_str(k, v)    ((struct log_field){.key = (k), .kind = LOG_STR, .s = (v)})
#define log_int(k, v)    ((struct log_field){.key = (k), .kind = LOG_INT, .i = (int64_t)(v)})
#define log_uint(k, v)   ((struct log_field){.key = (k), .kind = LOG_UINT, .i = (int64_t)(v)})
#define log_ms(k, ns)    ((struct log_field){.key = (k), .kind = LOG_MS, .i = (int64_t)(ns)})
#define log_bool(k, v)   ((struct log_field){.key = (k), .kind = LOG_BOOL, .i = (v)})
#define log_secret(k, v) log_masked((k), (v))

struct log_field log_masked(const char *key, str secret);

/* id is the request's, 0 for none. fields end with kind LOG_END (the macro adds it). */
void log_write(enum log_level level, uint32_t id, const char *message,
               const struct log_field *fields);

bool log_on(enum log_level level);

#define log_line(level, id, message, ...)                                                       \
    do {                                                                                        \
        if (log_on(level))                                                                      \
            log_write((level), (id), (message),                                                 \
                      (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.kind = LOG_END}}); \
    } while (0)

#define log_debug(id, message, ...) log_line(LOG_DEBUG, id, message, __VA_ARGS__)
#define log_info(id, message, ...)  log_line(LOG_INFO, id, message, __VA_ARGS__)
#define log_warn(id, message, ...)  log_line(LOG_WARN, id, message, __VA_ARGS__)
#define log_error(id, message, ...) log_line(LOG_ERROR, id, message, __VA_ARGS__)

/* ---- The writer's side, one thread only (obs/log_writer). ---- */

/* Ends the direct-to-stderr phase. wake is called, from any thread, when lines were queued and
 * the writer had said that it sleeps. */
void log_start(void (*wake)(void *), void *arg);

/* Back to direct writing, when the writer is gone. */
void log_stop(void);

/* Everything queued so far, appended to out in queue order. Returns the lines dropped since the
 * last call. Afterwards the writer counts as asleep. */
uint64_t log_take(struct buf *out);

void log_set_level(enum log_level least);

/* Formats one line; log_write's own work, exposed for tests. */
void log_format(struct buf *out, uint64_t wall_ms, enum log_level level, uint32_t id,
                const char *message, const struct log_field *fields);

#endif

/*
 * obs/log_writer.h - takes queued log lines and writes them: to stdout, or to a rotating file.
 *
 * One thread only (control). Files: <dir>/main.log, rotated at 10 MiB to
 * main-<time>.log; the oldest are removed when all together pass the cap; the active one never.
 */
#ifndef CLIPROXY_OBS_LOG_WRITER_H
#define CLIPROXY_OBS_LOG_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct log_writer {
    int fd;             /* of the file, or -1: stdout */
    uint64_t size;      /* of the active file */
    uint64_t total_max; /* bytes of all files; 0: no cap */
    struct buf dir;
    struct buf lines;
    uint64_t lost; /* lines a stalled reader of stdout did not take, not yet told */
    bool stalled;
    uint64_t rotated; /* so that two rotations in one second have two names */
};

void log_writer_init(struct log_writer *w);
void log_writer_fini(struct log_writer *w);

/* Where lines go from now on. On failure they go on to where they went before. */
enum err log_writer_set(struct log_writer *w, bool to_file, str dir, uint64_t total_mb,
                        struct fail *f) must_check;

/* Writes everything that is queued. */
void log_writer_drain(struct log_writer *w);

#endif

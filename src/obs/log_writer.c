#include "obs/log_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    ROTATE_BYTES = 10 * 1024 * 1024,
    LINES_MAX = 64 * 1024 * 1024,
    NAME_BYTES = 4096,
    STALL_MS = 100
};

void log_writer_init(struct log_writer *w)
{
    *w = (struct log_writer){.fd = -1};
    buf_init(&w->dir, NAME_BYTES);
    buf_init(&w->lines, LINES_MAX);
}

void log_writer_fini(struct log_writer *w)
{
    log_writer_drain(w);
    if (w->fd >= 0)
        close(w->fd);
    buf_fini(&w->dir);
    buf_fini(&w->lines);
}

static bool file_name(str dir, const char *name, char out[NAME_BYTES])
{
    int n = snprintf(out, NAME_BYTES, "%.*s/%s", STR_FMT(dir), name);
    return n > 0 && n < NAME_BYTES;
}

/* Opens the active file of a folder and lets go of the one there was; false on failure. */
static bool open_active(struct log_writer *w, str dir)
{
    char name[NAME_BYTES];
    struct stat st;
    if (!file_name(dir, "main.log", name)) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    w->size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = fd;
    return true;
}

enum err log_writer_set(struct log_writer *w, bool to_file, str dir, uint64_t total_mb,
                        struct fail *f)
{
    w->total_max = total_mb * 1024 * 1024;
    if (!to_file) {
        if (w->fd >= 0)
            close(w->fd);
        w->fd = -1;
        return OK;
    }
    if (w->fd >= 0 && str_eq(dir, buf_str(&w->dir)))
        return OK;
    char path[NAME_BYTES];
    if (!file_name(dir, "", path))
        return fail_set(f, ERR_CONFIG, "log directory %.*s: the name is too long", STR_FMT(dir));
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return fail_set(f, ERR_CONFIG, "log directory %.*s: %s", STR_FMT(dir), strerror(errno));
    if (!open_active(w, dir))
        return fail_set(f, ERR_CONFIG, "%.*s/main.log: %s", STR_FMT(dir), strerror(errno));
    buf_clear(&w->dir);
    buf_put(&w->dir, dir);
    return OK;
}

/* ---- Rotation. ---- */

static bool is_rotated(const char *name)
{
    str s = str_c(name);
    return str_starts(s, S("main-")) && str_ends(s, S(".log"));
}

/* The oldest rotated file and the size of all of them; names sort by time. */
static uint64_t survey(struct log_writer *w, char oldest[NAME_BYTES])
{
    uint64_t total = 0;
    oldest[0] = 0;
    DIR *d = opendir(buf_c(&w->dir));
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[NAME_BYTES];
        struct stat st;
        if (!is_rotated(e->d_name) || !file_name(buf_str(&w->dir), e->d_name, path) ||
            stat(path, &st) < 0)
            continue;
        total += (uint64_t)st.st_size;
        if (!oldest[0] || strcmp(path, oldest) < 0)
            memcpy(oldest, path, strlen(path) + 1);
    }
    if (d)
        closedir(d);
    return total;
}

static void prune(struct log_writer *w)
{
    char oldest[NAME_BYTES];
    while (w->total_max && survey(w, oldest) + w->size > w->total_max && oldest[0]) {
        if (unlink(oldest) < 0)
            return;
    }
}

static void rotate(struct log_writer *w)
{
    char from[NAME_BYTES], to[NAME_BYTES], name[64];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    size_t n = strftime(name, sizeof name, "main-%Y%m%dT%H%M%S", &tm);
    snprintf(name + n, sizeof name - n, "-%06u.log", (unsigned)(w->rotated++ % 1000000));
    str dir = buf_str(&w->dir);
    if (!file_name(dir, "main.log", from) || !file_name(dir, name, to))
        return;
    /* Somebody else may have moved or removed it: then only a new one is due. */
    if (rename(from, to) < 0 && errno != ENOENT)
        return;
    if (open_active(w, dir))
        prune(w);
}

/* A pipe whose reader stalls takes nothing for as long as it likes, and this thread has signals
 * and reloads to see to: it waits a moment once, and then no more until there is room again. */
static bool stdout_has_room(struct log_writer *w)
{
    struct pollfd p = {STDOUT_FILENO, POLLOUT, 0};
    int ready;
    do
        ready = poll(&p, 1, w->stalled ? 0 : STALL_MS);
    while (ready < 0 && errno == EINTR);
    w->stalled = ready <= 0;
    return !w->stalled;
}

static uint64_t count_lines(str s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

/* As many whole lines as a pipe that polls writable takes without blocking (POSIX: PIPE_BUF); a
 * longer line goes in one piece. */
static str next_piece(const struct log_writer *w, str s)
{
    if (w->fd >= 0 || s.n <= PIPE_BUF)
        return s;
    size_t end = str_find_last(str_head(s, PIPE_BUF), '\n');
    if (end >= PIPE_BUF)
        end = str_find_char(s, '\n');
    return str_head(s, end + 1);
}

static void write_all(struct log_writer *w, str s)
{
    int fd = w->fd >= 0 ? w->fd : STDOUT_FILENO;
    while (s.n) {
        if (w->fd < 0 && !stdout_has_room(w)) {
            w->lost += count_lines(s);
            return;
        }
        ssize_t put = write(fd, s.p, next_piece(w, s).n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return; /* a full disk or a closed pipe must not stop the gateway */
        s = str_from(s, (size_t)put);
        w->size += (uint64_t)put;
    }
}

void log_writer_drain(struct log_writer *w)
{
    buf_clear(&w->lines);
    uint64_t dropped = log_take(&w->lines) + w->lost;
    w->lost = 0;
    write_all(w, buf_str(&w->lines));
    if (w->stalled) {
        w->lost += dropped; /* told when somebody reads again */
    } else if (dropped) {
        const struct log_field fields[] = {log_uint("lines", dropped), {.kind = LOG_END}};
        buf_clear(&w->lines);
        log_format(&w->lines, clock_wall_ms(), LOG_WARN, 0, "log lines dropped, the queue was full",
                   fields);
        write_all(w, buf_str(&w->lines));
    }
    if (w->fd >= 0 && w->size >= ROTATE_BYTES)
        rotate(w);
}

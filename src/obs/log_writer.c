#include "obs/log_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { ROTATE_BYTES = 10 * 1024 * 1024, LINES_MAX = 64 * 1024 * 1024, NAME_BYTES = 4096 };

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

static bool file_name(const struct log_writer *w, const char *name, char out[NAME_BYTES])
{
    int n = snprintf(out, NAME_BYTES, "%.*s/%s", STR_FMT(buf_str(&w->dir)), name);
    return n > 0 && n < NAME_BYTES;
}

static int open_active(struct log_writer *w)
{
    char name[NAME_BYTES];
    struct stat st;
    if (!file_name(w, "main.log", name))
        return -1;
    int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        w->size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    return fd;
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
    buf_clear(&w->dir);
    buf_put(&w->dir, dir);
    if (mkdir(buf_c(&w->dir), 0700) < 0 && errno != EEXIST)
        return fail_set(f, ERR_CONFIG, "log directory %.*s: %s", STR_FMT(dir), strerror(errno));
    int fd = open_active(w);
    if (fd < 0)
        return fail_set(f, ERR_CONFIG, "%.*s/main.log: %s", STR_FMT(dir), strerror(errno));
    if (w->fd >= 0)
        close(w->fd);
    w->fd = fd;
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
        if (!is_rotated(e->d_name) || !file_name(w, e->d_name, path) || stat(path, &st) < 0)
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
    if (!file_name(w, "main.log", from) || !file_name(w, name, to) || rename(from, to) < 0)
        return;
    int fd = open_active(w);
    if (fd >= 0) {
        close(w->fd);
        w->fd = fd;
    }
    prune(w);
}

static void write_all(struct log_writer *w, str s)
{
    int fd = w->fd >= 0 ? w->fd : STDOUT_FILENO;
    while (s.n) {
        ssize_t put = write(fd, s.p, s.n);
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
    uint64_t dropped = log_take(&w->lines);
    write_all(w, buf_str(&w->lines));
    if (dropped) {
        char line[128];
        int n = snprintf(line, sizeof line, "[log] %llu lines dropped: the queue was full\n",
                         (unsigned long long)dropped);
        write_all(w, str_of(line, (size_t)n));
    }
    if (w->fd >= 0 && w->size >= ROTATE_BYTES)
        rotate(w);
}

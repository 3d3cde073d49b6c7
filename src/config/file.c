#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *errno_reason(void)
{
    switch (errno) {
    case ENOENT: return "does not exist";
    case ENOTDIR: return "does not exist: a part of its path is no folder";
    case EACCES: return "cannot be read: permission denied";
    case ELOOP: return "cannot be read: too many symbolic links";
    default: return "cannot be read";
    }
}

/* The memory is taken once, so that no copy of a secret stays behind in freed memory. */
static const char *read_all(int fd, size_t size, struct buf *out)
{
    if (!buf_reserve(out, size + 1))
        return "is too large";
    for (;;) {
        size_t room = out->cap - out->n;
        if (room == 0)
            return "grew while it was read";
        ssize_t n = read(fd, out->p + out->n, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno_reason();
        if (n == 0)
            return NULL;
        out->n += (size_t)n;
    }
}

const char *file_read(const char *path, struct buf *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno_reason();
    const char *why = NULL;
    if (fstat(fd, &st))
        why = errno_reason();
    else if (S_ISDIR(st.st_mode))
        why = "is a directory";
    else if (!S_ISREG(st.st_mode))
        why = "is not a regular file";
    else if ((unsigned long long)st.st_size >= out->max)
        why = "is too large";
    if (!why)
        why = read_all(fd, (size_t)st.st_size, out);
    close(fd);
    return why;
}

str path_expand_home(struct arena *a, str path)
{
    const char *home = getenv("HOME");
    bool tilde = str_eq(path, S("~")) || str_starts(path, S("~/"));
    if (!tilde || !home || !*home)
        return str_dup(a, path);
    return arena_printf(a, "%s%.*s", home, STR_FMT(str_from(path, 1)));
}

str path_absolute(struct arena *a, str path)
{
    char cwd[4096];
    path = path_expand_home(a, path);
    if (str_starts(path, S("/")) || !getcwd(cwd, sizeof cwd))
        return path;
    return arena_printf(a, "%s/%.*s", strcmp(cwd, "/") ? cwd : "", STR_FMT(path));
}

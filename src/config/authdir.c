#include "config/authdir.h"

#include <errno.h>
#include <sys/stat.h>

/* Like mkdir -p; what is new can be entered by nobody else. path is changed and restored. */
static int make_path(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        int bad = mkdir(path, 0700) && errno != EEXIST;
        *p = '/';
        if (bad)
            return -1;
    }
    return mkdir(path, 0700) && errno != EEXIST ? -1 : 0;
}

void authdir_prepare(struct loader *l)
{
    struct stat st;
    str path = str_dup(&l->scratch, l->c->auth_dir);
    size_t mark = load_enter(l, S("auth-dir"));
    int why = path.n && make_path((char *)path.p) ? errno : 0;
    if (!path.n)
        load_warn(l, NULL, "is empty, so no token files are read");
    else if (stat(path.p, &st))
        load_warn(l, NULL, "%s cannot be created: %s", path.p, strerror(why ? why : errno));
    else if (!S_ISDIR(st.st_mode))
        load_warn(l, NULL, "%s is not a directory", path.p);
    else if (st.st_mode & 077)
        load_warn(l, NULL, "%s can be read by others (mode %04o); run chmod 700 %s", path.p,
                  (unsigned)st.st_mode & 07777, path.p);
    load_leave(l, mark);
}

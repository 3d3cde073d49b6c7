#include "support/corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"

static char *file_read(const char *path, str *text)
{
    struct stat st;
    FILE *in = fopen(path, "rb");
    if (!in)
        return NULL;
    if (fstat(fileno(in), &st) != 0)
        abort();
    char *p = mem_new((size_t)st.st_size + 1);
    *text = str_of(p, fread(p, 1, (size_t)st.st_size, in));
    fclose(in);
    return p;
}

long corpus_each(const char *folder, const char *file, void (*run)(const char *name, str text))
{
    const char *root = getenv("CORPUS");
    char path[2000];
    long seen = 0;
    snprintf(path, sizeof path, "%s/%s", root ? root : SOURCE_DIR "/../shared/fixtures", folder);
    size_t n = strlen(path);
    DIR *dir = opendir(path);
    if (!dir)
        return -1;
    for (struct dirent *e; (e = readdir(dir));) {
        str text;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path + n, sizeof path - n, "/%s/%s", e->d_name, file);
        char *p = file_read(path, &text);
        if (!p)
            continue;
        run(e->d_name, text);
        mem_free(p);
        seen++;
    }
    closedir(dir);
    return seen;
}

/* ---- one value changed ---- */

size_t mutate_count(yyjson_val *v)
{
    size_t n = 1;
    yyjson_arr_iter each = yyjson_arr_iter_with(v);
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    for (yyjson_val *e; (e = yyjson_arr_iter_next(&each));)
        n += mutate_count(e);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));)
        n += mutate_count(yyjson_obj_iter_get_val(k));
    return n;
}

struct mutation {
    size_t left; /* values before the one; SIZE_MAX: it is behind us */
    str instead;
    struct json_writer w;
};

static bool is_it(struct mutation *m)
{
    bool it = m->left == 0;
    m->left -= m->left != SIZE_MAX;
    return it;
}

static void write_value(struct mutation *m, yyjson_val *v);

static void write_members(struct mutation *m, yyjson_val *v)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    jw_object(&m->w);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        bool skip = m->left == 0 && !m->instead.n;
        if (!skip)
            jw_key(&m->w, jv_str(k));
        write_value(m, yyjson_obj_iter_get_val(k));
    }
    jw_object_end(&m->w);
}

static void write_value(struct mutation *m, yyjson_val *v)
{
    if (is_it(m)) {
        if (m->instead.n)
            jw_raw(&m->w, m->instead);
        return;
    }
    if (yyjson_is_obj(v)) {
        write_members(m, v);
    } else if (yyjson_is_arr(v)) {
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        jw_array(&m->w);
        for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));)
            write_value(m, e);
        jw_array_end(&m->w);
    } else {
        jw_value(&m->w, v);
    }
}

void mutate_write(yyjson_val *v, size_t at, str instead, struct buf *out)
{
    struct mutation m = {at, instead, json_writer(out)};
    write_value(&m, v);
}

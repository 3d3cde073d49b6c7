/*
 * replay_main.c - runs a fuzz target over files, without libFuzzer.
 *
 * Each argument is a file, or a folder whose files are run in turn (not deeper). Every input is
 * given twice: whole, and again from a fresh copy, so that a target which keeps state between
 * calls shows it here. The copy has exactly the input's size: one byte read past its end is seen
 * by the address sanitizer.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static size_t runs;

static int complain(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 1;
}

/* Runs one input; returns 0, or 1 when the file cannot be read. */
static int run_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return complain(path);
    for (int pass = 0; pass < 2; pass++) {
        uint8_t *data = malloc(size ? size : 1);
        rewind(f);
        if (!data || fread(data, 1, size, f) != size) {
            free(data);
            fclose(f);
            return complain(path);
        }
        LLVMFuzzerTestOneInput(data, size);
        free(data);
    }
    fclose(f);
    runs++;
    return 0;
}

static int run_dir(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return complain(dir);
    int bad = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[4096];
        struct stat st;
        if (e->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path)
            continue;
        if (!stat(path, &st) && S_ISREG(st.st_mode))
            bad |= run_file(path, (size_t)st.st_size);
    }
    closedir(d);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0;
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st))
            bad |= complain(argv[i]);
        else if (S_ISDIR(st.st_mode))
            bad |= run_dir(argv[i]);
        else
            bad |= run_file(argv[i], (size_t)st.st_size);
    }
    printf("%zu inputs\n", runs);
    return bad;
}

/* obs/log_writer.h: lines reach the file, files rotate, the oldest are removed. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "obs/log_writer.h"

static char dir[64];
static struct log_writer writer;

static void on_wake(void *arg)
{
    (void)arg;
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test_log_writer.XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    log_writer_init(&writer);
    log_start(on_wake, NULL);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    log_writer_fini(&writer);
    log_stop();
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void to_file(uint64_t total_mb)
{
    struct fail f = {.code = OK};
    if (log_writer_set(&writer, true, str_c(dir), total_mb, &f))
        fail_msg("%s", f.text);
}

static str content(const char *name)
{
    static char text[4096];
    int fd = open(path_of(name), O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    assert_true(n >= 0);
    return str_of(text, (size_t)n);
}

/* Makes a file of that many bytes; a hole is as good as text. */
static void make(const char *name, off_t size)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
}

static bool exists(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

/* Rotated files there are, the newest one's name in last. */
static size_t rotated(char last[256])
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    last[0] = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (!str_starts(str_c(e->d_name), S("main-")))
            continue;
        n++;
        if (strcmp(e->d_name, last) > 0)
            snprintf(last, 256, "%s", e->d_name);
    }
    closedir(d);
    return n;
}

static void test_to_file(void **state)
{
    (void)state;
    struct stat st;
    to_file(0);
    log_info(1, "first");
    log_info(2, "second");
    log_writer_drain(&writer);
    str text = content("main.log");
    assert_true(str_ends(text, S("[00000002] [info ] second\n")));
    assert_true(str_find(text, S("[00000001] [info ] first\n")) < text.n);
    assert_int_equal(stat(path_of("main.log"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(writer.size, st.st_size);
    to_file(0); /* set again by a reload: the same file goes on */
    log_info(3, "third");
    log_writer_drain(&writer);
    assert_true(str_ends(content("main.log"), S("third\n")));
    assert_true(str_find(content("main.log"), S("first")) < 100);
}

static void test_appends_to_what_is_there(void **state)
{
    (void)state;
    int fd = open(path_of("main.log"), O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "old\n", 4), 4);
    close(fd);
    to_file(0);
    log_info(0, "new");
    log_writer_drain(&writer);
    assert_true(str_starts(content("main.log"), S("old\n[")));
    assert_true(str_ends(content("main.log"), S("new\n")));
}

static void test_makes_the_folder(void **state)
{
    (void)state;
    struct stat st;
    struct fail f = {.code = OK};
    assert_int_equal(log_writer_set(&writer, true, str_c(path_of("sub")), 0, &f), OK);
    assert_int_equal(stat(path_of("sub"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_true(exists("sub/main.log"));
}

static void test_a_folder_that_cannot_be(void **state)
{
    (void)state;
    struct fail f = {.code = OK};
    to_file(0);
    assert_int_equal(log_writer_set(&writer, true, str_c(path_of("a/b/c")), 0, &f), ERR_CONFIG);
    assert_non_null(strstr(f.text, "a/b/c"));
    make("file", 0);
    assert_int_equal(log_writer_set(&writer, true, str_c(path_of("file")), 0, &f), ERR_CONFIG);
    log_info(0, "still");
    log_writer_drain(&writer);
    assert_true(str_ends(content("main.log"), S("still\n"))); /* where they went before */
    /* And it goes on so: the folder it has is the one it says it has. */
    writer.size = 11 << 20;
    log_info(0, "rotate");
    log_writer_drain(&writer);
    char last[256];
    assert_int_equal(rotated(last), 1);
    to_file(0);
    log_info(0, "after all");
    log_writer_drain(&writer);
    assert_true(str_ends(content("main.log"), S("after all\n")));
}

static void test_rotation(void **state)
{
    (void)state;
    struct stat st;
    char last[256];
    make("main.log", (10 << 20) - 1);
    to_file(0);
    log_writer_drain(&writer);
    assert_int_equal(rotated(last), 0); /* one byte short */
    log_info(0, "over the edge");
    log_writer_drain(&writer);
    assert_int_equal(rotated(last), 1);
    assert_true(str_ends(str_c(last), S(".log")));
    assert_int_equal(stat(path_of(last), &st), 0);
    assert_true(st.st_size > 10 << 20); /* no line is torn apart */
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(content("main.log").n, 0);
    log_info(0, "in the new one");
    log_writer_drain(&writer);
    assert_true(str_ends(content("main.log"), S("in the new one\n")));
    /* Twice in one second: two names. */
    writer.size = 10 << 20;
    log_writer_drain(&writer);
    assert_int_equal(rotated(last), 2);
}

static void test_pruning(void **state)
{
    (void)state;
    char last[256];
    make("main-20200101T000000-000000.log", 1 << 20);
    make("main-20200102T000000-000000.log", 1 << 20);
    make("main-20200103T000000-000000.log", 1 << 20);
    make("main-20200101T000000.txt", 1 << 20);
    make("other.log", 1 << 20);
    make("main.log", 10 << 20);
    to_file(12);
    log_info(0, "line");
    log_writer_drain(&writer);
    /* 10 MiB and a line, and 1 MiB: the next would not fit. */
    assert_int_equal(rotated(last), 3);
    assert_false(exists("main-20200101T000000-000000.log"));
    assert_false(exists("main-20200102T000000-000000.log"));
    assert_true(exists("main-20200103T000000-000000.log"));
    assert_true(exists("main-20200101T000000.txt")); /* not ours */
    assert_true(exists("other.log"));
}

/* Moved or removed by somebody else: the next rotation begins a new one all the same. */
static void test_active_file_is_gone(void **state)
{
    (void)state;
    char last[256];
    to_file(0);
    assert_int_equal(unlink(path_of("main.log")), 0);
    writer.size = 10 << 20;
    log_writer_drain(&writer);
    assert_int_equal(rotated(last), 0);
    log_info(0, "line");
    log_writer_drain(&writer);
    assert_true(str_ends(content("main.log"), S("line\n")));
}

/* A cap below the size of one file leaves the active one alone. */
static void test_small_cap(void **state)
{
    (void)state;
    char last[256];
    make("main.log", 10 << 20);
    to_file(1);
    log_info(0, "line");
    log_writer_drain(&writer);
    assert_int_equal(rotated(last), 0);
    assert_int_equal(content("main.log").n, 0);
}

static void test_says_what_was_dropped(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text);
    to_file(0);
    for (int i = 0; i < 1000; i++)
        log_info(0, "flood", log_str("text", str_of(text, sizeof text)));
    log_writer_drain(&writer);
    int fd = open(path_of("main.log"), O_RDONLY);
    assert_true(lseek(fd, -200, SEEK_END) > 0);
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    assert_int_equal(n, 200);
    assert_true(str_find(str_of(text, 200), S("lines dropped")) < 200);
    assert_int_equal(text[199], '\n');
}

/* Back to standard output: the file is let go. */
static void test_back_to_stdout(void **state)
{
    (void)state;
    struct fail f = {.code = OK};
    int saved = dup(STDOUT_FILENO), fd = open(path_of("stdout"), O_WRONLY | O_CREAT, 0600);
    to_file(0);
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    assert_int_equal(log_writer_set(&writer, false, S(""), 0, &f), OK);
    log_info(0, "line");
    log_writer_drain(&writer);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(fd);
    assert_int_equal(content("main.log").n, 0);
    assert_true(str_ends(content("stdout"), S("line\n")));
}

#define each(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(test_to_file),
        each(test_appends_to_what_is_there),
        each(test_makes_the_folder),
        each(test_a_folder_that_cannot_be),
        each(test_rotation),
        each(test_pruning),
        each(test_small_cap),
        each(test_active_file_is_gone),
        each(test_says_what_was_dropped),
        each(test_back_to_stdout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

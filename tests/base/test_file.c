#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <dirent.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"

static int enter(void **state)
{
    char *name = malloc(64);
    snprintf(name, 64, "test_file.XXXXXX");
    *state = name;
    return mkdtemp(name) && chdir(name) == 0 ? 0 : -1;
}

// Empties the folder; returns how many things were in it.
static int sweep(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *item = readdir(dir); item; item = readdir(dir)) {
        char path[600];
        if (!strcmp(item->d_name, ".") || !strcmp(item->d_name, ".."))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
        struct stat st;
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            sweep(path);
            rmdir(path);
        } else {
            unlink(path);
        }
        n++;
    }
    closedir(dir);
    return n;
}

static int leave(void **state)
{
    sweep(".");
    int bad = chdir("..") != 0 || rmdir(*state) != 0;
    free(*state);
    return bad;
}

static bool write_file(const char *path, const char *text, struct err *err)
{
    struct file_out *out = file_create(path, err);
    if (!out)
        return false;
    fputs(text, file_stream(out));
    return file_commit(out, err);
}

static void assert_holds(const char *path, const char *want)
{
    struct err err = {0};
    size_t n = 0;
    char *text = file_read(path, 100, &n, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(n, strlen(want));
    assert_string_equal(text, want);
    free(text);
}

static void assert_unreadable(const char *path, size_t limit, const char *want)
{
    struct err err = {0};
    size_t n = 0;
    assert_null(file_read(path, limit, &n, &err));
    assert_string_equal(err.text, want);
    assert_int_equal(err.class, ERR_INPUT);
}

// As file_read refuses it; a size is no reason here.
static void assert_unopenable(const char *path, const char *want)
{
    struct err err = {0};
    assert_null(file_open(path, &err));
    assert_string_equal(err.text, want);
    assert_int_equal(err.class, ERR_INPUT);
}

static void writes_and_reads(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(write_file("a.txt", "one", &err));
    assert_holds("a.txt", "one");
    assert_true(write_file("a.txt", "", &err));
    assert_holds("a.txt", "");
    assert_int_equal(sweep("."), 1);
}

static void reading_names_the_remedy(void **state)
{
    (void)state;
    assert_true(write_file("five", "12345", NULL));
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_unreadable("none", 9, "none: there is no such file; check the name");
    assert_unreadable(".", 9, ".: is a folder; name a file in it");
    assert_unreadable("pipe", 9, "pipe: is not a regular file; save its contents to one");
    assert_unreadable("five", 4,
                      "five: has 5 bytes, above the limit of 4; check that it is the right file");
    assert_holds("five", "12345");
    assert_unopenable("none", "none: there is no such file; check the name");
    assert_unopenable(".", ".: is a folder; name a file in it");
    assert_unopenable("pipe", "pipe: is not a regular file; save its contents to one");
    // No size is known beforehand here.
    assert_unreadable(
        "/proc/self/status", 10,
        "/proc/self/status: has more than 10 bytes, the limit; check that it is the right file");
    sweep(".");
}

static void inherited_descriptors_have_names(void **state)
{
    (void)state;
    assert_int_equal(file_inherited("/dev/stdin"), 0);
    assert_int_equal(file_inherited("/dev/stderr"), 2);
    assert_int_equal(file_inherited("/dev/fd/63"), 63);
    assert_int_equal(file_inherited("/proc/self/fd/7"), 7);
    static const char *const others[] = {"",           "/dev/fd/",           "/dev/fd/1x",
                                         "/dev/null",  "/dev/stdinx",        "dev/stdin",
                                         "/dev/fd/-1", "/dev/fd/99999999999"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(file_inherited(others[i]), -1);
    int ends[2];
    char name[32], line[8] = "";
    assert_int_equal(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    assert_true(write_file(name, "word", NULL));
    close(ends[1]);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    FILE *in = file_open(name, NULL);
    assert_non_null(in);
    assert_string_equal(fgets(line, sizeof line, in), "word");
    fclose(in);
    close(ends[0]);
    struct err err = {0};
    assert_null(file_open(name, &err));
    assert_int_equal(err.class, ERR_WORK);
    assert_non_null(strstr(err.text, ": cannot be opened: Bad file descriptor"));
}

static void nothing_is_there_before_commit(void **state)
{
    (void)state;
    struct err err = {0};
    struct file_out *out = file_create("new", &err);
    fputs("half", file_stream(out));
    fflush(file_stream(out));
    assert_int_equal(access("new", F_OK), -1);
    file_discard(out);
    file_discard(NULL);
    assert_int_equal(sweep("."), 0);
}

static void discard_leaves_the_old_file(void **state)
{
    (void)state;
    assert_true(write_file("old", "old", NULL));
    struct file_out *out = file_create("old", NULL);
    fputs("new", file_stream(out));
    file_discard(out);
    assert_holds("old", "old");
    assert_int_equal(sweep("."), 1);
}

static void assert_uncreatable(const char *path, const char *want)
{
    struct err err = {0};
    assert_null(file_create(path, &err));
    assert_string_equal(err.text, want);
    assert_int_equal(err.class, *path ? ERR_WORK : ERR_INPUT);
}

static void bad_places_are_told(void **state)
{
    (void)state;
    assert_uncreatable("no/such/file", "no/such/file: its folder does not exist; create it first");
    assert_uncreatable(".", ".: is a folder; name a file");
    assert_uncreatable("", "the name of the file to write is empty");
    if (geteuid() == 0)
        return; // root writes anywhere
    assert_int_equal(mkdir("locked", 0500), 0);
    assert_uncreatable("locked/file", "locked/file: cannot be written: Permission denied");
    sweep(".");
}

// The folder goes while the file is being written, so that the last step, the renaming, fails.
static void failed_commit_is_told(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(mkdir("gone", 0700), 0);
    struct file_out *out = file_create("gone/file", &err);
    fputs("text", file_stream(out));
    sweep("gone");
    assert_int_equal(rmdir("gone"), 0);
    assert_false(file_commit(out, &err));
    assert_string_equal(err.text, "gone/file: cannot be written: No such file or directory");
}

static void commit_onto_a_folder_leaves_it(void **state)
{
    (void)state;
    struct err err = {0};
    struct file_out *out = file_create("place", &err);
    assert_int_equal(mkdir("place", 0700), 0); // meanwhile
    assert_false(file_commit(out, &err));
    assert_non_null(strstr(err.text, "place: cannot be written: "));
    assert_int_equal(sweep("."), 1);
}

// A device is written straight: renaming would replace the device itself.
static void full_disk_is_told(void **state)
{
    (void)state;
    struct err err = {0};
    struct stat st;
    assert_true(write_file("/dev/null", "text", &err));
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    if (stat("/dev/full", &st) != 0)
        return;
    assert_false(write_file("/dev/full", "text", &err));
    assert_string_equal(err.text, "/dev/full: cannot be written: No space left on device");
    assert_int_equal(err.class, ERR_WORK);
}

static void links_stay_links(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(mkdir("sub", 0700), 0);
    assert_true(write_file("sub/real", "old", NULL));
    assert_int_equal(symlink("real", "sub/link"), 0);
    assert_true(write_file("sub/link", "new", NULL));
    assert_int_equal(lstat("sub/link", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_holds("sub/real", "new");
    sweep(".");
}

static void folders_are_made(void **state)
{
    (void)state;
    struct err err = {0};
    struct stat st;
    assert_true(file_make_folder("a/b//c/", &err));
    assert_true(file_make_folder("a/b/c", &err));
    assert_int_equal(stat("a/b/c", &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_true(file_make_folder("/", &err));
    assert_true(write_file("a/file", "", &err));
    assert_false(file_make_folder("a/file/d", &err));
    assert_string_equal(err.text, "a/file: is a file, not a folder; choose another name");
    err.text[0] = 0;
    assert_false(file_make_folder("", &err));
    assert_string_equal(err.text, "the name of the folder is empty");
    sweep(".");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads),
        cmocka_unit_test(reading_names_the_remedy),
        cmocka_unit_test(inherited_descriptors_have_names),
        cmocka_unit_test(nothing_is_there_before_commit),
        cmocka_unit_test(discard_leaves_the_old_file),
        cmocka_unit_test(bad_places_are_told),
        cmocka_unit_test(failed_commit_is_told),
        cmocka_unit_test(commit_onto_a_folder_leaves_it),
        cmocka_unit_test(full_disk_is_told),
        cmocka_unit_test(links_stay_links),
        cmocka_unit_test(folders_are_made),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}

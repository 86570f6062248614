// Files of others: what file_tidy leaves alone, and what a file that is replaced keeps.
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <dirent.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"

enum { STRANGER = 12345 }; // a user other than root

static int enter(void **state)
{
    char *name = malloc(64);
    snprintf(name, 64, "test_file_out.XXXXXX");
    *state = name;
    umask(022);
    return mkdtemp(name) && chdir(name) == 0 ? 0 : -1;
}

// Empties the folder, which has no folders but empty ones; returns how many things were in it.
static int empty(void)
{
    int n = 0;
    DIR *dir = opendir(".");
    for (const struct dirent *item = readdir(dir); item; item = readdir(dir)) {
        if (!strcmp(item->d_name, ".") || !strcmp(item->d_name, ".."))
            continue;
        if (unlink(item->d_name) != 0)
            rmdir(item->d_name);
        n++;
    }
    closedir(dir);
    return n;
}

static int leave(void **state)
{
    empty();
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
    size_t n = 0;
    char *text = file_read(path, 100, &n, NULL);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

// Runs a process that ends in the middle of writing `path`.
static void write_and_die(const char *path)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct file_out *out = file_create(path, NULL);
        fputs("half", file_stream(out));
        fflush(file_stream(out));
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void names_alone_are_not_removed(void **state)
{
    (void)state;
    static const char *const stay[] = {
        "thesis.2024-1.tmp",
        "a.tmp",
        "a.1-0.tmp",
        "a.bitline-1-0.tmp",
        ".bitline-1-0.tmp",
        ".a.bitline-1.tmp",
        ".a.bitline-1-.tmp",
        ".a.bitline-x-0.tmp",
        ".a.bitline-1-0.tmp.b",
        ".a.bitlines-1-0.tmp",
    };
    enum { STAY = sizeof stay / sizeof *stay };
    for (int i = 0; i < STAY; i++)
        assert_true(write_file(stay[i], "kept", NULL));
    assert_int_equal(symlink(stay[0], ".link.bitline-1-0.tmp"), 0);
    assert_int_equal(mkfifo(".fifo.bitline-1-0.tmp", 0600), 0);
    assert_int_equal(mkdir(".folder.bitline-1-0.tmp", 0700), 0);
    file_tidy(".");
    file_tidy("none");
    for (int i = 0; i < STAY; i++)
        assert_holds(stay[i], "kept");
    assert_int_equal(empty(), STAY + 3);
}

static void files_of_dead_processes_are_removed(void **state)
{
    (void)state;
    write_and_die("a.csv");
    write_and_die("a.csv");
    struct file_out *live = file_create("live.csv", NULL);
    fputs("live", file_stream(live));
    file_tidy(".");
    struct err err = {0};
    assert_true(file_commit(live, &err));
    assert_string_equal(err.text, "");
    assert_holds("live.csv", "live");
    assert_int_equal(empty(), 1);
}

static void files_of_living_processes_stay(void **state)
{
    (void)state;
    int ready[2], go[2], status = 0;
    char byte = 0;
    assert_int_equal(pipe(ready) | pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct file_out *out = file_create("theirs", NULL);
        fputs("theirs", file_stream(out));
        bool ok = write(ready[1], "", 1) == 1 && read(go[0], &byte, 1) == 1;
        _exit(ok && file_commit(out, NULL) ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    file_tidy(".");
    assert_int_equal(write(go[1], "", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_holds("theirs", "theirs");
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
    assert_int_equal(empty(), 1);
}

static void long_names_have_temporaries(void **state)
{
    (void)state;
    char name[256];
    memset(name, 'n', sizeof name - 1);
    name[255] = 0;
    assert_true(write_file(name, "text", NULL));
    assert_holds(name, "text");
    assert_int_equal(empty(), 1);
}

static void modes_are_kept(void **state)
{
    (void)state;
    static const unsigned modes[] = {0600, 0644, 0666, 0640, 0755, 0200};
    assert_true(write_file("new", "text", NULL));
    assert_int_equal(mode_of("new"), 0644);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod("new", modes[i]), 0);
        assert_true(write_file("new", "more", NULL));
        assert_int_equal(mode_of("new"), modes[i]);
    }
    // Nobody else reads the new contents of a private file before they are in place.
    assert_int_equal(chmod("new", 0600), 0);
    struct file_out *out = file_create("new", NULL);
    struct stat st;
    assert_int_equal(fstat(fileno(file_stream(out)), &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    file_discard(out);
    empty();
}

static void owners_are_kept(void **state)
{
    (void)state;
    struct stat st;
    if (geteuid() != 0)
        skip(); // root alone may give files away
    assert_true(write_file("theirs", "old", NULL));
    assert_int_equal(chmod("theirs", 0640), 0);
    assert_int_equal(chown("theirs", STRANGER, STRANGER + 1), 0);
    assert_true(write_file("theirs", "new", NULL));
    assert_int_equal(stat("theirs", &st), 0);
    assert_int_equal(st.st_uid, STRANGER);
    assert_int_equal(st.st_gid, STRANGER + 1);
    assert_int_equal(st.st_mode & 07777, 0640);
    // Somebody who cannot keep owner and group opens the file to nobody else.
    assert_int_equal(chown("theirs", 0, STRANGER + 1), 0);
    assert_int_equal(chmod("theirs", 0662), 0);
    assert_int_equal(chmod(".", 0777), 0);
    assert_int_equal(seteuid(STRANGER), 0);
    bool written = write_file("theirs", "mine", NULL);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(".", 0700), 0);
    assert_true(written);
    assert_int_equal(stat("theirs", &st), 0);
    assert_int_equal(st.st_uid, STRANGER);
    assert_int_equal(st.st_mode & 07777, 0622);
    empty();
}

// user::rw-, user:12345:r--, group::---, mask::r--, other::---; linux/posix_acl_xattr.h
static const unsigned char acl[] = {
    2, 0,    0,    0,    1,    0,    6,    0, 0xff, 0xff, 0xff, 0xff, 2,    0,    4,
    0, 0x39, 0x30, 0,    0,    4,    0,    0, 0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,
    4, 0,    0xff, 0xff, 0xff, 0xff, 0x20, 0, 0,    0,    0xff, 0xff, 0xff, 0xff};

static void acls_are_kept(void **state)
{
    (void)state;
    static const char name[] = "system.posix_acl_access",
                      folder_name[] = "system.posix_acl_default";
    unsigned char got[100];
    assert_true(write_file("shared", "old", NULL));
    if (setxattr("shared", name, acl, sizeof acl, 0) != 0) {
        empty();
        skip(); // no ACLs here
    }
    assert_true(write_file("shared", "new", NULL));
    assert_int_equal(getxattr("shared", name, got, sizeof got), sizeof acl);
    assert_memory_equal(got, acl, sizeof acl);
    // A file that has none gets none from its folder.
    assert_true(write_file("plain", "old", NULL));
    assert_int_equal(chmod("plain", 0640), 0);
    assert_int_equal(setxattr(".", folder_name, acl, sizeof acl, 0), 0);
    assert_true(write_file("plain", "new", NULL));
    assert_int_equal(removexattr(".", folder_name), 0);
    assert_int_equal(getxattr("plain", name, got, sizeof got), -1);
    assert_int_equal(errno, ENODATA);
    assert_int_equal(mode_of("plain"), 0640);
    empty();
}

static void own_links_stay_links(void **state)
{
    (void)state;
    assert_int_equal(symlink("two", "one"), 0);
    assert_int_equal(symlink("three", "two"), 0);
    assert_true(write_file("one", "new", NULL)); // dangling: makes the file
    struct stat st;
    assert_int_equal(lstat("one", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_holds("three", "new");
    assert_int_equal(empty(), 3);
    struct err err = {0};
    assert_int_equal(symlink("round", "round"), 0);
    assert_false(write_file("round", "new", &err));
    assert_string_equal(err.text, "round: cannot be written: Too many levels of symbolic links");
    assert_int_equal(empty(), 1);
}

static void hard_links_keep_the_old(void **state)
{
    (void)state;
    assert_true(write_file("one", "old", NULL));
    assert_int_equal(link("one", "two"), 0);
    assert_true(write_file("one", "new", NULL));
    assert_holds("one", "new");
    assert_holds("two", "old");
    empty();
}

// The folder is like /tmp; the link in it is another user's, its target ours.
static void links_of_others_are_not_followed(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); // root alone may give links away
    struct err err = {0};
    assert_true(write_file("mine", "mine", NULL));
    assert_int_equal(symlink("mine", "link"), 0);
    assert_int_equal(lchown("link", STRANGER, STRANGER), 0);
    assert_int_equal(mkfifo("fifo", 0666), 0);
    assert_int_equal(lchown("fifo", STRANGER, STRANGER), 0);
    assert_int_equal(chmod(".", 01777), 0);
    assert_false(write_file("link", "new", &err));
    assert_string_equal(err.text, "link: is a symbolic link that another user created in a shared "
                                  "folder, so it is not followed; choose another name");
    assert_int_equal(err.class, ERR_WORK);
    assert_holds("mine", "mine");
    assert_false(write_file("fifo", "new", NULL));
    // Followed: in a folder that is not sticky, a link of one's own, one of the folder's owner.
    assert_int_equal(chmod(".", 0777), 0);
    assert_true(write_file("link", "one", NULL));
    assert_holds("mine", "one");
    assert_int_equal(chmod(".", 01777), 0);
    assert_int_equal(lchown("link", 0, 0), 0);
    assert_true(write_file("link", "two", NULL));
    assert_holds("mine", "two");
    assert_int_equal(lchown("link", STRANGER, STRANGER), 0);
    assert_int_equal(chown(".", STRANGER, STRANGER), 0);
    assert_true(write_file("link", "three", NULL));
    assert_holds("mine", "three");
    assert_int_equal(chown(".", 0, 0), 0);
    assert_int_equal(chmod(".", 0700), 0);
    assert_int_equal(empty(), 3);
}

// A limit hits while the file is written, or when the last of it leaves the buffer.
static void limits_are_reported(void **state)
{
    (void)state;
    struct rlimit was, small = {.rlim_cur = 10000, .rlim_max = RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    for (size_t n = 9000; n < 50000; n += 1000) {
        struct err err = {0};
        char *text = calloc(1, n + 1);
        memset(text, 'x', n);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        bool ok = write_file("large", text, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
        free(text);
        assert_int_equal(ok, n <= 10000);
        if (!ok) {
            assert_string_equal(err.text, "large: cannot be written: File too large");
            assert_int_equal(err.class, ERR_WORK);
        }
        assert_int_equal(empty(), ok);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_alone_are_not_removed),
        cmocka_unit_test(files_of_dead_processes_are_removed),
        cmocka_unit_test(files_of_living_processes_stay),
        cmocka_unit_test(long_names_have_temporaries),
        cmocka_unit_test(modes_are_kept),
        cmocka_unit_test(owners_are_kept),
        cmocka_unit_test(acls_are_kept),
        cmocka_unit_test(own_links_stay_links),
        cmocka_unit_test(hard_links_keep_the_old),
        cmocka_unit_test(links_of_others_are_not_followed),
        cmocka_unit_test(limits_are_reported),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}

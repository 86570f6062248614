#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

// Opens without blocking (a FIFO without a writer would block) and refuses special files.
static int open_regular(const char *path, size_t limit, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        err_set(err, "%s: there is no such file; check the name", path);
    else if (fd < 0 || fstat(fd, &st) != 0)
        err_read(err, errno, "%s: cannot be opened: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        err_set(err, "%s: is a folder; name a file in it", path);
    else if (!S_ISREG(st.st_mode))
        err_set(err, "%s: is not a regular file; save its contents to one", path);
    else if (st.st_size > 0 && (uintmax_t)st.st_size > limit)
        err_set(err, "%s: has %ju bytes, above the limit of %zu; check that it is the right file",
                path, (uintmax_t)st.st_size, limit);
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

size_t file_mark(const char *text, size_t n)
{
    return n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

char *file_read_start(const char *path, size_t limit, size_t max, size_t *n, uint64_t *size,
                      struct err *err)
{
    struct stat st;
    int fd = open_regular(path, limit, err);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) != 0) {
        err_fail(err, "%s: cannot be read: %s", path, strerror(errno));
        close(fd);
        return NULL;
    }
    *n = 0;
    *size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    max = *size < max ? (size_t)*size : max;
    char *bytes = mem_bytes(max + 1);
    ssize_t got = 1;
    while (*n < max && got != 0) {
        got = read(fd, bytes + *n, max - *n);
        if (got > 0)
            *n += (size_t)got;
        else if (got < 0 && errno != EINTR)
            break;
    }
    int why = errno;
    close(fd);
    bytes[*n] = 0;
    if (got >= 0)
        return bytes;
    free(bytes);
    err_fail(err, "%s: cannot be read: %s", path, strerror(why));
    return NULL;
}

// The initial capacity of a growing buffer for a file: its size, if that is known.
static size_t first_capacity(int fd, size_t limit)
{
    struct stat st;
    bool known = fstat(fd, &st) == 0 && st.st_size > 0 && (uintmax_t)st.st_size <= limit;
    return known ? (size_t)st.st_size + 4096 : 4096;
}

char *file_read(const char *path, size_t limit, size_t *n, struct err *err)
{
    int fd = open_regular(path, limit, err);
    if (fd < 0)
        return NULL;
    // The size is only a hint: files may grow, and files in /proc report size 0.
    size_t used = 0, capacity = first_capacity(fd, limit);
    char *text = mem_bytes(capacity);
    for (;;) {
        text = mem_grow(text, &capacity, used + 4096, 1);
        ssize_t got = read(fd, text + used, capacity - used - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_fail(err, "%s: cannot be read: %s", path, strerror(errno));
            break;
        }
        used += (size_t)got;
        if (used > limit) {
            err_set(err, "%s: has more than %zu bytes, the limit; check that it is the right file",
                    path, limit);
            break;
        }
        if (got == 0) {
            close(fd);
            text[used] = 0;
            *n = used;
            return text;
        }
    }
    close(fd);
    free(text);
    return NULL;
}

FILE *file_open(const char *path, struct err *err)
{
    struct stat st;
    int inherited = file_inherited(path);
    int fd =
        inherited < 0 ? open_regular(path, SIZE_MAX, err) : fcntl(inherited, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        err_read(err, errno, "%s: cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    bool folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    FILE *in = folder ? NULL : fdopen(fd, "rb");
    if (folder)
        err_set(err, "%s: is a folder; name a file in it", path);
    else if (!in && errno == ENOMEM)
        mem_fail(0);
    else if (!in)
        err_read(err, errno, "%s: cannot be opened: %s", path, strerror(errno));
    if (!in)
        close(fd);
    return in;
}

int file_inherited(const char *path)
{
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(path, names[i]))
            return i;
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(folders[i]);
        if (strncmp(path, folders[i], n) != 0)
            continue;
        size_t digits = strspn(path + n, "0123456789");
        if (digits > 0 && digits < 10 && !path[n + digits])
            return (int)strtol(path + n, NULL, 10);
    }
    return -1;
}

bool file_make_folder(const char *path, struct err *err)
{
    struct stat st;
    size_t n = strlen(path) + 1;
    char *part = memcpy(mem_alloc(n, 1), path, n);
    bool ok = *path || err_set(err, "the name of the folder is empty");
    for (char *at = part; ok && *at;) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        char end = *at;
        *at = 0;
        // An existing folder is fine, even where mkdir would report a read-only file system.
        bool there = stat(part, &st) == 0;
        if (there && !S_ISDIR(st.st_mode))
            ok = err_fail(err, "%s: is a file, not a folder; choose another name", part);
        else if (!there && mkdir(part, 0777) != 0 && errno != EEXIST)
            ok = err_fail(err, "%s: cannot create the folder: %s", part, strerror(errno));
        *at = end;
    }
    free(part);
    return ok;
}

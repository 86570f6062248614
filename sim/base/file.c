#include "sim/base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/err.h"
#include "sim/base/mem.h"

// Opens without waiting (a pipe nobody writes to would block) and without following surprises.
static int open_regular(const char *path, size_t limit, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        err_set(err, "%s: there is no such file; check the name", path);
    else if (fd < 0 || fstat(fd, &st) != 0)
        err_set(err, "%s: cannot be opened: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        err_set(err, "%s: is a folder; name a file in it", path);
    else if (!S_ISREG(st.st_mode))
        err_set(err, "%s: is no regular file; save its contents to one", path);
    else if (st.st_size > 0 && (uintmax_t)st.st_size > limit)
        err_set(err, "%s: has %ju bytes, above the limit of %zu; check that it is the right file",
                path, (uintmax_t)st.st_size, limit);
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

char *file_read(const char *path, size_t limit, size_t *n, struct err *err)
{
    int fd = open_regular(path, limit, err);
    if (fd < 0)
        return NULL;
    // The size is only a hint: files may grow, and those of /proc have none.
    size_t used = 0, capacity = 0;
    char *text = NULL;
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

enum { MAX_LINKS = 16 };

struct file_out {
    char *path;      // as given, for messages
    char *target;    // the same with links resolved: a link to the old file stays a link
    char *temporary; // NULL when `target` is a device or a pipe, which is written straight
    FILE *stream;
    long process;          // that created it
    struct file_out *next; // in `open_outs`
};

static struct file_out *open_outs;

static char *copy_text(const char *text)
{
    size_t n = strlen(text) + 1;
    return memcpy(mem_alloc(n, 1), text, n);
}

static void out_free(struct file_out *out)
{
    struct file_out **at = &open_outs;
    while (*at && *at != out)
        at = &(*at)->next;
    if (*at)
        *at = out->next;
    if (out->stream)
        fclose(out->stream);
    free(out->path);
    free(out->target);
    free(out->temporary);
    free(out);
}

// Replaces *path by what it points to; false if it is no link.
static bool follow_link(char **path)
{
    char to[4096];
    ssize_t got = readlink(*path, to, sizeof to - 1);
    if (got <= 0)
        return false;
    to[got] = 0;
    const char *slash = strrchr(*path, '/');
    size_t folder = *to == '/' || !slash ? 0 : (size_t)(slash + 1 - *path);
    char *joined = mem_alloc(folder + (size_t)got + 1, 1);
    memcpy(joined, *path, folder);
    memcpy(joined + folder, to, (size_t)got);
    free(*path);
    *path = joined;
    return true;
}

// Not mkstemp, whose files nobody else may read.
static int create_temporary(struct file_out *out)
{
    size_t n = strlen(out->target) + 48;
    out->temporary = mem_alloc(n, 1);
    for (int i = 0; i < 1000; i++) {
        snprintf(out->temporary, n, "%s.%ld-%d.tmp", out->target, (long)getpid(), i);
        int fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

// Where the digits before `end` begin; `end` itself: there are none.
static const char *digits_before(const char *name, const char *end)
{
    while (end > name && isdigit((unsigned char)end[-1]))
        end--;
    return end;
}

// As create_temporary makes them.
static bool is_temporary(const char *name)
{
    size_t n = strlen(name);
    const char *end = name + n - 4;
    if (n < 4 || strcmp(end, ".tmp") != 0)
        return false;
    const char *count = digits_before(name, end);
    if (count == end || count == name || count[-1] != '-')
        return false;
    const char *pid = digits_before(name, count - 1);
    return pid < count - 1 && pid - name >= 2 && pid[-1] == '.';
}

void file_tidy(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (const struct dirent *item = readdir(dir); item; item = readdir(dir))
        if (is_temporary(item->d_name))
            unlinkat(dirfd(dir), item->d_name, 0);
    closedir(dir);
}

static bool open_out(struct file_out *out, struct err *err)
{
    struct stat st;
    bool exists = stat(out->target, &st) == 0;
    if (exists && S_ISDIR(st.st_mode))
        return err_fail(err, "%s: is a folder; name a file", out->path);
    if (exists && S_ISREG(st.st_mode) && access(out->target, W_OK) != 0)
        return err_fail(err, "%s: cannot be written: %s", out->path, strerror(errno));
    int fd = exists && !S_ISREG(st.st_mode) ? open(out->target, O_WRONLY | O_CLOEXEC)
                                            : create_temporary(out);
    if (fd < 0 && errno == ENOENT)
        return err_fail(err, "%s: its folder does not exist; create it first", out->path);
    if (fd < 0)
        return err_fail(err, "%s: cannot be written: %s", out->path, strerror(errno));
    out->stream = fdopen(fd, "w");
    if (!out->stream) // of an open file, it fails only where memory does
        mem_fail(0);
    return true;
}

struct file_out *file_create(const char *path, struct err *err)
{
    struct file_out *out = mem_alloc(1, sizeof *out);
    out->process = (long)getpid();
    out->next = open_outs;
    open_outs = out;
    out->path = copy_text(path);
    out->target = copy_text(path);
    for (int i = 0; i < MAX_LINKS && follow_link(&out->target); i++)
        continue;
    if (*path ? open_out(out, err) : err_set(err, "the name of the file to write is empty"))
        return out;
    out_free(out);
    return NULL;
}

FILE *file_stream(struct file_out *out)
{
    return out->stream;
}

// Errors of earlier writes have lost their errno; a full disk is by far the likeliest.
static bool finish_stream(struct file_out *out, struct err *err)
{
    bool earlier = ferror(out->stream) != 0;
    bool ok = fflush(out->stream) == 0;
    if (ok && out->temporary)
        ok = fsync(fileno(out->stream)) == 0;
    int why = errno;
    if (fclose(out->stream) != 0 && ok) {
        why = errno;
        ok = false;
    }
    out->stream = NULL;
    if (!ok)
        return err_fail(err, "%s: cannot be written: %s", out->path, strerror(why));
    if (earlier)
        return err_fail(err, "%s: a write failed; check that the disk is not full", out->path);
    return true;
}

bool file_commit(struct file_out *out_take, struct err *err)
{
    struct file_out *out = out_take;
    bool ok = finish_stream(out, err);
    if (ok && out->temporary && rename(out->temporary, out->target) != 0)
        ok = err_fail(err, "%s: cannot be written: %s", out->path, strerror(errno));
    if (!ok && out->temporary)
        unlink(out->temporary);
    out_free(out);
    return ok;
}

void file_discard(struct file_out *out_take)
{
    if (!out_take)
        return;
    if (out_take->temporary)
        unlink(out_take->temporary);
    out_free(out_take);
}

void file_discard_all(void)
{
    for (const struct file_out *out = open_outs; out; out = out->next)
        if (out->temporary && out->process == (long)getpid())
            unlink(out->temporary);
}

bool file_make_folder(const char *path, struct err *err)
{
    struct stat st;
    char *part = copy_text(path);
    bool ok = *path || err_set(err, "the name of the folder is empty");
    for (char *at = part; ok && *at;) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        char end = *at;
        *at = 0;
        // What exists is fine, also where mkdir would say that the file system is read-only.
        bool there = stat(part, &st) == 0;
        if (there && !S_ISDIR(st.st_mode))
            ok = err_fail(err, "%s: is a file, not a folder; choose another name", part);
        else if (!there && mkdir(part, 0777) != 0 && errno != EEXIST)
            ok = err_fail(err, "%s: the folder cannot be made: %s", part, strerror(errno));
        *at = end;
    }
    free(part);
    return ok;
}

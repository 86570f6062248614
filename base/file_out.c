#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

enum {
    MAX_LINKS = 16,
    MAX_TRIES = 1000,
    STICKY = 01000, // S_ISVTX, which POSIX alone does not declare
};

struct file_out {
    char *path;      // as given, for messages
    char *target;    // the same with links resolved: a link to the old file stays a link
    char *temporary; // NULL when `target` is a device or a pipe, which is written directly
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

static bool fail_write(const struct file_out *out, int error, struct err *err)
{
    return err_fail(err, "%s: cannot be written: %s", out->path, strerror(error));
}

// The length of the folder in front of a path's last name, with its '/'; 0: there is none.
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

// As the kernel does under fs.protected_symlinks and fs.protected_fifos, whatever the system's
// setting: in a sticky, world-writable folder, links and FIFOs of other users are not trusted.
static bool is_planted(const char *path, const struct stat *item)
{
    struct stat st;
    char *folder = copy_text(path);
    folder[folder_length(path)] = 0;
    bool shared =
        stat(*folder ? folder : ".", &st) == 0 && (st.st_mode & STICKY) && (st.st_mode & S_IWOTH);
    free(folder);
    return shared && item->st_uid != geteuid() && item->st_uid != st.st_uid;
}

// Replaces out->target, a symbolic link, by what it points to.
static bool follow_link(struct file_out *out, struct err *err)
{
    char to[4096];
    ssize_t got = readlink(out->target, to, sizeof to);
    if (got <= 0 || got == sizeof to)
        return fail_write(out, got < 0 ? errno : ENAMETOOLONG, err);
    size_t folder = *to == '/' ? 0 : folder_length(out->target);
    char *joined = mem_alloc(folder + (size_t)got + 1, 1);
    memcpy(joined, out->target, folder);
    memcpy(joined + folder, to, (size_t)got);
    free(out->target);
    out->target = joined;
    return true;
}

// Follows out->target until it is not a link, or is an inherited descriptor.
static bool resolve(struct file_out *out, struct err *err)
{
    struct stat st;
    for (int i = 0; i <= MAX_LINKS; i++) {
        if (file_inherited(out->target) >= 0 || lstat(out->target, &st) != 0)
            return true;
        bool link = S_ISLNK(st.st_mode);
        if ((link || S_ISFIFO(st.st_mode)) && is_planted(out->target, &st))
            return err_fail(err,
                            "%s: is a %s that another user created in a shared folder, so it is "
                            "not followed; choose another name",
                            out->path, link ? "symbolic link" : "FIFO");
        if (!link)
            return true;
        if (!follow_link(out, err))
            return false;
    }
    return fail_write(out, ELOOP, err);
}

// False: another program's file_tidy found the file before this lock was taken.
static bool lock_temporary(int fd)
{
    struct stat st;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno != EWOULDBLOCK; // no locks here: file_tidy removes nothing either
    return fstat(fd, &st) != 0 || st.st_nlink > 0;
}

// Not mkstemp: its files are readable by their owner only.
static int create_temporary(struct file_out *out, mode_t mode)
{
    size_t folder = folder_length(out->target), n = strlen(out->target) + 64;
    out->temporary = mem_alloc(n, 1);
    memcpy(out->temporary, out->target, folder);
    for (int i = 0; i < MAX_TRIES; i++) {
        snprintf(out->temporary + folder, n - folder, ".%.200s.bitline-%ld-%d.tmp",
                 out->target + folder, (long)getpid(), i);
        int fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd >= 0 && lock_temporary(fd))
            return fd;
        if (fd >= 0)
            close(fd);
        else if (errno != EEXIST)
            return -1;
    }
    errno = EEXIST;
    return -1;
}

// The start of the digits before `end`; `end` itself if there are none.
static const char *digits_before(const char *name, const char *end)
{
    while (end > name && isdigit((unsigned char)end[-1]))
        end--;
    return end;
}

// Whether the name has the form that create_temporary uses.
static bool is_temporary(const char *name)
{
    static const char mark[] = ".bitline-";
    size_t n = strlen(name), n_mark = sizeof mark - 1;
    const char *end = name + n - 4;
    if (*name != '.' || n < 4 || strcmp(end, ".tmp") != 0)
        return false;
    const char *count = digits_before(name, end);
    if (count == end || count[-1] != '-')
        return false;
    const char *pid = digits_before(name, count - 1);
    return pid < count - 1 && (size_t)(pid - name) > n_mark + 1 &&
           !memcmp(pid - n_mark, mark, n_mark);
}

static void remove_if_dead(int folder, const char *name)
{
    struct stat st, now;
    // On some file systems (NFS) an exclusive lock needs a descriptor that is open for writing.
    int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        fstatat(folder, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == st.st_ino &&
        now.st_dev == st.st_dev)
        unlinkat(folder, name, 0);
    close(fd);
}

void file_tidy(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (const struct dirent *item = readdir(dir); item; item = readdir(dir))
        if (is_temporary(item->d_name))
            remove_if_dead(dirfd(dir), item->d_name);
    closedir(dir);
}

// A descriptor to write to; -1 with errno, and with err where errno is not enough.
static int open_target(struct file_out *out, struct err *err)
{
    struct stat st;
    int inherited = file_inherited(out->target);
    if (inherited >= 0)
        return fcntl(inherited, F_DUPFD_CLOEXEC, 0);
    if (stat(out->target, &st) != 0)
        return create_temporary(out, 0666);
    if (S_ISDIR(st.st_mode)) {
        err_fail(err, "%s: is a folder; name a file", out->path);
        return -1;
    }
    if (!S_ISREG(st.st_mode))
        return open(out->target, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    // The old mode is set at the end: until then no other user can read the new contents.
    return faccessat(AT_FDCWD, out->target, W_OK, AT_EACCESS) == 0 ? create_temporary(out, 0600)
                                                                   : -1;
}

static bool open_out(struct file_out *out, struct err *err)
{
    int fd = open_target(out, err);
    if (fd < 0 && errno == ENOENT)
        return err_fail(err, "%s: its folder does not exist; create it first", out->path);
    if (fd < 0)
        return fail_write(out, errno, err);
    out->stream = fdopen(fd, "w");
    if (!out->stream && errno == ENOMEM)
        mem_fail(0);
    if (!out->stream) { // for example an inherited descriptor that is read-only
        fail_write(out, errno, err);
        close(fd);
        if (out->temporary)
            unlink(out->temporary);
        return false;
    }
    return true;
}

struct file_out *file_create(const char *path, struct err *err)
{
    if (!*path) {
        err_set(err, "the name of the file to write is empty");
        return NULL;
    }
    struct file_out *out = mem_alloc(1, sizeof *out);
    out->process = (long)getpid();
    out->next = open_outs;
    open_outs = out;
    out->path = copy_text(path);
    out->target = copy_text(path);
    if (resolve(out, err) && open_out(out, err))
        return out;
    out_free(out);
    return NULL;
}

FILE *file_stream(struct file_out *out)
{
    return out->stream;
}

// Gives a descriptor the ACL of an old file, or its mode where it has none.
static void keep_mode(int fd, const char *old, mode_t mode)
{
    static const char access_acl[] = "system.posix_acl_access";
    char acl[4096];
    ssize_t n = getxattr(old, access_acl, acl, sizeof acl);
    if (n < 0 && errno != ERANGE) {
        fremovexattr(fd, access_acl); // the folder's default ACL for new files
        fchmod(fd, mode);
    } else if (n < 0 || fsetxattr(fd, access_acl, acl, (size_t)n, 0) != 0) {
        fchmod(fd, mode & S_IRWXU);
    }
}

// If an attribute cannot be kept, the access rights stay as strict as create_temporary set them.
static void keep_attributes(int fd, const char *old)
{
    struct stat was, is;
    if (stat(old, &was) != 0 || !S_ISREG(was.st_mode) || fstat(fd, &is) != 0)
        return;
    mode_t mode = was.st_mode & 0777;
    bool same = was.st_uid == is.st_uid && was.st_gid == is.st_gid;
    if (!same && fchown(fd, was.st_uid, was.st_gid) != 0 &&
        fchown(fd, (uid_t)-1, was.st_gid) != 0 && was.st_gid != is.st_gid)
        mode &= S_IRWXU | S_IRWXO |
                (mode & S_IRWXO) << 3; // another group: the rights of all others only
    keep_mode(fd, old, mode);
}

// A stream does not keep the errno of an earlier write. The file will be removed, so one more byte
// is harmless, and it fails for the same reason if that persists.
static int write_again(int fd)
{
    return write(fd, "", 1) < 0 ? errno : 0;
}

static bool finish_stream(struct file_out *out, struct err *err)
{
    bool earlier = ferror(out->stream) != 0;
    bool ok = fflush(out->stream) == 0;
    int why = errno, fd = fileno(out->stream);
    if (ok && !earlier && out->temporary) {
        keep_attributes(fd, out->target);
        ok = fsync(fd) == 0;
        why = errno;
    } else if (ok && earlier && out->temporary) {
        why = write_again(fd);
        ok = why == 0;
    }
    if (fclose(out->stream) != 0 && ok) {
        why = errno;
        ok = false;
    }
    out->stream = NULL;
    if (!ok)
        return fail_write(out, why, err);
    if (earlier)
        return err_fail(err, "%s: a write failed; check that the disk is not full", out->path);
    return true;
}

bool file_commit(struct file_out *out_take, struct err *err)
{
    struct file_out *out = out_take;
    bool ok = finish_stream(out, err);
    if (ok && out->temporary && rename(out->temporary, out->target) != 0)
        ok = fail_write(out, errno, err);
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

bool file_try(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return true;
    struct file_out *out = file_create(path, err);
    file_discard(out);
    return out != NULL;
}

bool file_try_all(const char *folder, const char *const *names, struct err *err)
{
    struct stat st;
    struct arena *mem = arena_create();
    char *part = arena_strdup(mem, *folder ? folder : ".");
    bool ok = true;
    bool made = stat(folder, &st) == 0;
    for (size_t i = 0; made && S_ISDIR(st.st_mode) && ok && names[i]; i++)
        ok = file_try(arena_printf(mem, "%s/%s", folder, names[i]), err);
    while (!made && stat(part, &st) != 0) { // the nearest existing ancestor
        char *slash = strrchr(part, '/');
        if (slash == part)
            slash++;
        if (slash && *slash)
            *slash = 0;
        else
            strcpy(part, ".");
    }
    if (!S_ISDIR(st.st_mode))
        ok = err_fail(err, "%s: is a file, not a folder; choose another name", part);
    else if (!made && access(part, W_OK | X_OK) != 0)
        ok = err_fail(err, "%s: cannot create the folder: %s", folder, strerror(errno));
    arena_destroy(mem);
    return ok;
}

void file_discard_all(void)
{
    for (const struct file_out *out = open_outs; out; out = out->next)
        if (out->temporary && out->process == (long)getpid())
            unlink(out->temporary);
}

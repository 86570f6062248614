// Files: complete reads, atomic writes.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct err;

// Reads a regular file of at most `limit` bytes. The result has a 0 byte after its n bytes; free()
// it. NULL, and a sentence with path and remedy, if the file is missing, a folder, too large or
// unreadable.
char *file_read(const char *path, size_t limit, size_t *n, struct err *err);

// Bytes of the UTF-8 byte order mark that some editors and spreadsheets put at the start: 3 or 0.
size_t file_mark(const char *text, size_t n);

// Reads the first bytes of such a file, at most `max`; sets *size to the size of the file.
char *file_read_start(const char *path, size_t limit, size_t max, size_t *n, uint64_t *size,
                      struct err *err);

// Opens a stream to read a regular file of any size, or an inherited descriptor (file_inherited) of
// any kind except a folder; fclose() it. NULL and a sentence for anything else: a FIFO would block.
FILE *file_open(const char *path, struct err *err);

// The descriptor that /dev/stdin, /dev/stdout, /dev/stderr, /dev/fd/N or /proc/self/fd/N names; -1
// for every other path.
int file_inherited(const char *path);

// A file that is written under a temporary name in the destination folder:
// .NAME.bitline-PID-N.tmp, locked (flock) while its process lives. `path` does not change until
// file_commit, which flushes, syncs and renames. file_commit reports any failure along the way (a
// full disk too), which leaves an existing file unchanged. All failures except an empty name have
// class ERR_WORK.
//
// A replaced file keeps its mode, its ACL and, where permitted, its owner and group; if one of
// them cannot be kept, access is never widened. A symbolic link stays a link and its target is
// replaced; a link that another user created in a sticky, world-writable folder (/tmp) is not
// followed. Other hard links keep the old contents. Devices, FIFOs and inherited descriptors are
// written directly.
struct file_out;
struct file_out *file_create(const char *path, struct err *err);
FILE *file_stream(struct file_out *out);
bool file_commit(struct file_out *out_take, struct err *err); // ends and frees out_take
void file_discard(struct file_out *out_take);                 // NULL is fine
// Whether file_create would succeed for this path now, so that long work can be refused early.
// Leaves no file and does not open devices or FIFOs.
bool file_try(const char *path, struct err *err);
// The same for the files `names` (NULL-terminated) in a folder that file_make_folder may still have
// to create.
bool file_try_all(const char *folder, const char *const *names, struct err *err);
// Removes the temporary files of this process, not those of its parent process. It neither frees
// nor allocates memory: for a handler that ends the program.
void file_discard_all(void);
// Removes temporary files that killed processes left in the folder. A file is removed only if its
// name has the form above and no process holds its lock; on a file system without locks, none is.
void file_tidy(const char *folder);
// Creates the folder, and its parents, if they are missing.
bool file_make_folder(const char *path, struct err *err);

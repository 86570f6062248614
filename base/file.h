// Files: read whole, appear whole or not at all.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct err;

// Reads a regular file of at most `limit` bytes. The result has a 0 byte behind its n bytes; free()
// it. NULL and a sentence with path and remedy when it is missing, a folder, too large or
// unreadable.
char *file_read(const char *path, size_t limit, size_t *n, struct err *err);

// Bytes of the UTF-8 byte order mark that some editors and spreadsheets put at the start: 3 or 0.
size_t file_mark(const char *text, size_t n);

// The first bytes of such a file, at most `most` of them; *size is that of the file.
char *file_read_start(const char *path, size_t limit, size_t most, size_t *n, uint64_t *size,
                      struct err *err);

// A stream for reading a regular file of any size, or an inherited descriptor (file_inherited) of
// any kind but a folder; fclose() it. NULL and a sentence for all else: a FIFO would block.
FILE *file_open(const char *path, struct err *err);

// The descriptor that /dev/stdin, /dev/stdout, /dev/stderr, /dev/fd/N or /proc/self/fd/N names; -1
// for every other path.
int file_inherited(const char *path);

// A file being written under a temporary name in the folder of its place:
// .NAME.bitline-PID-N.tmp, locked (flock) while its process lives. Nothing is at `path` until
// file_commit, which flushes, syncs, renames; any failure on the way (full disk too) is reported
// there and leaves the old file, if any, unchanged. All failures but an empty name are of class
// ERR_WORK.
//
// A file that is replaced keeps its mode, its ACL and, where permitted, its owner and group; what
// cannot be kept never widens access. A symbolic link stays a link and its target is replaced; a
// link that another user made in a sticky folder that everybody may write (/tmp) is not followed.
// Other hard links keep the old contents. Devices, FIFOs and inherited descriptors are written
// directly.
struct file_out;
struct file_out *file_create(const char *path, struct err *err);
FILE *file_stream(struct file_out *out);
bool file_commit(struct file_out *out_take, struct err *err); // ends and frees out_take
void file_discard(struct file_out *out_take);                 // NULL is fine
// Whether file_create of the path would succeed now, for a refusal before long work. Leaves nothing
// behind, and does not open devices and FIFOs.
bool file_try(const char *path, struct err *err);
// The same of the files `names`, which ends with NULL, in a folder that file_make_folder may still
// have to make.
bool file_try_all(const char *folder, const char *const *names, struct err *err);
// Removes the temporary files of this process, not those of the process it was forked from. It
// frees and allocates nothing: for a handler that ends the program.
void file_discard_all(void);
// Removes the temporary files that processes left in the folder when they were killed. A file goes
// only if its name has the form above and nobody holds its lock; on a file system without locks
// nothing goes.
void file_tidy(const char *folder);
// Makes the folder, and its parents, if they are missing.
bool file_make_folder(const char *path, struct err *err);

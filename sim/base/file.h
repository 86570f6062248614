// Files: read whole, appear whole or not at all.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;

// Reads a regular file of at most `limit` bytes. The result has a 0 byte behind its n bytes; free()
// it. NULL and a sentence with path and remedy when it is missing, a folder, too large or
// unreadable.
char *file_read(const char *path, size_t limit, size_t *n, struct err *err);

// A file being written under a temporary name beside its place. Nothing is at `path` until
// file_commit, which flushes, syncs, renames; any failure on the way (full disk too) is reported
// there and leaves the old file, if any, as it was.
struct file_out;
struct file_out *file_create(const char *path, struct err *err);
FILE *file_stream(struct file_out *out);
bool file_commit(struct file_out *out_take, struct err *err); // ends and frees out_take
void file_discard(struct file_out *out_take);                 // NULL is fine
// Removes the temporary files of this process, not those of the process it was forked from. It
// frees and allocates nothing: for a handler that ends the program.
void file_discard_all(void);
// Removes what killed programs left in a folder of files they were writing: their temporary names,
// NAME.PID-N.tmp. For a folder that no other program writes to now.
void file_tidy(const char *folder);
// Makes the folder, and its parents, if they are missing.
bool file_make_folder(const char *path, struct err *err);

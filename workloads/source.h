// A file read from front to end, unpacked on the way if it is a gzip file; which it is, its first
// bytes tell, not its name. For the files of this folder only.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct err;
struct source;

// Reads the file, of at most `limit` bytes as it lies on the disk. NULL and a sentence if it cannot
// be had. Lends path.
struct source *source_open(const char *path, size_t limit, struct err *err);
void source_close(struct source *source); // NULL is fine
// The next n bytes; n bytes are passed over if `to` is NULL. `promised` is how many bytes the file
// should have in all, as far as is known: the sentence about a file that ends early says so.
bool source_read(struct source *source, void *to, size_t n, size_t promised, struct err *err);
// Nothing must follow; of a packed file the checksum must be right.
bool source_end(struct source *source, struct err *err);

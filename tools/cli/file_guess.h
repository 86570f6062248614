// Which kind of description a file or a name is, guessed from all its keys where it does not say.
#pragma once
#include <stdbool.h>

#include "tools/study/file_kind.h"

struct file_guess {
    enum file_kind kind; // FILE_KINDS: no key of any kind is there, or no such name
    bool by_keys;        // not stated: the kind whose keys are most like the file's
};

// Of a file, by its own keys and those of what it extends. One that cannot be read passes as a
// chip, whose loading says why.
struct file_guess file_guess(const char *path);
// Of a name: a chip's if there is such a chip, else a net's, else a job's; what stands in a folder
// that holds all kinds (BITLINE_PATH) goes by its keys.
struct file_guess file_guess_name(const char *name);
// Whether a name of a kind of the library is one by its keys, too.
bool file_guess_agrees(enum catalog_kind library, const char *name);

// The chips, nets, jobs and weights that are built into the program, and those in the user's
// folders. Search order: the folders in their order, then the built-in ones.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct conf;
struct err;

enum catalog_kind { CATALOG_CHIP, CATALOG_NET, CATALOG_WORKLOAD, CATALOG_KINDS };
extern const char *const catalog_kind_names[]; // "chip", "net", "workload"

struct catalog_entry {
    const char *name; // "hawis"
    const char *text; // the YAML, or the bytes of weights
    size_t n;
};
struct embedded_kind {
    const struct catalog_entry *entries; // sorted by name
    size_t n;
};
extern const struct embedded_kind catalog_embedded[CATALOG_KINDS]; // generated at build time
// Likewise safetensors files, by the name of the job that produced them.
extern const struct embedded_kind catalog_weights;

struct catalog {
    const char *const *folders; // NULL-terminated, or NULL; each searched for NAME.yaml in FOLDER,
                                // then in FOLDER/chips; FOLDER/nets, FOLDER/zoo; FOLDER/workloads
};

// Opens `what`: a file if it has a '/' or ends in .yaml, else a name. The error for an unknown name
// lists the known names. Resolves `extends: NAME` of every kind recursively and refuses a loop. A
// relative file name is relative to the file that contains it. A name never means the file that
// contains it, so hawis.yaml can extend the hawis of a later folder or the built-in one. The result
// has no key `extends`.
struct conf *catalog_open(const struct catalog *catalog, enum catalog_kind kind, const char *what,
                          struct err *err);
// Calls `each` once for every name of a kind, sorted, with the first line of its description.
void catalog_list(const struct catalog *catalog, enum catalog_kind kind,
                  void (*each)(const char *name, const char *description, void *arg), void *arg);

// Kind of a description file: a chip, a net, or a job of a sweep, a training or a search. Given by
// its key `kind`, or else by a key that only this kind has.
#pragma once
#include <stdbool.h>

#include "base/catalog/catalog.h"

struct conf;
struct err;

enum file_kind { FILE_CHIP, FILE_NET, FILE_SWEEP, FILE_TRAIN, FILE_SEARCH, FILE_KINDS };

extern const char *const file_kind_names[]; // values of the key `kind`, NULL-terminated

enum catalog_kind file_kind_library(enum file_kind kind); // where its names are searched
const char *file_kind_phrase(enum file_kind kind);        // "a chip", "a job of 'bitline sweep'"

// Determined by `kind`, else by the key that is unique to a kind and required there: `layers` of
// nets, `sweep`, `epochs` and `episodes` of jobs. FILE_KINDS: neither is present, as in most chips.
enum file_kind file_kind_stated(const struct conf *conf);
// Refuses a description that states another kind or an unknown one. Removes the key `kind` from
// chips and nets, so that it does not affect their hashes.
bool file_kind_expect(struct conf *conf, enum file_kind kind, struct err *err);

// What a description is: a chip, a net, or a job of a sweep, a training or a search. Its key `kind`
// says so; without one, a key that only this kind has.
#pragma once
#include <stdbool.h>

#include "base/catalog/catalog.h"

struct conf;
struct err;

enum file_kind { FILE_CHIP, FILE_NET, FILE_SWEEP, FILE_TRAIN, FILE_SEARCH, FILE_KINDS };

extern const char *const file_kind_names[]; // values of the key `kind`, NULL-terminated

enum catalog_kind file_kind_library(enum file_kind kind); // where its names are found
const char *file_kind_phrase(enum file_kind kind);        // "a chip", "a job of 'bitline sweep'"

// By `kind`, else by the key that every description of a kind has and no other: `layers` of nets,
// `sweep`, `epochs` and `episodes` of jobs. FILE_KINDS: neither is there, as in most chips.
enum file_kind file_kind_stated(const struct conf *conf);
// Refuses a description that is stated to be of another kind, or whose `kind` is unknown. Takes the
// key `kind` out of chips and nets, which then are what they are without it.
bool file_kind_expect(struct conf *conf, enum file_kind kind, struct err *err);

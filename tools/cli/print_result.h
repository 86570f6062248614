extern const char *const print_csv_files[]; // that print_csv writes, NULL-terminated
// A result for people and for programs.
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct err;
struct mapping;
struct result;
struct warnings;

void print_text(const struct result *result, FILE *out);
// One object, with the array "warnings" and what the mapping's ADCs need ("adc"); every number
// round-trips.
void print_json(const struct result *result, const struct mapping *mapping,
                const struct warnings *warnings, FILE *out);
// layers.csv, parts.csv, shared.csv, summary.csv, and slices.csv with the physical address of every
// piece of every weight matrix, in a folder that is made if it is missing.
bool print_csv(const struct result *result, const struct mapping *mapping, const char *folder,
               struct err *err);

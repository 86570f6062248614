// Measured activity as a file: written by eval, read by run. JSON, which is YAML too.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "models/cell.h"
#include "sim/crossbar/activity.h"

struct arena;
struct err;
struct mapping;

struct activity_report {
    const struct mapping *mapping;
    const struct activity_shares *layers; // one per layer of the net; of conv and linear layers
    const char *data, *command;
    size_t images;
};

// The file is there whole or not at all.
bool activity_write(const char *path, const struct activity_report *report, struct err *err);
// One for each layer of the mapping's net. Refuses files of other nets, and of arrays whose inputs
// or cells mean something else; and chips whose cells cost the same whatever the data.
bool activity_read(const char *path, const struct mapping *mapping, struct arena *mem,
                   const struct activity_params **out, struct err *err);

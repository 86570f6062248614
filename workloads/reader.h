// What a kind of data set gives to dataset.c; for the files of this folder only.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/dataset.h"

struct reader {
    const char *name;
    const char *files; // what the folder must hold, for messages; NULL: generated, takes no folder
    // Fills shape, n, images and labels of a set whose name and arena are there already. `most` is
    // the number of images wanted, SIZE_MAX for all.
    bool (*open)(const char *folder, enum dataset_part part, size_t most, struct dataset *set,
                 struct err *err);
};

extern const struct reader cifar10_reader, mnist_reader, fashion_reader, synth_reader,
    synth32_reader;

// The path of the first of `names` (NULL-terminated, relative to the folder) that exists, from the
// set's arena; NULL and a sentence if none does.
const char *reader_find(const char *folder, const char *const names[], const struct reader *reader,
                        struct dataset *set, struct err *err);

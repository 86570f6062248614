// What a net makes of images as they are, a batch at a time: statistics, right answers.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "nets/train/tensors.h"

struct dataset;
struct graph;
struct weights;

struct measure {
    const struct dataset *data;
    size_t batch; // of the graphs
    uint64_t step;
    int classes;
    const uint8_t **pointers; // (batch)
    uint8_t *labels;          // (batch)
    float *logits;            // (batch, classes)
};

// How many of n images are classified right: of those that `numbers` names, or the first.
size_t measure_right(const struct measure *m, struct graph *graph, const struct weights *weights,
                     const uint32_t *numbers, size_t n);

// A net's values, with room for a batch's statistics.
struct measured {
    struct weights *weights, *stats;
    struct tensors values, stats_values; // the same as lists
};
// Batch-norm from n batches of the numbered images: the plain mean of the batches' own statistics.
void measure_statistics(const struct measure *m, struct graph *graph, const struct measured *net,
                        const uint32_t *numbers, size_t n);

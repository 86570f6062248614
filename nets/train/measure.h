// Evaluation of images without augmentation, in batches: batch-norm statistics and correct
// predictions.
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

// Number of correct predictions among n images: those with the indices `numbers`, or the first n if
// it is NULL.
size_t measure_right(const struct measure *m, struct graph *graph, const struct weights *weights,
                     const uint32_t *numbers, size_t n);

// A net's values, and memory for a batch's statistics.
struct measured {
    struct weights *weights, *stats;
    struct tensors values, stats_values; // the same as lists
};
// Estimates batch-norm from n batches of the indexed images: the mean of the batches' statistics.
void measure_statistics(const struct measure *m, struct graph *graph, const struct measured *net,
                        const uint32_t *numbers, size_t n);

// How training feels a chip: hooks that bend weights and sums on the way forward. The way back goes
// straight through them. Implemented where the chip is known; a net knows nothing of it.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct perturb {
    void *context;
    // Called once a step and layer, from one thread, before the products: w are the weights in
    // effect of a conv or linear layer ((out, in / groups, kernel_h, kernel_w); binary: -1 and +1,
    // the scale stands elsewhere; k bits: whole numbers of steps), to be changed in place. NULL:
    // none.
    void (*weights)(void *context, int layer, uint64_t step, float *w);
    // Which rows of the weights' matrix (channel, kernel_y, kernel_x) a read-out adds up: fills
    // `ends` with the row behind each read-out's last one, at most one a row, and returns how many
    // there are; 0: one of all rows. NULL: the same.
    int (*readouts)(void *context, int layer, int *ends);
    // n sums of one read-out, to be changed in place; the net adds those of all read-outs up and
    // has `total` change what comes of it. From many threads. NULL: none.
    void (*sums)(void *context, int layer, float *sums, size_t n);
    void (*total)(void *context, int layer, float *sums, size_t n);
};

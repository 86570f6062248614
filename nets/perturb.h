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
    // Input channels (of a linear layer: features) whose sums one read-out adds up, 0: all. Sums of
    // `sums` below come from so many channels each; the net adds them up. NULL: all.
    int (*channels)(void *context, int layer);
    // n sums of one group of channels, to be changed in place; from many threads. NULL: none.
    void (*sums)(void *context, int layer, float *sums, size_t n);
};

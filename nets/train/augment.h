// Which images a step takes and what is done to them. All of it is a pure function of the seed, the
// epoch and the image, so that no order of work and no number of threads changes it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf/conf.h"

struct augment {
    bool flip; // left to right, every second time
    int crop;  // pixels of black put around the image before it is cut to its size again
};

extern const struct conf_field augment_fields[];

struct image_shape {
    int channels, height, width;
};

// Where to cut, 0..2 * crop, and whether to flip then.
struct augment_draw {
    int x, y;
    bool flip;
};
struct augment_draw augment_draw(const struct augment *augment, uint64_t seed, uint32_t epoch,
                                 uint64_t image);
// Cuts, then flips.
void augment_apply(const struct augment *augment, struct augment_draw draw,
                   struct image_shape shape, const uint8_t *from, uint8_t *to);

// Numbers of all n images, shuffled: first those to hold out, then those to train with. Returns
// how many are held out, the nearest whole number to share * n. Fixed by the seed.
size_t split_images(uint64_t seed, double share, size_t n, uint32_t *images);
// `images` in the order of an epoch.
void order_images(uint64_t seed, uint32_t epoch, size_t n, const uint32_t *images, uint32_t *order);

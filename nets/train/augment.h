// Order and augmentation of images. A pure function of seed, epoch and image, so it does not depend
// on the order of work or the number of threads.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf/conf.h"

struct augment {
    bool flip; // horizontally, with probability 1/2
    int crop;  // pixels of zero padding before a random crop to the image's size
};

extern const struct conf_field augment_fields[];

struct image_shape {
    int channels, height, width;
};

// Crop offset, 0..2 * crop, and whether to flip afterwards.
struct augment_draw {
    int x, y;
    bool flip;
};
struct augment_draw augment_draw(const struct augment *augment, uint64_t seed, uint32_t epoch,
                                 uint64_t image);
// Crops, then flips.
void augment_apply(const struct augment *augment, struct augment_draw draw,
                   struct image_shape shape, const uint8_t *from, uint8_t *to);

// Indices of all n images, shuffled: first the held-out images, then the training images. Returns
// the number held out, share * n rounded. Depends on the seed only.
size_t split_images(uint64_t seed, double share, size_t n, uint32_t *images);
// Shuffles `images` to the order of an epoch.
void order_images(uint64_t seed, uint32_t epoch, size_t n, const uint32_t *images, uint32_t *order);

#include "nets/train/augment.h"

#include <string.h>

#include "base/rng.h"

#define AT(member) .offset = offsetof(struct augment, member)
const struct conf_field augment_fields[] = {
    {"flip", CONF_BOOL, AT(flip), .fallback = "false",
     .help = "horizontally, with probability 1/2"},
    {"crop", CONF_INT, AT(crop), .min = 0, .max = 64, .fallback = "0",
     .help = "pixels of zero padding before a random crop to the image's size"},
    {0},
};
#undef AT

// 0..n-1 from 32 uniform bits.
static uint32_t below(uint32_t n, uint32_t bits)
{
    return (uint32_t)((uint64_t)bits * n >> 32);
}

struct augment_draw augment_draw(const struct augment *augment, uint64_t seed, uint32_t epoch,
                                 uint64_t image)
{
    uint32_t counter[4] = {(uint32_t)image, (uint32_t)(image >> 32), epoch, 0}, key[2], bits[4];
    uint32_t places = 2 * (uint32_t)augment->crop + 1;
    rng_key(seed, RNG_AUGMENT, key);
    rng_philox(counter, key, bits);
    return (struct augment_draw){.x = (int)below(places, bits[0]),
                                 .y = (int)below(places, bits[1]),
                                 .flip = augment->flip && bits[2] >> 31};
}

static void flip_row(uint8_t *row, int n)
{
    for (int i = 0; i < n / 2; i++) {
        uint8_t left = row[i];
        row[i] = row[n - 1 - i];
        row[n - 1 - i] = left;
    }
}

static void cut_row(const uint8_t *from, uint8_t *to, int n, int shift)
{
    int first = shift < 0 ? -shift : 0, end = shift > 0 ? n - shift : n;
    if (first >= end) {
        memset(to, 0, (size_t)n);
        return;
    }
    memset(to, 0, (size_t)first);
    memcpy(to + first, from + first + shift, (size_t)(end - first));
    memset(to + end, 0, (size_t)(n - end));
}

void augment_apply(const struct augment *augment, struct augment_draw draw,
                   struct image_shape shape, const uint8_t *from, uint8_t *to)
{
    int h = shape.height, w = shape.width;
    for (int c = 0; c < shape.channels; c++)
        for (int y = 0; y < h; y++) {
            int source = y + draw.y - augment->crop;
            uint8_t *row = to + ((size_t)c * h + y) * w;
            if (source < 0 || source >= h)
                memset(row, 0, (size_t)w);
            else
                cut_row(from + ((size_t)c * h + source) * w, row, w, draw.x - augment->crop);
            if (draw.flip)
                flip_row(row, w);
        }
}

// Fisher and Yates. Index i of the draw is its place, so it has the stream of `group` for itself.
static void shuffle(uint64_t seed, enum rng_purpose purpose, uint32_t group, size_t n,
                    uint32_t *images)
{
    for (size_t i = n; i-- > 1;) {
        uint32_t counter[4] = {(uint32_t)i, group, 0, 0};
        uint64_t bits = rng_counter(seed, purpose, counter);
        size_t j = below((uint32_t)i + 1, (uint32_t)(bits >> 32));
        uint32_t last = images[i];
        images[i] = images[j];
        images[j] = last;
    }
}

size_t split_images(uint64_t seed, double share, size_t n, uint32_t *images)
{
    for (size_t i = 0; i < n; i++)
        images[i] = (uint32_t)i;
    shuffle(seed, RNG_SPLIT, 0, n, images);
    return (size_t)(share * (double)n + 0.5);
}

void order_images(uint64_t seed, uint32_t epoch, size_t n, const uint32_t *images, uint32_t *order)
{
    memcpy(order, images, n * sizeof *order);
    shuffle(seed, RNG_ORDER, epoch, n, order);
}

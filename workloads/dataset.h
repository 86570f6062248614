// Data sets of labelled images, read or generated into one block of bytes.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;

enum dataset_part { DATASET_TRAIN, DATASET_TEST };

// Plain data, never changed after dataset_open; may be read by any number of threads.
struct dataset {
    const char *name; // of the kind: "cifar10", "synth"
    int channels, height, width, classes;
    size_t n;              // images, at least 1
    const uint8_t *images; // (n, channels, height, width), 0..255
    const uint8_t *labels; // (n), each below classes
    struct arena *mem;     // owns all of the above
};

// Opens what `spec` names:
//   cifar10:DIR  32x32 colour; the binary version, in DIR or DIR/cifar-10-batches-bin
//   mnist:DIR    28x28 grey; the IDX files, plain or .gz
//   fashion:DIR  the same files of Fashion-MNIST
//   synth        28x28 grey, generated
//   synth32      32x32 colour, generated
// The first `most` images in the order of the files, or all if most is 0. A file that is opened is
// checked to its end also where fewer images are kept. False and a sentence with file, place and
// remedy if there is no such set or a file of it is damaged; *out is set on success only.
bool dataset_open(const char *spec, enum dataset_part part, size_t most, struct dataset **out,
                  struct err *err);
void dataset_close(struct dataset *dataset); // NULL is fine
// A set of its own of copies of n images, at least 1, in the order in which they are numbered.
struct dataset *dataset_pick(const struct dataset *from, const uint32_t *numbers, size_t n);

static inline size_t dataset_image_bytes(const struct dataset *dataset)
{
    return (size_t)dataset->channels * (size_t)dataset->height * (size_t)dataset->width;
}

// (channels, height, width) of image i, i < n.
static inline const uint8_t *dataset_image(const struct dataset *dataset, size_t i)
{
    return dataset->images + i * dataset_image_bytes(dataset);
}

// Small files of the official formats, in a folder of their own.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/dataset.h"

enum { MNIST_IMAGE = 28 * 28, CIFAR_RECORD = 1 + 3 * 32 * 32 };

int fixture_enter(void **state); // cmocka's setup: makes the folder and goes there
int fixture_leave(void **state); // and its end: removes the folder

// Pixel j of image i in all files of the fixture.
uint8_t fixture_pixel(size_t i, size_t j);

void fixture_write(const char *path, const void *bytes, size_t n);
// As a gzip file made by zlib; returns its size.
size_t fixture_write_gz(const char *path, const void *bytes, size_t n);

// n images and labels i % 10 as IDX; returns the bytes written. `out` has room for them.
size_t fixture_idx_images(uint8_t *out, uint32_t n);
size_t fixture_idx_labels(uint8_t *out, uint32_t n);
// n records from image `first` on.
size_t fixture_cifar(uint8_t *out, size_t first, size_t n);

// Fails the test unless the spec opens, or unless it is refused with a sentence that holds `says`.
struct dataset *fixture_open(const char *spec, enum dataset_part part, size_t most);
void fixture_refuses(const char *spec, const char *says);

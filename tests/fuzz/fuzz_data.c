// Any bytes as the files of a data set, plain or packed: a message, or images whose labels are in
// range. The first byte chooses the set: even, all that follows is a CIFAR-10 batch; odd, two bytes
// are the length of the file of labels, which follows, and the rest is the file of images.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "workloads/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { PATH = 96 };

static void put(const char *folder, const char *name, const uint8_t *bytes, size_t n)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    if (!out || (n && fwrite(bytes, 1, n, out) != n) || fclose(out) != 0)
        abort();
}

static void drop(const char *folder, const char *name)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static void check(const char *kind, const char *folder, size_t most)
{
    char spec[PATH];
    struct err err = {0};
    struct dataset *set = NULL;
    snprintf(spec, sizeof spec, "%s:%s", kind, folder);
    if (!dataset_open(spec, DATASET_TEST, most, &set, &err)) {
        if (!err.text[0])
            abort(); // refused without a word
        return;
    }
    size_t sum = 0;
    for (size_t i = 0; i < set->n; i++)
        if (set->labels[i] >= set->classes)
            abort();
    for (size_t i = 0; i < set->n * dataset_image_bytes(set); i++)
        sum += set->images[i];
    if (set->n < 1 || sum > set->n * dataset_image_bytes(set) * 255)
        abort();
    dataset_close(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char folder[] = "/tmp/fuzz_data.XXXXXX";
    if (n < 3 || !mkdtemp(folder))
        return 0;
    if (data[0] % 2 == 0) {
        put(folder, "test_batch.bin", data + 1, n - 1);
        check("cifar10", folder, data[0] / 2);
        drop(folder, "test_batch.bin");
    } else {
        size_t labels = data[1] | (size_t)data[2] << 8, rest = n - 3;
        labels = labels < rest ? labels : rest;
        put(folder, "t10k-labels-idx1-ubyte", data + 3, labels);
        put(folder, "t10k-images-idx3-ubyte", data + 3 + labels, rest - labels);
        check("mnist", folder, data[0] / 2);
        drop(folder, "t10k-labels-idx1-ubyte");
        drop(folder, "t10k-images-idx3-ubyte");
    }
    rmdir(folder);
    return 0;
}

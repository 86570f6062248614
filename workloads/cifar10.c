// The binary version of CIFAR-10 (Krizhevsky 2009): records of one label byte and 3072 bytes of
// image, planes of red, green, blue, row by row; no header.
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "workloads/reader.h"

enum {
    SIDE = 32,
    IMAGE = 3 * SIDE * SIDE,
    RECORD = 1 + IMAGE,
    CLASSES = 10,
    FILE_RECORDS = 10000, // of an official file; fewer are taken, so that subsets can be made
    TRAIN_FILES = 5,
};

static bool check(const char *path, const uint8_t *bytes, size_t n, struct err *err)
{
    if (n == 0)
        return err_set(err, "%s: the file is empty; fetch it again", path);
    if (n % RECORD)
        return err_set(err,
                       "%s: has %zu bytes and so ends within record %zu, which begins at byte %zu; "
                       "records have %d bytes, fetch the file again",
                       path, n, n / RECORD, n - n % RECORD, RECORD);
    if (n > (size_t)FILE_RECORDS * RECORD)
        return err_set(err, "%s: has %zu records, but a batch has %d; fetch the file again", path,
                       n / RECORD, FILE_RECORDS);
    for (size_t i = 0; i < n / RECORD; i++)
        if (bytes[i * RECORD] >= CLASSES)
            return err_set(err,
                           "%s: record %zu (byte %zu) has label %d, above %d; fetch the binary "
                           "version of CIFAR-10, not CIFAR-100, again",
                           path, i, i * RECORD, bytes[i * RECORD], CLASSES - 1);
    return true;
}

// The set while it is read: as many images as the files can hold, `n` of them there.
struct filling {
    uint8_t *images, *labels;
    size_t n, most;
};

static bool read_batch(const char *path, struct filling *to, struct err *err)
{
    size_t n;
    // One record of slack, so that a file that is a little too long is told in records.
    char *text = file_read(path, (size_t)(FILE_RECORDS + 1) * RECORD, &n, err);
    if (!text)
        return false;
    const uint8_t *bytes = (const uint8_t *)text;
    bool ok = check(path, bytes, n, err);
    for (size_t i = 0; ok && i < n / RECORD && to->n < to->most; i++, to->n++) {
        to->labels[to->n] = bytes[i * RECORD];
        memcpy(to->images + to->n * IMAGE, bytes + i * RECORD + 1, IMAGE);
    }
    free(text);
    return ok;
}

static bool cifar10_open(const char *folder, enum dataset_part part, size_t most,
                         struct dataset *set, struct err *err)
{
    int files = part == DATASET_TEST ? 1 : TRAIN_FILES;
    size_t room = (size_t)files * FILE_RECORDS;
    struct filling to = {.most = most < room ? most : room};
    to.images = arena_alloc(set->mem, to.most, IMAGE);
    to.labels = arena_alloc(set->mem, to.most, 1);
    for (int i = 1; i <= files && to.n < to.most; i++) {
        const char *name = part == DATASET_TEST ? "test_batch.bin"
                                                : arena_printf(set->mem, "data_batch_%d.bin", i);
        const char *within = arena_printf(set->mem, "cifar-10-batches-bin/%s", name);
        const char *const names[] = {name, within, NULL};
        const char *path = reader_find(folder, names, &cifar10_reader, set, err);
        if (!path || !read_batch(path, &to, err))
            return false;
    }
    set->channels = 3;
    set->height = set->width = SIDE;
    set->classes = CLASSES;
    set->n = to.n;
    set->images = to.images;
    set->labels = to.labels;
    return true;
}

const struct reader cifar10_reader = {
    "cifar10", "data_batch_1.bin to data_batch_5.bin and test_batch.bin", cifar10_open};

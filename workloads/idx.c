// MNIST (LeCun et al.) and Fashion-MNIST (Xiao et al. 2017): IDX files, a header of big-endian
// 32-bit words (magic, then one size per dimension) before the bytes.
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "workloads/reader.h"
#include "workloads/source.h"

enum {
    SIDE = 28,
    IMAGE = SIDE * SIDE,
    CLASSES = 10,
    MAX_IMAGES = 100000, // bounds what a header can make us unpack
    MAX_FILE = 16 + MAX_IMAGES * IMAGE + 1,
    LABELS_MAGIC = 0x801,
    IMAGES_MAGIC = 0x803,
};

// Magic and `n` sizes.
static bool read_header(struct source *source, const char *path, uint32_t magic, uint32_t *sizes,
                        size_t n, struct err *err)
{
    uint32_t words[4] = {0};
    for (size_t i = 0; i <= n; i++) {
        uint8_t b[4];
        if (!source_read(source, b, sizeof b, 4 * (n + 1), err))
            return false;
        words[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
    if (words[0] != magic)
        return err_set(err,
                       "%s: begins with 0x%08x, but an IDX file of %s begins with 0x%08x; check "
                       "that it is the right file",
                       path, words[0], magic == LABELS_MAGIC ? "labels" : "images", magic);
    if (words[1] < 1 || words[1] > MAX_IMAGES)
        return err_set(err,
                       "%s: promises %u images (byte 4), outside 1 to %d; check that it is the "
                       "right file",
                       path, words[1], MAX_IMAGES);
    for (size_t i = 0; i < n; i++)
        sizes[i] = words[i + 1];
    return true;
}

static bool check_labels(const char *path, const uint8_t *labels, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (labels[i] >= CLASSES)
            return err_set(err,
                           "%s: label %zu (byte %zu) is %d, above %d; check that it is a file of "
                           "ten classes",
                           path, i, i + 8, labels[i], CLASSES - 1);
    return true;
}

static bool read_labels(const char *path, struct dataset *set, struct err *err)
{
    uint32_t n = 0;
    struct source *source = source_open(path, MAX_FILE, err);
    bool ok = source && read_header(source, path, LABELS_MAGIC, &n, 1, err);
    if (ok) {
        uint8_t *labels = arena_alloc(set->mem, n, 1);
        ok = source_read(source, labels, n, 8 + (size_t)n, err) && source_end(source, err) &&
             check_labels(path, labels, n, err);
        set->labels = labels;
        set->n = n;
    }
    source_close(source);
    return ok;
}

// As many images as there are labels; keeps the first `most`.
static bool read_images(const char *path, size_t most, struct dataset *set, struct err *err)
{
    uint32_t sizes[3] = {0}; // images, rows, columns
    struct source *source = source_open(path, MAX_FILE, err);
    bool ok = source && read_header(source, path, IMAGES_MAGIC, sizes, 3, err);
    if (ok && (sizes[1] != SIDE || sizes[2] != SIDE))
        ok = err_set(err, "%s: its images are %u x %u (byte 8), but those of %s are %d x %d", path,
                     sizes[1], sizes[2], set->name, SIDE, SIDE);
    if (ok && sizes[0] != set->n)
        ok = err_set(err,
                     "%s: promises %u images, but the file of labels beside it %zu labels; take "
                     "both from one source",
                     path, sizes[0], set->n);
    if (ok) {
        size_t keep = most < set->n ? most : set->n, promised = 16 + set->n * IMAGE;
        uint8_t *images = arena_alloc(set->mem, keep, IMAGE);
        ok = source_read(source, images, keep * IMAGE, promised, err) &&
             source_read(source, NULL, (set->n - keep) * IMAGE, promised, err) &&
             source_end(source, err);
        set->images = images;
        set->n = keep;
    }
    source_close(source);
    return ok;
}

static bool idx_open(const struct reader *reader, const char *folder, enum dataset_part part,
                     size_t most, struct dataset *set, struct err *err)
{
    static const char *const labels[][3] = {
        {"train-labels-idx1-ubyte", "train-labels-idx1-ubyte.gz", NULL},
        {"t10k-labels-idx1-ubyte", "t10k-labels-idx1-ubyte.gz", NULL}};
    static const char *const images[][3] = {
        {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", NULL},
        {"t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz", NULL}};
    set->channels = 1;
    set->height = set->width = SIDE;
    set->classes = CLASSES;
    const char *path = reader_find(folder, labels[part == DATASET_TEST], reader, set, err);
    if (!path || !read_labels(path, set, err))
        return false;
    path = reader_find(folder, images[part == DATASET_TEST], reader, set, err);
    return path && read_images(path, most, set, err);
}

static bool mnist_open(const char *folder, enum dataset_part part, size_t most, struct dataset *set,
                       struct err *err)
{
    return idx_open(&mnist_reader, folder, part, most, set, err);
}

static bool fashion_open(const char *folder, enum dataset_part part, size_t most,
                         struct dataset *set, struct err *err)
{
    return idx_open(&fashion_reader, folder, part, most, set, err);
}

#define FILES                                                                                      \
    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "                \
    "t10k-labels-idx1-ubyte, each plain or .gz"
const struct reader mnist_reader = {"mnist", FILES, mnist_open};
const struct reader fashion_reader = {"fashion", FILES, fashion_open};

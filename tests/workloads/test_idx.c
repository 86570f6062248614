// Are IDX files read, plain and packed, and is every damaged one refused within bounded memory?
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/workloads/fixture.h"

enum { N = 12, IMAGES_BYTES = 16 + N * MNIST_IMAGE, LABELS_BYTES = 8 + N };
#define IMAGES "t10k-images-idx3-ubyte"
#define LABELS "t10k-labels-idx1-ubyte"

// What the files hold before a test spoils them.
struct good {
    uint8_t images[IMAGES_BYTES + 1], labels[LABELS_BYTES + 1];
};

static struct good write_good(void)
{
    struct good good = {{0}, {0}};
    assert_int_equal(fixture_idx_images(good.images, N), IMAGES_BYTES);
    assert_int_equal(fixture_idx_labels(good.labels, N), LABELS_BYTES);
    fixture_write(IMAGES, good.images, IMAGES_BYTES);
    fixture_write(LABELS, good.labels, LABELS_BYTES);
    return good;
}

static void is_good(const char *spec, enum dataset_part part, size_t most, size_t n)
{
    struct dataset *set = fixture_open(spec, part, most);
    assert_int_equal(set->channels, 1);
    assert_int_equal(set->height, 28);
    assert_int_equal(set->width, 28);
    assert_int_equal(set->classes, 10);
    assert_int_equal(set->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(set->labels[i], i % 10);
        for (size_t j = 0; j < MNIST_IMAGE; j++)
            assert_int_equal(dataset_image(set, i)[j], fixture_pixel(i, j));
    }
    dataset_close(set);
}

static void reads_plain_and_packed(void **state)
{
    (void)state;
    struct good good = write_good();
    is_good("mnist:.", DATASET_TEST, 0, N);
    is_good("fashion:.", DATASET_TEST, 5, 5);
    is_good("mnist:.", DATASET_TEST, N + 1, N);
    unlink(IMAGES);
    unlink(LABELS);
    fixture_refuses("mnist:.", ".: holds neither " LABELS " nor " LABELS ".gz");
    fixture_write_gz(IMAGES ".gz", good.images, IMAGES_BYTES);
    fixture_write_gz(LABELS ".gz", good.labels, LABELS_BYTES);
    is_good("mnist:.", DATASET_TEST, 0, N);
    is_good("mnist:.", DATASET_TEST, 1, 1);
    // Some browsers unpack and keep the name.
    fixture_write(LABELS ".gz", good.labels, LABELS_BYTES);
    is_good("fashion:.", DATASET_TEST, 0, N);
    fixture_write("train-images-idx3-ubyte", good.images, IMAGES_BYTES);
    fixture_write_gz("train-labels-idx1-ubyte.gz", good.labels, LABELS_BYTES);
    is_good("mnist:.", DATASET_TRAIN, 0, N);
}

static void refuses_sizes(void **state)
{
    (void)state;
    struct good good = write_good();
    fixture_write(LABELS, good.labels, LABELS_BYTES - 1);
    fixture_refuses("mnist:.", "./" LABELS ": ends at byte 19, where 20 are promised");
    fixture_write(LABELS, good.labels, LABELS_BYTES + 1);
    fixture_refuses("mnist:.", "./" LABELS ": goes on after byte 20");
    fixture_write(LABELS, good.labels, 5);
    fixture_refuses("mnist:.", "./" LABELS ": ends at byte 5, where 8 are promised");
    fixture_write(LABELS, good.labels, 0);
    fixture_refuses("mnist:.", "./" LABELS ": ends at byte 0, where 8 are promised");
    fixture_write(LABELS, good.labels, LABELS_BYTES);
    fixture_write(IMAGES, good.images, IMAGES_BYTES - 1);
    fixture_refuses("mnist:.", "./" IMAGES ": ends at byte 9423, where 9424 are promised");
    fixture_write(IMAGES, good.images, IMAGES_BYTES + 1);
    fixture_refuses("mnist:.", "./" IMAGES ": goes on after byte 9424");
    // The end is looked at also where few images are wanted.
    struct err err = {""};
    struct dataset *set = NULL;
    assert_false(dataset_open("mnist:.", DATASET_TEST, 1, &set, &err));
}

// Writes the file with one byte changed.
static void spoil(const char *path, const uint8_t *bytes, size_t n, size_t at, uint8_t value)
{
    uint8_t *copy = mem_alloc(n, 1);
    memcpy(copy, bytes, n);
    copy[at] = value;
    fixture_write(path, copy, n);
    free(copy);
}

static void refuses_contents(void **state)
{
    (void)state;
    struct good good = write_good();
    spoil(LABELS, good.labels, LABELS_BYTES, 8 + 11, 10);
    fixture_refuses("mnist:.", "./" LABELS ": label 11 (byte 19) is 10, above 9");
    spoil(LABELS, good.labels, LABELS_BYTES, 3, 3);
    fixture_refuses("mnist:.", "./" LABELS ": begins with 0x00000803, but an IDX file of labels "
                               "begins with 0x00000801");
    spoil(LABELS, good.labels, LABELS_BYTES, 4, 255);
    fixture_refuses("mnist:.", "promises 4278190092 images (byte 4), outside 1 to 100000");
    spoil(LABELS, good.labels, LABELS_BYTES, 7, 0);
    fixture_refuses("mnist:.", "promises 0 images");
    fixture_write(LABELS, good.labels, LABELS_BYTES);
    spoil(IMAGES, good.images, IMAGES_BYTES, 3, 1);
    fixture_refuses("mnist:.", "./" IMAGES ": begins with 0x00000801, but an IDX file of images");
    spoil(IMAGES, good.images, IMAGES_BYTES, 7, N - 1);
    fixture_refuses("mnist:.", "promises 11 images, but the file of labels beside it 12 labels");
    spoil(IMAGES, good.images, IMAGES_BYTES, 15, 32);
    fixture_refuses("fashion:.", "its images are 28 x 32 (byte 8), but those of fashion are");
    unlink(IMAGES);
    assert_int_equal(mkdir(IMAGES, 0777), 0);
    fixture_refuses("mnist:.", "./" IMAGES ": is a folder");
}

static void refuses_damaged_packing(void **state)
{
    (void)state;
    struct good good = write_good();
    unlink(IMAGES);
    size_t n = fixture_write_gz(IMAGES ".gz", good.images, IMAGES_BYTES), got;
    uint8_t *packed = (uint8_t *)file_read(IMAGES ".gz", 1 << 20, &got, NULL);
    assert_non_null(packed);
    assert_int_equal(got, n);
    for (size_t cut = 2; cut < n; cut++) {
        fixture_write(IMAGES ".gz", packed, cut);
        fixture_refuses("mnist:.", "the packed file is cut: it ends at byte ");
    }
    // The last eight bytes are the checksum and the length.
    spoil(IMAGES ".gz", packed, n, n - 8, packed[n - 8] ^ 1);
    fixture_refuses("mnist:.", "(incorrect data check)");
    spoil(IMAGES ".gz", packed, n, 2, 7);
    fixture_refuses("mnist:.",
                    "./" IMAGES ".gz: is damaged near byte 4 (unknown compression method");
    uint8_t *more = mem_alloc(n + 1, 1);
    memcpy(more, packed, n);
    fixture_write(IMAGES ".gz", more, n + 1);
    fixture_refuses("mnist:.", "1 bytes follow the packed data at byte");
    free(more);
    free(packed);
    fixture_write_gz(IMAGES ".gz", good.images, IMAGES_BYTES - 1);
    fixture_refuses("mnist:.", "ends at byte 9423 once unpacked, where 9424 are promised");
}

// 60 MB in 60 kB: what goes beyond the header's promise is never unpacked.
static void refuses_bombs(void **state)
{
    (void)state;
    write_good();
    unlink(IMAGES);
    size_t n = 60 * 1000 * 1000;
    uint8_t *bomb = mem_alloc(n, 1);
    fixture_idx_images(bomb, N);
    assert_in_range(fixture_write_gz(IMAGES ".gz", bomb, n), 1, 100 * 1000);
    free(bomb);
    fixture_refuses("mnist:.", "goes on after byte 9424 once unpacked, where its header promises");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_enter, fixture_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_plain_and_packed),  TEST(refuses_sizes), TEST(refuses_contents),
        TEST(refuses_damaged_packing), TEST(refuses_bombs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

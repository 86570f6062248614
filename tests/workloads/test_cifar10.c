// Is the binary version of CIFAR-10 read as it is described, and is anything else refused with the
// place and the reason?
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/workloads/fixture.h"

static void is_image(const struct dataset *set, size_t i, size_t source)
{
    assert_int_equal(set->labels[i], source % 10);
    const uint8_t *image = dataset_image(set, i);
    for (size_t j = 0; j + 1 < CIFAR_RECORD; j++)
        assert_int_equal(image[j], fixture_pixel(source, j));
}

static void reads_records(void **state)
{
    (void)state;
    uint8_t bytes[3 * CIFAR_RECORD];
    fixture_write("test_batch.bin", bytes, fixture_cifar(bytes, 4, 3));
    struct dataset *set = fixture_open("cifar10:.", DATASET_TEST, 0);
    assert_string_equal(set->name, "cifar10");
    assert_int_equal(set->channels, 3);
    assert_int_equal(set->height, 32);
    assert_int_equal(set->width, 32);
    assert_int_equal(set->classes, 10);
    assert_int_equal(set->n, 3);
    for (size_t i = 0; i < 3; i++)
        is_image(set, i, 4 + i);
    dataset_close(set);
}

static void reads_five_files_in_order(void **state)
{
    (void)state;
    uint8_t bytes[2 * CIFAR_RECORD];
    // As the official archive unpacks.
    assert_int_equal(mkdir("cifar-10-batches-bin", 0777), 0);
    for (size_t i = 0; i < 5; i++) {
        char path[64];
        snprintf(path, sizeof path, "cifar-10-batches-bin/data_batch_%zu.bin", i + 1);
        fixture_write(path, bytes, fixture_cifar(bytes, 2 * i, 2));
    }
    struct dataset *set = fixture_open("cifar10:.", DATASET_TRAIN, 0);
    assert_int_equal(set->n, 10);
    for (size_t i = 0; i < 10; i++)
        is_image(set, i, i);
    dataset_close(set);
    set = fixture_open("cifar10:.", DATASET_TRAIN, 3);
    assert_int_equal(set->n, 3);
    is_image(set, 2, 2);
    dataset_close(set);
}

static void refuses_damage(void **state)
{
    (void)state;
    uint8_t bytes[2 * CIFAR_RECORD + 1] = {0};
    size_t n = fixture_cifar(bytes, 0, 2);
    fixture_write("test_batch.bin", bytes, n - 1);
    fixture_refuses("cifar10:.", "./test_batch.bin: has 6145 bytes and so ends within record 1, "
                                 "which begins at byte 3073");
    fixture_write("test_batch.bin", bytes, n + 1);
    fixture_refuses("cifar10:.", "has 6147 bytes and so ends within record 2, which begins at byte "
                                 "6146");
    fixture_write("test_batch.bin", bytes, 0);
    fixture_refuses("cifar10:.", "./test_batch.bin: the file is empty");
    bytes[CIFAR_RECORD] = 10;
    fixture_write("test_batch.bin", bytes, n);
    fixture_refuses("cifar10:.", "./test_batch.bin: record 1 (byte 3073) has label 10, above 9");
}

static void refuses_long_files(void **state)
{
    (void)state;
    uint8_t *bytes = mem_alloc(10001, CIFAR_RECORD);
    fixture_write("test_batch.bin", bytes, (size_t)10001 * CIFAR_RECORD);
    free(bytes);
    fixture_refuses("cifar10:.", "has 10001 records, but a batch has 10000");
    // A file with a hole: huge, though it takes no room.
    assert_int_equal(truncate("test_batch.bin", (off_t)1 << 40), 0);
    fixture_refuses("cifar10:.", "has 1099511627776 bytes, above the limit");
}

static void refuses_missing_files(void **state)
{
    (void)state;
    uint8_t bytes[CIFAR_RECORD];
    fixture_refuses("cifar10:.", ".: holds neither test_batch.bin nor "
                                 "cifar-10-batches-bin/test_batch.bin; give the folder that holds "
                                 "data_batch_1.bin");
    fixture_refuses("cifar10:none", "none: there is no such folder");
    fixture_write("file", bytes, fixture_cifar(bytes, 0, 1));
    fixture_refuses("cifar10:file", "file: is no folder");
    assert_int_equal(mkdir("test_batch.bin", 0777), 0);
    fixture_refuses("cifar10:.", "./test_batch.bin: is a folder");
    assert_int_equal(rmdir("test_batch.bin"), 0);
    assert_int_equal(mkfifo("test_batch.bin", 0666), 0);
    fixture_refuses("cifar10:.", "./test_batch.bin: is not a regular file");
}

static void refuses_specs(void **state)
{
    (void)state;
    const char *known = "name one of cifar10:DIR, mnist:DIR, fashion:DIR, synth, synth32";
    fixture_refuses("", known);
    fixture_refuses("cifar", known);
    fixture_refuses("cifar100:.", known);
    fixture_refuses(":", known);
    fixture_refuses("cifar10", "needs its folder: cifar10:DIR, where DIR holds data_batch_1.bin");
    fixture_refuses("mnist:", "needs its folder: mnist:DIR");
    fixture_refuses("synth:.", "synth is generated and takes no folder");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_enter, fixture_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_records),      TEST(reads_five_files_in_order), TEST(refuses_damage),
        TEST(refuses_long_files), TEST(refuses_missing_files),     TEST(refuses_specs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

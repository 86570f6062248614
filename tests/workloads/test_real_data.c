// Are the official files read as their publishers describe them? Skipped, file set by file set,
// where they are absent: test_real_data DEFAULT_FOLDER, or BITLINE_DATA in the environment.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/workloads/fixture.h"

static const char *folder = "";

// NULL, with a message, if the part's first file is not there.
static struct dataset *open_real(const char *kind, const char *where, const char *file,
                                 enum dataset_part part)
{
    char path[4096], spec[4096];
    snprintf(path, sizeof path, "%s/%s/%s", folder, where, file);
    snprintf(spec, sizeof spec, "%s:%s/%s", kind, folder, where);
    bool plain = access(path, R_OK) == 0;
    snprintf(path, sizeof path, "%s/%s/%s.gz", folder, where, file);
    if (plain || access(path, R_OK) == 0)
        return fixture_open(spec, part, 0);
    print_message("# no %s in %s/%s: not tested\n", file, folder, where);
    return NULL;
}

static void begins_with(const struct dataset *set, const char *digits)
{
    for (size_t i = 0; digits[i]; i++)
        assert_int_equal(set->labels[i], digits[i] - '0');
}

static void is_balanced(const struct dataset *set)
{
    size_t count[10] = {0};
    for (size_t i = 0; i < set->n; i++)
        count[set->labels[i]]++;
    for (int k = 0; k < 10; k++)
        assert_int_equal(count[k], set->n / 10);
}

static void reads_mnist(void **state)
{
    (void)state;
    struct dataset *set = open_real("mnist", "mnist", "t10k-images-idx3-ubyte", DATASET_TEST);
    if (!set)
        return;
    assert_int_equal(set->n, 10000);
    begins_with(set, "7210414959");
    dataset_close(set);
    set = open_real("mnist", "mnist", "train-images-idx3-ubyte", DATASET_TRAIN);
    assert_non_null(set);
    assert_int_equal(set->n, 60000);
    begins_with(set, "5041921314");
    // The published mean of the training images, with which everybody normalises.
    double sum = 0;
    for (size_t i = 0; i < set->n * dataset_image_bytes(set); i++)
        sum += set->images[i];
    assert_in_range((int)(1e4 * sum / 255 / 784 / 60000 + 0.5), 1307, 1307);
    dataset_close(set);
}

static void reads_fashion(void **state)
{
    (void)state;
    struct dataset *set =
        open_real("fashion", "fashion-mnist", "t10k-images-idx3-ubyte", DATASET_TEST);
    if (!set)
        return;
    assert_int_equal(set->n, 10000);
    begins_with(set, "9211614657");
    is_balanced(set);
    dataset_close(set);
}

static void reads_cifar10(void **state)
{
    (void)state;
    struct dataset *set = open_real("cifar10", "cifar10", "test_batch.bin", DATASET_TEST);
    if (!set)
        return;
    assert_int_equal(set->n, 10000);
    begins_with(set, "3880661631");
    is_balanced(set);
    dataset_close(set);
}

int main(int argc, char **argv)
{
    const char *named = getenv("BITLINE_DATA");
    folder = named && *named ? named : argc > 1 ? argv[1] : "";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_mnist),
        cmocka_unit_test(reads_fashion),
        cmocka_unit_test(reads_cifar10),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Are the official files of a data set read as their publishers describe them? Skipped where they
// are absent. test_real_data DEFAULT_FOLDER SET; BITLINE_DATA in the environment names another
// folder.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/workloads/fixture.h"

static const char *folder = "";

static bool is_there(const char *where, const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s", folder, where, file);
    bool plain = access(path, R_OK) == 0;
    snprintf(path, sizeof path, "%s/%s/%s.gz", folder, where, file);
    return plain || access(path, R_OK) == 0;
}

static struct dataset *open_real(const char *kind, const char *where, enum dataset_part part)
{
    char spec[4096];
    snprintf(spec, sizeof spec, "%s:%s/%s", kind, folder, where);
    return fixture_open(spec, part, 0);
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
    struct dataset *set = open_real("mnist", "mnist", DATASET_TEST);
    assert_int_equal(set->n, 10000);
    begins_with(set, "7210414959");
    dataset_close(set);
    set = open_real("mnist", "mnist", DATASET_TRAIN);
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
    struct dataset *set = open_real("fashion", "fashion-mnist", DATASET_TEST);
    assert_int_equal(set->n, 10000);
    begins_with(set, "9211614657");
    is_balanced(set);
    dataset_close(set);
}

static void reads_cifar10(void **state)
{
    (void)state;
    struct dataset *set = open_real("cifar10", "cifar10", DATASET_TEST);
    assert_int_equal(set->n, 10000);
    begins_with(set, "3880661631");
    is_balanced(set);
    dataset_close(set);
}

struct real_set {
    const char *name, *where, *file; // file: one of it, whose absence means that of all
    struct CMUnitTest test;
};

int main(int argc, char **argv)
{
    static const struct real_set sets[] = {
        {"mnist", "mnist", "t10k-images-idx3-ubyte", cmocka_unit_test(reads_mnist)},
        {"fashion", "fashion-mnist", "t10k-images-idx3-ubyte", cmocka_unit_test(reads_fashion)},
        {"cifar10", "cifar10", "test_batch.bin", cmocka_unit_test(reads_cifar10)},
    };
    const char *named = getenv("BITLINE_DATA");
    folder = named && *named ? named : argc > 1 ? argv[1] : "";
    for (size_t i = 0; argc == 3 && i < sizeof sets / sizeof *sets; i++) {
        const struct CMUnitTest tests[] = {sets[i].test};
        if (strcmp(argv[2], sets[i].name) != 0)
            continue;
        if (is_there(sets[i].where, sets[i].file))
            return cmocka_run_group_tests(tests, NULL, NULL);
        printf("1..0 # SKIP there is no %s in %s/%s\n", sets[i].file, folder, sets[i].where);
        return 0;
    }
    fprintf(stderr, "usage: test_real_data FOLDER mnist|fashion|cifar10\n");
    return 2;
}

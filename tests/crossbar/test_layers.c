// Law 1 for every kind of layer: unbroken arrays that lose nothing equal the integer net bit for
// bit.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/err.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "tests/crossbar/model.h"
#include "tests/support/layer_nets.h"

enum { IMAGES = 5, BYTES = 192, CLASSES = 10 };

#define ADC "adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, area: 1 um2, count: 128}"
#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

struct arrangement {
    const char *chip;
    const char *const *sets;
};

static const struct arrangement arrangements[] = {
    {"hawis", SETS(ADC)},
    {"hawis", SETS(ADC, "crossbar.rows=40", "dac.count=40", "mapping.policy=dense",
                   "crossbar.rows_active=13")},
    {"hawis-q8", SETS(ADC, "mapping.replicate=true", "mapping.tiles=100")},
    {"isaac-ce", SETS(ADC)},
};

static void logits(const struct model *m, int_net_matrix *matrix, void *context,
                   int64_t out[IMAGES][CLASSES])
{
    struct int_net_run *run = int_net_run_create(m->integer);
    uint32_t x = 3;
    uint8_t image[BYTES];
    for (int i = 0; i < IMAGES; i++) {
        model_image(&x, image);
        memcpy(out[i], int_net_run_image(run, image, matrix, context), sizeof out[i]);
    }
    int_net_run_destroy(run);
}

static void expect_same(const struct layer_net *net, const struct arrangement *a, const char *form)
{
    static const struct chip_sample fine = {.seed = 1};
    struct model m = model_of(a->chip, net->yaml, form, a->sets);
    int64_t want[IMAGES][CLASSES], got[IMAGES][CLASSES];
    struct err err = {0};
    logits(&m, int_net_matrix_reference, m.integer, want);
    if (!memcmp(want[0], want[1], sizeof want[0]))
        fail_msg("%s: images do not matter", net->name);
    struct level_model *arrays = level_model_create(m.s.map, m.integer, &fine, CPU_AVX512, &err);
    struct conductance_model *analog =
        conductance_model_create(m.s.map, m.integer, &fine, CPU_AVX512, &err);
    if (!arrays || !analog)
        fail_msg("%s", err.text);
    struct array_worker *levels = array_worker_create(arrays);
    struct conductance_model_worker *currents = conductance_model_worker_create(analog);
    logits(&m, level_model_matrix, levels, got);
    if (memcmp(got, want, sizeof want) != 0)
        fail_msg("%s on %s, %s: levels of cells", net->name, a->chip, form);
    logits(&m, conductance_model_matrix, currents, got);
    if (memcmp(got, want, sizeof want) != 0)
        fail_msg("%s on %s, %s: conductances of cells", net->name, a->chip, form);
    array_worker_destroy(levels);
    conductance_model_worker_destroy(currents);
    level_model_destroy(arrays);
    conductance_model_destroy(analog);
    model_free(&m);
}

static void level_model_equal_the_integer_net(void **state)
{
    (void)state;
    for (size_t n = 0; n < n_layer_nets; n++)
        for (size_t a = 0; a < sizeof arrangements / sizeof *arrangements; a++)
            for (int form = 0; form < 1 + layer_nets[n].binary; form++)
                expect_same(&layer_nets[n], &arrangements[a], form ? "binary" : "int8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_model_equal_the_integer_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/crossbar/model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/float_net.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/portable_math.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/packed.h"
#include "sim/crossbar/sections.h"
#include "sim/map/map.h"
#include "tests/support/setup.h"
#include "tests/support/weights.h"

// A stem, a block that widens and halves the map, a classifier.
static const char text[] =
    "name: small\ninput: {channels: 3, height: 8, width: 8, bits: 8, normalise: mnist}\nclasses: "
    "10\nlevels: 8\n"
    "default_form: binary\nlayers:\n"
    "  - {name: conv1, kind: conv, out: 20, kernel: 3, pad: 1}\n"
    "  - {name: layer1.0.conv1, kind: conv, out: 36, kernel: 3, stride: 2, pad: 1}\n"
    "  - {name: layer1.0.conv2, kind: conv, out: 36, kernel: 3, pad: 1}\n"
    "  - {name: layer1.0.add, kind: add, shortcut: conv1}\n"
    "  - {name: avgpool, kind: head}\n"
    "  - {name: linear, kind: linear, out: 10}\n";

uint32_t model_random(uint32_t *x)
{
    *x = *x * 1664525 + 1013904223;
    return *x >> 8;
}

static const double ranges_of_one[16] = {1, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8};

struct model model_make(const char *chip, const char *form, const char *const sets[])
{
    return model_of(chip, text, form, sets);
}

struct model model_of(const char *chip, const char *net_text, const char *form,
                      const char *const sets[])
{
    struct model m = {.s = setup_text(chip, net_text, form, sets)};
    m.weights = random_weights(m.s.net);
    model_fold(&m);
    return m;
}

void model_fold(struct model *m)
{
    struct err err = {0};
    int_net_destroy(m->integer);
    m->integer = int_net_create(m->s.net, m->weights, ranges_of_one, &err);
    if (!m->integer)
        fail_msg("%s", err.text);
}

void model_free(struct model *m)
{
    int_net_destroy(m->integer);
    weights_destroy(m->weights);
    setup_free(&m->s);
}

struct level_model *level_model_make(const struct model *m, double lrs, double hrs, uint64_t seed,
                                     enum cpu_level level)
{
    struct err err = {0};
    struct chip_sample faults = {{.stuck_lrs = lrs, .stuck_hrs = hrs}, seed, 0};
    struct level_model *arrays = level_model_create(m->s.map, m->integer, &faults, level, &err);
    if (!arrays)
        fail_msg("%s", err.text);
    return arrays;
}

void model_image(uint32_t *x, uint8_t image[192])
{
    for (int i = 0; i < 192; i++)
        image[i] = (uint8_t)model_random(x);
}

void expect_packed(const struct model *m, const struct packed *packed, int_net_matrix *matrix,
                   void *context)
{
    assert_non_null(packed);
    struct packed_run *fast = packed_run_create(packed);
    struct int_net_run *plain = int_net_run_create(m->integer);
    uint32_t x = 9;
    uint8_t image[192];
    for (int i = 0; i < 20; i++) {
        model_image(&x, image);
        const int64_t *want = int_net_run_image(plain, image, matrix, context);
        assert_memory_equal(packed_run_image(fast, image), want, 10 * sizeof *want);
    }
    packed_run_destroy(fast);
    int_net_run_destroy(plain);
}

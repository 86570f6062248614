// Replicated layers: replica r of R serves output rows y with y mod R = r, from cells of its own.
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
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/matrix.h"
#include "sim/crossbar/packed.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"

static const char wide[] = "adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, area: 1 um2}";

struct way {
    int_net_matrix *matrix;
    void *context;
};

static void expect_agreement(const struct model *m, struct way one, struct way other)
{
    struct int_net_run *a = int_net_run_create(m->integer), *b = int_net_run_create(m->integer);
    uint32_t x = 3;
    uint8_t image[192];
    for (int i = 0; i < 5; i++) {
        model_image(&x, image);
        const int64_t *want = int_net_run_image(a, image, one.matrix, one.context);
        assert_memory_equal(int_net_run_image(b, image, other.matrix, other.context), want,
                            10 * sizeof *want);
    }
    int_net_run_destroy(a);
    int_net_run_destroy(b);
}

static struct model replicated(const char *chip, const char *form, const char *more)
{
    const char *const sets[] = {"mapping.replicate=true", wide, more, NULL};
    struct model m = model_make(chip, form, sets);
    assert_true(m.s.map->layers[1].replicas > 2);
    return m;
}

// Law 1 on every way there is.
static void unbroken_replicas_are_the_whole_number_net(void **state)
{
    (void)state;
    const struct {
        const char *chip, *form;
    } cases[] = {{"hawis", "binary"}, {"hawis-q8", "binary"}, {"isaac-ce", "binary"},
                 {"hawis", "int8"},   {"hawis-q8", "int8"},   {"isaac-ce", "int8"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = replicated(cases[i].chip, cases[i].form, NULL);
        struct err err = {0};
        struct chip_sample none = {.seed = 1};
        struct level_model *arrays = level_model_make(&m, 0, 0, 1, CPU_AVX512);
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &none, CPU_AVX512, &err);
        assert_non_null(analog);
        assert_int_equal(level_model_faults(arrays).cells, conductance_model_faults(analog).cells);
        struct array_worker *levels = array_worker_create(arrays);
        struct conductance_model_worker *currents = conductance_model_worker_create(analog);
        struct way want = {int_net_matrix_reference, m.integer};
        expect_agreement(&m, want, (struct way){level_model_matrix, levels});
        expect_agreement(&m, want, (struct way){conductance_model_matrix, currents});
        conductance_model_worker_destroy(currents);
        array_worker_destroy(levels);
        conductance_model_destroy(analog);
        level_model_destroy(arrays);
        model_free(&m);
    }
}

// A map with the weights of one replica in effect.
static void matrix_with(const struct model *m, const struct matrix *from, int layer,
                        const int32_t *in, int64_t *acc)
{
    const struct layer *l = &m->s.net->layers[layer];
    struct int_layer *il = &m->integer->layers[layer];
    const int32_t *before = il->w;
    int32_t *w = malloc((size_t)l->weights * sizeof *w);
    for (int o = 0; o < from->outs; o++)
        for (int row = 0; row < from->rows; row++)
            w[o * from->rows + row] = from->w[row * from->columns + o];
    il->w = w;
    int_net_matrix_reference(m->integer, layer, in, acc);
    il->w = before;
    free(w);
}

static void every_row_is_read_from_its_replica(void **state)
{
    (void)state;
    enum { SIZE = 20 * 64, INPUTS = 24 * 64 };
    const struct {
        const char *form, *more;
        bool eight;
    } cases[] = {{"binary", NULL, false}, {"int8", "cell.bits=7", true}};
    for (size_t i = 0; i < 2; i++) {
        struct model m = replicated("hawis", cases[i].form, cases[i].more);
        struct level_model *arrays = level_model_make(&m, 0.1, 0.1, 1, CPU_AVX512);
        struct array_worker *worker = array_worker_create(arrays);
        const struct matrix *first = &arrays->layers[1];
        assert_int_equal(first->replicas, m.s.map->layers[1].replicas);
        int32_t in[INPUTS];
        int64_t got[SIZE], want[SIZE], other[SIZE];
        uint32_t x = 1;
        for (int j = 0; j < INPUTS; j++)
            in[j] = model_random(&x) % (cases[i].eight ? 256 : 2);
        level_model_matrix(worker, 1, in, got);
        matrix_with(&m, first, 1, in, other);
        int differ = 0;
        for (int r = 0; r < first->replicas; r++) {
            matrix_with(&m, matrix_of_row(first, r), 1, in, want);
            for (int j = 0; j < SIZE; j++)
                if (j / 8 % 8 % first->replicas == r) {
                    assert_int_equal(got[j], want[j]);
                    differ += got[j] != other[j];
                }
        }
        assert_true(differ > SIZE / 2); // the replicas are not broken alike
        array_worker_destroy(worker);
        level_model_destroy(arrays);
        model_free(&m);
    }
}

// The fast way of binary nets and the way of conductances against the plain one, when broken.
static void ways_agree_when_replicas_break(void **state)
{
    (void)state;
    static const char *const more[] = {
        "dac.count=37", "adc={preset: none, bits: 5, time: 1 ns, energy: 1 pJ, area: 1 um2}"};
    for (size_t i = 0; i < 2; i++) {
        struct model m = replicated("hawis", "binary", more[i]);
        struct err err = {0};
        struct chip_sample sample = {{.stuck_lrs = 0.03, .stuck_hrs = 0.08}, 4};
        struct level_model *arrays = level_model_make(&m, 0.03, 0.08, 4, CPU_AVX512);
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &sample, CPU_AVX512, &err);
        struct packed *packed = packed_create(arrays);
        assert_non_null(analog);
        struct array_worker *levels = array_worker_create(arrays);
        struct conductance_model_worker *currents = conductance_model_worker_create(analog);
        expect_agreement(&m, (struct way){level_model_matrix, levels},
                         (struct way){conductance_model_matrix, currents});
        assert_int_equal(level_model_faults(arrays).lrs, conductance_model_faults(analog).lrs);
        expect_packed(&m, packed, level_model_matrix, levels);
        conductance_model_worker_destroy(currents);
        array_worker_destroy(levels);
        packed_destroy(packed);
        conductance_model_destroy(analog);
        level_model_destroy(arrays);
        model_free(&m);
    }
}

// The same where every cell conducts differently.
static void packed_replicas_conduct_alike(void **state)
{
    (void)state;
    struct model m = replicated("hawis", "binary", "dac.count=37");
    struct err err = {0};
    struct chip_sample sample = {{.stuck_lrs = 0.03, .sigma = 0.3}, 4};
    struct conductance_model *analog =
        conductance_model_create(m.s.map, m.integer, &sample, CPU_AVX512, &err);
    assert_non_null(analog);
    struct conductance_model_worker *currents = conductance_model_worker_create(analog);
    struct packed *packed = packed_create_analog(analog);
    expect_packed(&m, packed, conductance_model_matrix, currents);
    packed_destroy(packed);
    conductance_model_worker_destroy(currents);
    conductance_model_destroy(analog);
    model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unbroken_replicas_are_the_whole_number_net),
        cmocka_unit_test(every_row_is_read_from_its_replica),
        cmocka_unit_test(ways_agree_when_replicas_break),
        cmocka_unit_test(packed_replicas_conduct_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

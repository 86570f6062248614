// Arrangements of cells, replicas, read-outs, spares and everything that breaks, all with all: the
// fast ways give what the plain one gives, on every level of kernels, however images are shared
// out; levels and conductances agree; what is drawn at rate zero is nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/calibrate.h"
#include "sim/crossbar/evaluate.h"
#include "sim/crossbar/packed.h"
#include "sim/crossbar/spare.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"
#include "workloads/dataset.h"

enum { IMAGES = 3, CLASSES = 10, BYTES = 192 };

struct logits {
    int64_t of[IMAGES][CLASSES];
};

#define ADC(bits, range)                                                                           \
    "adc={preset: none, bits: " bits ", time: 1 ns, energy: 1 pJ, area: 1 um2, count: 128, "       \
    "range: " range "}"

static const char *const read_outs[] = {ADC("20", "full"), ADC("4", "full"),
                                        ADC("4", "calibrated")};
enum { LOSSLESS }; // the first of them

struct arrangement {
    const char *chip, *form, *more;
};

static const struct arrangement arrangements[] = {
    {"hawis", "binary", NULL},
    {"hawis", "binary", "crossbar.subtract=after_adc"},
    {"hawis", "binary", "crossbar.rows_active=40"},
    {"hawis", "binary", "crossbar.polarity=single"},
    {"hawis", "binary", "crossbar.polarity=offset_column"},
    {"hawis", "binary", "mapping.policy=dense"},
    {"hawis", "int8", "cell.bits=7"},
    {"isaac-ce", "int8", NULL},
};

static const struct breakage {
    const char *name;
    struct defect_params defects;
    bool nothing;
    const char *more; // of the chip
} breakages[] = {
    {"nothing, another chip", {.redraw = 1}, true, NULL},
    {"cells", {.stuck_lrs = 0.03, .stuck_hrs = 0.05}, false, NULL},
    {"cells, lines",
     {.stuck_lrs = 0.03, .stuck_hrs = 0.05, .word_lines = 0.05, .bit_lines = 0.05},
     false,
     "cell.r_hrs=1000 Mohm"}, // levels know nothing of what leaks beside an open line
    {"variation, cells, lines",
     {.stuck_lrs = 0.03, .word_lines = 0.05, .bit_lines = 0.05, .sigma = 0.3},
     false,
     NULL},
    {"drift, redrawn",
     {.sigma = 0.2, .redraw = 2, .drift_s = 1e3, .drift_exponent = 0.02, .drift_spread = 0.01},
     false,
     NULL},
    {"wires, cells", {.stuck_hrs = 0.05}, false, "crossbar.wire_resistance=5 ohm"},
    {"read-outs, cells",
     {.stuck_lrs = 0.02, .drivers = 0.05, .adcs = 0.02, .adc_offset = 0.5, .read_noise = 0.5},
     false,
     NULL},
};

static uint8_t pixels[IMAGES * BYTES];
static struct dataset images = {
    .name = "random", .channels = 3, .height = 8, .width = 8, .n = IMAGES, .images = pixels};

static int make_images(void **state)
{
    (void)state;
    uint32_t x = 5;
    for (int i = 0; i < IMAGES; i++)
        model_image(&x, pixels + i * BYTES);
    return 0;
}

// One drawn chip, as the programs draw it: by levels where they say it all.
struct sampled_chip {
    struct level_model *arrays;
    struct conductance_model *analog;
};

static struct sampled_chip sample_chip(const struct model *m, const struct chip_sample *sample,
                                       enum cpu_level level)
{
    struct sampled_chip d = {0};
    struct err err = {0};
    if (!defects_need_conductances(&sample->defects, m->s.chip))
        d.arrays = level_model_create(m->s.map, m->integer, sample, level, NULL);
    if (!d.arrays)
        d.analog = conductance_model_create(m->s.map, m->integer, sample, level, &err);
    if (!d.arrays && !d.analog)
        fail_msg("%s", err.text);
    return d;
}

static void drop_chip(struct sampled_chip *d)
{
    level_model_destroy(d->arrays);
    conductance_model_destroy(d->analog);
}

static struct logits plain(const struct model *m, const struct sampled_chip *d)
{
    struct logits out;
    struct int_net_run *run = int_net_run_create(m->integer);
    struct array_worker *levels = d->arrays ? array_worker_create(d->arrays) : NULL;
    struct conductance_model_worker *currents =
        d->analog ? conductance_model_worker_create(d->analog) : NULL;
    for (int i = 0; i < IMAGES; i++) {
        if (currents)
            conductance_model_worker_image(currents, (size_t)i);
        memcpy(out.of[i],
               int_net_run_image(run, pixels + i * BYTES,
                                 levels ? level_model_matrix : conductance_model_matrix,
                                 levels ? (void *)levels : (void *)currents),
               sizeof out.of[i]);
    }
    array_worker_destroy(levels);
    conductance_model_worker_destroy(currents);
    int_net_run_destroy(run);
    return out;
}

// False where there is no fast way.
static bool fast(const struct sampled_chip *d, struct logits *out)
{
    struct packed *packed = d->arrays ? packed_create(d->arrays) : packed_create_analog(d->analog);
    if (!packed)
        return false;
    struct packed_run *run = packed_run_create(packed);
    for (int i = 0; i < IMAGES; i++)
        memcpy(out->of[i], packed_run_image(run, pixels + i * BYTES), sizeof out->of[i]);
    packed_run_destroy(run);
    packed_destroy(packed);
    return true;
}

static void share_out(const struct model *m, const struct sampled_chip *d, size_t jobs,
                      int32_t *classes)
{
    struct evaluation what = {.net = m->s.net,
                              .weights = m->weights,
                              .integer = m->integer,
                              .arrays = d->arrays,
                              .analog = d->analog,
                              .data = &images};
    for (size_t j = 0; j < jobs; j++)
        evaluate(&what, IMAGES, j, jobs, classes);
}

static void expect_same(const struct logits *got, const struct logits *want, const char *what,
                        const char *where)
{
    if (memcmp(got, want, sizeof *got) != 0)
        fail_msg("%s: %s", where, what);
}

// Returns the logits, after all ways there are to them.
static struct logits every_way(const struct model *m, const struct chip_sample *sample,
                               const char *where, bool *has_fast)
{
    struct sampled_chip best = sample_chip(m, sample, CPU_AVX512),
                        scalar = sample_chip(m, sample, CPU_SCALAR);
    struct sampled_chip currents = {0};
    struct logits want = plain(m, &scalar), got = plain(m, &best);
    int32_t alone[IMAGES], shared[IMAGES];
    expect_same(&got, &want, "the level of kernels matters", where);
    *has_fast = fast(&best, &got);
    if (*has_fast)
        expect_same(&got, &want, "the fast way gives something else", where);
    assert_int_equal(fast(&scalar, &got), *has_fast);
    if (*has_fast)
        expect_same(&got, &want, "the fast way in scalar kernels gives something else", where);
    if (best.arrays) {
        struct err err = {0};
        currents.analog = conductance_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
        assert_non_null(currents.analog);
        got = plain(m, &currents);
        expect_same(&got, &want, "conductances give something else than levels", where);
    }
    share_out(m, &best, 1, alone);
    share_out(m, &scalar, 2, shared);
    if (memcmp(alone, shared, sizeof alone) != 0)
        fail_msg("%s: the number of workers or the level of kernels matters", where);
    drop_chip(&currents);
    drop_chip(&scalar);
    drop_chip(&best);
    return want;
}

static struct model make(const struct arrangement *a, const char *read_out, bool replicate,
                         const char *more)
{
    const char *sets[8] = {read_out,
                           replicate ? "mapping.replicate=true" : "mapping.replicate=false",
                           "crossbar.spare_rows=4", "crossbar.spare_columns=4"};
    size_t n = 4;
    if (a->more)
        sets[n++] = a->more;
    if (more)
        sets[n++] = more;
    struct model m = model_make(a->chip, a->form, sets);
    assert_int_equal(m.s.map->layers[1].replicas > 1, replicate);
    return m;
}

// One chip with one breakage, as it is and with its lines moved. Returns how many had a fast way.
static int try_breakage(const struct arrangement *a, int read_out, bool replicate,
                        const struct breakage *b, const struct logits *unbroken)
{
    struct model m = make(a, read_outs[read_out], replicate, b->more);
    char where[200];
    int n_fast = 0;
    int64_t ranges[32] = {0}, again[32] = {0};
    assert_true(m.s.net->n <= 32);
    calibrate(m.s.map, m.integer, &images, CPU_AVX512, ranges);
    calibrate(m.s.map, m.integer, &images, CPU_SCALAR, again);
    assert_memory_equal(ranges, again, sizeof ranges);
    for (int move = 0; move < 2; move++) {
        struct chip_sample sample = {
            .defects = b->defects, .seed = 11, .trial = 2, .ranges = ranges};
        struct spares *spares = move ? spares_create(m.s.map, m.integer, &sample) : NULL;
        bool has_fast;
        sample.spares = spares;
        snprintf(where, sizeof where, "%s, %s, %s, %s%s, %s%s", a->chip, a->form,
                 a->more ? a->more : "as it is", read_outs[read_out] + sizeof "adc={preset",
                 replicate ? ", replicas" : "", b->name, move ? ", lines moved" : "");
        struct logits got = every_way(&m, &sample, where, &has_fast);
        n_fast += has_fast;
        if (b->nothing)
            expect_same(&got, unbroken, "nothing broken is not nothing", where);
        else if (read_out == LOSSLESS && !memcmp(&got, unbroken, sizeof got))
            fail_msg("%s: what is broken changes nothing", where);
        spares_destroy(spares);
    }
    model_free(&m);
    return n_fast;
}

static struct logits unbroken_logits(const struct arrangement *a, int read_out, bool replicate)
{
    struct model m = make(a, read_outs[read_out], replicate, NULL);
    int64_t ranges[32] = {0};
    bool has_fast;
    calibrate(m.s.map, m.integer, &images, CPU_AVX512, ranges);
    const struct chip_sample none = {.seed = 1, .ranges = ranges};
    struct logits got = every_way(&m, &none, "unbroken", &has_fast), whole = {0};
    struct int_net_run *run = int_net_run_create(m.integer);
    for (int i = 0; i < IMAGES && read_out == LOSSLESS; i++) {
        const int64_t *want =
            int_net_run_image(run, pixels + i * BYTES, int_net_matrix_reference, m.integer);
        memcpy(whole.of[i], want, sizeof whole.of[i]);
    }
    if (read_out == LOSSLESS)
        expect_same(&got, &whole, "the unbroken chip is not the whole-number net", a->chip);
    int_net_run_destroy(run);
    model_free(&m);
    return got;
}

// How many chips had a fast way.
static int try_arrangement(const struct arrangement *a)
{
    int n_fast = 0;
    for (int read_out = 0; read_out < (int)(sizeof read_outs / sizeof *read_outs); read_out++)
        for (int replicate = 0; replicate < 2; replicate++) {
            struct logits unbroken = unbroken_logits(a, read_out, replicate);
            for (size_t b = 0; b < sizeof breakages / sizeof *breakages; b++)
                n_fast += try_breakage(a, read_out, replicate, &breakages[b], &unbroken);
        }
    return n_fast;
}

static void binary_pairs(void **state)
{
    (void)state;
    // Of the chips whose difference is read, all but those whose read-outs are broken.
    int each = 2 * 2 * 3 * (int)(sizeof breakages / sizeof *breakages - 1);
    assert_int_equal(try_arrangement(&arrangements[0]), each);
    assert_int_equal(try_arrangement(&arrangements[2]), each);
    assert_int_equal(try_arrangement(&arrangements[5]), each);
}

static void binary_subtracted_later(void **state)
{
    (void)state;
    try_arrangement(&arrangements[1]);
}

static void binary_single_arrays(void **state)
{
    (void)state;
    try_arrangement(&arrangements[3]);
    try_arrangement(&arrangements[4]);
}

static void whole_numbers(void **state)
{
    (void)state;
    try_arrangement(&arrangements[6]);
    try_arrangement(&arrangements[7]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_pairs),
        cmocka_unit_test(binary_subtracted_later),
        cmocka_unit_test(binary_single_arrays),
        cmocka_unit_test(whole_numbers),
    };
    return cmocka_run_group_tests(tests, make_images, NULL);
}

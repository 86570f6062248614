// Does the policy mnsim give MNSIM's numbers and HAWIS's Table II? Expected values are real runs of
// MNSIM 2.0 (setting C1) and the paper's printed energies.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "sim/energy/mnsim.h"
#include "sim/map/map.h"
#include "tests/close.h"
#include "tests/support/setup.h"

static const char *const flat[] = {"net.head=flatten", NULL};
static const enum part parts[] = {PART_CROSSBAR, PART_ADC, PART_DAC, PART_BUFFER_READ,
                                  PART_BUFFER_WRITE};

struct row {
    const char *net, *name, *widths;
    double paper_uj, total_uj, parts_uj[5], area_mm2;
    int tiles;
};
static const struct row rows[] = {
    {"resnet20",
     "Quan-8bit",
     "1x",
     1387,
     876.3661,
     {33.7230, 697.4836, 1.5663, 71.6737, 71.4615},
     440.4154,
     102},
    {"resnet20",
     "U-1x",
     "1x",
     32.7,
     33.6927,
     {1.2205, 23.5450, 0.0673, 2.8090, 6.0208},
     99.3094,
     23},
    {"resnet20",
     "U-2x",
     "2x",
     120,
     121.3526,
     {5.0707, 84.0285, 0.1387, 7.0632, 24.8871},
     138.1695,
     32},
    {"resnet20",
     "U-3x",
     "3x",
     238,
     239.0037,
     {10.5720, 175.1948, 0.1633, 10.1470, 42.6438},
     155.4407,
     36},
    {"resnet20",
     "U-4x",
     "4x",
     503,
     511.8042,
     {22.2931, 369.4313, 0.2495, 20.6125, 98.4739},
     220.2077,
     51},
    {"resnet20",
     "U-5x",
     "5x",
     924,
     917.8046,
     {42.3550, 701.8892, 0.3628, 28.8417, 143.2687},
     306.5637,
     71},
    {"resnet20",
     "U-6x",
     "6x",
     1176,
     1177.1087,
     {53.5008, 886.5932, 0.4202, 38.2377, 196.8959},
     349.7416,
     81},
    {"resnet20",
     "HAWIS-A",
     "64 80 80 80 80 80 80 112 112 112 112 112 112 216 216 216 216 208 216",
     368,
     366.4853,
     {15.8214, 262.1847, 0.2011, 15.7417, 71.9866},
     164.0763,
     38},
    {"resnet20",
     "HAWIS-B",
     "84 84 84 84 84 80 84 168 168 192 224 188 224 284 284 256 248 224 224",
     849,
     846.6072,
     {38.9565, 645.5703, 0.3264, 26.8065, 133.9305},
     228.8433,
     53},
    {"resnet32",
     "Quan-8bit",
     "1x",
     2349,
     1467.4774,
     {57.7594, 1169.3428, 2.6610, 119.0396, 117.9149},
     647.6697,
     150},
    {"resnet32",
     "U-1x",
     "1x",
     50.6,
     51.8740,
     {1.8882, 36.6522, 0.0977, 4.2360, 8.9566},
     151.1229,
     35},
    {"resnet32",
     "U-2x",
     "2x",
     195,
     196.6340,
     {8.2344, 136.4573, 0.2172, 11.2662, 40.1920},
     207.2543,
     48},
    {"resnet32",
     "U-3x",
     "3x",
     393,
     393.7256,
     {17.4748, 289.5849, 0.2599, 16.3727, 69.5706},
     224.5255,
     52},
    {"resnet32",
     "U-4x",
     "4x",
     893,
     853.8921,
     {37.2491, 617.2765, 0.4065, 34.0343, 163.6886},
     323.8349,
     75},
    {"resnet32",
     "U-5x",
     "5x",
     1571,
     1555.5854,
     {71.9794, 1192.8134, 0.6043, 48.0947, 240.2695},
     462.0044,
     107},
    {"resnet32",
     "U-6x",
     "6x",
     1984,
     1981.4406,
     {90.3157, 1496.6737, 0.6980, 63.4230, 327.8947},
     522.4536,
     121},
    {"resnet32",
     "HAWIS-A",
     "80 80 80 80 80 80 80 56 72 56 72 168 168 136 152 128 160 128 168 156 168 224 224 220 196 168 "
     "196 164 192 224 168",
     949,
     945.1025,
     {42.9466, 711.6934, 0.4562, 32.9103, 155.9292},
     263.3857,
     61},
    {"resnet32",
     "HAWIS-B",
     "80 80 80 80 80 80 80 56 72 56 72 168 168 136 152 128 160 128 168 156 168 256 256 224 256 296 "
     "224 196 224 168 224",
     1045,
     1044.1147,
     {47.6389, 789.4516, 0.4743, 35.3940, 169.8839},
     302.2459,
     70},
};

// The energies that the paper's Table II prints for its binary nets, in uJ.
static const struct {
    const char *net, *widths;
    double uj;
} table2[] = {
    {"resnet20", "1x", 32.7},
    {"resnet32", "1x", 50.6},
    {"resnet18", "1x", 3800},
    {"resnet20", "2x", 120},
    {"resnet32", "2x", 195},
    {"resnet18", "2x", 8200},
    {"resnet20", "3x", 238},
    {"resnet32", "3x", 393},
    {"resnet18", "3x", 15000},
    {"resnet20", "4x", 503},
    {"resnet32", "4x", 893},
    {"resnet18", "4x", 25100},
    {"resnet20", "5x", 924},
    {"resnet32", "5x", 1571},
    {"resnet18", "5x", 43500},
    {"resnet20", "6x", 1176},
    {"resnet32", "6x", 1984},
    {"resnet20", "64 80 80 80 80 80 80 112 112 112 112 112 112 216 216 216 216 208 216", 368},
    {"resnet32",
     "80 80 80 80 80 80 80 56 72 56 72 168 168 136 152 128 160 128 168 156 168 224 224 220 196 168 "
     "196 164 192 224 168",
     949},
    {"resnet18", "256 256 256 256 256 448 448 448 448 896 896 896 896 1344 1344 1344 1344", 21300},
    {"resnet20", "84 84 84 84 84 80 84 168 168 192 224 188 224 284 284 256 248 224 224", 849},
    {"resnet32",
     "80 80 80 80 80 80 80 56 72 56 72 168 168 136 152 128 160 128 168 156 168 256 256 224 256 296 "
     "224 196 224 168 224",
     1045},
    {"resnet18", "256 256 256 320 320 504 504 560 504 1064 1152 1064 1152 1792 1788 1788 1780",
     29400},
};

static double total(const struct mnsim_result *r, size_t layers)
{
    double sum = 0;
    for (size_t i = 0; i < layers; i++)
        sum += ledger_energy(&r->ledgers[i]);
    return sum;
}

static struct mnsim_result charge(const struct setup *s)
{
    struct err err = {0};
    struct mnsim_result r;
    if (!mnsim_charge(s->net, s->chip, &r, &err))
        fail_msg("%s", err.text);
    return r;
}

static void gives_mnsims_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        bool int8 = !strcmp(row->name, "Quan-8bit");
        struct setup s = setup_make("hawis", row->net, int8 ? "int8" : "binary", row->widths, flat);
        struct mnsim_result r = charge(&s);
        assert_close(total(&r, s.net->n) * 1e6, row->total_uj, 0.005);
        for (int p = 0; p < 5; p++) {
            double uj = 0;
            for (size_t l = 0; l < s.net->n; l++)
                uj += r.ledgers[l].energy_j[parts[p]] * 1e6;
            assert_close(uj, row->parts_uj[p], 0.01);
        }
        assert_close(r.area_m2 * 1e6, row->area_mm2, 0.05);
        assert_int_equal(r.tiles, row->tiles);
        mnsim_fini(&r);
        setup_free(&s);
    }
}

static void gives_the_papers_binary_rows(void **state)
{
    (void)state;
    double squares = 0;
    size_t n = sizeof table2 / sizeof *table2;
    assert_int_equal(n, 23);
    for (size_t i = 0; i < n; i++) {
        struct setup s = setup_make("hawis", table2[i].net, "binary", table2[i].widths, NULL);
        struct mnsim_result r = charge(&s);
        double off = total(&r, s.net->n) * 1e6 / table2[i].uj - 1;
        assert_true(fabs(off) <= 0.061);
        squares += off * off;
        mnsim_fini(&r);
        setup_free(&s);
    }
    assert_true(sqrt(squares / (double)n) <= 0.025);
}

static void gives_the_papers_8_bit_rows(void **state)
{
    (void)state;
    static const struct {
        const char *net;
        double uj;
    } quantised[] = {{"resnet20", 1387}, {"resnet32", 2349}, {"resnet18", 66500}};
    for (size_t i = 0; i < 3; i++) {
        struct setup s = setup_make("hawis-q8", quantised[i].net, "int8", NULL, flat);
        struct mnsim_result r = charge(&s);
        assert_close(total(&r, s.net->n) * 1e6, quantised[i].uj, 0.02);
        mnsim_fini(&r);
        setup_free(&s);
    }
}

// Ratios to the paper of MNSIM's default configuration, three digits as its users published them.
static void gives_the_default_configuration(void **state)
{
    (void)state;
    static const double paper_uj[] = {32.7, 120, 238, 503, 924, 1176};
    static const double ratio[] = {0.309, 0.298, 0.271, 0.282, 0.247, 0.257};
    for (int k = 0; k < 6; k++) {
        char width[8];
        snprintf(width, sizeof width, "%dx", k + 1);
        struct setup s = setup_make("mnsim-default", "resnet20", "binary", width, NULL);
        struct mnsim_result r = charge(&s);
        assert_close(total(&r, s.net->n) * 1e6 / paper_uj[k], ratio[k], 0.003);
        mnsim_fini(&r);
        setup_free(&s);
    }
}

// One 3x3 layer on a 16x16 map, c channels in and out: uJ of MNSIM.
static void has_its_cliffs(void **state)
{
    (void)state;
    static const struct {
        int c, pes, tiles;
        double uj;
    } cliffs[] = {{84, 3, 1, 6.71},   {108, 4, 1, 12.12}, {112, 4, 1, 12.52}, {113, 8, 2, 25.50},
                  {128, 8, 2, 28.56}, {140, 8, 2, 53.41}, {224, 8, 2, 85.11}, {225, 12, 3, 128.82}};
    for (size_t i = 0; i < sizeof cliffs / sizeof *cliffs; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "name: one\ninput: {channels: %d, height: 16, width: 16, bits: 1}\nclasses: 10\n"
                 "encoder: raw\ndefault_form: binary\n"
                 "layers:\n  - {name: conv, kind: conv, out: %d, kernel: 3, pad: 1}\n",
                 cliffs[i].c, cliffs[i].c);
        struct setup s = setup_text("hawis", text, "binary", NULL);
        struct mnsim_result r = charge(&s);
        assert_close(total(&r, s.net->n) * 1e6, cliffs[i].uj, 0.005);
        assert_int_equal(r.pes, cliffs[i].pes);
        assert_int_equal(r.tiles, cliffs[i].tiles);
        mnsim_fini(&r);
        setup_free(&s);
    }
}

static void refuse_with(const char *chip, const char *form, const char *const sets[],
                        const char *part)
{
    struct setup s = setup_make(chip, "resnet20", form, NULL, sets);
    struct mnsim_result r;
    struct err err = {0};
    assert_false(mnsim_charge(s.net, s.chip, &r, &err));
    if (!strstr(err.text, part))
        fail_msg("'%s' does not say '%s'", err.text, part);
    mnsim_fini(&r);
    setup_free(&s);
}

static void refuses_what_it_cannot_charge(void **state)
{
    (void)state;
    static const char *const dense[] = {"mapping.policy=dense", NULL};
    static const char *const copies[] = {"mapping.replicate=true", "mapping.tiles=40", NULL};
    refuse_with("isaac-ce", "int16", NULL, "no mnsim block");
    refuse_with("hawis", "int16", NULL, "charges no bits for the form int16");
    refuse_with("hawis", "binary", dense, "kernel-aligned");
    refuse_with("hawis", "binary", copies, "without replication");
}

// MNSIM gives every group crossbars of its own: 4 groups of 9 rows and 2 outputs are 4 PEs.
static void charges_groups_that_are_apart(void **state)
{
    (void)state;
    static const char text[] =
        "name: t\ninput: {channels: 4, height: 8, width: 8, bits: 1}\nencoder: raw\n"
        "layers: [{name: dw, kind: conv, out: 8, kernel: 3, groups: 4}]\n";
    struct setup s = setup_text("hawis", text, "binary", NULL);
    struct mnsim_result r;
    struct err err = {0};
    assert_int_equal(s.map->layers[1].packed, 4);
    assert_false(mnsim_charge(s.net, s.chip, &r, &err));
    assert_non_null(strstr(err.text, "'dw', and 4 groups share one here"));
    assert_non_null(strstr(err.text, "mapping.groups=apart"));
    mnsim_fini(&r);
    setup_free(&s);
    s = setup_text("hawis", text, "binary", (const char *const[]){"mapping.groups=apart", NULL});
    r = charge(&s);
    assert_int_equal(r.pes, 4);
    mnsim_fini(&r);
    setup_free(&s);
}

// Serial time of a 3x3 layer of 28 channels on a 16x16 map, 2 bits an element.
static double serial_of(const char *keys)
{
    char text[400];
    snprintf(text, sizeof text,
             "name: one\ninput: {channels: 28, height: 16, width: 16, bits: 1}\n"
             "encoder: raw\nlayers:\n  - {name: conv, kind: conv, out: 28, kernel: 3, %s}\n",
             keys);
    struct setup s = setup_text("hawis", text, "binary", NULL);
    struct mnsim_result r = charge(&s);
    double serial_s = r.layers[1].serial_s;
    mnsim_fini(&r);
    setup_free(&s);
    return serial_s;
}

// Words of 64 bits, 20 ns each. The first window writes 2 x 2 or 3 x 2 pixels of 28 * 2 bits: 4 or
// 6 words. With strides of 2 x 1, 8 rows of 16 windows, reads are 8 * 8 + 120 * 3 words, writes 4 +
// 7 * 4 + 15 * 3 + 7 * 15 * 2; with 1 x 2, 16 rows of 8, 16 * 8 + 112 * 6 and 4 + 15 * 2 + 7 * 6 +
// 15 * 7 * 2.
static void windows_need_not_be_square(void **state)
{
    (void)state;
    double square = serial_of("pad: 1");
    assert_close(serial_of("pad: [0, 1, 2, 1]") - square, 2 * 20e-9, 1e-6);
    double tall = serial_of("stride: [2, 1], pad: 1"), wide = serial_of("stride: [1, 2], pad: 1");
    assert_close(wide - tall, (1086 - 711) * 20e-9, 1e-6);
}

static void refuses_dilation(void **state)
{
    (void)state;
    static const char text[] =
        "name: one\ninput: {channels: 2, height: 9, width: 9, bits: 1}\nencoder: raw\n"
        "layers: [{name: conv, kind: conv, out: 2, kernel: 3, dilation: [1, 2]}]\n";
    struct setup s = setup_text("hawis", text, "binary", NULL);
    struct mnsim_result r;
    struct err err = {0};
    assert_false(mnsim_charge(s.net, s.chip, &r, &err));
    assert_non_null(strstr(err.text, "no rule for dilated windows, and layer 'conv' has a dilation "
                                     "of 1 x 2; use --policy exact"));
    mnsim_fini(&r);
    setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_mnsims_runs),
        cmocka_unit_test(gives_the_papers_binary_rows),
        cmocka_unit_test(gives_the_papers_8_bit_rows),
        cmocka_unit_test(gives_the_default_configuration),
        cmocka_unit_test(has_its_cliffs),
        cmocka_unit_test(refuses_what_it_cannot_charge),
        cmocka_unit_test(charges_groups_that_are_apart),
        cmocka_unit_test(windows_need_not_be_square),
        cmocka_unit_test(refuses_dilation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

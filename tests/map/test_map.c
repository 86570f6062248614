// How many crossbars and tiles a layer takes, and which nets do not fit.
#include "sim/map/map.h"

#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "tests/close.h"
#include "tests/map/support.h"
#include "tests/nets/widths.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

// 256 rows, four PEs of one pair a tile.
static void kernels_stay_whole(void **state)
{
    (void)state;
    static const struct {
        int in, kernel, out, row_blocks, col_blocks, tiles;
    } cases[] = {
        {28, 3, 16, 1, 1, 1},   // floor(256 / 9) = 28
        {29, 3, 16, 2, 1, 1},   //
        {112, 3, 16, 4, 1, 1},  // 4 x 28: exactly a tile
        {113, 3, 16, 5, 1, 2},  // and one channel more
        {5, 7, 16, 1, 1, 1},    // floor(256 / 49) = 5
        {6, 7, 16, 2, 1, 1},    //
        {256, 1, 16, 1, 1, 1},  //
        {257, 1, 16, 2, 1, 1},  //
        {28, 3, 256, 1, 1, 1},  //
        {28, 3, 257, 1, 2, 1},  //
        {112, 3, 513, 4, 3, 3}, //
        {1, 15, 1, 1, 1, 1},    // 225 rows
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setup s = map_conv(
            "hawis",
            &(struct conv){.in = cases[i].in, .kernel = cases[i].kernel, .out = cases[i].out},
            NULL);
        const struct map_layer *m = &s.map->layers[1];
        assert_int_equal(m->row_blocks, cases[i].row_blocks);
        assert_int_equal(m->col_blocks, cases[i].col_blocks);
        assert_int_equal(m->slices, cases[i].row_blocks * cases[i].col_blocks);
        assert_int_equal(m->tiles, cases[i].tiles);
        assert_int_equal(s.map->n_tiles, cases[i].tiles);
        setup_free(&s);
    }
}

// ceil(channels * k^2 / 256).
static void dense_packs_rows(void **state)
{
    (void)state;
    static const struct {
        int in, kernel, row_blocks;
    } cases[] = {{28, 3, 1}, {29, 3, 2}, {85, 3, 3}, {113, 3, 4}, {114, 3, 5},
                 {5, 7, 1},  {16, 7, 4}, {1, 17, 2}, {256, 1, 1}, {257, 1, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setup s = map_conv(
            "hawis", &(struct conv){.in = cases[i].in, .kernel = cases[i].kernel, .out = 8},
            SETS("mapping.policy=dense"));
        assert_int_equal(s.map->layers[1].row_blocks, cases[i].row_blocks);
        setup_free(&s);
    }
}

static void weights_are_cut_into_cells(void **state)
{
    (void)state;
    static const struct {
        const char *chip, *form, *set;
        int weight_slices, column_slices, col_blocks, input_cycles;
    } cases[] = {
        {"hawis", "binary", "cell.bits=1", 1, 1, 1, 1},
        {"hawis", "int8", "cell.bits=1", 7, 1, 1, 1}, // the sign is the pair's
        {"hawis", "int8", "cell.bits=2", 4, 1, 1, 1},
        {"hawis", "int8", "crossbar.polarity=single", 8, 1, 1, 1},
        {"hawis", "int16", "cell.bits=4", 4, 1, 1, 1},
        {"hawis", "int8", "crossbar.slices=columns", 1, 7, 2, 1}, // 36 of 64 outputs in one
        {"isaac-ce", "int16", "cell.bits=2", 1, 8, 4, 1},         // 16 outputs in 128 columns
        {"isaac-ce", "int8", "cell.bits=2", 1, 4, 2, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setup s = map_conv(
            cases[i].chip, &(struct conv){.in = 8, .kernel = 3, .out = 64, .form = cases[i].form},
            SETS(cases[i].set));
        const struct map_layer *m = &s.map->layers[1];
        assert_int_equal(m->weight_slices, cases[i].weight_slices);
        assert_int_equal(m->column_slices, cases[i].column_slices);
        assert_int_equal(m->col_blocks, cases[i].col_blocks);
        assert_int_equal(m->input_cycles, cases[i].input_cycles); // the image has one bit
        setup_free(&s);
    }
}

static void inputs_are_cut_into_cycles(void **state)
{
    (void)state;
    static const struct {
        const char *chip, *form, *set;
        int cycles;
    } cases[] = {
        {"hawis", "binary", "dac.bits=1", 1},          {"hawis", "int8", "dac.bits=1", 8},
        {"hawis", "int8", "dac={preset: mnsim-3}", 3}, {"isaac-ce", "int16", "dac.bits=1", 16},
        {"isaac-ce", "int16", "dac.bits=16", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setup s =
            setup_make(cases[i].chip, "resnet20", cases[i].form, NULL, SETS(cases[i].set));
        int inner = layer_index(&s, "layer2.1.conv2");
        assert_int_equal(s.map->layers[inner].input_cycles, cases[i].cycles);
        setup_free(&s);
    }
}

static void assert_tiles(const char *net, const char *form, double width, const int *widths,
                         size_t n, int want)
{
    // MNSIM calls eight bits and the sign an 8-bit weight's nine.
    const char *bits = strcmp(form, "int8") == 0 ? "net.weight_bits=9" : "net.weight_bits=auto";
    char text[256];
    size_t length = 0;
    if (!widths)
        snprintf(text, sizeof text, "%gx", width);
    for (size_t i = 0; i < n; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%d ", widths[i]);
    struct setup s = setup_make("hawis", net, form, text, SETS("net.head=flatten", bits));
    if (s.map->n_tiles != want)
        fail_msg("%s, width %s: %d tiles, not %d", net, text, s.map->n_tiles, want);
    assert_int_equal(s.map->use.tiles, want);
    setup_free(&s);
}
#define VECTOR(widths) (widths), sizeof(widths) / sizeof *(widths)

// Tiles of MNSIM 2.0's own runs of HAWIS's nets in the setting that `hawis` describes.
static void tiles_are_those_of_mnsim(void **state)
{
    (void)state;
    static const int r20[] = {23, 32, 36, 51, 71, 81}, r32[] = {35, 48, 52, 75, 107, 121};
    for (int i = 0; i < 6; i++) {
        assert_tiles("resnet20", "binary", i + 1, NULL, 0, r20[i]);
        assert_tiles("resnet32", "binary", i + 1, NULL, 0, r32[i]);
    }
    assert_tiles("resnet20", "binary", 0, VECTOR(r20_a), 38);
    assert_tiles("resnet20", "binary", 0, VECTOR(r20_b), 53);
    assert_tiles("resnet32", "binary", 0, VECTOR(r32_a), 61);
    assert_tiles("resnet32", "binary", 0, VECTOR(r32_b), 70);
    assert_tiles("resnet20", "int8", 1, NULL, 0, 102);
    assert_tiles("resnet32", "int8", 1, NULL, 0, 150);
}

// 112 channels fill a tile's rows (252 of 256), not its columns.
static void use_of_a_full_tile(void **state)
{
    (void)state;
    struct setup s = map_conv("hawis", &(struct conv){.in = 112, .kernel = 3, .out = 112}, NULL);
    const struct utilisation *use = &s.map->use;
    assert_int_equal(use->tiles, 1);
    assert_int_equal(use->crossbars, 4);
    assert_int_equal(use->arrays, 8);
    assert_close(use->rows, 252 / 256.0, 1e-12);
    assert_close(use->columns, 112 / 256.0, 1e-12);
    assert_close(use->cells, 252 / 256.0 * 112 / 256.0, 1e-12);
    assert_close(use->crossbars_in_tiles, 1, 1e-12);
    assert_close(use->tiles_in_chip, 1 / 4096.0, 1e-12);
    assert_int_equal(use->weight_cells, 2 * 112 * 112 * 9);
    setup_free(&s);
}

// Two crossbars of 252 and 9 rows, each with a block of 256 and one of 44 columns.
static void use_of_part_filled_tiles(void **state)
{
    (void)state;
    struct setup s = map_conv("hawis", &(struct conv){.in = 29, .kernel = 3, .out = 300},
                              SETS("tile.pes=8", "noc.columns=5", "noc.rows=2"));
    const struct utilisation *use = &s.map->use;
    assert_int_equal(use->crossbars, 4);
    assert_close(use->rows, (252 + 9) / 2.0 / 256, 1e-12);
    assert_close(use->columns, (256 + 44) / 2.0 / 256, 1e-12);
    assert_close(use->cells, 261.0 * 300 / 4 / 65536, 1e-12);
    assert_close(use->crossbars_in_tiles, 0.5, 1e-12);
    assert_close(use->tiles_in_chip, 0.1, 1e-12);
    setup_free(&s);
}

// Every weight has its cells, and nothing else has: a pair for each bit of the magnitude.
static void cells_count_the_weights(void **state)
{
    (void)state;
    static const struct {
        const char *chip, *form;
        int cells;
    } cases[] = {{"hawis", "binary", 2}, {"hawis", "int8", 14}, {"hawis-q8", "int8", 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setup s = setup_make(cases[i].chip, "resnet20", cases[i].form, NULL, NULL);
        assert_int_equal(s.map->use.weight_cells, cases[i].cells * net_ops(s.net).weights);
        setup_free(&s);
    }
    // ISAAC: 8 cells a weight, and a column of every crossbar that measures the offset.
    struct setup s = setup_make("isaac-ce", "lenet5", "int16", NULL, NULL);
    int64_t rows = 0;
    for (int i = 0; i < s.map->n_slices; i++)
        rows += s.map->slices[i].rows;
    assert_int_equal(s.map->use.weight_cells, 8 * net_ops(s.net).weights + rows);
    setup_free(&s);
}

static void a_net_that_does_not_fit_is_told_what_would(void **state)
{
    (void)state;
    net_refused("hawis", "resnet20", SETS("noc.columns=4", "noc.rows=4"),
                "--set noc.columns: net 'resnet20' (binary, width 1x) needs 23 tiles, the chip has "
                "4 x 4 = 16; it would fit with noc.columns=5 and noc.rows=5, or with a narrower "
                "net"); // 20 layers never fit in 16 tiles, whatever the tiles hold
    net_refused("hawis", "resnet20", SETS("noc.columns=22", "noc.rows=1"),
                "--set noc.columns: net 'resnet20' (binary, width 1x) needs 23 tiles, the chip has "
                "22 x 1 = 22; it would fit with noc.columns=5 and noc.rows=5, with tile.pes=6, or "
                "with a narrower net"); // 16 row blocks of the classifier: 3 tiles in place of 4
    net_refused("hawis", "resnet20", SETS("mapping.tiles=22"),
                "--set mapping.tiles: net 'resnet20' (binary, width 1x) needs 23 tiles, the budget "
                "is 22; raise mapping.tiles to 23, or choose a narrower net");
    net_refused("hawis", "resnet20", SETS("noc.columns=4", "noc.rows=4", "mapping.tiles=9"),
                "--set noc.columns: net 'resnet20' (binary, width 1x) needs 23 tiles, the chip has "
                "4 x 4 = 16; it would fit with noc.columns=5 and noc.rows=5 and "
                "mapping.tiles=auto, or with a narrower net");
}

static void its_remedies_help(void **state)
{
    (void)state;
    static const char *const remedies[][4] = {
        {"noc.columns=5", "noc.rows=5"},
        {"noc.columns=22", "noc.rows=1", "tile.pes=6"},
        {"mapping.tiles=23"},
    };
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++) {
        struct setup s = setup_make("hawis", "resnet20", NULL, NULL, remedies[i]);
        assert_true(s.map->n_tiles <= 23);
        setup_free(&s);
    }
    net_refused("hawis", "resnet20", SETS("noc.columns=22", "noc.rows=1", "tile.pes=5"),
                "--set noc.columns: net 'resnet20' (binary, width 1x) needs 23 tiles");
}

static void what_no_crossbar_holds_is_refused(void **state)
{
    (void)state;
    conv_refused("hawis", &(struct conv){.in = 3, .kernel = 17, .out = 8, .side = 32},
                 SETS("crossbar.rows=256"),
                 "--set crossbar.rows: layer 'a' has a 17x17 kernel of 289 rows, more than the "
                 "crossbar's 256; set mapping.policy=dense, which splits kernels, or crossbar.rows "
                 "of 289 or more");
    conv_refused("isaac-ce", &(struct conv){.in = 3, .kernel = 3, .out = 8, .form = "int16"},
                 SETS("crossbar.columns=7"),
                 "--set crossbar.columns: layer 'a': one weight of 16 bits takes 8 columns, more "
                 "than the crossbar's 7; use crossbar.slices=arrays or cells of more bits");
    struct setup s =
        map_conv("isaac-ce", &(struct conv){.in = 3, .kernel = 3, .out = 8, .form = "int16"},
                 SETS("crossbar.columns=8"));
    assert_int_equal(s.map->layers[1].col_blocks, 8);
    setup_free(&s);
}

static void the_float_form_has_no_hardware(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "lenet5", NULL, NULL, NULL);
    struct net floats = *s.net;
    struct mapping *map = NULL;
    struct err err = {0};
    floats.form = FORM_FLOAT;
    assert_false(map_net(&floats, s.chip, 1, &map, &err));
    assert_string_equal(err.text, "net 'lenet5' in the form float has no hardware; choose --form "
                                  "binary, int8 or int16");
    setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_stay_whole),
        cmocka_unit_test(dense_packs_rows),
        cmocka_unit_test(weights_are_cut_into_cells),
        cmocka_unit_test(inputs_are_cut_into_cycles),
        cmocka_unit_test(tiles_are_those_of_mnsim),
        cmocka_unit_test(use_of_a_full_tile),
        cmocka_unit_test(use_of_part_filled_tiles),
        cmocka_unit_test(cells_count_the_weights),
        cmocka_unit_test(a_net_that_does_not_fit_is_told_what_would),
        cmocka_unit_test(its_remedies_help),
        cmocka_unit_test(what_no_crossbar_holds_is_refused),
        cmocka_unit_test(the_float_form_has_no_hardware),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

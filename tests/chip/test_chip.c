// Chips: those that ship, their published sums, and every description that cannot be.
#include "sim/chip/chip.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/conf/conf.h"
#include "base/catalog/catalog.h"
#include "tests/close.h"

static const struct catalog catalog = {0};

// The chip that ships as `name` with `yaml` (its name is t.yaml; NULL: nothing) laid over it, as
// `extends` does.
static struct conf *conf_of(const char *name, const char *yaml)
{
    struct err err = {0};
    struct conf *conf = catalog_open(&catalog, CATALOG_CHIP, name, &err);
    if (!conf)
        fail_msg("%s", err.text);
    struct conf *over = yaml ? conf_parse("t.yaml", yaml, strlen(yaml), &err) : NULL;
    if (over)
        conf_overlay(conf, over);
    else if (yaml)
        fail_msg("%s", err.text);
    conf_close(over);
    return conf;
}

static struct chip *chip_of(const char *name, const char *yaml)
{
    struct err err = {0};
    struct chip *chip = NULL;
    if (!chip_load(conf_of(name, yaml), &chip, &err))
        fail_msg("%s", err.text);
    return chip;
}

static void load_one(const char *name, const char *description, void *arg)
{
    struct chip *chip = chip_of(name, NULL);
    assert_string_equal(chip->name, name);
    assert_true(description && *description);
    assert_string_equal(description, chip->description);
    assert_true(chip_tiles(chip) > 0);
    chip_destroy(chip);
    ++*(int *)arg;
}

static void every_shipped_chip_loads(void **state)
{
    (void)state;
    int n = 0;
    catalog_list(&catalog, CATALOG_CHIP, load_one, &n);
    assert_true(n >= 6);
}

// The setting behind HAWIS's Table II: 256 x 256 pairs, ADC choice 3, 128 DACs and ADCs a PE, four
// PEs a tile.
static void hawis_is_setting_c1(void **state)
{
    (void)state;
    struct chip *chip = chip_of("hawis", NULL);
    assert_int_equal(chip->crossbar.rows, 256);
    assert_int_equal(chip->crossbar.columns, 256);
    assert_int_equal(chip->tile.pes, 4);
    assert_int_equal(chip->pe.crossbars, 1);
    assert_int_equal(chip_arrays(chip), 2);
    assert_int_equal(chip_rows_active(chip), 128);
    assert_int_equal(chip->adc.count, 128);
    assert_int_equal(chip->adc.share, ADC_PER_PE);
    assert_int_equal(chip->adc.bits, 8);
    assert_close(chip->adc.energy_j, 36.36e-12, 1e-3);
    assert_close(chip->adc.time_s, 9.09e-9, 1e-3);
    assert_close(chip->dac.energy_j, 11.7e-15, 1e-3);
    assert_close(cell_read_energy(&chip->cell, &chip->activity), 8.7e-15, 1e-2);
    assert_int_equal(chip_tiles(chip), 64 * 64);
    assert_true(chip->has_mnsim);
    chip_destroy(chip);
}

static double part_power(const struct chip_sum *sum, const char *name)
{
    for (int i = 0; i < sum->n; i++)
        if (!strcmp(sum->parts[i].name, name))
            return sum->parts[i].power_w;
    fail_msg("no part '%s'", name);
    return 0;
}

// Shafiee et al., Table I: 330 mW and 0.372 mm2 a tile, 65.8 W and 85.4 mm2 a chip.
static void isaac_adds_up_to_its_table(void **state)
{
    (void)state;
    struct chip *chip = chip_of("isaac-ce", NULL);
    struct chip_sum sum = chip_add_up(chip, NULL, NULL);
    assert_close(sum.tile_w, 330e-3, 0.01);
    assert_close(sum.tile_m2, 0.372e-6, 0.01);
    assert_close(sum.chip_w, 65.8, 0.01);
    assert_close(sum.chip_m2, 85.4e-6, 0.01);
    assert_close(sum.adc_w / sum.tile_w, 0.58, 0.01);
    assert_close(sum.adc_m2 / sum.tile_m2, 0.31, 0.01);
    assert_int_equal(chip_tiles(chip), 168);
    // Twelve IMAs; powers of the groups as printed.
    assert_close(part_power(&sum, "ADC"), 12 * 16e-3, 0.01);
    assert_close(part_power(&sum, "DAC"), 12 * 4e-3, 0.01);
    // Table I leaves the unit column out: 129 columns draw 129 / 128 of its 2.4 mW.
    assert_close(part_power(&sum, "crossbar"), 12 * 2.4e-3 * 129 / 128, 1e-3);
    assert_close(part_power(&sum, "sample and hold"), 12 * 0.010e-3, 0.01);
    assert_close(part_power(&sum, "shift-add"), 12 * 0.2e-3, 0.01);
    assert_close(part_power(&sum, "input register"), 12 * 1.24e-3, 0.01);
    assert_close(part_power(&sum, "output register"), 12 * 0.23e-3, 0.01);
    assert_close(part_power(&sum, "tile buffer"), 20.7e-3, 0.01);
    assert_close(part_power(&sum, "bus"), 7e-3, 0.01);
    assert_close(part_power(&sum, "router"), 10.5e-3, 0.01);
    assert_close(part_power(&sum, "adder"), 0.05e-3, 0.01);
    assert_close(part_power(&sum, "output unit"), 0.52e-3, 0.01);
    assert_close(part_power(&sum, "off-chip link"), 10.4, 0.01);
    chip_destroy(chip);
}

static void sums_follow_their_parts(void **state)
{
    (void)state;
    struct chip *chip = chip_of("isaac-ce", NULL);
    struct chip *more = chip_of("isaac-ce", "{adc: {count: 2}, noc: {columns: 28}}");
    struct chip_sum a = chip_add_up(chip, NULL, NULL), b = chip_add_up(more, NULL, NULL);
    double tile_w = 0, tile_m2 = 0;
    for (int i = 0; i < b.n_tile; i++) {
        tile_w += b.parts[i].power_w;
        tile_m2 += b.parts[i].area_m2;
    }
    assert_close(b.tile_w, tile_w, 1e-12);
    assert_close(b.tile_m2, tile_m2, 1e-12);
    assert_close(b.adc_w, 2 * a.adc_w, 1e-12);
    assert_close(b.tile_w - a.tile_w, a.adc_w, 1e-9);
    assert_close(b.chip_w, 2 * 168 * b.tile_w + 10.4, 1e-9);
    chip_destroy(chip);
    chip_destroy(more);
}

// An unmapped chip has buffers of no size yet; a mapping brings them.
static void buffers_may_come_from_a_mapping(void **state)
{
    (void)state;
    struct chip *chip = chip_of("hawis", NULL);
    struct buffer_params pe = chip->pe.buffer, tile = chip->tile.buffer;
    pe.bytes = 1024;
    tile.bytes = 4096;
    assert_true(buffer_resolve(&pe, NULL, NULL) && buffer_resolve(&tile, NULL, NULL));
    struct chip_sum without = chip_add_up(chip, NULL, NULL), with = chip_add_up(chip, &pe, &tile);
    assert_close(with.tile_m2 - without.tile_m2, 4 * 0.0405803e-6 + 0.0686947e-6, 1e-6);
    assert_close(with.leakage_tile_w - without.leakage_tile_w, 4 * 1.006428e-3 + 1.95684e-3, 1e-6);
    chip_destroy(chip);
}

static double part_area(const struct chip_sum *sum, const char *name)
{
    for (int i = 0; i < sum->n; i++)
        if (!strcmp(sum->parts[i].name, name))
            return sum->parts[i].area_m2;
    return 0;
}

// (rows + spares) x (columns + spares) cells, and a driver for each word line.
static void spare_lines_take_area(void **state)
{
    (void)state;
    static const char yaml[] = "crossbar: {rows: 64, columns: 32, polarity: offset_column, "
                               "spare_rows: 3, spare_columns: 2, driver_area: 1 um2, "
                               "overhead_area: 7 um2}\ncell: {area: 2 um2}\n"
                               "dac: {count: 32}\n";
    struct chip *chip = chip_of("hawis", yaml);
    struct chip_sum sum = chip_add_up(chip, NULL, NULL);
    double arrays = (double)chip->tile.pes * chip->pe.crossbars;
    double one_um2 = (64 + 3) * (32 + 1 + 2) * 2 + (64 + 3) * 1 + 7;
    assert_close(part_area(&sum, "crossbar"), arrays * one_um2 * 1e-12, 1e-12);
    chip_destroy(chip);
}

static void rows_driven_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        int rows;
    } cases[] = {
        {"{dac: {count: auto}}", 256},
        {"{dac: {count: 1}}", 1},
        {"{dac: {count: 64}, crossbar: {rows_active: 256}}", 64},
        {"{dac: {count: auto}, crossbar: {rows_active: 9}}", 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip *chip = chip_of("hawis", cases[i].yaml);
        assert_int_equal(chip_rows_active(chip), cases[i].rows);
        chip_destroy(chip);
    }
}

static void single_layers_may_have_their_own_adc(void **state)
{
    (void)state;
    struct chip *chip = chip_of(
        "hawis",
        "overrides: [{layer: conv1, adc: {preset: mnsim-8}},\n"
        "  {layer: linear, adc: {preset: survey, bits: 4, rate: 1 GS/s, technology: 32 nm}}]");
    assert_int_equal(chip_adc(chip, "conv1")->bits, 1);
    assert_int_equal(chip_adc(chip, "linear")->bits, 4);
    assert_close(chip_adc(chip, "linear")->energy_j, 0.92375e-12, 1e-4);
    assert_ptr_equal(chip_adc(chip, "conv"), &chip->adc);
    assert_ptr_equal(chip_adc(chip, "layer1.0.conv1"), &chip->adc);
    chip_destroy(chip);
}

// What `bitline show chip` prints is a chip again, and the same one.
static void a_printed_chip_reads_back(const char *name, const char *description, void *arg)
{
    (void)description;
    (void)arg;
    struct chip *chip = chip_of(name, NULL), *again = NULL;
    struct err err = {0};
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    conf_print(chip->conf->root, chip_fields, true, out);
    fclose(out);
    struct conf *conf = conf_parse("again.yaml", text, n, &err);
    if (!conf || !chip_load(conf, &again, &err))
        fail_msg("%s: %s", name, err.text);
    assert_true(again->hash == chip->hash);
    struct chip_sum a = chip_add_up(chip, NULL, NULL), b = chip_add_up(again, NULL, NULL);
    assert_true(a.chip_w == b.chip_w && a.chip_m2 == b.chip_m2);
    chip_destroy(again);
    chip_destroy(chip);
    free(text);
}

static void printed_chips_read_back(void **state)
{
    (void)state;
    catalog_list(&catalog, CATALOG_CHIP, a_printed_chip_reads_back, NULL);
}

static void the_hash_follows_the_content(void **state)
{
    (void)state;
    struct chip *chip = chip_of("hawis", NULL), *same = chip_of("hawis", "{adc: {count: 128}}");
    struct chip *other = chip_of("hawis", "{adc: {count: 64}}");
    assert_true(chip->hash == same->hash);
    assert_true(chip->hash != other->hash);
    chip_destroy(chip);
    chip_destroy(same);
    chip_destroy(other);
}

static void assert_refused(struct conf *conf_take, const char *want)
{
    struct err err = {0};
    struct chip *chip = NULL;
    if (chip_load(conf_take, &chip, &err))
        fail_msg("loaded, instead of: %s", want);
    if (strncmp(err.text, want, strlen(want)) != 0)
        fail_msg("'%s' does not begin with '%s'", err.text, want);
}

static void impossible_chips_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"cell: {read_time: 3 nV}", "t.yaml:1:19: cell.read_time: '3 nV' is not a time in s"},
        {"cell: {read_time: 3}", "t.yaml:1:19: cell.read_time: '3' has no unit"},
        {"cell:\n  area: -1 um2", "t.yaml:2:9: cell.area: "},
        {"cell: {bits: 17}", "t.yaml:1:14: cell.bits: "},
        {"activity: {inputs_on: 1.5}", "t.yaml:1:23: activity.inputs_on: "},
        {"cell: {r_hrs: 1 kohm}", "t.yaml:1:15: cell.r_hrs: 1000 ohm is not above r_lrs (3000 "
                                  "ohm), so the two states cannot "
                                  "be told apart; raise r_hrs (inf: no leakage) or lower r_lrs"},
        {"cell: {r_hrs: 3 kohm}", "t.yaml:1:15: cell.r_hrs: 3000 ohm is not above r_lrs"},
        {"cell: {r_lrs: 3 Mohm}", "chip hawis:15:10: cell.r_hrs: 3e+06 ohm is not above r_lrs"},
        {"dac: {count: 257}", "t.yaml:1:14: dac.count: 257 DACs for 256 rows; at most one each"},
        {"crossbar: {rows_active: 300}",
         "t.yaml:1:25: crossbar.rows_active: 300 of 256 rows cannot be active"},
        {"crossbar: {encoding: flip}",
         "t.yaml:1:22: crossbar.encoding: a differential pair holds no offset, so flipped columns "
         "would not lower its sums; set crossbar.polarity"},
        {"crossbar: {polarity: single, subtract: after_adc}",
         "t.yaml:1:40: crossbar.subtract: only differential pairs are subtracted; remove the key "
         "or set polarity"},
        {"mapping: {tiles: 5000}",
         "t.yaml:1:18: mapping.tiles: 5000 tiles, but the chip has 64 x 64 = 4096"},
        {"adc: {preset: mnsim-10}", "t.yaml:1:15: adc.preset: "},
        {"adc: {preset: mnsim-4, bits: 5}",
         "t.yaml:1:6: adc: preset mnsim-4 has 6 bits, not 5, and its numbers do not scale"},
        {"dac: {preset: none}", "t.yaml:1:6: dac: give a preset (mnsim-1 ... mnsim-7) or all of"},
        {"overrides:\n"
         "  - {layer: conv1, adc: {preset: mnsim-8}}\n"
         "  - {layer: conv1, adc: {preset: mnsim-7}}\n",
         "t.yaml:3:5: overrides.1: layer 'conv1' is overridden twice"},
        {"overrides: [{layer: conv1, adc: {count: 4}}]",
         "t.yaml:1:33: overrides.0.adc: give a preset (survey, mnsim-1 ... mnsim-9) or all of"},
        {"overrides: [{layer: conv1}]", "t.yaml:1:13: overrides.0"},
        {"tile: {buffer: {kind: given}}",
         "t.yaml:1:16: tile.buffer: bytes: auto needs one of the SRAM kinds; give the bytes, or a "
         "kind"},
        {"pe: {buffer: {width: 96}}",
         "t.yaml:1:14: pe.buffer: the table of sram-90nm has no words of 96 bits"},
        {"tile: {pes: 0}", "t.yaml:1:13: tile.pes: "},
        {"noc: {topology: ring}", "t.yaml:1:17: noc.topology: "},
        {"noc: {flits: 3}", "t.yaml:1:7: noc.flits: "},
        {"cell: 3", "t.yaml:1:7: cell: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(conf_of("hawis", cases[i].yaml), cases[i].want);
}

static void impossible_settings_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path, *value, *want;
    } cases[] = {
        {"dac.count", "257", "--set dac.count: 257 DACs for 256 rows; at most one each"},
        {"adc.time", "-1 ns", "--set adc.time: "},
        {"mapping.tiles", "4097",
         "--set mapping.tiles: 4097 tiles, but the chip has 64 x 64 = 4096"},
        {"adc.preset", "mnsim-0", "--set adc.preset: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct conf *conf = conf_of("hawis", NULL);
        assert_true(conf_set(conf, cases[i].path, cases[i].value, NULL));
        assert_refused(conf, cases[i].want);
    }
}

static void missing_sections_are_told(void **state)
{
    (void)state;
    static const char yaml[] = "name: t\n"
                               "activity: {}\n"
                               "crossbar: {rows: 8, columns: 8}\n";
    assert_refused(conf_parse("t.yaml", yaml, sizeof yaml - 1, NULL), "t.yaml:1:1: cell");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shipped_chip_loads),
        cmocka_unit_test(hawis_is_setting_c1),
        cmocka_unit_test(isaac_adds_up_to_its_table),
        cmocka_unit_test(sums_follow_their_parts),
        cmocka_unit_test(buffers_may_come_from_a_mapping),
        cmocka_unit_test(spare_lines_take_area),
        cmocka_unit_test(rows_driven_at_once),
        cmocka_unit_test(single_layers_may_have_their_own_adc),
        cmocka_unit_test(printed_chips_read_back),
        cmocka_unit_test(the_hash_follows_the_content),
        cmocka_unit_test(impossible_chips_are_refused),
        cmocka_unit_test(impossible_settings_are_refused),
        cmocka_unit_test(missing_sections_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Each rule of plausible_chip and inherit_check at both sides of its limit, with values by hand.
#include "sim/chip/plausible_chip.h"

#include <string.h>

#include "base/err.h"
#include "base/warn.h"
#include "sim/chip/chip.h"
#include "base/catalog/catalog.h"
#include "tests/close.h"

static const struct catalog catalog = {0};

// 26 x 33 tiles in which nothing costs anything but the bus.
static const char plain[] =
    "name: plain\n"
    "cell: {r_lrs: 3 kohm, r_hrs: 3 Mohm, read_voltage: 0 V, read_time: 1 ns, area: 0 um2}\n"
    "crossbar: {rows: 8, columns: 8}\n"
    "dac: {bits: 1, time: 0 ns, energy: 0 J, area: 0 um2}\n"
    "adc: {bits: 8, time: 0 ns, energy: 0 J, area: 0 um2}\n"
    "tile:\n"
    "  pes: 1\n"
    "  buffer: {bytes: 1 KB, time: 0 ns, read_energy: 0 J, write_energy: 0 J, area: 0 um2, "
    "leakage: 0 W}\n"
    "noc: {columns: 26, rows: 33, link_rate: 1 Gb/s, router_time: 0 ns}\n"
    "offchip: {rate: 1 Gb/s}\n";

// The chip that ships as `name` (NULL: the plain one) with `yaml` (t.yaml) over it, and a --set.
static struct chip *chip_of(const char *name, const char *yaml, const char *set, const char *value)
{
    struct err err = {0};
    struct chip *chip = NULL;
    struct conf *conf = name ? catalog_open(&catalog, CATALOG_CHIP, name, &err)
                             : conf_parse("plain.yaml", plain, sizeof plain - 1, &err);
    struct conf *over = conf && yaml ? conf_parse("t.yaml", yaml, strlen(yaml), &err) : NULL;
    if (over)
        conf_overlay(conf, over);
    conf_close(over);
    if (!conf || (set && !conf_set(conf, set, value, &err)) || !chip_load(conf, &chip, &err))
        fail_msg("%s", err.text);
    return chip;
}

// Of one code: how many warnings; the last one's text is copied.
static int count(const struct warnings *warnings, const char *code, char text[600])
{
    int n = 0;
    *text = 0;
    for (size_t i = 0; i < warnings->n; i++)
        if (!strcmp(warnings->items[i].code, code)) {
            strcpy(text, warnings->items[i].text);
            n++;
        }
    return n;
}

// That `yaml` over the plain chip (or another) gives the warning that says `says`; NULL: none.
static void expect(const char *name, const char *yaml, const char *set, const char *value,
                   const char *code, const char *says)
{
    char text[600];
    struct warnings warnings = {0};
    struct chip *chip = chip_of(name, yaml, set, value);
    plausible_chip(chip, NULL, NULL, &warnings);
    plausible_chip(chip, NULL, NULL, NULL); // nobody who listens is fine
    int n = count(&warnings, code, text);
    if (n != (says != NULL))
        fail_msg("%s: %d warnings of %s: %s", yaml ? yaml : value, n, code, text);
    if (says && !strstr(text, says))
        fail_msg("'%s' lacks '%s'", text, says);
    if (!says && !name && warnings.n)
        fail_msg("%s: %s", yaml, warnings.items[0].text);
    warnings_fini(&warnings);
    chip_destroy(chip);
}

// 3 kohm against 6 and 5.9: ratios 2 and 1.967, of which 100 / 1.967 is 50.8 %.
static void on_off_ratios(void **state)
{
    (void)state;
    expect(NULL, "cell: {r_hrs: inf}", NULL, NULL, "on-off-ratio", NULL);
    expect(NULL, "cell: {r_hrs: 6 kohm}", NULL, NULL, "on-off-ratio", NULL);
    expect(NULL, "cell: {r_hrs: 5.9 kohm}", NULL, NULL, "on-off-ratio",
           "r_hrs / r_lrs = 5.9 kohm / 3 kohm = 1.97 is below 2: a cell that is off carries 51 % "
           "of the current");
}

static void variations(void **state)
{
    (void)state;
    expect(NULL, "defects: {sigma: 1.5}", NULL, NULL, "variation", NULL);
    expect(
        NULL, "defects: {sigma: 1.6}", NULL, NULL, "variation",
        "defects.sigma = 1.6 is above 1.5: R = R0 exp(normal(0, sigma)), so one cell of three is "
        "off by more than a factor exp(sigma) = 4.95");
}

// 858 tiles of 0.999 and 1.001 mm2: 857.142 and 858.858 mm2.
static void dies(void **state)
{
    (void)state;
    expect(NULL, "tile: {bus: {rate: 1 Gb/s, area: 0.999 mm2}}", NULL, NULL, "die-area", NULL);
    expect(
        NULL, "tile: {bus: {rate: 1 Gb/s, area: 1.001 mm2}}", NULL, NULL, "die-area",
        "die area 858.858 mm2 (858 tiles of 1.001 mm2) is above the reticle limit, 26 mm x 33 mm "
        "= 858 mm2; lower noc.columns or noc.rows");
}

// 1 pJ a bit at 499 and 501 Gb/s in 0.5 mm2: 0.998 and 1.002 W/mm2.
static void densities(void **state)
{
    (void)state;
    expect(NULL, "tile: {bus: {rate: 499 Gb/s, energy: 1 pJ, area: 0.5 mm2}}", NULL, NULL,
           "peak-power-density", NULL);
    expect(NULL, "tile: {bus: {rate: 501 Gb/s, energy: 1 pJ, area: 0.5 mm2}}", NULL, NULL,
           "peak-power-density",
           "peak power density 429.9 W / 429 mm2 = 1.002 W/mm2 is above 1 W/mm2 (100 W/cm2");
}

static void buffers_of_a_mapping_count(void **state)
{
    (void)state;
    char text[600];
    struct warnings warnings = {0};
    struct chip *chip = chip_of(NULL, "tile: {buffer: {kind: sram-45nm, bytes: auto}}", NULL, NULL);
    struct buffer_params buffer = chip->tile.buffer;
    buffer.area_m2 = 1.001e-6;
    plausible_chip(chip, NULL, NULL, &warnings);
    assert_int_equal(count(&warnings, "die-area", text), 0);
    plausible_chip(chip, NULL, &buffer, &warnings);
    assert_int_equal(count(&warnings, "die-area", text), 1);
    assert_non_null(strstr(text, "858.858 mm2 (858 tiles of 1.001 mm2)"));
    warnings_fini(&warnings);
    chip_destroy(chip);
}

static void technology_nodes(void **state)
{
    (void)state;
    static const char code[] = "mixed-technology";
    expect(NULL, "tile: {adder: {energy: 1 pJ, technology: 45 nm}, pool: {energy: 1 pJ}}", NULL,
           NULL, code, NULL); // a part that states nothing
    expect(NULL,
           "tile: {adder: {energy: 1 pJ, technology: 45 nm}, pool: {energy: 1 pJ, technology: 45 "
           "nm}}",
           NULL, NULL, code, NULL);
    expect(NULL, "tile: {adder: {energy: 1 pJ, technology: 45 nm}, pool: {technology: 65 nm}}",
           NULL, NULL, code, NULL); // a part that costs nothing
    expect(NULL,
           "{technology: 65 nm, tile: {adder: {energy: 1 pJ, technology: 45 nm}, pool: {energy: 1 "
           "pJ}, output: {area: 1 um2}}}",
           NULL, NULL, code, "parts of 2 technology nodes (65 nm output unit, pool; 45 nm adder)");
    expect("hawis", NULL, NULL, NULL, code,
           "parts of 6 technology nodes (130 nm cell; 90 nm PE buffer, tile buffer; 65 nm pool; 45 "
           "nm adder; 40 nm output unit, residual adder, input encoder; 32 nm router, off-chip "
           "link)");
}

// Chips that extend isaac-ce, whose read energy, row drive and samplers are given numbers.
static void inherited_numbers(void **state)
{
    (void)state;
    static const char code[] = "inherited-part";
    expect("isaac-ce", NULL, NULL, NULL, code, NULL);
    expect("isaac-ce", "noc: {columns: 7}", NULL, NULL, code, NULL); // nothing depends on it
    expect("isaac-ce", "crossbar: {columns: 256}", NULL, NULL, code,
           "crossbar.columns = 256 is stated in t.yaml, but what depends on it is inherited: "
           "dac.energy = 0.3906 pJ (chip isaac-ce:26), pe.sample_hold.count = 128 (chip "
           "isaac-ce:31); state it too");
    expect("isaac-ce",
           "{crossbar: {columns: 256}, dac: {energy: 0.8 pJ}, pe: {sample_hold: {count: 256}}}",
           NULL, NULL, code, NULL);
    expect("isaac-ce", "cell: {bits: 4}", NULL, NULL, code, "cell.read_energy = 1.831 fJ");
    expect("isaac-ce", "cell: {bits: 4, read_energy: auto}", NULL, NULL, code, NULL);
    expect("isaac-ce", "technology: 22 nm", NULL, NULL, code, "inherited: adc.energy = 1.5625 pJ");
    expect(
        "hawis", "tile: {adder: {technology: 22 nm}}", NULL, NULL, code,
        "tile.adder.time = 2 ns (chip hawis:43), tile.adder.energy = 0.25306 pJ (chip hawis:43)");
    expect("isaac-ce", NULL, "cell.r_lrs", "10 kohm", code,
           "cell.r_lrs = 10 kohm is stated in --set, but what depends on it is inherited: "
           "cell.read_energy = 1.831 fJ (chip isaac-ce:");
    expect("isaac-ce", "crossbar: {columns: 128}", NULL, NULL, code, NULL); // as it was
    expect("isaac-ce", NULL, "cell.r_lrs", "2 kohm", code, NULL);
    expect("isaac-ce", "cell: {read_energy: 1 fJ}", "cell.r_lrs", "10 kohm", code,
           "cell.read_energy = 1 fJ (t.yaml:1)");
}

static struct conf *conf_over(struct conf *base_take, const char *name, const char *yaml)
{
    struct err err = {0};
    struct conf *over = conf_parse(name, yaml, strlen(yaml), &err);
    if (!over)
        fail_msg("%s", err.text);
    conf_overlay(base_take, over);
    conf_close(over);
    return base_take;
}

// c extends b extends isaac-ce: what b left behind is left behind in c, too; what b stated together
// holds in c until c changes it; what c sets back to its old value is what the numbers were for.
static void inherited_over_two_files(void **state)
{
    (void)state;
    static const struct {
        const char *b, *c, *says;
    } cases[] = {
        {"cell: {bits: 4}", "name: c", "cell.bits = 4 is stated in b.yaml"},
        {"cell: {bits: 4, read_energy: 9 fJ}", "name: c", NULL},
        {"cell: {bits: 4, read_energy: 9 fJ}", "cell: {bits: 3}",
         "cell.bits = 3 is stated in c.yaml, but what depends on it is inherited: cell.read_energy "
         "= 9 fJ (b.yaml:1)"},
        {"cell: {bits: 4}", "cell: {bits: 2}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        char text[600];
        struct warnings warnings = {0};
        struct chip *chip = NULL;
        struct conf *conf = catalog_open(&catalog, CATALOG_CHIP, "isaac-ce", &err);
        conf = conf_over(conf_over(conf, "b.yaml", cases[i].b), "c.yaml", cases[i].c);
        assert_true(chip_load(conf, &chip, &err));
        plausible_chip(chip, NULL, NULL, &warnings);
        assert_int_equal(count(&warnings, "inherited-part", text), cases[i].says != NULL);
        if (cases[i].says && !strstr(text, cases[i].says))
            fail_msg("'%s' lacks '%s'", text, cases[i].says);
        warnings_fini(&warnings);
        chip_destroy(chip);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_off_ratios),
        cmocka_unit_test(variations),
        cmocka_unit_test(dies),
        cmocka_unit_test(densities),
        cmocka_unit_test(technology_nodes),
        cmocka_unit_test(buffers_of_a_mapping_count),
        cmocka_unit_test(inherited_numbers),
        cmocka_unit_test(inherited_over_two_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

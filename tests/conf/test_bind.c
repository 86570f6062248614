#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/conf/conf.h"
#include "tests/close.h"
#include "tests/conf/support.h"

struct adc {
    int kind, bits;
    double time_s;
};
struct tile {
    int pes;
    bool has_adc;
    struct adc adc;
};
struct chip {
    const char *name, *note;
    bool fast, has_noc;
    int rows, count, offset;
    double scale, rate_hz, drift;
    struct conf_ints sizes, groups;
    struct conf_nums ratios;
    struct conf_strs words;
    struct adc adc, noc;
    struct conf_list tiles;
};

static const char *const kind_names[] = {"sar", "flash", "sigma-delta", NULL};

#define AT(member) .offset = offsetof(struct adc, member)
static const struct conf_field adc_fields[] = {
    {"kind", CONF_ENUM, AT(kind), .names = kind_names, .fallback = "flash"},
    {"bits", CONF_INT, AT(bits), .min = 1, .max = 12, .help = "resolution"},
    {"time", CONF_QTY, AT(time_s), .min = 1e-12, .max = 1e-3, .unit = "s", .word = "auto",
     .fallback = "auto"},
    {0},
};
#undef AT
#define AT(member) .offset = offsetof(struct tile, member)
static const struct conf_field tile_fields[] = {
    {"pes", CONF_INT, AT(pes), .min = 1, .max = 64},
    {"adc", CONF_SECTION, AT(adc), .fields = adc_fields, .optional = true,
     .present = offsetof(struct tile, has_adc)},
    {0},
};
#undef AT
#define AT(member) .offset = offsetof(struct chip, member)
static const struct conf_field chip_fields[] = {
    {"name", CONF_STR, AT(name), .fallback = "unnamed"},
    {"note", CONF_STR, AT(note), .optional = true},
    {"fast", CONF_BOOL, AT(fast), .fallback = "true"},
    {"rows", CONF_INT, AT(rows), .min = 1, .max = 65536, .word = "auto", .fallback = "128"},
    {"count", CONF_INT, AT(count), .optional = true},
    {"offset", CONF_INT, AT(offset), .min = -4, .max = 4, .optional = true},
    {"scale", CONF_NUM, AT(scale), .min = 0, .max = 1, .fallback = "0.5"},
    {"drift", CONF_NUM, AT(drift), .optional = true},
    {"rate", CONF_QTY, AT(rate_hz), .unit = "Hz", .fallback = "1 GHz"},
    {"sizes", CONF_INTS, AT(sizes), .min = 1, .max = 100, .fallback = "[3, 4]"},
    {"groups", CONF_INTS, AT(groups), .min = 1, .max = 100, .optional = true},
    {"ratios", CONF_NUMS, AT(ratios), .min = 0.5, .max = 2, .fallback = "[0.5, 1.25]"},
    {"words", CONF_STRS, AT(words), .optional = true},
    {"adc", CONF_SECTION, AT(adc), .fields = adc_fields},
    {"noc", CONF_SECTION, AT(noc), .fields = adc_fields, .optional = true,
     .present = offsetof(struct chip, has_noc)},
    {"tiles", CONF_SECTIONS, AT(tiles), .fields = tile_fields, .size = sizeof(struct tile),
     .optional = true},
    {0},
};
#undef AT

static void everything_is_read(void **state)
{
    (void)state;
    struct conf *conf = parse_good("name: hawis\n"
                                   "note: \"\"\n"
                                   "fast: false\n"
                                   "rows: auto\n"
                                   "count: -2147483648\n"
                                   "offset: -3\n"
                                   "scale: 2.5e-1\n"
                                   "drift: -1e300\n"
                                   "rate: 1.28 GHz\n"
                                   "sizes: 7\n"
                                   "groups: [1, +2]\n"
                                   "ratios: [0.5, 2, 75e-2]\n"
                                   "words: [one, \"2\"]\n"
                                   "adc: {kind: sigma-delta, bits: 8, time: \"3 ns\"}\n"
                                   "noc: {bits: 1}\n"
                                   "tiles:\n"
                                   "  - {pes: 4}\n"
                                   "  - {pes: 5, adc: {bits: 6}}\n");
    struct chip chip = {0};
    struct err err = {0};
    assert_true(conf_bind(conf, conf->root, chip_fields, &chip, &err));
    assert_string_equal(chip.name, "hawis");
    assert_string_equal(chip.note, "");
    assert_false(chip.fast);
    assert_int_equal(chip.rows, -1);
    assert_int_equal(chip.count, INT32_MIN);
    assert_int_equal(chip.offset, -3);
    assert_close(chip.scale, 0.25, 0);
    assert_close(chip.drift, -1e300, 0);
    assert_close(chip.rate_hz, 1.28e9, 0);
    assert_int_equal(chip.sizes.n, 1);
    assert_int_equal(chip.sizes.v[0], 7);
    assert_int_equal(chip.groups.n, 2);
    assert_int_equal(chip.groups.v[1], 2);
    assert_int_equal(chip.ratios.n, 3);
    assert_true(chip.ratios.v[2] == 0.75);
    assert_int_equal(chip.words.n, 2);
    assert_string_equal(chip.words.v[0], "one");
    assert_string_equal(chip.words.v[1], "2");
    assert_int_equal(chip.adc.kind, 2);
    assert_close(chip.adc.time_s, 3e-9, 0);
    assert_true(chip.has_noc);
    assert_int_equal(chip.noc.bits, 1);
    assert_int_equal(chip.tiles.n, 2);
    assert_int_equal(chip.tiles.size, sizeof(struct tile));
    const struct tile *tiles = chip.tiles.items;
    assert_int_equal(tiles[0].pes, 4);
    assert_false(tiles[0].has_adc);
    assert_int_equal(tiles[0].adc.bits, 0);
    assert_true(tiles[1].has_adc);
    assert_int_equal(tiles[1].adc.bits, 6);
    assert_int_equal(tiles[1].adc.kind, 1);
    assert_int_equal(chip.tiles.nodes[1]->line, 18);
    conf_close(conf);
}

static void defaults_are_read(void **state)
{
    (void)state;
    struct conf *conf = parse_good("adc: {bits: 3}\n");
    struct chip chip = {0};
    assert_true(conf_bind(conf, conf->root, chip_fields, &chip, NULL));
    assert_string_equal(chip.name, "unnamed");
    assert_null(chip.note);
    assert_true(chip.fast);
    assert_int_equal(chip.rows, 128);
    assert_int_equal(chip.count, 0);
    assert_close(chip.scale, 0.5, 0);
    assert_close(chip.rate_hz, 1e9, 0);
    assert_int_equal(chip.sizes.n, 2);
    assert_int_equal(chip.sizes.v[1], 4);
    assert_int_equal(chip.groups.n, 0);
    assert_int_equal(chip.ratios.n, 2);
    assert_true(chip.ratios.v[1] == 1.25);
    assert_int_equal(chip.adc.kind, 1);
    assert_close(chip.adc.time_s, -1, 0);
    assert_false(chip.has_noc);
    assert_int_equal(chip.noc.bits, 0);
    assert_int_equal(chip.tiles.n, 0);
    conf_close(conf);
}

static const struct {
    const char *text, *want;
} bad[] = {
    {"adc: {bits: 3}\nrows: abc\n",
     "t.yaml:2:7: rows: 'abc' is not an integer; allowed: 1..65536 or auto"},
    {"rows: 0x10\n", "t.yaml:1:7: rows: '0x10' is not an integer; allowed: 1..65536 or auto"},
    {"rows: 1_000\n", "t.yaml:1:7: rows: '1_000' is not an integer; allowed: 1..65536 or auto"},
    {"rows: 1e3\n", "t.yaml:1:7: rows: '1e3' is not an integer; allowed: 1..65536 or auto"},
    {"rows: 4.0\n", "t.yaml:1:7: rows: '4.0' is not an integer; allowed: 1..65536 or auto"},
    {"rows: 010\n", "t.yaml:1:7: rows: '010' is not an integer; allowed: 1..65536 or auto"},
    {"rows: .inf\n", "t.yaml:1:7: rows: '.inf' is not an integer; allowed: 1..65536 or auto"},
    {"rows: 0\n", "t.yaml:1:7: rows: '0' is out of range; allowed: 1..65536 or auto"},
    {"rows: -1\n", "t.yaml:1:7: rows: '-1' is out of range; allowed: 1..65536 or auto"},
    {"rows: 99999999999999999999\n",
     "t.yaml:1:7: rows: '99999999999999999999' is out of range; allowed: 1..65536 or auto"},
    {"rows:\n", "t.yaml:1:6: rows: is empty; allowed: 1..65536 or auto"},
    {"rows: [1]\n", "t.yaml:1:7: rows: found a list; allowed: 1..65536 or auto"},
    {"rows: {a: 1}\n", "t.yaml:1:7: rows: found a map; allowed: 1..65536 or auto"},
    {"rows: '12'\n", "t.yaml:1:7: rows: '12' is quoted; write the number without quotes; allowed: "
                     "1..65536 or auto"},
    {"count: 2147483648\n",
     "t.yaml:1:8: count: '2147483648' is out of range; allowed: any integer"},
    {"scale: 1.01\n", "t.yaml:1:8: scale: '1.01' is out of range; allowed: 0..1"},
    {"scale: NaN\n",
     "t.yaml:1:8: scale: 'NaN' is not a number; write for example '1.5'; allowed: 0..1"},
    {"scale: .inf\n",
     "t.yaml:1:8: scale: '.inf' is not a number; write for example '1.5'; allowed: 0..1"},
    {"scale: 1 V\n", "t.yaml:1:8: scale: '1 V' is not a plain number; write for example '1.5'; "
                     "allowed: 0..1"},
    {"drift: 1e400\n", "t.yaml:1:8: drift: '1e400' is too large; allowed: any number"},
    {"rate: 3\n", "t.yaml:1:7: rate: '3' has no unit; write for example '1.28 GHz'; allowed: any "
                  "frequency in Hz"},
    {"fast: yes\n", "t.yaml:1:7: fast: 'yes' is not a boolean; allowed: true or false"},
    {"name: [a]\n", "t.yaml:1:7: name: found a list; allowed: a string"},
    {"sizes: {a: 1}\n", "t.yaml:1:8: sizes: found a map; allowed: a list of 1..100"},
    {"ratios: [1, 2.5]\n",
     "t.yaml:1:13: ratios.1: '2.5' is out of range; allowed: a list of 0.5..2"},
    {"sizes: [1, 101]\n", "t.yaml:1:12: sizes.1: '101' is out of range; allowed: a list of 1..100"},
    {"adc:\n  bits: 3\n  time: 1 nV\n",
     "t.yaml:3:9: adc.time: '1 nV' is not a time in s; allowed: 1 ps..1 ms or auto"},
    {"adc:\n  bits: 3\n  time: 2 ms\n",
     "t.yaml:3:9: adc.time: '2 ms' is out of range; allowed: 1 ps..1 ms or auto"},
    {"adc:\n  bits: 3\n  kind: flahs\n", "t.yaml:3:9: adc.kind: 'flahs' is unknown (did you mean "
                                         "'flash'?); allowed: sar, flash, sigma-delta"},
    {"adc:\n  bits: 3\n  kind: none\n",
     "t.yaml:3:9: adc.kind: 'none' is unknown; allowed: sar, flash, sigma-delta"},
    {"adc:\n  tiem: 1 ns\n",
     "t.yaml:2:3: adc.tiem: unknown key; did you mean 'time'? Known keys: kind, bits, time"},
    {"adc:\n  zzz:\n    a: 1\n", "t.yaml:2:3: adc.zzz: unknown key; known keys: kind, bits, time"},
    {"adc:\n  kind: sar\n", "t.yaml:2:3: adc.bits: is missing; allowed: 1..12"},
    {"name: x\n", "t.yaml:1:1: adc.bits: is missing; allowed: 1..12"},
    {"adc:\nname: x\n", "t.yaml:1:5: adc: is empty; allowed: a map of kind, bits, time"},
    {"adc: sar\n", "t.yaml:1:6: adc: 'sar' is a single value; allowed: a map of kind, bits, time"},
    {"adc: {bits: 3}\ntiles: {pes: 1}\n",
     "t.yaml:2:8: tiles: found a map; allowed: a list of maps of pes, adc"},
    {"adc: {bits: 3}\ntiles: [{pes: 1}, 7]\n",
     "t.yaml:2:19: tiles.1: '7' is a single value; allowed: a map of pes, adc"},
    {"adc: {bits: 3}\ntiles:\n  - pes: 1\n  - adc: {bits: 99}\n    pes: 2\n",
     "t.yaml:4:17: tiles.1.adc.bits: '99' is out of range; allowed: 1..12"},
    {"adc: {bits: 3}\ntiles:\n  - pes: 1\n  - adc: {bits: 9}\n",
     "t.yaml:4:5: tiles.1.pes: is missing; allowed: 1..64"},
    {"fast: \"a\\nb\"\n", "t.yaml:1:7: fast: 'a\\nb' is not a boolean; allowed: true or false"},
    {"fast: ääääääääääääääääääääääääääääää\n",
     "t.yaml:1:7: fast: 'ääääääääääääääääääääää...' is not a boolean; allowed: true or false"},
};

static void bad_values_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct chip chip = {0};
        struct err err = {0};
        struct conf *conf = parse_good(bad[i].text);
        if (conf_bind(conf, conf->root, chip_fields, &chip, &err))
            fail_msg("'%s' passed", bad[i].text);
        assert_string_equal(err.text, bad[i].want);
        conf_close(conf);
    }
}

static void schema_tells_all(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    conf_print_schema(tile_fields, 1, out);
    fclose(out);
    assert_string_equal(text, " pes: integer 1..64; required\n"
                              " adc: a map; optional\n"
                              "   kind: one of sar, flash, sigma-delta; default flash\n"
                              "   bits: integer 1..12; required\n"
                              "       resolution\n"
                              "   time: time 1 ps..1 ms or auto; default auto\n");
    free(text);
}

static void fail_names_place_and_path(void **state)
{
    (void)state;
    struct conf *conf = parse_good("tiles:\n  - {pes: 3}\n");
    struct err err = {0};
    assert_false(conf_fail(conf_find(conf->root, "tiles.0.pes"), &err, "%d are too few", 3));
    assert_string_equal(err.text, "t.yaml:2:11: tiles.0.pes: 3 are too few");
    err.text[0] = 0;
    conf_fail(conf->root, &err, "nothing fits");
    assert_string_equal(err.text, "t.yaml:1:1: nothing fits");
    err.text[0] = 0;
    conf_fail(NULL, &err, "nothing fits");
    assert_string_equal(err.text, "nothing fits");
    conf_close(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_read),        cmocka_unit_test(defaults_are_read),
        cmocka_unit_test(bad_values_are_told),       cmocka_unit_test(schema_tells_all),
        cmocka_unit_test(fail_names_place_and_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

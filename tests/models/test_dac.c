// Word-line drivers: MNSIM's presets, what is filled in and what is refused.
#include "models/dac.h"

#include <stdio.h>

#include "base/err.h"
#include "tests/models/support.h"

static bool resolve(const char *yaml, struct dac_params *dac, struct err *err)
{
    *dac = (struct dac_params){0};
    struct conf *conf = read_part(yaml, dac_fields, dac);
    bool ok = dac_resolve(dac, conf->root, err);
    conf_close(conf);
    return ok;
}

// MNSIM 2.0, Hardware_Model/DAC.py:31-82, at 1 GS/s; choice 6 with the factor 1e-3 that it lacks
// there (4.99e6 fJ).
static void presets_are_those_of_mnsim(void **state)
{
    (void)state;
    static const struct {
        int bits;
        const char *mw, *um2, *fj;
    } cases[] = {
        {1, ".0039", ".166", "11.7"}, {2, ".0078", ".332", "31.2"}, {3, ".0156", ".664", "78"},
        {4, ".0312", "1.328", "187"}, {6, ".1248", "5.312", "998"}, {8, ".4992", "21.248", "4992"},
        {1, ".0039", ".166", "11.7"},
    };
    for (int i = 0; i < 7; i++) {
        char yaml[32];
        struct dac_params dac;
        snprintf(yaml, sizeof yaml, "preset: mnsim-%d", i + 1);
        assert_true(resolve(yaml, &dac, NULL));
        assert_int_equal(dac.bits, cases[i].bits);
        assert_close(dac.time_s, (cases[i].bits + 2) * 1e-9, 1e-12);
        assert_printed(dac.energy_j * 1e15, cases[i].fj);
        assert_printed(dac.energy_j / dac.time_s * 1e3, cases[i].mw);
        assert_printed(dac.area_m2 * 1e12, cases[i].um2);
        assert_int_equal(dac.count, -1); // one for every row
    }
}

static void own_numbers_win_over_a_preset(void **state)
{
    (void)state;
    struct dac_params dac;
    assert_true(resolve("{preset: mnsim-1, time: 5 ns, count: 64}", &dac, NULL));
    assert_close(dac.time_s, 5e-9, 1e-12);
    assert_printed(dac.energy_j * 1e15, "11.7");
    assert_int_equal(dac.count, 64);
}

static void half_given_ones_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{bits: 1, time: 1 ns, energy: 1 fJ}",
        "{bits: 1, time: 1 ns, area: 1 um2}",
        "{bits: 1, energy: 1 fJ, area: 1 um2}",
        "{time: 1 ns, energy: 1 fJ, area: 1 um2}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct dac_params dac;
        if (resolve(cases[i], &dac, &err))
            fail_msg("'%s' passed", cases[i]);
        assert_told(&err, "give a preset (mnsim-1 ... mnsim-7) or all of bits, time, energy, area");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_those_of_mnsim),
        cmocka_unit_test(own_numbers_win_over_a_preset),
        cmocka_unit_test(half_given_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// ADCs: MNSIM's presets, the survey model, what is filled in and what is refused.
#include "models/adc.h"

#include <stdio.h>

#include "base/err.h"
#include "tests/models/support.h"

static bool resolve(const char *yaml, struct adc_params *adc, struct err *err)
{
    *adc = (struct adc_params){0};
    struct conf *conf = read_part(yaml, adc_fields, adc);
    bool ok = adc_resolve(adc, conf->root, err);
    conf_close(conf);
    return ok;
}

static struct adc_params adc_of(const char *yaml)
{
    struct err err = {0};
    struct adc_params adc;
    if (!resolve(yaml, &adc, &err))
        fail_msg("%s: %s", yaml, err.text);
    return adc;
}

// MNSIM 2.0, Hardware_Model/ADC.py:31-114; latency and energy as it computes them.
static void presets_are_those_of_mnsim(void **state)
{
    (void)state;
    static const struct {
        int bits;
        const char *mw, *um2, *ns, *pj;
    } cases[] = {
        {10, "6.92", "1600", "8.00", "55.36"},  {8, "2.0", "1200", "7.81", "15.63"},
        {8, "4.0", "1650", "9.09", "36.36"},    {6, "1.26", "580", "8.0", "10.08"},
        {8, "4.0", "1650", "9.09", "36.36"},    {6, "1.26", "1650", "8.0", "10.08"},
        {4, "0.7", "500", "6.0", "4.20"},       {1, "0.001629", "1", "1.0", "0.0016"},
        {8, "0.0584", "15899", "42.7", "2.49"},
    };
    for (int i = 0; i < 9; i++) {
        char yaml[32];
        snprintf(yaml, sizeof yaml, "preset: mnsim-%d", i + 1);
        struct adc_params adc = adc_of(yaml);
        assert_int_equal(adc.bits, cases[i].bits);
        assert_printed(adc.area_m2 * 1e12, cases[i].um2);
        assert_printed(adc.time_s * 1e9, cases[i].ns);
        assert_printed(adc.energy_j * 1e12, cases[i].pj);
        assert_printed(adc.energy_j / adc.time_s * 1e3, cases[i].mw);
    }
}

// Values printed beside the plug-in's model: 32 nm, pJ / um2.
static void survey_gives_its_golden_table(void **state)
{
    (void)state;
    static const double rates[] = {10e6, 100e6, 1e9, 1.2e9, 1.28e9};
    static const struct {
        int bits;
        const char *pj[5], *um2[5];
    } rows[] = {
        {4,
         {"0.92375", "0.92375", "0.92375", "0.92375", "0.92375"},
         {"2159.6", "3274.1", "4963.8", "5130.1", "5190.2"}},
        {5,
         {"0.93625", "0.93625", "0.93625", "0.93625", "0.93625"},
         {"2168.3", "3287.3", "4983.8", "5150.7", "5211.2"}},
        {6,
         {"1.0651", "1.0651", "1.0651", "1.0651", "1.0651"},
         {"2253.6", "3416.6", "5179.8", "5353.3", "5416.1"}},
        {7,
         {"1.3122", "1.3122", "1.3122", "1.3122", "1.3122"},
         {"2398.7", "3636.6", "5513.3", "5698.0", "5764.8"}},
        {8,
         {"1.7137", "1.7137", "1.7137", "1.8486", "1.9292"},
         {"2598.1", "3938.9", "5971.6", "6313.1", "6469.3"}},
        {9,
         {"2.3401", "2.3401", "4.6971", "5.2989", "5.5300"},
         {"2851.9", "4323.6", "8073.8", "8650.6", "8864.6"}},
        {10,
         {"3.3097", "3.3097", "13.945", "15.732", "16.418"},
         {"3163.5", "4796.0", "11180", "11979", "12275"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < 5; j++) {
            assert_printed(adc_survey_energy(32e-9, rows[i].bits, rates[j]) * 1e12, rows[i].pj[j]);
            assert_printed(adc_survey_area(32e-9, rows[i].bits, rates[j]) * 1e12, rows[i].um2[j]);
        }
}

static void survey_knows_its_limits(void **state)
{
    (void)state;
    assert_true(isnan(adc_survey_energy(32e-9, 3, 1e9)));
    assert_true(isnan(adc_survey_energy(32e-9, 21, 1e9)));
    assert_true(isnan(adc_survey_energy(32e-9, 8, 1.1e10)));
    assert_true(isnan(adc_survey_energy(32e-9, 8, 0)));
    assert_true(isnan(adc_survey_energy(0, 8, 1e9)));
    assert_true(isnan(adc_survey_area(32e-9, 3, 1e9)));
    assert_true(adc_survey_energy(32e-9, 20, 1e10) > 0);
    assert_true(adc_survey_area(32e-9, 20, 1e10) > 0);
}

static void survey_fills_what_is_left_open(void **state)
{
    (void)state;
    struct adc_params adc =
        adc_of("{preset: survey, bits: 8, rate: 1.2 GS/s, technology: 32 nm, area: 1200 um2}");
    assert_close(adc.time_s, 1 / 1.2e9, 1e-12);
    assert_printed(adc.energy_j * 1e12, "1.8486");
    assert_close(adc.area_m2, 1200e-12, 1e-12);
}

static void own_numbers_win_over_a_preset(void **state)
{
    (void)state;
    struct adc_params adc = adc_of("{preset: mnsim-3, area: 20 um2, count: 4, per: pe}");
    assert_close(adc.area_m2, 20e-12, 1e-12);
    assert_printed(adc.energy_j * 1e12, "36.36");
    assert_int_equal(adc.count, 4);
    assert_int_equal(adc.share, ADC_PER_PE);
    adc = adc_of("{preset: mnsim-3, bits: 5, time: 1 ns, energy: 2 pJ, area: 3 um2}");
    assert_int_equal(adc.bits, 5);
    assert_close(adc.energy_j, 2e-12, 1e-12);
    adc = adc_of("{bits: 1, time: 0 ns, energy: 0 J, area: 0 um2}");
    assert_int_equal(adc.bits, 1);
    assert_int_equal(adc.count, 1);
    assert_int_equal(adc.share, ADC_PER_CROSSBAR);
    assert_true(adc.time_s == 0 && adc.energy_j == 0 && adc.area_m2 == 0);
}

static void impossible_ones_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *part;
    } cases[] = {
        {"{preset: survey, bits: 3, rate: 1 GS/s, technology: 32 nm}",
         "covers 4 to 20 bits, not 3; give time, energy and area"},
        {"{preset: survey, bits: 21, rate: 1 GS/s, technology: 32 nm}",
         "covers 4 to 20 bits, not 21"},
        {"{preset: survey, bits: 8, technology: 32 nm}", "needs bits, rate and technology"},
        {"{preset: survey, bits: 8, rate: 1 GS/s}", "needs bits, rate and technology"},
        {"{preset: survey, rate: 1 GS/s, technology: 32 nm}", "needs bits, rate and technology"},
        {"{preset: mnsim-3, bits: 7}", "preset mnsim-3 has 8 bits, not 7"},
        {"{preset: mnsim-3, rate: 1 GS/s}", "rate belongs to preset survey"},
        {"{bits: 8, time: 1 ns, energy: 1 pJ}", "give a preset (survey, mnsim-1 ... mnsim-9) or"},
        {"{count: 3}", "or all of bits, time, energy, area"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct adc_params adc;
        if (resolve(cases[i].yaml, &adc, &err))
            fail_msg("'%s' passed", cases[i].yaml);
        assert_told(&err, "part.yaml:1:");
        assert_told(&err, cases[i].part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_those_of_mnsim),
        cmocka_unit_test(survey_gives_its_golden_table),
        cmocka_unit_test(survey_knows_its_limits),
        cmocka_unit_test(survey_fills_what_is_left_open),
        cmocka_unit_test(own_numbers_win_over_a_preset),
        cmocka_unit_test(impossible_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

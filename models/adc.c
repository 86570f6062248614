#include "models/adc.h"

#include <math.h>
#include <stddef.h>

#include "base/conf/conf.h"

enum { GIVEN, SURVEY };

const struct adc_preset adc_presets[] = {
    {"none", 0, 0, 0, 0, 0},
    {"survey", 0, 0, 0, 0, 0},
    {"mnsim-1", 10, 6.92e-3, 1.5e9, 1600e-12, 12},
    {"mnsim-2", 8, 2.0e-3, 1.28e9, 1200e-12, 10}, // ISAAC's
    {"mnsim-3", 8, 4.0e-3, 1.1e9, 1650e-12, 10},
    {"mnsim-4", 6, 1.26e-3, 1.0e9, 580e-12, 8},
    {"mnsim-5", 8, 4.0e-3, 1.1e9, 1650e-12, 10},
    {"mnsim-6", 6, 1.26e-3, 1.0e9, 1650e-12, 8},
    {"mnsim-7", 4, 0.7e-3, 1.0e9, 500e-12, 6},
    {"mnsim-8", 1, 0.001629e-3, 1.0e9, 1e-12, 1},     // sense amplifier
    {"mnsim-9", 8, 0.0584e-3, 6.0e9, 15899e-12, 256}, // ramp
    {NULL, 0, 0, 0, 0, 0},
};
static const char *const preset_names[] = {"none",    "survey",  "mnsim-1", "mnsim-2",
                                           "mnsim-3", "mnsim-4", "mnsim-5", "mnsim-6",
                                           "mnsim-7", "mnsim-8", "mnsim-9", NULL};
static const char *const share_names[] = {"crossbar", "pe", NULL};
static const char *const range_names[] = {"full", "calibrated", NULL};

#define AT(member) .offset = offsetof(struct adc_params, member)
const struct conf_field adc_fields[] = {
    {"preset", CONF_ENUM, AT(preset), .names = preset_names, .fallback = "none",
     .help =
         "supplies the keys below that are auto; survey: an optimistic model of published ADCs, "
         "4 bits and more"},
    {"bits", CONF_INT, AT(bits), .min = 1, .max = 62, .fallback = "auto", .word = "auto",
     .help = "resolution; 1: a comparator or sense amplifier"},
    {"rate", CONF_QTY, AT(rate_hz), .min = 1, .max = 1e10, .unit = "S/s", .fallback = "auto",
     .word = "auto", .help = "conversions per second of one ADC (survey)"},
    {"technology", CONF_QTY, AT(technology_m), .min = 1e-9, .max = 1e-6, .unit = "m",
     .fallback = "auto", .word = "auto",
     .help = "technology node of these numbers; survey: the node to estimate for"},
    {"time", CONF_QTY, AT(time_s), .min = 0, .max = 1e-3, .unit = "s", .fallback = "auto",
     .word = "auto", .help = "one conversion"},
    {"energy", CONF_QTY, AT(energy_j), .min = 0, .max = 1e-3, .unit = "J", .fallback = "auto",
     .word = "auto", .help = "one conversion"},
    {"area", CONF_QTY, AT(area_m2), .min = 0, .max = 1e-4, .unit = "m2", .fallback = "auto",
     .word = "auto", .help = "one converter"},
    {"leakage", CONF_QTY, AT(leakage_w), .min = 0, .max = 1, .unit = "W", .fallback = "0 W",
     .help = "one converter"},
    {"count", CONF_INT, AT(count), .min = 1, .max = 1 << 16, .fallback = "1",
     .help = "converters per owner; columns take turns"},
    {"per", CONF_ENUM, AT(share), .names = share_names, .fallback = "crossbar",
     .help = "the owner: a crossbar, or a PE whose crossbars share them"},
    {"range", CONF_ENUM, AT(range), .names = range_names, .fallback = "full",
     .help =
         "full scale: the largest possible sum of its rows, or the largest sum of the layer for "
         "training images on the fault-free chip; affects eval and sweep only, no time or "
         "energy is charged"},
    {"calibration_images", CONF_INT, AT(calibration), .min = 1, .max = 10000, .fallback = "64",
     .help = "number of training images, from the first on, for a calibrated range"},
    {0},
};

// log-linear fit of throughput against figure of merit, and of energy and area; the constants come
// from the plug-in's model file.
static double survey_e0_pj(int bits, double rate_hz)
{
    double sndr_db = 20 * log10(2) * bits + 10 * log10(1.5);
    int k = bits > 20 ? 20 : bits;
    double limit = 128.3068287398817 + 3.2205115109775 * k;
    double foms = fmin(213.7806687348118 - 2.8719030399529957 * log(rate_hz), limit);
    return 1 / (2 * pow(10, (foms - sndr_db) / 10));
}

double adc_survey_energy(double technology_m, int bits, double rate_hz)
{
    if (bits < 4 || bits > 20 || !(rate_hz > 0) || rate_hz > 1e10 || !(technology_m > 0))
        return (double)NAN;
    double pj = survey_e0_pj(bits, rate_hz) *
                exp(26.0496215686518 + 1.8800369206815004 * log(technology_m * 1e9) -
                    2.8291256050594527 * log(bits) - 1.4702022133784405);
    return pj * 1e-12;
}

double adc_survey_area(double technology_m, int bits, double rate_hz)
{
    double pj = adc_survey_energy(technology_m, bits, rate_hz) * 1e12;
    double um2 = exp(1.3461916439910742 + 0.9932794744745022 * log(technology_m * 1e9) +
                     0.18071538424508238 * log(rate_hz) + 0.29912426192653485 * log(pj));
    return um2 * 1e-12;
}

static bool resolve_survey(struct adc_params *adc, const struct conf_node *at, struct err *err)
{
    if (adc->bits < 0 || adc->rate_hz < 0 || adc->technology_m < 0)
        return conf_fail(at, err, "preset survey needs bits, rate and technology");
    if (adc->bits < 4 || adc->bits > 20)
        return conf_fail(
            at, err,
            "the survey model covers 4 to 20 bits, not %d; give time, energy and area, "
            "or preset mnsim-8 (a sense amplifier)",
            adc->bits);
    if (adc->time_s < 0)
        adc->time_s = 1 / adc->rate_hz;
    if (adc->energy_j < 0)
        adc->energy_j = adc_survey_energy(adc->technology_m, adc->bits, adc->rate_hz);
    if (adc->area_m2 < 0)
        adc->area_m2 = adc_survey_area(adc->technology_m, adc->bits, adc->rate_hz);
    return true;
}

bool adc_resolve(struct adc_params *adc, const struct conf_node *at, struct err *err)
{
    if (adc->preset == SURVEY)
        return resolve_survey(adc, at, err);
    if (adc->rate_hz >= 0)
        return conf_fail(at, err, "rate belongs to preset survey; use time instead");
    if (adc->preset == GIVEN &&
        (adc->bits < 0 || adc->time_s < 0 || adc->energy_j < 0 || adc->area_m2 < 0))
        return conf_fail(at, err,
                         "give a preset (survey, mnsim-1 ... mnsim-9) or all of bits, "
                         "time, energy, area");
    const struct adc_preset *preset = &adc_presets[adc->preset];
    double use_s = preset->rate_hz > 0 ? preset->cycles / preset->rate_hz : 0;
    if (adc->preset != GIVEN && adc->bits >= 0 && adc->bits != preset->bits &&
        (adc->time_s < 0 || adc->energy_j < 0 || adc->area_m2 < 0))
        return conf_fail(at, err,
                         "preset %s has %d bits, not %d, and its numbers do not scale; use another "
                         "preset, or give time, energy and area too",
                         preset->name, preset->bits, adc->bits);
    if (adc->bits < 0)
        adc->bits = preset->bits;
    if (adc->time_s < 0)
        adc->time_s = use_s;
    if (adc->energy_j < 0)
        adc->energy_j = preset->power_w * use_s;
    if (adc->area_m2 < 0)
        adc->area_m2 = preset->area_m2;
    return true;
}

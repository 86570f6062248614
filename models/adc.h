// Read-out of a column: an ADC (defined by its numbers, by a named preset, or by the survey model),
// or a comparator / sense amplifier, which is a one-bit read-out.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/conf/conf.h"

struct err;

enum adc_share { ADC_PER_CROSSBAR, ADC_PER_PE };
enum adc_range { ADC_FULL, ADC_CALIBRATED };

struct adc_params {
    int preset;          // index into adc_presets; 0: none, 1: the survey model
    int bits;            // -1: the preset's
    double rate_hz;      // survey: conversions per second of one ADC
    double technology_m; // node of its numbers; -1: not stated; required by survey
    double time_s;       // one conversion; -1: the preset's
    double energy_j;     // one conversion; -1: the preset's
    double area_m2;      // one converter; -1: the preset's
    double leakage_w;    // one converter
    int count;           // per owner
    int share;           // enum adc_share: the owner
    int range;           // enum adc_range: full scale is the largest possible or observed sum
    int calibration;     // training images for a calibrated range
};
extern const struct conf_field adc_fields[];

struct adc_preset {
    const char *name;
    int bits;
    double power_w, rate_hz, area_m2;
    double cycles; // per conversion, at the rate
};
// [0] "none", [1] "survey", then the nine of MNSIM 2.0 (Hardware_Model/ADC.py:31-114; one
// conversion takes (bits + 2) / rate there, 1 / rate for the sense amplifier 8, 2^bits / rate for
// 9).
extern const struct adc_preset adc_presets[];

// Fills the values that the file leaves at auto, from the preset or the model.
bool adc_resolve(struct adc_params *adc, const struct conf_node *at, struct err *err);

// The survey model (regression over Murmann's ADC survey as in Accelergy's ADC plug-in): energy of
// one conversion (best-20 % quantile) and area (bottom-10 % quantile), both optimistic estimates.
// Valid for 4 bits and more, up to 1e10 conversions per second; NAN outside.
double adc_survey_energy(double technology_m, int bits, double rate_hz);
double adc_survey_area(double technology_m, int bits, double rate_hz);

// What ADCs need and lose, for people and for programs: eval counts it, run computes a bound from
// rows and levels.
#pragma once
#include <stddef.h>

#include "tools/study/accuracy.h"

struct jsonw;
struct mapping;
struct warnings;

// An object "adc": totals and layers. images: on which conversions were counted.
void adc_json(const struct mapping *mapping, const struct adc_loss *layers, size_t images,
              struct jsonw *w);
// One line; with `all`, a table of the layers too.
void adc_text(const struct mapping *mapping, const struct adc_loss *layers, size_t images,
              bool all);
// Code adc-clips: a share of the conversions lost something, and how to avoid it.
void adc_warn(const struct mapping *mapping, const struct adc_loss *layers, size_t images,
              struct warnings *warnings);

// The same from rows x full scale, where no weights are known: an object "adc" with its layers; one
// line, which begins with a label, of the layer that lacks most bits.
void adc_rows_json(const struct mapping *mapping, struct jsonw *w);
void adc_rows_text(const struct mapping *mapping, const char *label);
// Code adc-clips, of the layer that lacks most bits, if a code is worth more than one step whatever
// the weights.
void adc_rows_warn(const struct mapping *mapping, struct warnings *warnings);

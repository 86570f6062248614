// Single layers of the small net with random inputs, computed by conductances.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct conductance_model;
struct chip_sample;
struct layer;
struct model;

// A setting: an ADC of so many bits for every column.
#define ADC(bits)                                                                                  \
    "adc={preset: none, bits: " bits ", time: 1 ns, energy: 1 pJ, area: 1 um2, count: 128}"
extern const char *const wide[]; // settings: an ADC that loses nothing

size_t inputs_of(const struct layer *l);
size_t outputs_of(const struct layer *l);
int last_layer(const struct model *m);                // the classifier, which has no border
int conversions_of(const struct model *m, int layer); // that every output adds up

// free() what comes back.
int32_t *random_inputs(const struct layer *l, uint32_t seed);
struct conductance_model *conductance_model_make(const struct model *m,
                                                 const struct chip_sample *sample);
int64_t *currents(const struct model *m, const struct chip_sample *sample, int layer,
                  const int32_t *in, size_t image);

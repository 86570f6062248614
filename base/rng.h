// Random numbers as a pure function: Philox4x32-10 (Salmon et al., SC 2011). A number depends only
// on the seed, its purpose and its index, never on order or threads.
#pragma once
#include <stdint.h>

enum rng_purpose {
    RNG_PLACEMENT = 1,
    RNG_STUCK = 2,
    RNG_VARIATION = 3,
    RNG_WORD_LINE = 4,
    RNG_BIT_LINE = 5,
    RNG_DRIVER = 6,
    RNG_ADC = 7,
    RNG_DRIFT = 8,
    RNG_REDRAW = 9,
    RNG_ADC_CODE = 10,
    RNG_ADC_OFFSET = 11,
    RNG_READ_NOISE = 12,
    RNG_SYNTH = 16,
    RNG_SEARCH = 24,
    RNG_INIT = 32, // training: initial weights
    RNG_SPLIT,     // which images are held out
    RNG_ORDER,     // order of the images of an epoch
    RNG_AUGMENT,
    RNG_SLIM, // widths of sub-nets
};

// Ten rounds over a 128-bit counter with a 64-bit key.
void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
// The key of rng_counter.
void rng_key(uint64_t seed, enum rng_purpose purpose, uint32_t key[2]);
// 64 uniform bits for (seed, purpose, counter).
uint64_t rng_counter(uint64_t seed, enum rng_purpose purpose, const uint32_t counter[4]);
// 64 uniform bits for (seed, purpose, index).
uint64_t rng_u64(uint64_t seed, enum rng_purpose purpose, uint64_t index);

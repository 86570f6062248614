// Plausibility of a chip: rules that compare its description with a limit and add one warning each,
// with the formula, the values and the remedy. Pure functions of the chip; nothing fails.
#pragma once
#include <stddef.h>

struct buffer_params;
struct chip;
struct warnings;

// Limits, in base units; plausible_chip.c names their sources.
#define PLAUSIBLE_MIN_ON_OFF 2.0       // r_hrs / r_lrs
#define PLAUSIBLE_MAX_SIGMA 1.5        // of the log-normal variation
#define PLAUSIBLE_MAX_DIE_M2 858e-6    // 26 mm x 33 mm
#define PLAUSIBLE_MAX_DENSITY_W_M2 1e6 // 1 W/mm2
#define PLAUSIBLE_MAX_PROGRAM_W 75.0   // while weights are written

// Codes: on-off-ratio, variation, die-area, peak-power-density, mixed-technology, inherited-part.
// Buffers sized for a net count with `pe_buffer` and `tile_buffer`; NULL: area and power exclude
// buffers whose size the chip does not give. warnings may be NULL.
void plausible_chip(const struct chip *chip, const struct buffer_params *pe_buffer,
                    const struct buffer_params *tile_buffer, struct warnings *warnings);
// The rule with the code `variation` alone, for a sigma other than the chip's.
void plausible_variation(double sigma, struct warnings *warnings);

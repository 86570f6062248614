// Plausibility of a simulated run: rules that compare the result with a limit and add one warning
// each, with the formula, the values and the remedy.
#pragma once

struct result;
struct warnings;

// Codes: programming-power, occupied-area, power-density. warnings may be NULL.
void plausible_run(const struct result *result, struct warnings *warnings);

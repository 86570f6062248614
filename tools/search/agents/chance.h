// Draws of the search: a pure function of (seed, use, episode, how many were drawn before).
#pragma once
#include <stdint.h>

// What a sequence of draws is for; two uses never share numbers.
enum chance_use { CHANCE_PROPOSAL, CHANCE_FIRST, CHANCE_LEARNING, CHANCE_WEIGHTS };

struct chance {
    uint32_t key[2], counter[4];
};

struct chance chance_begin(uint64_t seed, enum chance_use use, uint32_t episode);
double chance_uniform(struct chance *chance);   // in (0, 1)
int chance_below(struct chance *chance, int n); // in [0, n)
double chance_normal(struct chance *chance);    // mean 0, deviation 1
// Normal, drawn again until it lies in [0, 1]; mean in [0, 1].
double chance_truncated(struct chance *chance, double mean, double sigma);

// Random numbers of the search: a pure function of (seed, use, episode, index in the sequence).
#pragma once
#include <stdint.h>

// Purpose of a sequence; two purposes never share numbers.
enum chance_use { CHANCE_PROPOSAL, CHANCE_FIRST, CHANCE_LEARNING, CHANCE_WEIGHTS };

struct search_rng {
    uint32_t key[2], counter[4];
};

struct search_rng search_rng_begin(uint64_t seed, enum chance_use use, uint32_t episode);
double search_rng_uniform(struct search_rng *chance);   // in (0, 1)
int search_rng_below(struct search_rng *chance, int n); // in [0, n)
double search_rng_normal(struct search_rng *chance);    // mean 0, deviation 1
// Normal, drawn again until it lies in [0, 1]; mean in [0, 1].
double search_rng_truncated(struct search_rng *chance, double mean, double sigma);

#include "tools/search/agents/search_rng.h"

#include "base/portable_math.h"
#include "base/rng.h"

struct search_rng search_rng_begin(uint64_t seed, enum chance_use use, uint32_t episode)
{
    struct search_rng c = {.counter = {episode, (uint32_t)use, 0, 0}};
    rng_key(seed, RNG_SEARCH, c.key);
    return c;
}

static void draw(struct search_rng *c, uint32_t out[4])
{
    rng_philox(c->counter, c->key, out);
    c->counter[2]++;
}

double search_rng_uniform(struct search_rng *c)
{
    uint32_t out[4];
    draw(c, out);
    uint64_t bits = ((uint64_t)out[1] << 32 | out[0]) >> 12;
    return ((double)bits + 0.5) * 0x1p-52;
}

int search_rng_below(struct search_rng *c, int n)
{
    return (int)(search_rng_uniform(c) * n);
}

double search_rng_normal(struct search_rng *c)
{
    uint32_t out[4];
    draw(c, out);
    return num_normal(out[0]);
}

double search_rng_truncated(struct search_rng *c, double mean, double sigma)
{
    double value;
    do {
        value = mean + sigma * search_rng_normal(c);
    } while (!(value >= 0 && value <= 1));
    return value;
}

#include "tools/search/agents/chance.h"

#include "base/num.h"
#include "base/rng.h"

struct chance chance_begin(uint64_t seed, enum chance_use use, uint32_t episode)
{
    struct chance c = {.counter = {episode, (uint32_t)use, 0, 0}};
    rng_key(seed, RNG_SEARCH, c.key);
    return c;
}

static void draw(struct chance *c, uint32_t out[4])
{
    rng_philox(c->counter, c->key, out);
    c->counter[2]++;
}

double chance_uniform(struct chance *c)
{
    uint32_t out[4];
    draw(c, out);
    uint64_t bits = ((uint64_t)out[1] << 32 | out[0]) >> 12;
    return ((double)bits + 0.5) * 0x1p-52;
}

int chance_below(struct chance *c, int n)
{
    return (int)(chance_uniform(c) * n);
}

double chance_normal(struct chance *c)
{
    uint32_t out[4];
    draw(c, out);
    return num_normal(out[0]);
}

double chance_truncated(struct chance *c, double mean, double sigma)
{
    double value;
    do {
        value = mean + sigma * chance_normal(c);
    } while (!(value >= 0 && value <= 1));
    return value;
}

#include "base/rng.h"

void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53 * c0, b = (uint64_t)0xCD9E8D57 * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint64_t rng_u64(uint64_t seed, enum rng_purpose purpose, uint64_t index)
{
    uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)purpose, 0};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, out[4];
    rng_philox(counter, key, out);
    return (uint64_t)out[1] << 32 | out[0];
}

void rng_key(uint64_t seed, enum rng_purpose purpose, uint32_t key[2])
{
    // The purpose goes into the key because the counter is full. An odd factor keeps keys distinct.
    key[0] = (uint32_t)seed;
    key[1] = (uint32_t)(seed >> 32) ^ (uint32_t)purpose * 0x9E3779B9;
}

uint64_t rng_counter(uint64_t seed, enum rng_purpose purpose, const uint32_t counter[4])
{
    uint32_t key[2], out[4];
    rng_key(seed, purpose, key);
    rng_philox(counter, key, out);
    return (uint64_t)out[1] << 32 | out[0];
}

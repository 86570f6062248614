#include "base/cpu.h"

#include <stddef.h>

const char *const cpu_level_names[] = {"scalar", "avx2", "avx512", NULL};

static enum cpu_level detect(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vpopcntdq") &&
        __builtin_cpu_supports("avx512vnni"))
        return CPU_AVX512;
    return avx2 ? CPU_AVX2 : CPU_SCALAR;
#else
    return CPU_SCALAR;
#endif
}

enum cpu_level cpu_best(enum cpu_level max)
{
    enum cpu_level have = detect();
    return have < max ? have : max;
}

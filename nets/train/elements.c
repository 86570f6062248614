#include "nets/train/elements.h"

extern const struct elements elements_scalar;
#if defined(__x86_64__)
extern const struct elements elements_avx2, elements_avx512;
#endif

const struct elements *elements_for(enum cpu_level level)
{
#if defined(__x86_64__)
    if (level == CPU_AVX512)
        return &elements_avx512;
    if (level == CPU_AVX2)
        return &elements_avx2;
#endif
    (void)level;
    return &elements_scalar;
}

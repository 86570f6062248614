#include "nets/backend/product.h"

void product_add_scalar(const struct product *p);
#if defined(__x86_64__)
void product_add_avx2(const struct product *p);
void product_add_avx512(const struct product *p);
#endif

product_add product_for(enum cpu_level level)
{
#if defined(__x86_64__)
    if (level == CPU_AVX512)
        return product_add_avx512;
    if (level == CPU_AVX2)
        return product_add_avx2;
#endif
    (void)level;
    return product_add_scalar;
}

// Instruction sets of this processor, for the choice of kernels; a lower level can be forced.
#pragma once
#include <stdbool.h>

enum cpu_level { CPU_SCALAR, CPU_AVX2, CPU_AVX512, CPU_LEVELS };
extern const char *const cpu_level_names[]; // NULL-terminated: "scalar", "avx2", "avx512"

// The highest level that this processor has and that is not above `max`. avx2 includes popcnt;
// avx512 means F, BW, VL, VPOPCNTDQ and VNNI.
enum cpu_level cpu_best(enum cpu_level max);

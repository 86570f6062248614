// count_windows with the instructions of one level, for loops.c; without a name here it takes its
// own plain loop.
#pragma once

struct windows;

#include <stdint.h>

#if defined(__AVX512VPOPCNTDQ__)
void count_windows_avx512(const struct windows *w, int32_t *sums);
#define COUNT_WINDOWS count_windows_avx512
#elif defined(__AVX2__)
void count_windows_avx2(const struct windows *w, int32_t *sums);
#define COUNT_WINDOWS count_windows_avx2
#endif

// Kernels with the instructions of one level, for loops.c; where a level names none here it takes
// its own plain loop. The build defines the level (LEVEL_SCALAR, LEVEL_AVX2 or LEVEL_AVX512): the
// compiler's own macros would change with -march.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct pairs;
struct quantiser;
struct residual;
struct windows;

#if defined(LEVEL_AVX512)
void dot_windows_avx512(const struct pairs *p, int32_t *sums);
void count_windows_avx512(const struct windows *w, int32_t *sums);
void threshold_avx512(const int32_t *sums, const int32_t *low, const int32_t *high, int windows,
                      int columns, uint8_t *bits);
void add_residual_avx512(const struct residual *r, const int32_t *sums, const int32_t *shortcut,
                         int windows, int columns, int32_t *stream, uint8_t *bits);
void spread_avx512(const uint8_t *bits, size_t step, int n, int first, int channels, int16_t *to);
void add_steps_avx512(const struct quantiser *q, const int32_t *v, size_t n, int32_t *sums);
void draw_avx512(const uint32_t key[2], const uint32_t counter[4], int n, uint64_t *u);
#define DOT_WINDOWS dot_windows_avx512
#define COUNT_WINDOWS count_windows_avx512
#define ADD_STEPS add_steps_avx512
#define DRAW draw_avx512
#define SPREAD spread_avx512
#define THRESHOLD threshold_avx512
#define ADD_RESIDUAL add_residual_avx512
#elif defined(LEVEL_AVX2)
void dot_windows_avx2(const struct pairs *p, int32_t *sums);
void count_windows_avx2(const struct windows *w, int32_t *sums);
void threshold_avx2(const int32_t *sums, const int32_t *low, const int32_t *high, int windows,
                    int columns, uint8_t *bits);
void draw_avx2(const uint32_t key[2], const uint32_t counter[4], int n, uint64_t *u);
#define DOT_WINDOWS dot_windows_avx2
#define COUNT_WINDOWS count_windows_avx2
#define DRAW draw_avx2
#define THRESHOLD threshold_avx2
#endif

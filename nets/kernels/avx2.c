// count_windows with byte shuffles: a lane is one column's word, bits are counted by nibbles into
// bytes, bytes added up every few words before they overflow.
#include <immintrin.h>
#include <string.h>

#include "nets/kernels/levels.h"
#include "nets/kernels/kernels.h"

enum {
    LANES = 8,
    FOUR = 4,
    MOST = 15, // words whose counts fit: 128 + 15 * 8 at most
};

static __m256i count_bytes(__m256i v)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i a = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low));
    __m256i b = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
    return _mm256_add_epi8(a, b);
}

// Four columns of one window; bytes start at 128 and go up and down by at most 8 a word.
static __m256i count_four(const struct windows *w, const uint8_t *at, const uint64_t *masks)
{
    const __m256i start = _mm256_set1_epi8(-128), zero = _mm256_setzero_si256();
    __m256i bytes = start, sum = zero;
    int open = 0;
    for (int line = 0; line < w->lines; line++, at += w->line_step)
        for (int word = 0; word < w->line_words; word++, masks += 2 * LANES) {
            int64_t value;
            memcpy(&value, at + (size_t)word * 8, sizeof value);
            __m256i bits = _mm256_set1_epi64x(value);
            __m256i plus = _mm256_and_si256(bits, _mm256_loadu_si256((const void *)masks));
            __m256i minus =
                _mm256_and_si256(bits, _mm256_loadu_si256((const void *)(masks + LANES)));
            bytes = _mm256_add_epi8(bytes, count_bytes(plus));
            bytes = _mm256_sub_epi8(bytes, count_bytes(minus));
            if (++open == MOST) {
                sum = _mm256_add_epi64(sum, _mm256_sad_epu8(bytes, zero));
                sum = _mm256_sub_epi64(sum, _mm256_sad_epu8(start, zero));
                bytes = start;
                open = 0;
            }
        }
    sum = _mm256_add_epi64(sum, _mm256_sad_epu8(bytes, zero));
    return _mm256_sub_epi64(sum, _mm256_sad_epu8(start, zero));
}

void count_windows_avx2(const struct windows *w, int32_t *sums)
{
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    size_t block = (size_t)w->lines * w->line_words * 2 * LANES;
    for (int c = 0; c < w->columns; c += FOUR)
        for (int i = 0; i < w->n; i++) {
            const uint64_t *masks = w->masks + c / LANES * block + c % LANES;
            __m256i sum = count_four(w, w->map + (size_t)i * w->window_step, masks);
            __m128i four = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(sum, even));
            _mm_storeu_si128((void *)(sums + (size_t)i * w->columns + c), four);
        }
}

void threshold_avx2(const int32_t *sums, const int32_t *low, const int32_t *high, int windows,
                    int columns, uint8_t *bits)
{
    for (int i = 0; i < windows; i++)
        for (int c = 0; c < columns; c += LANES, sums += LANES) {
            __m256i sum = _mm256_loadu_si256((const void *)sums);
            __m256i under = _mm256_cmpgt_epi32(_mm256_loadu_si256((const void *)(low + c)), sum);
            __m256i over = _mm256_cmpgt_epi32(sum, _mm256_loadu_si256((const void *)(high + c)));
            __m256i outside = _mm256_or_si256(under, over);
            *bits++ = (uint8_t)~_mm256_movemask_ps(_mm256_castsi256_ps(outside));
        }
}

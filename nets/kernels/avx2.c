// count_windows with byte shuffles: a lane is one column's word, bits are counted by nibbles into
// bytes, bytes added up every few words before they overflow.
#include <immintrin.h>
#include <string.h>

#include "nets/kernels/levels.h"
#include "nets/kernels/kernels.h"

enum {
    LANES = 8,
    FOUR = 4,
    BOTH = 2 * LANES, // signs, or numbers of a pair
    MOST = 15,        // words whose counts fit: 128 + 15 * 8 at most
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
        for (int word = 0; word < w->line_words; word++, masks += BOTH) {
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

// Philox4x32-10, four cells at once, one to a lane of 64 bits; what stands above a lane's low half
// is never read by the multiplications.
void draw_avx2(const uint32_t key[2], const uint32_t counter[4], int n, uint64_t *u)
{
    const __m256i m0 = _mm256_set1_epi64x(0xD2511F53), m1 = _mm256_set1_epi64x(0xCD9E8D57);
    const __m256i low = _mm256_set1_epi64x(0xFFFFFFFF);
    const __m256i lane = _mm256_slli_epi64(_mm256_setr_epi64x(0, 1, 2, 3), 16);
    for (int i = 0; i < n; i += FOUR) {
        __m256i c0 = _mm256_set1_epi64x(counter[0]), c1 = _mm256_set1_epi64x(counter[1]);
        __m256i c3 = _mm256_set1_epi64x(counter[3]);
        __m256i c2 = _mm256_set1_epi64x(counter[2] + ((uint32_t)i << 16));
        c2 = _mm256_add_epi64(c2, lane);
        uint32_t k0 = key[0], k1 = key[1];
        for (int round = 0; round < 10; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
            __m256i a = _mm256_mul_epu32(c0, m0), b = _mm256_mul_epu32(c2, m1);
            c0 = _mm256_xor_si256(_mm256_srli_epi64(b, 32),
                                  _mm256_xor_si256(c1, _mm256_set1_epi64x(k0)));
            c2 = _mm256_xor_si256(_mm256_srli_epi64(a, 32),
                                  _mm256_xor_si256(c3, _mm256_set1_epi64x(k1)));
            c1 = b;
            c3 = a;
        }
        __m256i out = _mm256_or_si256(_mm256_slli_epi64(c1, 32), _mm256_and_si256(c0, low));
        _mm256_storeu_si256((void *)(u + i), out);
    }
}

static __m256i add_pair(__m256i sum, const int16_t *at, __m256i w)
{
    int32_t pair;
    memcpy(&pair, at, sizeof pair);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_set1_epi32(pair), w));
}

// Four windows share a load of weights; a lane is a column.
static void dot_four(const struct pairs *p, const int16_t *at, const int16_t *w, int32_t *sums)
{
    __m256i s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;
    size_t step = p->window_step, columns = (size_t)p->columns;
    for (int line = 0; line < p->lines; line++, at += p->line_step)
        for (size_t i = 0; i < (size_t)p->line_pairs; i++, w += BOTH) {
            __m256i both = _mm256_loadu_si256((const void *)w);
            s0 = add_pair(s0, at + 2 * i, both);
            s1 = add_pair(s1, at + 2 * i + step, both);
            s2 = add_pair(s2, at + 2 * i + 2 * step, both);
            s3 = add_pair(s3, at + 2 * i + 3 * step, both);
        }
    _mm256_storeu_si256((void *)sums, s0);
    _mm256_storeu_si256((void *)(sums + columns), s1);
    _mm256_storeu_si256((void *)(sums + 2 * columns), s2);
    _mm256_storeu_si256((void *)(sums + 3 * columns), s3);
}

static void dot_one(const struct pairs *p, const int16_t *at, const int16_t *w, int32_t *sums)
{
    __m256i sum = _mm256_setzero_si256();
    for (int line = 0; line < p->lines; line++, at += p->line_step)
        for (size_t i = 0; i < (size_t)p->line_pairs; i++, w += BOTH)
            sum = add_pair(sum, at + 2 * i, _mm256_loadu_si256((const void *)w));
    _mm256_storeu_si256((void *)sums, sum);
}

void dot_windows_avx2(const struct pairs *p, int32_t *sums)
{
    size_t block = (size_t)p->lines * p->line_pairs * 2 * LANES;
    const int16_t *w = p->weights;
    for (int c = 0; c < p->columns; c += LANES, w += block) {
        int i = 0;
        for (; i + FOUR <= p->n; i += FOUR)
            dot_four(p, p->map + (size_t)i * p->window_step, w, sums + (size_t)i * p->columns + c);
        for (; i < p->n; i++)
            dot_one(p, p->map + (size_t)i * p->window_step, w, sums + (size_t)i * p->columns + c);
    }
}

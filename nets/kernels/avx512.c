// A lane is one column. Counting with VPOPCNTQ: four windows share a load of masks.
#include <immintrin.h>
#include <string.h>

#include "nets/kernels/levels.h"
#include "nets/kernels/kernels.h"

enum { LANES = 8, TOGETHER = 4, BOTH = 2 * LANES }; // BOTH: signs, or numbers of a pair

static __m512i add_word(__m512i sum, const uint8_t *at, __m512i plus, __m512i minus)
{
    int64_t word;
    memcpy(&word, at, sizeof word);
    __m512i bits = _mm512_set1_epi64(word);
    sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_and_si512(bits, plus)));
    return _mm512_sub_epi64(sum, _mm512_popcnt_epi64(_mm512_and_si512(bits, minus)));
}

static void store(__m512i sum, int32_t *to)
{
    _mm256_storeu_si256((void *)to, _mm512_cvtepi64_epi32(sum));
}

static void count_four(const struct windows *w, const uint8_t *at, const uint64_t *masks,
                       int32_t *sums)
{
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0;
    size_t step = w->window_step;
    for (int line = 0; line < w->lines; line++, at += w->line_step)
        for (int word = 0; word < w->line_words; word++, masks += BOTH) {
            const uint8_t *bits = at + (size_t)word * 8;
            __m512i plus = _mm512_loadu_si512(masks), minus = _mm512_loadu_si512(masks + LANES);
            s0 = add_word(s0, bits, plus, minus);
            s1 = add_word(s1, bits + step, plus, minus);
            s2 = add_word(s2, bits + 2 * step, plus, minus);
            s3 = add_word(s3, bits + 3 * step, plus, minus);
        }
    store(s0, sums);
    store(s1, sums + w->columns);
    store(s2, sums + 2 * (size_t)w->columns);
    store(s3, sums + 3 * (size_t)w->columns);
}

static void count_one(const struct windows *w, const uint8_t *at, const uint64_t *masks,
                      int32_t *sums)
{
    __m512i sum = _mm512_setzero_si512();
    for (int line = 0; line < w->lines; line++, at += w->line_step)
        for (int word = 0; word < w->line_words; word++, masks += BOTH)
            sum = add_word(sum, at + (size_t)word * 8, _mm512_loadu_si512(masks),
                           _mm512_loadu_si512(masks + LANES));
    store(sum, sums);
}

void count_windows_avx512(const struct windows *w, int32_t *sums)
{
    size_t block = (size_t)w->lines * w->line_words * 2 * LANES;
    const uint64_t *masks = w->masks;
    for (int c = 0; c < w->columns; c += LANES, masks += block) {
        int i = 0;
        for (; i + TOGETHER <= w->n; i += TOGETHER)
            count_four(w, w->map + (size_t)i * w->window_step, masks,
                       sums + (size_t)i * w->columns + c);
        for (; i < w->n; i++)
            count_one(w, w->map + (size_t)i * w->window_step, masks,
                      sums + (size_t)i * w->columns + c);
    }
}

void threshold_avx512(const int32_t *sums, const int32_t *low, const int32_t *high, int windows,
                      int columns, uint8_t *bits)
{
    for (int i = 0; i < windows; i++)
        for (int c = 0; c < columns; c += LANES, sums += LANES) {
            __m256i sum = _mm256_loadu_si256((const void *)sums);
            __mmask8 up = _mm256_cmpge_epi32_mask(sum, _mm256_loadu_si256((const void *)(low + c)));
            *bits++ = (uint8_t)_mm256_mask_cmple_epi32_mask(
                up, sum, _mm256_loadu_si256((const void *)(high + c)));
        }
}

// a * b of eight signed 32-bit numbers each, in 64 bits.
static __m512i multiply(const int32_t *a, const int32_t *b)
{
    return _mm512_mul_epi32(_mm512_cvtepi32_epi64(_mm256_loadu_si256((const void *)a)),
                            _mm512_cvtepi32_epi64(_mm256_loadu_si256((const void *)b)));
}

void add_residual_avx512(const struct residual *r, const int32_t *sums, const int32_t *shortcut,
                         int windows, int columns, int32_t *stream, uint8_t *bits)
{
    const __m512i round = _mm512_set1_epi64(r->shift ? (int64_t)1 << (r->shift - 1) : 0);
    const __m512i half = _mm512_set1_epi64(r->half);
    const __m512i low = _mm512_set1_epi64(r->low), high = _mm512_set1_epi64(r->high);
    const __m128i shift = _mm_cvtsi32_si128(r->shift);
    size_t at = 0;
    for (int i = 0; i < windows; i++)
        for (int c = 0; c < columns; c += LANES, at += LANES) {
            __m512i v = multiply(r->mul + c, sums + at);
            v = _mm512_add_epi64(v, _mm512_loadu_si512(r->offset + c));
            if (shortcut)
                v = _mm512_add_epi64(v, multiply(r->res + c, shortcut + at));
            *bits++ = (uint8_t)_mm512_cmpgt_epi64_mask(v, half);
            v = _mm512_sra_epi64(_mm512_add_epi64(v, round), shift);
            store(_mm512_min_epi64(_mm512_max_epi64(v, low), high), stream + at);
        }
}

// Philox4x32-10, eight cells at once, one to a lane of 64 bits; what stands above a lane's low half
// is never read by the multiplications.
void draw_avx512(const uint32_t key[2], const uint32_t counter[4], int n, uint64_t *u)
{
    const __m512i m0 = _mm512_set1_epi64(0xD2511F53), m1 = _mm512_set1_epi64(0xCD9E8D57);
    const __m512i low = _mm512_set1_epi64(0xFFFFFFFF);
    const __m512i lane = _mm512_slli_epi64(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), 16);
    for (int i = 0; i < n; i += LANES) {
        __m512i c0 = _mm512_set1_epi64(counter[0]), c1 = _mm512_set1_epi64(counter[1]);
        __m512i c3 = _mm512_set1_epi64(counter[3]);
        __m512i c2 = _mm512_set1_epi64(counter[2] + ((uint32_t)i << 16));
        c2 = _mm512_add_epi64(c2, lane);
        uint32_t k0 = key[0], k1 = key[1];
        for (int round = 0; round < 10; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
            __m512i a = _mm512_mul_epu32(c0, m0), b = _mm512_mul_epu32(c2, m1);
            c0 = _mm512_xor_si512(_mm512_srli_epi64(b, 32),
                                  _mm512_xor_si512(c1, _mm512_set1_epi64(k0)));
            c2 = _mm512_xor_si512(_mm512_srli_epi64(a, 32),
                                  _mm512_xor_si512(c3, _mm512_set1_epi64(k1)));
            c1 = b;
            c3 = a;
        }
        __m512i out = _mm512_or_si512(_mm512_slli_epi64(c1, 32), _mm512_and_si512(c0, low));
        _mm512_storeu_si512((void *)(u + i), out);
    }
}

// Bits of up to 32 channels to 16 bits each.
static void spread_chunk(const uint8_t *bits, int first, int channels, int16_t *to)
{
    uint64_t word;
    memcpy(&word, bits + first / 8, sizeof word);
    __mmask32 used = (__mmask32)(((uint64_t)1 << channels) - 1);
    __m512i ones = _mm512_maskz_set1_epi16((__mmask32)(word >> first % 8), 1);
    _mm512_mask_storeu_epi16(to, used, ones);
}

void spread_avx512(const uint8_t *bits, size_t step, int n, int first, int channels, int16_t *to)
{
    enum { MOST = 32 };
    for (int i = 0; i < n; i++, bits += step)
        for (int c = 0; c < channels; c += MOST) {
            int chunk = channels - c < MOST ? channels - c : MOST;
            spread_chunk(bits, first + c, chunk, to);
            to += chunk;
        }
}

void add_steps_avx512(const struct quantiser *q, const int32_t *v, size_t n, int32_t *sums)
{
    const __m512d scale = _mm512_set1_pd(q->scale), half = _mm512_set1_pd(q->half);
    const __m512d low = _mm512_set1_pd(q->low), high = _mm512_set1_pd(q->high);
    for (size_t i = 0; i < n; i += LANES) {
        __mmask8 used = (__mmask8)(n - i < LANES ? (1 << (n - i)) - 1 : 0xFF);
        __m512d x = _mm512_cvtepi32_pd(_mm256_maskz_loadu_epi32(used, v + i));
        x = _mm512_add_pd(_mm512_mul_pd(x, scale), half);
        x = _mm512_min_pd(_mm512_max_pd(x, low), high);
        __m256i step = _mm512_cvt_roundpd_epi32(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
        step = _mm256_add_epi32(step, _mm256_maskz_loadu_epi32(used, sums + i));
        _mm256_mask_storeu_epi32(sums + i, used, step);
    }
}

// Sixteen columns: two blocks of weights side by side. One block alone stands in both halves.
static inline __m512i load_weights(const int16_t *w, size_t block)
{
    __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256((const void *)w));
    return _mm512_inserti64x4(low, _mm256_loadu_si256((const void *)(w + block)), 1);
}

// `windows` of them share a load of weights; it is a constant wherever this is called.
static inline __attribute__((always_inline)) void dot_some(const struct pairs *p, const int16_t *at,
                                                           const int16_t *w, size_t block,
                                                           int windows, int32_t *sums)
{
    enum { MOST = 8 };
    __m512i sum[MOST];
    for (int i = 0; i < windows; i++)
        sum[i] = _mm512_setzero_si512();
    for (int line = 0; line < p->lines; line++, at += p->line_step)
        for (size_t k = 0; k < (size_t)p->line_pairs; k++, w += BOTH) {
            __m512i weights = load_weights(w, block);
            for (int i = 0; i < windows; i++) {
                int32_t pair;
                memcpy(&pair, at + 2 * k + (size_t)i * p->window_step, sizeof pair);
                sum[i] = _mm512_dpwssd_epi32(sum[i], weights, _mm512_set1_epi32(pair));
            }
        }
    for (int i = 0; i < windows; i++, sums += p->columns)
        if (block)
            _mm512_storeu_si512(sums, sum[i]);
        else
            _mm256_storeu_si256((void *)sums, _mm512_castsi512_si256(sum[i]));
}

void dot_windows_avx512(const struct pairs *p, int32_t *sums)
{
    enum { EIGHT = 8 };
    size_t block = (size_t)p->lines * p->line_pairs * 2 * LANES;
    for (int c = 0; c < p->columns; c += 2 * LANES) {
        const int16_t *w = p->weights + c / LANES * block;
        size_t next = c + LANES < p->columns ? block : 0;
        int i = 0;
        for (; i + EIGHT <= p->n; i += EIGHT)
            dot_some(p, p->map + (size_t)i * p->window_step, w, next, EIGHT,
                     sums + (size_t)i * p->columns + c);
        for (; i < p->n; i++)
            dot_some(p, p->map + (size_t)i * p->window_step, w, next, 1,
                     sums + (size_t)i * p->columns + c);
    }
}

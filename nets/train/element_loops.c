// Compiled once for every processor level, with LEVEL naming the table; the compiler vectorises.
// Kinds are constants where the inner loops are written out, so that these have no branches.
#include "nets/train/elements.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TABLE JOIN(elements_, LEVEL)
#define INLINE static inline __attribute__((always_inline))

extern const struct elements TABLE;

static void moments(const float *restrict x, size_t rows, int width, double *restrict sum,
                    double *restrict squares)
{
    for (size_t row = 0; row < rows; row++, x += width)
        for (int i = 0; i < width; i++) {
            double v = (double)x[i];
            sum[i] += v;
            squares[i] += v * v;
        }
}

// To the nearest whole number, ties to even, for |v| < 2^22.
INLINE float whole(float v)
{
    const float big = 12582912; // 1.5 * 2^23: no bits behind the point are left
    return (v + big) - big;
}

INLINE float read_one(enum reading_kind kind, const struct reading *r, float v)
{
    float steps = v * r->inverse;
    switch (kind) {
    case READ_PLAIN:
        return v;
    case READ_RELU:
        return v < 0 ? 0 : v;
    case READ_BIT:
        return v > 0.5F ? 1 : 0;
    case READ_SIGN:
        return v >= 0 ? 1 : -1;
    case READ_STEPS:
        steps = steps < r->bottom ? r->bottom : steps;
        return whole(steps > r->top ? r->top : steps) * r->unit;
    }
    return v;
}

INLINE void read_f32(enum reading_kind kind, const struct reading *from, const float *restrict x,
                     size_t rows, int width, float *restrict out)
{
    const struct reading r = *from;
    const float *restrict scale = r.scale, *restrict shift = r.shift;
    for (size_t row = 0; row < rows; row++, x += width, out += width)
        for (int i = 0; i < width; i++)
            out[i] = read_one(kind, &r, scale[i] * x[i] + shift[i]);
}

INLINE void read_bf16(enum reading_kind kind, const struct reading *from, const float *restrict x,
                      size_t rows, int width, uint16_t *restrict out)
{
    const struct reading r = *from;
    const float *restrict scale = r.scale, *restrict shift = r.shift;
    for (size_t row = 0; row < rows; row++, x += width, out += width)
        for (int i = 0; i < width; i++)
            out[i] = bf16_of(read_one(kind, &r, scale[i] * x[i] + shift[i]));
}

INLINE void read_kind(enum reading_kind kind, const struct reading *r, const float *x, size_t rows,
                      int width, enum operand operand, void *out)
{
    if (operand == OPERAND_BF16)
        read_bf16(kind, r, x, rows, width, out);
    else
        read_f32(kind, r, x, rows, width, out);
}

static void read(const struct reading *r, const float *x, size_t rows, int width,
                 enum operand operand, void *out)
{
    switch (r->kind) {
    case READ_PLAIN:
        read_kind(READ_PLAIN, r, x, rows, width, operand, out);
        break;
    case READ_RELU:
        read_kind(READ_RELU, r, x, rows, width, operand, out);
        break;
    case READ_BIT:
        read_kind(READ_BIT, r, x, rows, width, operand, out);
        break;
    case READ_SIGN:
        read_kind(READ_SIGN, r, x, rows, width, operand, out);
        break;
    case READ_STEPS:
        read_kind(READ_STEPS, r, x, rows, width, operand, out);
        break;
    }
}

INLINE void combine_kind(enum reading_kind kind, const float *restrict scale,
                         const float *restrict shift, const struct reading *added,
                         const float *restrict from, size_t rows, int width, float *restrict x)
{
    const struct reading r = *added;
    const float *restrict from_scale = r.scale, *restrict from_shift = r.shift;
    for (size_t row = 0; row < rows; row++, x += width, from += width)
        for (int i = 0; i < width; i++)
            x[i] = scale[i] * x[i] + shift[i] +
                   read_one(kind, &r, from_scale[i] * from[i] + from_shift[i]);
}

static void combine(const float *restrict scale, const float *restrict shift,
                    const struct reading *r, const float *restrict from, size_t rows, int width,
                    float *restrict x)
{
    if (!from) {
        for (size_t row = 0; row < rows; row++, x += width)
            for (int i = 0; i < width; i++)
                x[i] = scale[i] * x[i] + shift[i];
        return;
    }
    switch (r->kind) {
    case READ_PLAIN:
        combine_kind(READ_PLAIN, scale, shift, r, from, rows, width, x);
        break;
    case READ_RELU:
        combine_kind(READ_RELU, scale, shift, r, from, rows, width, x);
        break;
    case READ_BIT:
        combine_kind(READ_BIT, scale, shift, r, from, rows, width, x);
        break;
    case READ_SIGN:
        combine_kind(READ_SIGN, scale, shift, r, from, rows, width, x);
        break;
    case READ_STEPS:
        combine_kind(READ_STEPS, scale, shift, r, from, rows, width, x);
        break;
    }
}

// Which of the two gradients there are.
enum sources { MASKED, PLAIN, BOTH };

// A mask of bits and no branch, which would keep the loops around it from being vectorised.
INLINE float keep(float value, int condition)
{
    union {
        float f;
        uint32_t u;
    } bits = {value};
    bits.u &= 0U - (uint32_t)condition;
    return bits.f;
}

INLINE float passed(enum sources sources, const struct passing *p, float v, float masked,
                    float plain)
{
    if (sources == PLAIN)
        return plain;
    float inside = keep(masked, (v >= p->low) & (v <= p->high));
    return sources == MASKED ? inside : inside + plain;
}

static enum sources sources_of(const struct passing *p)
{
    return !p->masked ? PLAIN : !p->plain ? MASKED : BOTH;
}

// An absent gradient is not read: x stands for it, and `passed` leaves it out.
INLINE void moments_of(enum sources sources, const struct passing *from, const float *restrict x,
                       size_t rows, int width, double *restrict sum, double *restrict product)
{
    const struct passing p = *from;
    const float *restrict scale = p.scale, *restrict shift = p.shift;
    const float *masked = sources == PLAIN ? x : p.masked;
    const float *plain = sources == MASKED ? x : p.plain;
    for (size_t row = 0; row < rows; row++, x += width, masked += width, plain += width)
        for (int i = 0; i < width; i++) {
            double d = (double)passed(sources, &p, scale[i] * x[i] + shift[i], masked[i], plain[i]);
            sum[i] += d;
            product[i] += d * (double)x[i];
        }
}

static void passed_moments(const struct passing *p, const float *x, size_t rows, int width,
                           double *sum, double *product)
{
    switch (sources_of(p)) {
    case MASKED:
        moments_of(MASKED, p, x, rows, width, sum, product);
        break;
    case PLAIN:
        moments_of(PLAIN, p, x, rows, width, sum, product);
        break;
    case BOTH:
        moments_of(BOTH, p, x, rows, width, sum, product);
        break;
    }
}

struct line { // a * d + b * x + c
    const float *a, *b, *c;
};

INLINE void pass_as(enum sources sources, enum operand operand, const struct passing *from,
                    const float *restrict x, const struct line *line, size_t rows, int width,
                    float *restrict floats, uint16_t *restrict halves)
{
    const struct passing p = *from;
    const float *restrict scale = p.scale, *restrict shift = p.shift;
    const float *restrict a = line->a, *restrict b = line->b, *restrict c = line->c;
    const float *masked = sources == PLAIN ? x : p.masked;
    const float *plain = sources == MASKED ? x : p.plain;
    size_t at = 0;
    for (size_t row = 0; row < rows; row++, at += width)
        for (int i = 0; i < width; i++) {
            float v = scale[i] * x[at + i] + shift[i];
            float d = passed(sources, &p, v, masked[at + i], plain[at + i]);
            float out = a[i] * d + b[i] * x[at + i] + c[i];
            if (operand == OPERAND_BF16)
                halves[at + i] = bf16_of(out);
            else
                floats[at + i] = out;
        }
}

INLINE void pass_sources(enum sources sources, enum operand operand, const struct passing *p,
                         const float *x, const struct line *line, size_t rows, int width, void *out)
{
    if (operand == OPERAND_BF16)
        pass_as(sources, OPERAND_BF16, p, x, line, rows, width, NULL, out);
    else
        pass_as(sources, OPERAND_F32, p, x, line, rows, width, out, NULL);
}

static void pass(const struct passing *p, const float *x, const float *a, const float *b,
                 const float *c, size_t rows, int width, enum operand operand, void *out)
{
    const struct line line = {a, b, c};
    switch (sources_of(p)) {
    case MASKED:
        pass_sources(MASKED, operand, p, x, &line, rows, width, out);
        break;
    case PLAIN:
        pass_sources(PLAIN, operand, p, x, &line, rows, width, out);
        break;
    case BOTH:
        pass_sources(BOTH, operand, p, x, &line, rows, width, out);
        break;
    }
}

// The largest does not depend on the order, but the compiler wants to be told.
INLINE float furthest(float sign, const float *restrict scale, const float *restrict shift,
                      const float *restrict x, size_t rows, int width)
{
    enum { LANES = 16 };
    float lanes[LANES] = {0}, found = 0;
    for (size_t row = 0; row < rows; row++, x += width) {
        int i = 0;
        for (; i + LANES <= width; i += LANES)
            for (int k = 0; k < LANES; k++) {
                float v = sign * (scale[i + k] * x[i + k] + shift[i + k]);
                lanes[k] = v > lanes[k] ? v : lanes[k];
            }
        for (; i < width; i++) {
            float v = sign * (scale[i] * x[i] + shift[i]);
            found = v > found ? v : found;
        }
    }
    for (int k = 0; k < LANES; k++)
        found = lanes[k] > found ? lanes[k] : found;
    return found;
}

static float most(const float *scale, const float *shift, const float *x, size_t rows, int width)
{
    return furthest(1, scale, shift, x, rows, width);
}

static float lowest(const float *scale, const float *shift, const float *x, size_t rows, int width)
{
    return furthest(-1, scale, shift, x, rows, width);
}

static void add(const float *restrict from, size_t n, float *restrict to)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

// Both kinds of operand are patterns of bits here.
#define ENCODE(NAME, TYPE)                                                                         \
    static void NAME(const uint8_t *image, const TYPE *tables, int channels, size_t pixels,        \
                     int planes, TYPE *restrict out)                                               \
    {                                                                                              \
        for (size_t at = 0; at < pixels; at++, out += planes) {                                    \
            const TYPE *first = tables + (size_t)image[at] * planes;                               \
            for (int i = 0; i < planes; i++)                                                       \
                out[i] = first[i];                                                                 \
            for (int c = 1; c < channels; c++) {                                                   \
                const TYPE *more = tables + ((size_t)c * 256 + image[c * pixels + at]) * planes;   \
                for (int i = 0; i < planes; i++)                                                   \
                    out[i] |= more[i];                                                             \
            }                                                                                      \
        }                                                                                          \
    }
ENCODE(encode_16, uint16_t)
ENCODE(encode_32, uint32_t)

static void encode(const uint8_t *image, const void *tables, int channels, size_t pixels,
                   int planes, enum operand operand, void *out)
{
    if (operand == OPERAND_BF16)
        encode_16(image, tables, channels, pixels, planes, out);
    else
        encode_32(image, tables, channels, pixels, planes, out);
}

const struct elements TABLE = {moments, read,   combine, passed_moments, pass,
                               most,    lowest, add,     encode};

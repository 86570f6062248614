#include "sim/crossbar/bound.h"

#include <math.h>
#include <string.h>

#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"

struct digit_range bound_digits(const struct mapping *map, int layer)
{
    const struct layer *l = &map->net->layers[layer];
    bool has_sign = map->net->layers[l->input[0]].is_signed;
    int bits = l->in_bits[0];
    if (map->layers[layer].input_cycles > 1)
        return (struct digit_range){0, ldexp(1, map->chip->dac.bits) - 1};
    if (has_sign)
        return (struct digit_range){-ldexp(1, bits - 1), ldexp(1, bits - 1) - 1};
    return (struct digit_range){0, ldexp(1, bits) - 1};
}

int32_t bound_stuck_digit(const struct mapping *map, int layer)
{
    bool has_sign = bound_digits(map, layer).low < 0;
    return (int32_t)(((int64_t)1 << (map->chip->dac.bits - has_sign)) - 1);
}

void bound_join(struct sum_bound *to, const struct sum_bound *other)
{
    to->low = fmin(to->low, other->low);
    to->high = fmax(to->high, other->high);
}

struct column_parts parts_create(struct arena *mem, int n)
{
    return (struct column_parts){n, arena_alloc(mem, (size_t)n, sizeof(int64_t)),
                                 arena_alloc(mem, (size_t)n, sizeof(int64_t))};
}

void parts_clear(struct column_parts *parts)
{
    memset(parts->plus, 0, (size_t)parts->n * sizeof *parts->plus);
    memset(parts->minus, 0, (size_t)parts->n * sizeof *parts->minus);
}

void parts_add_row(struct column_parts *parts, const int32_t *cells, int n, int32_t less)
{
    for (int c = 0; c < n; c++) {
        int64_t cell = (int64_t)cells[c] - less;
        parts->plus[c] += cell > 0 ? cell : 0;
        parts->minus[c] += cell < 0 ? -cell : 0;
    }
}

void parts_join(const struct column_parts *parts, const struct digit_range *digits, double units,
                struct sum_bound *bound)
{
    for (int c = 0; c < parts->n; c++) {
        double plus = (double)parts->plus[c] / units, minus = (double)parts->minus[c] / units;
        struct sum_bound of_column = {plus * digits->low - minus * digits->high,
                                      plus * digits->high - minus * digits->low};
        bound_join(bound, &of_column);
    }
}

#include "sim/crossbar/flip.h"

#include "nets/int_net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/cells.h"
#include "sim/map/map.h"

struct column_flips flips_make(struct arena *mem, const struct mapping *map,
                               const struct int_net *net, const struct slice *slice)
{
    const struct chip *chip = map->chip;
    struct column_flips flips = {chip_rows_active(chip), slice->columns, NULL};
    if (chip->crossbar.encoding != ENCODING_FLIP)
        return flips;
    const int32_t *w = net->layers[slice->layer].w;
    int active = flips.active, groups = (slice->rows + active - 1) / active;
    int weights = slice->outs * map->layers[slice->layer].column_slices;
    int64_t top = (1 << chip->cell.bits) - 1;
    flips.of = arena_alloc(mem, (size_t)groups * slice->columns, sizeof *flips.of);
    for (int first = 0; first < slice->rows; first += active) {
        int rows = slice->rows - first < active ? slice->rows - first : active;
        uint8_t *of = flips.of + (size_t)(first / active) * slice->columns;
        for (int c = 0; c < weights; c++) { // excludes the offset column
            int64_t sum = 0;
            for (int row = first; row < first + rows; row++)
                sum += slice_level(map, slice, w, row, c, 0);
            of[c] = 2 * sum > rows * top;
        }
    }
    return flips;
}

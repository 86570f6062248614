#include "sim/map/place.h"

#include "base/mem.h"
#include "base/rng.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"

#include <stdlib.h>

// Along the anti-diagonals, reversing direction at the edges.
static void zigzag(int columns, int rows, int index, int *x, int *y)
{
    for (int d = 0; d < columns + rows - 1; d++) {
        int low = d < rows ? 0 : d - rows + 1;
        int high = d < columns ? d : columns - 1;
        int n = high - low + 1;
        if (index < n) {
            *x = d % 2 ? high - index : low + index;
            *y = d - *x;
            return;
        }
        index -= n;
    }
}

static void place(const struct chip *chip, int index, int *x, int *y)
{
    int columns = chip->noc.columns;
    *x = index % columns;
    *y = index / columns;
    if (chip->mapping.placement == PLACE_SNAKE && *y % 2)
        *x = columns - 1 - *x;
    if (chip->mapping.placement == PLACE_ZIGZAG)
        zigzag(columns, chip->noc.rows, index, x, y);
}

// Fisher-Yates over all places of the chip; draw i is a function of the seed and i alone.
static int *shuffle(int n, uint64_t seed)
{
    int *order = mem_alloc((size_t)n, sizeof *order);
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        uint64_t draw = rng_u64(seed, RNG_PLACEMENT, (uint64_t)i);
        int j = (int)(draw % (uint64_t)(i + 1));
        int keep = order[i];
        order[i] = order[j];
        order[j] = keep;
    }
    return order;
}

void place_tiles(struct mapping *mapping)
{
    const struct chip *chip = mapping->chip;
    int *order = NULL;
    if (chip->mapping.placement == PLACE_RANDOM)
        order = shuffle(chip_tiles(chip), mapping->seed);
    for (int i = 0; i < mapping->n_tiles; i++)
        place(chip, order ? order[i] : i, &mapping->tiles[i].x, &mapping->tiles[i].y);
    free(order);
}

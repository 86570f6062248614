// The mesh position of each tile.
#pragma once

struct mapping;

// Sets x and y of every tile in the order given by the chip's mapping.placement.
void place_tiles(struct mapping *mapping);

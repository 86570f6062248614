// Which place on the mesh each tile takes.
#pragma once

struct mapping;

// Fills x and y of every tile in the order that the chip's mapping.placement names.
void place_tiles(struct mapping *mapping);

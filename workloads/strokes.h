// Straight pen strokes into a small mask, in whole numbers only, so that the result is the same on
// every machine. For the files of this folder only.
#pragma once
#include <stdint.h>

enum { STROKE_UNIT = 64 }; // of a pixel's side; the middle of the first pixel is at 32, 32

struct point {
    int x, y; // in units, within +-4096
};

// Draws the line from a to b, `width` units thick, with round ends: each of the side x side bytes
// of the mask becomes at least `strength` (0..255) times the part of its pixel that is covered, as
// far as the distance from the pixel's middle tells it.
void stroke_draw(uint8_t *mask, int side, struct point a, struct point b, int width, int strength);

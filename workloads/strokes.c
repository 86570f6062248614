#include "workloads/strokes.h"

#include <stddef.h>

enum { HALF = STROKE_UNIT / 2 };

static int min(int a, int b)
{
    return a < b ? a : b;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

// Rounded down; n is a sum of two squares of numbers within +-8192 and so below 2^27.
static int root(int n)
{
    int r = 0;
    for (int bit = 1 << 13; bit; bit >>= 1)
        if ((r | bit) * (r | bit) <= n)
            r |= bit;
    return r;
}

// From the point to the line from a to b, in units, or `far` where it is that far or farther.
static int distance(struct point p, struct point a, struct point b, int length, int far)
{
    int dx = b.x - a.x, dy = b.y - a.y, px = p.x - a.x, py = p.y - a.y;
    int along = px * dx + py * dy;
    if (along > 0 && along < length * length) {
        int across = px * dy - py * dx;
        return min((across < 0 ? -across : across) / length, far);
    }
    if (along > 0) {
        px = p.x - b.x;
        py = p.y - b.y;
    }
    int squared = px * px + py * py;
    return squared < far * far ? root(squared) : far;
}

void stroke_draw(uint8_t *mask, int side, struct point a, struct point b, int width, int strength)
{
    int length = root((b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y));
    int reach = width / 2 + HALF; // where the coverage has fallen to nothing
    int left = max((min(a.x, b.x) - reach) / STROKE_UNIT, 0);
    int right = min((max(a.x, b.x) + reach) / STROKE_UNIT, side - 1);
    int top = max((min(a.y, b.y) - reach) / STROKE_UNIT, 0);
    int bottom = min((max(a.y, b.y) + reach) / STROKE_UNIT, side - 1);
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            struct point p = {x * STROKE_UNIT + HALF, y * STROKE_UNIT + HALF};
            int covered = min(reach - distance(p, a, b, length, reach), STROKE_UNIT);
            uint8_t *at = mask + (size_t)y * side + x;
            *at = (uint8_t)max(*at, covered * strength / STROKE_UNIT);
        }
}

// Points of two objectives, smaller is better in both.
#pragma once
#include <stddef.h>

struct point {
    double x, y;
};

// The indices of the points that no other one dominates, by rising x; of equal points the first.
// `front` holds n; returns how many.
size_t pareto_front(const struct point *points, size_t n, size_t *front);
// The area that the points dominate below and left of `limit`; exact. Points beyond it are ignored.
double pareto_hypervolume(const struct point *points, size_t n, struct point limit);

// Word and bit lines of an array have resistance: cells far from the driver, or from the end where
// their column is read, see less than the applied voltage.
//
// A word line is driven at column 0, a bit line is read (held at 0 V) after the last row; a wire
// segment precedes every cell. Idle rows are held at 0 V.
#pragma once

struct wire_array {
    int rows, columns;
    int rows_below;     // outside the array: wire only, before the end of the bit lines
    double segment_ohm; // of either line
};

// The effective conductances, i.e. the current of a column per volt on a row: (rows, columns), from
// the conductances of the cells. They describe the linear network completely. To first order in
// segment_ohm
//   effective[i][j] = g[i][j] * (1 - segment_ohm * (word[i][j] + bit[i][j])),
//   word[i][j] = sum over k of (min(j, k) + 1) * g[i][k],
//   bit[i][j]  = sum over k of (rows + rows_below - max(i, k)) * g[k][j];
// written as g / (1 + ...), which is the same to first order, exact for one cell, and never
// negative: a line of equal cells keeps 1 / cosh(x) = 1 / (1 + x^2 / 2 + ...). In arrays of 16x16
// with half of the cells conducting, compared with the complete network, the error is 0.7 % of a
// low-resistance cell where up to 21 % is lost, 3.6 % where 52 % is lost. Sneak currents through
// three cells are of second order and neglected.
void wire_effective(const struct wire_array *array, const double *g_s, double *effective_s);

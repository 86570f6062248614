// Line repair: moves word lines and bit lines with faulty cells to spare lines. The cells of a
// spare line have addresses after the array's (rows from crossbar.rows on, columns after the offset
// column) and faults of their own. The lines of a pair move together: they share drivers and
// read-outs.
//
// Per crossbar, until no move improves anything or the spares are used up: the line with the most
// wrong cells, rows before columns, moves to the free spare with the fewest wrong cells, if that is
// an improvement. A faulty cell that happens to hold the right level is not wrong. Greedy; the
// result does not depend on the order of crossbars.
#pragma once
#include <stdint.h>

struct cell_address;
struct chip_sample;
struct int_net;
struct mapping;

struct spares;

struct spare_report {
    int64_t rows, columns;           // lines moved
    int64_t rows_left, columns_left; // lines with wrong cells where no spare is left
    int64_t wrong_before, wrong_after;
    int64_t cells;     // cells of moved lines, to be written
    int64_t pulses;    // row writes in the crossbar with the most of them
    int64_t crossbars; // crossbars with moved lines
};

// Ignores sample->spares.
struct spares *spares_create(const struct mapping *mapping, const struct int_net *integer,
                             const struct chip_sample *sample);
void spares_destroy(struct spares *spares); // NULL is fine
const struct spare_report *spares_report(const struct spares *spares);

// The physical address of a logical address; the same address if its lines did not move or spares
// is NULL.
struct cell_address spares_place(const struct spares *spares, const struct cell_address *at);

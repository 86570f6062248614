// Word lines and bit lines with broken cells, moved onto spare ones. A spare line's cells have
// addresses behind the array's (rows from crossbar.rows on, columns behind the offset column) and
// faults of their own. The lines of a pair move together: they share drivers and read-outs.
//
// Per crossbar, until no line gains or spares run out: the line with most cells that do not hold
// what they should, rows before columns, moves to the free spare that holds it best, if that is
// better. A broken cell that holds the right level anyway harms nobody. Greedy, and the same for
// any order of crossbars.
#pragma once
#include <stdint.h>

struct cell_address;
struct chip_sample;
struct int_net;
struct mapping;

struct spares;

struct spare_report {
    int64_t rows, columns;           // lines moved
    int64_t rows_left, columns_left; // lines that still hold wrong cells where spares ran out
    int64_t wrong_before, wrong_after;
    int64_t cells;     // of moved lines, to be written
    int64_t pulses;    // writing them, a row at a time, in the crossbar that has most
    int64_t crossbars; // positions with moved lines
};

// The draw's own spares are not looked at.
struct spares *spares_create(const struct mapping *mapping, const struct int_net *integer,
                             const struct chip_sample *sample);
void spares_destroy(struct spares *spares); // NULL is fine
const struct spare_report *spares_report(const struct spares *spares);

// Where what belongs to an address stands; there itself if nothing moved or spares is NULL.
struct cell_address spares_place(const struct spares *spares, const struct cell_address *at);

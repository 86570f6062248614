// On-chip memories: words of a given width, read and written through ports.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/conf/conf.h"

struct err;

struct buffer_params {
    int kind;                  // 0: given, else an SRAM class of MNSIM's table by technology
    double bytes;              // -1: sized for the mapped net
    int width;                 // bits of a word
    int ports;                 // 1: reads and writes take turns; 2: one port each
    double time_s;             // one word in or out; -1: the table's 20 ns
    double read_j, write_j;    // one word; -1: the table's
    double area_m2, leakage_w; // the complete buffer; -1: the table's
    double peak_w;             // -1: (read + write energy) / 2 / time
    double technology_m;       // node of these numbers; -1: not stated
};
extern const struct conf_field buffer_fields[];

struct buffer_row { // of MNSIM 2.0's SRAM table (Hardware_Model/Buffer.py)
    int technology; // 0: 90 nm and above, 1: 65 to 89, 2: below 65
    double kbytes;  // up to this size; INFINITY for the last
    int width;
    double leakage_w, read_j, write_j, area_m2; // access energy without leakage
};
// The row for a buffer of `bytes`, or NULL (the table lacks 512-bit words at 2 KB).
const struct buffer_row *buffer_row(int technology, double bytes, int width);

// Once `bytes` is known, fills the values that the file leaves at auto. False if the table has no
// such row.
bool buffer_resolve(struct buffer_params *buffer, const struct conf_node *at, struct err *err);
int64_t buffer_words(const struct buffer_params *buffer, int64_t bits); // rounded up
// Technology node in metres: as stated, or that of the kind; -1: neither.
double buffer_technology(const struct buffer_params *buffer);
double buffer_peak(const struct buffer_params *buffer);

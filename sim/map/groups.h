// Which groups of a grouped convolution share crossbars. `n` consecutive groups make one matrix of
// n times the rows and n times the outputs of a group. The groups stand on its diagonal; a weight
// between the inputs of one group and the outputs of another is 0. All rows are driven and all
// columns are read out together, so one crossbar does the work of n.
//
// mapping.groups:
// - apart: every group has crossbars of its own (MNSIM's rule).
// - packed: as many groups as fit into one crossbar: min(floor(rows / rows of a group),
//   floor(outputs that fit into the columns / outputs of a group)). If fewer than 2 fit, one: a
//   group then takes more than half of the rows or of the columns.
// - auto: as packed, but never so many that, without faults, the ADC loses more than it loses of a
//   group alone. Let R be the rows whose sum it reads without loss: highest code / (highest level *
//   highest digit), and `active` the rows driven at once. An ADC that reads sums of both signs has
//   half the highest code.
//   Differential pairs hold 0 as two cells of high resistance, so a column sums what it sums for a
//   group alone: no limit if min(rows of a group, active) <= R; else floor(active / rows of a
//   group), so that a group is still read in one conversion.
//   A single array (with or without an offset column) holds the code of 0, 2^(bits - 1), so sums
//   grow with the rows: no limit if active <= R, else floor(R / rows of a group). Binary weights of
//   single arrays have no 0 and stay apart.
#pragma once
#include <stdbool.h>

struct chip;
struct err;
struct layer;
struct net;

// Groups of one matrix of a layer of the net; 1: apart. Layers without groups: 1.
int groups_packed(const struct net *net, const struct layer *layer, const struct chip *chip);
// Refuses mapping.groups=packed where weights cannot be 0.
bool groups_check(const struct layer *layer, const struct chip *chip, struct err *err);

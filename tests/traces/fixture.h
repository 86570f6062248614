// Traces made up for the tests, and their sums, computed without traces/.
#pragma once
#include <stddef.h>

#include "traces/trace.h"

enum { FIXTURE_LAYERS = 3, FIXTURE_TILES = 5 };

// Spans of random length and energy on every tile, some of no duration, some off chip; layers share
// tiles, so that spans overlap there. All times are multiples of 1/16 ns, so that sums are exact.
struct fixture {
    struct trace *trace;
    struct trace_head head;
    double energy_j[FIXTURE_LAYERS], layer_s[FIXTURE_LAYERS][SPAN_KINDS];
    double tile_s[FIXTURE_TILES + 1][SPAN_KINDS]; // off chip last
    double first_s[FIXTURE_LAYERS], last_s[FIXTURE_LAYERS];
    int tiles[FIXTURE_LAYERS];
};

void fixture_init(struct fixture *fixture, size_t n_spans);
void fixture_fini(struct fixture *fixture);

// A folder of the test's own under /tmp, and a path in it. fixture_folder_remove empties it.
void fixture_folder(char *folder, size_t n);
void fixture_path(char *path, size_t n, const char *folder, const char *name);
size_t fixture_folder_count(const char *folder); // files in it
void fixture_folder_remove(const char *folder);

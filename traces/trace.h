// What a simulation did, as spans on tiles, and the files made of it. Recorded in memory while the
// simulation runs (a NULL trace records nothing and costs nothing), written at the end.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct err;

enum span_kind {
    SPAN_COMPUTE,  // the tile works on a token of a layer
    SPAN_WAIT,     // it waits for another stage: nothing to read yet, or no credit to send
    SPAN_TRANSFER, // it waits for a packet that is on its way
    SPAN_KINDS
};
extern const char *const span_kind_names[]; // "compute", "wait", "transfer"

struct span {
    double start_s, end_s; // simulated seconds; end >= start
    double energy_j;       // spent in the span, without leakage
    int layer, tile;       // indices into the names below; tile -1: off chip
    int image, token;      // of the layer's output; -1: none
    enum span_kind kind;
};

// A part that several users share (an ADC group, a bus, a link, a buffer port).
struct trace_part {
    const char *name;
    double busy_s, wait_s; // in the whole run
};

// Provenance, printed into every file. Strings are lent for the trace's life.
struct trace_head {
    const char *version, *chip, *net, *policy, *command;
    uint64_t chip_hash, net_hash, seed;
    size_t n_layers, n_tiles;
    const char *const *layers; // names
    const char *const *tiles;  // names: "tile 3 (3,0)"
    double end_s;              // when the simulation ended
};

struct trace; // a recorder
struct trace *trace_create(void);
void trace_destroy(struct trace *trace);                             // NULL is fine
void trace_span(struct trace *trace, const struct span *span);       // NULL trace: nothing
void trace_part(struct trace *trace, const struct trace_part *part); // copies, name too
size_t trace_spans(const struct trace *trace, const struct span **spans);

// Writes the file by its ending: .json (Chrome trace, one record a line, opens in Perfetto, with
// counters of every layer's energy and power over time), .csv (one span a line), .paje (Paje, for
// pj_dump and vite). Refuses other endings, naming these. The file appears whole or not at all.
bool trace_write(const struct trace *trace, const struct trace_head *head, const char *path,
                 struct err *err);

// The same refusal beforehand, so that a long run does not end in it.
bool trace_check_name(const char *path, struct err *err);

// A trace file read back (Chrome JSON or CSV as written above) and summed up.
struct trace_layer_sum {
    char *name;
    double energy_j, compute_s, wait_s, transfer_s, first_s, last_s;
    int tiles;
};
struct trace_tile_sum {
    char *name;
    double energy_j, compute_s, wait_s, transfer_s;
};
struct trace_summary {
    char *head; // one line: version, chip, net, policy, seed, command
    double end_s, energy_j;
    size_t n_layers, n_tiles, n_parts, n_spans;
    struct trace_layer_sum *layers;
    struct trace_tile_sum *tiles;
    struct trace_part *parts;
    struct arena *part_names; // of the parts
};
// Every refusal names file, line and what is wrong there.
bool trace_read(const char *path, struct trace_summary *out, struct err *err);
// The same from a stream; `name` stands for the file in messages.
bool trace_read_stream(FILE *in, const char *name, struct trace_summary *out, struct err *err);
void trace_summary_fini(struct trace_summary *summary);

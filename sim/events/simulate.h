// Event simulation of a dataflow: one task per node, tokens in bounded channels, credits, waits.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/events/transport.h"

struct err;
struct dataflow;
struct trace;

struct node_stats {
    // Of the first image, in ticks: from the first token sent to the node until its last output
    // left.
    int64_t start, end, wait, transfer;
    int64_t busy;          // of the whole run
    int64_t rows, windows; // processed, whole run
};

struct channel_stats {
    int64_t tokens;    // transferred
    int64_t blocked;   // ticks that the sender waited for a free slot
    double occupied_s; // slot-seconds occupied, from sending to freeing
};

struct simulation {
    const struct dataflow *flow;
    int images;
    struct node_stats *nodes;
    struct channel_stats *channels;
    int64_t *image_end; // per image
    int64_t end;        // ticks of the whole run
    struct transport *transport;
};

struct simulate_params {
    int images; // 0: 1
    enum noc_backend backend;
    struct trace *trace; // NULL: none
    // NULL: none. Called periodically with the tokens sent so far and the total.
    void (*progress)(int64_t done, int64_t all);
};

// Returns false on a deadlock; err states which nodes wait for which.
bool simulate(const struct dataflow *flow, const struct simulate_params *params,
              struct simulation **out, struct err *err);
void simulation_destroy(struct simulation *simulation); // NULL is fine

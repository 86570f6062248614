// The flow brought to life: one task per node, tokens in bounded channels, credits, waits.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/events/transport.h"

struct err;
struct dataflow;
struct trace;

struct node_stats {
    // Of the first image, ticks: from the first token sent to it until its last output left.
    int64_t start, end, wait, transfer;
    int64_t busy;          // of the whole run
    int64_t rows, windows; // worked on, whole run
};

struct channel_stats {
    int64_t tokens;    // carried
    int64_t blocked;   // the sender waited for a free place
    double occupied_s; // place-seconds taken, from sending to letting go
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
    // NULL: none. Called now and then with the tokens that have been sent and that will be.
    void (*progress)(int64_t done, int64_t all);
};

// False with a sentence that says who waits for whom when the simulation deadlocks.
bool simulate(const struct dataflow *flow, const struct simulate_params *params,
              struct simulation **out, struct err *err);
void simulation_destroy(struct simulation *simulation); // NULL is fine

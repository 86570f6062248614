// The state of a simulation, shared by the files of sim/events: simulate.c sets it up, channel.c
// sends and waits, window.c computes which tokens an output needs, node.c runs a tile, deadlock.c
// explains a deadlock.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "nets/net.h"
#include "sim/dataflow/dataflow.h"
#include "sim/events/engine.h"
#include "sim/events/simulate.h"
#include "sim/events/transport.h"
#include "traces/trace.h"

struct err;
struct run;

enum { IN_FLIGHT = -1 }; // arrival of a token that is not known yet (backend simgrid)

struct token {
    int64_t sent, arrived;
};

struct channel {
    const struct dataflow_channel *is;
    int index;
    struct token *ring;
    int64_t room;      // of the ring
    int64_t per_image; // tokens
    int64_t pushed, taken, freed;
    int64_t paid;                 // tokens whose read energy is in a span of the trace
    struct node *reader, *writer; // NULL: off chip
    bool reader_waits, writer_waits;
    double sender_j, reader_j; // of one token; only filled for a trace
};

struct node {
    struct run *run;
    const struct dataflow_node *is;
    int index;
    struct engine_task *task;
    const struct layer *layer;
    int64_t first, next, delay, tail;    // ticks, as in struct window_cost
    int64_t port_read;                   // one window's read on a single-ported buffer
    const struct channel *waiting;       // while blocked; for the report of a deadlock
    int64_t at;                          // its waits are accounted up to this tick
    double first_j, next_j, add_first_j; // of one window; only filled for a trace
};

struct run {
    const struct dataflow *flow;
    const struct net *net;
    struct simulation *sim;
    struct transport *transport;
    struct trace *trace;
    struct node *nodes;
    struct channel *channels;
    struct node source;                          // of the image; not in the flow
    void (*progress)(int64_t done, int64_t all); // NULL: none
    int64_t sent, all;                           // tokens, over all channels
    bool windows;
    enum noc_backend backend;
    double image_token_j; // off-chip link and encoder, per row of the image
};

static inline struct token *token_slot(struct channel *c, int64_t n)
{
    return &c->ring[n % c->room];
}

// channel.c
// Waits until the first `need` tokens have been sent and their arrival is known; advances
// node->at to the last arrival and accounts the wait. False: deadlock, the caller returns.
bool channel_await(struct node *node, struct channel *c, int64_t need, int image, int layer);
// Waits until at least one token has been sent.
bool channel_await_first(struct node *node, struct channel *c);
// Sends one token that is ready at `ready`; first waits for a free slot.
bool channel_send(struct node *node, struct channel *c, int64_t ready, int image);
// Frees the first `freed` tokens.
void channel_release(struct channel *c, int64_t freed);
void live_span(struct node *node, enum span_kind kind, int64_t from, int64_t to, int layer,
               int image, int token, double joules);

// window.c
// Tokens of an input channel, counted within one image, that the output at (y, x) needs.
int64_t window_needs(const struct run *run, const struct channel *c, int y, int x);
// Tokens that the output at (y, x) and all later ones no longer need; (y, x) may be past the end.
int64_t window_done(const struct run *run, const struct channel *c, int y, int x);

// node.c
void node_main(void *arg);   // one tile's work for one layer
void source_main(void *arg); // the image: over the off-chip link to the first layer's tiles

// deadlock.c
bool deadlock_say(const struct run *run, struct err *err); // false, with who waits for whom

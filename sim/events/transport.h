// Transfer of a token from tile to tile: the sender's buffer port, the links, the receiver's bus
// and buffer port, each a shared resource with a calendar. Cut-through: a packet's head moves on as
// soon as a resource is free; its tail follows at the rate of the slowest resource.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/events/calendar.h"

struct dataflow;

enum noc_backend {
    BACKEND_CALENDAR, // links are reserved, packets wait for each other
    BACKEND_IDEAL,    // links and routers take no time; ports, buses and the off-chip link serve
                      // all requests at once, without contention
    BACKEND_SIMGRID,  // SimGrid's flow model moves the packets; ports stay calendars
};
extern const char *const backend_names[]; // NULL-terminated

// Resources with several users.
enum shared_kind {
    SHARED_ADC,
    SHARED_BUS,
    SHARED_PORT,
    SHARED_BUFFER,
    SHARED_LINK,
    SHARED_OFFCHIP
};
extern const char *const shared_kind_names[];

struct resource {
    enum shared_kind kind;
    const char *what; // "buffer read port"; only of ports
    int where;        // tile, or link number
    struct calendar calendar;
};

struct hop {
    int part;
    int64_t busy, after; // ticks; after: until the head reaches the next resource
};

struct transport {
    const struct dataflow *flow;
    enum noc_backend backend;
    int n_parts, offchip; // offchip: index of the off-chip link's part
    struct resource *parts;
    int *hop0;  // per channel: its hops are hops[hop0[c]] .. hops[hop0[c + 1]]
    int *split; // per channel: hops before split[c] lie before the links (backend simgrid)
    struct hop *hops;
    int *port_of;   // per tile: part through which its inputs are written, -1: none
    int64_t end;    // completion of the last token
    int64_t router; // ticks of one hop
};

struct transport *transport_create(const struct dataflow *flow, enum noc_backend backend);
void transport_destroy(struct transport *transport); // NULL is fine
// Returns the arrival tick of a token that is ready at `ready`. Not for BACKEND_SIMGRID.
int64_t transport_send(struct transport *transport, int channel, int64_t now, int64_t ready);
// Only the two ends of a transfer, for a backend that models the middle itself: the ticks at which
// the token's head and tail have passed.
struct passage {
    int64_t head, tail;
};
struct passage transport_leave(struct transport *transport, int channel, int64_t now,
                               int64_t ready);
struct passage transport_enter(struct transport *transport, int channel, int64_t now,
                               int64_t ready);
// Reserves a resource for `busy` ticks at `earliest` or later, when it is free (on the ideal
// network at `earliest`); returns the start.
int64_t transport_take(struct transport *transport, int part, int64_t now, int64_t earliest,
                       int64_t busy, int layer);
// Sends `bits` over the off-chip link: head: the link is free again; tail: arrival, one latency
// later.
struct passage transport_offchip(struct transport *transport, int64_t now, int64_t ready,
                                 int64_t bits, int layer);

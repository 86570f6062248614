// How a token gets from tile to tile: the sender's buffer port, the links, the receiver's bus and
// buffer port, each a shared part with a calendar. Cut-through: a packet's head goes on as soon as
// a part is free, its tail follows at the slowest part's rate.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/events/calendar.h"

struct dataflow;

enum noc_backend {
    BACKEND_CALENDAR, // links are reserved, packets wait for each other
    BACKEND_IDEAL,    // links and routers take no time, and ports, buses and the off-chip link
                      // serve all at once: nobody ever waits on the way
    BACKEND_SIMGRID,  // SimGrid's flow model moves the packets; ports stay calendars
};
extern const char *const backend_names[]; // NULL-terminated

// Parts with several users.
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
    int64_t busy, after; // ticks; after: until the head is at the next part
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
    int64_t end;    // the last token was through
    int64_t router; // ticks of one hop
};

struct transport *transport_create(const struct dataflow *flow, enum noc_backend backend);
void transport_destroy(struct transport *transport); // NULL is fine
// A token that is ready at `ready` is there at the returned tick. Not for BACKEND_SIMGRID.
int64_t transport_send(struct transport *transport, int channel, int64_t now, int64_t ready);
// The two ends of the way alone, for a backend that does the middle itself: when the token's head
// and its tail are through.
struct passage {
    int64_t head, tail;
};
struct passage transport_leave(struct transport *transport, int channel, int64_t now,
                               int64_t ready);
struct passage transport_enter(struct transport *transport, int channel, int64_t now,
                               int64_t ready);
// A part for `busy` ticks at `earliest` or, but on the ideal network, when it is free; returns
// when.
int64_t transport_take(struct transport *transport, int part, int64_t now, int64_t earliest,
                       int64_t busy, int layer);
// `bits` over the off-chip link: head: it is free again; tail: they are there, its latency later.
struct passage transport_offchip(struct transport *transport, int64_t now, int64_t ready,
                                 int64_t bits, int layer);

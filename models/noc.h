// The network on chip: routes of packets, occupation of links, cost. Pure functions; contention is
// simulated in sim/events.
#pragma once
#include <stdint.h>

#include "base/conf/conf.h"

enum noc_topology { NOC_MESH, NOC_TORUS, NOC_CMESH, NOC_TREE, NOC_BUS, NOC_TOPOLOGIES };

struct noc_params {
    int topology;
    int columns, rows;   // of tiles
    int concentration;   // cmesh: tiles along one side of the square that shares a router;
                         // tree: children of a node
    int flit;            // bits; packets have an integral number of flits
    double link_bps;     // bits per second of a link
    double router_s;     // delay of one hop
    double router_j;     // one flit through one router
    double link_j;       // one flit over one link
    double area_m2;      // one router
    double leakage_w;    // one router
    double peak_w;       // one router; -1: router energy per flit at the link's rate
    double technology_m; // node of these numbers; -1: not stated
};
extern const struct conf_field noc_fields[];

enum { NOC_MAX_SIDE = 128, NOC_MAX_HOPS = 520 };

// The links from tile (x0, y0) to (x1, y1) in the order of the route, as numbers from 0 to
// noc_links(); returns their count (0: same tile or same router). Dimension order, x first.
int noc_route(const struct noc_params *noc, int x0, int y0, int x1, int y1,
              int links[NOC_MAX_HOPS]);
int64_t noc_links(const struct noc_params *noc);
int noc_routers(const struct noc_params *noc);
// A link's name: "link (1,0)->(2,0)". Returns buf.
char *noc_link_name(const struct noc_params *noc, int64_t link, char *buf, int n);
int64_t noc_flits(const struct noc_params *noc, int64_t bits);
double noc_link_time(const struct noc_params *noc, int64_t flits); // seconds a link is busy
double noc_router_peak(const struct noc_params *noc);

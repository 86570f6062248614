#include "models/noc.h"

#include <stddef.h>
#include <stdio.h>

#include "models/technology.h"
#include "base/conf/conf.h"

static const char *const topology_names[] = {"mesh", "torus", "cmesh", "tree", "bus", NULL};

#define AT(member) .offset = offsetof(struct noc_params, member)
const struct conf_field noc_fields[] = {
    {"topology", CONF_ENUM, AT(topology), .names = topology_names, .fallback = "mesh",
     .help = "cmesh: concentration x concentration tiles share a router"},
    {"columns", CONF_INT, AT(columns), .min = 1, .max = NOC_MAX_SIDE,
     .help = "tiles in a row of the chip"},
    {"rows", CONF_INT, AT(rows), .min = 1, .max = NOC_MAX_SIDE, .help = "rows of tiles"},
    {"concentration", CONF_INT, AT(concentration), .min = 2, .max = 16, .fallback = "2",
     .help = "cmesh: side of the square of tiles at one router; tree: children of a node"},
    {"flit", CONF_INT, AT(flit), .min = 1, .max = 4096, .fallback = "32",
     .help = "bits; packets have an integral number of flits"},
    {"link_rate", CONF_QTY, AT(link_bps), .min = 1, .max = 1e15, .unit = "b/s",
     .help = "of one link in one direction"},
    {"router_time", CONF_QTY, AT(router_s), .min = 0, .max = 1e-3, .unit = "s",
     .help = "delay of one hop"},
    {"router_energy", CONF_QTY, AT(router_j), .min = 0, .max = 1e-3, .unit = "J", .fallback = "0 J",
     .help = "one flit through one router"},
    {"link_energy", CONF_QTY, AT(link_j), .min = 0, .max = 1e-3, .unit = "J", .fallback = "0 J",
     .help = "one flit over one link"},
    {"router_area", CONF_QTY, AT(area_m2), .min = 0, .max = 1, .unit = "m2", .fallback = "0 m2",
     .help = "one router"},
    {"router_leakage", CONF_QTY, AT(leakage_w), .min = 0, .max = 1e3, .unit = "W",
     .fallback = "0 W", .help = "one router"},
    {"router_peak_power", CONF_QTY, AT(peak_w), .min = 0, .max = 1e3, .unit = "W",
     .fallback = "auto", .word = "auto",
     .help = "one router fully busy; auto: router_energy per flit at the link's rate"},
    TECHNOLOGY_FIELD(struct noc_params, technology_m),
    {0},
};

enum direction { EAST, WEST, NORTH, SOUTH, DIRECTIONS };

// A node's outgoing links have the numbers node * DIRECTIONS + direction.
static int walk(int at, int to, int n, int wraps, int *dir)
{
    int forward = to - at;
    if (wraps) {
        int around = forward > 0 ? forward - n : forward + n;
        if ((around < 0 ? -around : around) < (forward < 0 ? -forward : forward))
            forward = around;
    }
    *dir = forward > 0 ? 1 : -1;
    return forward > 0 ? forward : -forward;
}

static int route_grid(int columns, int rows, int wraps, int x0, int y0, int x1, int y1, int *links)
{
    int hops = 0, step;
    int n = walk(x0, x1, columns, wraps, &step);
    for (int i = 0; i < n; i++) {
        links[hops++] = (y0 * columns + x0) * DIRECTIONS + (step > 0 ? EAST : WEST);
        x0 = (x0 + step + columns) % columns;
    }
    n = walk(y0, y1, rows, wraps, &step);
    for (int i = 0; i < n; i++) {
        links[hops++] = (y0 * columns + x0) * DIRECTIONS + (step > 0 ? SOUTH : NORTH);
        y0 = (y0 + step + rows) % rows;
    }
    return hops;
}

// Up to the nearest common ancestor and down again. Nodes of a level are numbered by leaf /
// k^level; link 2 * (level_start + node) goes up from a node to its parent, + 1 comes down.
static int route_tree(int leaves, int k, int a, int b, int *links)
{
    int hops = 0, start = 0, width = leaves, down[NOC_MAX_HOPS / 2], n_down = 0;
    while (a != b && n_down < NOC_MAX_HOPS / 2) {
        links[hops++] = 2 * (start + a);
        down[n_down++] = 2 * (start + b) + 1;
        start += width;
        width = (width + k - 1) / k;
        a /= k;
        b /= k;
    }
    while (n_down)
        links[hops++] = down[--n_down];
    return hops;
}

static int cgrid(const struct noc_params *noc, int n)
{
    return (n + noc->concentration - 1) / noc->concentration;
}

int noc_route(const struct noc_params *noc, int x0, int y0, int x1, int y1, int links[NOC_MAX_HOPS])
{
    int c = noc->concentration;
    switch ((enum noc_topology)noc->topology) {
    case NOC_MESH:
        return route_grid(noc->columns, noc->rows, 0, x0, y0, x1, y1, links);
    case NOC_TORUS:
        return route_grid(noc->columns, noc->rows, 1, x0, y0, x1, y1, links);
    case NOC_CMESH:
        return route_grid(cgrid(noc, noc->columns), cgrid(noc, noc->rows), 0, x0 / c, y0 / c,
                          x1 / c, y1 / c, links);
    case NOC_TREE:
        return route_tree(noc->columns * noc->rows, c, y0 * noc->columns + x0,
                          y1 * noc->columns + x1, links);
    case NOC_BUS:
    case NOC_TOPOLOGIES:
        break;
    }
    links[0] = 0;
    return x0 == x1 && y0 == y1 ? 0 : 1;
}

int64_t noc_links(const struct noc_params *noc)
{
    if (noc->topology == NOC_BUS)
        return 1;
    if (noc->topology == NOC_CMESH)
        return (int64_t)cgrid(noc, noc->columns) * cgrid(noc, noc->rows) * DIRECTIONS;
    if (noc->topology != NOC_TREE)
        return (int64_t)noc->columns * noc->rows * DIRECTIONS;
    int64_t nodes = 0;
    for (int width = noc->columns * noc->rows; width > 1;
         width = (width + noc->concentration - 1) / noc->concentration)
        nodes += width;
    return 2 * (nodes + 1);
}

int noc_routers(const struct noc_params *noc)
{
    int routers = noc->columns * noc->rows;
    if (noc->topology == NOC_CMESH)
        return cgrid(noc, noc->columns) * cgrid(noc, noc->rows);
    if (noc->topology == NOC_BUS)
        return 1;                    // its arbiter
    if (noc->topology == NOC_TREE) { // the inner nodes
        int leaves = routers;
        for (routers = 0; leaves > 1; routers += leaves)
            leaves = (leaves + noc->concentration - 1) / noc->concentration;
    }
    return routers;
}

char *noc_link_name(const struct noc_params *noc, int64_t link, char *buf, int n)
{
    static const int dx[] = {1, -1, 0, 0}, dy[] = {0, 0, -1, 1};
    if (noc->topology == NOC_BUS) {
        snprintf(buf, (size_t)n, "bus");
        return buf;
    }
    if (noc->topology == NOC_TREE) {
        snprintf(buf, (size_t)n, "tree link %s %lld", link % 2 ? "down to" : "up from",
                 (long long)(link / 2));
        return buf;
    }
    int columns = noc->topology == NOC_CMESH ? cgrid(noc, noc->columns) : noc->columns;
    int rows = noc->topology == NOC_CMESH ? cgrid(noc, noc->rows) : noc->rows;
    int node = (int)(link / DIRECTIONS), d = (int)(link % DIRECTIONS);
    int x = node % columns, y = node / columns;
    snprintf(buf, (size_t)n, "link (%d,%d)->(%d,%d)", x, y, (x + dx[d] + columns) % columns,
             (y + dy[d] + rows) % rows);
    return buf;
}

int64_t noc_flits(const struct noc_params *noc, int64_t bits)
{
    return (bits + noc->flit - 1) / noc->flit;
}

double noc_link_time(const struct noc_params *noc, int64_t flits)
{
    return (double)(flits * noc->flit) / noc->link_bps;
}

double noc_router_peak(const struct noc_params *noc)
{
    if (noc->peak_w >= 0)
        return noc->peak_w;
    return noc->router_j * noc->link_bps / noc->flit;
}

// The network on chip: which links a packet crosses, how long it keeps them busy.
#include "models/noc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/models/support.h"

static struct noc_params noc_of(enum noc_topology topology, int columns, int rows)
{
    return (struct noc_params){.topology = (int)topology,
                               .columns = columns,
                               .rows = rows,
                               .concentration = 2,
                               .flit = 32,
                               .link_bps = 20e9,
                               .peak_w = -1};
}

// How many links from a to b; checks on the way that each is a link of the chip and that its name
// begins where the one before ended.
static int walk(const struct noc_params *noc, int x0, int y0, int x1, int y1, int side)
{
    int links[NOC_MAX_HOPS];
    int n = noc_route(noc, x0, y0, x1, y1, links), x = x0 / side, y = y0 / side;
    assert_in_range(n, 0, NOC_MAX_HOPS);
    for (int i = 0; i < n; i++) {
        char name[64];
        int from_x, from_y, to_x, to_y;
        assert_true(links[i] >= 0 && links[i] < noc_links(noc));
        noc_link_name(noc, links[i], name, sizeof name);
        assert_int_equal(sscanf(name, "link (%d,%d)->(%d,%d)", &from_x, &from_y, &to_x, &to_y), 4);
        assert_int_equal(from_x, x);
        assert_int_equal(from_y, y);
        x = to_x;
        y = to_y;
    }
    assert_int_equal(x, x1 / side);
    assert_int_equal(y, y1 / side);
    return n;
}

// The shorter way along a ring of n; on a line (wraps false) there is one.
static int distance(int a, int b, int n, bool wraps)
{
    int direct = abs(a - b);
    return wraps && n - direct < direct ? n - direct : direct;
}

static void every_pair(const struct noc_params *noc, int side, bool wraps)
{
    int columns = (noc->columns + side - 1) / side, rows = (noc->rows + side - 1) / side;
    for (int a = 0; a < noc->columns * noc->rows; a++)
        for (int b = 0; b < noc->columns * noc->rows; b++) {
            int x0 = a % noc->columns, y0 = a / noc->columns;
            int x1 = b % noc->columns, y1 = b / noc->columns;
            int want = distance(x0 / side, x1 / side, columns, wraps) +
                       distance(y0 / side, y1 / side, rows, wraps);
            assert_int_equal(walk(noc, x0, y0, x1, y1, side), want);
        }
}

static void mesh_routes_are_manhattan(void **state)
{
    (void)state;
    struct noc_params noc = noc_of(NOC_MESH, 5, 4);
    every_pair(&noc, 1, false);
    noc = noc_of(NOC_MESH, 128, 128);
    assert_int_equal(walk(&noc, 0, 127, 127, 0, 1), 254);
}

static void x_comes_before_y(void **state)
{
    (void)state;
    struct noc_params noc = noc_of(NOC_MESH, 4, 4);
    static const char *const want[] = {"link (3,1)->(2,1)", "link (2,1)->(1,1)",
                                       "link (1,1)->(1,2)", "link (1,2)->(1,3)"};
    int links[NOC_MAX_HOPS];
    assert_int_equal(noc_route(&noc, 3, 1, 1, 3, links), 4);
    for (int i = 0; i < 4; i++) {
        char name[64];
        assert_string_equal(noc_link_name(&noc, links[i], name, sizeof name), want[i]);
    }
}

static void torus_routes_wrap(void **state)
{
    (void)state;
    struct noc_params noc = noc_of(NOC_TORUS, 5, 4);
    every_pair(&noc, 1, true);
    noc = noc_of(NOC_TORUS, 8, 8);
    assert_int_equal(walk(&noc, 0, 0, 7, 7, 1), 2);
    assert_int_equal(walk(&noc, 0, 0, 4, 4, 1), 8);
}

static void a_ring_of_two_tiles_has_one_hop(void **state)
{
    (void)state;
    struct noc_params noc = noc_of(NOC_TORUS, 2, 1);
    assert_int_equal(walk(&noc, 0, 0, 1, 0, 1), 1);
    assert_int_equal(walk(&noc, 1, 0, 0, 0, 1), 1);
}

static void cmesh_tiles_share_routers(void **state)
{
    (void)state;
    struct noc_params noc = noc_of(NOC_CMESH, 5, 4); // three routers a row, the last half used
    every_pair(&noc, 2, false);
    assert_int_equal(noc_routers(&noc), 6);
    assert_int_equal(walk(&noc, 0, 0, 1, 1, 2), 0);
    assert_int_equal(walk(&noc, 1, 1, 2, 2, 2), 2);
    noc = noc_of(NOC_CMESH, 14, 12); // ISAAC's 168 tiles, four at a router
    assert_int_equal(noc_routers(&noc), 42);
}

static void routers_are_counted(void **state)
{
    (void)state;
    struct noc_params noc = noc_of(NOC_MESH, 5, 4);
    assert_int_equal(noc_routers(&noc), 20);
    noc = noc_of(NOC_TREE, 5, 4);
    noc.concentration = 2;
    assert_int_equal(noc_routers(&noc), 10 + 5 + 3 + 2 + 1);
    noc = noc_of(NOC_BUS, 5, 4);
    assert_int_equal(noc_routers(&noc), 1);
}

// Link 2n of a tree climbs from node n, 2n + 1 descends to it; nodes are numbered level by level.
static void tree_routes_climb_to_the_common_node(void **state)
{
    (void)state;
    for (int k = 2; k <= 4; k++) {
        struct noc_params noc = noc_of(NOC_TREE, 5, 3);
        noc.concentration = k;
        for (int a = 0; a < 15; a++)
            for (int b = 0; b < 15; b++) {
                int links[NOC_MAX_HOPS], up = 0, first = 0, width = 15;
                int n = noc_route(&noc, a % 5, a / 5, b % 5, b / 5, links);
                for (int p = a, q = b; p != q; p /= k, q /= k, up++) {
                    assert_true(2 * up < n);
                    assert_int_equal(links[up], 2 * (first + p));
                    assert_int_equal(links[n - 1 - up], 2 * (first + q) + 1);
                    assert_true(links[n - 1 - up] < noc_links(&noc));
                    first += width;
                    width = (width + k - 1) / k;
                }
                assert_int_equal(n, 2 * up);
            }
    }
}

static void a_bus_is_one_link(void **state)
{
    (void)state;
    struct noc_params noc = noc_of(NOC_BUS, 5, 4);
    int links[NOC_MAX_HOPS];
    char name[64];
    assert_int_equal(noc_links(&noc), 1);
    assert_int_equal(noc_route(&noc, 0, 0, 4, 3, links), 1);
    assert_int_equal(links[0], 0);
    assert_int_equal(noc_route(&noc, 4, 3, 4, 3, links), 0);
    assert_string_equal(noc_link_name(&noc, 0, name, sizeof name), "bus");
}

// Of the links that packets cross; a mesh numbers some at its edges that lead nowhere.
static void links_have_names_of_their_own(void **state)
{
    (void)state;
    enum { SIDE = 5, TILES = SIDE * SIDE, MOST = TILES * 5 };
    for (int topology = 0; topology < NOC_TOPOLOGIES; topology++) {
        struct noc_params noc = noc_of((enum noc_topology)topology, SIDE, SIDE);
        char names[MOST][48] = {{0}};
        int links[NOC_MAX_HOPS];
        assert_in_range(noc_links(&noc), 1, MOST);
        for (int i = 0; i < TILES * TILES; i++) {
            int a = i / TILES, b = i % TILES;
            int n = noc_route(&noc, a % SIDE, a / SIDE, b % SIDE, b / SIDE, links);
            for (int j = 0; j < n; j++)
                noc_link_name(&noc, links[j], names[links[j]], sizeof names[0]);
        }
        for (int i = 0; i < MOST; i++)
            for (int j = 0; j < i; j++)
                if (names[i][0] && !strcmp(names[i], names[j]))
                    fail_msg("links %d and %d are both '%s'", j, i, names[i]);
    }
}

// 32 bytes at 20 Gb/s.
static void a_packet_keeps_a_link_busy(void **state)
{
    (void)state;
    struct noc_params noc = noc_of(NOC_MESH, 4, 4);
    assert_int_equal(noc_flits(&noc, 256), 8);
    assert_close(noc_link_time(&noc, noc_flits(&noc, 256)), 12.8e-9, 1e-12);
    assert_int_equal(noc_flits(&noc, 0), 0);
    assert_int_equal(noc_flits(&noc, 1), 1);
    assert_int_equal(noc_flits(&noc, 33), 2);
    assert_close(noc_link_time(&noc, 2), 3.2e-9, 1e-12);
}

// ISAAC: 42 mW at 8 ports; a flit of 32 bits at 38.4 Gb/s every 0.8333 ns.
static void a_busy_router_draws_power(void **state)
{
    (void)state;
    struct noc_params noc = noc_of(NOC_MESH, 4, 4);
    noc.link_bps = 38.4e9;
    noc.router_j = 5.25e-12;
    assert_close(noc_router_peak(&noc), 6.3e-3, 1e-9);
    noc.peak_w = 42e-3;
    assert_true(noc_router_peak(&noc) == 42e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mesh_routes_are_manhattan),
        cmocka_unit_test(x_comes_before_y),
        cmocka_unit_test(torus_routes_wrap),
        cmocka_unit_test(a_ring_of_two_tiles_has_one_hop),
        cmocka_unit_test(cmesh_tiles_share_routers),
        cmocka_unit_test(routers_are_counted),
        cmocka_unit_test(tree_routes_climb_to_the_common_node),
        cmocka_unit_test(a_bus_is_one_link),
        cmocka_unit_test(links_have_names_of_their_own),
        cmocka_unit_test(a_packet_keeps_a_link_busy),
        cmocka_unit_test(a_busy_router_draws_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

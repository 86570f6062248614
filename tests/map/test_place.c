// Where tiles go on the mesh.
#include "sim/map/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/chip/chip.h"
#include "sim/map/map.h"
#include "tests/close.h"
#include "tests/map/support.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

enum { MOST = 64 };

// The first n tiles of a mesh, by name of the order and seed.
static void places(const char *order, int columns, int rows, uint64_t seed, int n,
                   struct map_tile tiles[MOST])
{
    char placement[64], width[32], height[32];
    snprintf(placement, sizeof placement, "mapping.placement=%s", order);
    snprintf(width, sizeof width, "noc.columns=%d", columns);
    snprintf(height, sizeof height, "noc.rows=%d", rows);
    struct setup s = map_conv("hawis", &(struct conv){.in = 1, .out = 1, .kernel = 1},
                              SETS(placement, width, height));
    memset(tiles, 0, MOST * sizeof *tiles);
    struct mapping map = {.chip = s.chip, .seed = seed, .n_tiles = n, .tiles = tiles};
    place_tiles(&map);
    setup_free(&s);
}

static const char *const orders[] = {"row_major", "snake", "zigzag", "random"};
static const struct {
    int columns, rows;
} meshes[] = {{7, 5}, {5, 7}, {1, 6}, {6, 1}, {1, 1}, {8, 8}};

static void every_place_is_taken_once(void **state)
{
    (void)state;
    for (size_t o = 0; o < 4; o++)
        for (size_t m = 0; m < sizeof meshes / sizeof *meshes; m++) {
            int columns = meshes[m].columns, rows = meshes[m].rows;
            struct map_tile tiles[MOST];
            bool taken[MOST] = {false};
            places(orders[o], columns, rows, 3, columns * rows, tiles);
            for (int i = 0; i < columns * rows; i++) {
                assert_in_range(tiles[i].x, 0, columns - 1);
                assert_in_range(tiles[i].y, 0, rows - 1);
                assert_false(taken[tiles[i].y * columns + tiles[i].x]);
                taken[tiles[i].y * columns + tiles[i].x] = true;
            }
        }
}

static void assert_path(const char *order, const int want[][2], int n)
{
    struct map_tile tiles[MOST];
    places(order, 3, 3, 0, n, tiles);
    for (int i = 0; i < n; i++) {
        assert_int_equal(tiles[i].x, want[i][0]);
        assert_int_equal(tiles[i].y, want[i][1]);
    }
}

static void orders_are_as_named(void **state)
{
    (void)state;
    static const int row_major[][2] = {{0, 0}, {1, 0}, {2, 0}, {0, 1}, {1, 1}, {2, 1}, {0, 2}};
    static const int snake[][2] = {{0, 0}, {1, 0}, {2, 0}, {2, 1}, {1, 1}, {0, 1}, {0, 2}};
    static const int zigzag[][2] = {{0, 0}, {1, 0}, {0, 1}, {0, 2}, {1, 1},
                                    {2, 0}, {2, 1}, {1, 2}, {2, 2}};
    assert_path("row_major", row_major, 7);
    assert_path("snake", snake, 7);
    assert_path("zigzag", zigzag, 9);
}

static void a_snake_never_jumps(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof meshes / sizeof *meshes; m++) {
        struct map_tile tiles[MOST];
        int n = meshes[m].columns * meshes[m].rows;
        places("snake", meshes[m].columns, meshes[m].rows, 0, n, tiles);
        for (int i = 1; i < n; i++)
            assert_int_equal(abs(tiles[i].x - tiles[i - 1].x) + abs(tiles[i].y - tiles[i - 1].y),
                             1);
    }
}

static void chance_follows_the_seed_alone(void **state)
{
    (void)state;
    struct map_tile all[MOST], few[MOST], other[MOST];
    places("random", 8, 8, 5, 64, all);
    places("random", 8, 8, 5, 20, few);
    places("random", 8, 8, 6, 64, other);
    assert_memory_equal(all, few, 20 * sizeof *all);
    int same = 0;
    for (int i = 0; i < 64; i++)
        same += all[i].x == other[i].x && all[i].y == other[i].y;
    assert_true(same < 16); // one is to be expected
    for (size_t o = 0; o < 3; o++) {
        places(orders[o], 8, 8, 5, 64, all);
        places(orders[o], 8, 8, 6, 64, other);
        assert_memory_equal(all, other, sizeof all);
    }
}

// Four tiles on four places: in 480 seeds every one of the 24 orders, about 20 times each.
static void chance_is_even(void **state)
{
    (void)state;
    int hits[256] = {0}, orders_seen = 0;
    for (uint64_t seed = 0; seed < 480; seed++) {
        struct map_tile tiles[MOST];
        int order = 0;
        places("random", 2, 2, seed, 4, tiles);
        for (int i = 0; i < 4; i++)
            order = order * 4 + tiles[i].y * 2 + tiles[i].x;
        orders_seen += hits[order]++ == 0;
    }
    assert_int_equal(orders_seen, 24);
    for (int i = 0; i < 256; i++)
        assert_in_range(hits[i], 0, 45);
}

static void a_mapping_places_its_tiles(void **state)
{
    (void)state;
    struct setup s =
        setup_make("hawis", "resnet20", NULL, NULL, SETS("noc.columns=5", "noc.rows=5"));
    for (int i = 0; i < s.map->n_tiles; i++) {
        int y = i / 5, x = i % 5;
        assert_int_equal(s.map->tiles[i].x, y % 2 ? 4 - x : x);
        assert_int_equal(s.map->tiles[i].y, y);
    }
    setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_place_is_taken_once),
        cmocka_unit_test(orders_are_as_named),
        cmocka_unit_test(a_snake_never_jumps),
        cmocka_unit_test(chance_follows_the_seed_alone),
        cmocka_unit_test(chance_is_even),
        cmocka_unit_test(a_mapping_places_its_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

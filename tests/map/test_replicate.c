// Replication: copies of the slow layers, as many as the budget allows and no more.
#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"
#include "tests/close.h"
#include "tests/map/support.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

// Read cycles of one image that a layer's arrays are busy for: windows, input bits, groups of rows
// driven at once, rounds of the ADCs. Replicas share out the rows of the map.
static double cycles(const struct setup *s, int layer, int replicas)
{
    const struct layer *l = &s->net->layers[layer];
    const struct map_layer *m = &s->map->layers[layer];
    int rows = 0, columns = 0;
    for (int i = m->slice0; i < m->slice0 + m->slices; i++) {
        rows = s->map->slices[i].rows > rows ? s->map->slices[i].rows : rows;
        columns = s->map->slices[i].columns > columns ? s->map->slices[i].columns : columns;
    }
    return (double)l->out_h * l->out_w * m->input_cycles *
           ceil_div(rows, chip_rows_active(s->chip)) * ceil_div(columns, s->chip->adc.count) /
           replicas;
}

static double slowest(const struct setup *s)
{
    double most = 0;
    for (int i = 0; i < (int)s->net->n; i++)
        if (s->map->layers[i].slices)
            most = fmax(most, cycles(s, i, s->map->layers[i].replicas));
    return most;
}

static void without_it_there_is_one(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "resnet20", NULL, NULL, NULL);
    for (size_t i = 0; i < s.net->n; i++)
        assert_int_equal(s.map->layers[i].replicas, 1);
    setup_free(&s);
}

static void the_budget_is_kept_and_used(void **state)
{
    (void)state;
    double before = (double)INFINITY;
    for (int budget = 23; budget <= 400; budget = budget * 3 / 2) {
        char tiles[32];
        snprintf(tiles, sizeof tiles, "mapping.tiles=%d", budget);
        struct setup s =
            setup_make("hawis", "resnet20", NULL, NULL, SETS("mapping.replicate=true", tiles));
        double now = slowest(&s);
        assert_true(s.map->n_tiles <= budget);
        assert_true(now <= before);
        // Every copy was made while its layer was the slowest.
        for (int i = 0; i < (int)s.net->n; i++) {
            const struct map_layer *m = &s.map->layers[i];
            assert_true(m->replicas >= 1 && m->replicas <= s.net->layers[i].out_h);
            if (m->replicas > 1)
                assert_true(cycles(&s, i, m->replicas - 1) >= now);
        }
        // And no tile is left for another copy of the one that is now.
        for (int i = 0; i < (int)s.net->n; i++) {
            const struct map_layer *m = &s.map->layers[i];
            if (m->slices && cycles(&s, i, m->replicas) == now)
                assert_true(s.map->n_tiles + m->tiles / m->replicas > budget ||
                            m->replicas == s.net->layers[i].out_h);
            if (m->slices && cycles(&s, i, m->replicas) == now)
                break; // ties: the first one has its turn
        }
        before = now;
        setup_free(&s);
    }
}

// Seven layers of ResNet-20 have 32 x 32 windows: a second copy of each, seven tiles more, halves
// the longest; conv1 alone has more than one crossbar (4: 96 channels), still one tile.
static void seven_tiles_halve_the_longest(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "resnet20", NULL, NULL, NULL);
    struct setup six = setup_make("hawis", "resnet20", NULL, NULL,
                                  SETS("mapping.replicate=true", "mapping.tiles=29"));
    struct setup seven = setup_make("hawis", "resnet20", NULL, NULL,
                                    SETS("mapping.replicate=true", "mapping.tiles=30"));
    assert_int_equal(seven.map->layers[layer_index(&seven, "conv1")].replicas, 2);
    assert_int_equal(seven.map->layers[layer_index(&seven, "layer1.2.conv2")].replicas, 2);
    assert_int_equal(seven.map->layers[layer_index(&seven, "layer2.0.conv1")].replicas, 1);
    assert_true(slowest(&seven) < slowest(&six));
    setup_free(&s);
    setup_free(&six);
    setup_free(&seven);
}

static void replicas_are_alike(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "resnet20", NULL, "5x",
                                SETS("mapping.replicate=true", "mapping.tiles=300"));
    int copies = 0;
    for (size_t i = 0; i < s.net->n; i++) {
        const struct map_layer *m = &s.map->layers[i];
        int each = m->slices / m->replicas, tiles = m->tiles / m->replicas;
        assert_int_equal(each * m->replicas, m->slices);
        assert_int_equal(tiles * m->replicas, m->tiles);
        for (int j = each; j < m->slices; j++) {
            struct slice want = s.map->slices[m->slice0 + j % each];
            want.replica = j / each;
            want.tile += j / each * tiles; // a replica begins with a tile of its own
            assert_memory_equal(&want, &s.map->slices[m->slice0 + j], sizeof want);
            copies++;
        }
    }
    assert_true(copies > 0);
    setup_free(&s);
}

// With tiles to spare, nothing stops but the rows of the map: the classifier has one.
static void rows_are_the_limit(void **state)
{
    (void)state;
    struct setup s = map_conv("hawis", &(struct conv){.in = 8, .out = 8, .kernel = 3, .side = 6},
                              SETS("mapping.replicate=true"));
    assert_int_equal(s.map->layers[1].replicas, 6);
    assert_int_equal(s.map->n_tiles, 6);
    setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_it_there_is_one),
        cmocka_unit_test(the_budget_is_kept_and_used),
        cmocka_unit_test(seven_tiles_halve_the_longest),
        cmocka_unit_test(replicas_are_alike),
        cmocka_unit_test(rows_are_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

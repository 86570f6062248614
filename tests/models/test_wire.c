// Lines with resistance: the first-order formula against the whole network solved node by node.
#include "models/wire.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/models/support.h"

enum { MOST = 16, NODES = 2 * MOST * MOST };

// The network of an array: a node of the word line and one of the bit line at every cell. One
// right-hand side per driven row, 1 V each.
struct network {
    int rows, columns, n;
    double a[NODES][NODES + MOST];
};

static int word_node(const struct network *net, int row, int column)
{
    return row * net->columns + column;
}

static int bit_node(const struct network *net, int row, int column)
{
    return net->rows * net->columns + word_node(net, row, column);
}

static void join(struct network *net, int one, int other, double g_s)
{
    net->a[one][one] += g_s;
    net->a[other][other] += g_s;
    net->a[one][other] -= g_s;
    net->a[other][one] -= g_s;
}

static void build(struct network *net, const struct wire_array *array, const double *g_s)
{
    double wire_s = 1 / array->segment_ohm;
    *net = (struct network){
        .rows = array->rows, .columns = array->columns, .n = 2 * array->rows * array->columns};
    for (int i = 0; i < net->rows; i++)
        for (int j = 0; j < net->columns; j++) {
            int word = word_node(net, i, j), bit = bit_node(net, i, j);
            join(net, word, bit, g_s[i * net->columns + j]);
            if (j > 0)
                join(net, word_node(net, i, j - 1), word, wire_s);
            else
                net->a[word][word] += wire_s; // to the driver
            if (j == 0)
                net->a[word][net->n + i] = wire_s;
            if (i + 1 < net->rows)
                join(net, bit, bit_node(net, i + 1, j), wire_s);
            else
                net->a[bit][bit] += wire_s / (1 + array->rows_below); // to 0 V
        }
}

// Gauss-Jordan; the matrix is diagonally dominant and needs no pivots.
static void solve(struct network *net)
{
    int all = net->n + net->rows;
    for (int p = 0; p < net->n; p++) {
        for (int c = all - 1; c >= p; c--)
            net->a[p][c] /= net->a[p][p];
        for (int r = 0; r < net->n; r++) {
            double factor = net->a[r][p];
            for (int c = p; c < all && r != p && (factor > 0 || factor < 0); c++)
                net->a[r][c] -= factor * net->a[p][c];
        }
    }
}

// The largest error, in parts of a low-resistance cell, of what a column gains per volt on a row.
static double worst_error(struct network *net, const struct wire_array *array, const double *g_s)
{
    static double got_s[MOST * MOST];
    double end_s = 1 / array->segment_ohm / (1 + array->rows_below), worst = 0;
    build(net, array, g_s);
    solve(net);
    wire_effective(array, g_s, got_s);
    for (int i = 0; i < array->rows; i++)
        for (int j = 0; j < array->columns; j++) {
            double want = net->a[bit_node(net, array->rows - 1, j)][net->n + i] * end_s;
            worst = fmax(worst, fabs(got_s[i * array->columns + j] - want) * 3e3);
        }
    return worst;
}

static void fill(double *g_s, int n)
{
    uint32_t x = 5;
    for (int i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        g_s[i] = (0.001 + (x >> 8) % 1000 / 1000.0) / 3e3;
    }
}

static void the_error_falls_with_the_square(void **state)
{
    (void)state;
    static const struct wire_array sizes[] = {
        {4, 3, 0, 1}, {8, 8, 0, 0.25}, {8, 8, 24, 0.1}, {3, 16, 5, 0.1}, {16, 16, 0, 0.05}};
    struct network *net = malloc(sizeof *net);
    double g_s[MOST * MOST];
    fill(g_s, MOST * MOST);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        struct wire_array whole = sizes[k], half = sizes[k];
        half.segment_ohm /= 2;
        double error = worst_error(net, &whole, g_s), less = worst_error(net, &half, g_s);
        assert_true(error > 1e-9 && error < 1e-3); // first order is right, and not all there is
        assert_close(error / less, 4, 0.02);
    }
    free(net);
}

// A line of equal cells keeps 1 / cosh(x) of the voltage at its far end; 1 / (1 + x^2 / 2) is off
// by x^4 / 24. So near the formula must stay where a fifth is lost; 1 - x^2 / 2 is not.
static void large_drops_stay_near(void **state)
{
    (void)state;
    struct network *net = malloc(sizeof *net);
    double g_s[MOST * MOST], got_s[MOST * MOST], kept = 1;
    fill(g_s, MOST * MOST);
    struct wire_array array = {MOST, MOST, 0, 5};
    double error = worst_error(net, &array, g_s);
    wire_effective(&array, g_s, got_s);
    for (int i = 0; i < MOST * MOST; i++)
        kept = fmin(kept, got_s[i] / g_s[i]);
    double square = 2 * (1 / kept - 1);
    assert_true(kept < 0.8);
    assert_true(error < square * square / 24);
    free(net);
}

static void one_cell_is_three_resistors_in_line(void **state)
{
    (void)state;
    struct wire_array array = {1, 1, 4, 100};
    double g_s = 1 / 3e3, got_s;
    wire_effective(&array, &g_s, &got_s);
    assert_close(got_s, 1 / (3e3 + 100 + 5 * 100), 1e-12);
    array.segment_ohm = 0;
    wire_effective(&array, &g_s, &got_s);
    assert_true(got_s >= g_s && got_s <= g_s);
}

// The sums of the formula, written out.
static void the_formula_is_as_told(void **state)
{
    (void)state;
    struct wire_array a = {5, 7, 2, 20};
    double g_s[35], got_s[35];
    fill(g_s, 35);
    wire_effective(&a, g_s, got_s);
    for (int i = 0; i < a.rows; i++)
        for (int j = 0; j < a.columns; j++) {
            double drop = 0;
            for (int k = 0; k < a.columns; k++)
                drop += ((j < k ? j : k) + 1) * g_s[i * a.columns + k];
            for (int k = 0; k < a.rows; k++)
                drop += (a.rows + a.rows_below - (i > k ? i : k)) * g_s[k * a.columns + j];
            double g = g_s[i * a.columns + j];
            assert_close(got_s[i * a.columns + j], g / (1 + a.segment_ohm * drop), 1e-12);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_error_falls_with_the_square),
        cmocka_unit_test(large_drops_stay_near),
        cmocka_unit_test(one_cell_is_three_resistors_in_line),
        cmocka_unit_test(the_formula_is_as_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Is backward right? Nets against sums written out, finite differences and Adam by hand.
#include <stdlib.h>

#include "tests/close.h"
#include "tools/search/agents/search_rng.h"
#include "tools/search/agents/mlp.h"

enum { ROWS = 5, INPUTS = 7, OUTPUTS = 3 };

static struct mlp *create(bool sigmoid, uint32_t seed)
{
    struct search_rng chance = search_rng_begin(seed, CHANCE_WEIGHTS, 0);
    struct mlp_shape shape = {
        .layers = 3, .widths = {INPUTS, 40, 33, OUTPUTS}, .sigmoid = sigmoid, .batch = ROWS + 1};
    return mlp_create(&shape, &chance);
}

static void draw_rows(float *x, size_t n, uint32_t seed)
{
    struct search_rng chance = search_rng_begin(seed, CHANCE_LEARNING, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)search_rng_normal(&chance);
}

static double activate(double sum, bool last, bool sigmoid)
{
    if (!last)
        return sum > 0 ? sum : 0;
    return sigmoid ? 1 / (1 + exp(-sum)) : sum;
}

// The net in doubles, from its weights alone; the loss is the sum of dy * y.
static double loss(struct mlp *net, bool sigmoid, const double *x, const float *dy, double *y)
{
    static const int widths[] = {INPUTS, 40, 33, OUTPUTS};
    double in[64], out[64], sum = 0;
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < INPUTS; i++)
            in[i] = x[row * INPUTS + i];
        for (int l = 0; l < 3; l++) {
            for (int j = 0; j < widths[l + 1]; j++) {
                double v = (double)*mlp_weight(net, l, widths[l], j);
                for (int i = 0; i < widths[l]; i++)
                    v += in[i] * (double)*mlp_weight(net, l, i, j);
                out[j] = activate(v, l == 2, sigmoid);
            }
            for (int j = 0; j < widths[l + 1]; j++)
                in[j] = out[j];
        }
        for (int j = 0; j < OUTPUTS; j++) {
            sum += in[j] * (double)dy[row * OUTPUTS + j];
            if (y)
                y[row * OUTPUTS + j] = in[j];
        }
    }
    return sum;
}

static void near(double got, double want, double within)
{
    if (!(fabs(got - want) <= within))
        fail_msg("%.9g is not %.9g within %g", got, want, within);
}

static void expect_gradients(bool sigmoid)
{
    static const int widths[] = {INPUTS, 40, 33, OUTPUTS};
    struct mlp *net = create(sigmoid, 1);
    float x[ROWS * INPUTS], y[ROWS * OUTPUTS], dy[ROWS * OUTPUTS], dx[ROWS * INPUTS];
    double wide[ROWS * INPUTS], want[ROWS * OUTPUTS];
    draw_rows(x, ROWS * INPUTS, 2);
    draw_rows(dy, ROWS * OUTPUTS, 3);
    for (int i = 0; i < ROWS * INPUTS; i++)
        wide[i] = (double)x[i];
    loss(net, sigmoid, wide, dy, want);
    mlp_forward(net, x, ROWS, y);
    for (int i = 0; i < ROWS * OUTPUTS; i++)
        near((double)y[i], want[i], 1e-6);
    mlp_backward(net, dy, dx, true);
    const double h = 1e-6;
    for (int i = 0; i < ROWS * INPUTS; i++) {
        wide[i] += h;
        double up = loss(net, sigmoid, wide, dy, NULL);
        wide[i] -= 2 * h;
        double down = loss(net, sigmoid, wide, dy, NULL);
        wide[i] += h;
        near((double)dx[i], (up - down) / (2 * h), 1e-5);
    }
    const float step = 0x1p-18F; // of weights, which are floats
    for (int l = 0; l < 3; l++)
        for (int i = 0; i <= widths[l]; i += 3)
            for (int j = 0; j < widths[l + 1]; j += 2) {
                float *w = mlp_weight(net, l, i, j), kept = *w;
                *w = kept + step;
                double above = (double)*w, up = loss(net, sigmoid, wide, dy, NULL);
                *w = kept - step;
                double below = (double)*w, down = loss(net, sigmoid, wide, dy, NULL);
                *w = kept;
                near((double)mlp_gradient(net, l, i, j), (up - down) / (above - below), 2e-3);
            }
    mlp_destroy(net);
}

static void linear_gradients(void **state)
{
    (void)state;
    expect_gradients(false);
}

static void sigmoid_gradients(void **state)
{
    (void)state;
    expect_gradients(true);
}

// Algorithm 1 of the paper, for one weight.
static void adam_steps_by_hand(void **state)
{
    (void)state;
    struct mlp *net = create(false, 4);
    float x[INPUTS], y[OUTPUTS], dy[OUTPUTS];
    double m = 0, v = 0, w = (double)*mlp_weight(net, 2, 33, 1);
    draw_rows(x, INPUTS, 5);
    for (int t = 1; t <= 5; t++) {
        draw_rows(dy, OUTPUTS, (uint32_t)(5 + t));
        mlp_forward(net, x, 1, y);
        mlp_backward(net, dy, NULL, true);
        double g = (double)mlp_gradient(net, 2, 33, 1);
        mlp_step(net, 0.01);
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        w -= 0.01 * (m / (1 - pow(0.9, t))) / (sqrt(v / (1 - pow(0.999, t))) + 1e-8);
        near((double)*mlp_weight(net, 2, 33, 1), w, 1e-6);
    }
    assert_true(v > 0);
    mlp_destroy(net);
}

static void followers_close_up(void **state)
{
    (void)state;
    struct mlp *leader = create(false, 6), *net = create(false, 7);
    double a = (double)*mlp_weight(net, 0, 1, 1), b = (double)*mlp_weight(leader, 0, 1, 1);
    mlp_follow(net, leader, 0.25F);
    near((double)*mlp_weight(net, 0, 1, 1), a + 0.25 * (b - a), 1e-7);
    struct mlp *clone = mlp_clone(leader);
    assert_true(*mlp_weight(clone, 2, 3, 0) == *mlp_weight(leader, 2, 3, 0));
    mlp_destroy(leader);
    mlp_destroy(net);
    mlp_destroy(clone);
}

// Three rows more or less change nothing for a row.
static void rows_stand_alone(void **state)
{
    (void)state;
    struct mlp *net = create(true, 8);
    float x[ROWS * INPUTS], all[ROWS * OUTPUTS], one[OUTPUTS];
    draw_rows(x, ROWS * INPUTS, 9);
    mlp_forward(net, x, ROWS, all);
    for (int row = 0; row < ROWS; row++) {
        mlp_forward(net, x + row * INPUTS, 1, one);
        assert_memory_equal(one, all + row * OUTPUTS, sizeof one);
    }
    mlp_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_gradients),   cmocka_unit_test(sigmoid_gradients),
        cmocka_unit_test(adam_steps_by_hand), cmocka_unit_test(followers_close_up),
        cmocka_unit_test(rows_stand_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

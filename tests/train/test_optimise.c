// Do the steps follow the formulas? Numbers worked out by hand, digit by digit.
#include "tests/close.h"

#include <string.h>

#include "nets/train/optimise.h"
#include "nets/train/tensors.h"
#include "base/mem.h"

enum { N = 2 };

// A weight tensor, and running statistics that nothing may touch.
struct fixture {
    float w[N], g[N], mean[1], mean_g[1];
    struct tensor params[2], grads[2];
    struct tensors p, d;
};

static void setup(struct fixture *f, float w0, float w1)
{
    *f = (struct fixture){.w = {w0, w1}, .mean = {3}, .mean_g = {100}};
    f->params[0] = (struct tensor){TENSOR_WEIGHT, N, f->w};
    f->grads[0] = (struct tensor){TENSOR_WEIGHT, N, f->g};
    f->params[1] = (struct tensor){TENSOR_MEAN, 1, f->mean};
    f->grads[1] = (struct tensor){TENSOR_MEAN, 1, f->mean_g};
    f->p = (struct tensors){2, f->params, N + 1};
    f->d = (struct tensors){2, f->grads, N + 1};
}

struct expected {
    float g[N]; // of the step
    double w[N];
};

static void follow(const struct optimiser *o, double rate, const struct expected *steps, int n)
{
    struct fixture f;
    setup(&f, 1, -2);
    struct arena *mem = arena_create();
    struct optimiser_state state = optimiser_state(o, &f.p, mem);
    assert_int_equal(state.n, N);
    for (int k = 0; k < n; k++) {
        memcpy(f.g, steps[k].g, sizeof f.g);
        optimiser_step(o, rate, (uint64_t)k, &f.p, &f.d, &state);
        for (int i = 0; i < N; i++)
            assert_close((double)f.w[i], steps[k].w[i], 1e-6);
    }
    assert_true(f.mean[0] == 3);
    arena_destroy(mem);
}

// w <- w - 0.1 (g + 0.5 w)
static void plain_steps(void **state)
{
    (void)state;
    struct optimiser o = {.kind = OPTIMISER_SGD, .weight_decay = 0.5};
    static const struct expected steps[] = {
        {{2, 1}, {1 - 0.1 * 2.5, -2 - 0.1 * 0}},
        {{0, 0}, {0.75 - 0.1 * 0.375, -2 + 0.1 * 1}},
    };
    follow(&o, 0.1, steps, 2);
}

// v <- 0.9 v + g, w <- w - 0.1 v
static void momentum_steps(void **state)
{
    (void)state;
    struct optimiser o = {.kind = OPTIMISER_SGD, .momentum = 0.9};
    static const struct expected steps[] = {
        {{2, 1}, {0.8, -2.1}},                   // v = 2, 1
        {{1, -1}, {0.8 - 0.28, -2.1 + 0.01}},    // v = 2.8, -0.1
        {{0, 0}, {0.52 - 0.252, -2.09 + 0.009}}, // v = 2.52, -0.09
    };
    follow(&o, 0.1, steps, 3);
}

// v <- 0.9 v + g, w <- w - 0.1 (g + 0.9 v)
static void nesterov_steps(void **state)
{
    (void)state;
    struct optimiser o = {.kind = OPTIMISER_SGD, .momentum = 0.9, .nesterov = true};
    static const struct expected steps[] = {
        {{2, 1}, {1 - 0.38, -2 - 0.19}},          // 2 + 1.8, 1 + 0.9
        {{1, -1}, {0.62 - 0.352, -2.19 + 0.109}}, // 1 + 2.52, -1 - 0.09
    };
    follow(&o, 0.1, steps, 2);
}

// With beta1 = 0.5 and beta2 = 0.75: m = 1, v = 1 of g = 2, corrected 2 and 4: a step of rate * 1;
// then g = 0: m = 0.5, v = 0.75, corrected 0.5 / 0.75 and 0.75 / 0.4375.
static void adam_steps(void **state)
{
    (void)state;
    struct optimiser o = {.kind = OPTIMISER_ADAM, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 1e-12};
    double second = 0.1 * (0.5 / 0.75) / sqrt(0.75 / 0.4375);
    const struct expected steps[] = {
        {{2, -2}, {0.9, -1.9}},
        {{0, 0}, {0.9 - second, -1.9 + second}},
    };
    follow(&o, 0.1, steps, 2);
}

// The first step has the size of the rate whatever the gradient; the decay changes its sign alone
// (adam), or shrinks the weight besides (adamw).
static void decays_of_adam(void **state)
{
    (void)state;
    struct optimiser o = {.kind = OPTIMISER_ADAM,
                          .beta1 = 0.9,
                          .beta2 = 0.999,
                          .epsilon = 1e-12,
                          .weight_decay = 0.5};
    static const struct expected coupled[] = {{{-0.25F, 0.25F}, {1 - 0.1, -2 + 0.1}}};
    static const struct expected apart[] = {{{-0.25F, 0.25F}, {0.95 + 0.1, -1.9 - 0.1}}};
    follow(&o, 0.1, coupled, 1);
    o.kind = OPTIMISER_ADAMW;
    follow(&o, 0.1, apart, 1);
}

// d/dw 0.5 (|w| - 0.25)^2 = sign(w) (|w| - 0.25)
static void two_sides(void **state)
{
    (void)state;
    struct two_side two = {.w0 = 0.25, .strength = 0.5};
    static const float w[][N] = {{1, -1}, {0.125F, -0.125F}, {0.25F, -0.25F}, {0, -0.5F}};
    static const double g[][N] = {{0.75, -0.75}, {-0.125, 0.125}, {0, 0}, {-0.25, -0.25}};
    for (size_t k = 0; k < sizeof w / sizeof *w; k++) {
        struct fixture f;
        setup(&f, w[k][0], w[k][1]);
        f.g[0] = f.g[1] = 8;
        two_side_add(&two, &f.p, &f.d);
        for (int i = 0; i < N; i++)
            assert_true((double)f.g[i] == 8 + g[k][i]);
        f.params[0].kind = TENSOR_GAMMA; // not conv or linear weights
        two_side_add(&two, &f.p, &f.d);
        assert_true((double)f.g[0] == 8 + g[k][0]);
    }
}

static void clips_by_norm(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 0, 0);
    f.g[0] = 3;
    f.g[1] = -4;
    assert_close(clip_gradients(&f.d, 6), 5, 1e-12);
    assert_true(f.g[0] == 3 && f.g[1] == -4);
    assert_close(clip_gradients(&f.d, 1), 5, 1e-12);
    assert_close((double)f.g[0], 0.6, 1e-6);
    assert_close((double)f.g[1], -0.8, 1e-6);
    assert_true(f.mean_g[0] == 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_steps),    cmocka_unit_test(momentum_steps),
        cmocka_unit_test(nesterov_steps), cmocka_unit_test(adam_steps),
        cmocka_unit_test(decays_of_adam), cmocka_unit_test(two_sides),
        cmocka_unit_test(clips_by_norm),
    };
    return cmocka_run_group_tests_name("optimisers", tests, NULL, NULL);
}

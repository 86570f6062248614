#include "nets/train/slim_draw.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/train/slim.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"

// A morphed layer's ratio is the one before times, at most, this or its inverse: enough to move by
// a step of 4 channels from 16 on. HAWIS does not say how far.
#define MORPH 1.25

static const char *const sample_names[] = {"sandwich", "hawis", "uniform", NULL};

#define AT(member) .offset = offsetof(struct slim_plan, member)
const struct conf_field slim_fields[] = {
    {"least", CONF_NUM, AT(least), .min = 0.001, .max = 1000, .fallback = "1",
     .help = "the smallest sub-net's ratio to the net's own widths"},
    {"most", CONF_NUM, AT(most), .min = 0.001, .max = 1000,
     .help = "the widest's: that of the job, width: 4x with most: 4"},
    {"step", CONF_INT, AT(step), .min = 1, .max = 4096, .fallback = "4",
     .help = "widths are multiples of it"},
    {"sample", CONF_ENUM, AT(sample), .names = sample_names, .fallback = "sandwich",
     .help = "sandwich: widest, smallest, others by chance, layer by layer; hawis: widest, one "
             "ratio for all layers, layer by layer, then each morphed from the one before; "
             "uniform: one ratio for all layers"},
    {"sub_nets", CONF_INT, AT(sub_nets), .min = 1, .max = 64, .fallback = "4",
     .help = "of a step, their gradients summed"},
    {"distill", CONF_BOOL, AT(distill), .fallback = "false",
     .help = "of sandwich: all others learn from what the widest says instead of the labels"},
    {"period", CONF_INT, AT(period), .min = 1, .max = INT_MAX, .word = "epoch", .fallback = "10",
     .help = "steps with the same sub-nets; new ones take time to set up"},
    {"bn_batches", CONF_INT, AT(bn_batches), .min = 1, .max = 1000000, .fallback = "5",
     .help = "batches that batch-norm is estimated from for each sub-net"},
    {0},
};
#undef AT

// Of a layer at a ratio.
static int width_at(const struct slim_space *s, size_t layer, double ratio)
{
    double steps = round(s->base[layer] * ratio / s->step);
    double width = steps * s->step;
    width = fmax(width, s->low[layer]);
    return (int)fmin(width, s->high[layer]);
}

static bool check_width(const struct slim_plan *plan, const struct net *wide, struct err *err)
{
    char *end;
    double ratio = strtod(wide->width, &end);
    if (!(plan->least <= plan->most))
        return err_set(err, "supernet.least %g is above supernet.most %g; make it smaller",
                       plan->least, plan->most);
    return strcmp(end, "x") != 0 || fabs(ratio - plan->most) < 1e-9 ||
           err_set(err,
                   "net '%s' is at width %s and supernet.most is %g; they say the same, the "
                   "widest net: set width: %gx",
                   wide->name, wide->width, plan->most, plan->most);
}

bool slim_space(const struct slim_plan *plan, const struct net *wide, struct arena *mem,
                struct slim_space *out, struct err *err)
{
    struct slim_space s = {slim_layers(wide), plan->least, plan->most, plan->step, 0};
    if (!check_width(plan, wide, err) || !slim_check(wide, err))
        return false;
    if (s.n == 0)
        return err_set(err, "net '%s' has no layer whose width can be chosen; take another net",
                       wide->name);
    s.low = arena_alloc(mem, s.n, sizeof *s.low);
    s.high = arena_alloc(mem, s.n, sizeof *s.high);
    s.base = arena_alloc(mem, s.n, sizeof *s.base);
    slim_widths(wide, s.high);
    for (size_t i = 0; i < s.n; i++) {
        s.base[i] = s.high[i] / plan->most;
        s.low[i] = s.high[i] < s.step ? s.high[i] : s.step;
        s.low[i] = width_at(&s, i, plan->least);
    }
    *out = s;
    return true;
}

// Between 0 and 1; `layer` -1: for all layers.
static double chance(uint64_t seed, uint64_t turn, int sub_net, int layer)
{
    uint32_t counter[4] = {(uint32_t)turn, (uint32_t)(turn >> 32), (uint32_t)sub_net,
                           (uint32_t)(layer + 1)};
    return (double)(rng_counter(seed, RNG_SLIM, counter) >> 11) * 0x1p-53;
}

static double ratio_at(const struct slim_space *s, double u)
{
    return s->least * pow(s->most / s->least, u);
}

static void draw_uniform(const struct slim_space *s, uint64_t seed, uint64_t turn, int sub_net,
                         int *widths)
{
    double ratio = ratio_at(s, chance(seed, turn, sub_net, -1));
    for (size_t i = 0; i < s->n; i++)
        widths[i] = width_at(s, i, ratio);
}

static void draw_layers(const struct slim_space *s, uint64_t seed, uint64_t turn, int sub_net,
                        int *widths)
{
    for (size_t i = 0; i < s->n; i++)
        widths[i] = width_at(s, i, ratio_at(s, chance(seed, turn, sub_net, (int)i)));
}

// From the sub-net before.
static void morph(const struct slim_space *s, uint64_t seed, uint64_t turn, int sub_net,
                  int *widths)
{
    const int *before = widths - s->n;
    for (size_t i = 0; i < s->n; i++) {
        double u = 2 * chance(seed, turn, sub_net, (int)i) - 1;
        widths[i] = width_at(s, i, before[i] / s->base[i] * pow(MORPH, u));
    }
}

void slim_draw(const struct slim_space *s, const struct slim_plan *plan, uint64_t seed,
               uint64_t turn, const int *candidate, int *widths)
{
    for (int k = 0; k < plan->sub_nets; k++, widths += s->n) {
        bool sandwich = plan->sample == SLIM_SANDWICH, hawis = plan->sample == SLIM_HAWIS;
        if (k == 0 && hawis && candidate)
            memcpy(widths, candidate, s->n * sizeof *widths);
        else if (k == 0 && (hawis || sandwich))
            memcpy(widths, s->high, s->n * sizeof *widths);
        else if (k == 1 && sandwich)
            memcpy(widths, s->low, s->n * sizeof *widths);
        else if (plan->sample == SLIM_UNIFORM || (k == 1 && hawis))
            draw_uniform(s, seed, turn, k, widths);
        else if (k == 2 || sandwich)
            draw_layers(s, seed, turn, k, widths);
        else
            morph(s, seed, turn, k, widths);
    }
}

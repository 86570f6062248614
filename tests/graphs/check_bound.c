// The integer net of 12 bits and more against floating point. The bound is what rounding to steps
// explains: half a step of every map and half a step of every weight, carried through the layers by
// absolute weights (plain.c).
#include "tests/graphs/trial.h"

#include <math.h>

#include "nets/int_net.h"
#include "nets/net.h"

enum { FINE_BITS = 12 };

static enum outcome compare(const struct trial *trial, const struct plain *bound, size_t image,
                            const int64_t *logits, double unit, struct report *report)
{
    const struct graph *flat = &trial->flat;
    int last = flat->n - 1;
    size_t n = node_size(&flat->nodes[last]);
    for (size_t k = 0; k < n; k++) {
        double got = (double)logits[k] / unit, want = bound->value[last][k];
        double allowed = bound->error[last][k] + 1e-4, off = fabs(got - want);
        if (!(off <= allowed))
            return differs(report, "logit %zu of image %zu is %.9g, in floating point %.9g +- %.3g",
                           k, image, got, want, allowed);
        report->integer_share = fmax(report->integer_share, off / allowed);
    }
    return SAME;
}

static double unit_of_logits(const struct trial *trial)
{
    const struct int_net *net = trial->integer;
    int last = trial->layer[trial->flat.n - 1];
    const struct layer *l = &trial->net->layers[last];
    if (l->kind == LAYER_POOL)
        return 1 / net->scale[last];
    if (l->kind == LAYER_ADD && net->layers[l->input[0]].add == last)
        return net->layers[l->input[0]].unit;
    return net->layers[last].unit;
}

enum outcome check_bound(const struct trial *trial, struct report *report)
{
    const struct graph *flat = &trial->flat;
    int normal = flat->int16 ? 16 : 8;
    int weight_bits = flat->weight_bits ? flat->weight_bits : normal;
    int activation_bits = flat->activation_bits ? flat->activation_bits : normal;
    if (flat->binary || weight_bits < FINE_BITS || activation_bits < FINE_BITS)
        return SAME;
    double step[GRAPH_NODES] = {0}, range[GRAPH_NODES] = {0};
    for (int i = 0; i < flat->n; i++) { // with a sign, which takes one bit
        range[i] = 0;                   // of all that share its steps
        for (int j = 0; j < flat->n; j++)
            if (graph_format(flat, j) == graph_format(flat, i))
                range[i] = fmax(range[i], trial->ranges[trial->layer[j]]);
        step[i] = range[i] / (ldexp(1, activation_bits - 1) - 1);
    }
    int own = flat->raw_bits - graph_signed(flat, 0);
    step[0] = flat->encoder == GRAPH_RAW ? range[0] / (ldexp(1, own < 1 ? 1 : own) - 1) : 0;
    const struct losses losses = {
        .unit = 0x1p-24, .step = step, .range = range, .weight_bits = weight_bits};
    struct plain bound;
    plain_create(flat, &bound);
    struct int_net copy = *trial->integer;
    struct int_net_run *run = int_net_run_create(trial->integer);
    enum outcome outcome = SAME;
    for (size_t k = 0; k < TRIAL_IMAGES && outcome == SAME; k++) {
        const uint8_t *image = dataset_image(&trial->images, k);
        plain_run(flat, image, &losses, &bound);
        const int64_t *logits = int_net_run_image(run, image, int_net_matrix_reference, &copy);
        outcome = compare(trial, &bound, k, logits, unit_of_logits(trial), report);
    }
    int_net_run_destroy(run);
    plain_destroy(flat, &bound);
    return outcome;
}

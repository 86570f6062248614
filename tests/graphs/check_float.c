// Sizes of all layers; the float reference against the plain evaluation, map by map.
#include "tests/graphs/trial.h"

#include <math.h>
#include <string.h>

#include "nets/float_net.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "sim/crossbar/evaluate.h"

enum outcome check_shapes(const struct trial *trial, struct report *report)
{
    const struct graph *flat = &trial->flat;
    for (int i = 0; i < flat->n; i++) {
        const struct node *node = &flat->nodes[i];
        const struct layer *l = &trial->net->layers[trial->layer[i]];
        if (l->out_c != node->c || l->out_h != node->h || l->out_w != node->w)
            return differs(report, "%s: a map of %d x %d x %d, not %d x %d x %d", l->name, l->out_c,
                           l->out_h, l->out_w, node->c, node->h, node->w);
        if (i && (uint64_t)l->weights != graph_weights(flat, i))
            return differs(report, "%s: %lld weights, not %zu", l->name, (long long)l->weights,
                           graph_weights(flat, i));
    }
    return SAME;
}

static enum outcome compare_maps(const struct trial *trial, const struct float_net *forward,
                                 const int *layer, size_t image, struct report *report)
{
    const struct graph *flat = &trial->flat;
    const struct plain *plain = &trial->plain[image];
    for (int i = 0; i < flat->n; i++) {
        const float *map = float_net_map(forward, layer[i]);
        size_t n = node_size(&flat->nodes[i]);
        for (size_t k = 0; k < n; k++) {
            double off = fabs((double)map[k] - plain->value[i][k]), bound = plain->error[i][k];
            if (!(off <= bound)) {
                char name[GRAPH_NAME];
                return differs(report, "%s[%zu] of image %zu is %.9g, not %.9g +- %.3g",
                               graph_name(&flat->nodes[i], name), k, image, (double)map[k],
                               plain->value[i][k], bound);
            }
            report->float_share = fmax(report->float_share, bound > 0 ? off / bound : 0);
        }
    }
    return SAME;
}

static enum outcome compare_net(const struct trial *trial, const struct net *net,
                                const struct weights *weights, const int *layer,
                                struct report *report)
{
    struct float_net *forward = float_net_create(net, weights);
    enum outcome outcome = SAME;
    for (size_t k = 0; k < TRIAL_IMAGES && outcome == SAME; k++) {
        float_net_run(forward, dataset_image(&trial->images, k));
        outcome = compare_maps(trial, forward, layer, k, report);
    }
    float_net_destroy(forward);
    return outcome;
}

// Largest values of the maps, as ranges for the integer net; of the image, what pixels can be.
static enum outcome compare_ranges(const struct trial *trial, struct report *report)
{
    double ranges[GRAPH_NODES];
    evaluate_ranges(trial->net, trial->weights, &trial->images, TRIAL_IMAGES, ranges);
    for (int i = 1; i < trial->flat.n; i++) {
        double error = 0, most = 0;
        size_t n = node_size(&trial->flat.nodes[i]);
        for (int k = 0; k < TRIAL_IMAGES; k++)
            for (size_t j = 0; j < n; j++) {
                most = fmax(most, fabs(trial->plain[k].value[i][j]));
                error = fmax(error, trial->plain[k].error[i][j]);
            }
        if (fabs(ranges[trial->layer[i]] - most) > error)
            return differs(report, "%s: a range of %.9g, not %.9g",
                           trial->net->layers[trial->layer[i]].name, ranges[trial->layer[i]], most);
    }
    return SAME;
}

// In the net's own form, and in the form float where that is the same function.
enum outcome check_float(const struct trial *trial, struct report *report)
{
    enum outcome outcome = compare_net(trial, trial->net, trial->weights, trial->layer, report);
    if (outcome != SAME || trial->graph->binary)
        return outcome;
    struct graph plain = *trial->graph;
    plain.weight_bits = plain.activation_bits = 0;
    struct net *net = trial_net(&plain, ~plain.seed, "float", report);
    if (!net)
        return DIFFERENT;
    int layer[GRAPH_NODES];
    struct weights *weights = trial_weights(&trial->flat, net, layer, report);
    outcome = weights ? compare_net(trial, net, weights, layer, report) : DIFFERENT;
    weights_destroy(weights);
    net_destroy(net);
    return outcome == SAME ? compare_ranges(trial, report) : outcome;
}

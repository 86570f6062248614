// The same layers listed in other orders give the same logits, bit for bit.
#include "tests/graphs/trial.h"

#include <string.h>

#include "nets/float_net.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"

enum { ORDERS = 3 };

static enum outcome compare_logits(const struct trial *trial, const struct net *net,
                                   const struct weights *weights, const struct int_net *integer,
                                   struct report *report)
{
    size_t classes = (size_t)net->classes;
    struct int_net copies[2] = {*trial->integer, *integer};
    struct int_net_run *runs[2] = {int_net_run_create(trial->integer), int_net_run_create(integer)};
    struct float_net *forwards[2] = {float_net_create(trial->net, trial->weights),
                                     float_net_create(net, weights)};
    enum outcome outcome = SAME;
    for (size_t k = 0; k < TRIAL_IMAGES && outcome == SAME; k++) {
        const int64_t *v[2];
        const float *f[2];
        for (int i = 0; i < 2; i++) {
            const uint8_t *image = dataset_image(&trial->images, k);
            v[i] = int_net_run_image(runs[i], image, int_net_matrix_reference, &copies[i]);
            f[i] = float_net_run(forwards[i], image);
        }
        if (memcmp(v[0], v[1], classes * sizeof **v) != 0)
            outcome = differs(report, "other integer logits of image %zu", k);
        else if (memcmp(f[0], f[1], classes * sizeof **f) != 0)
            outcome = differs(report, "other logits of image %zu in floating point", k);
    }
    for (int i = 0; i < 2; i++) {
        int_net_run_destroy(runs[i]);
        float_net_destroy(forwards[i]);
    }
    return outcome;
}

static enum outcome check_order(const struct trial *trial, uint64_t seed, struct report *report)
{
    struct graph graph, flat;
    graph_reorder(trial->graph, seed, &graph);
    graph_flatten(&graph, &flat);
    graph_fill(&flat);
    int layer[GRAPH_NODES];
    double ranges[GRAPH_NODES];
    struct err err = {0};
    struct net *net = trial_net(&graph, seed, NULL, report);
    struct weights *weights = net ? trial_weights(&flat, net, layer, report) : NULL;
    struct int_net *integer = NULL;
    for (int i = 0; i < flat.n && weights; i++)
        for (int j = 0; j < flat.n; j++)
            if (trial->flat.nodes[j].id == flat.nodes[i].id)
                ranges[layer[i]] = trial->ranges[trial->layer[j]];
    if (weights)
        integer = int_net_create(net, weights, graph.binary ? NULL : ranges, &err);
    enum outcome outcome = weights ? differs(report, "refused: %s", err.text) : DIFFERENT;
    if (integer)
        outcome = compare_logits(trial, net, weights, integer, report);
    if (outcome == DIFFERENT) {
        char text[GRAPH_TEXT], why[sizeof report->text];
        memcpy(why, report->text, sizeof why);
        graph_text(&graph, seed, text);
        differs(report, "%.200s, in the order\n%.600s", why, strstr(text, "layers:"));
    }
    int_net_destroy(integer);
    weights_destroy(weights);
    net_destroy(net);
    graph_free_values(&flat);
    return outcome;
}

enum outcome check_orders(const struct trial *trial, struct report *report)
{
    enum outcome outcome = SAME;
    for (uint64_t i = 1; i <= ORDERS && outcome == SAME; i++)
        outcome = check_order(trial, trial->graph->seed * 1000 + i, report);
    return outcome;
}

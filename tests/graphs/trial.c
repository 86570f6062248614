#include "tests/graphs/trial.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/conf/conf.h"

enum outcome differs(struct report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(report->text, sizeof report->text, format, args);
    va_end(args);
    return DIFFERENT;
}

struct net *trial_net(const struct graph *graph, uint64_t style, const char *form,
                      struct report *report)
{
    char text[GRAPH_TEXT];
    struct err err = {0};
    struct net *net = NULL;
    struct net_options options = {0};
    graph_text(graph, style, text);
    for (int f = 0; form && net_form_names[f]; f++)
        if (strcmp(form, net_form_names[f]) == 0) {
            options.has_form = true;
            options.form = (enum net_form)f;
        }
    struct conf *conf = conf_parse("graph", text, strlen(text), &err);
    if (!conf || !net_load(conf, &options, &net, &err))
        snprintf(report->text, sizeof report->text, "%s", err.text);
    conf_close(conf);
    return net;
}

static int find_layer(const struct net *net, const char *name)
{
    for (size_t i = 0; i < net->n; i++)
        if (strcmp(net->layers[i].name, name) == 0)
            return (int)i;
    return -1;
}

// False if one has the values and the other has not.
static bool copy(float *to, const float *from, size_t n)
{
    if (!to != !from)
        return false;
    if (to)
        memcpy(to, from, n * sizeof *to);
    return true;
}

static bool copy_values(const struct graph *flat, int i, struct arena *mem,
                        struct layer_weights *to)
{
    const struct node_values *v = &flat->values[i];
    size_t n = (size_t)flat->nodes[i].c;
    if (v->scale) // which weights may lack
        to->scale = arena_alloc(mem, n, sizeof *to->scale);
    to->bn_eps = flat->bn_eps;
    return copy(to->w, v->w, graph_weights(flat, i)) && copy(to->scale, v->scale, n) &&
           copy(to->bias, v->bias, n) && copy(to->gamma, v->gamma, n) &&
           copy(to->beta, v->beta, n) && copy(to->mean, v->mean, n) && copy(to->var, v->var, n);
}

struct weights *trial_weights(const struct graph *flat, const struct net *net, int *layer,
                              struct report *report)
{
    struct weights *weights = weights_create(net);
    char name[GRAPH_NAME];
    bool ok = net->n == (size_t)flat->n;
    if (!ok)
        differs(report, "%zu layers, not %d", net->n, flat->n);
    for (int i = 0; i < flat->n && ok; i++) {
        layer[i] = find_layer(net, graph_name(&flat->nodes[i], name));
        ok = layer[i] >= 0 &&
             (i == 0 || copy_values(flat, i, weights->mem, &weights->layers[layer[i]]));
        if (!ok)
            differs(report, "%s: has other values", name);
    }
    if (ok)
        return weights;
    weights_destroy(weights);
    return NULL;
}

// --- Trials ---

static void make_images(struct trial *trial)
{
    const struct node *in = &trial->graph->nodes[0];
    int planes = graph_planes(trial->graph);
    size_t bytes = node_size(in) / (size_t)planes;
    trial->pixels = mem_alloc(TRIAL_IMAGES, bytes);
    graph_images(trial->graph, TRIAL_IMAGES, bytes, trial->pixels);
    trial->images = (struct dataset){.name = "random",
                                     .channels = in->c / planes,
                                     .height = in->h,
                                     .width = in->w,
                                     .n = TRIAL_IMAGES,
                                     .images = trial->pixels};
}

// Ranges of the maps over all images: of those that have a sign, of absolute values.
static void find_ranges(struct trial *trial)
{
    const struct graph *flat = &trial->flat;
    for (int i = 0; i < flat->n; i++) {
        size_t n = node_size(&flat->nodes[i]);
        double most = 0;
        for (int k = 0; k < TRIAL_IMAGES; k++)
            for (size_t j = 0; j < n; j++)
                most = fmax(most, fabs(trial->plain[k].value[i][j]));
        trial->ranges[trial->layer[i]] = most;
    }
}

enum outcome trial_init(struct trial *trial, const struct graph *graph, struct report *report)
{
    memset(trial, 0, sizeof *trial);
    trial->graph = graph;
    graph_flatten(graph, &trial->flat);
    graph_fill(&trial->flat);
    make_images(trial);
    for (int k = 0; k < TRIAL_IMAGES; k++) {
        plain_create(&trial->flat, &trial->plain[k]);
        plain_run(&trial->flat, dataset_image(&trial->images, (size_t)k), &float_losses,
                  &trial->plain[k]);
    }
    report->property = "net file";
    trial->net = trial_net(graph, graph->seed, NULL, report);
    if (!trial->net)
        return REFUSED;
    trial->weights = trial_weights(&trial->flat, trial->net, trial->layer, report);
    if (!trial->weights)
        return DIFFERENT;
    find_ranges(trial);
    struct err err = {0};
    trial->integer =
        int_net_create(trial->net, trial->weights, graph->binary ? NULL : trial->ranges, &err);
    if (trial->integer)
        return SAME;
    report->property = "integer net";
    snprintf(report->text, sizeof report->text, "%s", err.text);
    return REFUSED;
}

void trial_fini(struct trial *trial)
{
    for (int k = 0; k < TRIAL_IMAGES; k++)
        plain_destroy(&trial->flat, &trial->plain[k]);
    int_net_destroy(trial->integer);
    weights_destroy(trial->weights);
    net_destroy(trial->net);
    free(trial->pixels);
    graph_free_values(&trial->flat);
}

enum outcome check_graph(const struct graph *graph, struct report *report)
{
    static const struct {
        const char *name;
        property_check *check;
    } properties[] = {
        {"shapes", check_shapes},          {"float net", check_float},
        {"integer steps", check_steps},    {"integer and float", check_bound},
        {"order of layers", check_orders}, {"jobs", check_jobs},
        {"arrays", check_arrays},
    };
    struct trial trial;
    enum outcome outcome = trial_init(&trial, graph, report);
    bool net = trial.weights != NULL;
    for (size_t i = 0; i < sizeof properties / sizeof *properties && net; i++) {
        if (outcome == DIFFERENT || (outcome == REFUSED && i > 1))
            break; // a refused integer net still has its float reference
        const char *refused = report->property;
        report->property = properties[i].name;
        enum outcome next = properties[i].check(&trial, report);
        outcome = next == SAME ? outcome : next;
        if (outcome == REFUSED)
            report->property = refused;
    }
    trial_fini(&trial);
    return outcome;
}

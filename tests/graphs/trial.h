// One random graph in the hands of the program: its net, weights, images and integer net.
#pragma once
#include "tests/graphs/plain.h"
#include "workloads/dataset.h"

struct evaluation;
struct int_net;
struct mapping;
struct net;
struct weights;

enum { TRIAL_IMAGES = 8 };

enum outcome {
    SAME,
    REFUSED,   // the program said no, with a reason; nothing to compare
    DIFFERENT, // from what it should be
};

struct report {
    const char *property; // that was checked last
    char text[900];       // of the first difference, or the refusal
    // Largest share of a bound that was used; what was compared.
    double float_share, integer_share;
    int64_t chips, refused_chips;
    char chip_refusal[600]; // the latest
};

struct trial {
    const struct graph *graph; // as generated
    struct graph flat;         // with values
    int layer[GRAPH_NODES];    // of the net, of each node of flat
    uint8_t *pixels;
    struct dataset images;
    struct net *net;
    struct weights *weights;
    double ranges[GRAPH_NODES]; // per layer of the net, for int_net_create()
    struct int_net *integer;    // NULL: refused
    struct plain plain[TRIAL_IMAGES];
};

// REFUSED if the net file or its integer form is refused; then only what stands is set. Call
// trial_fini() in any case.
enum outcome trial_init(struct trial *trial, const struct graph *graph, struct report *report);
void trial_fini(struct trial *trial);

// The net of a graph, read from its text; NULL and a report where it is refused.
struct net *trial_net(const struct graph *graph, uint64_t style, const char *form,
                      struct report *report);
// Weights of a net with the values of flat, found by name; NULL and a report where the net lacks a
// layer or a value. layer: of each node.
struct weights *trial_weights(const struct graph *flat, const struct net *net, int *layer,
                              struct report *report);
// Writes the sentence; always DIFFERENT.
enum outcome differs(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// --- Properties ---

typedef enum outcome property_check(const struct trial *trial, struct report *report);
property_check check_shapes, check_float, check_steps, check_bound, check_orders, check_arrays,
    check_jobs;

// Whether evaluate() finds these classes for 1, 2 and 7 jobs.
enum outcome compare_classes(const struct evaluation *what, const int32_t *want,
                             struct report *report);

// All of them, for one graph.
enum outcome check_graph(const struct graph *graph, struct report *report);
// A smaller graph that fails with the same property.
void shrink_graph(const struct graph *graph, const struct report *report, struct graph *out);

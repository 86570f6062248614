// Search space: maps a vector of decisions in [0, 1] to layer widths and chip settings. Decisions:
// one per scalable layer of the net, in its order, then one per knob.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/conf/conf.h"
#include "tools/search/agents/agent.h"

struct arena;
struct chip;
struct err;
struct net;

enum { MOST_DECISIONS = 512, SPACE_MOST_KNOBS = 16 };

// As read from the job.
struct space_bound {
    const char *layer;
    double least, most;
    bool has_least, has_most;
};
struct space_knob {
    const char *path; // a key of the chip
    const struct conf_node *list;
};
enum space_fit { FIT_NONE, FIT_CROSSBAR };
struct space_params {
    double least, most; // expansion ratios of every layer
    int step;           // d: channels
    int fit;
    struct conf_list layers; // of struct space_bound
    struct conf_list knobs;  // of struct space_knob
};
extern const struct conf_field space_fields[];

struct space_layer {
    const char *name;
    int layer;          // in the net
    int base;           // channels at ratio 1
    double least, most; // ratios
    int step;           // channels
    int low, high;      // channels, multiples of step
};
struct space_choice {
    const char *path;
    size_t n;
    const char *const *values; // in the syntax of --set
};

struct space {
    const struct net *net;       // at ratio 1; borrowed
    size_t n_layers, n_knobs, n; // n: decisions
    struct space_layer *layers;
    struct space_choice *knobs;
    double (
        *features)[AGENT_STATE]; // per decision, the part that is independent of other decisions
    struct arena *mem;
};

// `net` is the net at ratio 1; `chip` gives the crossbar size. Errors point to nodes at or below
// `at`.
bool space_create(const struct space_params *params, const struct conf_node *at,
                  const struct net *net, const struct chip *chip, struct space **out,
                  struct err *err);
void space_destroy(struct space *space); // NULL is fine

// Converts a vector to widths (n_layers) and, per knob, the index of its value. Equations 7 and 8
// of HAWIS, clamped to the bounds.
void space_decode(const struct space *space, const double *x, int *widths, size_t *choices);
// The inverse: the centre of all vectors that decode to these values. Widths outside the bounds are
// clamped.
void space_encode(const struct space *space, const int *widths, const size_t *choices, double *x);

// Callbacks of struct problem, with the space as context. The state is HAWIS's Eq. 6: layer and
// block, input and output channels, kernel, stride, parameters and feature-map size of the net at
// ratio 1, action and channels of the previous decision; each in [0, 1]. Kernel and stride: square
// root of height times width.
void space_state(void *context, const double *x, int k, double s[AGENT_STATE]);
void space_snap(void *context, double *x);

// Chips, nets and weights by name or file, with settings, forms and widths.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "nets/net.h"
#include "base/catalog/catalog.h"

struct chip;
struct err;
struct weights;

enum { INPUTS_MAX_SETS = 256 };

struct inputs {
    const char *form, *width, *widths; // as given; NULL: not given
    const char *sets[INPUTS_MAX_SETS]; // "PATH=VALUE"
    size_t n_sets;
};

// The catalog of names: folders of BITLINE_PATH, then the embedded files. Valid until the program
// ends.
const struct catalog *inputs_catalog(void);
// A chip by name or file, with the sets that do not begin with "net.".
bool inputs_chip(const struct inputs *inputs, const char *what, struct chip **out, struct err *err);
// A net by name or file (YAML, or NeuroSim's .csv), in the requested form and widths, with the sets
// that begin with "net.".
bool inputs_net(const struct inputs *inputs, const char *what, struct net **out, struct err *err);
// Weights for a net: a file; or, for a name without '.' and '/' that is not a file, the weights of
// the job of that name: NAME.safetensors in FOLDER, FOLDER/workloads or FOLDER/weights for each
// folder of BITLINE_PATH, then the embedded ones.
bool inputs_weights(const char *what, const struct net *net, struct weights **out, struct err *err);
// Calls `each` once for each name of weights, sorted, with the first line of the description of the
// job of that name ("" if there is none).
void inputs_list_weights(void (*each)(const char *name, const char *description, void *arg),
                         void *arg);

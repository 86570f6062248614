// A net's parameters shared with narrower ones (Yu and Huang, 2019). A sub-net is the same net at
// smaller widths: it has the first output channels of every layer and, of these, the weights of the
// first input channels; a linear layer after a map is sliced by complete channels. Biases and
// batch-norm's gamma and beta are sliced in the same way. Running statistics are not shared: they
// are estimated for each choice of widths.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct err;
struct net;
struct weights;

// Refuses nets in which slicing to the first channels is inconsistent between layers: grouped
// convolutions, and shortcuts that pad or cut on both sides.
bool slim_check(const struct net *wide, struct err *err);
// Whether `narrow` is a sub-net of `wide`.
bool slim_fits(const struct net *wide, const struct net *narrow, struct err *err);

// Copies the sub-net's parameters from the wide net; mean and var of `to` are unchanged.
void slim_gather(const struct net *wide, const struct weights *from, const struct net *narrow,
                 struct weights *to);
// Adds the sub-net's gradients to those of the corresponding parameters of the wide net.
void slim_add(const struct net *narrow, const struct weights *from, const struct net *wide,
              struct weights *to);

// Number of scalable layers, and their widths, in order.
size_t slim_layers(const struct net *net);
void slim_widths(const struct net *net, int *widths);

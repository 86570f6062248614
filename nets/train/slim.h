// A net's parameters shared with narrower ones (Yu and Huang, 2019). A sub-net is the same net at
// smaller widths: it has the first output channels of every layer and, of these, the weights of the
// first input channels; behind a map a linear layer takes whole channels. Biases and batch-norm's
// gamma and beta are cut alike. Running statistics are not shared: they belong to one choice of
// widths and are estimated for it.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct err;
struct net;
struct weights;

// Refuses nets whose first channels do not stay with the first channels: grouped convolutions, and
// shortcuts that pad or cut on both sides.
bool slim_check(const struct net *wide, struct err *err);
// Whether `narrow` is a sub-net of `wide`.
bool slim_fits(const struct net *wide, const struct net *narrow, struct err *err);

// The sub-net's parameters out of the wide net's; mean and var of `to` stay as they are.
void slim_gather(const struct net *wide, const struct weights *from, const struct net *narrow,
                 struct weights *to);
// Adds the sub-net's gradients to the wide net's, each where its parameter comes from.
void slim_add(const struct net *narrow, const struct weights *from, const struct net *wide,
              struct weights *to);

// How many widths can be chosen, and what they are: of the scalable layers, in order.
size_t slim_layers(const struct net *net);
void slim_widths(const struct net *net, int *widths);

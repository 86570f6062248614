// A net evaluated in double precision by loops over written-out indices: what nets/forward and
// nets/integer are held against. Forms float, int8 and int16, whose values are the same but for
// quantisation.
#pragma once
#include <stdint.h>

struct net;
struct weights;

// maps[i]: room for layer i's (out_c, out_h, out_w); [0] is the image, already there.
void plain_net(const struct net *net, const struct weights *weights, double **maps);
// Rooms for all maps, in one allocation that free(maps) releases.
double **plain_maps(const struct net *net);

// The steps of k-bit weights: one rule for integer nets and for training.
#pragma once

struct net;

// What one step of a layer's weights is worth, to scales (out_c of the layer): so much that the
// largest |w| of each output channel, or of the layer (enum weight_scale), takes all
// 2^(weight_bits - 1) - 1 steps. A channel of zeros has the layer's step; 1 if all weights are 0.
// w: (out, in / groups, kernel_h, kernel_w). Not for weights of 1 bit.
void quantise_scales(const struct net *net, int layer, const float *w, double *scales);

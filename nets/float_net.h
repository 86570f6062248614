// A net in floating point: the digital reference. Sums run in a fixed order, so the result is the
// same everywhere. Not for speed.
#pragma once
#include <stdint.h>

struct net;
struct weights;

// Scratch of one worker.
struct float_net;
struct float_net *float_net_create(const struct net *net, const struct weights *weights);
void float_net_destroy(struct float_net *forward); // NULL is fine
// The logits (classes of them) of one image; they stay valid until the next call.
const float *float_net_run(struct float_net *forward, const uint8_t *image);
// What layer `layer` made of the last image, out_c x out_h x out_w: after batch-norm and ReLU,
// before a threshold.
const float *float_net_map(const struct float_net *forward, int layer);

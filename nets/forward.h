// A net in floating point: the digital reference. Sums run in a fixed order, so the result is the
// same everywhere. Not for speed.
#pragma once
#include <stdint.h>

struct net;
struct weights;

// Scratch of one worker.
struct forward;
struct forward *forward_create(const struct net *net, const struct weights *weights);
void forward_destroy(struct forward *forward); // NULL is fine
// The logits (classes of them) of one image; they stay valid until the next call.
const float *forward_run(struct forward *forward, const uint8_t *image);
// What layer `layer` made of the last image, out_c x out_h x out_w: after batch-norm and ReLU,
// before a threshold.
const float *forward_map(const struct forward *forward, int layer);

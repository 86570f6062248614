// Binary nets on bit-packed maps: the integers of int_net_run_image() with level_model_matrix or
// conductance_model_matrix, many times faster. A map is a string of bits per pixel, its channels
// side by side, so that a line of a window is a string too and no window is ever gathered.
#pragma once
#include <stdint.h>

struct conductance_model;
struct level_model;

// Masks and thresholds of all layers; immutable, may serve several runs.
struct packed;

// NULL if the net has a layer that this cannot do: the plain way is open to all nets. Lends arrays.
struct packed *packed_create(const struct level_model *arrays);
// The same for conductances: differential pairs of binary cells, subtracted before the ADC.
struct packed *packed_create_analog(const struct conductance_model *analog);
void packed_destroy(struct packed *packed); // NULL is fine

// Scratch of one worker.
struct packed_run;
struct packed_run *packed_run_create(const struct packed *packed);
void packed_run_destroy(struct packed_run *run); // NULL is fine
// The logits of one image, valid until the next call.
const int64_t *packed_run_image(struct packed_run *run, const uint8_t *image);

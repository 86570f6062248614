// Binary nets on bit-packed maps: the same integers as int_net_run_image() with level_model_matrix
// or conductance_model_matrix, many times faster. A map holds a string of bits per pixel with its
// channels side by side, so a line of a window is also one string and no window is ever gathered.
#pragma once
#include <stdint.h>

struct conductance_model;
struct level_model;

// Masks and thresholds of all layers; immutable; several runs may share one.
struct packed;

// NULL if the net has a layer that this module does not cover; level_model_matrix covers all nets.
// Keeps a pointer to arrays.
struct packed *packed_create(const struct level_model *arrays);
// The same for conductances of binary differential pairs subtracted before the ADC.
struct packed *packed_create_analog(const struct conductance_model *analog);
void packed_destroy(struct packed *packed); // NULL is fine

// Scratch of one worker.
struct packed_run;
struct packed_run *packed_run_create(const struct packed *packed);
void packed_run_destroy(struct packed_run *run); // NULL is fine
// The logits of one image, valid until the next call.
const int64_t *packed_run_image(struct packed_run *run, const uint8_t *image);

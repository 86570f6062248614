// What the logits are to become: probabilities per class.
#pragma once
#include <stddef.h>
#include <stdint.h>

// targets (n, classes): 1 at the label; smoothing > 0 takes that share and spreads it over all.
void targets_labels(size_t n, int classes, const uint8_t *labels, double smoothing, float *targets);
// Mixes in what a teacher's logits say: (1 - weight) * targets + weight * softmax(logits /
// temperature) (Hinton et al., 2015, with the temperature on the teacher's side alone: the loss is
// the cross-entropy of one softmax).
void targets_teacher(size_t n, int classes, const float *logits, double weight, double temperature,
                     float *targets);
// Of how many of n the largest logit, the first of equal ones, is the label's.
size_t targets_right(size_t n, int classes, const float *logits, const uint8_t *labels);

// Training targets: probabilities per class.
#pragma once
#include <stddef.h>
#include <stdint.h>

// targets (n, classes): 1 at the label; smoothing > 0 spreads that share evenly over all classes.
void targets_labels(size_t n, int classes, const uint8_t *labels, double smoothing, float *targets);
// Mixes in a teacher's predictions: (1 - weight) * targets + weight * softmax(logits /
// temperature) (Hinton et al., 2015, with the temperature on the teacher's side alone: the loss is
// the cross-entropy of one softmax).
void targets_teacher(size_t n, int classes, const float *logits, double weight, double temperature,
                     float *targets);
// Number of n predictions (largest logit, the first of equal ones) that match the label.
size_t targets_right(size_t n, int classes, const float *logits, const uint8_t *labels);

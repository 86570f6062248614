#include "nets/train/targets.h"

#include <math.h>

void targets_labels(size_t n, int classes, const uint8_t *labels, double smoothing, float *targets)
{
    float low = (float)(smoothing / classes);
    for (size_t i = 0; i < n; i++) {
        for (int c = 0; c < classes; c++)
            targets[i * classes + c] = low;
        targets[i * classes + labels[i]] = (float)(1 - smoothing + smoothing / classes);
    }
}

static int largest(const float *logits, int classes)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (logits[c] > logits[best])
            best = c;
    return best;
}

void targets_teacher(size_t n, int classes, const float *logits, double weight, double temperature,
                     float *targets)
{
    for (size_t i = 0; i < n; i++, logits += classes, targets += classes) {
        double most = (double)logits[largest(logits, classes)], sum = 0;
        for (int c = 0; c < classes; c++)
            sum += exp(((double)logits[c] - most) / temperature);
        for (int c = 0; c < classes; c++) {
            double p = exp(((double)logits[c] - most) / temperature) / sum;
            targets[c] = (float)((1 - weight) * (double)targets[c] + weight * p);
        }
    }
}

size_t targets_right(size_t n, int classes, const float *logits, const uint8_t *labels)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++)
        right += largest(logits + i * classes, classes) == labels[i];
    return right;
}

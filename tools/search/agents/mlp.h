// Small dense nets for agents: every layer W x + b, ReLU between, floats. Sums run in one fixed
// order, so the same calls give the same bits at any processor level.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct search_rng;

enum { MLP_LAYERS = 4 };

struct mlp_shape {
    int layers;
    int widths[MLP_LAYERS + 1]; // inputs, then outputs of every layer
    bool sigmoid;               // after the last layer; else linear
    int batch;                  // maximum rows per call
};

struct mlp;

// Weights and biases uniform within 1 / sqrt(inputs of their layer).
struct mlp *mlp_create(const struct mlp_shape *shape, struct search_rng *chance);
struct mlp *mlp_clone(const struct mlp *net);
void mlp_destroy(struct mlp *net); // NULL is fine

// x (rows, inputs) to y (rows, outputs).
void mlp_forward(struct mlp *net, const float *x, int rows, float *y);
// Backward pass of the last forward: from dy (rows, outputs) to dx (rows, inputs), may be NULL;
// with `learn` also the gradients of weights and biases.
void mlp_backward(struct mlp *net, const float *dy, float *dx, bool learn);
// One step of Adam (Kingma and Ba 2015, algorithm 1, its own constants) down the last gradients.
void mlp_step(struct mlp *net, double rate);
// Soft update: moves every weight of `net` by the fraction tau towards that of `leader`.
void mlp_follow(struct mlp *net, const struct mlp *leader, float tau);

// One weight or bias and its gradient; layer from 0, in == its inputs: the bias.
float *mlp_weight(struct mlp *net, int layer, int in, int out);
float mlp_gradient(const struct mlp *net, int layer, int in, int out);

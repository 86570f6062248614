// Weights by chance, the same in every test.
#pragma once

struct net;
struct weights;

struct weights *random_weights(const struct net *net);

// What a weights file of a net holds, and how its values are read.
#pragma once
#include <stdbool.h>

struct err;
struct net;

// The binary form's activations and padding, in two lines; nothing in other forms.
void print_activations(const struct net *net);
// Every tensor with its shape, and what is made of them. Fails where two would have one name.
bool print_tensors(const struct net *net, struct err *err);

// How far the inputs of a layer run ahead of each other. While the deepest path gathers what an
// output row needs, the shallow ones have made rows already; without places for them the paths
// starve each other.
#pragma once

struct arena;
struct net;

// Per layer, the last one that all paths from the image to it pass through; of the image itself.
const int *ahead_parting(const struct net *net, struct arena *mem);
// Rows of the input `edge` of a layer that wait at most while one output row is made, those that it
// reads included. `parting`: from ahead_parting(). A concat's parts are the edges of its readers.
int ahead_rows(const struct net *net, const int *parting, int layer, int edge);

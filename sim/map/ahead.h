// How far the inputs of a layer run ahead of each other. While the deepest path collects what an
// output row needs, the shallow paths have already produced rows; without buffers for these rows
// the paths deadlock.
#pragma once

struct arena;
struct net;

// Per layer, the last layer that all paths from the image to it pass through; for the image,
// itself. Allocated in mem.
const int *ahead_parting(const struct net *net, struct arena *mem);
// The maximum number of rows of input `edge` that wait while a layer computes one output row,
// including the rows that it reads. `parting`: from ahead_parting(). A concat's parts are the edges
// of its readers.
int ahead_rows(const struct net *net, const int *parting, int layer, int edge);

// What `bitline search` prints of a search that has ended.
#pragma once
#include <stdbool.h>

struct finals;
struct search;

// `finals`: those of stage C, NULL: it was not run. `drawn`: whether there are pictures,
// `retrain_drawn`: that of stage C.
void print_search(const struct search *search, const struct finals *finals, const char *folder,
                  bool drawn, bool retrain_drawn);

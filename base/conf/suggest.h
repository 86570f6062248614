// Finds the offered name that is closest to a misspelt word, for "did you mean".
#pragma once
#include <stddef.h>

// Zero-initialised except for the word; best stays NULL until an offered name is close enough.
struct suggest {
    const char *word, *best;
    size_t distance; // edits between the two
};
void suggest_offer(struct suggest *near, const char *name); // both must outlive near

// The offered name nearest to a misspelt word, for "did you mean".
#pragma once
#include <stddef.h>

// Zero-initialised but for the word; best stays NULL as long as no offered name is near enough.
struct suggest {
    const char *word, *best;
    size_t distance; // edits between the two
};
void suggest_offer(struct suggest *near, const char *name); // both are lent as long as near lives

// Everything the results of a search depend on, as keys, and their hash.
#pragma once

struct search;

// Fills keys, n_keys and hash.
void identify_search(struct search *search);

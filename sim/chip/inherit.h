// What a chip description takes from the chip that it extends, and where that is likely a mistake.
#pragma once
#include <stdbool.h>

struct chip;
struct conf_node;
struct warnings;

// Whether the file itself, or --set, states this value; false: a chip that it extends does.
bool inherit_is_own(const struct chip *chip, const struct conf_node *node);
// Adds a warning (code inherited-part) for each key that the file states while a number that
// depends on it is still that of the chip it extends, or that --set states while the number is a
// file's: inherit.c has the list of such pairs.
void inherit_check(const struct chip *chip, struct warnings *warnings);

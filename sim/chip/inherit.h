// Values that a chip description inherits from the chip that it extends, and where that is likely a
// mistake.
#pragma once
#include <stdbool.h>

struct chip;
struct conf_node;
struct warnings;

// Whether the file itself or --set states this value; false: it is inherited.
bool inherit_is_own(const struct chip *chip, const struct conf_node *node);
// Adds a warning (code inherited-part) for each key whose value was changed, by an extending file
// or by --set, while a number that depends on it is still inherited from the file that was changed;
// inherit.c lists these pairs. A key restated with the same text is not a change.
void inherit_check(const struct chip *chip, struct warnings *warnings);

// What a chip description takes from the chip that it extends, and where that is likely a mistake.
#pragma once
#include <stdbool.h>

struct chip;
struct conf_node;
struct warnings;

// Whether the file itself, or --set, states this value; false: a chip that it extends does.
bool inherit_is_own(const struct chip *chip, const struct conf_node *node);
// Adds a warning (code inherited-part) for each key whose value was changed, by a file that extends
// another or by --set, while a number that depends on it is still that of the file that was
// changed; inherit.c has the list of such pairs. A key that is stated again with the same text is
// not changed.
void inherit_check(const struct chip *chip, struct warnings *warnings);

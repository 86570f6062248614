// User text on the terminal.
#pragma once

// The text on one visible line (escape_line); never freed.
const char *visible(const char *text);
// The same for a path or argument as a shell word, for printed commands that the user may copy.
const char *visible_word(const char *text);

// Text of users on the terminal.
#pragma once

// The text on one visible line (escape_line); lives for the program.
const char *visible(const char *text);
// The same of a path or argument as a word of a shell, for commands that are printed to be copied.
const char *visible_word(const char *text);

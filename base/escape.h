// Text of users (names, paths, descriptions) as other languages hold it: one function per language.
// What text.h writes (tables, JSON, fields of CSV) is escaped there, by these functions.
//
// All take any bytes and return text of the arena. What is not UTF-8 becomes U+FFFD, except for the
// shell, which must find the file of that name.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

// A double-quoted string of gnuplot, quotes included; nothing in it is run or expanded. The
// terminal must be `noenhanced`. Control characters become blanks, "]]>" (no XML) "] ]>".
const char *escape_gnuplot(struct arena *mem, const char *text);
// The same for a label in `set xtics (...)`, which gnuplot takes as a format: '%' is doubled.
const char *escape_gnuplot_tic(struct arena *mem, const char *text);

// A scalar of YAML 1.1, in block and in flow, that every reader takes as a string with the same
// text: double-quoted unless it is plainly a word.
const char *escape_yaml(struct arena *mem, const char *text);
// The same text, always in double quotes.
const char *escape_yaml_quoted(struct arena *mem, const char *text);

// A string of JSON, quotes included.
const char *escape_json(struct arena *mem, const char *text);

// A field of CSV (RFC 4180) on one line, quoted only if it must be. A text that a spreadsheet would
// run as a formula (one that begins with = + - @ and is no number) stands behind an apostrophe.
const char *escape_csv(struct arena *mem, const char *text);

// Text of an XML element or attribute (SVG, HTML). Characters that XML 1.0 forbids become U+FFFD.
const char *escape_xml(struct arena *mem, const char *text);

// A word of a POSIX shell, for commands that are shown to be copied. Quoted only if it must be.
// Control characters are kept: for a terminal, escape_line what is printed.
const char *escape_shell(struct arena *mem, const char *text);

// One visible line, for terminals and for comments ("# ...") of any language: control characters,
// line separators and marks of text direction become \n, \t, \r, \x1b, \u202e.
const char *escape_line(struct arena *mem, const char *text);
// The same into a buffer of n > 4 bytes: where it is too small, cut between characters and ended
// with "...". Returns buf.
char *escape_line_to(char *buf, size_t n, const char *text);
// Whether escape_line would leave the text as it is.
bool escape_is_line(const char *text);

// Neither a control character, a line separator, a mark of text direction nor a noncharacter.
bool escape_is_visible(uint32_t point);

// The bytes of the UTF-8 sequence at text, and its code point; 0 if it is none (overlong forms and
// surrogates too). Not for the end of a text.
size_t utf8_read(const char *text, uint32_t *point);

// Escapes user text (names, paths, descriptions) for other languages: one function per language.
// text.h escapes what it writes (tables, JSON, CSV fields) with these functions.
//
// All functions accept any bytes and return text that the arena owns. Bytes that are not UTF-8
// become U+FFFD, except for the shell, which must find the file of that name.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

// A double-quoted string of gnuplot, quotes included; gnuplot does not run or expand its contents.
// The terminal must be `noenhanced`. Control characters become blanks; "]]>", which XML forbids,
// becomes "] ]>".
const char *escape_gnuplot(struct arena *mem, const char *text);
// The same for a label in `set xtics (...)`, which gnuplot treats as a format: '%' is doubled.
const char *escape_gnuplot_tic(struct arena *mem, const char *text);

// A scalar of YAML 1.1, for block and flow style, that every parser reads as a string with the same
// text: double-quoted unless it is clearly a word.
const char *escape_yaml(struct arena *mem, const char *text);
// The same text, always in double quotes.
const char *escape_yaml_quoted(struct arena *mem, const char *text);

// A string of JSON, quotes included.
const char *escape_json(struct arena *mem, const char *text);

// A CSV field (RFC 4180) on one line, quoted only if necessary. Text that a spreadsheet would run
// as a formula (it begins with = + - @ and is not a number) gets an apostrophe in front.
const char *escape_csv(struct arena *mem, const char *text);

// Text of an XML element or attribute (SVG, HTML). Characters that XML 1.0 forbids become U+FFFD.
const char *escape_xml(struct arena *mem, const char *text);

// A word of a POSIX shell, for printed commands that the user may copy. Quoted only if necessary.
// Control characters are kept: pass the result through escape_line before printing to a terminal.
const char *escape_shell(struct arena *mem, const char *text);

// One visible line, for terminals and for comments ("# ...") of any language: control characters,
// line separators and marks of text direction become \n, \t, \r, \x1b, \u202e.
const char *escape_line(struct arena *mem, const char *text);
// The same into a buffer of n > 4 bytes. Text that does not fit is cut between characters and ends
// with "...". Returns buf.
char *escape_line_to(char *buf, size_t n, const char *text);
// Whether escape_line would return the text unchanged.
bool escape_is_line(const char *text);

// Neither a control character, a line separator, a mark of text direction nor a noncharacter.
bool escape_is_visible(uint32_t point);

// The number of bytes of the UTF-8 sequence at text, and its code point; 0 if it is invalid
// (including overlong forms and surrogates). Must not be called at the end of a text.
size_t utf8_read(const char *text, uint32_t *point);

#include "base/escape.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char replacement[] = "\xef\xbf\xbd"; // U+FFFD

size_t utf8_read(const char *text, uint32_t *point)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = p[0] < 0x80                    ? 1
               : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
               : p[0] >= 0xe0 && p[0] <= 0xef ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : 0;
    *point = n < 2 ? *p : *p & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (p[i] & 0x3fU);
    }
    bool overlong = (n == 3 && *point < 0x800) || (n == 4 && *point < 0x10000);
    bool surrogate = *point >= 0xd800 && *point <= 0xdfff;
    return overlong || surrogate || *point > 0x10ffff ? 0 : n;
}

// C0, DEL, C1.
static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

// Line and paragraph separators; marks, embeddings, overrides and isolates of text direction.
static bool is_layout(uint32_t point)
{
    return point == 0x61c || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

static bool is_noncharacter(uint32_t point)
{
    return (point & 0xfffe) == 0xfffe || (point >= 0xfdd0 && point <= 0xfdef);
}

bool escape_is_visible(uint32_t point)
{
    return !is_control(point) && !is_layout(point) && point != 0xfeff && !is_noncharacter(point);
}

// A piece is the escaped form of one character: at most MAX_PIECE bytes, for the character of n
// bytes at `text` (n is 0: a byte that is not UTF-8).
enum { MAX_PIECE = 12 };
typedef void piece_fn(char *piece, const char *text, size_t n, uint32_t point);

static void copy(char *piece, const char *text, size_t n)
{
    memcpy(piece, text, n);
    piece[n] = 0;
}

static void put(char *piece, const char *text)
{
    copy(piece, text, strlen(text));
}

// `open` and `close` stand around it.
static const char *escape(struct arena *mem, const char *text, const char *open, const char *close,
                          piece_fn *piece_of)
{
    size_t size = strlen(open) + strlen(text) * MAX_PIECE + strlen(close) + 1, used = strlen(open);
    char *out = arena_alloc(mem, size, 1);
    memcpy(out, open, used);
    while (*text) {
        uint32_t point;
        char piece[MAX_PIECE + 1];
        size_t n = utf8_read(text, &point);
        piece_of(piece, text, n, point);
        size_t length = strlen(piece);
        memcpy(out + used, piece, length);
        used += length;
        text += n ? n : 1;
    }
    memcpy(out + used, close, strlen(close) + 1);
    return out;
}

static void line_piece(char *piece, const char *text, size_t n, uint32_t point)
{
    if (n == 0 || is_noncharacter(point))
        put(piece, replacement);
    else if (*text == '\n')
        put(piece, "\\n");
    else if (*text == '\t')
        put(piece, "\\t");
    else if (*text == '\r')
        put(piece, "\\r");
    else if (is_control(point))
        snprintf(piece, MAX_PIECE, "\\x%02x", (unsigned)point);
    else if (is_layout(point) || point == 0xfeff)
        snprintf(piece, MAX_PIECE, "\\u%04x", (unsigned)point);
    else
        copy(piece, text, n);
}

// Double quotes, because in single quotes gnuplot 5.4 cannot read a text that begins with an
// apostrophe, doubled or not. A backquote would run a command, so it is written as a number.
// gnuplot's SVG terminal does not escape "]]>", which XML forbids.
static void gnuplot_piece(char *piece, const char *text, size_t n, uint32_t point)
{
    if (n == 0 || is_noncharacter(point))
        put(piece, replacement);
    else if (is_control(point) || is_layout(point))
        put(piece, " ");
    else if (*text == '`')
        put(piece, "\\140");
    else if (*text == '"' || *text == '\\')
        snprintf(piece, MAX_PIECE, "\\%c", *text);
    else if (!strncmp(text, "]]>", 3))
        put(piece, "] ");
    else
        copy(piece, text, n);
}

static void gnuplot_tic_piece(char *piece, const char *text, size_t n, uint32_t point)
{
    if (*text == '%')
        put(piece, "%%");
    else
        gnuplot_piece(piece, text, n, point);
}

const char *escape_gnuplot(struct arena *mem, const char *text)
{
    return escape(mem, text, "\"", "\"", gnuplot_piece);
}

const char *escape_gnuplot_tic(struct arena *mem, const char *text)
{
    return escape(mem, text, "\"", "\"", gnuplot_tic_piece);
}

static void yaml_piece(char *piece, const char *text, size_t n, uint32_t point)
{
    if (*text == '"' || *text == '\\')
        snprintf(piece, MAX_PIECE, "\\%c", *text);
    else if (*text == '\n')
        put(piece, "\\n");
    else if (*text == '\t')
        put(piece, "\\t");
    else if (n == 0)
        put(piece, replacement);
    else if (is_control(point))
        snprintf(piece, MAX_PIECE, "\\x%02x", (unsigned)point);
    else if (!escape_is_visible(point) && point < 0x10000)
        snprintf(piece, MAX_PIECE, "\\u%04x", (unsigned)point);
    else if (!escape_is_visible(point))
        snprintf(piece, MAX_PIECE, "\\U%08x", (unsigned)point);
    else
        copy(piece, text, n);
}

// Only words that begin with a letter and that YAML 1.1 does not read as a value stay unquoted, so
// that this code needs no knowledge of YAML's special cases.
static bool is_yaml_word(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    static const char *const values[] = {"y",     "n",  "yes", "no",  "true",
                                         "false", "on", "off", "null"};
    if (!*text || !strchr(letters, *text) || text[strspn(text, more)])
        return false;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        size_t k = 0;
        while (text[k] && (text[k] | 0x20) == values[i][k])
            k++;
        if (!text[k] && !values[i][k])
            return false;
    }
    return true;
}

const char *escape_yaml_quoted(struct arena *mem, const char *text)
{
    return escape(mem, text, "\"", "\"", yaml_piece);
}

const char *escape_yaml(struct arena *mem, const char *text)
{
    return is_yaml_word(text) ? arena_strdup(mem, text) : escape_yaml_quoted(mem, text);
}

static void json_piece(char *piece, const char *text, size_t n, uint32_t point)
{
    if (*text == '"' || *text == '\\')
        snprintf(piece, MAX_PIECE, "\\%c", *text);
    else if (*text == '\n')
        put(piece, "\\n");
    else if (*text == '\t')
        put(piece, "\\t");
    else if (n == 0)
        put(piece, "\\ufffd");
    else if (escape_is_visible(point))
        copy(piece, text, n);
    else if (point < 0x10000)
        snprintf(piece, MAX_PIECE, "\\u%04x", (unsigned)point);
    else
        snprintf(piece, MAX_PIECE + 1, "\\u%04x\\u%04x", (0xd7c0U + (point >> 10)) & 0xffff,
                 0xdc00U + (point & 0x3ff));
}

const char *escape_json(struct arena *mem, const char *text)
{
    return escape(mem, text, "\"", "\"", json_piece);
}

static void csv_piece(char *piece, const char *text, size_t n, uint32_t point)
{
    if (*text == '"')
        put(piece, "\"\"");
    else
        line_piece(piece, text, n, point);
}

static bool is_formula(const char *text)
{
    char *end;
    if (!*text || !strchr("=+-@", *text))
        return false;
    strtod(text, &end);
    return end == text || *end;
}

const char *escape_csv(struct arena *mem, const char *text)
{
    size_t n = strlen(text);
    bool formula = is_formula(text);
    bool quote =
        formula || text[strcspn(text, ",\"")] || *text == ' ' || (n > 0 && text[n - 1] == ' ');
    return escape(mem, text, !quote ? "" : formula ? "\"'" : "\"", quote ? "\"" : "", csv_piece);
}

static void xml_piece(char *piece, const char *text, size_t n, uint32_t point)
{
    if (n == 0 || is_noncharacter(point) || (is_control(point) && !strchr("\t\n\r", *text)))
        put(piece, replacement);
    else if (strchr("<>&\"'\t\n\r", *text))
        snprintf(piece, MAX_PIECE, "&#%hhu;", (unsigned char)*text);
    else
        copy(piece, text, n);
}

const char *escape_xml(struct arena *mem, const char *text)
{
    return escape(mem, text, "", "", xml_piece);
}

static void shell_piece(char *piece, const char *text, size_t n, uint32_t point)
{
    (void)point;
    if (*text == '\'')
        put(piece, "'\\''");
    else
        copy(piece, text, n ? n : 1);
}

// The caller must handle a word that begins with '-' or '~', quoted or not.
const char *escape_shell(struct arena *mem, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:,@%";
    if (*text && !text[strspn(text, plain)])
        return arena_strdup(mem, text);
    return escape(mem, text, "'", "'", shell_piece);
}

const char *escape_line(struct arena *mem, const char *text)
{
    return escape(mem, text, "", "", line_piece);
}

char *escape_line_to(char *buf, size_t n, const char *text)
{
    assert(n > 4);
    size_t used = 0, kept = 0; // kept: the length that leaves space for "..."
    while (*text) {
        uint32_t point;
        char piece[MAX_PIECE + 1];
        size_t bytes = utf8_read(text, &point);
        line_piece(piece, text, bytes, point);
        size_t length = strlen(piece);
        if (used + length >= n) {
            memcpy(buf + kept, "...", 4);
            return buf;
        }
        memcpy(buf + used, piece, length);
        used += length;
        if (used <= n - 4)
            kept = used;
        text += bytes ? bytes : 1;
    }
    buf[used] = 0;
    return buf;
}

bool escape_is_line(const char *text)
{
    while (*text) {
        uint32_t point;
        size_t n = utf8_read(text, &point);
        if (n == 0 || !escape_is_visible(point))
            return false;
        text += n;
    }
    return true;
}

#include "base/name.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"

static const char inside[] = " _-.+:/()@", first[] = "_/";

struct range {
    uint32_t from, to;
};

// Invisible characters: blanks, marks of direction, joiners, fillers, private use, tags.
static const struct range invisible[] = {
    {0x80, 0xa0},     {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},     {0x115f, 0x1160},
    {0x1680, 0x1680}, {0x180b, 0x180f}, {0x2000, 0x200f}, {0x2028, 0x202f},   {0x205f, 0x206f},
    {0x3000, 0x3000}, {0x3164, 0x3164}, {0xe000, 0xf8ff}, {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xffff}, {0xe0000, 0x10ffff}};

static bool is_letter_or_digit(uint32_t point)
{
    if (point < 0x80)
        return (point >= '0' && point <= '9') || ((point | 0x20) >= 'a' && (point | 0x20) <= 'z');
    for (size_t i = 0; i < sizeof invisible / sizeof *invisible; i++)
        if (point >= invisible[i].from && point <= invisible[i].to)
            return false;
    return (point & 0xfffe) != 0xfffe;
}

static bool is_allowed(uint32_t point, size_t at)
{
    if (is_letter_or_digit(point))
        return true;
    return point && point < 0x80 && strchr(at ? inside : first, (int)point);
}

const char *name_fault(const char *text, char *buf, size_t n)
{
    if (!*text)
        return "is empty";
    for (size_t at = 0; text[at];) {
        uint32_t point;
        size_t bytes = utf8_read(text + at, &point);
        if (!bytes)
            return "is not UTF-8";
        if (!is_allowed(point, at)) {
            char shown[8], piece[16];
            memcpy(shown, text + at, bytes);
            shown[bytes] = 0;
            snprintf(buf, n, "%s '%s'", at ? "has" : "begins with",
                     escape_line_to(piece, sizeof piece, shown));
            return buf;
        }
        at += bytes;
    }
    size_t length = strlen(text);
    if (text[length - 1] == ' ')
        return "ends with a blank";
    if (length <= NAME_MAX_BYTES)
        return NULL;
    snprintf(buf, n, "has %zu bytes", length);
    return buf;
}

const char *name_from(struct arena *mem, const char *text)
{
    char *name = arena_alloc(mem, NAME_MAX_BYTES + 1, 1);
    size_t used = 0;
    while (*text) {
        uint32_t point;
        size_t bytes = utf8_read(text, &point);
        bool keep = bytes && is_allowed(point, used);
        if (used + (keep ? bytes : 1) > NAME_MAX_BYTES)
            break;
        memcpy(name + used, keep ? text : "_", keep ? bytes : 1);
        used += keep ? bytes : 1;
        text += bytes ? bytes : 1;
    }
    while (used && name[used - 1] == ' ')
        used--;
    memcpy(name + used, used ? "" : "_", used ? 1 : 2);
    return name;
}

bool name_is_text(const char *text)
{
    while (*text) {
        uint32_t point;
        size_t n = utf8_read(text, &point);
        bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
        if (n == 0 || (control && point != '\n' && point != '\t'))
            return false;
        text += n;
    }
    return true;
}

#include "base/units.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

// More digits are refused, not rounded, because they are a mistake. A double whose shortest form is
// written without an exponent has about 40 at most.
enum { MAX_NUMBER = 64, MAX_EXPONENT = 9999 };

struct prefix {
    const char *text;
    int exponent; // of ten
};

static const struct prefix prefixes[] = {{"f", -15}, {"p", -12}, {"n", -9}, {"u", -6}, {"m", -3},
                                         {"", 0},    {"k", 3},   {"M", 6},  {"G", 9},  {"T", 12}};
enum { PREFIXES = sizeof prefixes / sizeof *prefixes, NO_PREFIX = 5 };

// Prefixes of bytes, in powers of 1024; KB is never printed.
static const char *const binary_prefixes[] = {"", "Ki", "Mi", "Gi"};
enum { BINARY_PREFIXES = sizeof binary_prefixes / sizeof *binary_prefixes };

struct unit {
    const char *name, *other; // another spelling, or NULL
    const char *dimension, *example;
    int power;       // of the prefix: 2 for areas
    int first, last; // range of prefixes for output: no ks, no mK
};

static const struct unit units[] = {
    {"", NULL, "plain number", "1.5", 0, NO_PREFIX, NO_PREFIX},
    {"s", NULL, "time", "5 ns", 1, 0, NO_PREFIX},
    {"Hz", NULL, "frequency", "1.28 GHz", 1, NO_PREFIX, PREFIXES - 1},
    {"J", NULL, "energy", "2 pJ", 1, 0, PREFIXES - 1},
    {"W", NULL, "power", "4 mW", 1, 0, PREFIXES - 1},
    {"V", NULL, "voltage", "0.5 V", 1, 0, PREFIXES - 1},
    {"ohm", NULL, "resistance", "3 kohm", 1, 0, PREFIXES - 1},
    {"S", NULL, "conductance", "40 uS", 1, 0, PREFIXES - 1},
    {"m", NULL, "length", "45 nm", 1, 0, NO_PREFIX},
    {"m2", NULL, "area", "1650 um2", 2, 2, NO_PREFIX},
    {"B", NULL, "size", "64 KiB", 1, NO_PREFIX, NO_PREFIX},
    {"b/s", "bps", "data rate", "20 Gb/s", 1, NO_PREFIX, PREFIXES - 1},
    {"S/s", NULL, "sample rate", "1.2 GS/s", 1, NO_PREFIX, PREFIXES - 1},
    {"K", NULL, "temperature", "300 K", 1, NO_PREFIX, NO_PREFIX},
};

static const struct unit *find_unit(const char *name)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

const char *units_dimension(const char *unit)
{
    const struct unit *u = find_unit(unit);
    return u ? u->dimension : NULL;
}

static bool is_bytes(const struct unit *unit)
{
    return strcmp(unit->name, "B") == 0;
}

// A number as written: its digits up to the exponent, and the exponent.
struct number {
    const char *text;
    size_t n;     // of sign, digits and point
    int exponent; // of ten, clamped beyond the range of double
    bool zero;
};

static size_t count_digits(const char *text)
{
    size_t n = 0;
    while (text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

// Reads sign, digits, point, exponent; returns the text after them, NULL if there is no number. Not
// strtod, which also accepts "0x10", "nan" and "inf".
static const char *read_number(const char *text, struct number *number)
{
    const char *at = text + (*text == '-' || *text == '+');
    size_t whole = count_digits(at), part = 0;
    at += whole;
    if (*at == '.') {
        part = count_digits(at + 1);
        at += 1 + part;
    }
    if (whole + part == 0)
        return NULL;
    *number = (struct number){.text = text, .n = (size_t)(at - text), .zero = true};
    for (size_t i = 0; i < number->n; i++)
        if (text[i] >= '1' && text[i] <= '9')
            number->zero = false;
    if (*at != 'e' && *at != 'E')
        return at;
    const char *digits = at + 1 + (at[1] == '-' || at[1] == '+');
    size_t n = count_digits(digits);
    if (n == 0)
        return at;
    int exponent = 0;
    for (size_t i = 0; i < n; i++)
        if (exponent < MAX_EXPONENT)
            exponent = exponent * 10 + (digits[i] - '0');
    number->exponent = at[1] == '-' ? -exponent : exponent;
    return digits + n;
}

// The scale is an exponent of ten that is added to the text, so that "1650 um2" rounds only once.
static bool convert(const struct number *number, int exponent, double factor, double *value,
                    struct err *err)
{
    char text[MAX_NUMBER + 16];
    if (number->n > MAX_NUMBER)
        return err_set(err, "has too many digits; at most %d are allowed", MAX_NUMBER);
    snprintf(text, sizeof text, "%.*se%d", (int)number->n, number->text,
             number->exponent + exponent);
    *value = strtod(text, NULL) * factor;
    if (!isfinite(*value))
        return err_set(err, "is too large");
    if (*value == 0 && !number->zero)
        return err_set(err, "is too small; write 0 for zero");
    return true;
}

// The power of 1024 that "KiB" or, in the sense of memory sizes, "KB" stands for; 0 if neither.
static int binary_power(const char *text)
{
    for (int k = 1; k < BINARY_PREFIXES; k++) {
        const char *prefix = binary_prefixes[k];
        const char *rest = text[0] == prefix[0] ? text + 1 : "";
        if (strcmp(rest, "iB") == 0 || strcmp(rest, "B") == 0)
            return k;
    }
    return 0;
}

// Whether the text is an optional prefix and the unit, and the value of both.
static bool match_unit(const char *text, const struct unit *unit, int *exponent, double *factor)
{
    const char *const names[] = {unit->name, unit->other};
    *factor = 1;
    *exponent = 0;
    int power = is_bytes(unit) ? binary_power(text) : 0;
    if (power) {
        while (power--)
            *factor *= 1024;
        return true;
    }
    for (size_t i = 0; i < 2 && names[i]; i++)
        for (size_t k = 0; k < PREFIXES; k++) {
            size_t n = strlen(prefixes[k].text);
            if (strncmp(text, prefixes[k].text, n) == 0 && strcmp(text + n, names[i]) == 0) {
                *exponent = prefixes[k].exponent * unit->power;
                return true;
            }
        }
    return false;
}

bool units_parse(const char *text, const char *unit, double *value, struct err *err)
{
    const struct unit *u = find_unit(unit);
    assert(u);
    struct number number;
    const char *at = read_number(text, &number);
    int exponent = 0;
    double factor = 1;
    if (!at)
        return err_set(err, "is not a number; write for example '%s'", u->example);
    if (!*unit) {
        if (*at)
            return err_set(err, "is not a plain number; write for example '%s'", u->example);
        return convert(&number, 0, 1, value, err);
    }
    while (*at == ' ')
        at++;
    if (!*at)
        return err_set(err, "has no unit; write for example '%s'", u->example);
    if (!match_unit(at, u, &exponent, &factor))
        return err_set(err, "is not %s %s in %s", strchr("aeiou", *u->dimension) ? "an" : "a",
                       u->dimension, unit);
    return convert(&number, exponent, factor, value, err);
}

// Four significant digits, without an exponent where that is readable.
static void print_four(char *buf, size_t n, double value)
{
    double size = fabs(value);
    if (size < 9999.5 || size >= 999950)
        snprintf(buf, n, "%.4g", value);
    else
        snprintf(buf, n, "%.0f", size < 99995 ? round(value / 10) * 10 : round(value / 100) * 100);
}

static char *format_bytes(char *buf, size_t n, double value)
{
    char number[32];
    size_t k = 0;
    print_four(number, sizeof number, value);
    while (k + 1 < BINARY_PREFIXES && fabs(strtod(number, NULL)) >= 1024) {
        value /= 1024;
        k++;
        print_four(number, sizeof number, value);
    }
    snprintf(buf, n, "%s %sB", number, binary_prefixes[k]);
    return buf;
}

// The prefix that leaves one to three digits before the point (six for areas), within the range
// that the unit allows.
static int fitting_prefix(const struct unit *unit, int exponent)
{
    int best = unit->first;
    for (int k = unit->first; k <= unit->last; k++)
        if (prefixes[k].exponent * unit->power <= exponent)
            best = k;
    return best;
}

// The exponent of ten of a number printed with %e.
static int printed_exponent(const char *number)
{
    const char *e = strchr(number, 'e');
    return e ? (int)strtol(e + 1, NULL, 10) : 0;
}

char *units_format(char *buf, size_t n, double value, const char *unit)
{
    const struct unit *u = find_unit(unit);
    assert(u);
    char number[32];
    if (value == 0 || !isfinite(value)) {
        snprintf(buf, n, "%g%s%s", value + 0.0, *unit ? " " : "", unit);
        return buf;
    }
    if (is_bytes(u))
        return format_bytes(buf, n, value);
    snprintf(number, sizeof number, "%.3e", value); // rounded first: 999.96 is 1.000e3
    const struct prefix *prefix = &prefixes[fitting_prefix(u, printed_exponent(number))];
    int scale = prefix->exponent * u->power;
    snprintf(strchr(number, 'e'), 8, "e%d", printed_exponent(number) - scale);
    print_four(number, sizeof number, strtod(number, NULL));
    snprintf(buf, n, "%s%s%s%s", number, *unit ? " " : "", prefix->text, unit);
    return buf;
}

// The fewest digits that read back to the same value, as "d.ddde-xx".
static void print_shortest(char *buf, size_t n, double value)
{
    for (int digits = 0; digits <= 16; digits++) {
        snprintf(buf, n, "%.*e", digits, value);
        if (strtod(buf, NULL) == value)
            return;
    }
}

// Writes the value in `shortest` times 10^shift, without an exponent if that is not much longer.
static void print_shifted(char *buf, size_t n, const char *shortest, int shift)
{
    char digits[32] = "";
    size_t count = 0;
    for (const char *c = shortest; *c != 'e'; c++)
        if (*c >= '0' && *c <= '9')
            digits[count++] = *c;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = 0;
    const char *sign = *shortest == '-' ? "-" : "";
    int point = printed_exponent(shortest) + shift + 1; // digits before the decimal point
    int length = (int)count;
    if (point > 0 && point <= length)
        snprintf(buf, n, "%s%.*s%s%s", sign, point, digits, point < length ? "." : "",
                 digits + point);
    else if (point > length && point <= length + 5)
        snprintf(buf, n, "%s%s%.*s", sign, digits, point - length, "00000");
    else if (point <= 0 && point >= -4)
        snprintf(buf, n, "%s0.%.*s%s", sign, -point, "00000", digits);
    else
        snprintf(buf, n, "%s%c%s%se%d", sign, digits[0], length > 1 ? "." : "", digits + 1,
                 point - 1);
}

static char *format_bytes_exact(char *buf, size_t n, double value)
{
    size_t best = SIZE_MAX;
    *buf = 0;
    for (size_t k = 0; k < BINARY_PREFIXES; k++, value /= 1024) {
        char shortest[32], number[48];
        print_shortest(shortest, sizeof shortest, value);
        print_shifted(number, sizeof number, shortest, 0);
        size_t length = strlen(number) + strlen(binary_prefixes[k]);
        if (length >= best)
            continue;
        best = length;
        snprintf(buf, n, "%s %sB", number, binary_prefixes[k]);
    }
    return buf;
}

char *units_format_exact(char *buf, size_t n, double value, const char *unit)
{
    const struct unit *u = find_unit(unit);
    assert(u && isfinite(value));
    if (value == 0)
        return units_format(buf, n, value, unit);
    if (is_bytes(u))
        return format_bytes_exact(buf, n, value);
    char shortest[32], number[48];
    print_shortest(shortest, sizeof shortest, value);
    int fitting = fitting_prefix(u, printed_exponent(shortest)), best = fitting;
    size_t least = SIZE_MAX;
    for (int i = u->first - 1; i <= u->last; i++) {
        int k = i < u->first ? fitting : i; // the fitting prefix first, so that it wins ties
        print_shifted(number, sizeof number, shortest, -prefixes[k].exponent * u->power);
        size_t length = strlen(number) + strlen(prefixes[k].text);
        if (length < least) {
            least = length;
            best = k;
        }
    }
    print_shifted(number, sizeof number, shortest, -prefixes[best].exponent * u->power);
    snprintf(buf, n, "%s%s%s%s", number, *unit ? " " : "", prefixes[best].text, unit);
    return buf;
}

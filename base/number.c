#include "base/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

bool number_parse(const char *text, double min, double max, double *value)
{
    double number = 0;
    if (!units_parse(text, "", &number, NULL) || !(number >= min && number <= max))
        return false;
    *value = number;
    return true;
}

bool integer_parse(const char *text, int64_t min, int64_t max, int64_t *value)
{
    const char *digits = text + (min < 0 && *text == '-');
    size_t n = strspn(digits, "0123456789");
    if (n == 0 || digits[n])
        return false;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno || number < min || number > max)
        return false;
    *value = number;
    return true;
}

#include "sim/base/err.h"

#include <stdio.h>

bool err_setv(struct err *err, const char *format, va_list args)
{
    if (err && !err->text[0])
        vsnprintf(err->text, sizeof err->text, format, args);
    return false;
}

bool err_set(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_setv(err, format, args);
    va_end(args);
    return false;
}

#include "sim/base/err.h"

#include <stdio.h>

bool err_setv(struct err *err, enum err_class class, const char *format, va_list args)
{
    if (err && !err->text[0]) {
        vsnprintf(err->text, sizeof err->text, format, args);
        err->class = class;
    }
    return false;
}

bool err_set(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_setv(err, ERR_INPUT, format, args);
    va_end(args);
    return false;
}

bool err_fail(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_setv(err, ERR_WORK, format, args);
    va_end(args);
    return false;
}

bool err_wrap(struct err *err, const struct err *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_setv(err, why->class, format, args);
    va_end(args);
    return false;
}

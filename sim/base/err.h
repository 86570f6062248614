// What went wrong, as one sentence for a person.
#pragma once
#include <stdarg.h>
#include <stdbool.h>

struct err {
    char text[600]; // empty: nothing has failed
};

// Writes the sentence unless one is there already (the first failure wins); always returns false,
// so that callers can write `return err_set(...)`. err may be NULL.
bool err_set(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));
bool err_setv(struct err *err, const char *format, va_list args)
    __attribute__((format(printf, 2, 0), nonnull(2)));

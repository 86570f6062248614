// An error: one sentence for the user, and a class that says who has to act.
#pragma once
#include <stdarg.h>
#include <stdbool.h>

enum err_class {
    ERR_INPUT, // bad usage or bad input: the user must change it; exit code 2
    ERR_WORK,  // the work failed: full disk, no memory, I/O, locks, child programs; exit code 1
};

struct err {
    char text[600]; // empty: nothing has failed
    enum err_class class;
};

// A sentence that does not fit is shortened in the middle, because the path is at its start and
// the reason and the remedy are at its end.

// Writes the sentence, with class ERR_INPUT, unless err already holds one (the first failure wins).
// Always returns false, so that callers can write `return err_set(...)`. err may be NULL.
bool err_set(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));
// The same, with class ERR_WORK.
bool err_fail(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));
// The same; the class follows from `error`, the errno of opening or reading an input: ERR_INPUT if
// the file is missing, is not a regular file or is not permitted; ERR_WORK for I/O errors and
// missing resources.
bool err_read(struct err *err, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(3)));
// The same, with the class of `why`: for a sentence that extends another one.
bool err_wrap(struct err *err, const struct err *why, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(2, 3)));
bool err_setv(struct err *err, enum err_class class, const char *format, va_list args)
    __attribute__((format(printf, 3, 0), nonnull(3)));

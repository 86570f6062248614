// What went wrong, as one sentence for a person, and whose turn it is to act.
#pragma once
#include <stdarg.h>
#include <stdbool.h>

enum err_class {
    ERR_INPUT, // bad usage or bad input: the user changes what was given; exit code 2
    ERR_WORK,  // the work failed: full disk, no memory, I/O, locks, child programs; exit code 1
};

struct err {
    char text[600]; // empty: nothing has failed
    enum err_class class;
};

// A sentence that is too long for the text is shortened in the middle: a path stands at its start,
// the reason and the remedy at its end.

// Writes the sentence, of class ERR_INPUT, unless one is there already (the first failure wins);
// always returns false, so that callers can write `return err_set(...)`. err may be NULL.
bool err_set(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));
// The same, of class ERR_WORK.
bool err_fail(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));
// The same, of the class that `error`, an errno of opening or reading an input, has: ERR_INPUT
// where the file is missing, no file or not permitted; ERR_WORK for I/O errors and missing
// resources.
bool err_read(struct err *err, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(3)));
// The same, of the class of `why`: for a sentence that continues another one.
bool err_wrap(struct err *err, const struct err *why, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(2, 3)));
bool err_setv(struct err *err, enum err_class class, const char *format, va_list args)
    __attribute__((format(printf, 3, 0), nonnull(3)));

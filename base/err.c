#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A byte inside a UTF-8 character: a cut in front of it would leave half a character.
static bool continues_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

// Copies a sentence of `length` bytes and shortens it in the middle, because the path is at the
// start and the reason and the remedy are at the end.
static void copy_shortened(char *to, size_t capacity, const char *sentence, size_t length)
{
    static const char gap[] = " ... ";
    size_t head = capacity / 3, tail = length - (capacity - head - sizeof gap);
    while (head > 0 && continues_character(sentence[head]))
        head--;
    while (continues_character(sentence[tail]))
        tail++;
    memcpy(to, sentence, head);
    memcpy(to + head, gap, sizeof gap - 1);
    memcpy(to + head + sizeof gap - 1, sentence + tail, length - tail + 1);
}

bool err_setv(struct err *err, enum err_class class, const char *format, va_list args)
{
    if (!err || err->text[0])
        return false;
    err->class = class;
    va_list args_copy;
    va_copy(args_copy, args);
    int n = vsnprintf(err->text, sizeof err->text, format, args);
    // Not mem_alloc: this sentence may report that there is no memory.
    char *sentence = n >= (int)sizeof err->text ? malloc((size_t)n + 1) : NULL;
    if (sentence) {
        vsnprintf(sentence, (size_t)n + 1, format, args_copy);
        copy_shortened(err->text, sizeof err->text, sentence, (size_t)n);
    }
    free(sentence);
    va_end(args_copy);
    return false;
}

// Errors that the user can correct by another name are input errors; all others are failures.
static enum err_class class_of_read(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EACCES:
    case EPERM:
    case ENXIO:
        return ERR_INPUT;
    default:
        return ERR_WORK;
    }
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

bool err_read(struct err *err, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_setv(err, class_of_read(error), format, args);
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

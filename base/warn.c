#include "base/warn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void warn_add(struct warnings *warnings, const char *code, const char *format, ...)
{
    if (!warnings)
        return;
    struct warning new;
    va_list args;
    va_start(args, format);
    vsnprintf(new.text, sizeof new.text, format, args);
    va_end(args);
    snprintf(new.code, sizeof new.code, "%s", code);
    for (size_t i = 0; i < warnings->n; i++)
        if (!strcmp(warnings->items[i].code, new.code) &&
            !strcmp(warnings->items[i].text, new.text))
            return;
    warnings->items = mem_grow(warnings->items, &warnings->capacity, warnings->n + 1, sizeof new);
    warnings->items[warnings->n++] = new;
}

void warnings_fini(struct warnings *warnings)
{
    free(warnings->items);
    *warnings = (struct warnings){0};
}

void warnings_json(const struct warnings *warnings, struct jsonw *w)
{
    jsonw_array(w, "warnings");
    for (size_t i = 0; i < warnings->n; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "code", warnings->items[i].code);
        jsonw_string(w, "text", warnings->items[i].text);
        jsonw_end(w);
    }
    jsonw_end(w);
}

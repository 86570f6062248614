#include "base/visible.h"

#include "base/escape.h"
#include "base/mem.h"

static struct arena *memory(void)
{
    static struct arena *mem;
    if (!mem)
        mem = arena_create();
    return mem;
}

const char *visible(const char *text)
{
    return escape_is_line(text) ? text : escape_line(memory(), text);
}

const char *visible_word(const char *text)
{
    return visible(escape_shell(memory(), text));
}

// SQLite's memory comes from base/mem: an allocation that fails ends the program there, and
// SQLite never sees a NULL that one of its many calls would have to report.
#include "tools/study/memory.h"

#include <stdlib.h>
#include <sqlite3.h>
#include <string.h>

#include "base/mem.h"

enum { HEAD = 16 }; // header of a block: its size; keeps the alignment of malloc

static void *give(int n)
{
    char *block = mem_bytes(HEAD + (size_t)n);
    memcpy(block, &n, sizeof n);
    return block + HEAD;
}

static void drop(void *p)
{
    if (p)
        free((char *)p - HEAD);
}

static void *resize(void *p, int n)
{
    char *block = mem_resize((char *)p - HEAD, HEAD + (size_t)n, 1);
    memcpy(block, &n, sizeof n);
    return block + HEAD;
}

static int size_of(void *p)
{
    int n = 0;
    if (p)
        memcpy(&n, (const char *)p - HEAD, sizeof n);
    return n;
}

static int round_up(int n)
{
    return (n + 7) & ~7;
}

static int start(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void stop(void *context)
{
    (void)context;
}

void store_memory(void)
{
    static const sqlite3_mem_methods methods = {give,     drop,  resize, size_of,
                                                round_up, start, stop,   NULL};
    static int done;
    if (!done)
        sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    done = 1;
}

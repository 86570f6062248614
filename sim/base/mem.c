#include "sim/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, BLOCK = 16384 };

struct block {
    struct block *next;
    size_t used, size; // of the bytes behind the header, which start ALIGN bytes after it
};

struct arena {
    struct block *blocks; // newest first
};

static _Noreturn void out_of_memory(void)
{
    fputs("bitline: out of memory\n", stderr);
    abort();
}

static size_t product(size_t n, size_t size)
{
    if (size && n > (SIZE_MAX - (size_t)2 * ALIGN) / size)
        out_of_memory();
    return n * size;
}

struct arena *arena_create(void)
{
    return mem_alloc(1, sizeof(struct arena));
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    struct block *block = arena->blocks;
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(arena);
}

void *arena_alloc(struct arena *arena, size_t n, size_t size)
{
    size_t bytes = (product(n, size) + ALIGN - 1) / ALIGN * ALIGN;
    struct block *block = arena->blocks;
    if (!block || block->size - block->used < bytes) {
        size_t room = bytes > BLOCK ? bytes : BLOCK;
        block = aligned_alloc(ALIGN, ALIGN + (room + ALIGN - 1) / ALIGN * ALIGN);
        if (!block)
            out_of_memory();
        *block = (struct block){.next = arena->blocks, .size = room};
        arena->blocks = block;
    }
    void *p = (char *)block + ALIGN + block->used;
    block->used += bytes;
    return memset(p, 0, bytes);
}

char *arena_strndup(struct arena *arena, const char *text, size_t n)
{
    char *copy = arena_alloc(arena, n + 1, 1);
    if (n)
        memcpy(copy, text, n);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(arena, (size_t)(n < 0 ? 0 : n) + 1, 1);
    vsnprintf(text, (size_t)(n < 0 ? 0 : n) + 1, format, again);
    va_end(again);
    return text;
}

void *mem_alloc(size_t n, size_t size)
{
    size_t bytes = product(n, size);
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p)
        out_of_memory();
    return p;
}

void *mem_resize(void *old, size_t n, size_t size)
{
    size_t bytes = product(n, size);
    void *p = realloc(old, bytes ? bytes : 1);
    if (!p)
        out_of_memory();
    return p;
}

void *mem_grow(void *items, size_t *capacity, size_t n, size_t size)
{
    if (n <= *capacity)
        return items;
    size_t grown = *capacity ? *capacity : 16;
    while (grown < n)
        grown *= 2;
    items = mem_resize(items, grown, size);
    *capacity = grown;
    return items;
}

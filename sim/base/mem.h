// Memory: arenas for things that live and die together, and a checked malloc. Out of memory ends
// the program here; nobody else tests for it.
#pragma once
#include <stddef.h>

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena *arena); // NULL is fine
// n * size bytes, zeroed, 64-byte aligned; never NULL, also when n is 0.
void *arena_alloc(struct arena *arena, size_t n, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t n);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

void *mem_alloc(size_t n, size_t size);             // zeroed; free() it
void *mem_resize(void *old, size_t n, size_t size); // realloc with an overflow check
// Grows *items (of `size` bytes each, *capacity of them) so that it holds at least n; returns it.
void *mem_grow(void *items, size_t *capacity, size_t n, size_t size);

// Memory: arenas for objects with the same lifetime, and a checked malloc. An allocation that fails
// calls the program's handler; callers need no check.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Called when `bytes` could not be allocated (0: the calling library did not say how many;
// SIZE_MAX: more than can be addressed), in any thread, also inside a library. It must neither
// return nor allocate.
typedef void mem_handler(size_t bytes);
// Sets the handler, also for operator new of C++ libraries. Without one, mem_fail aborts.
void mem_on_failure(mem_handler *handler);
// Calls the handler: for libraries that report a failed allocation in their own way.
_Noreturn void mem_fail(size_t bytes);
// For tests: makes the n-th allocation of this module from now on fail (1: the next; 0: none).
void mem_fail_at(uint64_t n);

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
void *mem_bytes(size_t bytes);                      // not zeroed; malloc for libraries; free() it
void *mem_resize(void *old, size_t n, size_t size); // realloc with an overflow check
// Grows *items (of `size` bytes each, *capacity of them) so that it holds at least n; returns it.
void *mem_grow(void *items, size_t *capacity, size_t n, size_t size);

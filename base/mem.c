#include "base/mem.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, BLOCK = 16384 };

struct block {
    struct block *next;
    size_t used, size; // of the bytes after the header, which start ALIGN bytes after it
};

struct arena {
    struct block *blocks; // newest first
};

static mem_handler *on_failure;
static atomic_uint_least64_t fail_at; // counts down to the allocation that fails; 0: none

_Noreturn void mem_fail(size_t bytes)
{
    if (on_failure)
        on_failure(bytes);
    fputs("out of memory\n", stderr);
    abort();
}

static void fail_in_cxx(void)
{
    mem_fail(0);
}

// SimGrid and oneDNN are C++ libraries: where operator new fails, it calls std::new_handler.
// Without one it throws an exception, which C code cannot catch.
static void set_new_handler(void)
{
    void (*(*set)(void (*)(void)))(void) = NULL;
    void *program = dlopen(NULL, RTLD_LAZY);
    void *symbol = program ? dlsym(program, "_ZSt15set_new_handlerPFvvE") : NULL;
    memcpy(&set, &symbol, sizeof set);
    if (set)
        set(fail_in_cxx);
    if (program)
        dlclose(program);
}

void mem_on_failure(mem_handler *handler)
{
    on_failure = handler;
    set_new_handler();
}

void mem_fail_at(uint64_t n)
{
    atomic_store(&fail_at, n);
}

// Whether a test requested that this allocation fails.
static bool must_fail(void)
{
    return atomic_load_explicit(&fail_at, memory_order_relaxed) &&
           atomic_fetch_sub(&fail_at, 1) == 1;
}

// Returns p, the result of malloc, realloc or aligned_alloc for `bytes`, unless it is NULL.
static void *checked(void *p, size_t bytes)
{
    if (p && must_fail()) {
        free(p);
        p = NULL;
    }
    if (!p)
        mem_fail(bytes);
    return p;
}

static size_t product(size_t n, size_t size)
{
    if (size && n > (SIZE_MAX - (size_t)2 * ALIGN) / size)
        mem_fail(SIZE_MAX);
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
        size_t size_needed = bytes > BLOCK ? bytes : BLOCK;
        size_t all = ALIGN + (size_needed + ALIGN - 1) / ALIGN * ALIGN;
        block = checked(aligned_alloc(ALIGN, all), all);
        *block = (struct block){.next = arena->blocks, .size = size_needed};
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
    va_list args_copy;
    va_copy(args_copy, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(arena, (size_t)(n < 0 ? 0 : n) + 1, 1);
    vsnprintf(text, (size_t)(n < 0 ? 0 : n) + 1, format, args_copy);
    va_end(args_copy);
    return text;
}

void *mem_alloc(size_t n, size_t size)
{
    size_t bytes = product(n, size);
    return checked(calloc(1, bytes ? bytes : 1), bytes);
}

void *mem_bytes(size_t bytes)
{
    return checked(malloc(bytes ? bytes : 1), bytes);
}

void *mem_resize(void *old, size_t n, size_t size)
{
    size_t bytes = product(n, size);
    return checked(realloc(old, bytes ? bytes : 1), bytes);
}

void *mem_grow(void *items, size_t *capacity, size_t n, size_t size)
{
    if (n <= *capacity)
        return items;
    size_t grown = *capacity ? *capacity : 16;
    while (grown < n)
        grown = grown > SIZE_MAX / 2 ? n : grown * 2;
    items = mem_resize(items, grown, size);
    *capacity = grown;
    return items;
}

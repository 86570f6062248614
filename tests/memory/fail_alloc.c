// A library for LD_PRELOAD: the n-th allocation of a program fails, whoever asks for it, libraries
// too. Allocations count from main() on; a forked process goes on counting from its parent's count.
//   FAIL_AT=n        the n-th allocation returns NULL, and all that follow
//   FAIL_ONCE=1      only the n-th
//   FAIL_COUNT=FILE  the process that began main() writes its count of allocations there at exit
#define _GNU_SOURCE // RTLD_NEXT
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef int main_function(int, char **, char **);
typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void),
                           void (*)(void), void *);

// The allocator of glibc under its other names.
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t alignment, size_t n);
start_function __libc_start_main;
void *memalign(size_t alignment, size_t n);
void *valloc(size_t n);

static atomic_bool counting;
static atomic_uint_least64_t count;
static uint64_t fail_at;
static bool fail_once;
static main_function *real_main;
static pid_t first_process;
static const char *count_file;

static bool fails(void)
{
    if (!atomic_load(&counting))
        return false;
    uint64_t n = atomic_fetch_add(&count, 1) + 1;
    if (!fail_at || n < fail_at || (fail_once && n > fail_at))
        return false;
    errno = ENOMEM;
    return true;
}

EXPORT void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}

EXPORT void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *old, size_t n)
{
    return fails() ? NULL : __libc_realloc(old, n);
}

EXPORT void *memalign(size_t alignment, size_t n)
{
    return fails() ? NULL : __libc_memalign(alignment, n);
}

EXPORT void *aligned_alloc(size_t alignment, size_t n)
{
    return fails() ? NULL : __libc_memalign(alignment, n);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t n)
{
    void *p = fails() ? NULL : __libc_memalign(alignment, n);
    if (p)
        *out = p;
    return p ? 0 : ENOMEM;
}

static void write_count(void)
{
    char text[32];
    atomic_store(&counting, false);
    if (!count_file || getpid() != first_process)
        return;
    int fd = open(count_file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    int n = snprintf(text, sizeof text, "%llu\n", (unsigned long long)atomic_load(&count));
    if (fd < 0 || write(fd, text, (size_t)n) != n)
        _exit(99);
    close(fd);
}

static int counted_main(int argc, char **argv, char **env)
{
    const char *at = getenv("FAIL_AT"), *once = getenv("FAIL_ONCE");
    fail_at = at ? strtoull(at, NULL, 10) : 0;
    fail_once = once && *once == '1';
    count_file = getenv("FAIL_COUNT");
    first_process = getpid();
    unsetenv("LD_PRELOAD"); // not in the programs that this one starts
    atexit(write_count);
    atomic_store(&counting, true);
    return real_main(argc, argv, env);
}

EXPORT int __libc_start_main(main_function *program, int argc, char **argv, void (*init)(void),
                             void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    start_function *start;
    void *symbol = dlsym(RTLD_NEXT, "__libc_start_main");
    memcpy(&start, &symbol, sizeof start);
    real_main = program;
    return start(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}

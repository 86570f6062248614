#include "tools/cli/memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tools/cli/cmd.h"

static const char remedy[] =
    "; close other programs, use fewer --jobs or a smaller net, batch or number of images";

// Buffered output is dropped on purpose: a truncated table would look complete.
static void end(size_t bytes)
{
    char text[256];
    int n;
    file_discard_all();
    if (bytes == 0)
        n = snprintf(text, sizeof text, "bitline: out of memory%s\n", remedy);
    else if (bytes == SIZE_MAX)
        n = snprintf(text, sizeof text,
                     "bitline: out of memory: the request exceeds the address space%s\n", remedy);
    else
        n = snprintf(text, sizeof text, "bitline: out of memory: could not allocate %zu bytes%s\n",
                     bytes, remedy);
    if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0)
        _exit(EXIT_FAILED);
    _exit(EXIT_FAILED);
}

// Replaces the C library's function for all libraries of the program, because oneDNN does not
// check the result.
int posix_memalign(void **out, size_t alignment, size_t n)
{
    if (!alignment || alignment % sizeof(void *) || (alignment & (alignment - 1)))
        return EINVAL;
    if (n > SIZE_MAX - alignment)
        mem_fail(SIZE_MAX);
    *out = aligned_alloc(alignment, (n + alignment - 1) / alignment * alignment);
    if (!*out)
        mem_fail(n);
    return 0;
}

void memory_start(void)
{
    mem_on_failure(end);
}

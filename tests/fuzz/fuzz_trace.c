// Any bytes at all to the trace reader: it may refuse them, with a sentence, and nothing else.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "traces/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace_summary summary;
    struct err err = {""};
    char *copy = mem_alloc(size, 1); // fmemopen takes no const
    if (size)
        memcpy(copy, data, size);
    FILE *in = size ? fmemopen(copy, size, "rb") : fopen("/dev/null", "rb");
    if (!in)
        abort();
    bool ok = trace_read_stream(in, "fuzz", &summary, &err);
    if (ok)
        trace_summary_fini(&summary);
    else if (!err.text[0])
        abort();
    fclose(in);
    free(copy);
    return 0;
}

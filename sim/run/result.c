#include "sim/run/result.h"

#include "base/mem.h"

void result_destroy(struct result *result)
{
    if (result)
        arena_destroy(result->mem);
}

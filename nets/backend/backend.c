#include "nets/backend/backend.h"

#include <string.h>

const char *const operand_names[] = {"f32", "bf16", NULL};

// The fastest last.
static const struct backend *const backends[] = {&backend_reference, NULL};

const struct backend *const *backend_list(void)
{
    return backends;
}

const struct backend *backend_find(const char *name)
{
    const struct backend *found = NULL;
    for (size_t i = 0; backends[i]; i++)
        if (!strcmp(name, "auto") || !strcmp(name, backends[i]->name))
            found = backends[i];
    return found;
}

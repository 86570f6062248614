#include "tests/train/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char folder[] = "checkpoints-XXXXXX";

int folder_enter(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

int folder_leave(void **state)
{
    static const char *const names[] = {"checkpoint", "checkpoint.old"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

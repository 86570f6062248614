#include "tools/progress.h"

#include <stdio.h>

void progress_left(double seconds)
{
    long left = (long)(seconds + 0.5);
    fprintf(stderr, ", %ld:%02ld:%02ld left", left / 3600, left / 60 % 60, left % 60);
}

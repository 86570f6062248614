#include "tools/cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

void progress_left(double seconds)
{
    long left = (long)(seconds + 0.5);
    fprintf(stderr, ", %ld:%02ld:%02ld left", left / 3600, left / 60 % 60, left % 60);
}

void progress_checked(size_t done, size_t all)
{
    enum { FEW = 20 };
    static double shown_s;
    double now = clock_now_s();
    if (all < FEW || !isatty(STDERR_FILENO) || (now - shown_s < 0.5 && done < all))
        return;
    shown_s = now;
    fprintf(stderr, "\r%zu/%zu chips and nets checked\033[K%s", done, all, done == all ? "\n" : "");
}

#include "tools/cli/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

// Unlike SIG_IGN, a handler does not outlive an exec.
static void do_nothing(int number)
{
    (void)number;
}

void process_init(void)
{
    const struct sigaction nothing = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
    sigaction(SIGXFSZ, &nothing, NULL);
    sigaction(SIGPIPE, &nothing, NULL);
    unsetenv("POSIXLY_CORRECT");
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

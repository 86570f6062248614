#include "tools/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/err.h"
#include "sim/base/file.h"

// Takes gnuplot's standard output as the picture's bytes; -d: a user's own settings stay out of it.
static _Noreturn void become_gnuplot(const char *folder, const char *gp, int picture)
{
    static char name[] = "gnuplot", bare[] = "-d";
    char script[256], *arguments[] = {name, bare, script, NULL};
    snprintf(script, sizeof script, "%s", gp);
    int nothing = open("/dev/null", O_RDWR);
    if (chdir(folder) == 0 && nothing >= 0 && dup2(nothing, 0) >= 0 && dup2(picture, 1) >= 0 &&
        dup2(nothing, 2) >= 0)
        execvp("gnuplot", arguments);
    _exit(127);
}

static bool draw(const char *folder, const char *name, FILE *picture, struct err *why)
{
    char script[256];
    snprintf(script, sizeof script, "%s.gp", name);
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        become_gnuplot(folder, script, fileno(picture));
    if (pid < 0)
        return err_set(why, "no picture: gnuplot could not be started: %s", strerror(errno));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(why,
                       "no picture: gnuplot is not installed; with it (Debian: gnuplot-nox), "
                       "in %s: gnuplot -d %s > %s.svg",
                       folder, script, name);
    return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
           err_set(why, "no picture: gnuplot failed; in %s: gnuplot -d %s tells why", folder,
                   script);
}

bool gnuplot_draw(const char *folder, const char *name, bool *drawn, struct err *why,
                  struct err *err)
{
    char path[4096];
    *drawn = false;
    if ((size_t)snprintf(path, sizeof path, "%s/%s.svg", folder, name) >= sizeof path)
        return err_set(err, "%.60s...: the name of the folder is too long", folder);
    struct file_out *picture = file_create(path, err);
    if (!picture)
        return false;
    *drawn = draw(folder, name, file_stream(picture), why);
    if (*drawn)
        return file_commit(picture, err);
    file_discard(picture);
    return true;
}

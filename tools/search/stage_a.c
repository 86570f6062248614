#include "tools/search/stage_a.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nets/train/trainer.h"
#include "sim/base/err.h"
#include "tools/pool.h"
#include "tools/train/run.h"

struct report {
    bool ok, done;
    struct err err, warning;
};

static void train(const struct train_job *job, const char *folder, const struct stage_a *how,
                  struct report *r)
{
    struct run_options options = {.folder = folder, .resume = true, .workers = how->threads};
    struct run *run = NULL;
    if (!run_open(job, &options, &run, &r->warning, &r->err))
        return;
    r->ok = run_train(run, how->stop, how->progress, &r->err);
    r->done = r->ok && trainer_done(run->trainer);
    if (r->done)
        r->ok = run_export(run, &r->err);
    run_close(run);
}

static _Noreturn void begin(const struct train_job *job, const char *folder,
                            const struct stage_a *how, pid_t driver, int out)
{
    struct report report = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != driver)
        _exit(0); // the driver was quicker to die
    if (how->begin)
        how->begin(how->context);
    train(job, folder, how, &report);
    _exit(pool_send(out, &report, sizeof report) ? 0 : 1);
}

// A signal that met the driver alone is passed on; a second one does no harm.
static void wait_for(pid_t child, int in, const volatile sig_atomic_t *stop)
{
    struct pollfd polled = {.fd = in, .events = POLLIN};
    bool told = false;
    while (poll(&polled, 1, 200) <= 0)
        if (*stop && !told) {
            kill(child, SIGTERM);
            told = true;
        }
}

bool stage_a_run(const struct train_job *job, const char *folder, const struct stage_a *how,
                 bool *done, struct err *warning, struct err *err)
{
    int ends[2];
    struct report report;
    pid_t driver = getpid();
    if (pipe(ends))
        return err_set(err, "stage A could not be started: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        begin(job, folder, how, driver, ends[1]);
    }
    close(ends[1]);
    bool heard = false;
    if (child > 0) {
        wait_for(child, ends[0], how->stop);
        heard = pool_receive(ends[0], &report, sizeof report);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close(ends[0]);
    if (!heard)
        return err_set(err, "%s: the process that trained was killed; go on with --resume", folder);
    *done = report.done;
    *warning = report.warning;
    if (!report.ok)
        *err = report.err;
    return report.ok;
}

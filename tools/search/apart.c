#include "tools/search/apart.h"

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
#include "tools/train/job.h"
#include "tools/train/run.h"
#include "workloads/dataset.h"

struct report {
    bool ok;
    struct err err;
    struct trained trained;
};

static void train(const struct train_job *job, const char *folder, const struct apart *how,
                  bool test, struct report *r)
{
    struct trained *t = &r->trained;
    struct run_options options = {.folder = folder, .resume = true, .workers = how->threads};
    struct run *run = NULL;
    if (!run_open(job, &options, &run, &t->warning, &r->err))
        return;
    r->ok = run_train(run, how->stop, how->progress, &r->err);
    t->done = r->ok && trainer_done(run->trainer);
    if (t->done)
        r->ok = run_export(run, &r->err);
    if (t->done && test)
        t->test_accuracy = (double)trainer_right(run->trainer, job->test) / (double)job->test->n;
    run_close(run);
}

static _Noreturn void begin(const struct train_job *job, const char *folder,
                            const struct apart *how, bool test, pid_t driver, int out)
{
    struct report report = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != driver)
        _exit(0); // the driver was quicker to die
    if (how->begin)
        how->begin(how->context);
    train(job, folder, how, test, &report);
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

bool apart_train(const struct train_job *job, const char *folder, const struct apart *how,
                 bool test, struct trained *out, struct err *err)
{
    int ends[2];
    struct report report;
    pid_t driver = getpid();
    if (pipe(ends))
        return err_set(err, "a process to train in could not be started: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        begin(job, folder, how, test, driver, ends[1]);
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
    *out = report.trained;
    if (!report.ok)
        *err = report.err;
    return report.ok;
}

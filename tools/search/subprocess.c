#include "tools/search/subprocess.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nets/train/trainer.h"
#include "base/err.h"
#include "base/mem.h"
#include "tools/study/child.h"
#include "tools/study/pool.h"
#include "tools/train/job.h"
#include "tools/train/run.h"
#include "workloads/dataset.h"

// Never returns.
static void begin(const struct subprocess *how, void (*work)(void *context, void *answer),
                  void *context, size_t size, pid_t driver, int out)
{
    void *answer = mem_alloc(size, 1);
    child_die_with(driver);
    if (how->begin)
        how->begin(how->context);
    work(context, answer);
    _exit(pool_send(out, answer, size) ? 0 : 1);
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

bool subprocess_run(const struct subprocess *how, void (*work)(void *context, void *answer),
                    void *context, size_t size, void *answer, struct err *err)
{
    int ends[2];
    pid_t driver = getpid();
    if (!child_pipe(ends))
        return err_fail(err, "a process to work in could not be started: %s", strerror(errno));
    pid_t child = child_fork();
    if (child == 0) {
        close(ends[0]);
        begin(how, work, context, size, driver, ends[1]);
    }
    if (child < 0)
        err_fail(err, "a process to work in could not be started: %s", strerror(errno));
    close(ends[1]);
    bool heard = false;
    if (child > 0) {
        wait_for(child, ends[0], how->stop);
        heard = pool_receive(ends[0], answer, size);
        child_wait(child);
    }
    close(ends[0]);
    // Where there was no child, the sentence of that stays.
    return heard || err_fail(err, "a process of the search was killed; see that there is memory "
                                  "enough, then go on with --resume");
}

// --- Training ---

struct training {
    const struct train_job *job;
    const char *folder;
    const struct subprocess *how;
    bool test;
};

struct report {
    bool ok;
    struct err err;
    struct trained trained;
};

static void train(void *context, void *answer)
{
    const struct training *it = context;
    struct report *r = answer;
    struct trained *t = &r->trained;
    struct run_options options = {
        .folder = it->folder, .resume = true, .workers = it->how->threads};
    struct run *run = NULL;
    if (!run_open(it->job, &options, &run, &t->warning, &r->err))
        return;
    r->ok = run_train(run, it->how->stop, it->how->progress, &r->err);
    t->done = r->ok && trainer_done(run->trainer);
    if (t->done)
        r->ok = run_export(run, &r->err);
    if (t->done && it->test)
        t->test_accuracy =
            (double)trainer_right(run->trainer, it->job->test) / (double)it->job->test->n;
    r->ok = run_close(run, NULL, &r->err) && r->ok;
}

bool subprocess_train(const struct train_job *job, const char *folder, const struct subprocess *how,
                      bool test, struct trained *out, struct err *err)
{
    struct training training = {job, folder, how, test};
    struct report report = {0};
    struct err why = {0};
    if (!subprocess_run(how, train, &training, sizeof report, &report, &why))
        return err_wrap(err, &why, "%s: %s", folder, why.text);
    *out = report.trained;
    if (!report.ok)
        *err = report.err;
    return report.ok;
}

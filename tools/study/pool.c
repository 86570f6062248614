#include "tools/study/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "tools/study/child.h"

bool pool_send(int fd, const void *data, size_t n)
{
    const char *from = data;
    while (n) {
        ssize_t done = write(fd, from, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        from += done;
        n -= (size_t)done;
    }
    return true;
}

bool pool_receive(int fd, void *data, size_t n)
{
    char *to = data;
    while (n) {
        ssize_t done = read(fd, to, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        to += done;
        n -= (size_t)done;
    }
    return true;
}

struct worker {
    pid_t pid;
    int fd;
};

static bool start(struct worker *w, int j, int jobs, size_t size,
                  void (*work)(void *, int, int, void *), void *context, struct err *err)
{
    int ends[2];
    pid_t parent = getpid();
    if (!child_pipe(ends))
        return err_fail(err, "a worker could not be started: %s; use fewer --jobs",
                        strerror(errno));
    w->pid = child_fork();
    if (w->pid < 0) {
        err_fail(err, "a worker could not be started: %s; use fewer --jobs", strerror(errno));
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    if (w->pid == 0) {
        child_die_with(parent);
        close(ends[0]);
        char *result = mem_alloc(size, 1);
        work(context, j, jobs, result);
        _exit(pool_send(ends[1], result, size) ? 0 : 1);
    }
    close(ends[1]);
    w->fd = ends[0];
    return true;
}

bool pool_run(int jobs, size_t size, void (*work)(void *context, int j, int jobs, void *result),
              void *context, void *results, struct err *err)
{
    memset(results, 0, size * (size_t)jobs);
    if (jobs == 1) {
        work(context, 0, 1, results);
        return true;
    }
    struct worker *workers = mem_alloc((size_t)jobs, sizeof *workers);
    bool ok = true;
    int started = 0;
    for (; started < jobs && ok; started++)
        ok = start(&workers[started], started, jobs, size, work, context, err);
    started -= !ok;
    for (int j = 0; j < started; j++) {
        if (!ok)
            kill(workers[j].pid, SIGKILL); // its result is not needed
        bool read = pool_receive(workers[j].fd, (char *)results + (size_t)j * size, size);
        close(workers[j].fd);
        int status = child_wait(workers[j].pid);
        if (ok && (!read || status != 0))
            ok = err_fail(err,
                          "worker %d died before it was done; see that there is memory enough, or "
                          "use fewer --jobs",
                          j);
    }
    free(workers);
    return ok;
}

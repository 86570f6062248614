#define _GNU_SOURCE // memfd_create
#include "sim/events/engine.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/semaphore.h>
#include <xbt/config.h>

#include "base/err.h"
#include "base/mem.h"

#define TICKS_PER_NS 16777216.0 // 2^24

struct engine_task {
    engine_main *body;
    void *arg;
    sg_sem_t sem; // made when it first blocks
    bool blocked;
    struct engine_task *next;
};

static struct {
    bool started;
    struct engine_mesh mesh;
    double start_ns; // SimGrid's clock when this run began
    int alive, blocked;
    bool dead;                 // everything left is blocked
    struct engine_task *tasks; // of this run, newest first
} engine;

static void write_platform(FILE *out, const struct engine_mesh *mesh)
{
    fputs("<?xml version='1.0'?>\n"
          "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
          "<platform version=\"4.1\">\n<zone id=\"chip\" routing=\"Full\">\n",
          out);
    if (mesh->columns > 0) {
        // A mesh is the quarter of a torus twice its size: shortest paths in it never wrap.
        int scale = mesh->torus ? 1 : 2;
        int columns = mesh->columns * scale, rows = mesh->rows * scale;
        fprintf(out,
                "<cluster id=\"c\" prefix=\"t\" suffix=\"\" radical=\"0-%d\" speed=\"1f\" "
                "bw=\"%.17gBps\" lat=\"0s\" topology=\"TORUS\" topo_parameters=\"%d,%d\"/>\n",
                columns * rows - 1, mesh->link_bps * 1e-9 / 8, columns, rows);
    } else {
        fputs("<host id=\"t0\" speed=\"1f\"/>\n", out);
    }
    fputs("</zone>\n</platform>\n", out);
}

// SimGrid aborts where malloc returns NULL.
static void on_abort(int signal_number)
{
    if (errno == ENOMEM)
        mem_fail(0);
    signal(signal_number, SIG_DFL); // abort raises it again
}

static bool load_platform(const struct engine_mesh *mesh, struct err *err)
{
    int fd = memfd_create("platform", 0);
    int copy = fd >= 0 ? dup(fd) : -1;
    FILE *out = copy >= 0 ? fdopen(copy, "w") : NULL;
    bool ok = out != NULL;
    if (ok)
        write_platform(out, mesh);
    if (out)
        ok = fclose(out) == 0;
    if (!ok) {
        int why = errno;
        if (why == ENOMEM || why == ENOSPC)
            mem_fail(0);
        if (fd >= 0)
            close(fd);
        return err_fail(err, "the simulation's platform could not be written to memory: %s",
                        strerror(why));
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    simgrid_load_platform(path);
    close(fd);
    return true;
}

bool engine_start(const struct engine_mesh *mesh, struct err *err)
{
    static const struct engine_mesh none;
    if (!mesh)
        mesh = &none;
    if (engine.started) {
        const struct engine_mesh *is = &engine.mesh;
        if (mesh->columns > is->columns || mesh->rows > is->rows ||
            (mesh->columns > 0 && (mesh->torus != is->torus || mesh->link_bps < is->link_bps ||
                                   mesh->link_bps > is->link_bps)))
            return err_set(err, "this process has loaded another network already; run the backend "
                                "simgrid in a process of its own");
        return true;
    }
    char name[] = "bitline", log[] = "--log=root.thres:critical", *argv[] = {name, log, NULL};
    int argc = 2;
    signal(SIGABRT, on_abort);
    simgrid_init(&argc, argv);
    sg_cfg_set_string("network/model", "CM02");
    sg_cfg_set_boolean("network/crosstraffic", "no");
    sg_cfg_set_double("network/TCP-gamma", 0);
    sg_cfg_set_int("contexts/stack-size", 64); // KiB
    if (!load_platform(mesh, err))
        return false;
    engine.started = true;
    engine.mesh = *mesh;
    return true;
}

static void actor_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct engine_task *task = sg_actor_self_get_data();
    task->body(task->arg);
    engine.alive--;
    // If every remaining task is blocked, wake all of them, so that they can return.
    if (engine.alive > 0 && engine.blocked == engine.alive) {
        engine.dead = true;
        for (struct engine_task *t = engine.tasks; t; t = t->next)
            engine_wake(t);
    }
}

struct engine_task *engine_spawn(engine_main *body, void *arg)
{
    struct engine_task *task = mem_alloc(1, sizeof *task);
    task->body = body;
    task->arg = arg;
    task->next = engine.tasks;
    engine.tasks = task;
    engine.alive++;
    sg_actor_t actor = sg_actor_init("task", sg_host_by_name("t0"));
    sg_actor_set_data(actor, task);
    sg_actor_start(actor, actor_main, 0, NULL);
    return task;
}

bool engine_run(struct err *err)
{
    engine.start_ns = simgrid_get_clock();
    engine.blocked = 0;
    engine.dead = false;
    simgrid_run();
    bool ok = !engine.dead;
    while (engine.tasks) {
        struct engine_task *task = engine.tasks;
        engine.tasks = task->next;
        if (task->sem)
            sg_sem_destroy(task->sem);
        free(task);
    }
    engine.alive = 0;
    return ok || err_set(err, "deadlock");
}

int64_t engine_now(void)
{
    return llround((simgrid_get_clock() - engine.start_ns) * TICKS_PER_NS);
}

void engine_wait(int64_t ticks)
{
    if (ticks > 0)
        sg_actor_sleep_for((double)ticks / TICKS_PER_NS);
}

bool engine_block(struct engine_task *self)
{
    if (engine.blocked + 1 == engine.alive)
        engine.dead = true;
    if (engine.dead) {
        for (struct engine_task *t = engine.tasks; t; t = t->next)
            engine_wake(t);
        return false;
    }
    if (!self->sem)
        self->sem = sg_sem_init(0);
    self->blocked = true;
    engine.blocked++;
    sg_sem_acquire(self->sem);
    return !engine.dead;
}

void engine_wake(struct engine_task *task)
{
    if (!task->blocked)
        return;
    task->blocked = false;
    engine.blocked--;
    sg_sem_release(task->sem);
}

struct engine_task *engine_self(void)
{
    return sg_actor_self_get_data();
}

void engine_transfer(int x0, int y0, int x1, int y1, int64_t bits)
{
    int columns = engine.mesh.columns * (engine.mesh.torus ? 1 : 2);
    char from[32], to[32];
    snprintf(from, sizeof from, "t%d", y0 * columns + x0);
    snprintf(to, sizeof to, "t%d", y1 * columns + x1);
    sg_host_sendto(sg_host_by_name(from), sg_host_by_name(to), (double)bits / 8);
}

int64_t engine_ticks(double seconds)
{
    return llround(seconds * 1e9 * TICKS_PER_NS);
}

double engine_seconds(int64_t ticks)
{
    return (double)ticks / TICKS_PER_NS * 1e-9;
}

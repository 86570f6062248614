#include "nets/train/team.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

// Some 10 us: phases of a step end nearly together, and a sleep and a wake-up cost more. Longer
// waits sleep, for the machine may be shared.
enum { SPINS = 10000 };

struct team {
    atomic_int workers;
    atomic_int arrived;
    atomic_uint turn; // of the barrier
    pthread_mutex_t lock;
    pthread_cond_t turned;
    team_work *work; // NULL: the threads end
    void *context;
    struct member *members; // all but worker 0
    int started;
};

struct member {
    struct team *team;
    int worker;
    pthread_t thread;
};

void team_wait(struct team *team)
{
    unsigned turn = atomic_load(&team->turn);
    if (atomic_fetch_add(&team->arrived, 1) + 1 == team->workers) {
        atomic_store(&team->arrived, 0);
        pthread_mutex_lock(&team->lock);
        atomic_store(&team->turn, turn + 1);
        pthread_cond_broadcast(&team->turned);
        pthread_mutex_unlock(&team->lock);
        return;
    }
    for (int i = 0; i < SPINS; i++)
        if (atomic_load_explicit(&team->turn, memory_order_acquire) != turn)
            return;
    pthread_mutex_lock(&team->lock);
    while (atomic_load(&team->turn) == turn)
        pthread_cond_wait(&team->turned, &team->lock);
    pthread_mutex_unlock(&team->lock);
}

static void *serve(void *context)
{
    struct member *me = context;
    struct team *team = me->team;
    for (;;) {
        team_wait(team);
        if (!team->work)
            return NULL;
        team->work(team->context, me->worker);
        team_wait(team);
    }
}

void team_run(struct team *team, team_work *work, void *context)
{
    assert(work);
    team->work = work;
    team->context = context;
    team_wait(team);
    work(context, 0);
    team_wait(team);
}

bool team_create(int workers, struct team **out, struct err *err)
{
    assert(workers >= 1);
    struct team *team = mem_alloc(1, sizeof *team);
    team->members = mem_alloc((size_t)workers, sizeof *team->members);
    team->workers = workers;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->turned, NULL);
    while (team->started < workers - 1) {
        struct member *m = &team->members[team->started];
        *m = (struct member){.team = team, .worker = team->started + 1};
        int failed = pthread_create(&m->thread, NULL, serve, m);
        if (failed) {
            err_fail(err, "thread %d of %d does not start (%s); ask for fewer workers",
                     m->worker + 1, workers, strerror(failed));
            // Those that run wait for a crew of their own number.
            team->workers = team->started + 1;
            team_destroy(team);
            return false;
        }
        team->started++;
    }
    *out = team;
    return true;
}

void team_destroy(struct team *team)
{
    if (!team)
        return;
    team->work = NULL;
    team_wait(team);
    for (int i = 0; i < team->started; i++)
        pthread_join(team->members[i].thread, NULL);
    pthread_cond_destroy(&team->turned);
    pthread_mutex_destroy(&team->lock);
    free(team->members);
    free(team);
}

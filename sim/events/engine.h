// The clock and the processes, on SimGrid. One simulated second of SimGrid is one nanosecond here.
// Every duration is an integer number of ticks of 2^-24 ns, so sums are exact and a repeated
// simulation gives the same bits, as long as one process simulates less than 2^29 ns in total; a
// caller that needs more starts a new process.
//
// SimGrid is global to a process, and so is the engine: one at a time, started once, run any number
// of times. Not thread-safe.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct err;
struct engine_task; // a process of the simulation

typedef void engine_main(void *arg);

// Loads the platform: a single host, or a mesh of hosts for engine_transfer. The first call in a
// process fixes it; a later call that needs another mesh fails.
struct engine_mesh {
    int columns, rows; // 0: none
    bool torus;
    double link_bps;
};
bool engine_start(const struct engine_mesh *mesh, struct err *err);

// Tasks that are due at the same instant run in the order in which they were spawned.
struct engine_task *engine_spawn(engine_main *body, void *arg);
// Runs until every task has ended. Returns false if only blocked tasks remain: then every
// engine_block has returned false and all bodies have returned.
bool engine_run(struct err *err);

// Inside a task:
int64_t engine_now(void);                    // ticks since engine_run began
void engine_wait(int64_t ticks);             // 0 or less: returns at once
bool engine_block(struct engine_task *self); // until engine_wake; false: give up and return
void engine_wake(struct engine_task *task);  // no effect unless it is blocked
struct engine_task *engine_self(void);
// Moves bits over the mesh by SimGrid's flow model; returns when the last one has arrived.
void engine_transfer(int x0, int y0, int x1, int y1, int64_t bits);

int64_t engine_ticks(double seconds); // rounded to the nearest tick
double engine_seconds(int64_t ticks);

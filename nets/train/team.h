// A fixed team of threads that run one function together, with barriers inside it. The threads are
// started once; the caller is worker 0.
#pragma once
#include <stdbool.h>

struct err;
struct team;

bool team_create(int workers, struct team **out, struct err *err);
void team_destroy(struct team *team); // NULL is fine

typedef void team_work(void *context, int worker);
// Runs work(context, 0) here and work(context, 1 ...) on the others; returns when all are done.
// Call from one thread at a time.
void team_run(struct team *team, team_work *work, void *context);
// Barrier, within the work: returns when every worker has reached it; earlier writes are visible
// afterwards.
void team_wait(struct team *team);

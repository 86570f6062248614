#include "tools/search/local_workers.h"

#include "tools/search/search_loop.h"
#include "tools/study/store.h"

static void begin(void *context)
{
    const struct worker_state *b = context;
    if (b->store)
        store_leave(b->store);
}

static void work(void *context, const void *task, void *answer)
{
    struct worker_state *b = context;
    evaluate_task(&b->evaluator, task, answer);
}

static bool spent(void *context)
{
    const struct worker_state *b = context;
    return evaluator_spent(&b->evaluator);
}

struct workers_params local_workers(struct worker_state *b, const struct search *s, int jobs)
{
    *b = (struct worker_state){{.job = s->job, .space = s->space, .stages = s->stages}, s->store};
    return (struct workers_params){
        .jobs = jobs,
        .task_size = sizeof(struct search_task),
        .answer_size = sizeof(struct search_answer),
        .begin = begin,
        .work = work,
        .spent = spent,
        .context = b,
    };
}

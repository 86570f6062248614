#include "tools/search/bench.h"

#include "tools/search/drive.h"
#include "tools/study/store.h"

static void begin(void *context)
{
    const struct bench *b = context;
    if (b->store)
        store_leave(b->store);
}

static void work(void *context, const void *task, void *answer)
{
    struct bench *b = context;
    evaluate_task(&b->evaluator, task, answer);
}

static bool spent(void *context)
{
    const struct bench *b = context;
    return evaluator_spent(&b->evaluator);
}

struct workers_params bench_workers(struct bench *b, const struct search *s, int jobs)
{
    *b = (struct bench){{.job = s->job, .space = s->space, .stages = s->stages}, s->store};
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

#include "tools/search/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tools/search/search_loop.h"
#include "tools/search/history.h"
#include "tools/search/plugin.h"
#include "tools/search/space.h"

enum { MOST_UNJUDGED = 3 }; // consecutive candidates on which the evaluator command may fail

void batch_init(struct batch *b, int64_t first, int64_t n, int workers)
{
    *b = (struct batch){.first = first, .n = n};
    b->again = mem_alloc((size_t)workers, sizeof *b->again);
}

void batch_fini(struct batch *b)
{
    free(b->again);
    free(b->later);
}

static void fill_task(struct search *s, int64_t number, struct search_task *task)
{
    const struct search_episode *e = history_episode(s, number);
    *task = (struct search_task){.episode = number};
    memcpy(task->widths, e->widths, s->space->n_layers * sizeof *task->widths);
    memcpy(task->choices, e->choices, s->space->n_knobs * sizeof *task->choices);
    int32_t seen = number < 0 ? -1 : *history_place(s, e);
    if (seen >= 0) {
        task->costed = true;
        task->cost = s->episodes[seen].cost;
        task->chip_hash = s->episodes[seen].chip_hash;
        task->net_hash = s->episodes[seen].net_hash;
    }
}

bool batch_next(struct batch *b, struct search *s, struct search_task *task)
{
    if (b->n_again) {
        *task = b->again[--b->n_again];
        return true;
    }
    while (b->next < b->n) {
        int64_t step = b->next++, number = b->first < 0 ? b->first - step : b->first + step;
        if (!history_episode(s, number)->done) {
            fill_task(s, number, task);
            return true;
        }
    }
    if (b->n_later == 0)
        return false;
    *task = b->later[0];
    memmove(b->later, b->later + 1, --b->n_later * sizeof *b->later);
    return true;
}

// Two deaths are not a result: the cause may be this machine's memory, and results must not depend
// on the machine.
bool batch_retry(struct batch *b, struct search_task *task, struct err *err)
{
    if (task->deaths++ > 0)
        return err_fail(err,
                        "two workers died while running episode %lld; provide more memory, or "
                        "use fewer --jobs, then continue with --resume",
                        (long long)task->episode);
    b->again[b->n_again++] = *task;
    return true;
}

bool batch_put_off(struct batch *b, struct search_task *task, const struct search_answer *answer,
                   struct err *err)
{
    if (++b->unjudged >= MOST_UNJUDGED)
        return err_fail(err,
                        "the evaluator command failed %d times in a row, the last time "
                        "on episode %lld: %.300s; fix it and continue with --resume",
                        b->unjudged * PLUGIN_TRIES, (long long)task->episode, answer->err.text);
    task->costed = true;
    task->cost = answer->cost;
    task->chip_hash = answer->chip_hash;
    task->net_hash = answer->net_hash;
    b->later = mem_grow(b->later, &b->later_size, b->n_later + 1, sizeof *b->later);
    b->later[b->n_later++] = *task;
    return true;
}

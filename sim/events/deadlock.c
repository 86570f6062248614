// Reports which nodes wait for which in a deadlock.
#include <stdio.h>

#include "base/err.h"
#include "sim/events/sim_state.h"

static const char *name_of(const struct node *node, char *buf, size_t n)
{
    if (!node->is)
        snprintf(buf, n, "the image source");
    else
        snprintf(buf, n, "%s (tile %d)", node->layer->name, node->is->tile);
    return buf;
}

// The node that a blocked node waits for, and the kind of data.
static const struct node *waits_for(const struct node *node, const char **what)
{
    const struct channel *c = node->waiting;
    *what = c->is->kind == CHANNEL_SHORTCUT ? "residual rows"
            : c->is->kind == CHANNEL_PSUM   ? "partial sums"
                                            : "input rows";
    return c->reader == node ? c->writer : c->reader;
}

bool deadlock_say(const struct run *run, struct err *err)
{
    char text[420] = "", a[96], b[96];
    int used = 0;
    const struct node *at = NULL;
    for (int i = 0; i < run->flow->n_nodes && !at; i++)
        if (run->nodes[i].waiting)
            at = &run->nodes[i];
    // Follow the waits until they form a cycle, then print the cycle once.
    for (int i = 0; at && at->waiting && i < run->flow->n_nodes + 1; i++) {
        const char *what;
        at = waits_for(at, &what);
    }
    const struct node *start = at;
    for (int i = 0; at && at->waiting && i < 6; i++) {
        const char *what;
        const struct node *other = waits_for(at, &what);
        bool reads = at->waiting->reader == at;
        used +=
            snprintf(text + used, sizeof text - (size_t)used, "%s%s waits for %s%s %s %s",
                     used ? "; " : "", name_of(at, a, sizeof a), reads ? "" : "a free place for ",
                     what, reads ? "from" : "in", name_of(other, b, sizeof b));
        if (used >= (int)sizeof text)
            break;
        at = other;
        if (at == start)
            break;
    }
    return err_set(err,
                   "deadlock: %s. Deeper buffers help: tile.residual_rows, tile.input_rows, "
                   "tile.psum_rows, or more bytes",
                   text[0] ? text : "no task can continue");
}

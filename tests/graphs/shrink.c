// Makes a failing graph smaller while the same property fails.
#include "tests/graphs/trial.h"

#include <string.h>

static bool fails(const struct graph *graph, const char *property)
{
    static struct report report; // large
    memset(&report, 0, sizeof report);
    return check_graph(graph, &report) == DIFFERENT && strcmp(report.property, property) == 0;
}

static bool without_a_node(struct graph *graph, const char *property)
{
    static struct graph smaller; // large
    for (int i = graph->n - 1; i > 0; i--)
        for (int side = 0; side < GRAPH_PARTS; side++)
            if (graph_without(graph, i, side, &smaller) && fails(&smaller, property)) {
                *graph = smaller;
                return true;
            }
    return false;
}

static bool with_defaults(struct graph *graph, const char *property)
{
    struct graph plainer = *graph;
    plainer.normalise = GRAPH_UNIT;
    plainer.bn_eps = 1e-5;
    plainer.add_before_bn = graph->binary;
    plainer.pad_both = !graph->binary;
    if (memcmp(&plainer, graph, sizeof plainer) == 0 || !fails(&plainer, property))
        return false;
    *graph = plainer;
    return true;
}

void shrink_graph(const struct graph *graph, const struct report *report, struct graph *out)
{
    *out = *graph;
    with_defaults(out, report->property);
    while (without_a_node(out, report->property))
        ;
}

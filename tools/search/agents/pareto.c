#include "tools/search/agents/pareto.h"

#include <stdlib.h>

#include "base/mem.h"

struct entry {
    struct point p;
    size_t index;
};

static int by_x(const void *a, const void *b)
{
    const struct entry *p = a, *q = b;
    if (p->p.x != q->p.x)
        return p->p.x < q->p.x ? -1 : 1;
    if (p->p.y != q->p.y)
        return p->p.y < q->p.y ? -1 : 1;
    return p->index < q->index ? -1 : p->index > q->index;
}

size_t pareto_front(const struct point *points, size_t n, size_t *front)
{
    struct entry *all = mem_alloc(n, sizeof *all);
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        all[i] = (struct entry){points[i], i};
    qsort(all, n, sizeof *all, by_x);
    for (size_t i = 0; i < n; i++)
        if (m == 0 || all[i].p.y < points[front[m - 1]].y)
            front[m++] = all[i].index;
    free(all);
    return m;
}

double pareto_hypervolume(const struct point *points, size_t n, struct point limit)
{
    size_t *front = mem_alloc(n, sizeof *front);
    size_t m = pareto_front(points, n, front);
    double area = 0, top = limit.y;
    for (size_t i = 0; i < m; i++) {
        struct point p = points[front[i]];
        if (p.x >= limit.x || p.y >= top)
            continue;
        area += (limit.x - p.x) * (top - p.y);
        top = p.y;
    }
    free(front);
    return area;
}

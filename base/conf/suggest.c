// Edit distance of a word from a name: insertions, removals, changes and swaps of neighbours.
#include "base/conf/suggest.h"

#include <string.h>

enum { MAX_WORD = 40 }; // longer words are not misspelt names

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t rows[3][MAX_WORD + 1] = {{0}};
    for (size_t k = 0; k <= nb; k++)
        rows[0][k] = k;
    for (size_t i = 1; i <= na; i++) {
        size_t *now = rows[i % 3];
        const size_t *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t k = 1; k <= nb; k++) {
            now[k] = smaller(last[k], now[k - 1]) + 1;
            now[k] = smaller(now[k], last[k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                now[k] = smaller(now[k], before[k - 2] + 1);
        }
    }
    return rows[na % 3][nb];
}

void suggest_offer(struct suggest *near, const char *name)
{
    size_t na = strlen(near->word), nb = strlen(name);
    if (na > MAX_WORD || nb > MAX_WORD || na == 0)
        return;
    size_t d = distance(near->word, na, name, nb);
    // A third of the letters may be wrong, in short words one, but never all.
    if (d > smaller(na, nb) / 3 + (smaller(na, nb) < 3) || d >= nb)
        return;
    if (near->best && near->distance <= d)
        return;
    near->best = name;
    near->distance = d;
}

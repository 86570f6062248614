// The matrix product in plain C, compiled once per processor level. Lanes are columns, so vectors
// of any width add an element's terms in the same order; a tile of sums stays in registers.
#include "nets/backend/product.h"

#include <string.h>

#define JOIN(a, b) a##b
#define NAMED(name, level) JOIN(name, level)
#define PRODUCT NAMED(product_add_, LEVEL)

void PRODUCT(const struct product *p);

// Of a tile; and of a block, whose columns stay in the first cache. gcc unrolls loops of 16 and
// fewer before it makes vectors of them, a quarter as fast.
enum { ROWS = 4, LANES = 32, TERMS = 256 };

// A tile of c and the block of terms that is added to it.
struct tile {
    const float *a, *b;
    float *c;
    size_t a_row, a_term, b_row, c_row;
    size_t rows, terms, columns;
};

static void add_whole(const struct tile *t)
{
    float s0[LANES], s1[LANES], s2[LANES], s3[LANES];
    memcpy(s0, t->c, sizeof s0);
    memcpy(s1, t->c + t->c_row, sizeof s1);
    memcpy(s2, t->c + 2 * t->c_row, sizeof s2);
    memcpy(s3, t->c + 3 * t->c_row, sizeof s3);
    const float *a = t->a, *b = t->b;
    size_t step = t->a_row;
    for (size_t k = 0; k < t->terms; k++, a += t->a_term, b += t->b_row) {
        float x0 = a[0], x1 = a[step], x2 = a[2 * step], x3 = a[3 * step];
        for (int j = 0; j < LANES; j++) {
            s0[j] += x0 * b[j];
            s1[j] += x1 * b[j];
            s2[j] += x2 * b[j];
            s3[j] += x3 * b[j];
        }
    }
    memcpy(t->c, s0, sizeof s0);
    memcpy(t->c + t->c_row, s1, sizeof s1);
    memcpy(t->c + 2 * t->c_row, s2, sizeof s2);
    memcpy(t->c + 3 * t->c_row, s3, sizeof s3);
}

// At the edges: a whole tile whose other rows and columns are thrown away.
static void add_part(const struct tile *t)
{
    float a[ROWS * TERMS], c[ROWS * LANES] = {0};
    struct tile whole = *t;
    if (t->rows < ROWS) {
        memset(a, 0, sizeof a);
        for (size_t i = 0; i < t->rows; i++)
            for (size_t k = 0; k < t->terms; k++)
                a[i * TERMS + k] = t->a[i * t->a_row + k * t->a_term];
        whole.a = a;
        whole.a_row = TERMS;
        whole.a_term = 1;
    }
    whole.c = c;
    whole.c_row = LANES;
    for (size_t i = 0; i < t->rows; i++)
        memcpy(c + i * LANES, t->c + i * t->c_row, t->columns * sizeof *c);
    add_whole(&whole);
    for (size_t i = 0; i < t->rows; i++)
        memcpy(t->c + i * t->c_row, c + i * LANES, t->columns * sizeof *c);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// All rows of one block of terms and columns.
static void add_block(const struct product *p, size_t k, size_t j)
{
    float edge[TERMS * LANES];
    struct tile t = {.b = p->b + k * p->b_row + j,
                     .a_row = p->a_row,
                     .a_term = p->a_term,
                     .b_row = p->b_row,
                     .c_row = p->c_row,
                     .terms = least(TERMS, p->terms - k),
                     .columns = least(LANES, p->columns - j)};
    if (t.columns < LANES) {
        memset(edge, 0, t.terms * LANES * sizeof *edge);
        for (size_t i = 0; i < t.terms; i++)
            memcpy(edge + i * LANES, t.b + i * t.b_row, t.columns * sizeof *edge);
        t.b = edge;
        t.b_row = LANES;
    }
    for (size_t i = 0; i < p->rows; i += ROWS) {
        t.a = p->a + i * p->a_row + k * p->a_term;
        t.c = p->c + i * p->c_row + j;
        t.rows = least(ROWS, p->rows - i);
        if (t.rows == ROWS && t.columns == LANES)
            add_whole(&t);
        else
            add_part(&t);
    }
}

void PRODUCT(const struct product *p)
{
    for (size_t k = 0; k < p->terms; k += TERMS)
        for (size_t j = 0; j < p->columns; j += LANES)
            add_block(p, k, j);
}

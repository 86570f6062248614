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

// Where a tile stands, and a block's number of terms.
struct tile {
    const float *a, *b;
    float *c;
    size_t rows, terms, columns;
};

static void add_whole(const struct product *p, const struct tile *t)
{
    float s0[LANES], s1[LANES], s2[LANES], s3[LANES];
    memcpy(s0, t->c, sizeof s0);
    memcpy(s1, t->c + p->c_row, sizeof s1);
    memcpy(s2, t->c + 2 * p->c_row, sizeof s2);
    memcpy(s3, t->c + 3 * p->c_row, sizeof s3);
    const float *a = t->a, *b = t->b;
    size_t step = p->a_row;
    for (size_t k = 0; k < t->terms; k++, a += p->a_term, b += p->b_row) {
        float x0 = a[0], x1 = a[step], x2 = a[2 * step], x3 = a[3 * step];
        for (int j = 0; j < LANES; j++) {
            s0[j] += x0 * b[j];
            s1[j] += x1 * b[j];
            s2[j] += x2 * b[j];
            s3[j] += x3 * b[j];
        }
    }
    memcpy(t->c, s0, sizeof s0);
    memcpy(t->c + p->c_row, s1, sizeof s1);
    memcpy(t->c + 2 * p->c_row, s2, sizeof s2);
    memcpy(t->c + 3 * p->c_row, s3, sizeof s3);
}

// What is left at the edges.
static void add_part(const struct product *p, const struct tile *t)
{
    for (size_t i = 0; i < t->rows; i++)
        for (size_t k = 0; k < t->terms; k++) {
            float x = t->a[i * p->a_row + k * p->a_term];
            const float *b = t->b + k * p->b_row;
            float *c = t->c + i * p->c_row;
            for (size_t j = 0; j < t->columns; j++)
                c[j] += x * b[j];
        }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

void PRODUCT(const struct product *p)
{
    for (size_t k = 0; k < p->terms; k += TERMS)
        for (size_t j = 0; j < p->columns; j += LANES)
            for (size_t i = 0; i < p->rows; i += ROWS) {
                const struct tile t = {.a = p->a + i * p->a_row + k * p->a_term,
                                       .b = p->b + k * p->b_row + j,
                                       .c = p->c + i * p->c_row + j,
                                       .rows = least(ROWS, p->rows - i),
                                       .terms = least(TERMS, p->terms - k),
                                       .columns = least(LANES, p->columns - j)};
                if (t.rows == ROWS && t.columns == LANES)
                    add_whole(p, &t);
                else
                    add_part(p, &t);
            }
}

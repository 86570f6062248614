#include "tools/search/agents/eigen.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

// Rows or columns p and q of a matrix: `along` elements from one of a line to the next.
static void rotate(double *p, double *q, int n, int along, double c, double s)
{
    for (int i = 0; i < n; i++, p += along, q += along) {
        double u = *p, v = *q;
        *p = c * u - s * v;
        *q = s * u + c * v;
    }
}

// Makes a[p][q] zero.
static void annul(double *a, int n, int p, int q, double *vectors)
{
    double off = a[p * n + q];
    double tau = (a[q * n + q] - a[p * n + p]) / (2 * off);
    double t = (tau >= 0 ? 1 : -1) / (fabs(tau) + sqrt(1 + tau * tau));
    double c = 1 / sqrt(1 + t * t), s = t * c;
    rotate(a + p, a + q, n, n, c, s);
    rotate(a + (size_t)p * n, a + (size_t)q * n, n, 1, c, s);
    rotate(vectors + p, vectors + q, n, n, c, s);
    a[p * n + q] = a[q * n + p] = 0;
}

void eigen_symmetric(double *a, int n, double *values, double *vectors)
{
    enum { SWEEPS = 60 }; // about ten are enough: convergence is quadratic
    for (int i = 0; i < n * n; i++)
        vectors[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        bool done = true;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                double both = fabs(a[p * n + p]) * fabs(a[q * n + q]);
                if (a[p * n + q] * a[p * n + q] <= 1e-32 * both)
                    continue;
                annul(a, n, p, q, vectors);
                done = false;
            }
        if (done)
            break;
    }
    for (int i = 0; i < n; i++)
        values[i] = a[i * n + i];
}

// Eigenvalues of small symmetric matrices.
#pragma once

// Of a (n, n), which is overwritten: values[i] belongs to column i of vectors (n, n). Cyclic Jacobi
// rotations (Golub and Van Loan, Matrix Computations, algorithm 8.4.3), in one fixed order.
void eigen_symmetric(double *a, int n, double *values, double *vectors);

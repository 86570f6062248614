// Functions whose last bit must be the same on every machine, where libm's may differ: plain double
// arithmetic in a fixed order.
#pragma once
#include <stdint.h>

double num_exp(double x); // |x| <= 700; relative error below 1e-15
double num_log(double x); // x > 0 and normal; error below 1e-15 of max(1, |log x|)
// The normal quantile of (u + 1/2) / 2^32 (Wichura's PPND16, algorithm AS 241): a standard normal
// number from 32 uniform bits, at most about 6.3 from 0.
double num_normal(uint32_t u);

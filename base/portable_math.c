#include "base/portable_math.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/portable_math_inline.h"

// For the same bits on every machine, no double may be kept in a wider register.
_Static_assert(FLT_EVAL_METHOD == 0, "doubles must be computed as doubles (on x86: -mfpmath=sse)");

double num_exp(double x)
{
    return num_exp_inline(x);
}

double num_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1022;
    bits = (bits & 0x000FFFFFFFFFFFFF) | (uint64_t)1022 << 52; // 0.5 <= m < 1
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    double z = (m - 1) / (m + 1), z2 = z * z, sum = 0; // 2 artanh(z), |z| <= 0.172
    for (int n = 25; n > 0; n -= 2)
        sum = sum * z2 + 1.0 / n;
    return 2 * z * sum + e * 0.69314718055994531;
}

double num_normal(uint32_t u)
{
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                5.76949722146069140550e0,  3.64784832476320460504e0,
                                1.27045825245236838258e0,  2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                1.78482653991729133580e0,  2.96560571828504891230e-1,
                                2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    double p = num_share(u), q = p - 0.5;
    if (fabs(q) <= NUM_MIDDLE)
        return num_normal_middle(q);
    double r = sqrt(-num_log(q < 0 ? p : 1 - p));
    double x = r <= 5 ? num_ratio(r - 1.6, c, d) : num_ratio(r - 5, e, f);
    return q < 0 ? -x : x;
}

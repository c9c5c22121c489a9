/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the formulas by which the weights of cgroup v1 become those of v2. */
#include "cgroup/knobs.h"

/* Binary logarithm of x >= 1, digit by digit: squaring doubles the logarithm. The error stays
 * below 2^-50. libm would be linked for two calls only. */
static double log2_of(double x)
{
    double whole = 0, part = 0;

    for (; x >= 2; x /= 2)
        whole++;
    for (double digit = 0.5; digit > 1e-16; digit /= 2) {
        x *= x;
        if (x >= 2) {
            x /= 2;
            part += digit;
        }
    }
    return whole + part;
}

/* 10^y, 0 <= y <= 4: a power series on a small part of y, squared back. */
static double power10(double y)
{
    const double ln10 = 2.302585092994045684;
    double x = y * ln10 / 16, sum = 1, term = 1;

    for (int i = 1; i < 24; i++) {
        term *= x / i;
        sum += term;
    }
    for (int i = 0; i < 4; i++)
        sum *= sum;
    return sum;
}

static uint64_t round_up(double x)
{
    uint64_t n = (uint64_t)x;

    return x - (double)n > 1e-8 ? n + 1 : n; /* whole results carry a rounding error */
}

/* The curve on which the default of 1024 shares is the default weight 100, 2 is 1 and 262144 is
 * 10000: weight = 10^((l^2 + 125 l) / 612 - 7/34), l = log2(shares). */
uint64_t knob_cpu_weight(uint64_t shares)
{
    double l;

    if (shares <= 2)
        return 1;
    if (shares >= 262144)
        return 10000;
    l = log2_of((double)shares);
    return round_up(power10((l * l + 125 * l - 126) / 612));
}

/* 10 to 1000 on the line to 1 to 10000. */
uint64_t knob_io_weight(uint64_t weight)
{
    return weight < 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

#include "base/intervals.h"

#include "base/normal.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Halvings that take any bracket used here below the last bit of a double. */
enum { HALVINGS = 200, FRACTION_TERMS = 500 };

static const struct interval none = {NAN, NAN};

static double normal_below(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

/* The continued fraction of the incomplete beta function, by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int m = 1; m < FRACTION_TERMS; m++) {
        double before = value;
        for (int odd = 0; odd < 2; odd++) {
            double term = odd ? -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
                              : m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
            d = 1.0 + term * d;
            c = 1.0 + term / c;
            d = 1.0 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            value *= c * d;
        }
        if (fabs(value - before) <= 1e-16 * fabs(value))
            break;
    }
    return value;
}

static double incomplete_beta(double a, double b, double x)
{
    if (x <= 0.0 || x >= 1.0)
        return x <= 0.0 ? 0.0 : 1.0;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1.0) / (a + b + 2.0) ? front * beta_fraction(a, b, x) / a
                                         : 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

static double student_below(double t, double freedom)
{
    double tail = 0.5 * incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    return t > 0.0 ? 1.0 - tail : tail;
}

/* The lower tail is searched, where nothing cancels. */
double student_quantile(double p, double freedom)
{
    if (!(freedom > 0.0 && p > 0.0 && p < 1.0))
        return NAN;
    bool upper = p > 0.5;
    double wanted = upper ? 1.0 - p : p, low = -1.0, high = 0.0;
    while (low > -1e300 && student_below(low, freedom) > wanted)
        low *= 2.0;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = low + (high - low) / 2.0;
        if (student_below(middle, freedom) < wanted)
            low = middle;
        else
            high = middle;
    }
    return upper ? -high : high;
}

/* `z` is the point of the normal curve that the confidence stands for. */
static struct interval wilson(double hits, double trials, double z)
{
    if (!(trials > 0.0) || !(hits >= 0.0 && hits <= trials))
        return none;
    double share = hits / trials;
    double middle = share + z * z / (2.0 * trials), all = 1.0 + z * z / trials;
    double half = z * sqrt(share * (1.0 - share) / trials + z * z / (4.0 * trials * trials));
    struct interval found = {(middle - half) / all, (middle + half) / all};
    /* Where nothing or all was hit the end is exact, and rounding must not move it. */
    if (hits == 0.0)
        found.low = 0.0;
    if (hits == trials)
        found.high = 1.0;
    return found;
}

struct interval interval_wilson(double hits, double trials, double confidence)
{
    return wilson(hits, trials, normal_quantile(0.5 + confidence / 2.0));
}

struct interval interval_share_difference(double first, double of_first, double second,
                                          double of_second, double alpha)
{
    if (!(of_first > 0.0 && of_second > 0.0))
        return (struct interval){-1.0, 1.0};
    double z = -normal_quantile(alpha / 2.0);
    double a = first / of_first, b = second / of_second;
    struct interval of_a = wilson(first, of_first, z), of_b = wilson(second, of_second, z);
    return (struct interval){a - b - hypot(a - of_a.low, of_b.high - b),
                             a - b + hypot(of_a.high - a, b - of_b.low)};
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double quantile_of_sorted(const double *sorted, int64_t count, double p)
{
    if (count < 1)
        return NAN;
    double at = p * (double)(count - 1);
    int64_t below = (int64_t)floor(at);
    if (below >= count - 1)
        return sorted[count - 1];
    return sorted[below] + (sorted[below + 1] - sorted[below]) * (at - (double)below);
}

struct interval interval_percentile(double *values, int64_t count, int64_t units, double confidence)
{
    if (count < 2 || units < 2)
        return none;
    for (int64_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            return none;
    }
    double freedom = (double)(units - 1);
    double t = student_quantile((1.0 - confidence) / 2.0, freedom);
    double tail = normal_below(t * sqrt((double)units / freedom));
    qsort(values, (size_t)count, sizeof *values, by_value);
    return (struct interval){quantile_of_sorted(values, count, tail),
                             quantile_of_sorted(values, count, 1.0 - tail)};
}

double mcnemar_test(int64_t a, int64_t b)
{
    int64_t pairs = a + b, fewer = a < b ? a : b;
    if (pairs == 0)
        return 1.0;
    if (pairs > MCNEMAR_EXACT) {
        double off = fabs((double)a - (double)b) - 1.0;
        return erfc(sqrt((off > 0.0 ? off * off : 0.0) / (double)pairs / 2.0));
    }
    double sum = 0.0, all = lgamma((double)pairs + 1.0);
    for (int64_t i = 0; i <= fewer; i++)
        sum += exp(all - lgamma((double)i + 1.0) - lgamma((double)(pairs - i) + 1.0) -
                   (double)pairs * log(2.0));
    return 2.0 * sum < 1.0 ? 2.0 * sum : 1.0;
}
